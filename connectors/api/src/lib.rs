//! What a connector, a format or a catalog implements. A connector crate stands on this crate alone.
//!
//! - [`factory`]: identifiers, options and the registry that a job looks connectors up in.
//! - [`discovery`]: from a WITH clause to a source or sink, with every option checked.
//! - [`options`]: reading and checking a table's WITH clause.
//! - [`source`]: sources as split enumerators and readers, and what may be pushed into them.
//! - [`positions`]: splits that are positions, and their enumerator.
//! - [`sink`]: sinks as writers with a two-phase committer.
//! - [`lookup`]: sources that answer by key.
//! - [`format`]: decoders and encoders.
//! - [`changelog`]: the row kinds that a source sends or a sink takes.
//! - [`catalog`]: the trait of catalogs.
//! - [`error`]: whose fault it is, and whether a retry can help.

pub mod catalog;
pub mod changelog;
pub mod discovery;
pub mod error;
pub mod factory;
pub mod format;
pub mod lookup;
pub mod options;
pub mod positions;
pub mod sink;
pub mod source;

pub use catalog::{Catalog, CatalogError, CatalogObject, CatalogPartition, CatalogView};
pub use changelog::ChangelogMode;
pub use discovery::TableRequest;
pub use error::{Blame, ConnectorError};
pub use factory::{CatalogFactory, ConnectorRegistry, FactoryContext, FormatFactory, TableFactory};
pub use lookup::{LookupCaching, LookupOptions, LookupReader, LookupSource};
pub use positions::{Position, PositionEnumerator};
pub use sink::{Committable, Committer, SinkWriter, TableSink};
pub use source::{
    Boundedness, Partition, Pushdown, ReaderOutput, ScanSource, SourceReader, Split,
    SplitEnumerator,
};
