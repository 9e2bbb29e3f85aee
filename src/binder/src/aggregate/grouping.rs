//! GROUPING and GROUP_ID: which grouping set a row is of.

use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::{Aggregate, BinaryExpr, Cast, Expr, Operator};
use filbert_functions::TypedExpr;
use filbert_types::{LogicalType, TypeKind};
use sqlparser::ast;

use crate::binder::{Binder, span_of};
use crate::error::{BindError, BindResult};
use crate::expr::ExprCx;
use crate::expr::call::{call_parts, plain_arg};

impl Binder<'_> {
    /// `GROUPING(a, b)`: a bit for each key, 1 where the row's grouping set lacks it.
    pub fn grouping_call(
        &mut self,
        function: &ast::Function,
        cx: &mut ExprCx<'_>,
    ) -> BindResult<TypedExpr> {
        let span = span_of(function);
        let (args, _) = call_parts(function)?;
        let mut keys = Vec::new();
        for arg in args {
            let ast = plain_arg(arg, "GROUPING")?;
            let mut rows = ExprCx::plain(cx.scope, cx.clause);
            let bound = self.expr(ast, &mut rows)?;
            let position = cx
                .aggregates
                .as_ref()
                .and_then(|a| a.position(&bound.expr))
                .ok_or_else(|| {
                    BindError::at(
                        span_of(ast),
                        "Argument to GROUPING operator must be a grouped expression",
                    )
                })?;
            keys.push(position);
        }
        let Some(aggregates) = &cx.aggregates else {
            return Err(BindError::at(
                span,
                "GROUPING operator may only occur in an aggregate query",
            ));
        };
        let ty = LogicalType::not_null(TypeKind::BigInt);
        if aggregates.sets.is_none() {
            return Ok(TypedExpr::new(int64(0), ty));
        }
        let key_count = aggregates.keys.len();
        let mut result: Option<Expr> = None;
        for key in keys {
            let bit = grouping_bit(key, key_count);
            result = Some(match result {
                None => bit,
                Some(before) => op(
                    op(before, Operator::Multiply, int64(2)),
                    Operator::Plus,
                    bit,
                ),
            });
        }
        match result {
            Some(expr) => Ok(TypedExpr::new(expr, ty)),
            None => Err(BindError::at(span, "GROUPING needs an argument")),
        }
    }
}

/// `GROUP_ID()`: tells the copies of a grouping set apart; the first is 0.
pub(crate) fn group_id_call(
    function: &ast::Function,
    cx: &mut ExprCx<'_>,
) -> BindResult<TypedExpr> {
    let Some(aggregates) = &cx.aggregates else {
        return Err(BindError::at(
            span_of(function),
            "GROUP_ID operator may only occur in an aggregate query",
        ));
    };
    let ty = LogicalType::not_null(TypeKind::BigInt);
    let expr = match aggregates.sets {
        Some(_) => op(
            grouping_id(),
            Operator::BitwiseShiftRight,
            int64(aggregates.keys.len() as i64),
        ),
        None => int64(0),
    };
    Ok(TypedExpr::new(expr, ty))
}

/// DataFusion's grouping id: a bit for each key that the set lacks, above them which copy of the set it is.
fn grouping_id() -> Expr {
    Expr::Cast(Cast::new(
        Box::new(Expr::Column(Column::from_name(
            Aggregate::INTERNAL_GROUPING_ID,
        ))),
        arrow::datatypes::DataType::Int64,
    ))
}

/// The bit of the grouping id that says that a set lacks the key.
fn grouping_bit(key: usize, key_count: usize) -> Expr {
    let shift = (key_count - 1 - key) as i64;
    op(
        op(grouping_id(), Operator::BitwiseShiftRight, int64(shift)),
        Operator::BitwiseAnd,
        int64(1),
    )
}

fn op(left: Expr, operator: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), operator, Box::new(right)))
}

fn int64(value: i64) -> Expr {
    Expr::Literal(ScalarValue::Int64(Some(value)), None)
}
