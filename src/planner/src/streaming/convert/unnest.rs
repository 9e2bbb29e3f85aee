use datafusion::common::NullHandling;
use datafusion::logical_expr::{Expr, LogicalPlan, Unnest as LogicalUnnest};
use filbert_functions::FunctionRef;
use filbert_functions::udf::BoundFunction;

use super::Converter;
use crate::error::PlanError;
use crate::exprs::as_column;
use crate::streaming::node::{NodeId, StreamOp};
use crate::streaming::unnest::Unnest;

impl Converter<'_> {
    pub(super) fn unnest(&mut self, unnest: &LogicalUnnest) -> Result<NodeId, PlanError> {
        if let Some(correlated) = self.correlate(unnest)? {
            return Ok(correlated);
        }
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
        let call = None;
        let op = StreamOp::Unnest(Unnest { lists, outer, call });
        Ok(self.plan.add(op, vec![input], columns))
    }

    /// A table function's call beside columns, evaluated by the operator that unnests its rows.
    fn correlate(&mut self, unnest: &LogicalUnnest) -> Result<Option<NodeId>, PlanError> {
        let LogicalPlan::Projection(projection) = unnest.input.as_ref() else {
            return Ok(None);
        };
        let Some((Expr::Alias(call), kept)) = projection.expr.split_last() else {
            return Ok(None);
        };
        let lists: Vec<usize> = unnest.list_type_columns.iter().map(|(at, _)| *at).collect();
        let plain = kept
            .iter()
            .all(|e| matches!(e.clone().unalias(), Expr::Column(_)));
        if !is_table_call(&call.expr) || lists != [kept.len()] || !plain {
            return Ok(None);
        }
        let input = self.convert(&projection.input)?;
        let mut columns = self.plan.nodes[input].columns.clone();
        let mut wanted: Vec<usize> = Vec::with_capacity(kept.len() + 1);
        for expr in kept {
            wanted.push(as_column(expr, &columns).ok_or_else(|| {
                PlanError::Internal(format!("no column {expr} beside a table function's call"))
            })?);
        }
        wanted.push(columns.len());
        let names = unnest.schema.columns();
        let (Some(row), field) = (names.last().cloned(), unnest.schema.field(kept.len())) else {
            return Ok(None);
        };
        columns.push(self.new_column(row, field.data_type()));
        let in_order = wanted.iter().copied().eq(0..columns.len());
        let op = StreamOp::Unnest(Unnest {
            lists: vec![columns.len() - 1],
            outer: unnest.options.null_handling != NullHandling::Drop,
            call: Some(call.expr.as_ref().clone()),
        });
        let mut node = self.plan.add(op, vec![input], columns);
        if !in_order {
            node = self.pick(node, &wanted);
        }
        let renamed = self.renamed(node, &names);
        self.plan.nodes[node].columns = renamed;
        Ok(Some(node))
    }
}

fn is_table_call(expr: &Expr) -> bool {
    let Expr::ScalarFunction(call) = expr else {
        return false;
    };
    let bound = call.func.inner().downcast_ref::<BoundFunction>();
    bound.is_some_and(|bound| matches!(bound.function, FunctionRef::Table(_)))
}
