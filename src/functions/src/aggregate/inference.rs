//! The types that aggregate calls take and give, and what they refuse.

use filbert_types::{LogicalType, TypeKind};

use crate::CallError;
use crate::definition::Inferred;
use crate::signature::{ANY, BIGINT, CallArgs, DOUBLE, Family, INT, NUMERIC, Param, STRING};

pub(super) fn infer_count(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches_variadic(&[], &ANY)?;
    Ok(call.returns(types, TypeKind::BigInt))
}

fn one_numeric(call: &CallArgs<'_>) -> Result<Vec<LogicalType>, CallError> {
    call.matches(&[&[NUMERIC]])
}

pub(super) fn infer_sum(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = one_numeric(call)?;
    let kind = match &types[0].kind {
        TypeKind::Decimal { scale, .. } => TypeKind::decimal(38, *scale),
        kind => kind.clone(),
    };
    Ok(call.returns(types, kind))
}

/// AVG's type, which the statistics share.
fn average_kind(kind: &TypeKind) -> TypeKind {
    match kind {
        TypeKind::Decimal { scale, .. } => TypeKind::decimal(38, (*scale).max(6)),
        kind => kind.clone(),
    }
}

pub(super) fn infer_avg(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = one_numeric(call)?;
    let kind = average_kind(&types[0].kind);
    Ok(call.returns(types, kind))
}

pub(super) fn infer_variance(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = one_numeric(call)?;
    let kind = average_kind(&types[0].kind);
    let args = vec![LogicalType::new(TypeKind::Double, types[0].nullable)];
    Ok(call.returns(args, kind))
}

pub(super) fn infer_extreme(call: &CallArgs<'_>, name: &str) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[ANY]])?;
    let kind = types[0].without_time_attribute().kind;
    let root = match &kind {
        TypeKind::Array(_) => "ARRAY",
        TypeKind::Map(..) => "MAP",
        TypeKind::Multiset(_) => "MULTISET",
        TypeKind::Row(_) => "ROW",
        TypeKind::Structured { .. } => "STRUCTURED_TYPE",
        TypeKind::Binary(_) => "BINARY",
        TypeKind::VarBinary(_) => "VARBINARY",
        TypeKind::Variant => "VARIANT",
        TypeKind::Bitmap => "BITMAP",
        TypeKind::Raw { .. } => "RAW",
        TypeKind::Null => "NULL",
        _ => return Ok(call.returns(types, kind)),
    };
    Err(CallError::Invalid(format!(
        "{name} aggregate function does not support type: ''{root}''."
    )))
}

pub(super) fn infer_same(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[ANY]])?;
    let kind = types[0].without_time_attribute().kind;
    Ok(call.returns(types, kind))
}

pub(super) fn infer_listagg(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    if call.len() == 2 && call.kind(1).is_character() && call.args[1].literal().is_none() {
        return Err(CallError::Invalid(
            "Argument to function 'LISTAGG' must be a literal".into(),
        ));
    }
    let types = call.matches(&[&[STRING], &[STRING, STRING]])?;
    let kind = types[0].kind.clone();
    Ok(call.returns(types, kind))
}

pub(super) fn infer_array_agg(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[ANY]])?;
    let element = types[0].without_time_attribute();
    Ok(call.returns(types, TypeKind::Array(Box::new(element))))
}

pub(super) fn infer_collect(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[ANY]])?;
    let element = types[0].without_time_attribute();
    Ok(call.returns(types, TypeKind::Multiset(Box::new(element))))
}

