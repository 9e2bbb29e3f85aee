//! Where statements meet the binder: contexts made from the session, errors brought into this room's form.

use filbert_binder::{BoundInsert, BoundQuery};
use filbert_sql::{Insert, Query};

use crate::environment::TableEnvironment;
use crate::error::{Result, TableError};

/// Binds a query against the session's catalogs.
pub(crate) fn query(env: &TableEnvironment, query: &Query) -> Result<BoundQuery> {
    let _ = env;
    Err(TableError::unsupported("A query").at(query.span))
}

/// Binds an INSERT against the session's catalogs.
pub(crate) fn insert(env: &TableEnvironment, insert: &Insert) -> Result<BoundInsert> {
    let _ = env;
    Err(TableError::unsupported("INSERT").at(insert.span))
}
