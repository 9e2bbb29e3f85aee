use super::*;

#[test]
fn folders_files_and_globs_are_read_without_hidden_files() {
    let dir = TempDir::new().unwrap();
    fs::create_dir_all(dir.path().join("t/sub")).unwrap();
    fs::create_dir_all(dir.path().join("t/_staging")).unwrap();
    for (name, text) in [
        ("t/a.csv", "1,x\n2,\"y\nz\"\n"),
        ("t/sub/b.csv", "3,w"),
        ("t/_hidden.csv", "9,no"),
        ("t/.hidden.csv", "9,no"),
        ("t/_staging/c.csv", "9,no"),
        ("t/empty.csv", ""),
    ] {
        fs::write(dir.path().join(name), text).unwrap();
    }
    let columns = [("a", INT), ("b", STRING)];
    let rows = |name: &str| Table::new(&shown(&dir, name), "csv", &columns, &[]).rows();
    assert_eq!(rows("t"), ["1|x", "2|y\nz", "3|w"]);
    assert_eq!(rows("t/a.csv"), ["1|x", "2|y\nz"]);
    assert_eq!(rows("t/*.csv"), ["1|x", "2|y\nz"]);
    assert_eq!(rows("t/s*"), ["3|w"]);
    assert_eq!(rows("t/*/b.csv"), ["3|w"]);
    let address = format!("file://{}", shown(&dir, "t/sub"));
    assert_eq!(Table::new(&address, "csv", &columns, &[]).rows(), ["3|w"]);
    let regex = Table::new(&shown(&dir, "t"), "csv", &columns, &[]);
    let regex = regex.with("source.path.regex-pattern", ".*/b\\.csv");
    assert_eq!(regex.rows(), ["3|w"]);
    let missing = Table::new(&shown(&dir, "nope"), "csv", &columns, &[]);
    let error = missing.read_with(&Pushdown::default(), &[]).err().unwrap();
    assert!(
        error.contains("nope does not exist or can not be read"),
        "{error}"
    );
}

#[test]
fn errors_name_file_and_line() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("a.csv"), "1,\"x\ny\"\n2,z\noops\n").unwrap();
    let table = Table::new(
        &shown(&dir, "a.csv"),
        "csv",
        &[("a", INT), ("b", STRING)],
        &[],
    );
    let error = table.read_with(&Pushdown::default(), &[]).err().unwrap();
    assert!(error.contains("a.csv:4: "), "{error}");
    assert!(
        error.contains("Row length mismatch. 2 fields expected but was 1."),
        "{error}"
    );
    let ignoring = table.with("csv.ignore-parse-errors", "true");
    assert_eq!(ignoring.rows(), ["1|x\ny", "2|z", "NULL|NULL"]);
}

#[test]
fn large_files_are_cut_at_records_and_read_once() {
    let dir = TempDir::new().unwrap();
    let mut text = String::new();
    let (mut count, mut sum) = (0_i64, 0_i64);
    while text.len() < 70 << 20 {
        let padding = if count % 7 == 0 {
            "p\nq,\"\"r".repeat(30)
        } else {
            "p".repeat(150)
        };
        text.push_str(&format!("{count},\"{padding}\"\n"));
        sum += count;
        count += 1;
    }
    fs::write(dir.path().join("big.csv"), &text).unwrap();
    let table = Table::new(
        &shown(&dir, "big.csv"),
        "csv",
        &[("a", INT), ("b", STRING)],
        &[],
    );
    let source = table.source().unwrap();
    let pushdown = Pushdown {
        projection: Some(vec![0]),
        ..Pushdown::default()
    };
    let mut enumerator = source.enumerator(&pushdown, 2).unwrap();
    let mut splits = Vec::new();
    while let Assignment::Splits(more) = enumerator.next_splits(0).unwrap() {
        splits.extend(more);
    }
    assert_eq!(splits.len(), 4);
    let (mut seen, mut total) = (0, 0);
    for split in splits {
        let mut reader = table.reader(source.as_ref(), &pushdown, &[], 8192);
        reader.add_splits(vec![split]);
        reader.no_more_splits();
        // Restored in the middle, a reader goes on where the other stopped.
        let mut polls = 0;
        loop {
            let batch = match reader.poll().unwrap() {
                ReaderOutput::Batch(batch) => batch,
                ReaderOutput::Wait(_) => continue,
                _ => break,
            };
            let numbers = batch.rows.column(0).as_primitive::<Int32Type>();
            seen += numbers.len() as i64;
            total += numbers.values().iter().map(|n| i64::from(*n)).sum::<i64>();
            polls += 1;
            if polls == 2 {
                let position = reader.snapshot();
                reader = table.reader(source.as_ref(), &pushdown, &[], 8192);
                reader.add_splits(position);
                reader.no_more_splits();
            }
        }
    }
    assert_eq!((seen, total), (count, sum));
}

