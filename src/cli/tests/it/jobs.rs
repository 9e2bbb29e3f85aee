use crate::process::{Filbert, Folder, filbert};

#[test]
fn jobs_are_listed_described_and_stopped() {
    let mut running = Filbert::start(&[]);
    running.say(
        "CREATE TABLE endless (n INT) WITH ('connector' = 'datagen', 'rows-per-second' = '20');
         CREATE TABLE s (n INT) WITH ('connector' = 'print');
         SET 'pipeline.name' = 'my job';
         INSERT INTO s SELECT n FROM endless;",
    );
    let line = running.read_to("Job ID: ");
    let id = line.trim().strip_prefix("Job ID: ").unwrap().to_owned();
    assert_eq!(id.len(), 32);
    running.read_to("+I[");
    running.say("SHOW JOBS;");
    let row = running.read_to(&id);
    assert!(row.contains("my job") && row.contains("RUNNING"), "{row}");
    running.say(&format!("DESCRIBE JOB '{id}';"));
    let row = running.read_to(&format!("{id} |"));
    assert!(row.contains("RUNNING"), "{row}");
    running.read_to("in set");
    running.say(&format!("STOP JOB '{id}'; SHOW JOBS;"));
    let row = running.read_to(&format!("{id} |"));
    assert!(row.contains("CANCELED"), "{row}");
    let wrong = format!("{}0", &id[..31]);
    running.say(&format!("STOP JOB '{wrong}';"));
    let ended = running.end();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended
            .err
            .contains(&format!("Job '{wrong}' does not exist.")),
        "{ended:?}"
    );
}

#[test]
fn a_synchronous_insert_has_ended_when_the_next_statement_runs() {
    let folder = Folder::new("dml_sync");
    let text = folder.filled(
        "SET 'table.dml-sync' = 'true'; SET 'execution.runtime-mode' = 'batch';
         CREATE TABLE t (n INT) WITH ('connector' = 'filesystem', 'path' = '${TMP}/t', 'format' = 'csv');
         INSERT INTO t VALUES (1), (2);
         BEGIN STATEMENT SET;
         INSERT INTO t VALUES (3);
         INSERT INTO t VALUES (4);
         END;
         SELECT COUNT(*) AS c FROM t;",
    );
    let ended = filbert(&["-e", &text]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended
            .out
            .contains("Complete execution of the SQL update statement."),
        "{ended:?}"
    );
    assert!(ended.out.contains("| 4 |"), "{ended:?}");
}

