use datafusion::common::Column;
use filbert_sql::TableFunction;
use filbert_types::Span;
use sqlparser::ast::{Expr as Ast, FunctionArg, FunctionArgExpr};

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
