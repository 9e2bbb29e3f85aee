//! SELECT and its kin: a job whose rows come to the client.

use filbert_planner::PlanTarget;
use filbert_sql::Query;

use crate::binding;
use crate::environment::TableEnvironment;
use crate::error::{Result, TableError};
use crate::result::TableResult;
use crate::table::fields_of;

/// The name of a query's job.
const JOB_NAME: &str = "collect";

pub(crate) fn execute(env: &TableEnvironment, query: &Query) -> Result<TableResult> {
    let bound = binding::query(env, query)?;
    let fields = fields_of(&bound);
    let result_id = super::submit::new_id();
    let target = PlanTarget::Collect {
        result_id: result_id.clone(),
        query: bound,
    };
    let batch = env.session().read().batch()?;
    let planned = super::submit::plan(env, &[target], &query.tables())?;
    let job = super::submit::start(env, planned, JOB_NAME)?;
    let rows = job
        .take_result(&result_id)
        .ok_or_else(|| TableError::validation("This is a bug: the query's job has no result."))?;
    Ok(TableResult::of_query(fields, job, rows, !batch))
}
