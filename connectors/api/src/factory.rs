use std::collections::BTreeMap;
use std::sync::Arc;

use filbert_types::{CatalogTable, ConfigOption, Configuration, Field, ObjectPath};

use crate::catalog::Catalog;
use crate::error::ConnectorError;
use crate::format::{DecodingFormat, EncodingFormat};
use crate::lookup::LookupSource;
use crate::options::{RefusedOption, TableOptions};
use crate::sink::TableSink;
use crate::source::ScanSource;

/// What a factory is given: the table, its options (hints applied; a format's factory sees its own, without prefix), the
/// session, and the other factories.
#[derive(Clone, Copy)]
pub struct FactoryContext<'a> {
    pub path: &'a ObjectPath,
    pub table: &'a CatalogTable,
    pub options: &'a TableOptions,
    pub session: &'a Configuration,
    pub registry: &'a ConnectorRegistry,
    /// True in batch mode.
    pub batch: bool,
}

impl FactoryContext<'_> {
    /// The fields of the physical columns, in order.
    pub fn physical_fields(&self) -> Vec<Field> {
        self.table
            .schema
            .physical_columns()
            .map(|c| Field::new(&c.name, c.ty.clone()))
            .collect()
    }

    /// The format that `format` names, for reading.
    ///
    /// # Errors
    /// When there is no such format, it cannot be read, or one of its options is wrong.
    pub fn decoding_format(&self) -> Result<Arc<dyn DecodingFormat>, ConnectorError> {
        self.with_format(|factory, ctx| {
            factory.decoding(ctx).ok_or_else(|| {
                let name = factory.identifier();
                ConnectorError::user(format!("Format '{name}' can only be written, not read."))
            })?
        })
    }

    /// The format that `format` names, for writing.
    ///
    /// # Errors
    /// When there is no such format, it cannot be written, or one of its options is wrong.
    pub fn encoding_format(&self) -> Result<Arc<dyn EncodingFormat>, ConnectorError> {
        self.with_format(|factory, ctx| {
            factory.encoding(ctx).ok_or_else(|| {
                let name = factory.identifier();
                ConnectorError::user(format!("Format '{name}' can only be read, not written."))
            })?
        })
    }

    fn with_format<T>(
        &self,
        make: impl FnOnce(&dyn FormatFactory, &FactoryContext<'_>) -> Result<T, ConnectorError>,
    ) -> Result<T, ConnectorError> {
        let factory = self.registry.find_format(self.options)?;
        let options = self.options.with_prefix(factory.identifier());
        let ctx = FactoryContext {
            options: &options,
            ..*self
        };
        make(factory.as_ref(), &ctx)
    }
}

/// Makes sources and sinks of one connector.
pub trait TableFactory: Send + Sync {
    /// The value of `'connector'`.
    fn identifier(&self) -> &'static str;

    /// One line for the reference page.
    fn doc(&self) -> &'static str;

    /// Every option of the connector, without `connector`; those of formats are added by prefix. A key with a `#`
    /// segment stands for many: `fields.#.min`.
    fn options(&self) -> &'static [ConfigOption];

    /// Options that Flink's connector has and this one refuses by name.
    fn refused_options(&self) -> &'static [RefusedOption] {
        &[]
    }

    /// True when the connector reads and writes through a format, named by the option `format`.
    fn uses_format(&self) -> bool {
        false
    }

    /// None when the connector cannot be read.
    fn scan_source(
        &self,
        ctx: &FactoryContext<'_>,
    ) -> Option<Result<Arc<dyn ScanSource>, ConnectorError>> {
        let _ = ctx;
        None
    }

    /// None when the connector cannot be looked up by key.
    fn lookup_source(
        &self,
        ctx: &FactoryContext<'_>,
    ) -> Option<Result<Arc<dyn LookupSource>, ConnectorError>> {
        let _ = ctx;
        None
    }

    /// None when the connector cannot be written.
    fn sink(&self, ctx: &FactoryContext<'_>) -> Option<Result<Arc<dyn TableSink>, ConnectorError>> {
        let _ = ctx;
        None
    }
}

