//! Expressions: every node of sqlparser's tree is bound here, or refused by its name.

pub(crate) mod call;
mod field;
mod json;
mod literal;
mod name;
mod operator;
mod subquery;
mod syntax;

use std::rc::Rc;

use filbert_functions::TypedExpr;
use filbert_types::Span;
use sqlparser::ast::{self, Expr as Ast};

use crate::aggregate::Aggregates;
use crate::binder::{Binder, NamedExpr, deeper, span_of};
use crate::error::{BindError, BindResult};
use crate::scope::Scope;
use crate::window::Windows;

pub(crate) use literal::is_null;
pub(crate) use name::span_of_idents as name_span;
pub(crate) use operator::{has_subquery, split_conjuncts};
pub(crate) use subquery::BoundScalar;

/// Where an expression stands, and what it may hold there.
pub(crate) struct ExprCx<'s> {
    pub scope: &'s Rc<Scope>,
    /// For errors: `WHERE`.
    pub clause: &'static str,
    /// Set where the query block is grouped: only keys and aggregates are left to name.
    pub aggregates: Option<&'s mut Aggregates>,
    /// Set where calls with OVER may stand.
    pub windows: Option<&'s mut Windows>,
    /// The select list's names, where ORDER BY may use them.
    pub aliases: &'s [NamedExpr],
    /// True inside of an aggregate's arguments.
    pub in_aggregate: bool,
}

impl<'s> ExprCx<'s> {
    /// A place without aggregates and windows.
    pub fn plain(scope: &'s Rc<Scope>, clause: &'static str) -> ExprCx<'s> {
        ExprCx {
            scope,
            clause,
            aggregates: None,
            windows: None,
            aliases: &[],
            in_aggregate: false,
        }
    }
}

