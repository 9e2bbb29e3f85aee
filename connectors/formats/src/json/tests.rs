//! Expected texts and values are what Apache Flink 2.3.0 wrote and read.

use std::sync::Arc;

use filbert_types::TimeZone;
use filbert_types::print::Formatter;

use super::*;

fn options() -> JsonOptions {
    JsonOptions {
        fail_on_missing: false,
        ignore_parse_errors: false,
        iso_timestamps: false,
        null_key: NullKey::Fail,
        plain_decimals: false,
        ignore_nulls: false,
    }
}

fn ignoring() -> JsonOptions {
    JsonOptions {
        ignore_parse_errors: true,
        ..options()
    }
}

fn int() -> LogicalType {
    TypeKind::Int.into()
}

fn columns() -> Vec<Field> {
    let row = TypeKind::Row(vec![Field::new("x", int())]);
    let map = TypeKind::Map(Box::new(LogicalType::string()), Box::new(int()));
    [
        ("i", TypeKind::Int),
        ("b", TypeKind::Boolean),
        ("s", TypeKind::STRING),
        ("d", TypeKind::decimal(10, 2)),
        ("dt", TypeKind::Date),
        ("t", TypeKind::Time(0)),
        ("ts", TypeKind::timestamp(3)),
        ("ltz", TypeKind::timestamp_ltz(3)),
        ("a", TypeKind::Array(Box::new(int()))),
        ("m", map),
        ("r", row),
        ("bin", TypeKind::BYTES),
    ]
    .map(|(name, kind)| Field::new(name, kind.into()))
    .to_vec()
}

/// The rows as they print, cells apart by `|`, and how many records were damaged.
fn read(
    options: JsonOptions,
    fields: &[Field],
    records: &[&str],
) -> Result<(Vec<String>, u64), String> {
    let all: Vec<usize> = (0..fields.len()).collect();
    let mut decoder = decode::JsonDecoder::new(Arc::new(options), fields, &all);
    for record in records {
        decoder.decode(record.as_bytes()).map_err(|e| e.message)?;
    }
    let rows = decoder.flush().unwrap().rows;
    let line = |row: usize| {
        let cells = fields.iter().zip(rows.columns()).map(|(field, column)| {
            let mut out = String::new();
            let formatter = Formatter::new(&field.ty, TimeZone::UTC);
            formatter.write(column.as_ref(), row, &mut out).unwrap();
            out
        });
        cells.collect::<Vec<_>>().join("|")
    };
    let lines = (0..rows.num_rows()).map(line).collect();
    Ok((lines, decoder.take_skipped()))
}

#[test]
fn values_of_other_kinds_are_converted_or_null() {
    let records = [
        r#"{"i":1.9,"b":"true","s":5,"d":"1.5","dt":"2020-01-02","t":"01:02:03","ts":"2020-01-02 03:04:05","ltz":"2020-01-02 03:04:05Z","a":[1,"2",null],"m":{"a":1,"b":null},"r":{"x":1},"bin":"Cv8="}"#,
        r#"{"i":true,"b":1,"s":true,"d":1e3,"dt":"2020-1-2","t":"01:02:03.456Z","ts":"2020-01-02T03:04:05","ltz":"2020-01-02 03:04:05","a":5,"m":[1],"r":{"x":"y"},"bin":"!"}"#,
        r#"{"i":" 7 ","b":"yes","s":{"k":[1, 2.50, "é", null]},"d":1.005,"dt":"2020-01-02T00:00:00","t":"1:2","ts":"2020-01-02","ltz":"2020-01-02 03:04:05.123Z","a":[],"m":{},"r":null,"bin":null}"#,
    ];
    let (rows, damaged) = read(ignoring(), &columns(), &records).unwrap();
    assert_eq!(
        rows,
        [
            "1|TRUE|5|1.50|2020-01-02|01:02:03|2020-01-02 03:04:05.000|2020-01-02 03:04:05.000|[1, 2, NULL]|{a=1, b=NULL}|(1)|x'0aff'",
            "NULL|FALSE|true|1000.00|NULL|NULL|NULL|NULL|NULL|NULL|(NULL)|NULL",
            r#"7|FALSE|{"k":[1,2.5,"é",null]}|1.01|NULL|NULL|NULL|2020-01-02 03:04:05.123|[]|{}|NULL|NULL"#,
        ]
    );
    assert_eq!(damaged, 2);
}

