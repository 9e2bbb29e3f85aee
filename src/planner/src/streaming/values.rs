//! Values: literal rows, computed while planning and sent once.

use arrow::array::RecordBatch;
use arrow::ipc::writer::StreamWriter;
use filbert_graph::OperatorSpec;
use filbert_graph::spec::ValuesSpec;

use crate::error::PlanError;
use crate::exprs::ExprCompiler;
use crate::streaming::changelog::ModifyKinds;
use crate::streaming::node::{KeySet, NodeView, StreamOperator, names};

#[derive(Debug, Clone)]
pub(crate) struct Values {
    pub rows: RecordBatch,
    /// The rows as EXPLAIN shows them.
    pub text: String,
}

impl StreamOperator for Values {
    fn name(&self) -> &'static str {
        "Values"
    }

    fn details(&self, view: NodeView<'_>) -> String {
        format!(
            "tuples=[[{}]], values=[{}]",
            self.text,
            names(&view.node.columns).join(", ")
        )
    }

    fn graph_name(&self) -> String {
        "Source: Values".to_owned()
    }

    fn spec(
        &self,
        _view: NodeView<'_>,
        _exprs: &ExprCompiler,
    ) -> Result<Option<OperatorSpec>, PlanError> {
        let write = || {
            let mut rows_ipc = Vec::new();
            let mut writer = StreamWriter::try_new(&mut rows_ipc, &self.rows.schema())?;
            writer.write(&self.rows)?;
            writer.finish()?;
            drop(writer);
            Ok::<_, arrow::error::ArrowError>(rows_ipc)
        };
        let rows_ipc = write().map_err(|e| PlanError::Internal(e.to_string()))?;
        Ok(Some(OperatorSpec::Values(ValuesSpec { rows_ipc })))
    }

    fn fixed_parallelism(&self) -> Option<usize> {
        Some(1)
    }

    fn modifies(&self, _inputs: &[ModifyKinds]) -> ModifyKinds {
        ModifyKinds::INSERT
    }

    fn upsert_keys(&self, _view: NodeView<'_>) -> Vec<KeySet> {
        Vec::new()
    }
}
