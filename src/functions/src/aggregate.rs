//! Aggregate functions: their types, which streaming and batch share, and how batch computes them.

pub(crate) mod adapt;
mod bitmap;
mod bound;
pub(crate) mod collect;
pub mod definitions;
mod frame_ends;
pub(crate) mod groups;
mod in_order;
mod inference;
mod json;
pub mod square_sums;
mod udaf;

use std::sync::Arc;

use datafusion::logical_expr::expr::{
    AggregateFunction as AggregateFunctionExpr, NullTreatment, Sort,
};
use datafusion::logical_expr::{AggregateUDF, Expr};
use filbert_types::{LogicalType, TypeKind};

use crate::call::cast_args;
use crate::registry::FunctionRegistry;
use crate::signature::{CallArgs, call_text};
use crate::typed::{ExprContext, TypedExpr};
use crate::user_aggregate::AggregateFunction;
use crate::{CallError, FunctionRef, definition::Inferred};

pub use bound::BoundAggregate;
pub use definitions::{Aggregate, AggregateInfer, Implementation, Nullability, aggregate, all};

/// What stands around an aggregate call.
#[derive(Debug, Clone, Default)]
pub struct Modifiers {
    pub distinct: bool,
    /// `FILTER (WHERE ..)`.
    pub filter: Option<TypedExpr>,
    /// `ORDER BY` inside the call, which must be right and orders nothing.
    pub order_by: Vec<Sort>,
    /// `IGNORE NULLS` (true) or `RESPECT NULLS` (false).
    pub ignore_nulls: Option<bool>,
    /// The query has a GROUP BY with columns: no group is empty, so that results can be NOT NULL.
    pub grouped: bool,
}

/// The types of an aggregate call: the arguments after implicit casts, and the result.
pub fn infer(
    ctx: &ExprContext,
    name: &str,
    args: &[TypedExpr],
    grouped: bool,
    filtered: bool,
) -> Result<Inferred, CallError> {
    let definition = aggregate(name).ok_or_else(|| unknown(name, args))?;
    let written = ["_NULL_ON_NULL", "_ABSENT_ON_NULL"]
        .iter()
        .find_map(|clause| name.strip_suffix(clause))
        .unwrap_or(name);
    let name = definition.signature.name;
    let untyped = args.iter().any(|a| a.ty.kind == TypeKind::Null);
    let takes_it =
        name == "SINGLE_VALUE" || name.starts_with("JSON_") || name.starts_with("BITMAP_");
    if untyped && !takes_it {
        return Err(crate::bare_null::illegal(name));
    }
    let function = FunctionRef::BuiltIn(&definition.signature);
    let call = CallArgs {
        ctx,
        function: &function,
        written,
        args,
    };
    let mut inferred = (definition.signature.infer)(&call)?;
    let nullable = match definition.nullability {
        Nullability::Never => false,
        Nullability::Always => true,
        Nullability::AsArgument => args.first().is_none_or(|a| a.ty.nullable),
        Nullability::AsArgumentInGroups => {
            !grouped || filtered || args.first().is_none_or(|a| a.ty.nullable)
        }
    };
    inferred.return_type.nullable = nullable;
    Ok(inferred)
}

fn unknown(name: &str, args: &[TypedExpr]) -> CallError {
    let text = call_text(name, args);
    let arguments = text
        .strip_prefix(name)
        .map(|t| t.trim_start_matches('(').trim_end_matches(')'))
        .unwrap_or_default();
    let names = all().map(|a| a.signature.name);
    CallError::UnknownFunction {
        name: name.to_string(),
        arguments: arguments.to_string(),
        hint: filbert_types::suggest::did_you_mean(name, names),
    }
}

/// Binds an aggregate call: the expression is an `Expr::AggregateFunction`. `COUNT(*)` comes without arguments.
pub fn call(
    ctx: &ExprContext,
    registry: &FunctionRegistry,
    name: &str,
    args: Vec<TypedExpr>,
    modifiers: Modifiers,
) -> Result<TypedExpr, CallError> {
    if let Some(function) = registry.user_aggregate(name) {
        return call_user(ctx, function, args, modifiers);
    }
    let inferred = infer(
        ctx,
        name,
        &args,
        modifiers.grouped,
        modifiers.filter.is_some(),
    )?;
    let definition = aggregate(name).ok_or_else(|| unknown(name, &args))?;
    check_clauses(definition.signature.name, &args, &modifiers)?;
    if modifiers.distinct && args.len() > 1 && definition.signature.name == "COUNT" {
        return Err(CallError::Unsupported(
            "COUNT(DISTINCT ..) of more than one field".into(),
        ));
    }
    let args = json_values(ctx, definition, args)?;
    let mut args = cast_args(ctx, args, &inferred.arg_types)?;
    if definition.signature.name == "COUNT" && !modifiers.distinct {
        // What is never NULL doesn't decide which rows count.
        args.retain(|arg| arg.ty.nullable);
    }
    let (mut exprs, types): (Vec<_>, Vec<_>) = args.into_iter().map(|a| (a.expr, a.ty)).unzip();
    if exprs.is_empty() {
        exprs.push(Expr::Literal(
            datafusion::logical_expr::utils::COUNT_STAR_EXPANSION,
            None,
        ));
    }
    let null_treatment = match (definition.ignores_nulls, modifiers.ignore_nulls) {
        (true, _) | (_, Some(true)) => Some(NullTreatment::IgnoreNulls),
        _ => None,
    };
    let bound = BoundAggregate::new(definition, types, inferred.return_type.clone());
    let expr = Expr::AggregateFunction(AggregateFunctionExpr::new_udf(
        Arc::new(AggregateUDF::new_from_impl(bound)),
        exprs,
        modifiers.distinct,
        modifiers.filter.map(|f| Box::new(f.expr)),
        // As in Flink the values stay in the order of their coming.
        Vec::new(),
        null_treatment,
    ));
    Ok(TypedExpr::new(expr, inferred.return_type))
}

