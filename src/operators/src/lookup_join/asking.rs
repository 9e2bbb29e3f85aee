//! How a table is asked: again after a failure, and for keys that had no row.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::concat_batches;
use filbert_connector_api::lookup::{LookedUp, SyncLookup, sleep};
use filbert_connector_api::{Blame, ConnectorError, LookupReader};
use filbert_graph::spec::LookupRetrySpec;
use filbert_types::Clock;

use crate::error::{OperatorError, Result};
use crate::lookup_join::take_rows;

/// How long to wait before a lookup that has failed is tried again, times the number of its failures.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

/// How persistently a table is asked.
#[derive(Clone, Copy)]
pub(super) struct AskPlan {
    /// Keys without rows are asked for again.
    pub retry: Option<LookupRetrySpec>,
    /// Failures of the outside world that are put up with.
    pub failures_max: usize,
    pub timeout_ms: Option<u64>,
}

/// Asks on the task's own thread, which can't wait between two attempts.
pub(super) fn ask_inline(
    reader: &dyn SyncLookup,
    keys: &RecordBatch,
    plan: &AskPlan,
) -> Result<LookedUp> {
    let mut failures: u32 = 0;
    loop {
        match reader.lookup(keys) {
            Err(error)
                if error.blame == Blame::World && (failures as usize) < plan.failures_max =>
            {
                failures += 1;
            }
            answer => return Ok(answer?),
        }
    }
}

/// Asks until the plan is exhausted, or the time is up.
pub(super) async fn ask(
    reader: LookupReader,
    keys: RecordBatch,
    plan: AskPlan,
    clock: Arc<dyn Clock>,
) -> Result<LookedUp> {
    let Some(timeout_ms) = plan.timeout_ms else {
        return ask_patiently(&reader, keys, &plan, &clock).await;
    };
    let answer = ask_patiently(&reader, keys, &plan, &clock);
    let timeout = sleep(&clock, Duration::from_millis(timeout_ms));
    tokio::select! {
        answer = answer => answer,
        () = timeout => Err(OperatorError::world(format!(
            "Async function call has timed out: a lookup took longer than {timeout_ms} ms."
        ))),
    }
}

async fn ask_patiently(
    reader: &LookupReader,
    keys: RecordBatch,
    plan: &AskPlan,
    clock: &Arc<dyn Clock>,
) -> Result<LookedUp> {
    let (mut rows, mut numbers) = ask_until_answered(reader, &keys, plan, clock).await?;
    let Some(retry) = plan.retry else {
        return Ok((rows, numbers));
    };
    for _ in 0..retry.attempts_max {
        let missed = missed(&numbers, keys.num_rows());
        if missed.is_empty() {
            break;
        }
        sleep(clock, Duration::from_millis(retry.delay_ms)).await;
        let again = take_rows(&keys, &missed)?;
        let (more, of_missed) = ask_until_answered(reader, &again, plan, clock).await?;
        rows = concat_batches(&more.schema(), [&rows, &more])?;
        let known = of_missed
            .iter()
            .filter(|number| (**number as usize) < missed.len());
        numbers.extend(known.map(|number| missed.value(*number as usize)));
    }
    Ok((rows, numbers))
}

async fn ask_until_answered(
    reader: &LookupReader,
    keys: &RecordBatch,
    plan: &AskPlan,
    clock: &Arc<dyn Clock>,
) -> Result<LookedUp> {
    let mut failures: u32 = 0;
    loop {
        match ask_once(reader, keys.clone()).await {
            Err(error)
                if error.blame == Blame::World && (failures as usize) < plan.failures_max =>
            {
                failures += 1;
                sleep(clock, FAILURE_PAUSE.saturating_mul(failures)).await;
            }
            answer => return Ok(answer?),
        }
    }
}

async fn ask_once(reader: &LookupReader, keys: RecordBatch) -> Result<LookedUp, ConnectorError> {
    match reader {
        LookupReader::Async(reader) => reader.lookup(keys).await,
        LookupReader::Sync(reader) => {
            let reader = Arc::clone(reader);
            let asked = tokio::task::spawn_blocking(move || reader.lookup(&keys));
            asked
                .await
                .map_err(|e| ConnectorError::engine(e.to_string()))?
        }
    }
}

/// The numbers of keys that have no row.
fn missed(numbers: &[u32], keys: usize) -> UInt32Array {
    let mut has_row = vec![false; keys];
    for number in numbers {
        if let Some(has_row) = has_row.get_mut(*number as usize) {
            *has_row = true;
        }
    }
    let missed = has_row.iter().enumerate().filter(|(_, has_row)| !**has_row);
    missed
        .map(|(number, _)| number as u32)
        .collect::<Vec<_>>()
        .into()
}
