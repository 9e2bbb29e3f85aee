//! EXPLAIN: the plans of a query or of INSERTs.

use filbert_binder::ddl;
use filbert_planner::{ExplainDetail as PlanDetail, PlanTarget};
use filbert_sql::{CreateTable, Explain, ExplainDetail, Insert, Query, Statement};

use super::{insert, submit};
use crate::binding;
use crate::environment::TableEnvironment;
use crate::error::{Result, TableError};
use crate::result::TableResult;
use crate::result::text_table::TextTable;

pub(super) fn execute(env: &TableEnvironment, statement: &Explain) -> Result<TableResult> {
    let text = explain(env, &statement.statement, &statement.details)?;
    TableResult::of(TextTable::of_names("result", vec![text]))
}

/// The text of EXPLAIN for a statement.
pub(crate) fn explain(
    env: &TableEnvironment,
    statement: &Statement,
    details: &[ExplainDetail],
) -> Result<String> {
    let details: Vec<PlanDetail> = details.iter().map(|d| detail(*d)).collect();
    let query = |query: &Query| Ok((vec![query_target(env, query)?], query.tables()));
    let inserts =
        |inserts: &[&Insert]| Ok((insert_targets(env, inserts)?, insert::tables(inserts)));
    let (targets, tables) = match statement {
        Statement::Query(one) => query(one),
        Statement::Insert(one) => inserts(&[one]),
        Statement::StatementSet(set) => inserts(&set.iter().collect::<Vec<_>>()),
        Statement::CreateTable(create) => match &create.query {
            Some(one) => Ok((vec![create_target(env, create)?], one.tables())),
            None => Err(refused()),
        },
        _ => Err(refused()),
    }?;
    let text = submit::planner(env)?.explain(&targets, &details);
    text.map_err(|error| submit::located(env, error, &tables))
}

fn refused() -> TableError {
    TableError::validation(
        "EXPLAIN takes a query, an INSERT, a statement set or CREATE TABLE AS, nothing else.",
    )
}

fn detail(detail: ExplainDetail) -> PlanDetail {
    match detail {
        ExplainDetail::ChangelogMode => PlanDetail::ChangelogMode,
        ExplainDetail::JsonExecutionPlan => PlanDetail::JsonExecutionPlan,
        ExplainDetail::EstimatedCost => PlanDetail::EstimatedCost,
        ExplainDetail::PlanAdvice => PlanDetail::PlanAdvice,
    }
}

fn query_target(env: &TableEnvironment, query: &Query) -> Result<PlanTarget> {
    Ok(PlanTarget::Collect {
        result_id: "explain".to_owned(),
        query: binding::query(env, query)?,
    })
}

/// The INSERT that would fill the table of CREATE TABLE AS; the table isn't made.
fn create_target(env: &TableEnvironment, create: &CreateTable) -> Result<PlanTarget> {
    let session = env.session().read();
    let path = session.catalogs.qualify(&super::parts(&create.name))?;
    let bound = binding::bind(env, &session, |cx| ddl::resolve_ctas(cx, create, &path));
    Ok(PlanTarget::Insert(bound?.1))
}

fn insert_targets(env: &TableEnvironment, inserts: &[&Insert]) -> Result<Vec<PlanTarget>> {
    let bound = insert::bind_all(env, inserts)?;
    Ok(bound.into_iter().map(PlanTarget::Insert).collect())
}