impl Binder<'_> {
    /// Binds an expression.
    pub fn expr(&mut self, ast: &Ast, cx: &mut ExprCx<'_>) -> BindResult<TypedExpr> {
        deeper(|| {
            if let Some(key) = self.grouped_expr(ast, cx)? {
                return Ok(key);
            }
            // The place is looked for on errors alone: it takes a walk down the node.
            self.expr_node(ast, cx)
                .map_err(|e| e.or_else_at(|| blamed(ast)))
        })
    }

    pub fn exprs<'a>(
        &mut self,
        asts: impl IntoIterator<Item = &'a Ast>,
        cx: &mut ExprCx<'_>,
    ) -> BindResult<Vec<TypedExpr>> {
        asts.into_iter().map(|ast| self.expr(ast, cx)).collect()
    }

    fn expr_node(&mut self, ast: &Ast, cx: &mut ExprCx<'_>) -> BindResult<TypedExpr> {
        match ast {
            Ast::Identifier(ident) => self.name(std::slice::from_ref(ident), cx),
            Ast::CompoundIdentifier(idents) => self.name(idents, cx),
            Ast::CompoundFieldAccess { root, access_chain } => {
                self.field_access(root, access_chain, cx)
            }
            Ast::Value(value) => self.literal(value, span_of(ast)),
            Ast::TypedString(typed) => self.typed_string(typed, span_of(ast)),
            Ast::Interval(interval) => self.interval(interval, cx, span_of(ast)),
            Ast::Nested(inner) => self.expr(inner, cx),
            Ast::BinaryOp { left, op, right } => self.binary(left, op, right, cx),
            Ast::UnaryOp { op, expr } => self.unary(op, expr, cx),
            Ast::Function(function) => self.function(function, cx),
            Ast::Cast { .. } => self.cast_syntax(ast, cx),
            Ast::Case { .. } => self.case(ast, cx),
            Ast::Tuple(items) => {
                let args = self.exprs(items, cx)?;
                self.scalar("ROW", args, None)
            }
            Ast::Array(array) => {
                let args = self.exprs(&array.elem, cx)?;
                self.scalar("ARRAY", args, None)
            }
            Ast::Subquery(query) => self.scalar_subquery(query, cx, span_of(ast)),
            Ast::Exists { subquery, negated } => self.exists(subquery, *negated, cx),
            Ast::InSubquery {
                expr,
                subquery,
                negated,
            } => self.in_subquery(expr, subquery, *negated, cx, span_of(ast)),
            Ast::AnyOp {
                left,
                compare_op,
                right,
                ..
            } => self.quantified(left, compare_op, right, false, cx, span_of(ast)),
            Ast::AllOp {
                left,
                compare_op,
                right,
            } => self.quantified(left, compare_op, right, true, cx, span_of(ast)),
            _ => self.predicate_node(ast, cx),
        }
    }

    fn predicate_node(&mut self, ast: &Ast, cx: &mut ExprCx<'_>) -> BindResult<TypedExpr> {
        let span = None;
        let test = match ast {
            Ast::IsNull(e) => Some((e, "IS NULL")),
            Ast::IsNotNull(e) => Some((e, "IS NOT NULL")),
            Ast::IsTrue(e) => Some((e, "IS TRUE")),
            Ast::IsNotTrue(e) => Some((e, "IS NOT TRUE")),
            Ast::IsFalse(e) => Some((e, "IS FALSE")),
            Ast::IsNotFalse(e) => Some((e, "IS NOT FALSE")),
            Ast::IsUnknown(e) => Some((e, "IS UNKNOWN")),
            Ast::IsNotUnknown(e) => Some((e, "IS NOT UNKNOWN")),
            _ => None,
        };
        if let Some((operand, name)) = test {
            let arg = self.expr(operand, cx)?;
            return self.scalar(name, vec![arg], span);
        }
        match ast {
            Ast::IsDistinctFrom(l, r) => self.call_of("IS DISTINCT FROM", &[l, r], cx, span),
            Ast::IsNotDistinctFrom(l, r) => self.call_of("IS NOT DISTINCT FROM", &[l, r], cx, span),
            Ast::InList {
                expr,
                list,
                negated,
            } => self.in_list(expr, list, *negated, cx, span),
            Ast::Between {
                expr,
                negated,
                low,
                high,
            } => self.between(expr, low, high, *negated, cx, span),
            Ast::Like {
                negated,
                expr,
                pattern,
                escape_char,
                any: false,
            } => self.like(
                "LIKE",
                [expr.as_ref(), pattern.as_ref()],
                escape_char.as_ref(),
                *negated,
                cx,
                span,
            ),
            Ast::SimilarTo {
                negated,
                expr,
                pattern,
                escape_char,
            } => self.like(
                "SIMILAR TO",
                [expr.as_ref(), pattern.as_ref()],
                escape_char.as_ref(),
                *negated,
                cx,
                span,
            ),
            _ => self.syntax_call(ast, cx),
        }
    }

    /// A call whose arguments are these nodes.
    pub fn call_of(
        &mut self,
        name: &str,
        args: &[&Ast],
        cx: &mut ExprCx<'_>,
        span: Option<Span>,
    ) -> BindResult<TypedExpr> {
        let args = self.exprs(args.iter().copied(), cx)?;
        self.scalar(name, args, span)
    }
}

/// The part of a node that an error about it points at.
fn blamed(ast: &Ast) -> Option<Span> {
    match ast {
        // sqlparser's span of a call ends before its parenthesis.
        Ast::Function(function) => span_of(&function.name),
        _ => span_of(ast),
    }
}

/// The refusal of a node that is no SQL of Flink's.
pub(crate) fn refuse(ast: &Ast) -> BindError {
    let mut text = ast.to_string();
    if text.chars().count() > 60 {
        text = text.chars().take(57).collect::<String>() + "...";
    }
    BindError::unsupported(span_of(ast), format!("The expression '{text}'"))
}

/// The parts of an `a.b.c` chain as text.
pub(crate) fn parts_of(idents: &[ast::Ident]) -> Vec<&str> {
    idents.iter().map(|i| i.value.as_str()).collect()
}
