use std::fs;

use crate::process::{Filbert, Folder, filbert};

const NUMBERS: &str = "CREATE TABLE numbers (n INT) WITH ('connector' = 'datagen', 'number-of-rows' = '5', \
    'rows-per-second' = '20', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '5');\n\
    CREATE TABLE printed (n INT) WITH ('connector' = 'print', 'print-identifier' = 'P');\n";

#[test]
fn the_forms_of_a_result() {
    let forms = [
        ("tableau", "+----+---+\n| op | a |\n+----+---+"),
        ("csv", "op,a,b\n+I,1,x y\n"),
        ("json", "{\"op\":\"+I\",\"a\":1,\"b\":\"x y\"}\n"),
    ];
    for (form, expected) in forms {
        let ended = filbert(&["--output", form, "-e", "SELECT 1 AS a, 'x y' AS b"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        if form == "tableau" {
            assert!(ended.out.contains("Received a total of 1 row"), "{ended:?}");
        } else {
            assert_eq!(ended.out, expected);
        }
    }
    let ended = filbert(&["--output", "yaml", "-e", "SELECT 1"]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.err.contains("expected tableau, csv or json"),
        "{ended:?}"
    );
}

#[test]
fn nested_values_are_nested_in_json() {
    let sql = "SELECT MAP['k', 1, 'l', CAST(NULL AS INT)] AS m, MAP[1, ARRAY['x']] AS n, ROW(1, 'z') AS r";
    let ended = filbert(&["--output", "json", "-e", sql]);
    assert_eq!(
        ended.out,
        "{\"op\":\"+I\",\"m\":{\"k\":1,\"l\":null},\"n\":{\"1\":[\"x\"]},\"r\":{\"EXPR$0\":1,\"EXPR$1\":\"z\"}}\n",
        "{ended:?}"
    );
}

#[test]
fn settings_that_are_misspelt_are_told() {
    let ended = filbert(&["-D", "execution.runtime-mod=batch", "-e", "SELECT 1"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.err.contains(
            "'execution.runtime-mod' is no known option. Did you mean 'execution.runtime-mode'?"
        ),
        "{ended:?}"
    );
}

#[test]
fn options_and_an_initialisation_come_first() {
    let folder = Folder::new("init");
    let init = folder.file(
        "init.sql",
        "SET 'parallelism.default' = '3';\nCREATE VIEW v AS SELECT 7 AS a;",
    );
    let args = [
        "-i",
        &init,
        "-D",
        "execution.runtime-mode=batch",
        "--output",
        "csv",
        "-e",
        "SELECT * FROM v; SET;",
    ];
    let ended = filbert(&args);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.starts_with("a\n7\n"), "{ended:?}");
    assert!(ended.out.contains("parallelism.default,3"), "{ended:?}");

    let init = folder.file("bad.sql", "CREATE VIEW v AS SELECT 7 AS a;\nSELECT 1;");
    let ended = filbert(&["-i", &init, "-e", "SELECT 2"]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.err.contains("no queries and no INSERTs") && ended.err.contains("bad.sql:2"),
        "{ended:?}"
    );
    assert!(!ended.out.contains('2'), "{ended:?}");
}

#[test]
fn standard_input_is_a_script() {
    let mut running = Filbert::start(&["--output", "csv"]);
    running.say("SELECT\n  1 AS a;");
    // It runs before the pipe ends.
    running.read_to("+I,1");
    running.say("SELECT 2 AS b; SELECT\n nope;");
    let ended = running.end();
    assert_eq!(ended.code, Some(1));
    assert!(ended.out.ends_with("op,b\n+I,2\n"), "{ended:?}");
    assert!(ended.err.contains("4 |  nope;\n  |  ^^^^"), "{ended:?}");
}

#[test]
fn the_first_error_stops_a_script_and_names_its_place() {
    let folder = Folder::new("first_error");
    let script = folder.file(
        "script.sql",
        "-- a comment\nSELECT 1 AS a;\n\nSELECT *\nFROM nowhere;\nSELECT 3 AS c;\n",
    );
    let ended = filbert(&["--output", "csv", "-f", &script]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.out, "op,a\n+I,1\n");
    assert!(
        ended.err.contains("Object 'nowhere' not found"),
        "{ended:?}"
    );
    assert!(
        ended.err.contains("5 | FROM nowhere;\n  |      ^^^^^^^"),
        "{ended:?}"
    );
    assert!(ended.err.trim_end().ends_with("script.sql:5"), "{ended:?}");

    let ended = filbert(&["-f", &folder.path("missing.sql")]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.err.contains("missing.sql cannot be read"),
        "{ended:?}"
    );
}

#[test]
fn jobs_outlive_a_later_mistake() {
    let folder = Folder::new("later_mistake");
    let text =
        format!("{NUMBERS}INSERT INTO printed SELECT n FROM numbers;\nSELECT nope FROM numbers;\n");
    let script = folder.file("script.sql", &text);
    let ended = filbert(&["-f", &script]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("script.sql:4"), "{ended:?}");
    assert!(ended.out.contains("1 of its jobs still run"), "{ended:?}");
    assert!(ended.out.contains("P> +I[5]"), "{ended:?}");
}

#[test]
fn a_job_that_fails_is_named_with_its_statement() {
    let folder = Folder::new("failing_job");
    folder.file("data.csv", "1\n2\nthree\n4\n");
    let text = "CREATE TABLE t (n INT) WITH ('connector' = 'filesystem', 'path' = '${TMP}/data.csv', 'format' = 'csv');\n\
        CREATE TABLE s (n INT) WITH ('connector' = 'blackhole');\n\
        INSERT INTO s SELECT n FROM t;\n\
        CREATE TABLE slow (n INT) WITH ('connector' = 'datagen', 'number-of-rows' = '10', 'rows-per-second' = '20');\n\
        SELECT n FROM slow;\n";
    // The job has failed long before the script's end.
    let script = folder.file("script.sql", text);
    let ended = filbert(&["-f", &script]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.err.contains("data.csv:3: Fail to deserialize"),
        "{ended:?}"
    );
    assert!(
        ended
            .err
            .contains("insert-into_default_catalog.default_database.s"),
        "{ended:?}"
    );
    assert!(ended.err.trim_end().ends_with("script.sql:3"), "{ended:?}");
}

#[test]
fn interrupts_cancel_in_order() {
    let folder = Folder::new("interrupt");
    let endless = "CREATE TABLE endless (n INT) WITH ('connector' = 'datagen', 'rows-per-second' = '20');\n\
        CREATE TABLE s (n INT) WITH ('connector' = 'print');\n";
    for (statement, told) in [
        (
            "INSERT INTO s SELECT n FROM endless;",
            "The job was cancelled.",
        ),
        (
            "SET 'table.dml-sync' = 'true'; INSERT INTO s SELECT n FROM endless;",
            "The job was cancelled.",
        ),
        ("SELECT n FROM endless;", "Result retrieval cancelled."),
    ] {
        let script = folder.file("script.sql", &format!("{endless}{statement}"));
        let mut running = Filbert::start(&["-f", &script]);
        running.read_to("+I");
        running.interrupt();
        let ended = running.end();
        assert_eq!(ended.code, Some(130), "{ended:?}");
        assert!(ended.err.contains(told), "{ended:?}");
    }
}

#[test]
fn a_cancelled_file_sink_names_what_it_left() {
    let folder = Folder::new("left_behind");
    let text = folder.filled(
        "CREATE TABLE endless (n INT) WITH ('connector' = 'datagen', 'rows-per-second' = '50');
         CREATE TABLE files (n INT) WITH ('connector' = 'filesystem', 'path' = '${TMP}/out', 'format' = 'csv');
         CREATE TABLE s (n INT) WITH ('connector' = 'print');
         EXECUTE STATEMENT SET BEGIN INSERT INTO files SELECT n FROM endless; INSERT INTO s SELECT n FROM endless; END;",
    );
    let mut running = Filbert::start(&["-e", &text]);
    running.read_to("+I");
    running.interrupt();
    let ended = running.end();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(ended.err.contains("Left unfinished"), "{ended:?}");
    let visible = fs::read_dir(folder.path("out")).map_or(0, |entries| {
        entries
            .filter(|e| {
                !e.as_ref()
                    .unwrap()
                    .file_name()
                    .to_string_lossy()
                    .starts_with('.')
            })
            .count()
    });
    assert_eq!(visible, 0);
}

#[test]
fn broken_csv_lines_are_skipped_and_counted() {
    let folder = Folder::new("broken_csv");
    folder.file("data.csv", "1,a\n2,b,c\nthree,d\n4,e\n");
    let text = folder.filled(
        "CREATE TABLE t (n INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${TMP}/data.csv',
           'format' = 'csv', 'csv.ignore-parse-errors' = 'true');
         SELECT * FROM t;",
    );
    let ended = filbert(&["--output", "csv", "-e", &text]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.out, "op,n,s\n+I,1,a\n+I,,d\n+I,4,e\n");
    assert!(
        ended
            .err
            .contains("2 records: each could not be read whole"),
        "{ended:?}"
    );
}

#[test]
fn files_under_test_may_print() {
    let folder = Folder::new("files_under_test_may_print");
    let file = folder.file(
        "printed.slt",
        "statement ok\nCREATE TABLE printed (n INT) WITH ('connector' = 'print')\n\n\
         statement ok\nINSERT INTO printed VALUES (1)\n",
    );
    let ended = filbert(&["test", &file]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.out, "+I[1]\n2 passed, 0 failed\n");
}

#[test]
fn nobody_is_told_that_the_reader_of_the_output_has_gone() {
    let mut running = Filbert::start(&[]);
    running.stop_reading();
    running.say("SELECT * FROM (VALUES (1), (2)) AS t(a); SELECT 3;");
    let ended = running.end();
    assert_eq!((ended.code, ended.err.as_str()), (Some(1), ""), "{ended:?}");
}
