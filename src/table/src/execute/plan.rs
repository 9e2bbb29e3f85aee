//! COMPILE PLAN and EXECUTE PLAN.

use std::path::Path;

use filbert_planner::{CompiledPlan as Plan, PlanTarget, options};
use filbert_sql::{CompilePlan, Insert, Statement, Text};

use super::{insert, submit};
use crate::compiled_plan::{CompiledPlan, local_path};
use crate::environment::TableEnvironment;
use crate::error::{Result, TableError};
use crate::result::TableResult;

pub(super) fn compile(env: &TableEnvironment, statement: &CompilePlan) -> Result<TableResult> {
    let path = local_path(&statement.path.value).map_err(|e| e.at(statement.path.span))?;
    if statement.if_not_exists && Path::new(path).exists() {
        return match statement.execute {
            true => execute(env, &statement.path),
            false => TableResult::ok(),
        };
    }
    let inserts: Vec<&Insert> = statement.inserts.iter().collect();
    let plan = CompiledPlan::new(env, compiled(env, &inserts)?);
    plan.write_to_file(&statement.path.value)
        .map_err(|error| error.at(statement.path.span))?;
    match statement.execute {
        true => plan.submit(),
        false => TableResult::ok(),
    }
}

pub(super) fn execute(env: &TableEnvironment, path: &Text) -> Result<TableResult> {
    let plan = CompiledPlan::read(env, &path.value).map_err(|error| error.at(path.span))?;
    plan.submit()
}

/// The plan of the INSERTs of a statement.
pub(crate) fn of_statement(env: &TableEnvironment, statement: &Statement) -> Result<Plan> {
    match statement {
        Statement::Insert(one) => compiled(env, &[one]),
        Statement::StatementSet(inserts) => compiled(env, &inserts.iter().collect::<Vec<_>>()),
        _ => Err(TableError::validation(
            "Only an INSERT or a statement set can be compiled.",
        )),
    }
}

fn compiled(env: &TableEnvironment, inserts: &[&Insert]) -> Result<Plan> {
    let bound = insert::bind_all(env, inserts)?;
    let targets: Vec<PlanTarget> = bound.into_iter().map(PlanTarget::Insert).collect();
    let plan = submit::planner(env)?.compile(&targets);
    plan.map_err(|error| submit::located(env, error, &insert::tables(inserts)))
}

/// Starts the job of a plan.
pub(crate) fn run(env: &TableEnvironment, plan: Plan) -> Result<TableResult> {
    let parallelism = options::parallelism(&env.configuration(), false)?;
    let sinks = plan.sinks.clone();
    insert::start_planned(env, plan.planned(parallelism), &sinks)
}
