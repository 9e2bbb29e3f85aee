use std::sync::Arc;

use arrow::array::{Int32Array, RecordBatch, StringViewArray};
use filbert_types::schema::arrow_schema;
use filbert_types::{ChangeBatch, LogicalType, RowKind, TypeKind};

use super::envelope::{CANAL, DEBEZIUM, MAXWELL, OGG};
use super::*;
use crate::json::NullKey;

fn options(ignore_parse_errors: bool, ignore_nulls: bool) -> Arc<JsonOptions> {
    Arc::new(JsonOptions {
        fail_on_missing: false,
        ignore_parse_errors,
        iso_timestamps: false,
        null_key: NullKey::Fail,
        plain_decimals: false,
        ignore_nulls,
    })
}

fn fields() -> Vec<Field> {
    vec![
        Field::new("id", TypeKind::Int.into()),
        Field::new("v", LogicalType::string()),
    ]
}

fn decoder(envelope: &'static Envelope, metadata: &[Field], ignore: bool) -> decode::ChangeDecoder {
    let all: Vec<usize> = (0..2 + metadata.len()).collect();
    let reading = Reading::default();
    let options = options(ignore, false);
    decode::ChangeDecoder::new(envelope, options, reading, &fields(), metadata, &all).unwrap()
}

/// Rows with their kinds, cells apart by `|`.
fn read(decoder: &mut decode::ChangeDecoder, messages: &[&str]) -> Result<Vec<String>, String> {
    for message in messages {
        decoder
            .decode(message.as_bytes())
            .map_err(|e| e.to_string())?;
    }
    let batch = decoder.flush().map_err(|e| e.to_string())?;
    Ok(lines(&batch))
}

fn lines(batch: &ChangeBatch) -> Vec<String> {
    let cell = |row: usize, column: usize| {
        let column = batch.rows.column(column);
        arrow::util::display::array_value_to_string(column, row).unwrap()
    };
    (0..batch.num_rows())
        .map(|row| {
            let cells: Vec<String> = (0..batch.rows.num_columns())
                .map(|column| cell(row, column))
                .collect();
            format!("{} {}", batch.kind(row), cells.join("|"))
        })
        .collect()
}

#[test]
fn what_is_written_reads_as_the_same_changelog() {
    let texts = [
        None,
        Some(""),
        Some("a\"b\\c"),
        Some("\u{1F600}\n\t"),
        Some("null"),
        Some("{}"),
    ];
    let rows = texts.len() * RowKind::ALL.len();
    let values: StringViewArray = (0..rows).map(|i| texts[i % texts.len()]).collect();
    let ids = Int32Array::from_iter((0..rows as i32).map(|i| (i % 5 != 0).then_some(i)));
    let kinds: Vec<RowKind> = (0..rows).map(|i| RowKind::ALL[i / texts.len()]).collect();
    let columns: Vec<arrow::array::ArrayRef> = vec![Arc::new(ids), Arc::new(values)];
    let schema = arrow_schema(&fields());
    let batch = ChangeBatch::with_kinds(RecordBatch::try_new(schema, columns).unwrap(), kinds);
    // An update is written as a delete and an insert.
    let expected: Vec<String> = lines(&batch)
        .iter()
        .map(|line| line.replacen("-U", "-D", 1).replacen("+U", "+I", 1))
        .collect();
    for envelope in [&DEBEZIUM, &CANAL, &MAXWELL, &OGG] {
        for ignore_nulls in [false, true] {
            let options = options(false, ignore_nulls);
            let mut encoder = encode::ChangeEncoder::new(envelope, options, &fields());
            let mut bytes = Vec::new();
            encoder.encode(&batch, &mut bytes).unwrap();
            let text = String::from_utf8(bytes).unwrap();
            let messages: Vec<&str> = text.lines().collect();
            let read = read(&mut decoder(envelope, &[], false), &messages).unwrap();
            assert_eq!(read, expected, "{}", envelope.identifier);
        }
    }
}

#[test]
fn metadata_stand_beside_the_rows() {
    let wanted = ["source.table", "source.timestamp", "ingestion-timestamp"];
    let known = |key: &str| DEBEZIUM.metadata.iter().find(|m| m.key == key).unwrap();
    let metadata = wanted.map(|key| Field::new(key, known(key).ty()));
    let mut decoder = decoder(&DEBEZIUM, &metadata, false);
    let message = r#"{"before":null,"after":{"id":1,"v":"a"},"op":"c","ts_ms":2000,"source":{"table":"t","ts_ms":"1000"}}"#;
    let without = r#"{"after":{"id":2},"op":"r"}"#;
    assert_eq!(
        read(&mut decoder, &[message, without]).unwrap(),
        [
            "+I 1|a|t|1970-01-01T00:00:01Z|1970-01-01T00:00:02Z",
            "+I 2||||"
        ]
    );
}

#[test]
fn fields_that_an_update_left_alone_are_those_of_the_new_row() {
    let message = r#"{"data":[{"id":1,"v":"x"},{"id":2,"v":null}],"old":[{"v":null},{"id":3}],"type":"UPDATE"}"#;
    let read = read(&mut decoder(&CANAL, &[], false), &[message]).unwrap();
    assert_eq!(read, ["-U 1|", "+U 1|x", "-U 3|", "+U 2|"]);
}

#[test]
fn bad_messages_fail_or_are_counted() {
    let messages = [
        r#"{"after":{"id":1,"v":"a"},"op":"z"}"#,
        r#"{"before":null,"after":{"id":1,"v":"a"},"op":"u"}"#,
        r#"{"after":null,"op":"c"}"#,
        r#"{"after":{"id":1}}"#,
        "[1]",
        "not json",
    ];
    for message in messages {
        let error = read(&mut decoder(&DEBEZIUM, &[], false), &[message]).unwrap_err();
        assert!(
            error.starts_with("Corrupt Debezium JSON message"),
            "{error}"
        );
    }
    let mut ignoring = decoder(&DEBEZIUM, &[], true);
    assert!(read(&mut ignoring, &messages).unwrap().is_empty());
    assert_eq!(ignoring.take_skipped(), messages.len() as u64);
}
