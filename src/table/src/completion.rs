//! What may stand at a place of a statement: keywords, names, options.

use std::collections::BTreeSet;

use filbert_connector_api::ConnectorRegistry;
use filbert_functions::aggregate::definitions;
use filbert_types::{ConfigType, options};

use crate::environment::TableEnvironment;
use crate::session::Session;

/// Texts that may stand from byte `start` on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Completion {
    pub start: usize,
    /// Sorted.
    pub candidates: Vec<String>,
}

impl TableEnvironment {
    /// What may stand at byte `position` of a text whose last statement is being written.
    pub fn complete(&self, text: &str, position: usize) -> Completion {
        let before = text.get(..position).unwrap_or(text);
        let session = self.session().read();
        match open_literal(before) {
            Some(quote) => Completion {
                start: quote + 1,
                candidates: starting_with(&before[quote + 1..], literals(&session, before, quote)),
            },
            None => words(&session, text, before),
        }
    }
}

/// Where the text literal begins that is still open.
fn open_literal(text: &str) -> Option<usize> {
    let mut open = None;
    for (at, c) in text.char_indices() {
        match (c, open) {
            ('\'', None) => open = Some(at),
            ('\'', Some(_)) => open = None,
            _ => {}
        }
    }
    open
}

fn starting_with(prefix: &str, all: impl IntoIterator<Item = String>) -> Vec<String> {
    let lower = prefix.to_lowercase();
    let fitting: BTreeSet<String> = all
        .into_iter()
        .filter(|c| c.to_lowercase().starts_with(&lower) && c != prefix)
        .collect();
    fitting.into_iter().collect()
}

/// Keys and values of options.
fn literals(session: &Session, before: &str, quote: usize) -> Vec<String> {
    let head = &before[..quote];
    let statement = head.rsplit(';').next().unwrap_or(head).trim_start();
    let is_value = statement.trim_end().ends_with('=');
    let key = last_literal(statement).filter(|_| is_value);
    let first = statement
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_uppercase();
    if matches!(first.as_str(), "SET" | "RESET") {
        return match key {
            None => options::honoured().map(|o| o.key.to_owned()).collect(),
            Some(key) => session_values(&key),
        };
    }
    table_options(&session.connectors, statement, key.as_deref())
}

fn session_values(key: &str) -> Vec<String> {
    let option = options::honoured().find(|o| o.key == key);
    match option.map(|o| o.ty) {
        Some(ConfigType::Enum(words)) => words.iter().map(|w| (*w).to_owned()).collect(),
        Some(ConfigType::Boolean) => vec!["false".to_owned(), "true".to_owned()],
        _ => Vec::new(),
    }
}

fn table_options(registry: &ConnectorRegistry, statement: &str, key: Option<&str>) -> Vec<String> {
    let connectors = || registry.tables().map(|f| f.identifier().to_owned());
    let formats = || registry.formats().map(|f| f.identifier().to_owned());
    match key {
        Some("connector") => return connectors().collect(),
        Some("format") => return formats().collect(),
        Some(_) => return Vec::new(),
        None => {}
    }
    let Some(factory) = value_of(statement, "connector").and_then(|c| registry.table(&c).cloned())
    else {
        return vec!["connector".to_owned()];
    };
    let mut keys: Vec<String> = factory
        .options()
        .iter()
        .filter(|o| !o.key.contains('#'))
        .map(|o| o.key.to_owned())
        .collect();
    if factory.uses_format() {
        keys.push("format".to_owned());
        let format = value_of(statement, "format").and_then(|f| registry.format(&f).cloned());
        if let Some(format) = format {
            let prefix = format.identifier();
            keys.extend(
                format
                    .options()
                    .iter()
                    .map(|o| format!("{prefix}.{}", o.key)),
            );
        }
    }
    keys.retain(|key| value_of(statement, key).is_none());
    keys
}

/// The last text literal that has ended.
fn last_literal(text: &str) -> Option<String> {
    let end = text.rfind('\'')?;
    let start = text[..end].rfind('\'')?;
    Some(text[start + 1..end].to_owned())
}

/// The value of `'key' = 'value'` in a statement.
fn value_of(statement: &str, key: &str) -> Option<String> {
    let at = statement.find(&format!("'{key}'"))?;
    let rest = statement[at + key.len() + 2..]
        .trim_start()
        .strip_prefix('=')?;
    let rest = rest.trim_start().strip_prefix('\'')?;
    rest.split_once('\'').map(|(value, _)| value.to_owned())
}

