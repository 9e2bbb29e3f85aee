//! TemporalSort: rows in the order of their time, and of other columns behind it. They wait for the watermark, so that
//! the order is final.

use filbert_graph::OperatorSpec;
use filbert_graph::spec::{SortKey, TemporalSortSpec};
use filbert_types::TimeKind;

use crate::error::PlanError;
use crate::exprs::ExprCompiler;
use crate::streaming::changelog::ModifyKinds;
use crate::streaming::node::{Accepts, Distribution, NodeView, StreamOperator};
use crate::streaming::rank::order_text;

/// Sorted by time first.
#[derive(Debug, Clone)]
pub(crate) struct TemporalSort {
    pub order_by: Vec<SortKey>,
}

impl StreamOperator for TemporalSort {
    fn name(&self) -> &'static str {
        "TemporalSort"
    }

    fn details(&self, view: NodeView<'_>) -> String {
        format!(
            "orderBy=[{}]",
            order_text(&self.order_by, &view.input(0).columns)
        )
    }

    fn spec(
        &self,
        view: NodeView<'_>,
        _exprs: &ExprCompiler,
    ) -> Result<Option<OperatorSpec>, PlanError> {
        let columns = &view.input(0).columns;
        let Some((time, others)) = self.order_by.split_first() else {
            return Ok(None);
        };
        let by_rowtime = columns[time.column].ty.kind.time_kind() == TimeKind::Rowtime;
        Ok(Some(OperatorSpec::TemporalSort(TemporalSortSpec {
            rowtime: by_rowtime.then_some(time.column),
            order_by: others.to_vec(),
        })))
    }

    fn distribution(&self, _input: usize) -> Distribution {
        Distribution::Single
    }

    fn fixed_parallelism(&self) -> Option<usize> {
        Some(1)
    }

    fn accepts(&self, _input: usize) -> Accepts {
        Accepts::Only(ModifyKinds::INSERT, "TemporalSort".to_owned())
    }
}
