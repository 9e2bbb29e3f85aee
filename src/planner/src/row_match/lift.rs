//! Takes out of a condition what depends on one row of the match alone: it becomes a cell of every row, computed once a
//! batch. What can fail stays where the condition's order guards it.

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::Expr;
use filbert_binder::relational::PatternColumn;
use filbert_functions::operators::can_fail;

use crate::columns::PlanColumn;
use crate::error::PlanError;
use crate::exprs::{ExprCompiler, is_deterministic};

/// The condition over new columns, and what these mean. Cells are added to `cells`.
pub(super) fn lift(
    expr: &Expr,
    typed: &[PlanColumn],
    columns: &[(Column, PatternColumn)],
    cells: &mut Vec<Expr>,
    input: &[PlanColumn],
    exprs: &ExprCompiler,
) -> Result<(Expr, Vec<(PlanColumn, PatternColumn)>), PlanError> {
    let mut lifted: Vec<(PlanColumn, PatternColumn)> = typed
        .iter()
        .cloned()
        .zip(columns.iter().map(|(_, c)| c.clone()))
        .collect();
    let rewritten = expr
        .clone()
        .transform_down(|node| {
            if matches!(node, Expr::Column(_) | Expr::Literal(..)) {
                return Ok(Transformed::no(node));
            }
            let Some(row) = single_row(&node, columns) else {
                return Ok(Transformed::no(node));
            };
            let cell = over_input(node, columns, cells)?;
            let ty = exprs
                .type_of(&cell, input)
                .map_err(|e| datafusion::common::DataFusionError::External(Box::new(e)))?;
            let place = cells.iter().position(|c| *c == cell).unwrap_or_else(|| {
                cells.push(cell);
                cells.len() - 1
            });
            let name = Column::new_unqualified(format!("$lifted{}", lifted.len()));
            lifted.push((PlanColumn::new(name.clone(), ty), of_cell(row, place)));
            Ok(Transformed::new(
                Expr::Column(name),
                true,
                TreeNodeRecursion::Jump,
            ))
        })?
        .data;
    Ok((rewritten, lifted))
}

/// The row that all of an expression's columns are of, when it is one, and the expression may run on any row.
fn single_row<'c>(
    expr: &Expr,
    columns: &'c [(Column, PatternColumn)],
) -> Option<&'c PatternColumn> {
    if can_fail(expr) || !is_deterministic(expr) {
        return None;
    }
    let mut found: Option<&PatternColumn> = None;
    for column in expr.column_refs() {
        let (_, means) = columns.iter().find(|(c, _)| c == column)?;
        if !matches!(means, PatternColumn::Row { .. }) || found.is_some_and(|f| !same_row(f, means))
        {
            return None;
        }
        found = Some(means);
    }
    found
}

fn same_row(a: &PatternColumn, b: &PatternColumn) -> bool {
    of_cell(a, 0) == of_cell(b, 0)
}

fn of_cell(column: &PatternColumn, place: usize) -> PatternColumn {
    let mut column = column.clone();
    if let PatternColumn::Row { cell, text, .. } = &mut column {
        *cell = place;
        text.clear();
    }
    column
}

/// The expression over the input's row: each column is the cell that it stands for.
fn over_input(
    expr: Expr,
    columns: &[(Column, PatternColumn)],
    cells: &[Expr],
) -> datafusion::common::Result<Expr> {
    let replaced = expr.transform_up(|node| {
        let Expr::Column(column) = &node else {
            return Ok(Transformed::no(node));
        };
        let means = columns.iter().find(|(c, _)| c == column);
        Ok(match means {
            Some((_, PatternColumn::Row { cell, .. })) => Transformed::yes(cells[*cell].clone()),
            _ => Transformed::no(node),
        })
    })?;
    Ok(replaced.data)
}
