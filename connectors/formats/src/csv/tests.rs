//! Expected texts and values are what Apache Flink 2.3.0 wrote and read.

use std::sync::Arc;

use filbert_types::print::Formatter;
use filbert_types::{LogicalType, TimeZone};

use super::*;

fn options() -> CsvOptions {
    CsvOptions {
        delimiter: b',',
        quote: Some(b'"'),
        escape: None,
        allow_comments: false,
        ignore_parse_errors: false,
        array_delimiter: ";".to_owned(),
        null_literal: None,
        scientific: true,
        trim_spaces: false,
        ignore_trailing: false,
        allow_trailing_comma: true,
        fail_on_missing: false,
        empty_as_null: false,
    }
}

fn ignoring() -> CsvOptions {
    CsvOptions {
        ignore_parse_errors: true,
        ..options()
    }
}

fn fields(kinds: &[TypeKind]) -> Vec<Field> {
    let named = |(i, kind): (usize, &TypeKind)| Field::new(format!("f{i}"), kind.clone().into());
    kinds.iter().enumerate().map(named).collect()
}

/// The rows as they print, cells apart by `|`; a last line counts skipped records.
fn read(options: CsvOptions, kinds: &[TypeKind], records: &[&str]) -> Result<Vec<String>, String> {
    let fields = fields(kinds);
    let all: Vec<usize> = (0..fields.len()).collect();
    let mut decoder = decode::CsvDecoder::new(Arc::new(options), &fields, &all);
    for record in records {
        decoder.decode(record.as_bytes()).map_err(|e| e.message)?;
    }
    let rows = decoder.flush().unwrap().rows;
    let columns: Vec<_> = fields
        .iter()
        .zip(rows.columns())
        .map(|(f, c)| (Formatter::new(&f.ty, TimeZone::UTC), c))
        .collect();
    let line = |row: usize| {
        let cells = columns.iter().map(|(formatter, column)| {
            let mut out = String::new();
            formatter.write(column.as_ref(), row, &mut out).unwrap();
            out
        });
        cells.collect::<Vec<_>>().join("|")
    };
    Ok((0..rows.num_rows()).map(line).collect())
}

/// Reads records and writes them again.
fn rewrite(options: CsvOptions, kinds: &[TypeKind], records: &[&str]) -> String {
    let fields = fields(kinds);
    let all: Vec<usize> = (0..fields.len()).collect();
    let options = Arc::new(options);
    let mut decoder = decode::CsvDecoder::new(Arc::clone(&options), &fields, &all);
    for record in records {
        decoder.decode(record.as_bytes()).unwrap();
    }
    let mut out = Vec::new();
    let batch = decoder.flush().unwrap();
    encode::CsvEncoder::new(options, &fields)
        .encode(&batch, &mut out)
        .unwrap();
    String::from_utf8(out).unwrap()
}

const INT: TypeKind = TypeKind::Int;
const STRING: TypeKind = TypeKind::STRING;

#[test]
fn numbers_are_trimmed_and_text_is_not() {
    let records = [
        " 12 ,x",
        "12.5,x",
        "+5,x",
        "1_0,x",
        "99999999999,x",
        "\"7\",x",
        "\"7\"x,x",
        "5, \"q\"",
        "5,\"a\"b",
        "5,a\"b",
        "5,\"a\"\"b\"",
        "5",
        "5,",
        "5,x,",
        "5,x,,",
        "5,x,y",
        "",
        "5,\"open",
    ];
    assert_eq!(
        read(ignoring(), &[INT, STRING], &records).unwrap(),
        [
            "12|x",
            "NULL|x",
            "5|x",
            "NULL|x",
            "NULL|x",
            "7|x",
            "5| \"q\"",
            "5|a\"b",
            "5|a\"b",
            "5|NULL",
            "5|",
            "5|x",
            "NULL|NULL",
        ]
    );
}

