use datafusion::common::NullHandling;
use datafusion::logical_expr::Unnest as LogicalUnnest;

use super::Converter;
use crate::error::PlanError;
use crate::streaming::node::{NodeId, StreamOp};
use crate::streaming::unnest::Unnest;

impl Converter<'_> {
    pub(super) fn unnest(&mut self, unnest: &LogicalUnnest) -> Result<NodeId, PlanError> {
        let input = self.convert(&unnest.input)?;
        let in_place = unnest.dependency_indices.iter().copied().eq(0..unnest
            .input
            .schema()
            .fields()
            .len());
        let deep = unnest.list_type_columns.iter().any(|(_, l)| l.depth != 1);
        if !in_place || deep || !unnest.struct_type_columns.is_empty() {
            return Err(PlanError::Internal(format!(
                "{unnest:?} is no plain UNNEST"
            )));
        }
        let lists: Vec<usize> = unnest.list_type_columns.iter().map(|(at, _)| *at).collect();
        let mut columns = self.renamed(input, &unnest.schema.columns());
        for list in &lists {
            let column = columns[*list].column.clone();
            columns[*list] = self.new_column(column, unnest.schema.field(*list).data_type());
        }
        let outer = unnest.options.null_handling != NullHandling::Drop;
        let op = StreamOp::Unnest(Unnest { lists, outer });
        Ok(self.plan.add(op, vec![input], columns))
    }
}
