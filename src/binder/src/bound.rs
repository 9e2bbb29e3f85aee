//! What binding gives.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::Column;
use datafusion::logical_expr::{LogicalPlan, TableSource};
use filbert_types::{CatalogTable, Field, LogicalType, ObjectPath};

use crate::lookup_hints::LookupHint;

/// The type of each column inside a plan, by its internal name (`relation.name` for a scan's columns, else the name).
/// Field metadata does not survive DataFusion's rules, so the types ride beside the plan.
#[derive(Debug, Clone, Default)]
pub struct ColumnTypes {
    types: HashMap<String, LogicalType>,
    /// How long state about rows with these columns lives, where a hint says so.
    state_ttl_ms: HashMap<String, u64>,
    /// How a lookup join asks the table of these columns, where a hint says so.
    lookups: HashMap<String, LookupHint>,
}

impl ColumnTypes {
    pub fn insert(&mut self, column: &Column, ty: LogicalType) {
        self.types.insert(column.flat_name(), ty);
    }

    pub fn get(&self, column: &Column) -> Option<&LogicalType> {
        self.types.get(&column.flat_name())
    }

    pub fn set_state_ttl(&mut self, column: &Column, ttl_ms: u64) {
        self.state_ttl_ms.insert(column.flat_name(), ttl_ms);
    }

    pub fn set_lookup_hint(&mut self, column: &Column, hint: LookupHint) {
        self.lookups.insert(column.flat_name(), hint);
    }

    /// What a LOOKUP hint says about a table with these columns.
    pub fn lookup_hint(&self, columns: &[&Column]) -> Option<&LookupHint> {
        let mut hinted = columns
            .iter()
            .map(|column| self.lookups.get(&column.flat_name()));
        hinted.find_map(|hint| hint)
    }

    /// The time that a STATE_TTL hint gives, when it is about all of these columns.
    pub fn hinted_state_ttl_ms(&self, columns: &[&Column]) -> Option<u64> {
        let hinted = |column: &&Column| self.state_ttl_ms.get(&column.flat_name()).copied();
        let first = hinted(columns.first()?)?;
        let all = columns.iter().all(|column| hinted(column) == Some(first));
        all.then_some(first)
    }
}

/// A column of a query's result: the user's name (not always unique), the internal column, and its type.
#[derive(Debug, Clone)]
pub struct OutputColumn {
    pub name: String,
    pub column: Column,
    pub ty: LogicalType,
}

/// A query, bound: the plan's columns are `output`, in order.
#[derive(Debug, Clone)]
pub struct BoundQuery {
    pub plan: LogicalPlan,
    pub types: ColumnTypes,
    pub output: Vec<OutputColumn>,
}

/// An INSERT, bound: the query gives the sink's persisted columns, in order and cast to their types.
#[derive(Debug, Clone)]
pub struct BoundInsert {
    pub path: ObjectPath,
    pub table: CatalogTable,
    /// Options of an OPTIONS hint on the target.
    pub hint_options: BTreeMap<String, String>,
    pub overwrite: bool,
    pub static_partition: Vec<(String, String)>,
    /// `ON CONFLICT DO ..`: `ERROR`, `NOTHING` or `DEDUPLICATE`.
    pub on_conflict: Option<String>,
    pub query: BoundQuery,
}

/// A catalog's table as a plan's scan reads it: physical columns, then the metadata columns that the schema declares.
/// Computed columns and the watermark stand above the scan as ordinary nodes.
#[derive(Debug, Clone)]
pub struct BoundTable {
    pub path: ObjectPath,
    pub table: CatalogTable,
    pub hint_options: BTreeMap<String, String>,
    /// Metadata columns: the connector's key as name, and the declared type.
    pub metadata: Vec<Field>,
    pub schema: SchemaRef,
}

impl TableSource for BoundTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