/// Keywords and names.
fn words(session: &Session, text: &str, before: &str) -> Completion {
    let start = before
        .rfind(|c: char| !(c.is_alphanumeric() || c == '_'))
        .map_or(0, |at| {
            at + before[at..].chars().next().map_or(1, char::len_utf8)
        });
    let prefix = &before[start..];
    let qualifier = before[..start]
        .strip_suffix('.')
        .map(|head| last_word(head).to_owned());
    let candidates = match qualifier {
        Some(qualifier) => starting_with(prefix, members(session, text, &qualifier)),
        None if prefix.is_empty() => Vec::new(),
        None => {
            let lower = prefix.chars().all(|c| !c.is_uppercase());
            let in_case = |word: &str| match lower {
                true => word.to_lowercase(),
                false => word.to_owned(),
            };
            let aggregates = definitions::all().map(|a| a.signature.name);
            let words = filbert_sql::common_keywords().chain(aggregates);
            let functions = session.functions.names();
            let names = words
                .map(in_case)
                .chain(functions.iter().map(|name| in_case(name)))
                .chain(objects(session))
                .chain(columns_in(session, text));
            starting_with(prefix, names)
        }
    };
    Completion { start, candidates }
}

fn last_word(text: &str) -> &str {
    let text = text.trim_end_matches('`');
    text.rsplit(|c: char| !(c.is_alphanumeric() || c == '_'))
        .next()
        .unwrap_or_default()
}

/// Catalogs, databases of the current catalog, tables of the current database.
fn objects(session: &Session) -> Vec<String> {
    let catalogs = &session.catalogs;
    let (catalog, database) = (catalogs.current_catalog(), catalogs.current_database());
    let mut names = catalogs.list_catalogs();
    names.extend(catalogs.list_databases(catalog).unwrap_or_default());
    names.extend(catalogs.list_objects(catalog, database).unwrap_or_default());
    names
}

/// The columns of the current database's tables that a text names; of all, while it names none.
fn columns_in(session: &Session, text: &str) -> Vec<String> {
    let words: BTreeSet<&str> = text
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .collect();
    let catalogs = &session.catalogs;
    let tables = catalogs
        .list_objects(catalogs.current_catalog(), catalogs.current_database())
        .unwrap_or_default();
    let (named, others): (Vec<String>, Vec<String>) = tables
        .into_iter()
        .partition(|table| words.contains(table.as_str()));
    let wanted = if named.is_empty() { others } else { named };
    let columns = wanted.iter().flat_map(|table| columns_of(session, table));
    columns.collect()
}

fn columns_of(session: &Session, table: &str) -> Vec<String> {
    let Ok(found) = session.catalogs.lookup(&[table.to_owned()]) else {
        return Vec::new();
    };
    let columns = &found.object.schema().columns;
    columns.iter().map(|c| c.name.clone()).collect()
}

/// What follows `qualifier.`: a table's columns, a database's tables, a catalog's databases. An alias stands for any
/// table that the text names.
fn members(session: &Session, text: &str, qualifier: &str) -> Vec<String> {
    let catalogs = &session.catalogs;
    let columns = columns_of(session, qualifier);
    if !columns.is_empty() {
        return columns;
    }
    if let Ok(tables) = catalogs.list_objects(catalogs.current_catalog(), qualifier) {
        return tables;
    }
    if let Ok(databases) = catalogs.list_databases(qualifier) {
        return databases;
    }
    columns_in(session, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::EnvironmentSettings;

    fn complete(text: &str) -> Vec<String> {
        let env = TableEnvironment::create(EnvironmentSettings::streaming()).unwrap();
        env.execute_sql("CREATE TABLE orders (id INT, item STRING) WITH ('connector' = 'x')")
            .unwrap();
        env.complete(text, text.len()).candidates
    }

    #[test]
    fn offers_what_may_stand_there() {
        assert!(complete("SELECT * FROM ord").contains(&"orders".to_owned()));
        assert_eq!(complete("SELECT orders.i"), ["id", "item"]);
        assert!(complete("SELECT it").contains(&"item".to_owned()));
        assert_eq!(complete("SELEC"), ["SELECT"]);
        assert_eq!(complete("select coun"), ["count"]);
        assert!(complete("INSERT INTO orders SELECT it").contains(&"item".to_owned()));
    }

    #[test]
    fn offers_option_keys_and_values() {
        assert_eq!(complete("SET 'pipeline.na"), ["pipeline.name"]);
        assert_eq!(complete("SET 'execution.runtime-mode' = 'B"), ["BATCH"]);
        assert_eq!(complete("CREATE TABLE t (a INT) WITH ('"), ["connector"]);
    }
}
