//! Where statements meet the binder: contexts made from the session, errors brought into this room's form.

use filbert_binder::{BindContext, BindError, BoundInsert, BoundQuery};
use filbert_sql::{Insert, Query};
use filbert_types::options;

use crate::environment::TableEnvironment;
use crate::error::{ErrorKind, Result, TableError};
use crate::session::Session;

/// Binds a query against the session's catalogs.
pub(crate) fn query(env: &TableEnvironment, query: &Query) -> Result<BoundQuery> {
    let session = env.session().read();
    bind(env, &session, |cx| filbert_binder::bind_query(cx, query))
}

/// Binds an INSERT against the session's catalogs.
pub(crate) fn insert(env: &TableEnvironment, insert: &Insert) -> Result<BoundInsert> {
    let session = env.session().read();
    bind(env, &session, |cx| filbert_binder::bind_insert(cx, insert))
}

/// Binds something in the context of the session as it is now.
pub(crate) fn bind<T>(
    env: &TableEnvironment,
    session: &Session,
    work: impl FnOnce(BindContext<'_>) -> std::result::Result<T, BindError>,
) -> Result<T> {
    let exprs = session.expr_context(env.now_ms())?;
    let cx = BindContext {
        catalog: &session.catalogs,
        functions: &session.functions,
        exprs: &exprs,
        dynamic_options: session
            .configuration
            .get_bool(&options::DYNAMIC_TABLE_OPTIONS)?,
    };
    Ok(work(cx)?)
}

impl From<BindError> for TableError {
    fn from(error: BindError) -> TableError {
        TableError {
            kind: ErrorKind::Validation,
            message: error.message,
            span: error.span,
            hint: error.hint,
        }
    }
}