/// Binds a call of a function that the embedding program registered.
fn call_user(
    ctx: &ExprContext,
    function: &Arc<dyn AggregateFunction>,
    args: Vec<TypedExpr>,
    modifiers: Modifiers,
) -> Result<TypedExpr, CallError> {
    check_clauses(function.name(), &args, &modifiers)?;
    let types: Vec<LogicalType> = args.iter().map(|a| a.ty.clone()).collect();
    let inferred = function.infer(&types).filter(|_| !args.is_empty());
    let inferred = inferred.filter(|inferred| inferred.arg_types.len() == args.len());
    let mut inferred = inferred.ok_or_else(|| CallError::NoSignature {
        name: function.name().to_string(),
        got: call_text(function.name(), &args),
        signatures: function.signatures(),
    })?;
    let args = cast_args(ctx, args, &inferred.arg_types)?;
    let (exprs, types): (Vec<_>, Vec<_>) = args.into_iter().map(|a| (a.expr, a.ty)).unzip();
    inferred.arg_types = types;
    // Of an empty group the function may give NULL whatever its type says.
    inferred.return_type.nullable |= !modifiers.grouped || modifiers.filter.is_some();
    let return_type = inferred.return_type.clone();
    let bound = BoundAggregate::user(function, inferred);
    let expr = Expr::AggregateFunction(AggregateFunctionExpr::new_udf(
        Arc::new(AggregateUDF::new_from_impl(bound)),
        exprs,
        modifiers.distinct,
        modifiers.filter.map(|f| Box::new(f.expr)),
        modifiers.order_by,
        None,
    ));
    Ok(TypedExpr::new(expr, return_type))
}

/// The function as batch mode computes it with OVER.
pub(crate) fn with_over(function: &Arc<AggregateUDF>) -> Arc<AggregateUDF> {
    match function.inner().downcast_ref::<BoundAggregate>() {
        Some(bound) => Arc::new(AggregateUDF::new_from_impl(bound.clone().with_over())),
        None => Arc::clone(function),
    }
}

/// The name by which streaming knows an aggregate: Flink's, or the one that a user's function was registered by.
pub fn streaming_name(function: &AggregateUDF) -> String {
    match function.inner().downcast_ref::<BoundAggregate>() {
        Some(bound) if bound.is_user() => bound.flink_name().to_owned(),
        _ => function.name().to_uppercase(),
    }
}

/// Refuses clauses that would have no effect, as Flink's parser and validator do.
fn check_clauses(name: &str, args: &[TypedExpr], modifiers: &Modifiers) -> Result<(), CallError> {
    if let Some(filter) = &modifiers.filter
        && filter.ty.kind != TypeKind::Boolean
    {
        return Err(CallError::Invalid(format!(
            "FILTER clause must be a condition, but got {}",
            filter.ty
        )));
    }
    let ordered = matches!(name, "ARRAY_AGG" | "COLLECT") || name.starts_with("JSON_ARRAYAGG");
    if !ordered && !modifiers.order_by.is_empty() {
        return Err(CallError::Invalid(format!(
            "ORDER BY unexpected in a call of {name}: only ARRAY_AGG, COLLECT and JSON_ARRAYAGG take it."
        )));
    }
    if name != "ARRAY_AGG" && modifiers.ignore_nulls.is_some() {
        return Err(CallError::Invalid(format!(
            "Cannot specify IGNORE NULLS or RESPECT NULLS following '{name}': only ARRAY_AGG takes it."
        )));
    }
    if name == "LISTAGG" && args.get(1).is_some_and(|a| a.ty.kind == TypeKind::Null) {
        return Err(CallError::Invalid(
            "Illegal use of 'NULL' as the separator of LISTAGG.".into(),
        ));
    }
    Ok(())
}

/// The JSON aggregates take their values as JSON texts.
fn json_values(
    ctx: &ExprContext,
    definition: &Aggregate,
    mut args: Vec<TypedExpr>,
) -> Result<Vec<TypedExpr>, CallError> {
    if definition.signature.name.starts_with("JSON_")
        && let Some(value) = args.pop()
    {
        if crate::builtins::json::is_raw(&value.expr) {
            args.push(value);
            return Ok(args);
        }
        args.push(crate::call::built_in(ctx, "JSON_STRING", vec![value])?);
    }
    Ok(args)
}

/// The type of an aggregate over arguments of these types, as streaming operators need it.
pub fn result_type(
    ctx: &ExprContext,
    name: &str,
    arg_types: &[LogicalType],
    grouped: bool,
    filtered: bool,
) -> Result<LogicalType, CallError> {
    let args: Vec<TypedExpr> = arg_types
        .iter()
        .map(|ty| TypedExpr::new(Expr::default(), ty.clone()))
        .collect();
    infer(ctx, name, &args, grouped, filtered).map(|i| i.return_type)
}

#[cfg(test)]
mod tests;
