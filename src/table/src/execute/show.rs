//! SHOW of everything that exists.

use super::{describe, job, module, partition, parts, show_create};
use crate::environment::TableEnvironment;
use crate::error::{Result, TableError};
use crate::function_names;
use crate::like::retain;
use crate::result::TableResult;
use crate::result::text_table::TextTable;
use filbert_sql::{LikeFilter, ObjectName, Show};

pub(super) fn execute(env: &TableEnvironment, show: &Show) -> Result<TableResult> {
    match show {
        Show::Catalogs { like } => {
            let names = env.session().read().catalogs.list_catalogs();
            listed("catalog name", names, like.as_ref())
        }
        Show::CurrentCatalog => {
            let session = env.session().read();
            let name = session.catalogs.current_catalog().to_owned();
            listed("current catalog name", vec![name], None)
        }
        Show::Databases { from, like } => databases(env, from.as_ref(), like.as_ref()),
        Show::CurrentDatabase => {
            let session = env.session().read();
            let name = session.catalogs.current_database().to_owned();
            listed("current database name", vec![name], None)
        }
        Show::Tables { from, like } => {
            let session = env.session().read();
            let (catalog, database) = database_of(&session.catalogs, from.as_ref())?;
            let names = located(session.catalogs.list_objects(&catalog, &database), from)?;
            listed("table name", names, like.as_ref())
        }
        Show::Views { from, like } => {
            let session = env.session().read();
            let (catalog, database) = database_of(&session.catalogs, from.as_ref())?;
            let names = located(session.catalogs.list_views(&catalog, &database), from)?;
            listed("view name", names, like.as_ref())
        }
        Show::Functions { user, from, like } => functions(env, *user, from.as_ref(), like.as_ref()),
        Show::Columns { table, like } => describe::columns(env, table, like.as_ref()),
        Show::Partitions { table, spec } => partition::show(env, table, spec.as_ref()),
        Show::Models { from, like } => {
            let session = env.session().read();
            let (catalog, database) = database_of(&session.catalogs, from.as_ref())?;
            let names = located(session.catalogs.list_models(&catalog, &database), from)?;
            listed("model name", names, like.as_ref())
        }
        Show::MaterializedTables { from, .. } => {
            let session = env.session().read();
            let (catalog, database) = database_of(&session.catalogs, from.as_ref())?;
            located(session.catalogs.list_objects(&catalog, &database), from)?;
            listed("materialized table name", Vec::new(), None)
        }
        Show::CreateTable(name) => show_create::table(env, name),
        Show::CreateView(name) => show_create::view(env, name),
        Show::CreateCatalog(name) => show_create::catalog(env, name),
        Show::CreateModel(name) => show_create::model(env, name),
        Show::Modules { full } => module::show(env, *full),
        Show::Jars => listed("jars", Vec::new(), None),
        Show::Jobs => job::show(env),
    }
}

fn listed(column: &str, mut names: Vec<String>, like: Option<&LikeFilter>) -> Result<TableResult> {
    retain(&mut names, like);
    TableResult::of(TextTable::of_names(column, names))
}

/// Puts the place of the FROM clause to an error.
fn located<T, E: Into<TableError>>(
    result: std::result::Result<T, E>,
    from: &Option<ObjectName>,
) -> Result<T> {
    result.map_err(|error| {
        let error = error.into();
        match from {
            Some(name) => error.at(name.span),
            None => error,
        }
    })
}

fn databases(
    env: &TableEnvironment,
    from: Option<&ObjectName>,
    like: Option<&LikeFilter>,
) -> Result<TableResult> {
    let session = env.session().read();
    let catalog = match from {
        Some(name) => name.to_string(),
        None => session.catalogs.current_catalog().to_owned(),
    };
    let names = session.catalogs.list_databases(&catalog).map_err(|error| {
        let error = TableError::from(error);
        from.map_or(error.clone(), |name| error.at(name.span))
    })?;
    listed("database name", names, like)
}

fn database_of(
    catalogs: &filbert_catalog::CatalogManager,
    from: Option<&ObjectName>,
) -> Result<(String, String)> {
    match from {
        Some(name) => catalogs
            .qualify_database(&parts(name))
            .map_err(|error| TableError::from(error).at(name.span)),
        None => Ok((
            catalogs.current_catalog().to_owned(),
            catalogs.current_database().to_owned(),
        )),
    }
}

fn functions(
    env: &TableEnvironment,
    user: bool,
    from: Option<&ObjectName>,
    like: Option<&LikeFilter>,
) -> Result<TableResult> {
    let session = env.session().read();
    let (catalog, database) = database_of(&session.catalogs, from)?;
    if from.is_some() {
        session.catalogs.catalog(&catalog)?.database(&database)?;
    }
    let mut names = session.catalogs.list_user_functions(&catalog, &database);
    if !user {
        names.extend(function_names::SHOWN.iter().map(|&name| name.to_owned()));
    }
    names.sort();
    names.dedup();
    listed("function name", names, like)
}
