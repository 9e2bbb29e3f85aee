use super::*;
use crate::java::sql_date::days_of;
use crate::java::sql_date::timestamp_to_iso;

/// What Flink's DATE_FORMAT(TIMESTAMP '2024-02-29 15:04:05.123456', ..) answered.
#[test]
fn formats_as_java() {
    let value = DateTime {
        days: days_of(2024, 2, 29),
        second_of_day: 15 * 3600 + 4 * 60 + 5,
        nano: 123_456_000,
    };
    for (pattern, text) in [
        ("G GGGG GGGGG", "AD Anno Domini A"),
        (
            "u uu uuuuu y yy yyy yyyyy",
            "2024 24 02024 2024 24 2024 02024",
        ),
        ("D DD DDD", "60 60 060"),
        ("M MM MMM MMMM MMMMM L LLL", "2 02 Feb February F 2 Feb"),
        ("Q QQ QQQ QQQQ", "1 01 Q1 1st quarter"),
        ("Y YY w ww W", "2024 24 9 09 5"),
        ("E EEEE EEEEE e ee eee c", "Thu Thursday T 5 05 Thu 5"),
        ("F a h hh K k H m s", "1 PM 3 03 3 15 15 4 5"),
        ("S SSSS A n N", "1 1234 54245123 123456000 54245123456000"),
        ("nnnnnnnnnn pppppH [yyyy][MM]", "0123456000    15 202402"),
        ("'it''s' yyyy/MM;dd B", "it's 2024/02;29 in the afternoon"),
    ] {
        let mut out = String::new();
        let formatter = DateTimeFormatter::new(pattern).unwrap();
        formatter.format(value, &mut out).unwrap();
        assert_eq!(out, text, "{pattern}");
    }
    for bad in ["bogus", "ddddd", "yyyy 'open", "VVV", "yyyy#", "cc"] {
        assert!(DateTimeFormatter::new(bad).is_err(), "{bad}");
    }
    let zoned = DateTimeFormatter::new("XXX").unwrap();
    assert!(zoned.format(value, &mut String::new()).is_err());
}

#[test]
fn years_beyond_the_pad_get_a_sign() {
    let value = DateTime {
        days: days_of(10_000, 1, 1),
        second_of_day: 0,
        nano: 0,
    };
    let mut out = String::new();
    let formatter = DateTimeFormatter::new("yyyy uuuu y yyyyy").unwrap();
    formatter.format(value, &mut out).unwrap();
    assert_eq!(out, "+10000 +10000 10000 10000");
}

fn read(text: &str, pattern: &str) -> Option<String> {
    let formatter = DateTimeFormatter::new(pattern).unwrap();
    parse_or_literal(&formatter, text).map(iso)
}

fn iso(value: DateTime) -> String {
    let seconds = i128::from(value.days) * 86_400 + i128::from(value.second_of_day);
    timestamp_to_iso(seconds * 1_000_000_000 + i128::from(value.nano))
}

/// What Flink's TO_TIMESTAMP(.., ..) answered.
#[test]
fn parses_as_java() {
    for (text, pattern, expected) in [
        ("10:11", "HH:mm", "1970-01-01T10:11"),
        ("03 PM", "hh a", "1970-01-01T15:00"),
        ("12 AM", "hh a", "1970-01-01T00:00"),
        ("Feb 29 2024", "MMM dd yyyy", "2024-02-29T00:00"),
        ("February 1 24", "MMMM d yy", "2024-02-01T00:00"),
        ("2024060", "yyyyDDD", "2024-02-29T00:00"),
        ("20240229", "yyyyMMdd", "2024-02-29T00:00"),
        ("2024-02-9", "yyyy-MM-dd", "2024-02-09T00:00"),
        ("2024-02-30", "yyyy-MM-dd", "2024-02-29T00:00"),
        (
            "2024-02-29 01:02:03.12",
            "yyyy-MM-dd HH:mm:ss.SSS",
            "2024-02-29T01:02:03.120",
        ),
        (
            "2024-02-29T01:02:03+02:00",
            "yyyy-MM-dd'T'HH:mm:ssXXX",
            "2024-02-29T01:02:03",
        ),
        ("Thu 2024-02-29", "EEE yyyy-MM-dd", "2024-02-29T00:00"),
        ("24:00", "HH:mm", "1970-01-01T00:00"),
        (
            "2024-02-29 America/New_York",
            "yyyy-MM-dd VV",
            "2024-02-29T00:00",
        ),
        ("2024Q2", "yyyy'Q'Q", "2024-01-01T00:00"),
        ("2024-W10-3", "YYYY-'W'w-e", "2024-03-05T00:00"),
        (
            "20240229131415123",
            "yyyyMMddHHmmssSSS",
            "2024-02-29T13:14:15.123",
        ),
        ("2024-02-29 10", "yyyy-MM-dd[ HH]", "2024-02-29T10:00"),
        ("5", "d", "1970-01-05T00:00"),
        ("24", "k", "1970-01-01T00:00"),
    ] {
        assert_eq!(read(text, pattern).as_deref(), Some(expected), "{text}");
    }
    for (text, pattern) in [
        ("13 AM", "hh a"),
        ("feb 29 2024", "MMM dd yyyy"),
        ("Fri 2024-02-29", "EEE yyyy-MM-dd"),
        ("1700000000", "A"),
        ("2024/05/06 25", "yyyy/MM/dd HH"),
        ("2024/05/06 01", "yyyy/MM/dd"),
        ("x", "yyyy"),
    ] {
        assert_eq!(read(text, pattern), None, "{text}");
    }
}

/// What Flink's TO_TIMESTAMP(..) answered.
#[test]
fn the_default_is_lenient_in_widths() {
    let formatter = DateTimeFormatter::timestamp().unwrap();
    for (text, expected) in [
        ("2024-02-29 24:00:00", "2024-03-01T00:00"),
        ("2024-2-9 1:2:3", "2024-02-09T01:02:03"),
        ("2023-02-29 00:00:00", "2023-02-28T00:00"),
        ("2024-02-29 01:02:03.", "2024-02-29T01:02:03"),
        ("+10000-01-01", "+10000-01-01T00:00"),
        ("1969-12-31 23:59:59.9999", "1969-12-31T23:59:59.999900"),
    ] {
        assert_eq!(
            formatter.parse(text).map(iso).as_deref(),
            Ok(expected),
            "{text}"
        );
    }
    for bad in [
        "2024-02-29 23:59:60",
        "2024-02-29 1:2",
        "2024-02-29 ",
        " 2024-02-29",
        "0000-01-01",
        "10000-01-01",
        "99-01-01",
        "2024-00-01",
        "2024-02-32",
        "2024-02-29 01:02:03.1234567891",
        "2024-02-29T01:02:03",
        "2024-0229",
        "2024-021-1",
    ] {
        assert!(formatter.parse(bad).is_err(), "{bad}");
    }
}
