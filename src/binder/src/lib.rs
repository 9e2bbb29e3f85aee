//! Syntax tree -> typed logical plan. The binder resolves names against the catalog, types every expression through
//! `filbert-functions`, and builds DataFusion's `LogicalPlan`; tables are inert to it: schema and options.
//!
//! - [`bound`]: what binding gives.
//! - [`relational`]: relational ideas that DataFusion's plans lack, as one extension node around one enum.
//! - [`binder`]: one statement's binding, and what it needs of the session; [`catalog`]: of the catalogs.
//! - `scope`: what names mean; `names`: the plan's internal names; `cte`: WITH.
//! - `query`, `select`, `aggregate`, `group_window`, `window`, `order`, `setop`, `values`: query blocks, clause by clause.
//! - `from`, `join`, `table`, `tvf`, `unnest`: FROM.
//! - `expr`: expressions; `typing`: the ways to `filbert-functions`.
//! - `hints`, `lookup_hints`: query hints. `insert`: INSERT.
//! - [`ddl`]: schemas of CREATE and ALTER TABLE, views.
//! - [`error`]: what is wrong, where, and what might help.

mod aggregate;
pub mod binder;
pub mod bound;
pub mod catalog;
mod cte;
pub mod ddl;
pub mod error;
mod expr;
mod from;
mod group_window;
mod hints;
mod insert;
mod join;
mod lookup_hints;
mod match_recognize;
mod names;
mod order;
mod plan;
mod query;
pub mod relational;
mod scope;
mod select;
mod setop;
mod table;
mod tvf;
mod typing;
mod unnest;
mod values;
mod window;

pub use binder::{BindContext, bind_query};
pub use bound::{BoundInsert, BoundQuery, BoundTable, ColumnTypes, OutputColumn};
pub use catalog::BinderCatalog;
pub use error::{BindError, BindResult};
pub use insert::bind_insert;
pub use lookup_hints::{LookupHint, LookupRetry};
pub use names::uniquify;
pub use relational::{Relational, RelationalNode};
pub use table::is_source_watermark;
