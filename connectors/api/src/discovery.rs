//! From a table's WITH clause to its source or sink: finds the factory and checks every option before the factory sees
//! them.

use std::collections::BTreeMap;
use std::sync::Arc;

use filbert_types::suggest::{did_you_mean, nearest};
use filbert_types::{CatalogTable, ColumnKind, ConfigOption, Configuration, Field, ObjectPath};

use crate::error::ConnectorError;
use crate::factory::{ConnectorRegistry, FactoryContext, FormatFactory, TableFactory};
use crate::lookup::LookupSource;
use crate::options::{FORMAT, RefusedOption, TableOptions, WATERMARK_OPTIONS};
use crate::sink::TableSink;
use crate::source::ScanSource;

/// What a source or sink is to be made for.
#[derive(Clone, Copy)]
pub struct TableRequest<'a> {
    pub path: &'a ObjectPath,
    pub table: &'a CatalogTable,
    /// Options of a `/*+ OPTIONS(..) */` hint; they win over the table's.
    pub hints: &'a [(String, String)],
    pub session: &'a Configuration,
    pub batch: bool,
}

impl TableRequest<'_> {
    /// The table's options with the hints applied.
    pub fn options(&self) -> TableOptions {
        let table = self.table.options.iter();
        let pairs = table.map(|(k, v)| (k.clone(), v.clone()));
        TableOptions::new(pairs.chain(self.hints.iter().cloned()).collect())
    }
}

impl ConnectorRegistry {
    /// The table's source, with its options checked.
    ///
    /// # Errors
    /// When the connector is unknown or cannot be read, when an option is unknown, missing, wrong or not supported yet,
    /// or when a metadata column has a key that the source lacks.
    pub fn create_scan_source(
        &self,
        request: &TableRequest<'_>,
    ) -> Result<Arc<dyn ScanSource>, ConnectorError> {
        self.create(request, "source for reading", |factory, ctx| {
            let source = factory
                .scan_source(ctx)
                .ok_or_else(|| only(factory, "sink", "source"))??;
            check_metadata(request, &source.metadata(), "reading", |_| true)?;
            ctx.options.watermark_params()?;
            Ok(source)
        })
    }

    /// The table's source for lookups by key, with its options checked; none when the connector can't be looked up.
    ///
    /// # Errors
    /// As [`ConnectorRegistry::create_scan_source`].
    pub fn create_lookup_source(
        &self,
        request: &TableRequest<'_>,
    ) -> Result<Option<Arc<dyn LookupSource>>, ConnectorError> {
        self.create(request, "source for looking up", |factory, ctx| {
            factory.lookup_source(ctx).transpose()
        })
    }

    /// The table's sink, with its options checked.
    ///
    /// # Errors
    /// As [`ConnectorRegistry::create_scan_source`].
    pub fn create_sink(
        &self,
        request: &TableRequest<'_>,
    ) -> Result<Arc<dyn TableSink>, ConnectorError> {
        self.create(request, "sink for writing", |factory, ctx| {
            let sink = factory
                .sink(ctx)
                .ok_or_else(|| only(factory, "source", "sink"))??;
            let written = |kind: &ColumnKind| {
                matches!(
                    kind,
                    ColumnKind::Metadata {
                        is_virtual: false,
                        ..
                    }
                )
            };
            check_metadata(request, &sink.metadata(), "writing", written)?;
            Ok(sink)
        })
    }

    /// The factory of the format that `options` name.
    ///
    /// # Errors
    /// When `format` is not set or names no format.
    pub fn find_format(
        &self,
        options: &TableOptions,
    ) -> Result<&Arc<dyn FormatFactory>, ConnectorError> {
        let name = options
            .get(&FORMAT)
            .ok_or_else(|| missing(&["format".to_owned()]))?;
        self.format(name).ok_or_else(|| {
            let known: Vec<&str> = self.formats().map(|f| f.identifier()).collect();
            let hint = did_you_mean(name, known.iter().copied());
            ConnectorError::user(format!(
                "Could not find any format factory for identifier '{name}'.{hint}\n\nAvailable formats are:\n\n{}",
                known.join("\n")
            ))
        })
    }

