use arrow::array::{Array, ArrayRef, ListBuilder, StringViewBuilder};
use arrow::datatypes::{Float64Type, Int32Type};
use datafusion::common::Result;
use filbert_types::{LogicalType, TypeKind};

use crate::CallError;
use crate::bare_null;
use crate::cast::cast_array;
use crate::definition::{Function, Inferred};
use crate::java::cache::Cached;
use crate::json::eval::select;
use crate::json::path::{Mode, Path};
use crate::json::value::Json;
use crate::kernel::{Call, fail};
use crate::signature::{ANY, CallArgs, Family, Param, STRING};
use crate::typed::TypedExpr;

pub static FUNCTIONS: &[Function] = &[
    Function::kernel(
        "IS JSON",
        &["<STRING> IS [NOT] JSON [VALUE | OBJECT | ARRAY | SCALAR]"],
        "Whether the text is JSON, of a kind; FALSE for NULL.",
        |call| {
            let types = call.matches(&[&[STRING], &[STRING, SYMBOL]])?;
            Ok(call.returns_type(types, LogicalType::not_null(TypeKind::Boolean)))
        },
        is_json,
    )
    .aliases(&["IS_JSON"]),
    Function::kernel(
        "JSON_EXISTS",
        &["JSON_EXISTS(<STRING>, <PATH> [TRUE | FALSE | UNKNOWN | ERROR ON ERROR])"],
        "Whether a path selects anything in a JSON text.",
        |call| {
            let types = call.matches(&[&[STRING, STRING], &[STRING, STRING, SYMBOL]])?;
            Ok(call.returns_nullable(types, TypeKind::Boolean))
        },
        exists,
    )
    .fallible(),
    Function::kernel(
        "JSON_VALUE",
        &["JSON_VALUE(<STRING>, <PATH> [RETURNING <TYPE>] [NULL | ERROR | DEFAULT <ANY> ON EMPTY] [NULL | ERROR | DEFAULT <ANY> ON ERROR])"],
        "The scalar that a path selects in a JSON text.",
        infer_value,
        value,
    )
    .fallible(),
    Function::kernel(
        "JSON_QUERY",
        &["JSON_QUERY(<STRING>, <PATH> [RETURNING <TYPE>] [WITHOUT | WITH [CONDITIONAL | UNCONDITIONAL] WRAPPER] [NULL | EMPTY ARRAY | EMPTY OBJECT | ERROR ON EMPTY] [.. ON ERROR])"],
        "The array or object that a path selects in a JSON text.",
        infer_query,
        query,
    )
    .fallible(),
];

const SYMBOL: Param = Param::of(Family::Symbol);

fn refuse_null(call: &CallArgs<'_>) -> Result<(), CallError> {
    let is_null = |arg: &TypedExpr| arg.ty.kind == TypeKind::Null;
    match call.args.iter().take(2).any(is_null) {
        true => Err(bare_null::illegal(call.function.name())),
        false => Ok(()),
    }
}

/// Checks the text and the path by themselves: the clauses' arguments have no place in an error.
fn check_texts(call: &CallArgs<'_>) -> Result<(), CallError> {
    let texts = CallArgs {
        args: &call.args[..call.len().min(2)],
        ..*call
    };
    texts.matches(&[&[STRING, STRING]]).map(drop)
}

fn infer_value(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    refuse_null(call)?;
    if call.len() == 2 {
        let types = call.matches(&[&[STRING, STRING]])?;
        return Ok(call.returns_nullable(types, TypeKind::STRING));
    }
    check_texts(call)?;
    let mut types = call.matches(&[&[STRING, STRING, ANY, SYMBOL, ANY, SYMBOL, ANY]])?;
    let returning = types[2].kind.clone();
    let supported = returning.is_character()
        || matches!(
            returning,
            TypeKind::Boolean | TypeKind::Int | TypeKind::Double
        );
    if !supported {
        return Err(CallError::Invalid(format!(
            "Unsupported type '{returning}' for RETURNING in JSON_VALUE(): STRING, BOOLEAN, INTEGER and DOUBLE are supported.",
            returning = LogicalType::from(returning)
        )));
    }
    for default in [4, 6] {
        if call.literal_str(default - 1) == Some("DEFAULT") && *call.kind(default) == TypeKind::Null
        {
            return Err(bare_null::illegal(call.function.name()));
        }
        types[default] = LogicalType::new(returning.clone(), true);
    }
    Ok(call.returns_nullable(types, returning))
}

