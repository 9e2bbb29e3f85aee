use std::sync::Arc;

use datafusion::execution::TaskContext;
use datafusion_proto::bytes::physical_plan_from_bytes_with_extension_codec;
use filbert_functions::FunctionRegistry;
use filbert_functions::codec::FunctionCodec;
use filbert_graph::OperatorSpec;
use filbert_operators::bounded::{PlaceholderCodec, cut};
use filbert_planner::Planned;

use crate::harness::Session;

fn snapshots(subject: &str, queries: &[&str]) {
    let session = Session::new().batch();
    let shown: Vec<String> = queries
        .iter()
        .map(|sql| {
            let plan = session.plan(sql).texts.execution;
            let vertices = session.shown(sql);
            let (_, vertices) = vertices.split_once("\n\n").unwrap();
            format!("{sql}\n\n{plan}\n{vertices}")
        })
        .collect();
    insta::assert_snapshot!(subject, shown.join("\n----\n"));
}

#[test]
fn pieces() {
    snapshots(
        "pieces",
        &[
            "SELECT 1",
            "SELECT k, v FROM t WHERE v > 1 AND k = 'x'",
            "SELECT k, COUNT(*) FROM t GROUP BY k",
            "SELECT t.id, c.v FROM t JOIN c ON t.id = c.id WHERE t.v > 1",
            "SELECT id FROM t ORDER BY id LIMIT 3",
            "SELECT id FROM t WHERE v > (SELECT v FROM c)",
            "SELECT id FROM days WHERE d > 'a'",
            "INSERT INTO o_all SELECT k, COUNT(*) FROM t GROUP BY k",
            "SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE a, DESCRIPTOR(rt), INTERVAL '1' MINUTE)) GROUP BY window_start",
        ],
    );
}

/// The plans read back from a job's artifacts have the pieces that the graph names.
fn check_artifacts(planned: &Planned) {
    let codec = FunctionCodec::new(Arc::new(FunctionRegistry::new()))
        .with_plans(Arc::new(PlaceholderCodec));
    for (id, bytes) in &planned.artifacts {
        let context = TaskContext::default();
        let plan = physical_plan_from_bytes_with_extension_codec(bytes, &context, &codec).unwrap();
        let pieces = cut(&plan).pieces;
        for node in &planned.graph.nodes {
            if let OperatorSpec::BatchPiece(spec) = &node.spec
                && spec.plan_id == *id
            {
                assert_eq!(
                    pieces[spec.piece].partitions, node.parallelism,
                    "{}",
                    node.name
                );
            }
        }
    }
}

/// The planner puts an operator that DataFusion lacks into its plan: sorted and distributed as it asks.
#[test]
fn a_plan_with_an_operator_of_ours_reads_back() {
    let session = Session::new().batch();
    let matching = |keys: &str, order: &str| {
        format!(
            "SELECT * FROM a MATCH_RECOGNIZE ({keys} ORDER BY {order} MEASURES x.v AS x, y.v AS y \
             PATTERN (x y+) DEFINE y AS y.v > PREV(y.v))"
        )
    };
    for (keys, order) in [("PARTITION BY k", "rt"), ("", "v DESC, id")] {
        let planned = session.plan(&matching(keys, order));
        check_artifacts(&planned);
        for text in ["MatchExec", "SortExec"] {
            let execution = &planned.texts.execution;
            assert!(execution.contains(text), "{execution}");
        }
    }
}

#[test]
fn tpch_plans_and_its_plans_read_back() {
    let session = Session::new().tpch().batch();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches/tpch");
    for number in 1..=22 {
        let sql = std::fs::read_to_string(format!("{folder}/q{number:02}.sql")).unwrap();
        let sql = sql.trim().trim_end_matches(';');
        check_artifacts(&session.plan(sql));
    }
}
