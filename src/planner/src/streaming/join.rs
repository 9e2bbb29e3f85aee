//! Join: inner, outer, semi, anti and mark joins of two changelogs. An inner or semi join sends the kinds of changes that
//! its inputs send, any other all. Updates go out without -U only where each changing side's key holds the join key and
//! all that the condition reads of that side.

use datafusion::logical_expr::Expr;
use filbert_graph::OperatorSpec;
use filbert_graph::spec::{JoinKind, JoinSideSpec, JoinSpec, JoinUniqueKey};
use filbert_types::TypeKind;

use crate::columns::{PlanColumn, tell_apart};
use crate::error::PlanError;
use crate::exprs::{ExprCompiler, columns_read, is_deterministic, render};
use crate::streaming::changelog::{DeleteKind, ModifyKinds, UpdateKind};
use crate::streaming::node::{
    Accepts, Distribution, KeySet, NodeView, PlanNode, StreamOperator, names,
};

#[derive(Debug, Clone)]
pub(crate) struct Join {
    pub kind: JoinKind,
    pub keys: Vec<JoinKey>,
    /// NOT IN: a NULL in the one key meets every row.
    pub null_aware: bool,
    /// What else must hold, over the left's columns and the right's.
    pub condition: Option<Expr>,
    pub state_ttl_ms: [Option<u64>; 2],
    pub mini_batch_rows: Option<u64>,
}

/// A column of each side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JoinKey {
    pub columns: [usize; 2],
    /// `IS NOT DISTINCT FROM`
    pub null_meets_null: bool,
}

impl Join {
    /// Whether it joins net changes with mini-batch; as in Flink semi and anti joins don't.
    pub fn gathers(&self) -> bool {
        use JoinKind::{Full, Inner, Left, Right};
        matches!(self.kind, Inner | Left | Right | Full)
    }

    fn side_keys(&self, side: usize) -> Vec<usize> {
        self.keys.iter().map(|key| key.columns[side]).collect()
    }

    /// The upsert keys of an input that hold the join key: rows of others may overtake each other on their way.
    fn kept_keys(&self, view: NodeView<'_>, side: usize) -> Vec<KeySet> {
        let wanted = self.side_keys(side);
        let keys = view.input(side).upsert_keys.iter();
        keys.filter(|key| wanted.iter().all(|k| key.contains(k)))
            .cloned()
            .collect()
    }

    /// What is known of the rows of one join key. A key without the join key is one below it: its versions come in order
    /// as long as they come to the same place.
    fn unique_key(&self, view: NodeView<'_>, side: usize) -> JoinUniqueKey {
        let join_key: KeySet = self.side_keys(side).into_iter().collect();
        let keys = &view.input(side).upsert_keys;
        if !self.null_aware && keys.iter().any(|key| key.is_subset(&join_key)) {
            return JoinUniqueKey::JoinKey;
        }
        match keys.iter().min_by_key(|key| key.len()) {
            Some(key) => JoinUniqueKey::Columns(key.union(&join_key).copied().collect()),
            None => JoinUniqueKey::None,
        }
    }

    /// The new version of a row meets what the old one met: one that comes without its -U replaces it.
    fn takes_upserts(&self, view: NodeView<'_>, side: usize) -> bool {
        let first = if side == 0 {
            0
        } else {
            view.input(0).columns.len()
        };
        let width = view.input(side).columns.len();
        let both = both_columns(view);
        let read: Vec<usize> = self
            .condition
            .iter()
            .flat_map(|condition| columns_read(condition, &both))
            .filter_map(|column| column.checked_sub(first).filter(|c| *c < width))
            .collect();
        let keys = self.kept_keys(view, side);
        keys.iter().any(|key| read.iter().all(|c| key.contains(c)))
    }

    fn side_spec(&self, view: NodeView<'_>, side: usize) -> JoinSideSpec {
        let traits = view.input(side).traits;
        JoinSideSpec {
            keys: self.side_keys(side),
            unique_key: self.unique_key(view, side),
            changes: traits.retracts(),
            upserts: traits.update == UpdateKind::OnlyAfter || traits.delete == DeleteKind::ByKey,
            state_ttl_ms: self.state_ttl_ms[side],
        }
    }

