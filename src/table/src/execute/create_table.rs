//! CREATE TABLE.

use filbert_sql::CreateTable;

use crate::environment::TableEnvironment;
use crate::error::{Result, TableError};
use crate::result::TableResult;

pub(super) fn execute(env: &TableEnvironment, create: &CreateTable) -> Result<TableResult> {
    let _ = env;
    Err(TableError::unsupported("CREATE TABLE").at(create.name.span))
}
