//! COALESCE, IF, NULLIF, .. stand for CASE expressions, so that they stay lazy; GREATEST and LEAST have kernels.

use arrow::array::ArrayRef;
use arrow::compute::interleave;
use datafusion::common::Result as DfResult;
use datafusion::logical_expr::{Case, Expr};
use filbert_types::{LogicalType, TypeKind};

use crate::cast::coerce;
use crate::common_type::{common_type, new_style_common_type};
use crate::definition::{Function, Inferred};
use crate::kernel::Call;
use crate::operators::comparison::{Comparison, compare, infer_compare};
use crate::operators::nested::order;
use crate::signature::{ANY, CallArgs};
use crate::typed::{ExprContext, TypedExpr};
use crate::{CallError, constructors, literal};

pub static FUNCTIONS: &[Function] = &[
    Function::expand(
        "COALESCE",
        &["COALESCE(<COMMON>, <COMMON>...)"],
        "The first argument that is not NULL.",
        infer_coalesce,
        |_, args, _| expand_coalesce(args),
    ),
    Function::expand(
        "IFNULL",
        &["IFNULL(input <COMMON>, null_replacement <COMMON>)"],
        "The first argument, or where it is NULL the second.",
        infer_ifnull,
        |_, args, _| expand_coalesce(args),
    ),
    Function::expand(
        "IF",
        &["IF(<BOOLEAN>, <COMMON>, <COMMON>)"],
        "The second argument where the condition is TRUE, else the third.",
        infer_if,
        expand_if,
    ),
    Function::expand(
        "NULLIF",
        &["NULLIF(<COMPARABLE>, <COMPARABLE>)"],
        "NULL where both arguments are equal, else the first.",
        infer_nullif,
        expand_nullif,
    ),
    Function::kernel(
        "GREATEST",
        &["GREATEST(<COMPARABLE>...)"],
        "The greatest argument; NULL where one is.",
        infer_extreme,
        |call| extreme(call, std::cmp::Ordering::Greater),
    ),
    Function::kernel(
        "LEAST",
        &["LEAST(<COMPARABLE>...)"],
        "The least argument; NULL where one is.",
        infer_extreme,
        |call| extreme(call, std::cmp::Ordering::Less),
    ),
    Function::expand(
        "TYPEOF",
        &[
            "TYPEOF(input <ANY>)",
            "TYPEOF(input <ANY>, force_serializable <BOOLEAN>)",
        ],
        "The argument's type as text.",
        infer_typeof,
        expand_typeof,
    ),
];

fn infer_coalesce(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    if call.is_empty() {
        return Err(call.wrong_count(&[1]));
    }
    let types = call.types();
    let common = new_style_common_type(&types).ok_or_else(|| invalid_input(call))?;
    if common.kind == TypeKind::Null {
        return Err(invalid_input(call));
    }
    let nullable = types.iter().all(|t| t.nullable);
    Ok(call.returns_type(to_common(&types, &common), common.with_nullable(nullable)))
}

fn infer_ifnull(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[ANY, ANY]])?;
    let common = new_style_common_type(&types).ok_or_else(|| invalid_input(call))?;
    let nullable = types.iter().all(|t| t.nullable);
    Ok(call.returns_type(to_common(&types, &common), common.with_nullable(nullable)))
}

/// How functions of Flink's new kind refuse arguments.
fn invalid_input(call: &CallArgs<'_>) -> CallError {
    let types: Vec<String> = call.types().iter().map(|t| t.to_string()).collect();
    CallError::Invalid(format!(
        "Invalid input arguments. Cannot apply '{}' to arguments of type ({}). Supported form(s): {}",
        call.function.name(),
        types.join(", "),
        call.function.signatures().join(", ")
    ))
}

fn to_common(types: &[LogicalType], common: &LogicalType) -> Vec<LogicalType> {
    types
        .iter()
        .map(|t| common.with_nullable(t.nullable))
        .collect()
}