    fn condition_text(&self, view: NodeView<'_>) -> String {
        let both = both_columns(view);
        let width = view.input(0).columns.len();
        let keys = self.keys.iter().map(|key| {
            let operator = if key.null_meets_null {
                "IS NOT DISTINCT FROM"
            } else {
                "="
            };
            let [l, r] = key.columns;
            let (l, r) = (&both[l].name, &both[width + r].name);
            if self.null_aware {
                return format!("({l} IS NULL OR {r} IS NULL OR ({l} = {r}))");
            }
            format!("({l} {operator} {r})")
        });
        let rest = self.condition.iter().map(|c| render(c, &both));
        let all: Vec<String> = keys.chain(rest).collect();
        match all.as_slice() {
            [] => "true".to_owned(),
            [one] => one.clone(),
            many => format!("({})", many.join(" AND ")),
        }
    }
}

/// What is known of the keys of a side of a join on these keys.
pub(super) fn unique_key(view: NodeView<'_>, keys: &[JoinKey], side: usize) -> JoinUniqueKey {
    let join = Join {
        kind: JoinKind::Inner,
        keys: keys.to_vec(),
        null_aware: false,
        condition: None,
        state_ttl_ms: [None; 2],
        mini_batch_rows: None,
    };
    join.unique_key(view, side)
}

/// The keys of pairs: a key of each side together.
pub(super) fn pair_keys(view: NodeView<'_>) -> Vec<KeySet> {
    let (left, right) = (view.input(0), view.input(1));
    let by = left.columns.len();
    let right = right.upsert_keys.iter();
    let right: Vec<KeySet> = right
        .map(|key| key.iter().map(|c| c + by).collect())
        .collect();
    let pairs = left.upsert_keys.iter();
    pairs
        .flat_map(|l| right.iter().map(move |r| l.union(r).copied().collect()))
        .collect()
}

/// The left's columns, then the right's.
pub(super) fn both_columns(view: NodeView<'_>) -> Vec<PlanColumn> {
    let left = view.input(0).columns.iter();
    let mut both: Vec<PlanColumn> = left.chain(&view.input(1).columns).cloned().collect();
    tell_apart(&mut both);
    both
}

fn unique_key_text(key: &JoinUniqueKey) -> &'static str {
    match key {
        JoinUniqueKey::None => "NoUniqueKey",
        JoinUniqueKey::JoinKey => "JoinKeyContainsUniqueKey",
        JoinUniqueKey::Columns(_) => "HasUniqueKey",
    }
}

