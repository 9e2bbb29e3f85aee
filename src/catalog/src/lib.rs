//! Names to catalogs, databases, tables, views, functions and models.
//!
//! - [`manager`]: the catalogs of one session, the current catalog and database, and what is temporary.
//! - [`in_memory`]: the catalog `generic_in_memory`.
//! - [`function`], [`model`]: what CREATE FUNCTION and CREATE MODEL keep.
//! - [`error`]: what is refused, in Flink's words.

pub mod error;
pub mod function;
pub mod in_memory;
pub mod manager;
pub mod model;

pub use error::ManagerError;
pub use function::{CatalogFunction, FunctionLanguage};
pub use in_memory::{GenericInMemoryCatalog, GenericInMemoryCatalogFactory};
pub use manager::{CatalogDescriptor, CatalogManager, LookedUp, ObjectKind};
pub use model::CatalogModel;
