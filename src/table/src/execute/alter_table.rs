//! ALTER TABLE.

use filbert_sql::AlterTable;

use crate::environment::TableEnvironment;
use crate::error::{Result, TableError};
use crate::result::TableResult;

pub(super) fn execute(env: &TableEnvironment, alter: &AlterTable) -> Result<TableResult> {
    let _ = env;
    Err(TableError::unsupported("ALTER TABLE").at(alter.name.span))
}
