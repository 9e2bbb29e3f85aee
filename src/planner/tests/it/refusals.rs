use crate::harness::Session;

#[test]
fn a_sink_refuses_changes_in_flinks_words() {
    let session = Session::new();
    assert_eq!(
        session.error("INSERT INTO o_ins SELECT k, COUNT(*) AS n FROM t GROUP BY k"),
        "Table sink 'default_catalog.default_database.o_ins' doesn't support consuming update changes which is produced by node GroupAggregate(groupBy=[k], select=[k, COUNT(*) AS n])"
    );
    assert_eq!(
        session.error("INSERT INTO o_ins SELECT k, v FROM c"),
        "Table sink 'default_catalog.default_database.o_ins' doesn't support consuming update and delete changes which is produced by node TableSourceScan(table=[[default_catalog, default_database, c, project=[k, v], metadata=[]]], fields=[k, v])"
    );
}

#[test]
fn what_a_stream_never_completes_is_refused_in_flinks_words() {
    let session = Session::new();
    for (sql, message) in [
        (
            "SELECT id FROM t ORDER BY id",
            "Sort on a non-time-attribute field is not supported. A stream never ends: add LIMIT, or use batch mode (SET 'execution.runtime-mode' = 'batch').",
        ),
        (
            "SELECT id FROM t OFFSET 3",
            "FETCH is missed, which on streaming table is not supported currently.",
        ),
    ] {
        assert_eq!(session.error(sql), message, "{sql}");
    }
}

#[test]
fn a_changelog_is_not_spread_over_writers_without_a_key() {
    let session = Session::new().set("parallelism.default", "2");
    let error = session.error(
        "INSERT INTO o_all /*+ OPTIONS('parallelism' = '3') */ SELECT k, COUNT(*) FROM t GROUP BY k",
    );
    assert!(error.contains("a primary key is required"), "{error}");
}

#[test]
fn modes_and_windows_that_make_no_sense_are_refused() {
    let automatic = Session::new().set("execution.runtime-mode", "automatic");
    assert!(automatic.error("SELECT 1").contains("AUTOMATIC"));
}

#[test]
fn a_sink_whose_key_is_not_the_querys_asks_for_on_conflict() {
    let session = Session::new();
    let sql = "INSERT INTO o_ups SELECT CAST(v AS STRING), COUNT(*) FROM t GROUP BY v";
    let error = session.error(sql);
    let start = "The query has an upsert key that differs from the primary key of the sink table 'default_catalog.default_database.o_ups'. Primary key: [k], upsert key: none.";
    assert!(error.starts_with(start), "{error}");
    assert!(
        session
            .try_plan(&format!("{sql} ON CONFLICT DO DEDUPLICATE"))
            .is_ok()
    );
    let error = session.error(&format!("{sql} ON CONFLICT DO NOTHING"));
    assert!(error.contains("to define watermarks"), "{error}");
    let append = "INSERT INTO o_ins SELECT k, v FROM t ON CONFLICT DO ERROR";
    assert!(
        session
            .error(append)
            .contains("only accepts INSERT (append-only) changes")
    );
    let none = Session::new().set("table.exec.sink.upsert-materialize", "NONE");
    assert!(none.try_plan(sql).is_ok());
}

#[test]
fn batch_mode_reads_no_changelog() {
    let error = Session::new()
        .set("execution.runtime-mode", "batch")
        .error("SELECT id FROM c");
    assert!(
        error.contains("only possible for INSERT-only table sources"),
        "{error}"
    );
}
