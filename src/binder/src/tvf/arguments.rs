//! The parameters of table functions, and what their arguments may be.

use datafusion::common::Column;
use filbert_sql::{TableFunction, is_default};
use filbert_types::Span;
use sqlparser::ast::{
    Expr as Ast, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Value, ValueWithSpan,
};

use crate::binder::{ident_span, span_of};
use crate::error::{BindError, BindResult, available};
use crate::relational::{MonthWindow, Window};
use crate::scope::Relation;

/// A table function's parameters; the last may be left out where `optional` says so.
pub(super) struct Signature {
    pub name: &'static str,
    pub parameters: &'static [&'static str],
    pub required: usize,
}

pub(super) const SIGNATURES: &[Signature] = &[
    Signature {
        name: "TUMBLE",
        parameters: &["DATA", "TIMECOL", "SIZE", "OFFSET"],
        required: 3,
    },
    Signature {
        name: "HOP",
        parameters: &["DATA", "TIMECOL", "SLIDE", "SIZE", "OFFSET"],
        required: 4,
    },
    Signature {
        name: "CUMULATE",
        parameters: &["DATA", "TIMECOL", "STEP", "SIZE", "OFFSET"],
        required: 4,
    },
    Signature {
        name: "SESSION",
        parameters: &["DATA", "TIMECOL", "GAP"],
        required: 3,
    },
    Signature {
        name: "TO_CHANGELOG",
        parameters: &["input", "op", "op_mapping", "on_time", "uid"],
        required: 1,
    },
    Signature {
        name: "FROM_CHANGELOG",
        parameters: &["input", "op", "op_mapping", "on_time", "uid"],
        required: 1,
    },
];

/// The arguments in the order of the parameters.
pub(super) fn positional<'a>(
    call: &TableFunction<'a>,
    signature: &Signature,
    span: Option<Span>,
) -> BindResult<Vec<Option<&'a Ast>>> {
    let mut found: Vec<Option<&Ast>> = vec![None; signature.parameters.len()];
    for (i, arg) in call.args.iter().enumerate() {
        let (place, value) = match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(ast)) => (Some(i), ast),
            FunctionArg::Named {
                name,
                arg: FunctionArgExpr::Expr(ast),
                ..
            } => {
                let place = signature
                    .parameters
                    .iter()
                    .position(|p| p.eq_ignore_ascii_case(&name.value));
                if place.is_none() {
                    return Err(BindError::at(
                        ident_span(name),
                        format!("{} has no parameter '{}'", signature.name, name.value),
                    )
                    .with_hint(available(
                        "parameters",
                        signature.parameters.iter().copied(),
                    )));
                }
                (place, ast)
            }
            other => {
                return Err(BindError::unsupported(
                    span_of(other),
                    format!("The argument '{other}'"),
                ));
            }
        };
        match place.and_then(|p| found.get_mut(p)) {
            Some(slot) => *slot = Some(value),
            None => return Err(wrong_count(signature, span)),
        }
    }
    if found[..signature.required].iter().any(Option::is_none) {
        return Err(wrong_count(signature, span));
    }
    Ok(found)
}

fn wrong_count(signature: &Signature, span: Option<Span>) -> BindError {
    BindError::at(
        span,
        format!(
            "Invalid number of arguments to function '{}'. Was expecting {} arguments",
            signature.name, signature.required
        ),
    )
    .with_hint(available(
        "parameters",
        signature.parameters.iter().copied(),
    ))
}

pub(crate) fn positive(name: &str, what: &str, ms: i64, span: Option<Span>) -> BindResult<i64> {
    if ms > 0 {
        return Ok(ms);
    }
    Err(BindError::at(
        span,
        format!(
            "{name} table function based aggregate requires {what} to be positive, but got {ms} ms."
        ),
    ))
}

/// CUMULATE's steps fill its greatest size. (HOP's slide need not divide its size, but where windows are aggregated.)
pub(super) fn check_steps(window: &Window, span: Option<Span>) -> BindResult<()> {
    match window {
        Window::Cumulate {
            size_ms, step_ms, ..
        } if size_ms % step_ms != 0 => Err(BindError::at(
            span,
            format!(
                "CUMULATE table function based aggregate requires maxSize must be an integral multiple of step, but got maxSize {size_ms} ms and step {step_ms} ms."
            ),
        )),
        Window::Months {
            shape: MonthWindow::Cumulate,
            size,
            step,
            ..
        } if size % step != 0 => Err(BindError::at(
            span,
            format!(
                "CUMULATE table function based aggregate requires maxSize must be an integral multiple of step, but got maxSize {size} months and step {step} months."
            ),
        )),
        _ => Ok(()),
    }
}

pub(super) fn partition_column(ast: &Ast, input: &Relation) -> BindResult<Column> {
    let name = match ast {
        Ast::Identifier(ident) => ident.value.as_str(),
        _ => {
            return Err(BindError::unsupported(
                span_of(ast),
                "PARTITION BY anything but a column in a window function",
            ));
        }
    };
    input
        .columns
        .iter()
        .find(|c| c.name == name)
        .map(|c| c.column.clone())
        .ok_or_else(|| {
            BindError::at(span_of(ast), format!("Unknown identifier '{name}'")).with_hint(
                available("columns", input.columns.iter().map(|c| c.name.as_str())),
            )
        })
}

/// The items of `DESCRIPTOR(..)`, none for one that is no column's name; nothing where this is no DESCRIPTOR.
pub(super) fn descriptor(ast: &Ast) -> Option<Vec<Option<&Ident>>> {
    let Ast::Function(call) = ast else {
        return None;
    };
    let FunctionArguments::List(list) = &call.args else {
        return None;
    };
    if !call.name.to_string().eq_ignore_ascii_case("DESCRIPTOR") {
        return None;
    }
    let items = list.args.iter().map(|arg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Ast::Identifier(ident))) => Some(ident),
        _ => None,
    });
    Some(items.collect())
}

/// The operator's name that a call gives.
pub(super) fn uid_of(ast: Option<&Ast>, span: Option<Span>) -> BindResult<Option<String>> {
    let Some(ast) = ast.filter(|ast| !is_default(ast)) else {
        return Ok(None);
    };
    let text = match ast {
        Ast::Value(ValueWithSpan {
            value: Value::SingleQuotedString(text),
            ..
        }) => text.as_str(),
        _ => "",
    };
    let mut letters = text.chars();
    let fits = letters
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && letters.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if fits {
        return Ok(Some(text.to_owned()));
    }
    Err(BindError::at(
        span_of(ast).or(span),
        format!(
            "Invalid unique identifier for process table function. The `uid` argument must be a string literal that follows the pattern [a-zA-Z_][a-zA-Z-_0-9]*. But found: {}",
            if text.is_empty() {
                ast.to_string()
            } else {
                text.to_owned()
            }
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_is_a_name() {
        let uid = |text: &str| {
            let parsed = filbert_sql::parse_expr(text).unwrap();
            uid_of(Some(&parsed.ast), None)
        };
        assert_eq!(uid("'my-uid_1'").unwrap().as_deref(), Some("my-uid_1"));
        assert!(uid("'bad uid!'").unwrap_err().message.ends_with("bad uid!"));
        assert!(uid("1").is_err());
    }
}
