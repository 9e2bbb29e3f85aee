//! Rules of DataFusion's with more around their rewriting.

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

type Rewrite<R> = fn(&R, LogicalPlan, &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>>;

/// A rule under its own name and in its own order, whose rewriting `rewrite` stands around.
#[derive(Debug)]
pub(super) struct Adjusted<R> {
    rule: R,
    rewrite: Rewrite<R>,
}

impl<R: Default> Adjusted<R> {
    pub(super) fn new(rewrite: Rewrite<R>) -> Adjusted<R> {
        Adjusted {
            rule: R::default(),
            rewrite,
        }
    }
}

impl<R: OptimizerRule> OptimizerRule for Adjusted<R> {
    fn name(&self) -> &str {
        self.rule.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.rule.apply_order()
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        (self.rewrite)(&self.rule, plan, config)
    }
}