#[test]
fn records_of_other_shapes() {
    let fields = [
        Field::new("i", int()),
        Field::new("s", LogicalType::string()),
    ];
    let records = [
        r#"[{"i":1},{"i":2}]"#,
        r#"{"i":1} {"i":2}"#,
        r#"{"i":1}x"#,
        r#""str""#,
        "null",
        "   ",
        r#"{"i":1,"i":2}"#,
        r#"{"I":1}"#,
        r#"{"i":99999999999}"#,
        r#"{"s":1.50}"#,
        r#"{"s":[ 1 , {"a" : 1.0e5} ]}"#,
        r#"{"s":1e400}"#,
        r#"{"i":"abc","s":"k\u0041\n\ud83d\ude00"}"#,
        "oops",
    ];
    let (rows, damaged) = read(ignoring(), &fields, &records).unwrap();
    assert_eq!(
        rows,
        [
            "1|NULL",
            "2|NULL",
            "1|NULL",
            "1|NULL",
            "2|NULL",
            "NULL|NULL",
            "NULL|NULL",
            "NULL|1.50",
            r#"NULL|[1,{"a":1E+5}]"#,
            "NULL|1e400",
            "NULL|kA\n\u{1F600}",
        ]
    );
    assert_eq!(damaged, 5);
}

#[test]
fn errors_name_the_field_and_the_reason() {
    let fields = [
        Field::new("i", int()),
        Field::new("s", LogicalType::string()),
    ];
    let error = |options, record| read(options, &fields, &[record]).err().unwrap();
    assert!(error(options(), "oops").contains("Unrecognized token 'oops' at column 1"));
    assert!(error(options(), r#"{"i":1,"#).contains("Unexpected end of input"));
    let wrong = error(options(), r#"{"i":"x"}"#);
    assert!(
        wrong.contains("Fail to deserialize at field: i. \"x\" is not a value of type INT."),
        "{wrong}"
    );
    let strict = JsonOptions {
        fail_on_missing: true,
        ..options()
    };
    assert!(error(strict, r#"{"i":1}"#).contains("Could not find field with name 's'."));
    assert!(error(options(), "{\"s\":\"a\nb\"}").contains("control character"));
    let deep = "[".repeat(100_000);
    assert!(error(options(), &format!("{{\"s\":{deep}")).contains("1000"));
}

#[test]
fn objects_are_written_as_flink_writes_them() {
    let row = TypeKind::Row(vec![
        Field::new("a", int()),
        Field::new("bb", LogicalType::string()),
        Field::new("cc", TypeKind::Double.into()),
    ]);
    let map = TypeKind::Map(Box::new(LogicalType::string()), Box::new(int()));
    let fields = [
        ("b", TypeKind::Boolean),
        ("de", TypeKind::decimal(10, 2)),
        ("de2", TypeKind::decimal(10, 0)),
        ("d", TypeKind::Double),
        ("s", TypeKind::STRING),
        ("bin", TypeKind::BYTES),
        ("t3", TypeKind::Time(3)),
        ("ts", TypeKind::timestamp(6)),
        ("ltz", TypeKind::timestamp_ltz(3)),
        ("ar", TypeKind::Array(Box::new(int()))),
        ("mp", map),
        ("r", row),
        ("n", TypeKind::Int),
    ]
    .map(|(name, kind)| Field::new(name, kind.into()));
    let all: Vec<usize> = (0..fields.len()).collect();
    let record = r#"{"b":true,"de":1.50,"de2":100000,"d":"NaN","s":"a\"b,c\n\u0001é/中\\","bin":"Cv8=","t3":"01:02:03.450","ts":"2020-01-02 03:04:05.123400","ltz":"2020-01-02 03:04:05.5Z","ar":[1,null],"mp":{"k":1},"r":{"a":1,"cc":2.5}}"#;
    let write = |options: JsonOptions| {
        let mut decoder = decode::JsonDecoder::new(Arc::new(self::options()), &fields, &all);
        decoder.decode(record.as_bytes()).unwrap();
        let batch = decoder.flush().unwrap();
        let mut out = Vec::new();
        encode::JsonEncoder::new(Arc::new(options), &fields)
            .encode(&batch, &mut out)
            .unwrap();
        String::from_utf8(out).unwrap()
    };
    assert_eq!(
        write(options()),
        "{\"b\":true,\"de\":1.5,\"de2\":1E+5,\"d\":\"NaN\",\"s\":\"a\\\"b,c\\n\\u0001é/中\\\\\",\"bin\":\"Cv8=\",\"t3\":\"01:02:03.45\",\"ts\":\"2020-01-02 03:04:05.1234\",\"ltz\":\"2020-01-02 03:04:05.5Z\",\"ar\":[1,null],\"mp\":{\"k\":1},\"r\":{\"a\":1,\"bb\":null,\"cc\":2.5},\"n\":null}\n"
    );
    let iso = JsonOptions {
        iso_timestamps: true,
        plain_decimals: true,
        ignore_nulls: true,
        ..options()
    };
    assert_eq!(
        write(iso),
        "{\"b\":true,\"de\":1.50,\"de2\":100000,\"d\":\"NaN\",\"s\":\"a\\\"b,c\\n\\u0001é/中\\\\\",\"bin\":\"Cv8=\",\"t3\":\"01:02:03.45\",\"ts\":\"2020-01-02T03:04:05.1234\",\"ltz\":\"2020-01-02T03:04:05.5Z\",\"ar\":[1,null],\"mp\":{\"k\":1},\"r\":{\"a\":1,\"cc\":2.5}}\n"
    );
}