#[test]
fn every_type_reads_as_in_flink() {
    let row = TypeKind::Row(fields(&[STRING, STRING]));
    let kinds = [
        INT,
        TypeKind::Boolean,
        TypeKind::decimal(10, 2),
        TypeKind::Date,
        TypeKind::Time(0),
        TypeKind::timestamp(3),
        TypeKind::timestamp_ltz(3),
        TypeKind::Array(Box::new(INT.into())),
        row,
        STRING,
    ];
    let records = [
        "1,true, 2.50 ,2020-01-02,01:02:03,2020-01-02 03:04:05.1234,2020-01-02 03:04:05Z,1;2;3,a;b,x",
        ",,,,,,,,,",
        "2,TRUE,1e3,2020-1-2,1:2:3,2020-01-02 03:04,2020-01-02 03:04:05.5Z,,a,",
        "a",
    ];
    assert_eq!(
        read(ignoring(), &kinds, &records).unwrap(),
        [
            "1|TRUE|NULL|2020-01-02|01:02:03|2020-01-02 03:04:05.123|2020-01-02 03:04:05.000|[1, 2, 3]|(a, b)|x",
            "NULL|FALSE|NULL|NULL|NULL|NULL|NULL|[]|NULL|",
            "2|TRUE|1000.00|2020-01-02|NULL|NULL|2020-01-02 03:04:05.500|[]|(a, NULL)|",
            "NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL",
        ]
    );
    let reals = [
        "true,1.5,1e2",
        "TRUE,NaN,Infinity",
        "yes,1.5f,0x10",
        "t,1d, 3",
        ",,",
    ];
    assert_eq!(
        read(
            ignoring(),
            &[TypeKind::Boolean, TypeKind::Float, TypeKind::Double],
            &reals
        )
        .unwrap(),
        [
            "TRUE|1.5|100.0",
            "TRUE|NaN|Infinity",
            "FALSE|1.5|NULL",
            "FALSE|1.0|3.0",
            "FALSE|NULL|NULL"
        ]
    );
    let instants = [
        "2020-01-02 03:04:05",
        "2020-02-30 00:00:00",
        " 2020-01-02 03:04:05 ",
        "2020-1-2 3:4:5",
    ];
    assert_eq!(
        read(ignoring(), &[TypeKind::timestamp(6)], &instants).unwrap(),
        [
            "2020-01-02 03:04:05.000000",
            "2020-02-29 00:00:00.000000",
            "2020-01-02 03:04:05.000000",
            "NULL"
        ]
    );
}

#[test]
fn the_count_of_fields_is_checked_as_the_options_say() {
    let records = ["a,b", "c", "d,e,", "f,g,h"];
    let kinds = [STRING, STRING];
    let with = |change: fn(&mut CsvOptions)| {
        let mut options = ignoring();
        change(&mut options);
        read(options, &kinds, &records).unwrap()
    };
    assert_eq!(
        with(|o| o.ignore_trailing = true),
        ["a|b", "c|NULL", "d|e", "f|g"]
    );
    assert_eq!(with(|o| o.allow_trailing_comma = false), ["a|b", "c|NULL"]);
    assert_eq!(with(|o| o.fail_on_missing = true), ["a|b", "d|e"]);
    let error = read(options(), &kinds, &records).err().unwrap();
    assert!(
        error.contains("Row length mismatch. 2 fields expected but was 1."),
        "{error}"
    );
    let error = read(options(), &[INT], &["x"]).err().unwrap();
    assert!(
        error.contains("field: f0") && error.contains("For input string: \"x\""),
        "{error}"
    );
}

#[test]
fn comments_blanks_and_escapes() {
    let records = ["# it\"s", "1,x", " # y,z", " \"2\" ,  \"z\" ", "3,'a'"];
    let kinds = [INT, STRING];
    let with = |change: fn(&mut CsvOptions)| {
        let mut options = ignoring();
        change(&mut options);
        read(options, &kinds, &records).unwrap()
    };
    assert_eq!(
        with(|o| o.allow_comments = true),
        ["1|x", "2|  \"z\" ", "3|'a'"]
    );
    assert_eq!(
        with(|o| o.trim_spaces = true),
        ["NULL|NULL", "1|x", "NULL|z", "2|z", "3|'a'"]
    );
    let escaped = CsvOptions {
        escape: Some(b'\\'),
        ..ignoring()
    };
    assert_eq!(
        read(
            escaped,
            &[STRING, STRING, STRING],
            &[",\"\",x", "a\\,b,\"q\\\"r\",\\n", "\\\"a,b,c"]
        )
        .unwrap(),
        ["||x", "a,b|q\"r|\n", "\"a|b|c"]
    );
}

