use super::*;

#[test]
fn partitions_are_folders_that_can_be_pruned() {
    let dir = TempDir::new().unwrap();
    let path = shown(&dir, "p");
    let columns = [("dt", STRING), ("id", INT), ("hr", INT)];
    let table = Table::new(&path, "csv", &columns, &["dt", "hr"]);
    let records = [
        r#"{"dt":"a/b","id":1,"hr":1}"#,
        r#"{"dt":"a/b","id":2,"hr":2}"#,
        r#"{"dt":null,"id":3,"hr":1}"#,
        r#"{"dt":"","id":4,"hr":1}"#,
    ];
    table.write(&table.writer_context("j1"), &records);
    assert_eq!(
        tree(&dir.path().join("p")),
        [
            "dt=__DEFAULT_PARTITION__/hr=1/part-j1-0-2",
            "dt=a%2Fb/hr=1/part-j1-0-0",
            "dt=a%2Fb/hr=2/part-j1-0-1",
        ]
    );
    assert_eq!(table.rows(), ["NULL|3|1", "NULL|4|1", "a/b|1|1", "a/b|2|2"]);
    let partitions = table.source().unwrap().list_partitions().unwrap().unwrap();
    assert_eq!(partitions.len(), 3);
    let pruned = Pushdown {
        projection: Some(vec![1, 0]),
        partitions: Some(vec![vec![
            ("dt".to_owned(), Some("a/b".to_owned())),
            ("hr".to_owned(), Some("2".to_owned())),
        ]]),
        ..Pushdown::default()
    };
    let read = table.read_with(&pruned, &[]).unwrap();
    assert_eq!(print(&table.table, &read), ["2|a/b"]);
}

