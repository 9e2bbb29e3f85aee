use std::fmt;

use indexmap::IndexMap;

/// The language of a user's function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FunctionLanguage {
    Java,
    Scala,
    Python,
    Sql,
    /// Registered by the program that embeds the library.
    Rust,
}

impl fmt::Display for FunctionLanguage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FunctionLanguage::Java => "JAVA",
            FunctionLanguage::Scala => "SCALA",
            FunctionLanguage::Python => "PYTHON",
            FunctionLanguage::Sql => "SQL",
            FunctionLanguage::Rust => "RUST",
        })
    }
}

/// What CREATE FUNCTION declares. Whether the class exists shows when the function is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogFunction {
    pub class_name: String,
    pub language: FunctionLanguage,
    /// `USING JAR 'uri'`: the kind and the uri of each.
    pub resources: Vec<(String, String)>,
    pub options: IndexMap<String, String>,
}
