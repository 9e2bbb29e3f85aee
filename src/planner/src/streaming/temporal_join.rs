//! TemporalJoin: each left row with the version of the right's row at the left row's event time, once the watermark has
//! passed it. It takes all changes, sends the left's, and would rather have the right's updates without -U. By processing
//! time (of temporal table functions alone) a left row meets the newest version when it comes, and no row is taken back.

use datafusion::logical_expr::Expr;
use filbert_graph::OperatorSpec;
use filbert_graph::spec::{JoinKind, TemporalJoinSpec};
use filbert_types::TypeKind;

use crate::error::PlanError;
use crate::exprs::{ExprCompiler, is_deterministic, render};
use crate::streaming::changelog::{DeleteKind, ModifyKinds, UpdateKind};
use crate::streaming::join::{JoinKey, both_columns, join_kind_text};
use crate::streaming::node::{Accepts, Distribution, KeySet, NodeView, StreamOperator, names};

#[derive(Debug, Clone)]
pub(crate) struct TemporalJoin {
    /// Inner or left.
    pub kind: JoinKind,
    /// Of each side; none by processing time.
    pub times: Option<[usize; 2]>,
    pub keys: Vec<JoinKey>,
    /// The right's primary key.
    pub primary_key: Vec<usize>,
    pub condition: Option<Expr>,
}

impl TemporalJoin {
    fn side_keys(&self, side: usize) -> Vec<usize> {
        self.keys.iter().map(|key| key.columns[side]).collect()
    }
}

impl StreamOperator for TemporalJoin {
    fn name(&self) -> &'static str {
        "TemporalJoin"
    }

    fn details(&self, view: NodeView<'_>) -> String {
        let inputs = [0, 1].map(|side| names(&view.input(side).columns));
        let list = |side: usize| {
            let keys = self.side_keys(side).into_iter();
            let keys: Vec<&str> = keys.map(|key| inputs[side][key]).collect();
            keys.join(", ")
        };
        let primary_key: Vec<&str> = self.primary_key.iter().map(|k| inputs[1][*k]).collect();
        let primary_key = primary_key.join(", ");
        let time = match self.times {
            Some([left, right]) => format!(
                "__TEMPORAL_JOIN_CONDITION({}, {}, __TEMPORAL_JOIN_CONDITION_PRIMARY_KEY({primary_key}), __TEMPORAL_JOIN_LEFT_KEY({}), __TEMPORAL_JOIN_RIGHT_KEY({}))",
                inputs[0][left],
                inputs[1][right],
                list(0),
                list(1)
            ),
            None => format!(
                "__TEMPORAL_JOIN_CONDITION(PROCTIME(), __TEMPORAL_JOIN_CONDITION_PRIMARY_KEY({primary_key}))"
            ),
        };
        let keys = self.keys.iter().map(|key| {
            let operator = match key.null_meets_null {
                true => "IS NOT DISTINCT FROM",
                false => "=",
            };
            let [l, r] = key.columns;
            format!("({} {operator} {})", inputs[0][l], inputs[1][r])
        });
        let both = both_columns(view);
        let rest = self.condition.iter().map(|c| render(c, &both));
        let all: Vec<String> = keys.chain([time]).chain(rest).collect();
        format!(
            "joinType=[{}], where=[({})], select=[{}]",
            join_kind_text(self.kind),
            all.join(" AND "),
            names(&view.node.columns).join(", ")
        )
    }

    fn spec(
        &self,
        view: NodeView<'_>,
        exprs: &ExprCompiler,
    ) -> Result<Option<OperatorSpec>, PlanError> {
        let both = both_columns(view);
        let condition = self.condition.as_ref();
        let condition = condition.map(|c| exprs.compile(c, &both, TypeKind::Boolean.into()));
        Ok(Some(OperatorSpec::TemporalJoin(TemporalJoinSpec {
            left_outer: self.kind == JoinKind::Left,
            times: self.times,
            keys: [self.side_keys(0), self.side_keys(1)],
            null_meets_null: self.keys.iter().map(|key| key.null_meets_null).collect(),
            condition: condition.transpose()?,
        })))
    }

    fn distribution(&self, input: usize) -> Distribution {
        Distribution::Hash(self.side_keys(input))
    }

    fn accepts(&self, input: usize) -> Accepts {
        // What a row found some time ago can't be taken back.
        if self.times.is_none() && input == 0 {
            return Accepts::Only(ModifyKinds::INSERT, "TemporalJoin".to_owned());
        }
        Accepts::Only(ModifyKinds::ALL, "TemporalJoin".to_owned())
    }

    fn modifies(&self, inputs: &[ModifyKinds]) -> ModifyKinds {
        inputs.first().copied().unwrap_or(ModifyKinds::INSERT)
    }

    fn update_inputs(&self, required: UpdateKind, _view: NodeView<'_>) -> Vec<Vec<UpdateKind>> {
        vec![
            vec![required, UpdateKind::OnlyAfter],
            vec![required, UpdateKind::BeforeAndAfter],
        ]
    }

    fn delete_inputs(&self, required: DeleteKind, _view: NodeView<'_>) -> Vec<Vec<DeleteKind>> {
        // A left row waits by its time and a version ends at its own: both need the whole row.
        let left = match required {
            DeleteKind::None => DeleteKind::None,
            _ => DeleteKind::Full,
        };
        vec![vec![left, DeleteKind::Full]]
    }

    /// A left row meets at most one version: its keys stay, where changes of one row stay together.
    fn upsert_keys(&self, view: NodeView<'_>) -> Vec<KeySet> {
        let wanted = self.side_keys(0);
        let keys = view.input(0).upsert_keys.iter();
        keys.filter(|key| wanted.iter().all(|k| key.contains(k)))
            .cloned()
            .collect()
    }

    fn is_deterministic(&self) -> bool {
        self.times.is_some() && self.condition.iter().all(is_deterministic)
    }
}