#[test]
fn overwriting_replaces_the_table_or_the_touched_partitions() {
    let dir = TempDir::new().unwrap();
    let mut plain = Table::new(&shown(&dir, "t"), "json", &[("a", INT)], &[]);
    plain.batch = true;
    plain.write(&plain.writer_context("j1"), &[r#"{"a":1}"#]);
    let mut overwrite = plain.writer_context("j2");
    overwrite.overwrite = true;
    plain.write(&overwrite, &[r#"{"a":2}"#]);
    assert_eq!(plain.rows(), ["2"]);
    assert_eq!(tree(&dir.path().join("t")), ["part-j2-task-0-file-0"]);
    let mut empty = plain.writer_context("j3");
    empty.overwrite = true;
    plain.write(&empty, &[]);
    assert!(plain.rows().is_empty());

    let columns = [("id", INT), ("dt", STRING)];
    let table = Table::new(&shown(&dir, "p"), "csv", &columns, &["dt"]);
    table.write(
        &table.writer_context("j1"),
        &[
            r#"{"id":1,"dt":"d1"}"#,
            r#"{"id":2,"dt":"d2"}"#,
            r#"{"id":3,"dt":"d3"}"#,
        ],
    );
    let mut overwrite = table.writer_context("j2");
    overwrite.overwrite = true;
    table.write(&overwrite, &[r#"{"id":10,"dt":"d1"}"#]);
    assert_eq!(table.rows(), ["10|d1", "2|d2", "3|d3"]);
    let mut fixed = table.writer_context("j3");
    fixed.overwrite = true;
    fixed.static_partition = vec![("dt".to_owned(), "d2".to_owned())];
    table.write(&fixed, &[]);
    // No rows, nothing replaced.
    assert_eq!(table.rows(), ["10|d1", "2|d2", "3|d3"]);
}

#[test]
fn what_is_not_committed_stays_hidden_and_is_named() {
    let dir = TempDir::new().unwrap();
    let table = Table::new(&shown(&dir, "t"), "csv", &[("a", INT)], &[]);
    fs::create_dir_all(dir.path().join("t")).unwrap();
    let sink = table.request(|r| table.registry.create_sink(r)).unwrap();
    let mut writer = sink.writer(&table.writer_context("j")).unwrap();
    writer.write(&table.batch_of(&[r#"{"a":1}"#])).unwrap();
    let named = writer.abort();
    assert_eq!(named, [shown(&dir, "t/.part-j-0-0.inprogress.0")]);
    assert_eq!(fs::read_to_string(&named[0]).unwrap(), "1\n");
    assert!(table.rows().is_empty());
}

#[test]
fn a_part_file_rolls_when_it_is_full() {
    let dir = TempDir::new().unwrap();
    let table = Table::new(&shown(&dir, "t"), "csv", &[("a", INT)], &[]);
    let table = table.with("sink.rolling-policy.file-size", "3 b");
    let sink = table.request(|r| table.registry.create_sink(r)).unwrap();
    let ctx = table.writer_context("j");
    let mut writer = sink.writer(&ctx).unwrap();
    for _ in 0..3 {
        writer
            .write(&table.batch_of(&[r#"{"a":1}"#, r#"{"a":2}"#]))
            .unwrap();
    }
    let committables = writer.prepare_commit(true).unwrap();
    assert_eq!(committables.len(), 3);
    sink.committer(&ctx)
        .unwrap()
        .unwrap()
        .commit(committables)
        .unwrap();
    assert_eq!(table.rows().len(), 6);
}

#[test]
fn a_written_partition_is_marked_as_complete() {
    let dir = TempDir::new().unwrap();
    let columns = [("a", INT), ("p", STRING)];
    let new = || Table::new(&shown(&dir, "t"), "csv", &columns, &["p"]);
    let table = new()
        .with("sink.partition-commit.policy.kind", "success-file")
        .with("sink.partition-commit.success-file.name", "_DONE");
    table.write(
        &table.writer_context("j"),
        &[r#"{"a": 1, "p": "x"}"#, r#"{"a": 2, "p": null}"#],
    );
    let files = [
        "p=__DEFAULT_PARTITION__/_DONE",
        "p=__DEFAULT_PARTITION__/part-j-0-1",
        "p=x/_DONE",
        "p=x/part-j-0-0",
    ];
    assert_eq!(tree(&dir.path().join("t")), files);
    assert_eq!(table.rows(), ["1|x", "2|NULL"]);

    for (kind, reason) in [
        ("metastore,success-file", "for a hive table"),
        ("custom", "Java class"),
        ("nonsense", "Expected: success-file"),
    ] {
        let table = new().with("sink.partition-commit.policy.kind", kind);
        let error = table
            .request(|r| table.registry.create_sink(r))
            .err()
            .unwrap();
        assert!(error.message.contains(reason), "{}", error.message);
    }
}

#[test]
fn small_files_are_put_together() {
    for format in ["csv", "parquet"] {
        let dir = TempDir::new().unwrap();
        let columns = [("a", INT), ("p", STRING)];
        let table = Table::new(&shown(&dir, "t"), format, &columns, &["p"])
            .with("sink.rolling-policy.file-size", "1 b")
            .with("auto-compaction", "true")
            .with("compaction.file-size", "1 mb");
        let sink = table
            .request(|r| table.registry.create_sink(r))
            .map_err(|e| e.message)
            .unwrap();
        let ctx = table.writer_context("j");
        let mut committables = Vec::new();
        for (subtask, records) in [
            [r#"{"a": 1, "p": "x"}"#, r#"{"a": 2, "p": "y"}"#],
            [r#"{"a": 3, "p": "x"}"#, r#"{"a": 4, "p": "x"}"#],
            [r#"{"a": 5, "p": "x"}"#, r#"{"a": 6, "p": "x"}"#],
        ]
        .iter()
        .enumerate()
        {
            let ctx = WriterContext {
                subtask,
                parallelism: 3,
                ..ctx.clone()
            };
            let mut writer = sink.writer(&ctx).unwrap();
            writer.write(&table.batch_of(records)).unwrap();
            committables.extend(writer.prepare_commit(true).unwrap());
        }
        assert!(committables.len() == 4, "{committables:?}");
        let mut committer = sink.committer(&ctx).unwrap().unwrap();
        committer.commit(committables.clone()).unwrap();
        committer.commit(committables).unwrap();
        committer.finish().unwrap();
        let files = tree(&dir.path().join("t"));
        assert_eq!(files.len(), 2, "{files:?}");
        assert!(
            files[0].starts_with("p=x/compacted-part-j-0-0"),
            "{files:?}"
        );
        assert!(
            files[1].starts_with("p=y/compacted-part-j-0-1"),
            "{files:?}"
        );
        let rows = ["1|x", "2|y", "3|x", "4|x", "5|x", "6|x"];
        assert_eq!(table.rows(), rows, "{format}");
    }
}