/// Makes decoders and encoders of one format. Option keys are given without the format's prefix.
pub trait FormatFactory: Send + Sync {
    /// The value of `'format'`.
    fn identifier(&self) -> &'static str;

    fn doc(&self) -> &'static str;

    fn options(&self) -> &'static [ConfigOption];

    /// Options that Flink's format has and this one refuses by name.
    fn refused_options(&self) -> &'static [RefusedOption] {
        &[]
    }

    /// None when the format cannot be read.
    fn decoding(
        &self,
        ctx: &FactoryContext<'_>,
    ) -> Option<Result<Arc<dyn DecodingFormat>, ConnectorError>>;

    /// None when the format cannot be written.
    fn encoding(
        &self,
        ctx: &FactoryContext<'_>,
    ) -> Option<Result<Arc<dyn EncodingFormat>, ConnectorError>>;
}

/// Makes catalogs of one type.
pub trait CatalogFactory: Send + Sync {
    /// The value of `'type'`.
    fn identifier(&self) -> &'static str;

    fn options(&self) -> &'static [ConfigOption];

    /// # Errors
    /// When an option is wrong or the catalog is out of reach.
    fn create(
        &self,
        name: &str,
        options: &TableOptions,
    ) -> Result<Arc<dyn Catalog>, ConnectorError>;
}

/// The factories of one environment, by identifier.
#[derive(Default, Clone)]
pub struct ConnectorRegistry {
    tables: BTreeMap<&'static str, Arc<dyn TableFactory>>,
    formats: BTreeMap<&'static str, Arc<dyn FormatFactory>>,
    catalogs: BTreeMap<&'static str, Arc<dyn CatalogFactory>>,
}

impl ConnectorRegistry {
    /// # Errors
    /// When the identifier is taken.
    pub fn register_table(&mut self, factory: Arc<dyn TableFactory>) -> Result<(), ConnectorError> {
        register(&mut self.tables, factory.identifier(), factory, "connector")
    }

    /// # Errors
    /// When the identifier is taken.
    pub fn register_format(
        &mut self,
        factory: Arc<dyn FormatFactory>,
    ) -> Result<(), ConnectorError> {
        register(&mut self.formats, factory.identifier(), factory, "format")
    }

    /// # Errors
    /// When the identifier is taken.
    pub fn register_catalog(
        &mut self,
        factory: Arc<dyn CatalogFactory>,
    ) -> Result<(), ConnectorError> {
        register(
            &mut self.catalogs,
            factory.identifier(),
            factory,
            "catalog type",
        )
    }

    pub fn table(&self, identifier: &str) -> Option<&Arc<dyn TableFactory>> {
        self.tables.get(identifier)
    }

    pub fn format(&self, identifier: &str) -> Option<&Arc<dyn FormatFactory>> {
        self.formats.get(identifier)
    }

    pub fn catalog(&self, identifier: &str) -> Option<&Arc<dyn CatalogFactory>> {
        self.catalogs.get(identifier)
    }

    pub fn tables(&self) -> impl Iterator<Item = &Arc<dyn TableFactory>> {
        self.tables.values()
    }

    pub fn formats(&self) -> impl Iterator<Item = &Arc<dyn FormatFactory>> {
        self.formats.values()
    }

    pub fn catalogs(&self) -> impl Iterator<Item = &Arc<dyn CatalogFactory>> {
        self.catalogs.values()
    }
}

fn register<T: ?Sized>(
    map: &mut BTreeMap<&'static str, Arc<T>>,
    identifier: &'static str,
    factory: Arc<T>,
    what: &str,
) -> Result<(), ConnectorError> {
    match map.entry(identifier) {
        std::collections::btree_map::Entry::Occupied(_) => Err(ConnectorError::user(format!(
            "The {what} '{identifier}' is registered already."
        ))),
        std::collections::btree_map::Entry::Vacant(slot) => {
            slot.insert(factory);
            Ok(())
        }
    }
}