fn infer_query(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    refuse_null(call)?;
    if call.len() == 2 {
        let types = call.matches(&[&[STRING, STRING]])?;
        return Ok(call.returns_nullable(types, TypeKind::STRING));
    }
    check_texts(call)?;
    let types = call.matches(&[&[STRING, STRING, ANY, SYMBOL, SYMBOL, SYMBOL]])?;
    let returning = types[2].kind.clone();
    match &returning {
        kind if kind.is_character() => {}
        TypeKind::Array(element) if element.kind.is_character() => {
            for (index, when) in [(4, "empty"), (5, "error")] {
                if call.literal_str(index) == Some("EMPTY OBJECT") {
                    return Err(CallError::Invalid(format!(
                        "Illegal on {when} behavior 'EMPTY OBJECT' for return type: {}",
                        types[2]
                    )));
                }
            }
        }
        TypeKind::Array(element) => {
            return Err(CallError::Invalid(format!(
                "Unsupported array element type '{element}' for RETURNING ARRAY in JSON_QUERY()."
            )));
        }
        _ => {
            return Err(CallError::Invalid(format!(
                "Unsupported type '{}' for RETURNING in JSON_QUERY().",
                types[2]
            )));
        }
    }
    Ok(call.returns_nullable(types, returning))
}

fn is_json(call: &Call<'_>) -> Result<ArrayRef> {
    let text = call.strings(0)?;
    let kind = match call.args.len() {
        2 => call.strings(1)?.constant().unwrap_or("VALUE").to_string(),
        _ => "VALUE".to_string(),
    };
    call.build_booleans(|row| {
        let value = text.get(row).and_then(|t| Json::parse(t).ok());
        Ok(Some(match (value, kind.as_str()) {
            (None, _) => false,
            (Some(Json::Object(_)), "OBJECT") | (Some(Json::Array(_)), "ARRAY") => true,
            (Some(value), "SCALAR") => value.is_scalar(),
            (Some(_), kind) => kind == "VALUE",
        }))
    })
}

/// What a path selects of a text, in which mode; the error is for ON ERROR.
fn selected<'k>(
    paths: &mut Cached<'k, Path>,
    text: &str,
    path: &'k str,
) -> (Mode, Result<Option<Json>, String>) {
    let path = match paths.get(path, "", Path::parse) {
        Ok(path) => path,
        Err(e) => return (Mode::Strict, Err(e.clone())),
    };
    let result = match (Json::parse(text), path.mode) {
        (Ok(root), _) => select(path, &root),
        // In lax mode a text that is no JSON holds nothing.
        (Err(_), Mode::Lax) => Ok(None),
        (Err(e), Mode::Strict) => Err(e),
    };
    (path.mode, result)
}

fn symbol(call: &Call<'_>, index: usize, default: &str) -> Result<String> {
    if call.args.len() <= index {
        return Ok(default.to_string());
    }
    let arg = call.strings(index)?;
    Ok(arg.constant().unwrap_or(default).to_string())
}

fn exists(call: &Call<'_>) -> Result<ArrayRef> {
    let (text, path) = (call.strings(0)?, call.strings(1)?);
    let on_error = symbol(call, 2, "FALSE")?;
    let mut paths = Cached::default();
    call.strict_booleans(
        |row| match selected(&mut paths, text.value(row), path.value(row)).1 {
            Ok(found) => Ok(Some(found.is_some_and(|v| v != Json::Null))),
            Err(e) => match on_error.as_str() {
                "TRUE" => Ok(Some(true)),
                "UNKNOWN" => Ok(None),
                "ERROR" => Err(fail(format!("JSON_EXISTS: {e}"))),
                _ => Ok(Some(false)),
            },
        },
    )
}

/// A value, or which of its defaults stands for it.
enum Outcome {
    Value(Json),
    Null,
    DefaultOnEmpty,
    DefaultOnError,
}

