//! Match: MATCH_RECOGNIZE over an append-only input. A match is sent once and never changed.

use filbert_graph::OperatorSpec;
use filbert_graph::spec::MatchTime;

use crate::error::PlanError;
use crate::exprs::ExprCompiler;
use crate::row_match::RowMatcher;
use crate::streaming::changelog::ModifyKinds;
use crate::streaming::node::{Accepts, Distribution, KeySet, NodeView, StreamOperator};

#[derive(Debug, Clone)]
pub(crate) struct Match {
    pub matcher: RowMatcher,
    pub time: MatchTime,
}

impl StreamOperator for Match {
    fn name(&self) -> &'static str {
        "Match"
    }

    fn details(&self, view: NodeView<'_>) -> String {
        self.matcher.details(&view.input(0).columns)
    }

    fn spec(
        &self,
        view: NodeView<'_>,
        exprs: &ExprCompiler,
    ) -> Result<Option<OperatorSpec>, PlanError> {
        let input = &view.input(0).columns;
        let spec = self.matcher.spec(input, self.time, exprs)?;
        Ok(Some(OperatorSpec::Match(Box::new(spec))))
    }

    fn distribution(&self, _input: usize) -> Distribution {
        if self.matcher.partition_by.is_empty() {
            Distribution::Single
        } else {
            Distribution::Hash(self.matcher.partition_by.clone())
        }
    }

    fn fixed_parallelism(&self) -> Option<usize> {
        self.matcher.partition_by.is_empty().then_some(1)
    }

    fn accepts(&self, _input: usize) -> Accepts {
        Accepts::Only(ModifyKinds::INSERT, "Match Recognize".to_owned())
    }

    fn modifies(&self, _inputs: &[ModifyKinds]) -> ModifyKinds {
        ModifyKinds::INSERT
    }

    fn upsert_keys(&self, _view: NodeView<'_>) -> Vec<KeySet> {
        Vec::new()
    }

    fn is_deterministic(&self) -> bool {
        self.time != MatchTime::Processing && self.matcher.is_deterministic()
    }
}
