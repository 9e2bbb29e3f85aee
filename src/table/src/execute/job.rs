//! SHOW JOBS, DESCRIBE JOB and STOP JOB.

use filbert_runtime::{JobClient, JobOverview};
use filbert_sql::{StopJob, Text};
use filbert_types::suggest::did_you_mean;

use crate::environment::TableEnvironment;
use crate::error::{Result, TableError};
use crate::result::TableResult;
use crate::result::text_table::TextTable;

pub(super) fn show(env: &TableEnvironment) -> Result<TableResult> {
    let jobs = env.jobs();
    TableResult::of(overview_table(&jobs))
}

fn overview_table(jobs: &[JobOverview]) -> TextTable {
    TextTable::new()
        .text("job id", jobs.iter().map(|j| Some(j.job_id.clone())))
        .text("job name", jobs.iter().map(|j| Some(j.name.clone())))
        .text("status", jobs.iter().map(|j| Some(j.status.to_string())))
        .instant("start time", jobs.iter().map(|j| j.start_time_ms))
}

pub(super) fn describe(env: &TableEnvironment, id: &Text) -> Result<TableResult> {
    let detail = find(env, id)?.detail();
    let overview = detail.overview;
    let operators = detail.vertices.iter().flat_map(|v| &v.operators);
    let late: u64 = operators.map(|o| o.late_records_dropped).sum();
    let end = overview.end_time_ms.unwrap_or_else(|| env.now_ms());
    let duration = duration_text(end.saturating_sub(overview.start_time_ms));
    let table = overview_table(std::slice::from_ref(&overview))
        .text("duration", [Some(duration)])
        .text("late records dropped", [Some(late.to_string())]);
    TableResult::of(table)
}

/// `1h 2m 3s`, as Flink's dashboard counts.
fn duration_text(ms: i64) -> String {
    let seconds = ms / 1000;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match (hours, minutes) {
        (0, 0) => format!("{}.{:03}s", seconds, ms % 1000),
        (0, _) => format!("{minutes}m {}s", seconds % 60),
        _ => format!("{hours}h {minutes}m {}s", seconds % 60),
    }
}

pub(super) fn stop(env: &TableEnvironment, statement: &StopJob) -> Result<TableResult> {
    let job = find(env, &statement.id)?;
    if statement.savepoint {
        return Err(TableError::unsupported("STOP JOB .. WITH SAVEPOINT")
            .at(statement.id.span)
            .hint(
                "Savepoints come with checkpoints. STOP JOB 'id' cancels the job; STOP JOB 'id' WITH DRAIN ends its input, \
                 so that it finishes and its sinks commit.",
            ));
    }
    if statement.drain {
        job.drain();
        job.wait()?;
    } else {
        job.cancel();
        // A job that failed meanwhile has stopped too; its error belongs to whoever started it.
        let _ = job.wait();
    }
    TableResult::ok()
}

fn find(env: &TableEnvironment, id: &Text) -> Result<JobClient> {
    env.job(&id.value).ok_or_else(|| {
        let jobs = env.jobs();
        let hint = did_you_mean(&id.value, jobs.iter().map(|j| j.job_id.as_str()));
        TableError::validation(format!("Job '{}' does not exist.{hint}", id.value)).at(id.span)
    })
}
