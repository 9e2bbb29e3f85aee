//! Query hints behind SELECT.

use std::rc::Rc;

use filbert_sql::HintArgs;
use sqlparser::ast::{Select, TableFactor, TableWithJoins};

use crate::binder::Binder;
use crate::error::{BindError, BindResult, available};

/// Hints that name tables of their query block.
const TABLE_HINTS: &[&str] = &[
    "BROADCAST",
    "SHUFFLE_HASH",
    "SHUFFLE_MERGE",
    "NEST_LOOP",
    "MULTI_JOIN",
];

impl Binder<'_> {
    /// Checks the hints of a query block. They are advice: an unknown one is ignored, as by Flink.
    pub fn check_hints(&self, select: &Select) -> BindResult<()> {
        let hints = Rc::clone(&self.hints);
        for hint in hints.of_select(select) {
            let named: Vec<(&str, filbert_types::Span)> = match &hint.args {
                HintArgs::Names(names) if TABLE_HINTS.iter().any(|h| hint.is(h)) => {
                    names.iter().map(|n| (n.value.as_str(), n.span)).collect()
                }
                HintArgs::Options(options) if hint.is("STATE_TTL") => options
                    .iter()
                    .map(|o| (o.key.value.as_str(), o.key.span))
                    .collect(),
                HintArgs::Options(options) if hint.is("LOOKUP") => options
                    .iter()
                    .filter(|o| o.key.value == "table")
                    .map(|o| (o.value.value.as_str(), o.value.span))
                    .collect(),
                _ => continue,
            };
            let tables = block_tables(&select.from);
            for (name, span) in named {
                if !tables
                    .iter()
                    .any(|t| t == name || last_part(t) == last_part(name))
                {
                    return Err(BindError::at(
                        Some(span),
                        format!(
                            "The options of following hints cannot match the name of input tables or views: `{name}` in `{}`",
                            hint.name.value
                        ),
                    )
                    .with_hint(available("tables", tables.iter().map(String::as_str))));
                }
            }
        }
        Ok(())
    }
}

fn last_part(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// The names and aliases of a block's relations.
fn block_tables(from: &[TableWithJoins]) -> Vec<String> {
    let mut names = Vec::new();
    for item in from {
        let joined = item.joins.iter().map(|j| &j.relation);
        for factor in std::iter::once(&item.relation).chain(joined) {
            collect(factor, &mut names);
        }
    }
    names
}

fn collect(factor: &TableFactor, names: &mut Vec<String>) {
    match factor {
        TableFactor::Table { name, alias, .. } => {
            let parts: Vec<String> = name
                .0
                .iter()
                .filter_map(|p| p.as_ident().map(|i| i.value.clone()))
                .collect();
            names.push(parts.join("."));
            names.extend(alias.iter().map(|a| a.name.value.clone()));
        }
        TableFactor::Derived { alias, .. } => {
            names.extend(alias.iter().map(|a| a.name.value.clone()));
        }
        TableFactor::NestedJoin {
            table_with_joins, ..
        } => names.extend(block_tables(std::slice::from_ref(table_with_joins))),
        _ => {}
    }
}
