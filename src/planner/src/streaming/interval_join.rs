//! IntervalJoin: a join of insert-only inputs whose condition bounds the one side's time by the other's from both ends.

use datafusion::logical_expr::Expr;
use filbert_graph::OperatorSpec;
use filbert_graph::spec::{IntervalJoinSpec, JoinKind};
use filbert_types::TypeKind;

use crate::columns::PlanColumn;
use crate::error::PlanError;
use crate::exprs::{ExprCompiler, is_deterministic, render};
use crate::streaming::changelog::ModifyKinds;
use crate::streaming::join::{JoinKey, both_columns, join_kind_text, pair_keys};
use crate::streaming::node::{Accepts, Distribution, KeySet, NodeView, StreamOperator, names};

#[derive(Debug, Clone)]
pub(crate) struct IntervalJoin {
    pub kind: JoinKind,
    pub interval: Interval,
    pub keys: Vec<JoinKey>,
    /// What else must hold, over the left's columns and the right's.
    pub condition: Option<Expr>,
    pub min_cleanup_ms: u64,
}

/// `lower_ms <= left's time - right's time <= upper_ms`
#[derive(Debug, Clone)]
pub(crate) struct Interval {
    pub proctime: bool,
    /// The time attributes' places.
    pub times: [usize; 2],
    pub lower_ms: i64,
    pub upper_ms: i64,
    /// The conditions that say so.
    pub predicates: Vec<Expr>,
}

impl IntervalJoin {
    fn side_keys(&self, side: usize) -> Vec<usize> {
        self.keys.iter().map(|key| key.columns[side]).collect()
    }

    fn condition_text(&self, view: NodeView<'_>) -> String {
        let (left, right) = (view.input(0), view.input(1));
        let both: Vec<PlanColumn> = left.columns.iter().chain(&right.columns).cloned().collect();
        let keys = self.keys.iter().map(|key| {
            let [l, r] = key.columns;
            let operator = match key.null_meets_null {
                true => "IS NOT DISTINCT FROM",
                false => "=",
            };
            format!(
                "({} {operator} {})",
                left.columns[l].name, right.columns[r].name
            )
        });
        let predicates = self.interval.predicates.iter().chain(&self.condition);
        let all: Vec<String> = keys
            .chain(predicates.map(|expr| render(expr, &both)))
            .collect();
        match all.as_slice() {
            [one] => one.clone(),
            many => format!("({})", many.join(" AND ")),
        }
    }
}

impl StreamOperator for IntervalJoin {
    fn name(&self) -> &'static str {
        "IntervalJoin"
    }

    fn details(&self, view: NodeView<'_>) -> String {
        let interval = &self.interval;
        format!(
            "joinType=[{}], windowBounds=[isRowTime={}, leftLowerBound={}, leftUpperBound={}, leftTimeIndex={}, rightTimeIndex={}], where=[{}], select=[{}]",
            join_kind_text(self.kind),
            !interval.proctime,
            interval.lower_ms,
            interval.upper_ms,
            interval.times[0],
            interval.times[1],
            self.condition_text(view),
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
        let condition =
            condition.map(|condition| exprs.compile(condition, &both, TypeKind::Boolean.into()));
        Ok(Some(OperatorSpec::IntervalJoin(IntervalJoinSpec {
            kind: self.kind,
            proctime: self.interval.proctime,
            times: self.interval.times,
            lower_ms: self.interval.lower_ms,
            upper_ms: self.interval.upper_ms,
            keys: [self.side_keys(0), self.side_keys(1)],
            null_meets_null: self.keys.iter().map(|key| key.null_meets_null).collect(),
            condition: condition.transpose()?,
            min_cleanup_ms: i64::try_from(self.min_cleanup_ms).unwrap_or(i64::MAX),
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
        Accepts::Only(ModifyKinds::INSERT, "IntervalJoin".to_owned())
    }

    fn modifies(&self, _inputs: &[ModifyKinds]) -> ModifyKinds {
        ModifyKinds::INSERT
    }

    fn upsert_keys(&self, view: NodeView<'_>) -> Vec<KeySet> {
        pair_keys(view)
    }

    fn is_deterministic(&self) -> bool {
        !self.interval.proctime && self.condition.iter().all(is_deterministic)
    }
}
