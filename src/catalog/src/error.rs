use filbert_connector_api::{CatalogError, ConnectorError};

/// What the catalog manager refuses, in Flink's words.
#[derive(Debug, thiserror::Error)]
pub enum ManagerError {
    #[error("A catalog with name [{name}] does not exist.{hint}")]
    CatalogNotFound { name: String, hint: String },
    #[error("Catalog {0} already exists.")]
    CatalogExists(String),
    #[error("Cannot drop a catalog which is currently in use.")]
    CatalogInUse,
    #[error("A database with name [{database}] does not exist in the catalog: [{catalog}].{hint}")]
    DatabaseNotFound {
        catalog: String,
        database: String,
        hint: String,
    },
    #[error("Cannot drop a database which is currently in use.")]
    DatabaseInUse,
    #[error("Object '{name}' not found{within}.{hint}")]
    ObjectNotFound {
        name: String,
        within: String,
        hint: String,
    },
    #[error("{temporary}{kind} with identifier '{path}' does not exist.{hint}")]
    DropMissing {
        temporary: &'static str,
        kind: &'static str,
        path: String,
        hint: String,
    },
    #[error("{kind} {path} doesn't exist or is a temporary {lower}.{hint}")]
    AlterMissing {
        kind: &'static str,
        lower: &'static str,
        path: String,
        hint: String,
    },
    #[error(
        "Temporary {kind} with identifier '{path}' exists. Drop it first before removing the permanent {kind}."
    )]
    TemporaryShadows { kind: &'static str, path: String },
    #[error("Temporary {kind} '{path}' already exists")]
    TemporaryExists { kind: &'static str, path: String },
    #[error("Function {0} already exists{1}.")]
    FunctionExists(String, String),
    #[error("{what} {name} does not exist{within}.{hint}")]
    FunctionNotFound {
        what: &'static str,
        name: String,
        within: String,
        hint: String,
    },
    #[error("Model {database}.{name} already exists in Catalog {catalog}.")]
    ModelExists {
        catalog: String,
        database: String,
        name: String,
    },
    #[error("Model with identifier '{path}' does not exist.{hint}")]
    ModelNotFound { path: String, hint: String },
    #[error("A name has one to three parts: [catalog.][database.]object, not '{0}'.")]
    BadName(String),
    #[error("{0}")]
    Invalid(String),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Connector(#[from] ConnectorError),
}
