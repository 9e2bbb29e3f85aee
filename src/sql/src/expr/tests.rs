use super::*;
use crate::parse_expr;
use sqlparser::ast::{BinaryOperator, DateTimeField};

fn expr(text: &str) -> Expr {
    parse_expr(text)
        .unwrap_or_else(|e| panic!("{text}: {e}"))
        .ast
}

fn call(text: &str) -> Function {
    match expr(text) {
        Expr::Function(function) => function,
        other => panic!("{text}: {other:?}"),
    }
}

fn error(text: &str) -> String {
    parse_expr(text).unwrap_err().to_string()
}

#[test]
fn casts_carry_flinks_types() {
    let Expr::Cast {
        data_type, kind, ..
    } = expr("TRY_CAST(x AS ROW<a INT NOT NULL, b MAP<STRING, INT>>)")
    else {
        panic!()
    };
    assert_eq!(kind, CastKind::TryCast);
    assert_eq!(
        crate::cast_type(&data_type).unwrap().to_string(),
        "ROW<`a` INT NOT NULL, `b` MAP<STRING, INT>>"
    );
    assert!(error("CAST(x AS INT NOT NULL)").contains("can't be NOT NULL"));
    assert!(error("CAST(x, INT)").contains("Expected AS"));
}

#[test]
fn maps_and_arrays() {
    let Expr::Map(map) = expr("MAP['a', 1, 'b', MAP['c', 2]]") else {
        panic!()
    };
    assert_eq!(map.entries.len(), 2);
    assert!(matches!(expr("ARRAY[1, 2]"), Expr::Array(a) if a.elem.len() == 2 && a.named));
    assert!(error("MAP['a']").contains("no value"));
}

#[test]
fn typed_literals() {
    for (text, kind) in [
        ("DATE '2020-01-01'", LiteralKind::Date),
        ("TIME'10:00:00'", LiteralKind::Time),
        ("TIMESTAMP '2020-01-01 00:00:00'", LiteralKind::Timestamp),
        (
            "TIMESTAMP WITH LOCAL TIME ZONE '2020-01-01 00:00:00'",
            LiteralKind::TimestampLtz,
        ),
    ] {
        let Expr::TypedString(literal) = expr(text) else {
            panic!("{text}")
        };
        assert_eq!(literal_kind(&literal), kind, "{text}");
    }
}

#[test]
fn intervals() {
    let Expr::Interval(interval) = expr("INTERVAL -'1 02:03' DAY(3) TO SECOND(2)") else {
        panic!()
    };
    assert_eq!(interval.leading_field, Some(DateTimeField::Day));
    assert_eq!(interval.leading_precision, Some(3));
    assert_eq!(interval.last_field, Some(DateTimeField::Second));
    assert_eq!(interval.fractional_seconds_precision, Some(2));
    assert!(matches!(*interval.value, Expr::UnaryOp { .. }));
    assert!(
        matches!(expr("INTERVAL '1' DAYS"), Expr::Interval(i) if i.leading_field == Some(DateTimeField::Day))
    );
    assert!(error("INTERVAL '1' DYA").contains("Did you mean DAY?"));
    assert!(error("INTERVAL '1' DAY TO MONTH").contains("HOUR, MINUTE or SECOND"));
    assert!(error("INTERVAL '1'").contains("needs its unit"));
}

#[test]
fn a_difference_takes_a_unit() {
    let Expr::Interval(interval) = expr("(a - b) DAY TO SECOND") else {
        panic!()
    };
    let (left, right) = interval_difference(&interval).unwrap();
    assert_eq!(
        (left.to_string().as_str(), right.to_string().as_str()),
        ("a", "b")
    );
    assert_eq!(interval.last_field, Some(DateTimeField::Second));
    // Behind a call a word is an alias, so nothing of the expression.
    assert!(parse_expr("f(a - b) HOURS").is_err());
}

#[test]
fn is_json_and_between_symmetric() {
    let function = call("x IS NOT JSON OBJECT");
    let json = is_json(&function).unwrap();
    assert_eq!((json.kind, json.negated), (JsonKind::Object, true));
    assert_eq!(is_json(&call("x IS JSON")).unwrap().kind, JsonKind::Value);
    let function = call("x NOT BETWEEN SYMMETRIC 1 AND 2");
    let (_, low, _, negated) = between_symmetric(&function).unwrap();
    assert_eq!((low.to_string().as_str(), negated), ("1", true));
    assert!(matches!(
        expr("x BETWEEN ASYMMETRIC 1 AND 2"),
        Expr::Between { .. }
    ));
    // A quoted name is a user's function.
    assert_eq!(is_json(&call("`IS JSON VALUE`(x)")), None);
}

#[test]
fn is_distinct_from_ends_at_and() {
    let Expr::BinaryOp { op, .. } = expr("a IS DISTINCT FROM b AND c") else {
        panic!()
    };
    assert_eq!(op, BinaryOperator::And);
}

#[test]
fn precedence_is_calcites() {
    // NOT (1 = 2), then AND.
    assert!(
        matches!(expr("NOT a = b AND c"), Expr::BinaryOp { op: BinaryOperator::And, left, .. }
        if matches!(*left, Expr::UnaryOp { .. }))
    );
    // LIKE binds tighter than a comparison.
    assert!(matches!(
        expr("a = b LIKE c"),
        Expr::BinaryOp {
            op: BinaryOperator::Eq,
            ..
        }
    ));
    assert!(matches!(expr("a || b LIKE c"), Expr::Like { .. }));
}

