//! Hand-built job graphs, run to their end.

mod support;

use std::sync::Arc;
use std::time::Duration;

use filbert_runtime::{ExecutionState, JobStatus, MiniCluster, Received};
use filbert_types::Configuration;
use support::{Job, aggregate, calc, collect, numbers, sink, values};

#[test]
fn literal_rows_pass_a_calc_and_reach_the_client() {
    let job = Job::new().chain(
        1,
        vec![values("+I 1 a\n+I 2 b\n+I 3 c"), calc("c0 > 1"), collect()],
    );
    let client = job.submit(&MiniCluster::new(&Configuration::default()).unwrap());
    let rows = client.take_result("result").unwrap();
    let Received::Batch(batch) = rows.recv() else {
        panic!("no rows")
    };
    assert_eq!(
        filbert_operators::testing::text(&batch).unwrap(),
        "+I 2 b\n+I 3 c"
    );
    assert!(matches!(rows.recv(), Received::End(Ok(()))));
    assert_eq!(client.wait().unwrap().status, JobStatus::Finished);
    let detail = client.detail();
    assert_eq!(
        detail.vertices[0].subtasks[0].state,
        ExecutionState::Finished
    );
    assert_eq!(detail.vertices[0].operators[1].records_in, 3);
    assert_eq!(detail.vertices[0].operators[1].records_out, 2);
}

#[test]
fn a_keyed_aggregate_at_parallelism_two_counts_every_row() {
    for parallelism in [1, 2, 3] {
        let job = Job::new()
            .chain(parallelism, vec![numbers(100_000), calc("c0 >= 0")])
            .hash(vec![1])
            .chain(parallelism, vec![aggregate(vec![1]), sink()]);
        let written = Arc::clone(&job.written);
        let client = job.submit(&MiniCluster::new(&Configuration::default()).unwrap());
        let ended = client
            .wait_timeout(Duration::from_secs(60))
            .expect("the job hangs");
        assert_eq!(ended.unwrap().status, JobStatus::Finished);
        let state = written.lock().materialize();
        assert_eq!(state.len(), 10, "at parallelism {parallelism}");
        assert!(state.iter().all(|row| row.ends_with(" 10000")), "{state:?}");
        assert_eq!(
            written.lock().committed,
            parallelism,
            "each writer's rows are committed"
        );
    }
}

#[test]
fn a_cancelled_job_stops_in_order_and_names_what_it_leaves() {
    let job = Job::new()
        .chain(2, vec![numbers(i64::MAX as u64)])
        .hash(vec![1])
        .chain(2, vec![aggregate(vec![1]), sink()]);
    let written = Arc::clone(&job.written);
    let client = job.submit(&MiniCluster::new(&Configuration::default()).unwrap());
    while written.lock().rows == 0 && !client.status().is_terminal() {
        std::thread::sleep(Duration::from_millis(1));
    }
    client.cancel();
    let outcome = client
        .wait_timeout(Duration::from_secs(20))
        .expect("the job hangs")
        .unwrap();
    assert_eq!(outcome.status, JobStatus::Canceled);
    assert_eq!(outcome.left_behind, ["hidden file", "hidden file"]);
    assert_eq!(written.lock().committed, 0);
}

#[test]
fn a_failing_task_cancels_its_peers_and_the_root_cause_is_reported() {
    let job = Job::new()
        .chain(2, vec![numbers(i64::MAX as u64)])
        .hash(vec![1])
        .chain(2, vec![aggregate(vec![1]), sink()]);
    job.written.lock().fail_at_row = Some(500);
    let client = job.submit(&MiniCluster::new(&Configuration::default()).unwrap());
    let error = client
        .wait_timeout(Duration::from_secs(20))
        .expect("the job hangs")
        .unwrap_err();
    assert!(error.message.contains("disk full"), "{error}");
    assert!(error.task.is_some());
    assert_eq!(client.status(), JobStatus::Failed);
    let states: Vec<_> = client
        .detail()
        .vertices
        .iter()
        .flat_map(|v| v.subtasks.iter().map(|s| s.state))
        .collect();
    assert!(states.contains(&ExecutionState::Failed) && states.contains(&ExecutionState::Canceled));
}

#[test]
fn a_failed_insert_begins_anew_by_the_restart_strategy() {
    let mut job = Job::new()
        .chain(2, vec![numbers(1000)])
        .hash(vec![1])
        .chain(1, vec![aggregate(vec![1]), sink()]);
    job.set("restart-strategy.type", "fixed-delay");
    job.set("restart-strategy.fixed-delay.delay", "10 ms");
    job.written.lock().fail_at_row = Some(100);
    let written = Arc::clone(&job.written);
    let client = job.submit(&MiniCluster::new(&Configuration::default()).unwrap());
    let outcome = client
        .wait_timeout(Duration::from_secs(20))
        .expect("the job hangs")
        .unwrap();
    assert_eq!(outcome.status, JobStatus::Finished);
    assert_eq!(client.overview().restarts, 1);
    assert_eq!(written.lock().last_attempt().materialize().len(), 10);
}

#[test]
fn too_few_slots_are_refused_with_a_remedy() {
    let mut configuration = Configuration::default();
    configuration.set("taskmanager.numberOfTaskSlots", "1");
    let job = Job::new().chain(2, vec![numbers(10), sink()]);
    let error = job
        .try_submit(&MiniCluster::new(&configuration).unwrap())
        .err()
        .unwrap();
    assert!(
        error.to_string().contains("taskmanager.numberOfTaskSlots"),
        "{error}"
    );
}

#[test]
fn a_slow_client_holds_the_job_back() {
    let job = Job::new().chain(1, vec![numbers(i64::MAX as u64), collect()]);
    let client = job.submit(&MiniCluster::new(&Configuration::default()).unwrap());
    let rows = client.take_result("result").unwrap();
    let mut seen = 0;
    while seen < 200_000 {
        match rows.recv_timeout(Duration::from_secs(20)) {
            Received::Batch(batch) => seen += batch.num_rows(),
            other => panic!("{other:?}"),
        }
    }
    std::thread::sleep(Duration::from_millis(50));
    let sent = client.detail().vertices[0].operators[0].records_out;
    assert!(
        sent < seen as u64 + 100_000,
        "{sent} rows sent, {seen} taken"
    );
    client.cancel();
    assert_eq!(client.wait().unwrap().status, JobStatus::Canceled);
}