#[test]
fn a_compiled_plan_runs_in_another_process() {
    let folder = Folder::new("compiled_plan");
    folder.file("in.csv", "1,x\n2,y\n3,x\n");
    let compile = folder.filled(
        "CREATE TABLE t (a INT, b STRING) WITH ('connector' = 'filesystem', 'path' = '${TMP}/in.csv', 'format' = 'csv');
         CREATE TABLE s (b STRING, c BIGINT) WITH ('connector' = 'print');
         COMPILE PLAN '${TMP}/plan.json' FOR INSERT INTO s SELECT b, COUNT(*) FROM t WHERE a < 4 GROUP BY b;",
    );
    let ended = filbert(&["-e", &compile]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.out.contains("+I["), "{ended:?}");

    let execute = folder.filled("EXECUTE PLAN '${TMP}/plan.json'");
    for parallelism in ["1", "2"] {
        let parallelism = format!("parallelism.default={parallelism}");
        let ended = filbert(&["-D", &parallelism, "-e", &execute]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        for change in ["+I[x, 1]", "+I[y, 1]", "-U[x, 1]", "+U[x, 2]"] {
            assert!(ended.out.contains(change), "{ended:?}");
        }
    }

    let ended = filbert(&["-e", &compile]);
    assert!(
        ended.err.contains("Cannot overwrite the plan file"),
        "{ended:?}"
    );
    let ended = filbert(&["-D", "table.plan.force-recompile=true", "-e", &compile]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    folder.file(
        "plan.json",
        r#"{"planVersion": 99, "filbertVersion": "9.9.9", "sinks": [], "graph": {"nodes": [], "edges": []}}"#,
    );
    let ended = filbert(&["-e", &execute]);
    assert!(ended.err.contains("The plan has the form 99"), "{ended:?}");
    let ended = filbert(&[
        "-D",
        "execution.runtime-mode=batch",
        "-D",
        "table.plan.force-recompile=true",
        "-e",
        &compile,
    ]);
    assert!(
        ended.err.contains("not supported in batch mode"),
        "{ended:?}"
    );
}

#[test]
fn a_compiled_plan_holds_its_expressions_as_text() {
    let folder = Folder::new("compiled_expressions");
    folder.file(
        "in.csv",
        "1,x,2024-01-01 10:00:00,1.50\n2,yy,2024-01-02 11:00:00,2.25\n3,,,\n",
    );
    let text = folder.filled(
        "CREATE TABLE t (a INT, b STRING, ts TIMESTAMP(3), d DECIMAL(10, 2))
           WITH ('connector' = 'filesystem', 'path' = '${TMP}/in.csv', 'format' = 'csv', 'csv.null-literal' = '');
         CREATE TABLE s (v STRING) WITH ('connector' = 'print');
         COMPILE PLAN '${TMP}/plan.json' FOR INSERT INTO s SELECT CONCAT_WS('|',
           CASE WHEN a IN (1, 3) THEN 'odd' WHEN b LIKE 'y%' THEN UPPER(b) ELSE 'none' END,
           CAST(d * 2 AS STRING), DATE_FORMAT(ts + INTERVAL '1' DAY, 'yyyy-MM-dd'),
           CAST(a / 2e0 AS STRING), CAST(ARRAY[a, 7][2] AS STRING), CAST(MAP['k', a]['k'] AS STRING),
           CAST(b IS NULL AS STRING), COALESCE(CAST(NULLIF(a, 2) AS STRING), 'two'), JSON_VALUE('{\"q\": 5}', '$.q'))
         FROM t WHERE a > 0 AND (b IS NULL OR NOT b = 'z') AND (ts IS NULL OR ts < TIMESTAMP '2030-01-01 00:00:00');",
    );
    let ended = filbert(&["-e", &text]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let plan = std::fs::read_to_string(folder.path("plan.json")).unwrap();
    assert!(!plan.contains("\"bytes\""), "{plan}");
    assert!(plan.contains("\"call\""), "{plan}");
    let ended = filbert(&["-e", &folder.filled("EXECUTE PLAN '${TMP}/plan.json'")]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for row in [
        "+I[odd|3.00|2024-01-02|0.5|7|1|FALSE|1|5]",
        "+I[YY|4.50|2024-01-03|1.0|7|2|FALSE|two|5]",
        "+I[odd|1.5|7|3|TRUE|3|5]",
    ] {
        assert!(ended.out.contains(row), "{row} in {ended:?}");
    }
}

#[test]
fn a_job_that_is_drained_finishes_and_commits() {
    let folder = Folder::new("drain");
    let mut running = Filbert::start(&[]);
    running.say(&folder.filled(
        "CREATE TABLE endless (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '100',
           'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '100000000');
         CREATE TABLE f (n BIGINT) WITH ('connector' = 'filesystem', 'path' = '${TMP}/f', 'format' = 'csv');
         CREATE TABLE p (n BIGINT) WITH ('connector' = 'print');
         EXECUTE STATEMENT SET BEGIN INSERT INTO f SELECT n FROM endless; INSERT INTO p SELECT n FROM endless; END;",
    ));
    let line = running.read_to("Job ID: ");
    let id = line.trim().strip_prefix("Job ID: ").unwrap().to_owned();
    running.read_to("+I[3]");
    running.say(&format!("STOP JOB '{id}' WITH DRAIN; SHOW JOBS;"));
    let row = running.read_to(&format!("{id} |"));
    assert!(row.contains("FINISHED"), "{row}");
    running.say("SET 'execution.runtime-mode' = 'batch';");
    running.say("SELECT MIN(n) AS least, COUNT(*) = MAX(n) AS whole FROM f;");
    let row = running.read_to("TRUE |");
    assert!(row.contains(" 1 |"), "{row}");
    running.say(&format!("STOP JOB '{id}' WITH SAVEPOINT;"));
    let ended = running.end();
    assert!(
        ended.err.contains("Savepoints come with checkpoints."),
        "{ended:?}"
    );
}