#[test]
fn text_is_quoted_where_jackson_quotes_it() {
    let plain = CsvOptions {
        quote: None,
        delimiter: b'\t',
        ..options()
    };
    let values = [
        "",
        " x",
        "line1",
        "a;b",
        "#c",
        "x ",
        "a'b",
        "é中",
        "a\\b",
        "ab-c",
        "!x",
        "-x",
        "\"",
        "a b",
        "abcdefghijklmnopqrstuvwx",
        "abcdefghijklmnopqrstuvwxy",
        "a|b",
        "a[b",
        "~^`{",
        ".",
        "/x",
        ",",
        "ééééééééééééééééééééééééé",
    ];
    let fields = fields(&[STRING]);
    let mut decoder = decode::CsvDecoder::new(Arc::new(plain), &fields, &[0]);
    for value in values {
        decoder.decode(value.as_bytes()).unwrap();
    }
    let mut out = Vec::new();
    let batch = decoder.flush().unwrap();
    encode::CsvEncoder::new(Arc::new(options()), &fields)
        .encode(&batch, &mut out)
        .unwrap();
    let text = String::from_utf8(out).unwrap();
    let expected = [
        "",
        "\" x\"",
        "line1",
        "a;b",
        "\"#c\"",
        "\"x \"",
        "\"a'b\"",
        "é中",
        "\"a\\b\"",
        "ab-c",
        "\"!x\"",
        "-x",
        "\"\"\"\"",
        "\"a b\"",
        "abcdefghijklmnopqrstuvwx",
        "\"abcdefghijklmnopqrstuvwxy\"",
        "a|b",
        "a[b",
        "~^`{",
        ".",
        "/x",
        "\",\"",
        "\"ééééééééééééééééééééééééé\"",
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn values_are_written_as_flink_writes_them() {
    let kinds = [
        TypeKind::Boolean,
        TypeKind::decimal(10, 2),
        TypeKind::decimal(10, 0),
        TypeKind::Double,
        TypeKind::BYTES,
        TypeKind::Date,
        TypeKind::Time(3),
        TypeKind::timestamp(6),
        TypeKind::timestamp(3),
        TypeKind::timestamp_ltz(3),
        TypeKind::Array(Box::new(LogicalType::string())),
    ];
    let record = "true,1.50,100000,1e10,Cv8=,2020-01-02,01:02:03.450,2020-01-02 03:04:05.123456,\
                  2020-01-02 03:04:00,2020-01-02 03:04:05.5Z,a b;c";
    assert_eq!(
        rewrite(options(), &kinds, &[record]),
        "true,1.5,1E+5,1.0E10,Cv8=,2020-01-02,01:02:03.45,\"2020-01-02 03:04:05.123456\",\
         \"2020-01-02 03:04:00\",\"2020-01-02 03:04:05.5Z\",\"a b;c\"\n"
    );
    let nulls = CsvOptions {
        delimiter: b'|',
        quote: Some(b'\''),
        escape: Some(b'\\'),
        null_literal: Some("n/a".to_owned()),
        array_delimiter: ",".to_owned(),
        ..options()
    };
    let kinds = [
        STRING,
        INT,
        TypeKind::Array(Box::new(LogicalType::string())),
    ];
    let records = ["a,b|1|x,y", "'a''b'|n/a|x,n/a", "'a\\\\b'|3|x"];
    assert_eq!(
        rewrite(nulls, &kinds, &records),
        "'a,b'|1|'x,y'\n'a''b'|n/a|'x,n/a'\n'a\\\\b'|3|'x'\n"
    );
}
