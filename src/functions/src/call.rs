//! The ways into this room.

use std::sync::Arc;

use filbert_types::{Field, LogicalType};

use crate::cast;
use crate::definition::{Body, FunctionRef};
use crate::registry::FunctionRegistry;
use crate::signature::{CallArgs, call_text};
use crate::table_function::{InferredTable, TableFunction};
use crate::typed::{ExprContext, TypedExpr};
use crate::udf::{BoundFunction, Session};
use crate::{CallError, definition::Inferred};

pub use crate::cast::{cast, implicit_cast, try_cast};
pub use crate::constructors::{array, field, field_at, map, row, to_common_type};

/// Binds a call of a scalar function or an operator (`"+"`, `"AND"`, `"IS NULL"`, `"ITEM"`, ..) by its name.
pub fn scalar(
    ctx: &ExprContext,
    registry: &FunctionRegistry,
    name: &str,
    args: Vec<TypedExpr>,
) -> Result<TypedExpr, CallError> {
    let Some(function) = registry.scalar(name) else {
        let text = call_text(name, &args);
        let arguments = text
            .strip_prefix(name)
            .map(|t| t.trim_start_matches('(').trim_end_matches(')'))
            .unwrap_or_default();
        return Err(CallError::UnknownFunction {
            name: name.to_string(),
            arguments: arguments.to_string(),
            hint: registry.hint(name),
        });
    };
    bind(ctx, function, name, args)
}

/// Binds a call of a known built-in.
pub fn built_in(
    ctx: &ExprContext,
    name: &str,
    args: Vec<TypedExpr>,
) -> Result<TypedExpr, CallError> {
    let function = crate::registry::built_in(name)
        .ok_or_else(|| CallError::Unsupported(format!("The function {name}")))?;
    bind(ctx, FunctionRef::BuiltIn(function), name, args)
}

fn bind(
    ctx: &ExprContext,
    function: FunctionRef,
    written: &str,
    args: Vec<TypedExpr>,
) -> Result<TypedExpr, CallError> {
    let inferred = infer(ctx, &function, written, &args)?;
    let args = cast_args(ctx, args, &inferred.arg_types)?;
    let return_type = inferred.return_type;
    if let FunctionRef::BuiltIn(definition) = &function
        && let Body::Expand(expand) = definition.body
    {
        let expr = expand(ctx, args, &return_type)?;
        return Ok(TypedExpr::new(expr, return_type));
    }
    Ok(bind_kernel(ctx, function, args, return_type))
}

fn infer(
    ctx: &ExprContext,
    function: &FunctionRef,
    written: &str,
    args: &[TypedExpr],
) -> Result<Inferred, CallError> {
    let call = CallArgs {
        ctx,
        function,
        written,
        args,
    };
    match function {
        FunctionRef::BuiltIn(definition) => {
            crate::bare_null::check(definition.name, args)?;
            (definition.infer)(&call)
        }
        FunctionRef::User(user) => {
            let inferred = user.infer(&call.types()).ok_or_else(|| call.refuse())?;
            check_args(user.name(), args.len(), &inferred.arg_types)?;
            Ok(inferred)
        }
        FunctionRef::Table(_) => Err(CallError::Invalid(format!(
            "Cannot call table function here: '{}'. It belongs into FROM: LATERAL TABLE({}(..)).",
            function.name(),
            function.name()
        ))),
    }
}

/// A user's inference must say a type for each argument.
fn check_args(name: &str, args: usize, types: &[LogicalType]) -> Result<(), CallError> {
    if args == types.len() {
        return Ok(());
    }
    Err(CallError::Invalid(format!(
        "The function {name} was called with {args} arguments, and its type inference gave {} types.",
        types.len()
    )))
}

/// Binds a call of a table function: an expression that gives each call's rows as a list, and the rows' columns.
pub fn table(
    ctx: &ExprContext,
    function: &Arc<dyn TableFunction>,
    args: Vec<TypedExpr>,
) -> Result<(TypedExpr, Vec<Field>), CallError> {
    let function = FunctionRef::Table(Arc::clone(function));
    let call = CallArgs {
        ctx,
        function: &function,
        written: function.name(),
        args: &args,
    };
    let FunctionRef::Table(table) = &function else {
        return Err(call.refuse());
    };
    let inferred = table.infer(&call.types()).ok_or_else(|| call.refuse())?;
    check_args(table.name(), args.len(), &inferred.arg_types)?;
    if inferred.columns.is_empty() {
        return Err(CallError::Invalid(format!(
            "The table function {} gives rows without columns.",
            table.name()
        )));
    }
    let args = cast_args(ctx, args, &inferred.arg_types)?;
    let rows = InferredTable::rows_type(&inferred.columns);
    Ok((bind_kernel(ctx, function, args, rows), inferred.columns))
}

/// Casts arguments to the types that inference decided, where they differ in more than nullability.
pub(crate) fn cast_args(
    ctx: &ExprContext,
    args: Vec<TypedExpr>,
    types: &[LogicalType],
) -> Result<Vec<TypedExpr>, CallError> {
    args.into_iter()
        .zip(types)
        .map(|(arg, ty)| cast::coerce(ctx, arg, ty))
        .collect()
}

/// A call of a function's kernel on arguments already cast.
pub(crate) fn bind_kernel(
    ctx: &ExprContext,
    function: FunctionRef,
    args: Vec<TypedExpr>,
    return_type: LogicalType,
) -> TypedExpr {
    let session = Session::of(ctx, function.determinism());
    let (exprs, types): (Vec<_>, Vec<_>) = args.into_iter().map(|a| (a.expr, a.ty)).unzip();
    let expr = BoundFunction::new(function, types, return_type.clone(), session).call(exprs);
    TypedExpr::new(expr, return_type)
}

/// `CASE WHEN .. THEN .. ELSE .. END`; without ELSE it gives NULL. `CASE x WHEN y` comes here as `x = y`.
pub fn case(
    ctx: &ExprContext,
    whens: Vec<(TypedExpr, TypedExpr)>,
    otherwise: Option<TypedExpr>,
) -> Result<TypedExpr, CallError> {
    crate::builtins::conditional::bind_case(ctx, whens, otherwise)
}
