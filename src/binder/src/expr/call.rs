//! Calls by name: scalar functions, aggregates, OVER.

use filbert_functions::TypedExpr;
use filbert_types::Span;
use sqlparser::ast::{
    Expr as Ast, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArgumentList, FunctionArguments, NullTreatment, OrderByExpr,
};

use super::ExprCx;
use crate::binder::{Binder, name_parts, span_of};
use crate::error::{BindError, BindResult};
use crate::typing::symbol;

/// What may stand beside a call's arguments.
#[derive(Default)]
pub(crate) struct CallClauses<'a> {
    pub distinct: bool,
    pub order_by: &'a [OrderByExpr],
    pub ignore_nulls: Option<bool>,
}

impl Binder<'_> {
    pub fn function(&mut self, function: &Function, cx: &mut ExprCx<'_>) -> BindResult<TypedExpr> {
        let span = None;
        let name = self.function_name(function)?;
        if function.over.is_some() {
            return self.window_call(&name, function, cx);
        }
        let upper = name.to_uppercase();
        if let Some(mut scope) = self.pattern.take() {
            let bound = self.pattern_call(&upper, function, cx, &mut scope);
            self.pattern = Some(scope);
            if let Some(bound) = bound? {
                return Ok(bound);
            }
        }
        if matches!(upper.as_str(), "GROUPING" | "GROUPING_ID") {
            return self.grouping_call(function, cx);
        }
        if upper == "GROUP_ID" && call_parts(function)?.0.is_empty() {
            return crate::aggregate::group_id_call(function, cx);
        }
        if let Some((value, low, high, negated)) = filbert_sql::between_symmetric(function) {
            let name = ["BETWEEN SYMMETRIC", "NOT BETWEEN SYMMETRIC"][usize::from(negated)];
            return self.call_of(name, &[value, low, high], cx, span);
        }
        if let Some(call) = self.json_call(&upper, function, cx)? {
            return Ok(call);
        }
        if let Some(call) = self.window_function_call(&name, function, cx)? {
            return Ok(call);
        }
        if self.is_aggregate(&name) {
            let name = json_aggregate(&upper, function).unwrap_or(&name);
            return self.aggregate_call(name, function, cx);
        }
        if let Some(filter) = &function.filter {
            return Err(BindError::at(
                span_of(filter.as_ref()),
                format!("FILTER must be applied to an aggregate function, and {name} is none"),
            ));
        }
        let (args, clauses) = call_parts(function)?;
        if clauses.distinct {
            return Err(BindError::at(
                span,
                format!("DISTINCT/ALL not allowed with {name} function"),
            ));
        }
        if !clauses.order_by.is_empty() || clauses.ignore_nulls.is_some() {
            return Err(BindError::unsupported(
                span,
                format!("ORDER BY or IGNORE NULLS in a call of {name}"),
            ));
        }
        let parameters = match self.cx.functions.scalar(&name) {
            Some(function) => function.parameters(),
            None if args.iter().any(is_wildcard) => {
                let error = self.unknown_function(name, "*".to_owned());
                return Err(BindError::from_call(&error, span));
            }
            None => Vec::new(),
        };
        let args = if parameters.is_empty() {
            args.iter()
                .map(|arg| self.call_arg(plain_arg(arg, &name)?, cx))
                .collect::<BindResult<Vec<_>>>()?
        } else {
            self.arranged_args(&name, &parameters, args, cx)?
        };
        self.scalar(&name, args, span)
    }

    /// An argument: a keyword, or an expression.
    pub fn call_arg(&mut self, ast: &Ast, cx: &mut ExprCx<'_>) -> BindResult<TypedExpr> {
        match filbert_sql::symbol(ast) {
            Some(word) => Ok(symbol(word)),
            None => self.expr(ast, cx),
        }
    }

    /// A function's name as the registry knows it.
    pub fn function_name(&self, function: &Function) -> BindResult<String> {
        let parts = name_parts(&function.name)?;
        if let Some(class) = self.cx.catalog.function_class(&parts)
            && self.cx.functions.has_registered(class)
        {
            return Ok(class.to_owned());
        }
        match parts.as_slice() {
            [name] => Ok(name.clone()),
            _ => Ok(parts.join(".")),
        }
    }
}

