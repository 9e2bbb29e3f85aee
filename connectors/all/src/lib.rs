//! Every connector and format that this build has: one table, a cargo feature a line.

use std::sync::Arc;

use filbert_connector_api::{ConnectorError, ConnectorRegistry, FormatFactory, TableFactory};
#[cfg(feature = "changelog-json")]
use filbert_formats::changelog_json::envelope;

/// Makes a factory.
enum Entry {
    Table(fn() -> Arc<dyn TableFactory>),
    Format(fn() -> Arc<dyn FormatFactory>),
}

const FACTORIES: &[Entry] = &[
    #[cfg(feature = "blackhole")]
    Entry::Table(|| Arc::new(filbert_connector_blackhole::BlackholeFactory)),
    #[cfg(feature = "datagen")]
    Entry::Table(|| Arc::new(filbert_connector_datagen::DataGenFactory)),
    #[cfg(feature = "filesystem")]
    Entry::Table(|| Arc::new(filbert_connector_filesystem::FilesystemFactory)),
    #[cfg(feature = "memory")]
    Entry::Table(|| Arc::new(filbert_connector_memory::MemoryFactory::default())),
    #[cfg(feature = "nexmark")]
    Entry::Table(|| Arc::new(filbert_connector_nexmark::NexmarkFactory)),
    #[cfg(feature = "print")]
    Entry::Table(|| Arc::new(filbert_connector_print::PrintFactory::default())),
    #[cfg(feature = "csv")]
    Entry::Format(|| Arc::new(filbert_formats::CsvFormatFactory)),
    #[cfg(feature = "changelog-json")]
    Entry::Format(|| Arc::new(filbert_formats::ChangelogJsonFactory(&envelope::DEBEZIUM))),
    #[cfg(feature = "changelog-json")]
    Entry::Format(|| Arc::new(filbert_formats::ChangelogJsonFactory(&envelope::CANAL))),
    #[cfg(feature = "changelog-json")]
    Entry::Format(|| Arc::new(filbert_formats::ChangelogJsonFactory(&envelope::MAXWELL))),
    #[cfg(feature = "changelog-json")]
    Entry::Format(|| Arc::new(filbert_formats::ChangelogJsonFactory(&envelope::OGG))),
    #[cfg(feature = "json")]
    Entry::Format(|| Arc::new(filbert_formats::JsonFormatFactory)),
    #[cfg(feature = "parquet")]
    Entry::Format(|| Arc::new(filbert_formats::ParquetFormatFactory)),
    #[cfg(feature = "raw")]
    Entry::Format(|| Arc::new(filbert_formats::RawFormatFactory)),
];

/// A registry of all of them; an embedding program adds its own.
///
/// # Errors
/// When two have one identifier, which a test rules out.
pub fn registry() -> Result<ConnectorRegistry, ConnectorError> {
    let mut registry = ConnectorRegistry::default();
    for entry in FACTORIES {
        match entry {
            Entry::Table(make) => registry.register_table(make())?,
            Entry::Format(make) => registry.register_format(make())?,
        }
    }
    Ok(registry)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use filbert_types::ConfigOption;

    use super::*;

    fn check_options(owner: &str, options: &[ConfigOption]) {
        let mut keys = BTreeSet::new();
        for option in options {
            assert!(
                keys.insert(option.key),
                "{owner} has '{}' twice",
                option.key
            );
            assert!(
                !option.doc.is_empty(),
                "{owner}: '{}' has no doc",
                option.key
            );
            if let Some(default) = option.default {
                assert_eq!(
                    option.check(default),
                    Ok(()),
                    "{owner}: default of '{}'",
                    option.key
                );
            }
        }
    }

    #[test]
    fn identifiers_are_unique_and_options_documented() {
        let registry = registry().unwrap();
        assert_eq!(
            registry.tables().count() + registry.formats().count(),
            FACTORIES.len()
        );
        for factory in registry.tables() {
            assert!(!factory.doc().is_empty());
            check_options(factory.identifier(), factory.options());
        }
        for factory in registry.formats() {
            assert!(!factory.doc().is_empty());
            check_options(factory.identifier(), factory.options());
        }
    }
}