    /// What is plainly wrong with a WITH clause, whose table nobody reads or writes yet: a key that was meant to be
    /// `connector`, a connector, a format or an option that there is not, a value that an option can't have. A table may get its missing options later, from
    /// LIKE, ALTER TABLE or a hint.
    pub fn doubt(&self, table: &CatalogTable) -> Option<String> {
        let options = table.options.iter();
        let options = TableOptions::new(options.map(|(k, v)| (k.clone(), v.clone())).collect());
        if options.raw("connector").is_none() {
            let key = near_connector(&options)?;
            return Some(format!(
                "'{key}' is not an option of tables. Did you mean 'connector'?"
            ));
        }
        let checked = self.find_table(&options).and_then(|factory| {
            let mut known = KnownOptions::of(factory);
            if factory.uses_format() {
                if options.get(&FORMAT).is_none() {
                    return Ok(());
                }
                known.add_format(self.find_format(&options)?.as_ref());
            }
            known.check_keys(factory.identifier(), &options)?;
            known.check_values(&options)
        });
        let message = checked.err()?.message;
        let (first, rest) = message.split_once("\n\n").unwrap_or((&message, ""));
        // The list of what there is follows when the table is used; what is wrong is named at once.
        Some(match rest.strip_prefix("Unsupported options:\n\n") {
            Some(rest) => {
                let keys = rest.split("\n\n").next().unwrap_or_default();
                format!("{first} Unsupported: {}.", keys.replace('\n', ", "))
            }
            None => first.to_owned(),
        })
    }

    fn create<T>(
        &self,
        request: &TableRequest<'_>,
        what: &str,
        make: impl FnOnce(&dyn TableFactory, &FactoryContext<'_>) -> Result<T, ConnectorError>,
    ) -> Result<T, ConnectorError> {
        let options = request.options();
        let made = self.find_table(&options).and_then(|factory| {
            self.check_options(factory, &options)?;
            let ctx = FactoryContext {
                path: request.path,
                table: request.table,
                options: &options,
                session: request.session,
                registry: self,
                batch: request.batch,
            };
            make(factory, &ctx)
        });
        made.map_err(|mut error| {
            error.message = format!(
                "Unable to create a {what} table '{}'. {}",
                request.path, error.message
            );
            error
        })
    }

    fn find_table(&self, options: &TableOptions) -> Result<&dyn TableFactory, ConnectorError> {
        let name = options.raw("connector").ok_or_else(|| {
            let known: Vec<&str> = self.tables().map(|f| f.identifier()).collect();
            let hint = match near_connector(options) {
                Some(key) => format!("Did you mean it by '{key}'?"),
                None => format!("It may be one of: {}.", known.join(", ")),
            };
            ConnectorError::user(format!(
                "Table options do not contain an option key 'connector' for discovering a connector. {hint}"
            ))
        })?;
        let factory = self.table(name).ok_or_else(|| {
            let known: Vec<&str> = self.tables().map(|f| f.identifier()).collect();
            let hint = did_you_mean(name, known.iter().copied());
            ConnectorError::user(format!(
                "Could not find any factory for identifier '{name}' among the connectors.{hint}\n\n\
                 Available factory identifiers are:\n\n{}",
                known.join("\n")
            ))
        })?;
        Ok(factory.as_ref())
    }

    fn check_options(
        &self,
        factory: &dyn TableFactory,
        options: &TableOptions,
    ) -> Result<(), ConnectorError> {
        let mut known = KnownOptions::of(factory);
        if factory.uses_format() {
            known.add_format(self.find_format(options)?.as_ref());
        }
        known.check_keys(factory.identifier(), options)?;
        known.check_required(options)?;
        known.check_values(options)
    }
}

/// A key that was probably meant to be `connector`.
fn near_connector(options: &TableOptions) -> Option<&str> {
    let mut keys = options.iter().map(|(key, _)| key);
    keys.find(|key| nearest(key, ["connector"]).is_some())
}

fn only(factory: &dyn TableFactory, can: &str, cannot: &str) -> ConnectorError {
    let name = factory.identifier();
    ConnectorError::user(format!(
        "Connector '{name}' can only be used as a {can}. It cannot be used as a {cannot}."
    ))
}

fn missing(keys: &[String]) -> ConnectorError {
    ConnectorError::user(format!(
        "One or more required options are missing.\n\nMissing required options are:\n\n{}",
        keys.join("\n")
    ))
}

fn check_metadata(
    request: &TableRequest<'_>,
    offered: &[Field],
    purpose: &str,
    counts: impl Fn(&ColumnKind) -> bool,
) -> Result<(), ConnectorError> {
    for column in &request.table.schema.columns {
        let ColumnKind::Metadata { key, .. } = &column.kind else {
            continue;
        };
        let key = key.as_ref().unwrap_or(&column.name);
        if !counts(&column.kind) || offered.iter().any(|f| f.name == *key) {
            continue;
        }
        if purpose == "writing" && offered.is_empty() {
            return Err(ConnectorError::user(format!(
                "Table '{}' declares persistable metadata columns, but the connector writes no metadata. If the column \
                 '{}' should not be persisted, it can be declared with the VIRTUAL keyword.",
                request.path, column.name
            )));
        }
        let names: Vec<&str> = offered.iter().map(|f| f.name.as_str()).collect();
        let hint = did_you_mean(key, names.iter().copied());
        let list = if names.is_empty() {
            "none".to_owned()
        } else {
            names.join("\n")
        };
        return Err(ConnectorError::user(format!(
            "Invalid metadata key '{key}' in column '{}' of table '{}'.{hint}\n\n\
             The connector supports the following metadata keys for {purpose}:\n\n{list}",
            column.name, request.path
        )));
    }
    Ok(())
}

/// Every option that a WITH clause may have, by full key.
struct KnownOptions {
    options: BTreeMap<String, ConfigOption>,
    refused: Vec<(String, &'static str)>,
}

impl KnownOptions {
    fn of(factory: &dyn TableFactory) -> KnownOptions {
        let own = factory.options().iter().chain(WATERMARK_OPTIONS);
        let own = own.map(|o| (o.key.to_owned(), *o));
        let refused = factory.refused_options().iter();
        KnownOptions {
            options: own.collect(),
            refused: refused.map(|(k, why)| ((*k).to_owned(), *why)).collect(),
        }
    }