#[test]
fn json_functions_keep_their_clauses() {
    let function = call("JSON_VALUE(x, '$.a' RETURNING INT DEFAULT -1 ON EMPTY ERROR ON ERROR)");
    assert_eq!(json_arguments(&function).len(), 2);
    let clauses = json_clauses(&function);
    assert_eq!(clauses.returning.unwrap().to_string(), "INT");
    assert!(matches!(clauses.on_empty, Some(JsonBehavior::Default(e)) if e.to_string() == "-1"));
    assert_eq!(clauses.on_error, Some(JsonBehavior::Error));

    let function = call("JSON_QUERY(x, '$' WITH CONDITIONAL ARRAY WRAPPER EMPTY OBJECT ON ERROR)");
    let clauses = json_clauses(&function);
    assert_eq!(clauses.wrapper, Some(JsonWrapper::Conditional));
    assert_eq!(clauses.on_error, Some(JsonBehavior::EmptyObject));

    let function = call("JSON_EXISTS(x, '$' UNKNOWN ON ERROR)");
    assert_eq!(
        json_clauses(&function).on_error,
        Some(JsonBehavior::Unknown)
    );
}

#[test]
fn json_constructors() {
    let function =
        call("JSON_OBJECT(KEY 'a' VALUE 1, 'b' VALUE JSON_ARRAY(1, 2), 'c' : NULL ABSENT ON NULL)");
    assert_eq!(json_arguments(&function).len(), 6);
    assert_eq!(json_clauses(&function).absent_on_null, Some(true));
    assert_eq!(
        json_clauses(&call("JSON_ARRAY(1 NULL ON NULL)")).absent_on_null,
        Some(false)
    );
    assert!(json_arguments(&call("JSON_OBJECT()")).is_empty());
    // A column may be named key.
    assert_eq!(json_arguments(&call("JSON_OBJECT(key VALUE 1)")).len(), 2);
    assert!(error("JSON_OBJECT('a', 1)").contains("VALUE"));
    assert!(error("JSON_VALUE(x, '$' NULL ON EMPTY NULL ON EMPTY)").contains("two ON EMPTY"));
    let function = call("JSON_OBJECTAGG(k VALUE v NULL ON NULL) FILTER (WHERE v > 1)");
    assert!(function.filter.is_some());
}

#[test]
fn units_are_symbols() {
    let function = call("TIMESTAMPDIFF(SQL_TSI_DAY, a, b)");
    let arguments = json_arguments(&function);
    assert_eq!(symbol(arguments[0]), Some("DAY"));
    assert!(error("TIMESTAMPADD(DYA, 1, x)").contains("Did you mean DAY?"));
    assert!(matches!(
        expr("EXTRACT(DOY FROM x)"),
        Expr::Extract {
            field: DateTimeField::Doy,
            ..
        }
    ));
    assert!(matches!(expr("FLOOR(x TO WEEK)"), Expr::Floor { .. }));
}

#[test]
fn forms_of_trim_position_and_case() {
    assert!(matches!(
        expr("TRIM(LEADING FROM s)"),
        Expr::Trim {
            trim_what: None,
            trim_where: Some(_),
            ..
        }
    ));
    assert!(matches!(
        expr("TRIM('a' FROM s)"),
        Expr::Trim {
            trim_what: Some(_),
            trim_where: None,
            ..
        }
    ));
    assert!(matches!(expr("POSITION('a' IN s)"), Expr::Position { .. }));
    assert_eq!(json_arguments(&call("POSITION('a' IN s FROM 3)")).len(), 3);
    assert!(
        matches!(expr("CASE a WHEN 1, 2 THEN 'x' ELSE 'y' END"), Expr::Case { conditions, .. }
        if conditions.len() == 2)
    );
    assert!(error("CASE WHEN a THEN b ELSE c EDN").contains("Did you mean END"));
}

#[test]
fn table_arguments() {
    let function =
        call("TUMBLE(DATA => TABLE db.t PARTITION BY (a, b) ORDER BY c, SIZE => INTERVAL '1' DAY)");
    let FunctionArguments::List(list) = &function.args else {
        panic!()
    };
    let FunctionArg::Named {
        arg: FunctionArgExpr::Expr(first),
        ..
    } = &list.args[0]
    else {
        panic!()
    };
    let table = table_argument(first).unwrap();
    assert!(matches!(table.source, TableArgumentSource::Name(parts) if parts.len() == 2));
    assert_eq!((table.partition_by.len(), table.order_by.len()), (2, 1));
    let function = call("f((SELECT 1), DEFAULT)");
    let arguments = json_arguments(&function);
    assert!(matches!(
        table_argument(arguments[0]).unwrap().source,
        TableArgumentSource::Query(_)
    ));
    assert!(is_default(arguments[1]));
    // The error is that of the value, not of the arrow.
    assert!(error("f(a => INTERVAL '1' MINUT)").contains("Did you mean MINUTE?"));
}

#[test]
fn reserved_words_are_no_names() {
    for text in ["value", "a + day", "t.value", "f(order)"] {
        assert!(error(text).contains("backticks"), "{text}");
    }
    assert_eq!(expr("`value`").to_string(), "`value`");
    for text in [
        "CURRENT_DATE",
        "LOCALTIMESTAMP",
        "CURRENT_TIMESTAMP(3)",
        "LEFT(a, 1)",
        "YEAR(a)",
        "USER",
    ] {
        expr(text);
    }
}

#[test]
fn deep_nesting_is_an_error() {
    let text = format!("{}1{}", "(".repeat(5_000), ")".repeat(5_000));
    assert!(error(&text).contains("too deeply"));
    let text = vec!["1"; 20_000].join(" + ");
    assert!(error(&text).contains("operators"));
    let text = vec!["NOT"; 20_000].join(" ") + " TRUE";
    assert!(error(&text).contains("too deeply"));
    expr(&vec!["a"; 1_900].join(" OR "));
}
