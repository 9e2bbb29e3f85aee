//! What a catalog keeps: schemas resolved and checked, views' texts expanded.
//!
//! - [`create`]: CREATE TABLE, with AS. `like`: LIKE. [`alter`]: ALTER TABLE. [`view`]: views. [`model`]: models.
//! - `draft`: a table's columns, watermark and key before they are resolved.
//! - `canonical`: SQL text as Flink's parser would print it.

pub mod alter;
mod canonical;
pub mod create;
mod draft;
mod like;
pub mod model;
pub mod view;

pub use alter::alter_schema;
pub(crate) use canonical::{Edit, quoted};
pub use create::{resolve_ctas, resolve_table};
pub use model::resolve_model_columns;
pub use view::resolve_view;