    fn add_format(&mut self, format: &dyn FormatFactory) {
        let prefix = format.identifier();
        let full = |key: &str| format!("{prefix}.{key}");
        self.options.insert(FORMAT.key.to_owned(), FORMAT);
        for option in format.options() {
            self.options.insert(full(option.key), *option);
        }
        let refused: &[RefusedOption] = format.refused_options();
        self.refused
            .extend(refused.iter().map(|(k, why)| (full(k), *why)));
    }

    /// The option that a key names: its own, or one whose `#` stands for part of the key.
    fn find(&self, key: &str) -> Option<&ConfigOption> {
        self.options.get(key).or_else(|| {
            self.options
                .iter()
                .find(|(pattern, _)| matches_pattern(pattern, key))
                .map(|(_, option)| option)
        })
    }

    fn check_keys(&self, identifier: &str, options: &TableOptions) -> Result<(), ConnectorError> {
        let unknown: Vec<&str> = options
            .iter()
            .map(|(key, _)| key)
            .filter(|key| *key != "connector" && self.find(key).is_none())
            .collect();
        let Some(first) = unknown.first() else {
            return Ok(());
        };
        let refused = |key: &str| self.refused.iter().find(|(k, _)| k == key);
        if let Some((key, why)) = unknown.iter().find_map(|key| refused(key)) {
            return Err(ConnectorError::user(format!(
                "Option '{key}' of connector '{identifier}' is not supported: {why}."
            )));
        }
        let supported: Vec<&str> = self.options.keys().map(String::as_str).collect();
        // A format's option is often written without the format's name.
        let prefixed = options
            .get(&FORMAT)
            .map(|format| format!("{format}.{first}"));
        let hint = match prefixed {
            Some(key) if self.options.contains_key(&key) => format!(" Did you mean '{key}'?"),
            prefixed => {
                let names = [Some((*first).to_owned()), prefixed];
                let mut hints = names
                    .iter()
                    .flatten()
                    .map(|name| did_you_mean(name, supported.iter().copied()));
                hints.find(|hint| !hint.is_empty()).unwrap_or_default()
            }
        };
        Err(ConnectorError::user(format!(
            "Unsupported options found for '{identifier}'.{hint}\n\nUnsupported options:\n\n{}\n\n\
             Supported options:\n\nconnector\n{}",
            unknown.join("\n"),
            supported.join("\n")
        )))
    }

    fn check_required(&self, options: &TableOptions) -> Result<(), ConnectorError> {
        let absent: Vec<String> = self
            .options
            .iter()
            .filter(|(key, option)| option.required && options.raw(key).is_none())
            .map(|(key, _)| key.clone())
            .collect();
        match absent.is_empty() {
            true => Ok(()),
            false => Err(missing(&absent)),
        }
    }

    fn check_values(&self, options: &TableOptions) -> Result<(), ConnectorError> {
        for (key, value) in options.iter() {
            if let Some(option) = self.find(key) {
                option.check(value).map_err(|mut error| {
                    error.key = key.to_owned();
                    ConnectorError::user(format!("Invalid value for option '{key}'. {error}"))
                })?;
            }
        }
        Ok(())
    }
}

/// `fields.#.min` matches `fields.a.min` and `fields.a.b.min`.
fn matches_pattern(pattern: &str, key: &str) -> bool {
    pattern.split_once('#').is_some_and(|(before, after)| {
        key.len() > before.len() + after.len() && key.starts_with(before) && key.ends_with(after)
    })
}

#[cfg(test)]
mod tests;
