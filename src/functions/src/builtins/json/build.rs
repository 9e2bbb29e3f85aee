use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, MapArray, StructArray};
use arrow::datatypes::{
    DataType, Decimal128Type, DecimalType, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType,
};
use base64::Engine;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Expr;
use filbert_types::{LogicalType, TypeKind};

use crate::CallError;
use crate::call::bind_kernel;
use crate::definition::{Function, FunctionRef, Inferred};
use crate::java::sql_date::timestamp_to_iso;
use crate::json::value::{Json, decimal_text};
use crate::kernel::{Call, fail};
use crate::signature::{ANY, CallArgs, Family, Param, STRING};
use crate::typed::{ExprContext, TypedExpr};

pub static FUNCTIONS: &[Function] = &[
    Function::expand(
        "JSON_OBJECT",
        &["JSON_OBJECT([[KEY] <STRING> VALUE <ANY>]... [NULL | ABSENT ON NULL])"],
        "A JSON object of keys and values.",
        infer_object,
        |ctx, args, ty| build(ctx, "$JSON_OBJECT", args, ty),
    ),
    Function::expand(
        "JSON_ARRAY",
        &["JSON_ARRAY([<ANY>]... [NULL | ABSENT ON NULL])"],
        "A JSON array of values.",
        infer_array,
        |ctx, args, ty| build(ctx, "$JSON_ARRAY", args, ty),
    ),
    helper("$JSON_OBJECT", object),
    helper("$JSON_ARRAY", array),
    Function::kernel(
        "JSON",
        &["JSON(<STRING>)"],
        "Within JSON_OBJECT and JSON_ARRAY: the text is JSON already.",
        |call| Ok(call.returns(call.matches(&[&[STRING]])?, TypeKind::STRING)),
        |_| {
            Err(fail(
                "The JSON() function is currently only supported inside JSON_ARRAY() or as the VALUE param of JSON_OBJECT().",
            ))
        },
    )
    .fallible(),
    Function::kernel(
        "JSON_STRING",
        &["JSON_STRING(<ANY>)"],
        "The value as JSON.",
        |call| {
            let types = call.matches(&[&[ANY]])?;
            if types[0].kind == TypeKind::Null {
                return Ok(call.returns(vec![LogicalType::string()], TypeKind::STRING));
            }
            check_type(&types[0])?;
            Ok(call.returns(types, TypeKind::STRING))
        },
        json_string,
    )
    .fallible(),
    Function::kernel(
        "JSON_QUOTE",
        &["JSON_QUOTE(<CHARACTER_STRING>)"],
        "The text as a JSON string, with escapes for all that isn't ASCII.",
        |call| Ok(call.returns(call.matches(&[&[STRING]])?, TypeKind::STRING)),
        quote,
    ),
    Function::kernel(
        "JSON_UNQUOTE",
        &["JSON_UNQUOTE(<CHARACTER_STRING>)"],
        "The text of a JSON string; any other text as it is.",
        |call| Ok(call.returns(call.matches(&[&[STRING]])?, TypeKind::STRING)),
        unquote,
    ),
];

const fn helper(name: &'static str, kernel: crate::definition::Kernel) -> Function {
    Function::kernel(
        name,
        &["JSON_OBJECT(..), JSON_ARRAY(..)"],
        "Builds JSON.",
        |call| {
            let types = call.matches_variadic(&[ANY], &ANY)?;
            Ok(call.returns_type(types, LogicalType::not_null(TypeKind::STRING)))
        },
        kernel,
    )
    .hidden()
    .fallible()
}

const SYMBOL: Param = Param::of(Family::Symbol);

fn infer_object(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches_variadic(&[SYMBOL], &ANY)?;
    for (index, ty) in types.iter().enumerate().skip(1) {
        if index % 2 == 0 {
            check_type(ty)?;
        } else if !ty.kind.is_character() {
            return Err(CallError::Invalid(format!(
                "JSON_OBJECT: Expected a character type as key, but got {ty}"
            )));
        } else if call.args[index].literal().is_some_and(ScalarValue::is_null) {
            return Err(CallError::Invalid(
                "JSON_OBJECT: a key must not be NULL".to_string(),
            ));
        }
    }
    Ok(call.returns_type(types, LogicalType::not_null(TypeKind::STRING)))
}