/// The aggregate that JSON_OBJECTAGG or JSON_ARRAYAGG is by its clause.
pub(crate) fn json_aggregate(upper: &str, function: &Function) -> Option<&'static str> {
    let absent = filbert_sql::json_clauses(function).absent_on_null;
    match upper {
        "JSON_OBJECTAGG" if absent == Some(true) => Some("JSON_OBJECTAGG_ABSENT_ON_NULL"),
        "JSON_OBJECTAGG" => Some("JSON_OBJECTAGG_NULL_ON_NULL"),
        "JSON_ARRAYAGG" if absent == Some(false) => Some("JSON_ARRAYAGG_NULL_ON_NULL"),
        "JSON_ARRAYAGG" => Some("JSON_ARRAYAGG_ABSENT_ON_NULL"),
        _ => None,
    }
}

fn is_wildcard(arg: &FunctionArg) -> bool {
    matches!(arg, FunctionArg::Unnamed(FunctionArgExpr::Wildcard))
}

/// An argument that must be an ordinary expression.
pub(crate) fn plain_arg<'a>(arg: &'a FunctionArg, function: &str) -> BindResult<&'a Ast> {
    match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(ast)) => Ok(ast),
        FunctionArg::Named { name, .. } => Err(BindError::unsupported(
            crate::binder::ident_span(name),
            format!("The named argument '{}' of {function}", name.value),
        )),
        other => Err(BindError::unsupported(
            span_of(other),
            format!("The argument '{other}' of {function}"),
        )),
    }
}

/// A call's arguments and clauses; those that Flink lacks are refused.
pub(crate) fn call_parts(function: &Function) -> BindResult<(&[FunctionArg], CallClauses<'_>)> {
    let span = span_of(function);
    let unsupported = |what: &str| Err(BindError::unsupported(span, what));
    if !function.within_group.is_empty() && !takes_within_group(function) {
        let name = &function.name;
        return Err(BindError::at(
            span,
            format!("Aggregate expression '{name}' must not contain a WITHIN GROUP clause"),
        ));
    }
    if !matches!(function.parameters, FunctionArguments::None) {
        return unsupported("A second list of arguments");
    }
    let mut clauses = CallClauses {
        order_by: &function.within_group,
        ..CallClauses::default()
    };
    if let Some(treatment) = &function.null_treatment {
        clauses.ignore_nulls = Some(matches!(treatment, NullTreatment::IgnoreNulls));
    }
    let list = match &function.args {
        FunctionArguments::None => return Ok((&[], clauses)),
        FunctionArguments::Subquery(_) => {
            return unsupported("A subquery as argument without parentheses of its own");
        }
        FunctionArguments::List(list) => list,
    };
    list_clauses(list, &mut clauses, span)?;
    Ok((&list.args, clauses))
}

/// Whether an aggregate can have a WITHIN GROUP clause. JSON_ARRAYAGG's ORDER BY comes in the same place.
fn takes_within_group(function: &Function) -> bool {
    let name = function.name.to_string();
    ["COLLECT", "JSON_ARRAYAGG"]
        .iter()
        .any(|takes| name.eq_ignore_ascii_case(takes))
}

fn list_clauses<'a>(
    list: &'a FunctionArgumentList,
    clauses: &mut CallClauses<'a>,
    span: Option<Span>,
) -> BindResult<()> {
    use sqlparser::ast::DuplicateTreatment;
    clauses.distinct = matches!(list.duplicate_treatment, Some(DuplicateTreatment::Distinct));
    for clause in &list.clauses {
        match clause {
            FunctionArgumentClause::OrderBy(order_by) => clauses.order_by = order_by,
            FunctionArgumentClause::IgnoreOrRespectNulls(treatment) => {
                clauses.ignore_nulls = Some(matches!(treatment, NullTreatment::IgnoreNulls));
            }
            other => {
                return Err(BindError::unsupported(
                    span,
                    format!("The clause '{other}'"),
                ));
            }
        }
    }
    Ok(())
}