fn expand_coalesce(args: Vec<TypedExpr>) -> Result<Expr, CallError> {
    // Nothing after the first that is never NULL is ever reached.
    let reached = args
        .iter()
        .position(|a| !a.ty.nullable)
        .map_or(args.len(), |first| first + 1);
    let mut args = args.into_iter().take(reached).map(|a| a.expr).rev();
    let Some(mut result) = args.next() else {
        return Err(CallError::Invalid("COALESCE() has no arguments".into()));
    };
    for arg in args {
        result = case(arg.clone().is_not_null(), arg, result);
    }
    Ok(result)
}

fn infer_if(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[ANY, ANY, ANY]])?;
    if !matches!(types[0].kind, TypeKind::Boolean | TypeKind::Null) {
        return Err(call.refuse());
    }
    let common = common_type(&types[1..]).ok_or_else(|| call.refuse())?;
    let mut args = to_common(&types, &common);
    args[0] = LogicalType::new(TypeKind::Boolean, types[0].nullable);
    // A condition that can be NULL makes the result so, though it never is NULL for that.
    let nullable = common.nullable || call.any_nullable();
    Ok(call.returns_type(args, common.with_nullable(nullable)))
}

fn expand_if(
    _ctx: &ExprContext,
    args: Vec<TypedExpr>,
    _ty: &LogicalType,
) -> Result<Expr, CallError> {
    match <[TypedExpr; 3]>::try_from(args) {
        Ok([condition, then, otherwise]) => Ok(case(condition.expr, then.expr, otherwise.expr)),
        Err(_) => Err(CallError::Invalid("IF has three arguments".into())),
    }
}

fn infer_nullif(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = infer_compare(call)?.arg_types;
    if types[0].kind == TypeKind::Null {
        return Err(CallError::Invalid(
            "ELSE clause or at least one THEN clause must be non-NULL".into(),
        ));
    }
    let ty = types[0].with_nullable(!never_equal(call));
    Ok(call.returns_type(types, ty))
}

/// Two different literals of one type: Flink folds the call to the first before it is typed.
fn never_equal(call: &CallArgs<'_>) -> bool {
    match (call.args[0].literal(), call.args[1].literal()) {
        (Some(a), Some(b)) => !a.is_null() && !b.is_null() && a != b && !equal_numbers(a, b),
        _ => false,
    }
}

fn equal_numbers(a: &datafusion::common::ScalarValue, b: &datafusion::common::ScalarValue) -> bool {
    let number =
        |v: &datafusion::common::ScalarValue| v.cast_to(&arrow::datatypes::DataType::Float64).ok();
    number(a).is_some_and(|a| number(b) == Some(a))
}

fn expand_nullif(
    ctx: &ExprContext,
    args: Vec<TypedExpr>,
    ty: &LogicalType,
) -> Result<Expr, CallError> {
    let Ok([value, other]) = <[TypedExpr; 2]>::try_from(args) else {
        return Err(CallError::Invalid("NULLIF has two arguments".into()));
    };
    let first = value.expr.clone();
    let equal = compare(ctx, value, other, Comparison::Eq)?;
    Ok(case(equal, literal::null_of(ty).expr, first))
}

fn infer_extreme(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    if call.is_empty() {
        return Err(call.wrong_count(&[1]));
    }
    let types = call.types();
    let common = common_type(&types).filter(|t| is_ordered(&t.kind)).ok_or_else(|| {
        let names: Vec<String> = types.iter().map(|t| t.to_string()).collect();
        CallError::Invalid(format!(
            "All types in a comparison should support both 'EQUALS' and 'ORDER' comparison with each other. Can not compare {}",
            names.join(" with ")
        ))
    })?;
    Ok(call.returns_type(to_common(&types, &common), common))
}

fn is_ordered(kind: &TypeKind) -> bool {
    !matches!(
        kind,
        TypeKind::Array(_)
            | TypeKind::Map(..)
            | TypeKind::Multiset(_)
            | TypeKind::Row(_)
            | TypeKind::Structured { .. }
            | TypeKind::Variant
            | TypeKind::Bitmap
            | TypeKind::Raw { .. }
            | TypeKind::Null
    )
}

