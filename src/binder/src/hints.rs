//! Query hints behind SELECT.

use std::rc::Rc;

use filbert_sql::HintArgs;
use filbert_types::config::parse_duration;
use sqlparser::ast::{Select, TableFactor, TableWithJoins};

use crate::binder::Binder;
use crate::error::{BindError, BindResult, available};
use crate::scope::Scope;

/// The hints that there are.
const KNOWN_HINTS: &[&str] = &[
    "OPTIONS",
    "ALIAS",
    "LOOKUP",
    "STATE_TTL",
    "BROADCAST",
    "SHUFFLE_HASH",
    "SHUFFLE_MERGE",
    "NEST_LOOP",
    "MULTI_JOIN",
];

/// Hints that name tables of their query block.
const TABLE_HINTS: &[&str] = &[
    "BROADCAST",
    "SHUFFLE_HASH",
    "SHUFFLE_MERGE",
    "NEST_LOOP",
    "MULTI_JOIN",
];

impl Binder<'_> {
    /// Checks the hints of a query block: that they are known, and name its tables.
    pub fn check_hints(&self, select: &Select) -> BindResult<()> {
        let hints = Rc::clone(&self.hints);
        for hint in hints.of_select(select) {
            if !KNOWN_HINTS.iter().any(|known| hint.is(known)) {
                return Err(BindError::at(
                    Some(hint.name.span),
                    format!(
                        "Hint: {} should be registered in the HintStrategyTable",
                        hint.name.value
                    ),
                )
                .with_hint(available("hints", KNOWN_HINTS.iter().copied())));
            }
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

impl Binder<'_> {
    /// Notes how long `STATE_TTL('t' = '1 d')` lets state about the rows of a block's relations live.
    pub fn state_ttl_hints(&mut self, select: &Select, scope: &Scope) -> BindResult<()> {
        let hints = Rc::clone(&self.hints);
        let stated = hints.of_select(select).iter();
        // Of several hints the first counts, of several options of one hint the last.
        for hint in stated.filter(|h| h.is("STATE_TTL")).rev() {
            let options = match &hint.args {
                HintArgs::Options(options) => options,
                args => return Err(BindError::at(Some(hint.name.span), no_options(args))),
            };
            for option in options {
                let text = &option.value.value;
                let ttl = parse_duration(text).ok_or_else(|| {
                    BindError::at(
                        Some(option.value.span),
                        format!("Invalid STATE_TTL hint value: '{text}' is not a duration"),
                    )
                })?;
                let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
                let wanted = last_part(&option.key.value);
                let named = scope.relations.iter().filter(|relation| {
                    let table = relation.path.as_ref().map(|path| path.object.as_str());
                    relation.alias.as_deref().or(table) == Some(wanted)
                });
                for column in named.flat_map(|relation| &relation.columns) {
                    self.types.set_state_ttl(&column.column, ttl_ms);
                }
            }
        }
        Ok(())
    }
}

/// What is wrong with a STATE_TTL hint that names no options.
fn no_options(args: &HintArgs) -> String {
    let is_empty = match args {
        HintArgs::None => true,
        HintArgs::Names(names) => names.is_empty(),
        HintArgs::Texts(texts) => texts.is_empty(),
        HintArgs::Options(options) => options.is_empty(),
    };
    if is_empty {
        "Invalid STATE_TTL hint, expecting at least one key-value options specified.".to_owned()
    } else {
        "Invalid list options in STATE_TTL hint, only support key-value options.".to_owned()
    }
}

fn last_part(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// What a block calls its relations: their aliases, or their names where they have none.
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
            names.push(match alias {
                Some(alias) => alias.name.value.clone(),
                None => parts.join("."),
            });
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
