//! SHOW JOBS, DESCRIBE JOB and STOP JOB.

use filbert_runtime::{JobClient, JobOverview, OperatorDetail};
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

/// The job as Flink shows it, with a row for each operator, what it has counted and what its state takes.
pub(super) fn describe(env: &TableEnvironment, id: &Text) -> Result<TableResult> {
    let detail = find(env, id)?.detail();
    let overview = detail.overview;
    let end = overview.end_time_ms.unwrap_or_else(|| env.now_ms());
    let duration = duration_text(end.saturating_sub(overview.start_time_ms));
    let operators: Vec<OperatorDetail> = detail
        .vertices
        .into_iter()
        .flat_map(|vertex| vertex.operators)
        .collect();
    // A batch job's vertices have no operators of their own.
    let rows = operators.len().max(1);
    let counts = |count: fn(&OperatorDetail) -> u64| {
        let counts = operators.iter().map(move |o| Some(count(o)));
        counts.chain(std::iter::repeat_n(None, rows - operators.len()))
    };
    let names = operators.iter().map(|o| Some(o.name.clone()));
    let table = overview_table(&vec![overview; rows])
        .text("duration", std::iter::repeat_n(Some(duration), rows))
        .text("operator", names.chain([None]).take(rows))
        .count("records in", counts(|o| o.records_in))
        .count("records out", counts(|o| o.records_out))
        .count("state rows", counts(|o| o.state_rows))
        .count("state bytes", counts(|o| o.state_bytes))
        .count("late records dropped", counts(|o| o.late_records_dropped))
        .count("other records dropped", counts(dropped));
    TableResult::of(table)
}

/// Rows that were left out otherwise: malformed ones, NULLs, and retractions of rows that nobody knows.
fn dropped(operator: &OperatorDetail) -> u64 {
    operator.skipped_records + operator.null_records_dropped + operator.unknown_retractions
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
