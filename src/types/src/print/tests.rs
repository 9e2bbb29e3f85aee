use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryViewArray, BooleanArray, Decimal128Array, DurationMillisecondArray, Int32Array,
    IntervalYearMonthArray, ListArray, StringViewArray, StructArray, Time32MillisecondArray,
    TimestampMicrosecondArray, TimestampMillisecondArray,
};
use arrow::datatypes::Int32Type;

use super::*;
use crate::logical_type::TypeKind;
use crate::logical_type::{Field, IntervalFields};

fn text(kind: TypeKind, style: Style, zone: &str, array: &dyn Array) -> Vec<String> {
    let formatter = Formatter::with_style(&kind.into(), zone.parse().unwrap(), style);
    let bound = formatter.bind(array).unwrap();
    (0..array.len())
        .map(|row| {
            let mut out = String::new();
            bound.write(row, &mut out);
            out
        })
        .collect()
}

fn doubles(values: &[f64]) -> Vec<String> {
    let write = |v: &f64| {
        let mut out = String::new();
        number::write_double(*v, &mut out);
        out
    };
    values.iter().map(write).collect()
}

/// What Java 17 prints for numbers whose digits it doesn't choose as ryu does.
#[test]
fn doubles_have_the_digits_of_java_17() {
    for (value, text) in [
        (2e23, "1.9999999999999998E23"),
        (1e23, "9.999999999999999E22"),
        (8.41e21, "8.409999999999999E21"),
        (7e22, "7.0000000000000004E22"),
        (1.1e23, "1.1E23"),
        (1e22, "1.0E22"),
        (5.684341886080802E-14, "5.6843418860808015E-14"),
        (1_152_921_504_606_846_976.0, "1.15292150460684698E18"),
        (4_611_686_018_427_387_904.0, "4.6116860184273879E18"),
        (1.234_567_890_123_456_8e17, "1.2345678901234568E17"),
        (9_007_199_254_740_992.0, "9.007199254740992E15"),
        (5.293955920339377E-23, "5.293955920339377E-23"),
        (1e-45, "1.0E-45"),
        (-1e8, "-1.0E8"),
    ] {
        let mut out = String::new();
        number::write_double(value, &mut out);
        assert_eq!(out, text);
    }
    for (value, text) in [
        (9_007_199_254_740_992_f32, "9.0071993E15"),
        (1.4e-45, "1.4E-45"),
        (f32::MIN_POSITIVE, "1.17549435E-38"),
        (5.684342E-14, "5.684342E-14"),
        (1.234_567_9e17, "1.23456791E17"),
        (1.152_921_5e18, "1.1529215E18"),
        (2.305_843e18, "2.30584301E18"),
        (2e23, "2.0E23"),
        (8.41e21, "8.41E21"),
        (33_554_432.0, "3.3554432E7"),
    ] {
        let mut out = String::new();
        number::write_float(value, &mut out);
        assert_eq!(out, text);
    }
}

#[test]
fn doubles_are_written_as_java_does() {
    let values = [
        1.5,
        100.0,
        1e10,
        1e-5,
        1e7,
        12_345_678.0,
        0.001,
        9_999_999.0,
        9.5e-4,
        4.9e-324,
        -2.5e-8,
        2.225_073_858_507_201_4e-308,
        f64::NAN,
        f64::NEG_INFINITY,
        -0.0,
        1e-323,
    ];
    let expected = [
        "1.5",
        "100.0",
        "1.0E10",
        "1.0E-5",
        "1.0E7",
        "1.2345678E7",
        "0.001",
        "9999999.0",
        "9.5E-4",
        "4.9E-324",
        "-2.5E-8",
        "2.2250738585072014E-308",
        "NaN",
        "-Infinity",
        "-0.0",
        "9.9E-324",
    ];
    assert_eq!(doubles(&values), expected);
    let mut out = String::new();
    for value in [
        0.1_f32,
        1e10,
        3.402_823_5e38,
        1.4e-45,
        33_554_432.0,
        123_456.7,
    ] {
        number::write_float(value, &mut out);
        out.push(' ');
    }
    assert_eq!(out, "0.1 1.0E10 3.4028235E38 1.4E-45 3.3554432E7 123456.7 ");
}

