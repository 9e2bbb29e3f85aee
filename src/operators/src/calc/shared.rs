//! Expressions that occur more than once in a Calc, evaluated once.
//!
//! An expression is evaluated ahead only where one of its places is reached by every row, so that nothing runs (or fails)
//! on rows that SQL's order keeps from it: the branches of a CASE are not such places, nor is the right side of AND, of
//! which few rows may be left. What the condition computes for all rows the projection finds beside its columns.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{
    BinaryExpr, CaseExpr, CastExpr, Column, InListExpr, IsNotNullExpr, IsNullExpr, LikeExpr,
    NegativeExpr, NotExpr,
};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_expr_common::physical_expr::is_volatile;

use super::is_leaf;
use crate::columns::record_batch;
use crate::error::Result;

type Expr = Arc<dyn PhysicalExpr>;

/// Expressions that become columns behind a batch's own, each over those before it.
#[derive(Default)]
pub(super) struct Shared {
    exprs: Vec<Expr>,
    /// The batch's schema with as many of them.
    schemas: Vec<SchemaRef>,
}

impl Shared {
    pub fn beside(&self, rows: RecordBatch) -> Result<RecordBatch> {
        let mut rows = rows;
        for (expr, schema) in self.exprs.iter().zip(&self.schemas) {
            let count = rows.num_rows();
            let mut columns: Vec<ArrayRef> = rows.columns().to_vec();
            columns.push(expr.evaluate(&rows)?.into_array(count)?);
            rows = record_batch(schema, columns, count)?;
        }
        Ok(rows)
    }

    pub fn is_empty(&self) -> bool {
        self.exprs.is_empty()
    }

    /// The batch's schema with all of them.
    pub fn schema<'a>(&'a self, input: &'a SchemaRef) -> &'a SchemaRef {
        self.schemas.last().unwrap_or(input)
    }
}

/// What is known of an expression that occurs in a Calc.
struct Seen {
    places: usize,
    /// The condition computes it for every row.
    in_condition: bool,
    /// The projection computes it for every row.
    in_projection: bool,
    size: usize,
}

#[derive(Clone, Copy)]
struct Place {
    is_condition: bool,
    /// Every row comes there.
    is_reached: bool,
}

/// Takes out what the condition computes for every row and somebody needs again: columns behind the input's.
pub(super) fn before_condition(
    condition: &mut Option<Expr>,
    projection: &mut [Expr],
    input: &SchemaRef,
) -> Result<Shared> {
    let mut seen = HashMap::new();
    count(condition.iter(), true, &mut seen);
    count(projection.iter(), false, &mut seen);
    seen.retain(|_, seen| seen.places > 1 && seen.in_condition);
    take_out(condition.iter_mut().chain(projection), seen, input)
}

/// Takes out what the projection computes for every row more than once.
pub(super) fn before_projection(projection: &mut [Expr], input: &SchemaRef) -> Result<Shared> {
    let mut seen = HashMap::new();
    count(projection.iter(), false, &mut seen);
    seen.retain(|_, seen| seen.places > 1 && seen.in_projection);
    take_out(projection.iter_mut(), seen, input)
}

fn count<'a>(
    exprs: impl Iterator<Item = &'a Expr>,
    is_condition: bool,
    seen: &mut HashMap<Expr, Seen>,
) {
    let place = Place {
        is_condition,
        is_reached: true,
    };
    for expr in exprs {
        visit(expr, place, seen);
    }
}

/// Counts the expression and what stands in it; gives its size.
fn visit(expr: &Expr, place: Place, seen: &mut HashMap<Expr, Seen>) -> usize {
    if is_leaf(expr) {
        return 1;
    }
    let in_condition = place.is_reached && place.is_condition;
    let in_projection = place.is_reached && !place.is_condition;
    if let Some(known) = seen.get_mut(expr) {
        known.places += 1;
        let is_news = in_condition && !known.in_condition || in_projection && !known.in_projection;
        known.in_condition |= in_condition;
        known.in_projection |= in_projection;
        let size = known.size;
        if is_news {
            mark(expr, place, seen);
        }
        // What stands in it is needed once, however often it occurs itself.
        return size;
    }
    let children = children(expr);
    let sizes = children.iter().map(|(child, reached)| {
        let inner = Place {
            is_reached: place.is_reached && *reached,
            ..place
        };
        visit(child, inner, seen)
    });
    let size = 1 + sizes.sum::<usize>();
    if size > 1 && is_worth_it(expr) {
        seen.insert(
            Arc::clone(expr),
            Seen {
                places: 1,
                in_condition,
                in_projection,
                size,
            },
        );
    }
    size
}