fn infer_array(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    let types = call.matches_variadic(&[SYMBOL], &ANY)?;
    types.iter().skip(1).try_for_each(check_type)?;
    Ok(call.returns_type(types, LogicalType::not_null(TypeKind::STRING)))
}

/// Whether values of a type have a form in JSON.
fn check_type(ty: &LogicalType) -> Result<(), CallError> {
    match &ty.kind {
        TypeKind::Null => Err(CallError::Invalid(
            "A bare NULL has no type in JSON: write CAST(NULL AS type)".to_string(),
        )),
        TypeKind::Array(element) => check_type(element),
        TypeKind::Map(key, _) | TypeKind::Multiset(key) if !key.kind.is_character() => {
            Err(CallError::Invalid(format!(
                "Type '{key}' is not supported for JSON conversion. The key type must be a character string."
            )))
        }
        TypeKind::Map(_, value) => check_type(value),
        TypeKind::Row(fields) => fields.iter().try_for_each(|f| check_type(&f.ty)),
        kind if kind.is_character()
            || kind.is_numeric()
            || kind.is_binary()
            || kind.is_timestamp()
            || matches!(
                kind,
                TypeKind::Boolean | TypeKind::Multiset(_) | TypeKind::Variant
            ) =>
        {
            Ok(())
        }
        _ => Err(CallError::Invalid(format!(
            "Type '{ty}' is not scalar or cannot be converted into JSON."
        ))),
    }
}

/// The call of a helper whose first argument tells which of the others are JSON already.
fn build(
    ctx: &ExprContext,
    name: &str,
    args: Vec<TypedExpr>,
    ty: &LogicalType,
) -> Result<Expr, CallError> {
    let raw: String = args
        .iter()
        .map(|a| if is_raw(&a.expr) { '1' } else { '0' })
        .collect();
    let args = args.into_iter().map(|arg| match inner_of_json(&arg.expr) {
        Some(inner) => TypedExpr::new(inner, arg.ty),
        None => arg,
    });
    let function = crate::registry::built_in(name)
        .ok_or_else(|| CallError::Invalid(format!("{name} is not registered")))?;
    let flags = crate::literal::symbol(&raw);
    let args = std::iter::once(flags).chain(args).collect();
    Ok(bind_kernel(ctx, FunctionRef::BuiltIn(function), args, ty.clone()).expr)
}

/// Whether a value is JSON text already: what JSON(), JSON_OBJECT and JSON_ARRAY give.
pub(crate) fn is_raw(expr: &Expr) -> bool {
    matches!(expr, Expr::ScalarFunction(f) if matches!(f.func.name(), "JSON" | "$JSON_OBJECT" | "$JSON_ARRAY"))
}

/// The argument of a call of JSON().
fn inner_of_json(expr: &Expr) -> Option<Expr> {
    match expr {
        Expr::ScalarFunction(f) if f.func.name() == "JSON" => f.args.first().cloned(),
        _ => None,
    }
}

struct Builder {
    columns: Vec<ArrayRef>,
    raw: Vec<bool>,
    absent: bool,
}

impl Builder {
    fn new(call: &Call<'_>) -> Result<Builder> {
        let flags = call.strings(0)?;
        let on_null = call.strings(1)?;
        Ok(Builder {
            columns: (2..call.args.len())
                .map(|i| call.array(i))
                .collect::<Result<_>>()?,
            raw: flags
                .constant()
                .unwrap_or("")
                .chars()
                .skip(1)
                .map(|c| c == '1')
                .collect(),
            absent: on_null.constant() == Some("ABSENT"),
        })
    }

    /// The value of a column; none where it is left out.
    fn value(&self, call: &Call<'_>, column: usize, row: usize) -> Result<Option<Json>> {
        let array = &self.columns[column];
        if array.is_null(row) {
            return Ok((!self.absent).then_some(Json::Null));
        }
        if self.raw.get(column).copied().unwrap_or(false)
            && let Some(texts) = array.as_string_view_opt()
        {
            let value = Json::parse(texts.value(row)).map_err(fail)?;
            return Ok(Some(value.sorted()));
        }
        to_json(&call.arg_types[column + 2], array, row).map(Some)
    }
}

