use sqlparser::ast::{Ident, ObjectName, TableAlias};

use super::{Flow, refuse_with};
use crate::diagnose;
use crate::source::span;
use crate::words;

/// A name that is written without backticks must not be reserved.
pub(super) fn name(ident: &Ident) -> Flow {
    match ident.quote_style {
        Some('`') => Flow::Continue(()),
        Some(quote) => refuse_with(
            format!("{quote}{}{quote} is no name.", ident.value),
            span(ident.span),
            "Names are quoted by backticks.",
        ),
        None if words::is_reserved(&ident.value.to_ascii_uppercase()) => Flow::Break(Box::new(
            diagnose::reserved_name(&ident.value, span(ident.span)),
        )),
        None => Flow::Continue(()),
    }
}

/// An alias and its columns.
pub(super) fn alias(alias: Option<&TableAlias>) -> Flow {
    let Some(alias) = alias else {
        return Flow::Continue(());
    };
    name(&alias.name)?;
    for column in &alias.columns {
        name(&column.name)?;
        if column.data_type.is_some() {
            return refuse_with(
                "An alias lists names alone.",
                span(column.name.span),
                "Is a comma missing behind this one?",
            );
        }
    }
    Flow::Continue(())
}

/// The name of a table, or of a table function when it is called.
pub(super) fn table_name(table: &ObjectName, is_call: bool) -> Flow {
    for (i, part) in table.0.iter().enumerate() {
        let Some(ident) = part.as_ident() else {
            continue;
        };
        // UNNEST and the TABLE of `LATERAL TABLE(..)` are the reserved words that name a table function.
        let unnest = ["UNNEST", "TABLE"]
            .iter()
            .any(|w| ident.value.eq_ignore_ascii_case(w));
        if !(is_call && i == table.0.len() - 1 && unnest) {
            name(ident)?;
        }
    }
    Flow::Continue(())
}
