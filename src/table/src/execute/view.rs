//! CREATE VIEW and ALTER VIEW.

use filbert_sql::{AlterView, CreateView};

use crate::environment::TableEnvironment;
use crate::error::{Result, TableError};
use crate::result::TableResult;

pub(super) fn create(env: &TableEnvironment, create: &CreateView) -> Result<TableResult> {
    let _ = env;
    Err(TableError::unsupported("CREATE VIEW").at(create.name.span))
}

pub(super) fn alter(env: &TableEnvironment, alter: &AlterView) -> Result<TableResult> {
    let _ = env;
    Err(TableError::unsupported("ALTER VIEW").at(alter.name.span))
}
