use super::{ColumnDef, Ident, ObjectName, OptionEntry, Query, Text};

/// DROP of a table, a view or a catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropObject {
    pub name: ObjectName,
    pub temporary: bool,
    pub if_exists: bool,
}

/// `CREATE [TEMPORARY] VIEW`.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateView {
    pub name: ObjectName,
    pub temporary: bool,
    pub if_not_exists: bool,
    pub columns: Vec<ViewColumn>,
    pub comment: Option<Text>,
    pub query: Query,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewColumn {
    pub name: Ident,
    pub comment: Option<Text>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct AlterView {
    pub name: ObjectName,
    pub action: AlterViewAction,
}

#[derive(Debug, Clone, PartialEq)]
pub enum AlterViewAction {
    Rename(ObjectName),
    Query(Box<Query>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateCatalog {
    pub name: Ident,
    pub if_not_exists: bool,
    pub comment: Option<Text>,
    pub options: Vec<OptionEntry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterCatalog {
    pub name: Ident,
    pub action: AlterCatalogAction,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlterCatalogAction {
    SetOptions(Vec<OptionEntry>),
    ResetOptions(Vec<Text>),
    Comment(Text),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateDatabase {
    /// One or two parts.
    pub name: ObjectName,
    pub if_not_exists: bool,
    pub comment: Option<Text>,
    pub options: Vec<OptionEntry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterDatabase {
    pub name: ObjectName,
    pub options: Vec<OptionEntry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropDatabase {
    pub name: ObjectName,
    pub if_exists: bool,
    /// Without it a database that isn't empty stays.
    pub cascade: bool,
}

/// Where a function lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FunctionScope {
    Catalog,
    Temporary,
    TemporarySystem,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateFunction {
    pub name: ObjectName,
    pub scope: FunctionScope,
    pub if_not_exists: bool,
    pub class: Text,
    /// `JAVA`, `SCALA`, `PYTHON` or `SQL`; JAVA when not written.
    pub language: Option<Ident>,
    pub resources: Vec<Resource>,
    pub options: Vec<OptionEntry>,
}

/// `JAR 'uri'` or `ARTIFACT 'uri'`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    pub kind: ResourceKind,
    pub uri: Text,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceKind {
    Jar,
    Artifact,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterFunction {
    pub name: ObjectName,
    pub scope: FunctionScope,
    pub if_exists: bool,
    pub class: Text,
    pub language: Option<Ident>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropFunction {
    pub name: ObjectName,
    pub scope: FunctionScope,
    pub if_exists: bool,
}

/// `CREATE [TEMPORARY] MODEL`.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateModel {
    pub name: ObjectName,
    pub temporary: bool,
    pub if_not_exists: bool,
    pub input: Vec<ColumnDef>,
    pub output: Vec<ColumnDef>,
    pub comment: Option<Text>,
    pub options: Vec<OptionEntry>,
    pub query: Option<Query>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterModel {
    pub name: ObjectName,
    pub if_exists: bool,
    pub action: AlterModelAction,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlterModelAction {
    Rename(ObjectName),
    SetOptions(Vec<OptionEntry>),
    /// Keys to remove.
    ResetOptions(Vec<Text>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadModule {
    pub name: Ident,
    pub options: Vec<OptionEntry>,
}
