//! WindowJoin: a join of equal windows of two inputs. Each window is joined once, when both sides have all its rows.

use datafusion::logical_expr::Expr;
use filbert_graph::OperatorSpec;
use filbert_graph::spec::{JoinKind, WindowJoinSpec, WindowSpec};
use filbert_types::TypeKind;

use crate::columns::PlanColumn;
use crate::error::PlanError;
use crate::exprs::{ExprCompiler, is_deterministic, render};
use crate::streaming::changelog::ModifyKinds;
use crate::streaming::join::{JoinKey, both_columns, join_kind_text, pair_keys};
use crate::streaming::node::{Accepts, Distribution, KeySet, NodeView, StreamOperator, names};
use crate::streaming::window_tvf::window_text;

#[derive(Debug, Clone)]
pub(crate) struct WindowJoin {
    pub kind: JoinKind,
    pub window: WindowSpec,
    pub time_zone: Option<String>,
    pub proctime: bool,
    /// The places of the windows' starts and ends in each input.
    pub window_starts: [usize; 2],
    pub window_ends: [usize; 2],
    /// The other equalities.
    pub keys: Vec<JoinKey>,
    pub condition: Option<Expr>,
}

impl WindowJoin {
    fn side_keys(&self, side: usize) -> Vec<usize> {
        self.keys.iter().map(|key| key.columns[side]).collect()
    }

    fn window_of(&self, view: NodeView<'_>, side: usize) -> String {
        let input = &view.input(side).columns;
        let text = format!(
            "win_start=[{}], win_end=[{}]",
            input[self.window_starts[side]].name, input[self.window_ends[side]].name
        );
        window_text(&self.window, &text, input)
    }
}

impl StreamOperator for WindowJoin {
    fn name(&self) -> &'static str {
        "WindowJoin"
    }

    fn details(&self, view: NodeView<'_>) -> String {
        let (left, right) = (&view.input(0).columns, &view.input(1).columns);
        let both: Vec<PlanColumn> = left.iter().chain(right).cloned().collect();
        let keys = self.keys.iter().map(|key| {
            let [l, r] = key.columns;
            let (l, r) = (
                Expr::Column(left[l].column.clone()),
                Expr::Column(right[r].column.clone()),
            );
            match key.null_meets_null {
                true => format!(
                    "({} IS NOT DISTINCT FROM {})",
                    render(&l, left),
                    render(&r, right)
                ),
                false => format!("({} = {})", render(&l, left), render(&r, right)),
            }
        });
        let rest = self.condition.iter().map(|c| render(c, &both));
        let all: Vec<String> = keys.chain(rest).collect();
        let condition = match all.as_slice() {
            [] => "true".to_owned(),
            [one] => one.clone(),
            many => format!("({})", many.join(" AND ")),
        };
        format!(
            "leftWindow=[{}], rightWindow=[{}], joinType=[{}], where=[{condition}], select=[{}]",
            self.window_of(view, 0),
            self.window_of(view, 1),
            join_kind_text(self.kind),
            names(&view.node.columns).join(", ")
        )
    }

    fn spec(
        &self,
        view: NodeView<'_>,
        exprs: &ExprCompiler,
    ) -> Result<Option<OperatorSpec>, PlanError> {
        let both = both_columns(view);
        let condition = self
            .condition
            .as_ref()
            .map(|condition| exprs.compile(condition, &both, TypeKind::Boolean.into()));
        let keys = |side: usize| {
            let mut keys = vec![self.window_starts[side]];
            keys.extend(self.side_keys(side));
            keys
        };
        let nulls = self.keys.iter().map(|key| key.null_meets_null);
        Ok(Some(OperatorSpec::WindowJoin(WindowJoinSpec {
            kind: self.kind,
            time_zone: self.time_zone.clone(),
            proctime: self.proctime,
            window_ends: self.window_ends,
            keys: [keys(0), keys(1)],
            null_meets_null: std::iter::once(false).chain(nulls).collect(),
            condition: condition.transpose()?,
        })))
    }

    fn distribution(&self, input: usize) -> Distribution {
        if self.keys.is_empty() {
            Distribution::Single
        } else {
            Distribution::Hash(self.side_keys(input))
        }
    }

    fn fixed_parallelism(&self) -> Option<usize> {
        self.keys.is_empty().then_some(1)
    }

    fn accepts(&self, _input: usize) -> Accepts {
        Accepts::Only(ModifyKinds::INSERT, "WindowJoin".to_owned())
    }

    fn modifies(&self, _inputs: &[ModifyKinds]) -> ModifyKinds {
        ModifyKinds::INSERT
    }

    /// Of semi and anti joins the left's keys.
    fn upsert_keys(&self, view: NodeView<'_>) -> Vec<KeySet> {
        if matches!(self.kind, JoinKind::Semi | JoinKind::Anti | JoinKind::Mark) {
            return view.input(0).upsert_keys.clone();
        }
        pair_keys(view)
    }

    fn is_deterministic(&self) -> bool {
        self.condition.iter().all(is_deterministic)
    }
}

/// A column that has kept what a window gives it: a bound, and a time attribute where it is not padded with NULL.
pub(crate) fn windowed_column(output: &mut PlanColumn, input: &PlanColumn) {
    output.window = input.window;
    let nullable = output.ty.nullable;
    output.ty = input.ty.clone();
    output.ty.nullable = nullable;
}
