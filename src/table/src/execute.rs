//! One statement executed: one file a statement family.

mod alter_table;
mod catalog;
mod create_table;
mod database;
mod describe;
mod drop;
mod explain;
mod function;
mod insert;
mod job;
mod model;
mod module;
mod partition;
mod plan;
mod properties;
mod query;
mod show;
mod show_create;
mod submit;
mod view;

use filbert_sql::{ObjectName, OptionEntry, ParsedStatement, Statement};
use indexmap::IndexMap;

use crate::environment::TableEnvironment;
use crate::error::{Result, TableError};
use crate::result::TableResult;

pub(crate) use explain::explain;
pub(crate) use insert::run_inserts;
pub(crate) use plan::{of_statement as compile_plan, run as run_plan};
pub use properties::setting_notice;
pub(crate) use query::execute as run_query;

/// Executes one statement in the environment's session.
pub(crate) fn execute(env: &TableEnvironment, parsed: &ParsedStatement) -> Result<TableResult> {
    if env.session().read().statement_set.is_some() {
        return insert::in_statement_set(env, &parsed.statement);
    }
    dispatch(env, &parsed.statement)
}

fn dispatch(env: &TableEnvironment, statement: &Statement) -> Result<TableResult> {
    match statement {
        Statement::Query(query) => query::execute(env, query),
        Statement::Insert(insert) => insert::run_inserts(env, std::slice::from_ref(insert)),
        Statement::StatementSet(inserts) => insert::run_inserts(env, inserts),
        Statement::BeginStatementSet => insert::begin(env),
        Statement::EndStatementSet => Err(TableError::validation(
            "No statement set to submit: END has no BEGIN STATEMENT SET before it.",
        )),
        Statement::Explain(statement) => explain::execute(env, statement),
        Statement::CompilePlan(statement) => plan::compile(env, statement),
        Statement::ExecutePlan(path) => plan::execute(env, path),
        Statement::CreateTable(create) => create_table::execute(env, create),
        Statement::AlterTable(alter) => alter_table::execute(env, alter),
        Statement::DropTable(statement) => drop::table(env, statement),
        Statement::CreateView(create) => view::create(env, create),
        Statement::AlterView(alter) => view::alter(env, alter),
        Statement::DropView(statement) => drop::view(env, statement),
        Statement::CreateCatalog(create) => catalog::create(env, create),
        Statement::AlterCatalog(alter) => catalog::alter(env, alter),
        Statement::DropCatalog(statement) => catalog::drop_catalog(env, statement),
        Statement::UseCatalog(name) => catalog::use_catalog(env, name),
        Statement::CreateDatabase(create) => database::create(env, create),
        Statement::AlterDatabase(alter) => database::alter(env, alter),
        Statement::DropDatabase(statement) => database::drop_database(env, statement),
        Statement::UseDatabase(name) => database::use_database(env, name),
        Statement::CreateFunction(create) => function::create(env, create),
        Statement::AlterFunction(alter) => function::alter(env, alter),
        Statement::DropFunction(statement) => function::drop_function(env, statement),
        Statement::CreateModel(statement) => model::create(env, statement),
        Statement::AlterModel(statement) => model::alter(env, statement),
        Statement::DropModel(statement) => model::drop(env, statement),
        Statement::LoadModule(statement) => module::load(env, statement),
        Statement::UnloadModule(name) => module::unload(env, name),
        Statement::UseModules(names) => module::use_modules(env, names),
        Statement::Show(statement) => show::execute(env, statement),
        Statement::Describe(statement) => describe::execute(env, statement),
        Statement::Set(entry) => properties::set(env, entry.as_ref()),
        Statement::Reset(key) => properties::reset(env, key.as_ref()),
        Statement::StopJob(statement) => job::stop(env, statement),
        Statement::Unsupported(statement) => {
            Err(TableError::unsupported(&statement.name).at(statement.span))
        }
    }
}

/// The parts of a name.
pub(crate) fn parts(name: &ObjectName) -> Vec<String> {
    name.parts.iter().map(|part| part.value.clone()).collect()
}

/// A WITH clause as a map, in the order written; of a key that is given twice the last value counts.
fn options_map(entries: &[OptionEntry]) -> IndexMap<String, String> {
    let entry = |entry: &OptionEntry| (entry.key.value.clone(), entry.value.value.clone());
    entries.iter().map(entry).collect()
}

/// The first key that a WITH clause gives twice.
fn given_twice(entries: &[OptionEntry]) -> Option<&str> {
    let keys = || entries.iter().map(|entry| entry.key.value.as_str());
    keys()
        .enumerate()
        .find(|(i, key)| keys().take(*i).any(|earlier| earlier == *key))
        .map(|(_, key)| key)
}
