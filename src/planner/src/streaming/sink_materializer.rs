//! SinkMaterializer: before an upsert sink whose primary key is not the key by which the query's rows change. A part of
//! the sink: plans show it there.

use filbert_graph::OperatorSpec;
use filbert_graph::spec::{ConflictSpec, SinkMaterializerSpec};

use crate::error::PlanError;
use crate::exprs::ExprCompiler;
use crate::streaming::node::{Distribution, NodeView, StreamOperator};

#[derive(Debug, Clone)]
pub(crate) struct SinkMaterializer {
    pub primary_key: Vec<usize>,
    pub upsert_key: Option<Vec<usize>>,
    pub conflict: ConflictSpec,
    pub state_ttl_ms: Option<u64>,
}

impl StreamOperator for SinkMaterializer {
    fn name(&self) -> &'static str {
        match self.conflict {
            ConflictSpec::Deduplicate => "SinkMaterializer",
            ConflictSpec::Nothing | ConflictSpec::Error => "WatermarkCompactingSinkMaterializer",
        }
    }

    fn details(&self, view: NodeView<'_>) -> String {
        let names = view.input_names();
        let keys: Vec<&str> = self.primary_key.iter().map(|k| names[*k]).collect();
        format!("key=[{}]", keys.join(", "))
    }

    fn is_part_of_consumer(&self) -> bool {
        true
    }

    fn spec(
        &self,
        _view: NodeView<'_>,
        _exprs: &ExprCompiler,
    ) -> Result<Option<OperatorSpec>, PlanError> {
        Ok(Some(OperatorSpec::SinkMaterializer(SinkMaterializerSpec {
            primary_key: self.primary_key.clone(),
            upsert_key: self.upsert_key.clone(),
            conflict: self.conflict,
            state_ttl_ms: self.state_ttl_ms,
        })))
    }

    fn distribution(&self, _input: usize) -> Distribution {
        Distribution::Hash(self.primary_key.clone())
    }
}
