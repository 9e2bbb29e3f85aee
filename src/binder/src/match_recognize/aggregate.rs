//! Aggregates over the rows of a match's variables.

use datafusion::logical_expr::Expr;
use filbert_functions::TypedExpr;
use filbert_types::Span;
use sqlparser::ast::{Function, FunctionArg, FunctionArgExpr};

use super::scope::PatternScope;
use crate::aggregate::AggregateArgs;
use crate::binder::{Binder, span_of};
use crate::error::{BindError, BindResult};
use crate::expr::ExprCx;
use crate::expr::call::{call_parts, plain_arg};
use crate::relational::{MatchAggregate, PatternColumn};

impl Binder<'_> {
    pub(super) fn match_aggregate(
        &mut self,
        upper: &str,
        function: &Function,
        cx: &mut ExprCx<'_>,
        scope: &mut PatternScope,
    ) -> BindResult<TypedExpr> {
        let span = span_of(&function.name);
        if scope.row.is_some() {
            return Err(BindError::at(
                span,
                "Aggregate expressions cannot be nested",
            ));
        }
        let (args, clauses) = call_parts(function)?;
        if clauses.distinct {
            return Err(BindError::at(
                span,
                format!("DISTINCT/ALL not allowed with {function} function"),
            ));
        }
        if function.filter.is_some() || !clauses.order_by.is_empty() {
            return Err(BindError::unsupported(
                span,
                "FILTER or ORDER BY in an aggregate of MATCH_RECOGNIZE",
            ));
        }
        let text = function.to_string();
        let star = matches!(args, [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)]);
        let (args, qualifier) = if star && upper == "COUNT" {
            (Vec::new(), None)
        } else {
            let asts = args
                .iter()
                .map(|a| plain_arg(a, upper))
                .collect::<BindResult<Vec<_>>>()?;
            self.over_rows(&text, span, scope, |b| {
                asts.iter()
                    .map(|a| b.expr(a, cx))
                    .collect::<BindResult<Vec<_>>>()
            })?
        };
        let rows = match &qualifier {
            Some(name) => scope.rows_of(name).unwrap_or_default(),
            None => scope.all(),
        };
        if upper != "AVG" {
            return self.aggregate_column(upper, &text, args, rows, span, scope);
        }
        // Flink's validator writes AVG as a quotient.
        let whole = AggregateArgs::plain(args.clone());
        let ty = self.aggregate("AVG", whole, false, span)?.ty;
        let inner = text.split_once('(').map_or("", |(_, rest)| rest);
        let sum_text = format!("SUM({inner}");
        let count_text = format!("COUNT({inner}");
        let sum =
            self.aggregate_column("SUM", &sum_text, args.clone(), rows.clone(), span, scope)?;
        let count = self.aggregate_column("COUNT", &count_text, args, rows, span, scope)?;
        let quotient = self.scalar("/", vec![sum, count], span)?;
        self.cast(quotient, &ty.with_nullable(true), span)
    }

    fn aggregate_column(
        &mut self,
        name: &str,
        text: &str,
        args: Vec<TypedExpr>,
        variables: Vec<usize>,
        span: Option<Span>,
        scope: &mut PatternScope,
    ) -> BindResult<TypedExpr> {
        let call = self.aggregate(name, AggregateArgs::plain(args), false, span)?;
        let Expr::AggregateFunction(function) = call.expr else {
            return Err(BindError::at(
                span,
                format!("{name} is no aggregate function"),
            ));
        };
        let bound = function
            .func
            .inner()
            .downcast_ref::<filbert_functions::aggregate::BoundAggregate>();
        let arg_types = bound.map(|b| b.arg_types.clone()).unwrap_or_default();
        let args: Vec<usize> = if arg_types.is_empty() {
            Vec::new()
        } else {
            function
                .params
                .args
                .into_iter()
                .map(|a| scope.cell(a))
                .collect()
        };
        let aggregate = MatchAggregate {
            function: name.to_string(),
            variables,
            args,
            arg_types,
            ty: call.ty.clone(),
            text: text.to_string(),
        };
        let known = scope.aggregates.iter().position(|a| *a == aggregate);
        let place = known.unwrap_or_else(|| {
            scope.aggregates.push(aggregate);
            scope.aggregates.len() - 1
        });
        let running = scope.is_running();
        let column = PatternColumn::Aggregate { place, running };
        Ok(self.match_column(column, call.ty, scope))
    }
}
