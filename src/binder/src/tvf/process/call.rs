//! A call of a process table function: its arguments in the order of the function's, and the call as plans show it.

use std::sync::Arc;

use filbert_functions::parameters::arrange;
use filbert_functions::process_table_function::{ArgumentKind, signature};
use filbert_functions::{Parameter, ProcessArgument, ProcessTableFunction};
use filbert_sql::{TableFunction, is_default};
use filbert_types::Span;
use sqlparser::ast::Expr as Ast;

use super::tables::BoundTable;
use crate::error::{BindError, BindResult};
use crate::tvf::table_function::given_args;

/// A call while it is bound.
pub(super) struct Call<'a> {
    pub(super) function: &'a Arc<dyn ProcessTableFunction>,
    pub(super) arguments: Vec<ProcessArgument>,
    /// By argument, then `on_time` and `uid`.
    pub(super) asts: Vec<Option<&'a Ast>>,
    pub(super) span: Option<Span>,
}

impl Call<'_> {
    pub(super) fn refuse(&self, message: impl std::fmt::Display) -> BindError {
        let signature = signature(self.function.as_ref());
        BindError::at(
            self.span,
            format!("{message}\nSupported form(s): {signature}"),
        )
    }

    pub(super) fn on_time(&self) -> Option<&Ast> {
        self.asts.get(self.arguments.len()).copied().flatten()
    }

    pub(super) fn uid(&self) -> Option<&Ast> {
        self.asts.get(self.arguments.len() + 1).copied().flatten()
    }
}

/// The arguments of a call in the order of the function's, then `on_time` and `uid`.
pub(super) fn arranged<'a>(
    call: &TableFunction<'a>,
    function: &'a Arc<dyn ProcessTableFunction>,
    span: Option<Span>,
) -> BindResult<Call<'a>> {
    let name = function.name();
    let arguments = function.arguments();
    let mut parameters: Vec<Parameter> = arguments
        .iter()
        .map(|argument| Parameter {
            name: argument.name.clone(),
            optional: argument.optional,
        })
        .collect();
    parameters.extend(["on_time", "uid"].map(Parameter::optional));
    let (asts, given) = given_args(name, call.args)?;
    let bound = |asts| Call {
        function,
        arguments: arguments.clone(),
        asts,
        span,
    };
    let places = arrange(name, &parameters, &given);
    let places = places.map_err(|e| bound(Vec::new()).refuse(e))?;
    if places.len() > parameters.len() {
        return Err(bound(Vec::new()).refuse(format!(
            "The function {name} takes {} arguments at most, but got {}.",
            parameters.len(),
            places.len()
        )));
    }
    let mut ordered: Vec<Option<&Ast>> = places
        .into_iter()
        .map(|place| place.map(|at| asts[at]).filter(|ast| !is_default(ast)))
        .collect();
    ordered.resize(parameters.len(), None);
    for (argument, ast) in arguments.iter().zip(&ordered) {
        if ast.is_none() && !argument.optional {
            return Err(bound(Vec::new()).refuse(format!(
                "A call of {name} misses its argument '{}'.",
                argument.name
            )));
        }
    }
    Ok(bound(ordered))
}

/// The call as plans show it.
pub(super) fn invocation(call: &Call<'_>, tables: &[BoundTable]) -> String {
    let mut shown: Vec<String> = Vec::new();
    for (number, argument) in call.arguments.iter().enumerate() {
        let table = tables.iter().position(|t| t.table.argument == number);
        shown.push(match (&argument.kind, table) {
            (ArgumentKind::Table(_), Some(at)) => {
                let key = tables[at].table.partition_by.iter();
                let key: Vec<String> = key.map(|k| format!("${k}")).collect();
                match key.is_empty() {
                    true => format!("TABLE(#{at})"),
                    false => format!("TABLE(#{at}) PARTITION BY({})", key.join(", ")),
                }
            }
            _ => call.asts[number].map_or_else(|| "DEFAULT()".to_owned(), ToString::to_string),
        });
    }
    for implicit in [call.on_time(), call.uid()] {
        shown.push(implicit.map_or_else(|| "DEFAULT()".to_owned(), ToString::to_string));
    }
    format!("{}({})", call.function.name(), shown.join(", "))
}
