use filbert_graph::{JobGraph, OperatorSpec};
use filbert_planner::ExplainDetail;

use crate::harness::Session;

/// One snapshot for each query.
fn snapshots(subject: &str, session: &Session, queries: &[&str]) {
    let shown: Vec<String> = queries.iter().map(|sql| session.shown(sql)).collect();
    insta::assert_snapshot!(subject, shown.join("\n----\n"));
}

#[test]
fn calc_and_values() {
    snapshots(
        "calc",
        &Session::new(),
        &[
            "SELECT k, v + 1 AS w FROM t WHERE v > 3 AND k = 'x'",
            "SELECT id FROM plain",
            "SELECT CAST(w AS BIGINT) FROM (SELECT k AS w, v FROM t) WHERE v > 1",
            "SELECT 1, 'a'",
            "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS x (i, s) WHERE i > 1",
            "SELECT id FROM t UNION ALL SELECT v FROM c",
            "SELECT id FROM days WHERE d > 'a'",
        ],
    );
}

#[test]
fn group_aggregate() {
    let session = Session::new().set("parallelism.default", "2");
    snapshots(
        "group_aggregate",
        &session,
        &[
            "SELECT k, COUNT(*) AS n, SUM(v) FROM t GROUP BY k",
            "SELECT COUNT(*), MAX(v) FROM t",
            "SELECT DISTINCT k FROM t",
            "SELECT k, SUM(v) FROM c GROUP BY k HAVING COUNT(*) > 1",
            "SELECT n, COUNT(*) FROM (SELECT k, COUNT(*) AS n FROM t GROUP BY k) GROUP BY n",
            "SELECT v + 1, COUNT(DISTINCT id) FILTER (WHERE v > 1) FROM t GROUP BY v + 1",
            "SELECT k, v, COUNT(*) FROM t GROUP BY GROUPING SETS ((k), (k, v), ())",
            "SELECT n FROM (SELECT k AS n, COUNT(*) AS k FROM t GROUP BY k) WHERE k > 1",
        ],
    );
}

#[test]
fn windows() {
    let tumble = "TABLE(TUMBLE(TABLE a, DESCRIPTOR(rt), INTERVAL '1' MINUTE))";
    let queries = [
        format!("SELECT id, window_start FROM {tumble}"),
        format!(
            "SELECT window_start, window_end, k, SUM(v) FROM {tumble} GROUP BY window_start, window_end, k"
        ),
        format!("SELECT COUNT(*) FROM {tumble} WHERE v > 1 GROUP BY window_end, window_start"),
        format!(
            "SELECT k, window_time, COUNT(*) FROM {tumble} GROUP BY k, window_start, window_end, window_time"
        ),
        format!("SELECT window_start, COUNT(*) FROM {tumble} GROUP BY window_start"),
        format!(
            "SELECT window_start, MAX(window_end) FROM {tumble} WHERE window_start > TIMESTAMP '2020-01-01 00:00:00' GROUP BY window_start, window_end"
        ),
    ];
    let queries: Vec<&str> = queries.iter().map(String::as_str).collect();
    snapshots("windows", &Session::new(), &queries);
}

#[test]
fn sinks() {
    snapshots(
        "sinks",
        &Session::new(),
        &[
            "INSERT INTO o_ins SELECT k, v FROM t",
            "INSERT INTO o_all SELECT k, COUNT(*) FROM t GROUP BY k",
            "INSERT INTO o_ups SELECT k, COUNT(*) FROM t GROUP BY k",
            "INSERT INTO o_ins SELECT k, v FROM t /*+ OPTIONS('parallelism' = '3') */",
            "INSERT INTO o_ups SELECT k, v FROM t",
        ],
    );
}

#[test]
fn statement_sets_share_equal_work() {
    let job = Session::new().job(
        "INSERT INTO o_ins SELECT k, v FROM t WHERE v > 1; INSERT INTO o_all SELECT k, v FROM t WHERE v > 1",
    );
    let names: Vec<&str> = job.vertices.iter().map(|v| v.name.as_str()).collect();
    assert_eq!(
        names,
        ["Source: t[1] -> Calc[2] -> (Sink: o_ins[3], Sink: o_all[4])"]
    );
}

#[test]
fn what_is_random_is_not_shared() {
    let sql =
        "INSERT INTO o_ins SELECT UUID(), v FROM t; INSERT INTO o_all SELECT UUID(), v FROM t";
    let job = Session::new().job(sql);
    let calcs = job.vertices.iter().flat_map(|v| &v.chain);
    let calcs = calcs.filter(|o| matches!(o.node.spec, OperatorSpec::Calc(_)));
    assert_eq!(calcs.count(), 2);
}

#[test]
fn a_job_survives_json_and_its_uids_do_not_depend_on_other_statements() {
    let session = Session::new();
    let alone = session.job("INSERT INTO o_all SELECT k, COUNT(*) FROM t GROUP BY k");
    let text = serde_json::to_string(&alone).unwrap();
    assert_eq!(serde_json::from_str::<JobGraph>(&text).unwrap(), alone);
    let beside = session.job(
        "INSERT INTO o_ins SELECT k, id FROM a; INSERT INTO o_all SELECT k, COUNT(*) AS renamed FROM t GROUP BY k",
    );
    let uids = |job: &JobGraph| -> Vec<String> {
        let nodes = job.vertices.iter().flat_map(|v| &v.chain);
        nodes.map(|o| o.node.uid.clone()).collect()
    };
    let all = uids(&beside);
    for uid in uids(&alone) {
        assert!(all.contains(&uid), "{uid}");
    }
}

#[test]
fn explain() {
    let session = Session::new();
    let text = session.explain(
        "SELECT k, COUNT(*) AS n FROM t GROUP BY k",
        &[
            ExplainDetail::ChangelogMode,
            ExplainDetail::JsonExecutionPlan,
        ],
    );
    insta::assert_snapshot!("explain", text);
}
