use super::{Ident, ObjectName, PartitionSpec, Text};

/// A SHOW statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Show {
    Catalogs {
        like: Option<LikeFilter>,
    },
    CurrentCatalog,
    Databases {
        from: Option<ObjectName>,
        like: Option<LikeFilter>,
    },
    CurrentDatabase,
    Tables {
        from: Option<ObjectName>,
        like: Option<LikeFilter>,
    },
    Views {
        from: Option<ObjectName>,
        like: Option<LikeFilter>,
    },
    Functions {
        user: bool,
        from: Option<ObjectName>,
        like: Option<LikeFilter>,
    },
    Columns {
        table: ObjectName,
        like: Option<LikeFilter>,
    },
    Partitions {
        table: ObjectName,
        spec: Option<PartitionSpec>,
    },
    Models {
        from: Option<ObjectName>,
        like: Option<LikeFilter>,
    },
    /// There are none.
    MaterializedTables {
        from: Option<ObjectName>,
        like: Option<LikeFilter>,
    },
    CreateTable(ObjectName),
    CreateView(ObjectName),
    CreateCatalog(ObjectName),
    CreateModel(ObjectName),
    Modules {
        full: bool,
    },
    Jars,
    Jobs,
}

/// `[NOT] LIKE 'pattern'` or `[NOT] ILIKE 'pattern'`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LikeFilter {
    pub negated: bool,
    pub case_insensitive: bool,
    pub pattern: Text,
}

/// A DESCRIBE statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Describe {
    Table { name: ObjectName, extended: bool },
    Catalog { name: Ident, extended: bool },
    Function { name: ObjectName, extended: bool },
    Model { name: ObjectName, extended: bool },
    Job { id: Text },
}