fn value_outcome(
    mode: Mode,
    result: Result<Option<Json>, String>,
    on_empty: &str,
    on_error: &str,
) -> Result<Outcome> {
    let error = match result {
        Err(e) => e,
        Ok(found) => {
            let found = found.filter(|v| *v != Json::Null);
            match found {
                Some(value) if value.is_scalar() => return Ok(Outcome::Value(value)),
                Some(value) if mode == Mode::Strict => format!(
                    "Strict jsonpath mode requires scalar value, and the actual value is: '{}'",
                    value.text()
                ),
                _ => {
                    return match on_empty {
                        "ERROR" => Err(fail("Empty result of JSON_VALUE function is not allowed")),
                        "DEFAULT" => Ok(Outcome::DefaultOnEmpty),
                        _ => Ok(Outcome::Null),
                    };
                }
            }
        }
    };
    match on_error {
        "ERROR" => Err(fail(format!("JSON_VALUE: {error}"))),
        "DEFAULT" => Ok(Outcome::DefaultOnError),
        _ => Ok(Outcome::Null),
    }
}

fn value(call: &Call<'_>) -> Result<ArrayRef> {
    let (text, path) = (call.strings(0)?, call.strings(1)?);
    let (on_empty, on_error) = (symbol(call, 3, "NULL")?, symbol(call, 5, "NULL")?);
    let mut paths = Cached::default();
    // As an argument that is NULL, a default that is NULL makes the whole so.
    let mut defaults = Vec::new();
    for (behavior, place) in [(&on_empty, 4), (&on_error, 6)] {
        if behavior == "DEFAULT" {
            defaults.push(call.array(place)?);
        }
    }
    let outcome = |row: usize| -> Result<Outcome> {
        let null_default = defaults.iter().any(|d| d.is_null(row));
        if text.is_null(row) || path.is_null(row) || null_default {
            return Ok(Outcome::Null);
        }
        let (mode, result) = selected(&mut paths, text.value(row), path.value(row));
        value_outcome(mode, result, &on_empty, &on_error)
    };
    match call.return_type.kind {
        TypeKind::Boolean => boolean_value(call, outcome),
        TypeKind::Int => int_value(call, outcome),
        TypeKind::Double => double_value(call, outcome),
        _ => text_value(call, outcome),
    }
}

fn wrong(call: &Call<'_>, value: &Json) -> datafusion::common::DataFusionError {
    fail(format!(
        "JSON_VALUE: the value {} is no {}",
        value.text(),
        call.return_type
    ))
}

fn boolean_value(
    call: &Call<'_>,
    mut outcome: impl FnMut(usize) -> Result<Outcome>,
) -> Result<ArrayRef> {
    let (on_empty, on_error) = (call.booleans(4)?, call.booleans(6)?);
    call.build_booleans(|row| match outcome(row)? {
        Outcome::Value(Json::Bool(b)) => Ok(Some(b)),
        Outcome::Value(other) => Err(wrong(call, &other)),
        Outcome::Null => Ok(None),
        Outcome::DefaultOnEmpty => Ok(on_empty.get(row)),
        Outcome::DefaultOnError => Ok(on_error.get(row)),
    })
}

fn int_value(
    call: &Call<'_>,
    mut outcome: impl FnMut(usize) -> Result<Outcome>,
) -> Result<ArrayRef> {
    let (on_empty, on_error) = (call.ints(4)?, call.ints(6)?);
    call.build::<Int32Type>(|row| match outcome(row)? {
        Outcome::Value(Json::Number(text)) => match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(wrong(call, &Json::Number(text))),
        },
        Outcome::Value(other) => Err(wrong(call, &other)),
        Outcome::Null => Ok(None),
        Outcome::DefaultOnEmpty => Ok(on_empty.get(row)),
        Outcome::DefaultOnError => Ok(on_error.get(row)),
    })
}

fn double_value(
    call: &Call<'_>,
    mut outcome: impl FnMut(usize) -> Result<Outcome>,
) -> Result<ArrayRef> {
    let (on_empty, on_error) = (call.doubles(4)?, call.doubles(6)?);
    call.build::<Float64Type>(|row| match outcome(row)? {
        Outcome::Value(Json::Number(text)) => Ok(text.parse().ok()),
        Outcome::Value(other) => Err(wrong(call, &other)),
        Outcome::Null => Ok(None),
        Outcome::DefaultOnEmpty => Ok(on_empty.get(row)),
        Outcome::DefaultOnError => Ok(on_error.get(row)),
    })
}

