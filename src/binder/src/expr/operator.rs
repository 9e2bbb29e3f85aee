//! Operators, IN lists, BETWEEN, LIKE.

use datafusion::logical_expr::Expr;
use filbert_functions::TypedExpr;
use filbert_types::Span;
use sqlparser::ast::{BinaryOperator, Expr as Ast, UnaryOperator, Value, ValueWithSpan};

use super::ExprCx;
use crate::binder::Binder;
use crate::error::{BindError, BindResult};

impl Binder<'_> {
    pub fn binary(
        &mut self,
        left: &Ast,
        op: &BinaryOperator,
        right: &Ast,
        cx: &mut ExprCx<'_>,
    ) -> BindResult<TypedExpr> {
        let Some(name) = operator_name(op) else {
            return Err(BindError::unsupported(None, format!("The operator '{op}'")));
        };
        if let BinaryOperator::Overlaps = op
            && let (Ast::Tuple(l), Ast::Tuple(r)) = (left, right)
        {
            let mut args = self.exprs(l, cx)?;
            args.extend(self.exprs(r, cx)?);
            return self.scalar(name, args, None);
        }
        let left = self.expr(left, cx)?;
        let right = self.expr(right, cx)?;
        self.scalar(name, vec![left, right], None)
    }

    pub fn unary(
        &mut self,
        op: &UnaryOperator,
        operand: &Ast,
        cx: &mut ExprCx<'_>,
    ) -> BindResult<TypedExpr> {
        match op {
            UnaryOperator::Minus => {
                if let Ast::Value(value) = operand
                    && let Value::Number(digits, _) = &value.value
                {
                    return self.number(&format!("-{digits}"), None);
                }
                let arg = self.expr(operand, cx)?;
                self.scalar("-", vec![arg], None)
            }
            UnaryOperator::Plus => self.expr(operand, cx),
            UnaryOperator::Not => {
                let arg = self.expr(operand, cx)?;
                self.scalar("NOT", vec![arg], None)
            }
            _ => Err(BindError::unsupported(None, format!("The operator '{op}'"))),
        }
    }

    /// `x [NOT] IN (a, b)`.
    pub fn in_list(
        &mut self,
        expr: &Ast,
        list: &[Ast],
        negated: bool,
        cx: &mut ExprCx<'_>,
        span: Option<Span>,
    ) -> BindResult<TypedExpr> {
        let mut args = vec![self.expr(expr, cx)?];
        args.extend(self.exprs(list, cx)?);
        let types: Vec<String> = args.iter().map(|a| a.ty.to_string()).collect();
        let name = if negated { "NOT IN" } else { "IN" };
        self.scalar(name, args, span).map_err(|e| {
            BindError::at(
                span,
                format!(
                    "Values passed to IN operator must have compatible types, but they are {}",
                    types.join(", ")
                ),
            )
            .with_hint(e.message)
        })
    }

    pub fn between(
        &mut self,
        expr: &Ast,
        low: &Ast,
        high: &Ast,
        negated: bool,
        cx: &mut ExprCx<'_>,
        span: Option<Span>,
    ) -> BindResult<TypedExpr> {
        let name = if negated { "NOT BETWEEN" } else { "BETWEEN" };
        self.call_of(name, &[expr, low, high], cx, span)
    }

    /// LIKE or SIMILAR TO of a value and a pattern.
    pub fn like(
        &mut self,
        name: &str,
        operands: [&Ast; 2],
        escape: Option<&ValueWithSpan>,
        negated: bool,
        cx: &mut ExprCx<'_>,
        span: Option<Span>,
    ) -> BindResult<TypedExpr> {
        let mut args = self.exprs(operands, cx)?;
        if let Some(escape) = escape {
            args.push(self.literal(escape, span)?);
        }
        let like = self.scalar(name, args, span)?;
        if negated {
            return self.scalar("NOT", vec![like], span);
        }
        Ok(like)
    }

    /// All conditions at once; none for an empty list.
    pub fn conjunction(&self, conditions: Vec<TypedExpr>) -> BindResult<Option<TypedExpr>> {
        let mut all: Option<TypedExpr> = None;
        for condition in conditions {
            all = Some(match all {
                None => condition,
                Some(before) => self.scalar("AND", vec![before, condition], None)?,
            });
        }
        Ok(all)
    }
}

/// The name under which `filbert-functions` knows an operator.
fn operator_name(op: &BinaryOperator) -> Option<&'static str> {
    Some(match op {
        BinaryOperator::Plus => "+",
        BinaryOperator::Minus => "-",
        BinaryOperator::Multiply => "*",
        BinaryOperator::Divide => "/",
        BinaryOperator::Modulo => "%",
        BinaryOperator::StringConcat => "||",
        BinaryOperator::Gt => ">",
        BinaryOperator::Lt => "<",
        BinaryOperator::GtEq => ">=",
        BinaryOperator::LtEq => "<=",
        BinaryOperator::Eq => "=",
        BinaryOperator::NotEq => "<>",
        BinaryOperator::And => "AND",
        BinaryOperator::Or => "OR",
        BinaryOperator::Overlaps => "OVERLAPS",
        _ => return None,
    })
}

/// The conjuncts of a condition.
pub(crate) fn split_conjuncts(ast: &Ast) -> Vec<&Ast> {
    let mut found = Vec::new();
    let mut rest = vec![ast];
    while let Some(next) = rest.pop() {
        match next {
            Ast::BinaryOp {
                left,
                op: BinaryOperator::And,
                right,
            } => {
                rest.push(right);
                rest.push(left);
            }
            Ast::Nested(inner) if is_and(inner) => rest.push(inner),
            other => found.push(other),
        }
    }
    found
}

fn is_and(ast: &Ast) -> bool {
    matches!(
        ast,
        Ast::BinaryOp {
            op: BinaryOperator::And,
            ..
        }
    )
}

/// Whether an expression is, or holds, a subquery.
pub(crate) fn has_subquery(expr: &Expr) -> bool {
    use datafusion::common::tree_node::TreeNode;
    expr.exists(|e| {
        Ok(matches!(
            e,
            Expr::ScalarSubquery(_)
                | Expr::InSubquery(_)
                | Expr::Exists(_)
                | Expr::SetComparison(_)
        ))
    })
    .unwrap_or(true)
}