impl StreamOperator for Join {
    fn name(&self) -> &'static str {
        "Join"
    }

    fn details(&self, view: NodeView<'_>) -> String {
        let kind = join_kind_text(self.kind);
        let mini_batch = match self.mini_batch_rows {
            Some(_) => ", miniBatch=[true]",
            None => "",
        };
        format!(
            "joinType=[{kind}], where=[{}], select=[{}], leftInputSpec=[{}], rightInputSpec=[{}]{mini_batch}",
            self.condition_text(view),
            names(&view.node.columns).join(", "),
            unique_key_text(&self.unique_key(view, 0)),
            unique_key_text(&self.unique_key(view, 1)),
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
        Ok(Some(OperatorSpec::Join(JoinSpec {
            kind: self.kind,
            left: self.side_spec(view, 0),
            right: self.side_spec(view, 1),
            null_meets_null: self.keys.iter().map(|key| key.null_meets_null).collect(),
            null_aware: self.null_aware,
            condition: condition.transpose()?,
            mini_batch_rows: self.mini_batch_rows,
        })))
    }

    fn distribution(&self, input: usize) -> Distribution {
        if self.keys.is_empty() || self.null_aware {
            Distribution::Single
        } else {
            Distribution::Hash(self.side_keys(input))
        }
    }

    fn fixed_parallelism(&self) -> Option<usize> {
        (self.keys.is_empty() || self.null_aware).then_some(1)
    }

    fn accepts(&self, _input: usize) -> Accepts {
        Accepts::Only(ModifyKinds::ALL, "Join".to_owned())
    }

    fn modifies(&self, inputs: &[ModifyKinds]) -> ModifyKinds {
        match self.kind {
            JoinKind::Inner | JoinKind::Semi => inputs
                .iter()
                .copied()
                .fold(ModifyKinds::NONE, ModifyKinds::union),
            _ => ModifyKinds::ALL,
        }
    }

    fn update_inputs(&self, required: UpdateKind, view: NodeView<'_>) -> Vec<Vec<UpdateKind>> {
        if required != UpdateKind::OnlyAfter {
            return vec![vec![UpdateKind::BeforeAndAfter; 2]];
        }
        let refuses =
            |side: usize| view.input(side).traits.modify.update && !self.takes_upserts(view, side);
        if refuses(0) || refuses(1) {
            return Vec::new();
        }
        vec![vec![UpdateKind::OnlyAfter; 2]]
    }

    fn delete_inputs(&self, required: DeleteKind, view: NodeView<'_>) -> Vec<Vec<DeleteKind>> {
        let wishes = |side: usize| {
            if required == DeleteKind::ByKey && self.takes_upserts(view, side) {
                vec![DeleteKind::ByKey, DeleteKind::Full]
            } else {
                vec![DeleteKind::Full]
            }
        };
        let right = wishes(1);
        let pairs = wishes(0)
            .into_iter()
            .flat_map(|l| right.iter().map(move |r| vec![l, *r]));
        pairs.collect()
    }

    /// A side's keys stay where each of its rows meets at most one of the other; keys of both sides together always do.
    fn upsert_keys(&self, view: NodeView<'_>) -> Vec<KeySet> {
        let (left, right) = (self.kept_keys(view, 0), self.kept_keys(view, 1));
        if matches!(self.kind, JoinKind::Semi | JoinKind::Anti | JoinKind::Mark) {
            return left;
        }
        let moved = |key: &KeySet| -> KeySet {
            let by = view.input(0).columns.len();
            key.iter().map(|column| column + by).collect()
        };
        let right_moved: Vec<KeySet> = right.iter().map(moved).collect();
        let mut keys: Vec<KeySet> = Vec::new();
        let is_unique = |side: usize, kept: &[KeySet]| {
            let join_key: KeySet = self.side_keys(side).into_iter().collect();
            kept.iter().any(|key| key.is_subset(&join_key))
        };
        let left_is_padded = matches!(self.kind, JoinKind::Right | JoinKind::Full);
        let right_is_padded = matches!(self.kind, JoinKind::Left | JoinKind::Full);
        if is_unique(1, &right) && !left_is_padded {
            keys.extend(left.iter().cloned());
        }
        if is_unique(0, &left) && !right_is_padded {
            keys.extend(right_moved.iter().cloned());
        }
        for l in &left {
            keys.extend(right_moved.iter().map(|r| l.union(r).copied().collect()));
        }
        keys.dedup();
        keys
    }

    fn is_deterministic(&self) -> bool {
        self.condition.iter().all(is_deterministic)
    }
}

/// `InnerJoin`
pub(crate) const fn join_kind_text(kind: JoinKind) -> &'static str {
    match kind {
        JoinKind::Inner => "InnerJoin",
        JoinKind::Left => "LeftOuterJoin",
        JoinKind::Right => "RightOuterJoin",
        JoinKind::Full => "FullOuterJoin",
        JoinKind::Semi => "LeftSemiJoin",
        JoinKind::Anti => "LeftAntiJoin",
        JoinKind::Mark => "LeftMarkJoin",
    }
}

/// The sides' columns as a join of this kind gives them, under these names.
pub(crate) fn output_columns(kind: JoinKind, left: &PlanNode, right: &PlanNode) -> Vec<PlanColumn> {
    let padded = |columns: &[PlanColumn], nullable: bool| -> Vec<PlanColumn> {
        let mut columns = columns.to_vec();
        for column in &mut columns {
            column.ty = column.ty.without_time_attribute();
            column.ty.nullable |= nullable;
            column.window = None;
        }
        columns
    };
    let left_is_padded = matches!(kind, JoinKind::Right | JoinKind::Full);
    let right_is_padded = matches!(kind, JoinKind::Left | JoinKind::Full);
    let mut columns = padded(&left.columns, left_is_padded);
    if !matches!(kind, JoinKind::Semi | JoinKind::Anti | JoinKind::Mark) {
        columns.extend(padded(&right.columns, right_is_padded));
    }
    columns
}