fn text_value(
    call: &Call<'_>,
    mut outcome: impl FnMut(usize) -> Result<Outcome>,
) -> Result<ArrayRef> {
    let defaults = match call.args.len() {
        2 => None,
        _ => Some((call.strings(4)?, call.strings(6)?)),
    };
    call.build_strings(|row, out| {
        let default = match outcome(row)? {
            Outcome::Value(Json::String(text)) => {
                out.push_str(&text);
                return Ok(true);
            }
            Outcome::Value(value) => {
                value.write(out);
                return Ok(true);
            }
            Outcome::Null => None,
            Outcome::DefaultOnEmpty => defaults.as_ref().and_then(|d| d.0.get(row)),
            Outcome::DefaultOnError => defaults.as_ref().and_then(|d| d.1.get(row)),
        };
        out.push_str(default.unwrap_or_default());
        Ok(default.is_some())
    })
}

fn query_outcome(
    mode: Mode,
    result: Result<Option<Json>, String>,
    wrapper: &str,
    on_empty: &str,
    on_error: &str,
) -> Result<Option<Json>> {
    let wrapped = result.map(|found| {
        let found = found.filter(|v| *v != Json::Null)?;
        Some(match (wrapper, found) {
            ("UNCONDITIONAL", value) => Json::Array(vec![value]),
            ("CONDITIONAL", value) if !matches!(value, Json::Array(_)) => Json::Array(vec![value]),
            (_, value) => value,
        })
    });
    let (behavior, error) = match wrapped {
        Ok(Some(value)) if !value.is_scalar() => return Ok(Some(value)),
        Ok(Some(value)) if mode == Mode::Strict => (
            on_error,
            format!(
                "Strict jsonpath mode requires array or object value, and the actual value is: '{}'",
                value.text()
            ),
        ),
        Ok(_) => (
            on_empty,
            "Empty result of JSON_QUERY function is not allowed".to_string(),
        ),
        Err(e) => (on_error, e),
    };
    match behavior {
        "ERROR" => Err(fail(format!("JSON_QUERY: {error}"))),
        "EMPTY ARRAY" => Ok(Some(Json::Array(Vec::new()))),
        "EMPTY OBJECT" => Ok(Some(Json::Object(Vec::new()))),
        _ => Ok(None),
    }
}

fn query(call: &Call<'_>) -> Result<ArrayRef> {
    let (text, path) = (call.strings(0)?, call.strings(1)?);
    let wrapper = symbol(call, 3, "WITHOUT")?;
    let (on_empty, on_error) = (symbol(call, 4, "NULL")?, symbol(call, 5, "NULL")?);
    let mut paths = Cached::default();
    let mut outcome = |row: usize| -> Result<Option<Json>> {
        if text.is_null(row) || path.is_null(row) {
            return Ok(None);
        }
        let (mode, result) = selected(&mut paths, text.value(row), path.value(row));
        query_outcome(mode, result, &wrapper, &on_empty, &on_error)
    };
    if call.return_type.kind.is_character() {
        let texts = call.build_strings(|row, out| match outcome(row)? {
            Some(value) => {
                value.sorted().write(out);
                Ok(true)
            }
            None => Ok(false),
        })?;
        // Cut or padded to the length of the type, which JSON_VALUE isn't.
        let string = LogicalType::string();
        return cast_array(&texts, &string, call.return_type, call.session, false);
    }
    let mut builder = ListBuilder::new(StringViewBuilder::new());
    for row in 0..call.rows {
        let items = match outcome(row)? {
            Some(Json::Array(items)) => Some(items),
            // An object is no array, which is for ON ERROR.
            Some(object) => match on_error.as_str() {
                "ERROR" => {
                    let text = object.text();
                    return Err(fail(format!("JSON_QUERY: {text} is no array")));
                }
                "EMPTY ARRAY" => Some(Vec::new()),
                _ => None,
            },
            None => None,
        };
        let Some(items) = items else {
            builder.append_null();
            continue;
        };
        for item in items {
            match item {
                Json::Null => builder.values().append_null(),
                Json::String(text) => builder.values().append_value(text),
                other => builder.values().append_value(other.sorted().text()),
            }
        }
        builder.append(true);
    }
    Ok(std::sync::Arc::new(builder.finish()))
}