pub(super) fn infer_approx_count_distinct(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let mut types = call.matches(&[&[ANY]])?;
    let kind = &types[0].kind;
    let supported = kind.is_numeric()
        || kind.is_character()
        || kind.is_timestamp()
        || matches!(kind, TypeKind::Date | TypeKind::Time(_) | TypeKind::Null);
    if !supported {
        return Err(CallError::Invalid(format!(
            "APPROX_COUNT_DISTINCT aggregate function does not support type: ''{}''.",
            types[0].with_nullable(true)
        )));
    }
    // DataFusion's sketch takes no floating point numbers; their texts differ where they do.
    if kind.is_approximate_numeric() {
        types[0] = LogicalType::new(TypeKind::STRING, types[0].nullable);
    }
    Ok(call.returns(types, TypeKind::BigInt))
}

pub(super) fn infer_percentile(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    const MANY: Param = Param::of(Family::Array);
    let forms: &[&[Param]] = &[
        &[DOUBLE, DOUBLE],
        &[DOUBLE, MANY],
        &[DOUBLE, DOUBLE, BIGINT],
        &[DOUBLE, MANY, BIGINT],
    ];
    let mut types = call.matches(forms)?;
    check_present_percentages(call)?;
    let percentages = LogicalType::not_null(TypeKind::Double);
    let kind = if matches!(types[1].kind, TypeKind::Array(_)) {
        let array = TypeKind::Array(Box::new(percentages));
        types[1] = LogicalType::new(array.clone(), types[1].nullable);
        TypeKind::Array(Box::new(LogicalType::from(TypeKind::Double)))
    } else {
        check_percentage(call)?;
        TypeKind::Double
    };
    Ok(call.returns(types, kind))
}

/// The length that Flink gives texts made by JSON aggregates.
const JSON_TEXT: TypeKind = TypeKind::VarChar(2000);

pub(super) fn infer_json_object(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let mut types = call.matches(&[&[STRING, ANY]])?;
    types[1] = LogicalType::new(TypeKind::STRING, types[1].nullable);
    Ok(call.returns(types, JSON_TEXT))
}

pub(super) fn infer_json_array(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[ANY]])?;
    let text = vec![LogicalType::new(TypeKind::STRING, types[0].nullable)];
    Ok(call.returns(text, JSON_TEXT))
}

pub(super) fn infer_bitmap_build(
    call: &CallArgs<'_>,
    result: TypeKind,
) -> Result<Inferred, CallError> {
    let types = call.matches(&[&[INT]])?;
    if *call.kind(0) == TypeKind::BigInt {
        return Err(CallError::Invalid(
            "Unsupported argument type. Expected type root 'INTEGER' but actual type was 'BIGINT'."
                .into(),
        ));
    }
    Ok(call.returns(types, result))
}

pub(super) fn infer_bitmap(call: &CallArgs<'_>, result: TypeKind) -> Result<Inferred, CallError> {
    const BITMAP: Param = Param::of(Family::Bitmap);
    let types = call.matches(&[&[BITMAP]])?;
    Ok(call.returns(types, result))
}

/// No percentage can be NULL, by its type.
fn check_present_percentages(call: &CallArgs<'_>) -> Result<(), CallError> {
    let given = call.ty(1);
    let may_be_null = match &given.kind {
        TypeKind::Array(element) => element.nullable,
        _ => given.nullable,
    };
    if may_be_null {
        return Err(CallError::Invalid(format!(
            "Invalid input arguments. Percentages of PERCENTILE must be of a type that is NOT NULL, but are of type '{given}'. COALESCE \
             gives one."
        )));
    }
    Ok(())
}

/// A literal percentage lies between 0 and 1.
fn check_percentage(call: &CallArgs<'_>) -> Result<(), CallError> {
    let Some(value) = call.args[1].literal() else {
        return Ok(());
    };
    let number = value.cast_to(&arrow::datatypes::DataType::Float64);
    if let Ok(datafusion::common::ScalarValue::Float64(Some(p))) = number
        && !(0.0..=1.0).contains(&p)
    {
        return Err(CallError::Invalid(format!(
            "Invalid input arguments. Percentage of PERCENTILE should be between [0.0, 1.0], but was '{p}'."
        )));
    }
    Ok(())
}
