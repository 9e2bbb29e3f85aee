//! DROP TABLE and DROP VIEW.

use filbert_catalog::ObjectKind;
use filbert_sql::DropObject;

use super::parts;
use crate::environment::TableEnvironment;
use crate::error::{Result, TableError};
use crate::result::TableResult;

pub(super) fn table(env: &TableEnvironment, statement: &DropObject) -> Result<TableResult> {
    drop_object(env, statement, ObjectKind::Table)
}

pub(super) fn view(env: &TableEnvironment, statement: &DropObject) -> Result<TableResult> {
    drop_object(env, statement, ObjectKind::View)
}

fn drop_object(
    env: &TableEnvironment,
    statement: &DropObject,
    kind: ObjectKind,
) -> Result<TableResult> {
    let mut session = env.session().write();
    let path = session.catalogs.qualify(&parts(&statement.name))?;
    session
        .catalogs
        .drop_object(&path, kind, statement.temporary, statement.if_exists)
        .map_err(|error| TableError::from(error).at(statement.name.span))?;
    TableResult::ok()
}