fn extreme(call: &Call<'_>, wanted: std::cmp::Ordering) -> DfResult<ArrayRef> {
    let columns: Vec<ArrayRef> = (0..call.args.len())
        .map(|i| call.array(i))
        .collect::<DfResult<_>>()?;
    let orders = columns
        .iter()
        .map(|a| {
            columns
                .iter()
                .map(|b| order(a, b))
                .collect::<DfResult<Vec<_>>>()
        })
        .collect::<DfResult<Vec<_>>>()?;
    let picks: Vec<(usize, usize)> = (0..call.rows)
        .map(|row| {
            let mut best = 0;
            for i in 0..columns.len() {
                if columns[i].is_null(row) {
                    return (i, row);
                }
                if orders[i][best](row, row) == wanted {
                    best = i;
                }
            }
            (best, row)
        })
        .collect();
    let columns: Vec<&dyn arrow::array::Array> = columns.iter().map(|c| c.as_ref()).collect();
    Ok(interleave(&columns, &picks)?)
}

fn infer_typeof(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[ANY], &[ANY, crate::signature::BOOLEAN.literal()]])?;
    Ok(call.returns_nullable(types, TypeKind::STRING))
}

fn expand_typeof(
    _ctx: &ExprContext,
    args: Vec<TypedExpr>,
    _ty: &LogicalType,
) -> Result<Expr, CallError> {
    let serializable = args.get(1).and_then(TypedExpr::literal)
        == Some(&datafusion::common::ScalarValue::Boolean(Some(true)));
    let text = match &args[0].ty.without_time_attribute() {
        ty if serializable => ty.serializable(),
        ty => ty.to_string(),
    };
    Ok(literal::string(&text).expr)
}

pub(crate) fn bind_case(
    ctx: &ExprContext,
    whens: Vec<(TypedExpr, TypedExpr)>,
    otherwise: Option<TypedExpr>,
) -> Result<TypedExpr, CallError> {
    let otherwise = otherwise.unwrap_or_else(literal::null);
    let (conditions, mut values): (Vec<_>, Vec<_>) = whens.into_iter().unzip();
    if let Some(wrong) = conditions
        .iter()
        .find(|c| !matches!(c.ty.kind, TypeKind::Boolean | TypeKind::Null))
    {
        return Err(CallError::Invalid(format!(
            "Expected a boolean type as CASE's condition, but got {}",
            wrong.ty
        )));
    }
    values.push(otherwise);
    if values.iter().all(|v| v.ty.kind == TypeKind::Null) {
        return Err(CallError::Invalid(
            "ELSE clause or at least one THEN clause must be non-NULL".into(),
        ));
    }
    let types: Vec<String> = values.iter().map(|v| v.ty.to_string()).collect();
    let (mut values, ty) = constructors::to_common_type(ctx, values).ok_or_else(|| {
        CallError::Invalid(format!(
            "Illegal mixing of types in CASE or COALESCE statement: {}",
            types.join(", ")
        ))
    })??;
    let otherwise = values.pop().map(|v| Box::new(v.expr));
    let boolean = LogicalType::from(TypeKind::Boolean);
    let conditions = conditions
        .into_iter()
        .map(|c| coerce(ctx, c, &boolean))
        .collect::<Result<Vec<_>, _>>()?;
    let whens = conditions
        .into_iter()
        .zip(values)
        .map(|(when, then)| (Box::new(when.expr), Box::new(then.expr)))
        .collect();
    let expr = Expr::Case(Case::new(None, whens, otherwise));
    Ok(TypedExpr::new(expr, ty))
}

/// `CASE WHEN condition THEN value ELSE otherwise END`.
pub(crate) fn case(condition: Expr, value: Expr, otherwise: Expr) -> Expr {
    Expr::Case(Case::new(
        None,
        vec![(Box::new(condition), Box::new(value))],
        Some(Box::new(otherwise)),
    ))
}
