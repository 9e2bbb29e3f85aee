//! Syntax tree -> typed logical plan. The binder resolves names against the catalog, types every expression through
//! `filbert-functions`, and builds DataFusion's `LogicalPlan`; tables are inert to it: schema and options.
//!
//! - [`bound`]: what binding gives.
//! - [`relational`]: relational ideas that DataFusion's plans lack, as one extension node around one enum.

pub mod bound;
pub mod relational;

pub use bound::{BoundInsert, BoundQuery, BoundTable, ColumnTypes, OutputColumn};
pub use relational::{Relational, RelationalNode};
