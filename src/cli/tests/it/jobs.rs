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
        r#"{"filbertVersion": "0.0.1", "sinks": [], "graph": {"nodes": [], "edges": []}}"#,
    );
    let ended = filbert(&["-e", &execute]);
    assert!(ended.err.contains("compiled by version 0.0.1"), "{ended:?}");
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
