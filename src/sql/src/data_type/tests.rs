use super::*;

/// The summary of a type, by which it reads back.
fn summary(text: &str) -> String {
    parse_type(text).unwrap().to_string()
}

#[test]
fn every_type_has_its_summary() {
    for (text, expected) in [
        ("BOOLEAN", "BOOLEAN"),
        ("int", "INT"),
        ("INTEGER", "INT"),
        ("CHAR", "CHAR(1)"),
        ("CHARACTER VARYING(3)", "VARCHAR(3)"),
        ("VARCHAR", "STRING"),
        ("VARCHAR(2147483647)", "STRING"),
        ("STRING NOT NULL", "STRING NOT NULL"),
        ("BYTES", "BYTES"),
        ("BINARY VARYING(4)", "VARBINARY(4)"),
        ("DECIMAL", "DECIMAL(10, 0)"),
        ("DEC(5)", "DECIMAL(5, 0)"),
        ("NUMERIC(38, 18)", "DECIMAL(38, 18)"),
        ("DOUBLE PRECISION", "DOUBLE"),
        ("TIMESTAMP", "TIMESTAMP(6)"),
        ("TIMESTAMP(3) WITHOUT TIME ZONE", "TIMESTAMP(3)"),
        ("TIMESTAMP(3) WITH LOCAL TIME ZONE", "TIMESTAMP_LTZ(3)"),
        ("TIMESTAMP_LTZ", "TIMESTAMP_LTZ(6)"),
        ("TIME", "TIME(0)"),
        // Flink takes what is too precise as precise as it can.
        ("TIME(9)", "TIME(3)"),
        ("TIMESTAMP(10)", "TIMESTAMP(9)"),
        ("DECIMAL(39, 0)", "DECIMAL(38, 0)"),
        ("CHAR(0)", "CHAR(0)"),
        ("INT ARRAY", "ARRAY<INT>"),
        (
            "INT NOT NULL ARRAY NOT NULL",
            "ARRAY<INT NOT NULL> NOT NULL",
        ),
        ("STRING MULTISET", "MULTISET<STRING>"),
        ("MULTISET<INT NOT NULL>", "MULTISET<INT NOT NULL>"),
        ("MAP<STRING, ARRAY<INT>>", "MAP<STRING, ARRAY<INT>>"),
        (
            "ROW<a INT NOT NULL, `b c` ROW<d DATE> 'it''s'>",
            "ROW<`a` INT NOT NULL, `b c` ROW<`d` DATE> 'it''s'>",
        ),
        ("ROW(a INT, b STRING)", "ROW<`a` INT, `b` STRING>"),
        ("ROW<>", "ROW<>"),
        ("VARIANT", "VARIANT"),
        (
            "INTERVAL DAY(3) TO SECOND(3)",
            "INTERVAL DAY(3) TO SECOND(3)",
        ),
        ("INTERVAL YEAR TO MONTH", "INTERVAL YEAR(2) TO MONTH"),
        ("INTERVAL HOUR TO MINUTE", "INTERVAL HOUR TO MINUTE"),
    ] {
        assert_eq!(summary(text), expected, "{text}");
    }
}

#[test]
fn a_type_survives_the_tree() {
    for text in [
        "ROW<`a b` INT NOT NULL, `c` MAP<STRING, DECIMAL(5, 2)> 'x'>",
        "TIMESTAMP_LTZ(9)",
        "INTERVAL DAY(3) TO SECOND(3)",
        "RAW('a.B', 'AB==')",
        "STRING",
    ] {
        let ty = parse_type(text).unwrap();
        let place = Span {
            start: filbert_types::Location { line: 1, column: 2 },
            end: filbert_types::Location { line: 1, column: 9 },
        };
        let carried = carry(&ty, place);
        assert_eq!(cast_type(&carried).unwrap(), ty, "{text}");
        assert_eq!(cast_type_span(&carried), Some(place));
    }
}

#[test]
fn errors_name_the_type_and_a_better_one() {
    for (text, expected) in [
        ("INTT", "Did you mean INT?"),
        ("TEXT", "Did you mean STRING?"),
        ("DATETIME", "Did you mean TIMESTAMP?"),
        ("DECIMAL(5, 6)", "precision 5"),
        ("DECIMAL(0)", "between 1 and 38"),
        ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP_LTZ"),
        ("ARRAY", "'<'"),
        ("ROW<a INT b INT>", "',' or '>'"),
        ("INT INT", "the end of the type"),
        ("STRUCTURED<B, x INT>", "class name in single quotes"),
        ("`INT`", "no data type"),
    ] {
        let error = parse_type(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn deep_nesting_is_an_error() {
    let text = format!("{}INT{}", "ARRAY<".repeat(10_000), ">".repeat(10_000));
    assert!(
        parse_type(&text)
            .unwrap_err()
            .message
            .contains("too deeply")
    );
}