#[test]
fn a_watched_folder_gives_each_file_once() {
    let dir = TempDir::new().unwrap();
    let table = Table::new(&shown(&dir, "t"), "csv", &[("a", INT)], &[]);
    let table = table.with("source.monitor-interval", "1 s");
    let source = table.source().unwrap();
    assert_eq!(source.boundedness(), Boundedness::Unbounded);
    let mut enumerator = source.enumerator(&Pushdown::default(), 1).unwrap();
    let later = Assignment::Later(std::time::Duration::from_secs(1));
    assert_eq!(enumerator.next_splits(0).unwrap(), later);
    fs::create_dir_all(dir.path().join("t")).unwrap();
    fs::write(dir.path().join("t/a"), "1\n").unwrap();
    assert!(matches!(enumerator.next_splits(0).unwrap(), Assignment::Splits(s) if s.len() == 1));
    assert_eq!(enumerator.next_splits(0).unwrap(), later);
    let state = enumerator.snapshot().unwrap();
    let mut restored = source.enumerator(&Pushdown::default(), 1).unwrap();
    restored.restore(state).unwrap();
    fs::write(dir.path().join("t/b"), "2\n").unwrap();
    assert!(matches!(restored.next_splits(0).unwrap(), Assignment::Splits(s) if s.len() == 1));
    assert_eq!(restored.next_splits(0).unwrap(), later);
}

#[test]
fn metadata_columns_and_limits() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("a.csv"), "1\n2\n3\n").unwrap();
    let table = Table::new(&shown(&dir, "a.csv"), "csv", &[("a", INT)], &[]);
    let all = table.source().unwrap().metadata();
    let metadata = &all[1..3];
    let pushdown = Pushdown {
        projection: Some(vec![2, 0, 1]),
        limit: Some(2),
        ..Pushdown::default()
    };
    let read = table.read_with(&pushdown, metadata).unwrap();
    assert_eq!(read[0].schema().field(0).name(), "file.size");
    let names = read[0].column(2).as_string_view();
    assert_eq!((names.value(0), read[0].num_rows()), ("a.csv", 2));
    assert_eq!(read.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
}

#[test]
fn parquet_reads_the_same_by_splits_and_through_datafusion() {
    let dir = TempDir::new().unwrap();
    let columns = [
        ("dt", TypeKind::Date),
        ("s", STRING),
        ("ts", TypeKind::timestamp(3)),
        ("ltz", TypeKind::timestamp_ltz(6)),
        ("d", TypeKind::decimal(10, 2)),
        ("a", TypeKind::Array(Box::new(LogicalType::string()))),
        ("t", TypeKind::Time(3)),
    ];
    let table = Table::new(&shown(&dir, "t"), "parquet", &columns, &["dt"]);
    let records = [
        r#"{"dt":"2024-05-01","s":"x","ts":"2020-01-02 03:04:05.123","ltz":"2020-01-02 03:04:05.1Z","d":1.5,"a":["p",null],"t":"01:02:03.5"}"#,
        r#"{"dt":"2024-05-02","s":null,"d":2}"#,
        r#"{"dt":null,"s":"z"}"#,
    ];
    table.write(&table.writer_context("j"), &records);
    assert_eq!(
        tree(&dir.path().join("t"))[..2],
        ["dt=2024-05-01/part-j-0-0", "dt=2024-05-02/part-j-0-1"]
    );
    let expected = [
        "2024-05-01|x|2020-01-02 03:04:05.123|2020-01-02 03:04:05.100000|1.50|[p, NULL]|01:02:03.5",
        "2024-05-02|NULL|NULL|NULL|2.00|NULL|NULL",
        "NULL|z|NULL|NULL|NULL|NULL|NULL",
    ];
    assert_eq!(table.rows(), expected);
    let source = table.source().unwrap();
    let provider = source.table_provider(&source.metadata()[1..2]).unwrap();
    let schema = provider.schema();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let query = |narrow: fn(DataFrame) -> DataFrame| {
        let session = SessionContext::new();
        session.register_table("t", Arc::clone(&provider)).unwrap();
        runtime.block_on(async {
            let table = session.table("t").await.unwrap();
            narrow(table).collect().await.unwrap()
        })
    };
    let batches = query(|t| t);
    assert_eq!(batches[0].schema().fields().len(), schema.fields().len());
    for (found, wanted) in batches[0].schema().fields().iter().zip(schema.fields()) {
        assert_eq!(found.data_type(), wanted.data_type(), "{}", wanted.name());
    }
    let narrowed: Vec<RecordBatch> = batches
        .iter()
        .map(|b| b.project(&[0, 1, 2, 3, 4, 5, 6]).unwrap())
        .collect();
    let mut lines = print(&table.table, &narrowed);
    lines.sort();
    assert_eq!(lines, expected);
    let pruned = query(|t| {
        let day = lit(ScalarValue::Date32(Some(19_844)));
        let wanted = t.filter(col("dt").eq(day)).unwrap();
        wanted.select(vec![col("s"), ident("file.name")]).unwrap()
    });
    assert_eq!(print(&table.table, &pruned), ["x|part-j-0-0"]);
}

#[test]
fn options_of_java_are_refused_by_name() {
    let table = Table::new("/tmp/x", "csv", &[("a", INT)], &[]);
    let refused = table.with("partition.time-extractor.class", "com.acme.Extractor");
    let error = refused.source().err().unwrap();
    assert!(
        error.contains(
            "'partition.time-extractor.class' of connector 'filesystem' is not supported"
        )
    );
    let scheme = Table::new("hdfs://x/y", "csv", &[("a", INT)], &[]);
    assert!(scheme.source().err().unwrap().contains("scheme 'hdfs'"));
    let map = TypeKind::Map(Box::new(LogicalType::string()), Box::new(INT.into()));
    let types = Table::new("/tmp/x", "csv", &[("m", map)], &[]);
    assert!(
        types
            .source()
            .err()
            .unwrap()
            .contains("Unsupported type 'MAP<STRING, INT>' for field 'm'")
    );
}
