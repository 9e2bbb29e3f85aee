//! Calls of aggregate functions: what stands between their parentheses, and their clauses.

use datafusion::logical_expr::Expr;
use filbert_functions::TypedExpr;
use filbert_functions::aggregate::Modifiers;
use filbert_types::{LogicalType, Span, TypeKind};
use sqlparser::ast::{self, FunctionArg, FunctionArgExpr};

use crate::binder::{Binder, span_of};
use crate::error::{BindError, BindResult};
use crate::expr::ExprCx;
use crate::expr::call::{call_parts, plain_arg};

/// An aggregate's arguments and clauses, bound.
pub(crate) struct AggregateArgs {
    pub args: Vec<TypedExpr>,
    pub modifiers: Modifiers,
}

impl AggregateArgs {
    /// Arguments without clauses.
    pub fn plain(args: Vec<TypedExpr>) -> AggregateArgs {
        AggregateArgs {
            args,
            modifiers: Modifiers::default(),
        }
    }
}

/// The refusal of an aggregate (or `Windowed aggregate`) where none may stand.
pub(crate) fn misplaced(kind: &str, cx: &ExprCx<'_>, span: Option<Span>) -> BindError {
    let message = if cx.in_aggregate {
        format!("{kind} expressions cannot be nested")
    } else {
        format!("{kind} expression is illegal in {} clause", cx.clause)
    };
    BindError::at(span, message)
}

impl Binder<'_> {
    /// A call of an aggregate function in a grouped block: the column of its results.
    pub fn aggregate_call(
        &mut self,
        name: &str,
        function: &ast::Function,
        cx: &mut ExprCx<'_>,
    ) -> BindResult<TypedExpr> {
        let span = span_of(function);
        if cx.in_aggregate || cx.aggregates.is_none() {
            return Err(misplaced("Aggregate", cx, span));
        }
        cx.in_aggregate = true;
        let args = self.aggregate_args(name, function, cx);
        cx.in_aggregate = false;
        let Some(aggregates) = cx.aggregates.as_mut() else {
            return Err(BindError::at(span, "The query is not grouped"));
        };
        let args = args?;
        let distinct = args.modifiers.distinct;
        for arg in args.args.iter().filter(|_| distinct) {
            self.check_groupable(&arg.ty, span)?;
        }
        let args = match name.eq_ignore_ascii_case("COUNT") {
            true if distinct && args.args.len() > 1 => self.counted_rows(args, span)?,
            _ => args,
        };
        let call = self.aggregate(name, args, aggregates.never_empty(), span)?;
        if let Some((_, column, ty)) = aggregates.calls.iter().find(|(e, ..)| *e == call.expr) {
            return Ok(TypedExpr::new(Expr::Column(column.clone()), ty.clone()));
        }
        let place = aggregates.keys.len() + aggregates.calls.len();
        let column_name = aggregates.names.of_call(function, place);
        let column = self.new_column(&column_name, &call.ty);
        aggregates
            .calls
            .push((call.expr, column.clone(), call.ty.clone()));
        Ok(TypedExpr::new(Expr::Column(column), call.ty))
    }

    /// `COUNT(DISTINCT a, b)` counts rows of values of which none is NULL.
    fn counted_rows(
        &mut self,
        mut args: AggregateArgs,
        span: Option<Span>,
    ) -> BindResult<AggregateArgs> {
        let values = std::mem::take(&mut args.args);
        for value in values.iter().filter(|value| value.ty.nullable) {
            let known = self.scalar("IS NOT NULL", vec![value.clone()], span)?;
            let filter = &mut args.modifiers.filter;
            *filter = Some(match filter.take() {
                Some(filter) => self.scalar("AND", vec![filter, known], span)?,
                None => known,
            });
        }
        args.args = vec![filbert_functions::call::row(self.cx.exprs, values, None)];
        Ok(args)
    }

    /// Binds what stands between an aggregate's parentheses, and its FILTER.
    pub fn aggregate_args(
        &mut self,
        name: &str,
        function: &ast::Function,
        cx: &mut ExprCx<'_>,
    ) -> BindResult<AggregateArgs> {
        let (args, clauses) = call_parts(function)?;
        let bound = match args {
            [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)] => {
                if !name.eq_ignore_ascii_case("COUNT") {
                    return Err(BindError::at(
                        span_of(function),
                        format!("Unknown argument '*' in {name}(*): only COUNT takes it"),
                    ));
                }
                Vec::new()
            }
            [] if name.eq_ignore_ascii_case("COUNT") => {
                return Err(BindError::at(
                    span_of(function),
                    "Invalid number of arguments to function 'COUNT'. Was expecting 1 arguments",
                )
                .with_hint("COUNT(*) counts rows."));
            }
            // Their clause stands among the arguments, and is in the name.
            _ if name.to_uppercase().starts_with("JSON_") => {
                self.exprs(filbert_sql::json_arguments(function), cx)?
            }
            args if self.cx.functions.user_aggregate(name).is_some() => {
                let function = self.cx.functions.user_aggregate(name);
                let parameters = function.map(|f| f.parameters()).unwrap_or_default();
                self.arranged_args(name, &parameters, args, cx)?
            }
            args => args
                .iter()
                .map(|a| plain_arg(a, name).and_then(|a| self.expr(a, cx)))
                .collect::<BindResult<Vec<_>>>()?,
        };
        let filter = match &function.filter {
            Some(filter) => {
                let bound = self.expr(filter, cx)?;
                let ty = bound.ty.clone();
                let condition = self.condition(bound, "FILTER", span_of(filter.as_ref()))?;
                Some(TypedExpr::new(
                    condition,
                    LogicalType::new(TypeKind::Boolean, ty.nullable),
                ))
            }
            None => None,
        };
        let order_by = self.sort_exprs(clauses.order_by, cx)?;
        Ok(AggregateArgs {
            args: bound,
            modifiers: Modifiers {
                distinct: clauses.distinct,
                filter,
                order_by,
                ignore_nulls: clauses.ignore_nulls,
                grouped: false,
            },
        })
    }
}
