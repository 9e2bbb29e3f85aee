//! Batch plans in pieces, run to their end.
#![allow(
    clippy::unwrap_used,
    reason = "test code, which clippy knows only inside of test functions"
)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::{ExecutionPlan, Partitioning};
use filbert_operators::bounded::SourceScanExec;
use filbert_runtime::{ExecutionState, JobStatus, MiniCluster, Received};
use filbert_types::Configuration;
use support::jobs::{fields, number_spec};
use support::{Job, collect, sink};

/// Numbers read by two subtasks, dealt to three by their digit, and brought together.
fn plan(count: u64) -> Arc<dyn ExecutionPlan> {
    let scan = Arc::new(SourceScanExec::new(number_spec(count), fields(), 2));
    let by_digit = Partitioning::Hash(vec![Arc::new(Column::new("c1", 1))], 3);
    let dealt = Arc::new(RepartitionExec::try_new(scan, by_digit).unwrap());
    Arc::new(CoalescePartitionsExec::new(dealt))
}

#[test]
fn every_row_passes_the_pieces_of_a_plan() {
    let job = Job::batch(&plan(50_000), vec![sink()]);
    let written = Arc::clone(&job.written);
    let client = job.submit(&MiniCluster::new(&Configuration::default()).unwrap());
    let ended = client
        .wait_timeout(Duration::from_secs(30))
        .expect("the job hangs");
    assert_eq!(ended.unwrap().status, JobStatus::Finished);
    assert_eq!(written.lock().materialize().len(), 50_000);
    let detail = client.detail();
    for vertex in &detail.vertices {
        let states = vertex.subtasks.iter().map(|s| s.state);
        assert!(
            states.clone().all(|s| s == ExecutionState::Finished),
            "{} {:?}",
            vertex.name,
            states.collect::<Vec<_>>()
        );
        assert_eq!(vertex.operators[0].records_out, 50_000, "{}", vertex.name);
    }
}

#[test]
fn a_cancelled_plan_stops() {
    let job = Job::batch(&plan(i64::MAX as u64), vec![collect()]);
    let client = job.submit(&MiniCluster::new(&Configuration::default()).unwrap());
    let rows = client.take_result("result").unwrap();
    assert!(matches!(
        rows.recv_timeout(Duration::from_secs(20)),
        Received::Batch(_)
    ));
    client.cancel();
    let outcome = client
        .wait_timeout(Duration::from_secs(20))
        .expect("the job hangs")
        .unwrap();
    assert_eq!(outcome.status, JobStatus::Canceled);
}

#[test]
fn a_failed_plan_begins_anew() {
    let mut job = Job::batch(&plan(5_000), vec![sink()]);
    job.set("restart-strategy.type", "fixed-delay");
    job.set("restart-strategy.fixed-delay.delay", "1 ms");
    job.written.lock().fail_at_row = Some(100);
    let written = Arc::clone(&job.written);
    let client = job.submit(&MiniCluster::new(&Configuration::default()).unwrap());
    let outcome = client
        .wait_timeout(Duration::from_secs(20))
        .expect("the job hangs")
        .unwrap();
    assert_eq!(outcome.status, JobStatus::Finished);
    assert_eq!(client.overview().restarts, 1);
    assert_eq!(written.lock().last_attempt().materialize().len(), 5_000);
}
