use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{Field as ArrowField, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use crate::logical_type::{Field, LogicalType};

/// Where a table's column comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ColumnKind {
    /// Stored by the connector.
    Physical,
    /// `AS expression`; the text is bound anew wherever the table is used.
    Computed { expression: String },
    /// Read from (and, unless virtual, written to) the connector's metadata `key`, by default the column's name.
    Metadata {
        key: Option<String>,
        is_virtual: bool,
    },
}

/// A column of a table's resolved schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    pub ty: LogicalType,
    pub kind: ColumnKind,
    pub comment: Option<String>,
}

impl Column {
    pub fn physical(name: impl Into<String>, ty: LogicalType) -> Column {
        Column {
            name: name.into(),
            ty,
            kind: ColumnKind::Physical,
            comment: None,
        }
    }

    /// True for columns that an INSERT writes: physical and non-virtual metadata columns.
    pub const fn is_persisted(&self) -> bool {
        match self.kind {
            ColumnKind::Physical => true,
            ColumnKind::Computed { .. } => false,
            ColumnKind::Metadata { is_virtual, .. } => !is_virtual,
        }
    }
}

/// `WATERMARK FOR column AS expression`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatermarkSpec {
    /// The rowtime column, a path into ROW columns.
    pub column: Vec<String>,
    /// SQL text over the table's columns; `SOURCE_WATERMARK()` when the source provides its own.
    pub expression: String,
}

/// `PRIMARY KEY (..) NOT ENFORCED`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrimaryKey {
    pub name: String,
    pub columns: Vec<String>,
}

/// A table's columns with all types resolved (Flink's `ResolvedSchema`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedSchema {
    pub columns: Vec<Column>,
    pub watermark: Option<WatermarkSpec>,
    pub primary_key: Option<PrimaryKey>,
}

impl ResolvedSchema {
    /// A schema of physical columns.
    pub fn physical(columns: impl IntoIterator<Item = (String, LogicalType)>) -> ResolvedSchema {
        ResolvedSchema {
            columns: columns
                .into_iter()
                .map(|(name, ty)| Column::physical(name, ty))
                .collect(),
            watermark: None,
            primary_key: None,
        }
    }

    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name == name)
    }

    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == name)
    }

    /// The physical columns, in order.
    pub fn physical_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns
            .iter()
            .filter(|c| c.kind == ColumnKind::Physical)
    }

    /// All columns as the fields of a row.
    pub fn row_fields(&self) -> Vec<Field> {
        self.columns
            .iter()
            .map(|c| Field::new(&c.name, c.ty.clone()))
            .collect()
    }
}

/// The Arrow schema of rows with these fields.
pub fn arrow_schema<'a>(fields: impl IntoIterator<Item = &'a Field>) -> SchemaRef {
    let fields: Vec<ArrowField> = fields
        .into_iter()
        .map(|f| f.ty.arrow_field(&f.name))
        .collect();
    Arc::new(Schema::new(fields))
}

/// The full name of a table, view or function: catalog, database, object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectPath {
    pub catalog: String,
    pub database: String,
    pub object: String,
}

impl ObjectPath {
    pub fn new(
        catalog: impl Into<String>,
        database: impl Into<String>,
        object: impl Into<String>,
    ) -> ObjectPath {
        ObjectPath {
            catalog: catalog.into(),
            database: database.into(),
            object: object.into(),
        }
    }

    /// `` `cat`.`db`.`object` ``
    pub fn quoted(&self) -> String {
        [&self.catalog, &self.database, &self.object]
            .map(|part| format!("`{}`", part.replace('`', "``")))
            .join(".")
    }
}

impl fmt::Display for ObjectPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.catalog, self.database, self.object)
    }
}

/// `DISTRIBUTED BY [HASH|RANGE] (columns) INTO n BUCKETS`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distribution {
    /// `HASH`, `RANGE`, or none when left to the connector.
    pub kind: Option<String>,
    pub columns: Vec<String>,
    pub buckets: Option<u32>,
}

/// A table as a catalog keeps it: inert data, from which a connector's factory makes sources and sinks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogTable {
    pub schema: ResolvedSchema,
    pub comment: Option<String>,
    pub distribution: Option<Distribution>,
    pub partition_keys: Vec<String>,
    /// The WITH clause, in the order written.
    pub options: indexmap::IndexMap<String, String>,
}