fn object(call: &Call<'_>) -> Result<ArrayRef> {
    let builder = Builder::new(call)?;
    call.build_strings(|row, out| {
        let mut fields: Vec<(String, Json)> = Vec::new();
        for column in (0..builder.columns.len()).step_by(2) {
            let keys = &builder.columns[column];
            if keys.is_null(row) {
                return Err(fail("JSON_OBJECT: a key must not be NULL"));
            }
            let key = keys.as_string_view().value(row).to_string();
            let Some(value) = builder.value(call, column + 1, row)? else {
                continue;
            };
            match fields.iter_mut().find(|(k, _)| *k == key) {
                Some(field) => field.1 = value,
                None => fields.push((key, value)),
            }
        }
        Json::Object(fields).sorted().write(out);
        Ok(true)
    })
}

fn array(call: &Call<'_>) -> Result<ArrayRef> {
    let builder = Builder::new(call)?;
    call.build_strings(|row, out| {
        let mut items = Vec::new();
        for column in 0..builder.columns.len() {
            items.extend(builder.value(call, column, row)?);
        }
        Json::Array(items).write(out);
        Ok(true)
    })
}

fn json_string(call: &Call<'_>) -> Result<ArrayRef> {
    let values = call.array(0)?;
    call.build_strings(|row, out| {
        if values.is_null(row) {
            return Ok(false);
        }
        to_json(&call.arg_types[0], &values, row)?.write(out);
        Ok(true)
    })
}

