use filbert_types::Column;
use indexmap::IndexMap;

/// What CREATE MODEL declares.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CatalogModel {
    pub input: Vec<Column>,
    pub output: Vec<Column>,
    pub comment: Option<String>,
    pub options: IndexMap<String, String>,
}