#[test]
fn decimals_keep_their_scale_in_sql_and_follow_big_decimal_in_java() {
    let array = Decimal128Array::from(vec![15, -5, 0, 1])
        .with_precision_and_scale(20, 10)
        .unwrap();
    let kind = TypeKind::decimal(20, 10);
    assert_eq!(
        text(kind.clone(), Style::Cell, "UTC", &array),
        [
            "0.0000000015",
            "-0.0000000005",
            "0.0000000000",
            "0.0000000001"
        ]
    );
    assert_eq!(
        text(kind, Style::Java, "UTC", &array),
        ["1.5E-9", "-5E-10", "0E-10", "1E-10"]
    );
    let mut out = String::new();
    let (unscaled, scale) = number::strip_trailing_zeros(10_000_000, 2);
    number::write_big_decimal(unscaled, scale, &mut out);
    assert_eq!(out, "1E+5");
}

#[test]
fn times_show_the_digits_that_flink_shows() {
    let times = Time32MillisecondArray::from(vec![3_723_000, 3_723_456, 3_723_400]);
    assert_eq!(
        text(TypeKind::Time(3), Style::Cell, "UTC", &times),
        ["01:02:03.0", "01:02:03.456", "01:02:03.4"]
    );
    assert_eq!(
        text(TypeKind::Time(0), Style::Cell, "UTC", &times),
        ["01:02:03", "01:02:03", "01:02:03"]
    );
    let instants =
        TimestampMicrosecondArray::from(vec![-315_619_199_876_544, 1_577_934_245_123_400]);
    assert_eq!(
        text(TypeKind::timestamp(6), Style::Cell, "UTC", &instants),
        ["1960-01-01 00:00:00.123456", "2020-01-02 03:04:05.123400"]
    );
    assert_eq!(
        text(TypeKind::timestamp(6), Style::Java, "UTC", &instants)[1],
        "2020-01-02T03:04:05.123400"
    );
    let zoned = TimestampMillisecondArray::from(vec![1_577_934_245_500]).with_timezone("UTC");
    assert_eq!(
        text(
            TypeKind::timestamp_ltz(3),
            Style::Cell,
            "Asia/Kolkata",
            &zoned
        ),
        ["2020-01-02 08:34:05.500"]
    );
    assert_eq!(
        text(
            TypeKind::timestamp_ltz(3),
            Style::Java,
            "Asia/Kolkata",
            &zoned
        ),
        ["2020-01-02T03:04:05.500Z"]
    );
}

#[test]
fn intervals_carry_their_sign() {
    let months = IntervalYearMonthArray::from(vec![-14, 3, 1200]);
    let fields = IntervalFields::YearToMonth { precision: 2 };
    assert_eq!(
        text(
            TypeKind::IntervalYearMonth(fields),
            Style::Cell,
            "UTC",
            &months
        ),
        ["-1-02", "+0-03", "+100-00"]
    );
    let millis = DurationMillisecondArray::from(vec![-1500, 93_784_567]);
    let kind = TypeKind::IntervalDayTime(IntervalFields::Second { fraction: 3 });
    assert_eq!(
        text(kind.clone(), Style::Cell, "UTC", &millis),
        ["-0 00:00:01.500", "+1 02:03:04.567"]
    );
    assert_eq!(
        text(kind, Style::Java, "UTC", &millis),
        ["PT-1.5S", "PT26H3M4.567S"]
    );
}

#[test]
fn nested_values_and_bytes_depend_on_the_style() {
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), None]);
    let fields = vec![
        Field::new("a", TypeKind::Array(Box::new(TypeKind::Int.into())).into()),
        Field::new("b", TypeKind::Boolean.into()),
        Field::new("c", TypeKind::BYTES.into()),
        Field::new("d", LogicalType::string()),
    ];
    let kind = TypeKind::Row(fields);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(list),
        Arc::new(BooleanArray::from(vec![true, false])),
        Arc::new(BinaryViewArray::from_iter_values([&[10, 255][..], b"ab"])),
        Arc::new(StringViewArray::from(vec![Some("x, y"), None])),
    ];
    let arrow::datatypes::DataType::Struct(fields) = kind.arrow() else {
        unreachable!("a row is a struct");
    };
    let row = StructArray::new(fields, columns, None);
    assert_eq!(
        text(kind.clone(), Style::Cell, "UTC", &row),
        [
            "([1, NULL], TRUE, x'0aff', x, y)",
            "(NULL, FALSE, x'6162', NULL)"
        ]
    );
    assert_eq!(
        text(kind.clone(), Style::Cast, "UTC", &row)[1],
        "(NULL, FALSE, ab, NULL)"
    );
    assert_eq!(
        text(kind, Style::Java, "UTC", &row)[0],
        "+I[[1, null], true, [10, -1], x, y]"
    );
}

#[test]
fn an_array_of_another_type_is_refused() {
    let error = Formatter::new(&LogicalType::string(), TimeZone::UTC)
        .bind(&Int32Array::from(vec![1]))
        .err()
        .unwrap();
    assert!(error.to_string().contains("STRING"));
}