/// A value of a column as JSON.
pub(crate) fn to_json(ty: &LogicalType, array: &ArrayRef, row: usize) -> Result<Json> {
    if array.is_null(row) {
        return Ok(Json::Null);
    }
    let integer = |v: i64| Json::Number(v.to_string());
    Ok(match array.data_type() {
        DataType::Boolean => Json::Bool(array.as_boolean().value(row)),
        DataType::Int8 => integer(array.as_primitive::<Int8Type>().value(row).into()),
        DataType::Int16 => integer(array.as_primitive::<Int16Type>().value(row).into()),
        DataType::Int32 => integer(array.as_primitive::<Int32Type>().value(row).into()),
        DataType::Int64 => integer(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float32 => {
            Json::from_double(array.as_primitive::<Float32Type>().value(row).into())
        }
        DataType::Float64 => Json::from_double(array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(precision, scale) => {
            let value = array.as_primitive::<Decimal128Type>().value(row);
            let text = Decimal128Type::format_decimal(value, *precision, *scale);
            Json::Number(decimal_text(&text))
        }
        DataType::Utf8View => Json::String(array.as_string_view().value(row).to_string()),
        DataType::BinaryView => binary(ty, array.as_binary_view().value(row))?,
        DataType::Timestamp(unit, zone) => {
            let mut text = iso(array, *unit, row);
            if zone.is_some() {
                text.push('Z');
            }
            Json::String(text)
        }
        DataType::List(_) => list(ty, array.as_list::<i32>(), row)?,
        DataType::Map(..) => map(ty, array.as_map(), row)?,
        DataType::Struct(_) => row_object(ty, array.as_struct(), row)?,
        other => return Err(fail(format!("A value of {other} has no form in JSON"))),
    })
}

fn binary(ty: &LogicalType, bytes: &[u8]) -> Result<Json> {
    if ty.kind == TypeKind::Variant {
        return crate::variant::read(bytes).map_err(fail);
    }
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    Ok(Json::String(text))
}

/// `2020-01-01T00:00:00.5`: seconds always, and as many digits of fraction as there are.
fn iso(array: &ArrayRef, unit: TimeUnit, row: usize) -> String {
    let nanos = match unit {
        TimeUnit::Nanosecond => {
            i128::from(array.as_primitive::<TimestampNanosecondType>().value(row))
        }
        TimeUnit::Microsecond => {
            i128::from(array.as_primitive::<TimestampMicrosecondType>().value(row)) * 1_000
        }
        _ => i128::from(array.as_primitive::<TimestampMillisecondType>().value(row)) * 1_000_000,
    };
    let mut text = timestamp_to_iso(nanos);
    if text.matches(':').count() == 1 {
        text.push_str(":00");
    }
    if text.contains('.') {
        text.truncate(text.trim_end_matches('0').len());
    }
    text
}

fn list(ty: &LogicalType, lists: &ListArray, row: usize) -> Result<Json> {
    let TypeKind::Array(element) = &ty.kind else {
        return Err(fail(format!("{ty} is no array")));
    };
    let offsets = lists.value_offsets();
    (offsets[row] as usize..offsets[row + 1] as usize)
        .map(|i| to_json(element, lists.values(), i))
        .collect::<Result<_>>()
        .map(Json::Array)
}

fn map(ty: &LogicalType, maps: &MapArray, row: usize) -> Result<Json> {
    let int = LogicalType::from(TypeKind::Int);
    let value_type = match &ty.kind {
        TypeKind::Map(_, value) => value.as_ref(),
        _ => &int,
    };
    let offsets = maps.value_offsets();
    let keys = Arc::clone(maps.keys());
    let fields = (offsets[row] as usize..offsets[row + 1] as usize)
        .map(|i| {
            let key = match keys.as_string_view_opt() {
                Some(texts) if !texts.is_null(i) => texts.value(i).to_string(),
                _ => return Err(fail("The key of a map must not be NULL in JSON")),
            };
            Ok((key, to_json(value_type, maps.values(), i)?))
        })
        .collect::<Result<_>>()?;
    Ok(Json::Object(fields).sorted())
}

fn row_object(ty: &LogicalType, rows: &StructArray, row: usize) -> Result<Json> {
    let TypeKind::Row(fields) = &ty.kind else {
        return Err(fail(format!("{ty} is no row")));
    };
    let fields = fields
        .iter()
        .zip(rows.columns())
        .map(|(field, column)| Ok((field.name.clone(), to_json(&field.ty, column, row)?)))
        .collect::<Result<_>>()?;
    Ok(Json::Object(fields).sorted())
}

/// Characters beyond the 16-bit ones come out as Flink writes them: the whole number, then the second surrogate.
fn quote(call: &Call<'_>) -> Result<ArrayRef> {
    use std::fmt::Write;
    let text = call.strings(0)?;
    call.strict_strings(|row, out| {
        out.push('"');
        for c in text.value(row).chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '/' => out.push_str("\\/"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                ' '..='\u{7e}' => out.push(c),
                c => {
                    // Writing to a String cannot fail.
                    let _ = write!(out, "\\u{:04x}", c as u32);
                    if c > '\u{ffff}' {
                        let mut units = [0; 2];
                        let _ = write!(out, "\\u{:04x}", c.encode_utf16(&mut units)[1]);
                    }
                }
            }
        }
        out.push('"');
        Ok(true)
    })
}

fn unquote(call: &Call<'_>) -> Result<ArrayRef> {
    let text = call.strings(0)?;
    call.strict_strings(|row, out| {
        let text = text.value(row);
        let inner = text
            .strip_prefix('"')
            .and_then(|t| t.strip_suffix('"'))
            .filter(|_| Json::parse(text).is_ok());
        match inner {
            Some(inner) => unescape(inner, out),
            None => out.push_str(text),
        }
        Ok(true)
    })
}

fn unescape(text: &str, out: &mut String) {
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        units.extend(rest[..at].encode_utf16());
        rest = &rest[at + 1..];
        let escaped = rest.chars().next();
        rest = &rest[escaped.map_or(0, char::len_utf8)..];
        match escaped {
            Some('u') => {
                let code = rest.get(..4).and_then(|t| u16::from_str_radix(t, 16).ok());
                units.push(code.unwrap_or(u16::from(b'?')));
                rest = rest.get(4..).unwrap_or("");
            }
            Some('b') => units.push(8),
            Some('f') => units.push(12),
            Some('n') => units.push(10),
            Some('r') => units.push(13),
            Some('t') => units.push(9),
            Some(c) => units.extend(c.encode_utf16(&mut [0; 2]).iter()),
            None => {}
        }
    }
    units.extend(rest.encode_utf16());
    out.extend(char::decode_utf16(units).map(|c| c.unwrap_or('?')));
}
