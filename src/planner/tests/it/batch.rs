use crate::harness::Session;

fn snapshots(subject: &str, queries: &[&str]) {
    let session = Session::new().batch();
    let shown: Vec<String> = queries
        .iter()
        .map(|sql| {
            let plan = session.plan(sql).execution;
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