/// Every row comes to what stands in an expression that has been counted before.
fn mark(expr: &Expr, place: Place, seen: &mut HashMap<Expr, Seen>) {
    for (child, reached) in children(expr) {
        if !reached {
            continue;
        }
        if let Some(known) = seen.get_mut(child) {
            known.in_condition |= place.is_condition;
            known.in_projection |= !place.is_condition;
        }
        mark(child, place, seen);
    }
}

/// What an expression evaluates, and whether for every row for which it is evaluated itself; nothing where that isn't
/// known of its kind.
fn children(expr: &Expr) -> Vec<(&Expr, bool)> {
    if let Some(binary) = expr.downcast_ref::<BinaryExpr>() {
        let is_and = *binary.op() == Operator::And;
        return vec![(binary.left(), true), (binary.right(), !is_and)];
    }
    if expr.downcast_ref::<CaseExpr>().is_some() {
        // The operand, or else the first condition, sees all rows.
        let all = expr.children().into_iter().enumerate();
        return all.map(|(i, child)| (child, i == 0)).collect();
    }
    if expr.downcast_ref::<InListExpr>().is_some() {
        let all = expr.children().into_iter().enumerate();
        return all.map(|(i, child)| (child, i == 0)).collect();
    }
    let is_strict = expr.downcast_ref::<ScalarFunctionExpr>().is_some()
        || expr.downcast_ref::<CastExpr>().is_some()
        || expr.downcast_ref::<IsNullExpr>().is_some()
        || expr.downcast_ref::<IsNotNullExpr>().is_some()
        || expr.downcast_ref::<LikeExpr>().is_some()
        || expr.downcast_ref::<NegativeExpr>().is_some()
        || expr.downcast_ref::<NotExpr>().is_some();
    match is_strict {
        true => expr.children().into_iter().map(|c| (c, true)).collect(),
        false => Vec::new(),
    }
}

/// The expression gives the same whenever it is evaluated, and reads some column.
fn is_worth_it(expr: &Expr) -> bool {
    fn reads_column(expr: &Expr) -> bool {
        is_leaf(expr) || children(expr).into_iter().any(|(c, _)| reads_column(c))
    }
    reads_column(expr) && !is_volatile(expr)
}

/// Puts columns in the places of what was seen.
fn take_out<'a>(
    places: impl Iterator<Item = &'a mut Expr>,
    seen: HashMap<Expr, Seen>,
    input: &SchemaRef,
) -> Result<Shared> {
    let mut wanted: Vec<(Expr, usize)> = seen.into_iter().map(|(e, s)| (e, s.size)).collect();
    // What stands in another one comes before it; the order among the others only has to be the same each time.
    wanted.sort_by_cached_key(|(expr, size)| (*size, expr.to_string()));
    let mut shared = Shared::default();
    let mut columns: HashMap<Expr, Expr> = HashMap::new();
    for (expr, _) in wanted {
        let schema = Arc::clone(shared.schema(input));
        let ty = expr.data_type(input)?;
        let at = schema.fields().len();
        let name = format!("$shared{at}");
        let mut fields = schema.fields().to_vec();
        fields.push(Arc::new(Field::new(&name, ty, true)));
        shared.exprs.push(replaced(&expr, &columns)?);
        shared.schemas.push(Arc::new(Schema::new(fields)));
        columns.insert(expr, Arc::new(Column::new(&name, at)));
    }
    if !columns.is_empty() {
        for place in places {
            *place = replaced(place, &columns)?;
        }
    }
    Ok(shared)
}

fn replaced(expr: &Expr, columns: &HashMap<Expr, Expr>) -> Result<Expr> {
    if let Some(column) = columns.get(expr) {
        return Ok(Arc::clone(column));
    }
    let inner = children(expr);
    if is_leaf(expr) || inner.is_empty() {
        return Ok(Arc::clone(expr));
    }
    let inner = inner.into_iter().map(|(child, _)| replaced(child, columns));
    let inner: Vec<Expr> = inner.collect::<Result<_>>()?;
    Ok(Arc::clone(expr).with_new_children(inner)?)
}
