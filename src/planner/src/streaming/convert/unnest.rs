use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchemaRef, NullHandling};
use datafusion::logical_expr::{Expr, LogicalPlan, Unnest as LogicalUnnest};
use filbert_binder::RelationalNode;
use filbert_functions::FunctionRef;
use filbert_functions::udf::BoundFunction;

use super::Converter;
use crate::error::PlanError;
use crate::exprs::as_column;
use crate::streaming::node::{NodeId, StreamOp};
use crate::streaming::unnest::Unnest;

/// Rows beside the elements of their lists, which stand in the lists' places.
struct Elements<'a> {
    input: &'a LogicalPlan,
    lists: Vec<usize>,
    schema: &'a DFSchemaRef,
    outer: bool,
    condition: Option<&'a Expr>,
}

impl Converter<'_> {
    pub(super) fn unnest(&mut self, unnest: &LogicalUnnest) -> Result<NodeId, PlanError> {
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
        let lists = unnest.list_type_columns.iter();
        self.beside_elements(&Elements {
            input: &unnest.input,
            lists: lists.map(|(at, _)| *at).collect(),
            schema: &unnest.schema,
            outer: unnest.options.null_handling != NullHandling::Drop,
            condition: None,
        })
    }

    /// LEFT JOIN UNNEST (or a table function) with a condition.
    pub(super) fn outer_unnest(
        &mut self,
        node: &RelationalNode,
        lists: &[Column],
        condition: &Expr,
    ) -> Result<NodeId, PlanError> {
        let Some(input) = node.inputs.first() else {
            return Err(PlanError::Internal(format!("{node:?} has no input")));
        };
        let lists = lists.iter().map(|list| {
            let place = input.schema().maybe_index_of_column(list);
            place.ok_or_else(|| PlanError::Internal(format!("no list {list} in UNNEST's input")))
        });
        self.beside_elements(&Elements {
            input,
            lists: lists.collect::<Result<_, _>>()?,
            schema: &node.schema,
            outer: true,
            condition: Some(condition),
        })
    }

    fn beside_elements(&mut self, unnest: &Elements<'_>) -> Result<NodeId, PlanError> {
        if let Some(correlated) = self.correlate(unnest)? {
            return Ok(correlated);
        }
        let input = self.convert(unnest.input)?;
        let mut columns = self.renamed(input, &unnest.schema.columns());
        if !reads_rows(unnest) {
            // A join with the rows of a constant.
            for column in &mut columns {
                column.ty = column.ty.without_time_attribute();
            }
        }
        for list in &unnest.lists {
            let column = columns[*list].column.clone();
            columns[*list] = self.new_column(column, unnest.schema.field(*list).data_type());
        }
        let op = StreamOp::Unnest(Unnest {
            lists: unnest.lists.clone(),
            outer: unnest.outer,
            call: None,
            condition: unnest.condition.map(|c| (c.clone(), columns.clone())),
        });
        Ok(self.plan.add(op, vec![input], columns))
    }

    /// A table function's call beside columns, evaluated by the operator that unnests its rows.
    fn correlate(&mut self, unnest: &Elements<'_>) -> Result<Option<NodeId>, PlanError> {
        let LogicalPlan::Projection(projection) = unnest.input else {
            return Ok(None);
        };
        let Some((Expr::Alias(call), kept)) = projection.expr.split_last() else {
            return Ok(None);
        };
        let plain = kept
            .iter()
            .all(|e| matches!(e.clone().unalias(), Expr::Column(_)));
        if !is_table_call(&call.expr) || unnest.lists != [kept.len()] || !plain {
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
        let condition = unnest.condition.map(|condition| {
            let condition = renamed_columns(condition, |column| {
                let place = names.iter().position(|name| name == column)?;
                Some(columns[wanted[place]].column.clone())
            })?;
            Ok::<_, PlanError>((condition, columns.clone()))
        });
        let op = StreamOp::Unnest(Unnest {
            lists: vec![columns.len() - 1],
            outer: unnest.outer,
            call: Some(call.expr.as_ref().clone()),
            condition: condition.transpose()?,
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

/// Whether the lists are made of the rows beside which they stand.
fn reads_rows(unnest: &Elements<'_>) -> bool {
    let LogicalPlan::Projection(projection) = unnest.input else {
        return true;
    };
    let mut lists = unnest
        .lists
        .iter()
        .filter_map(|at| projection.expr.get(*at));
    lists.any(|list| !list.column_refs().is_empty())
}

/// The expression over columns of other names; those that have none keep theirs.
fn renamed_columns(
    expr: &Expr,
    name: impl Fn(&Column) -> Option<Column>,
) -> Result<Expr, PlanError> {
    let renamed = expr.clone().transform(|e| {
        let other = match &e {
            Expr::Column(column) => name(column),
            _ => None,
        };
        Ok(match other {
            Some(column) => Transformed::yes(Expr::Column(column)),
            None => Transformed::no(e),
        })
    })?;
    Ok(renamed.data)
}

fn is_table_call(expr: &Expr) -> bool {
    let Expr::ScalarFunction(call) = expr else {
        return false;
    };
    let bound = call.func.inner().downcast_ref::<BoundFunction>();
    bound.is_some_and(|bound| matches!(bound.function, FunctionRef::Table(_)))
}
