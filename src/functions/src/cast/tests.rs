use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, StringViewArray};
use filbert_types::Field;

use super::*;
use crate::testing::{context, evaluate};

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringViewArray::from(values.to_vec()))
}

/// The column cast to a type and from there to STRING, as a user sees it; `NULL` for NULL.
fn shown(
    kind: TypeKind,
    column: ArrayRef,
    to: TypeKind,
    try_it: bool,
) -> Result<Vec<String>, String> {
    let ctx = context();
    let arg = TypedExpr::new(datafusion::logical_expr::col("c0"), kind.into());
    let bind = if try_it { try_cast } else { cast };
    let value = bind(&ctx, arg, &to.into()).map_err(|e| e.to_string())?;
    let text = cast(&ctx, value, &LogicalType::string()).map_err(|e| e.to_string())?;
    let column = evaluate(&text, vec![column])?;
    let column = column.as_string_view().iter();
    Ok(column.map(|t| t.unwrap_or("NULL").to_string()).collect())
}

fn tried(values: &[&str], to: TypeKind) -> Vec<String> {
    shown(TypeKind::STRING, texts(values), to, true).unwrap()
}

fn error(value: &str, to: TypeKind) -> String {
    shown(TypeKind::STRING, texts(&[value]), to, false).unwrap_err()
}

#[test]
fn text_to_integers() {
    let values = [
        " 12 ", "+7", "-0", "007", "1.9", "1e3", "0x10", "", "-", "128",
    ];
    let expected = [
        "12", "7", "0", "7", "1", "NULL", "NULL", "NULL", "NULL", "NULL",
    ];
    assert_eq!(tried(&values, TypeKind::TinyInt), expected);
    let long = [
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "-999999999999999999",
    ];
    let expected = [long[0], long[1], "NULL", long[3]];
    assert_eq!(tried(&long, TypeKind::BigInt), expected);
    assert!(error("x", TypeKind::Int).contains("For input string: 'x'. Invalid character found."));
    assert!(error("", TypeKind::Int).contains("Input is empty."));
}

#[test]
fn text_to_approximate_numbers() {
    let values = [
        "-1e-3", " 2.5 ", "1e400", "NaN", "nan", "1f", "0x1p3", "1,5",
    ];
    let expected = [
        "-0.001", "2.5", "Infinity", "NaN", "NULL", "1.0", "8.0", "NULL",
    ];
    assert_eq!(tried(&values, TypeKind::Double), expected);
}

#[test]
fn text_to_decimals_booleans_and_times() {
    let values = ["1.005", "999.995", "1E-2", ".5", "abc", "12x"];
    let expected = ["1.01", "1000.00", "0.01", "0.50", "NULL", "12.00"];
    assert_eq!(tried(&values, TypeKind::decimal(5, 2)), expected);
    let values = ["TRUE", "y", "0", " true ", "on"];
    assert_eq!(
        tried(&values, TypeKind::Boolean),
        ["TRUE", "TRUE", "FALSE", "NULL", "NULL"]
    );
    assert_eq!(tried(&["12:34:56.789"], TypeKind::Time(0)), ["12:34:56"]);
    assert!(error("maybe", TypeKind::Boolean).contains("Cannot parse 'maybe' as BOOLEAN."));
}

#[test]
fn text_to_timestamps() {
    let values = [
        "2024-02-29 12:34:56.1234567",
        "2024-02-29",
        "2023-02-29 00:00:00",
        "2024-02-29 12:34:56Z",
    ];
    let expected = [
        "2024-02-29 12:34:56.123",
        "2024-02-29 00:00:00.000",
        "2023-02-28 00:00:00.000",
        "NULL",
    ];
    assert_eq!(tried(&values, TypeKind::timestamp(3)), expected);
}

#[test]
fn integers_wrap_and_decimals_overflow_to_null() {
    let column: ArrayRef = Arc::new(Int64Array::from(vec![2_147_483_648, -129, 1000]));
    let cast_to = |to| shown(TypeKind::BigInt, Arc::clone(&column), to, false).unwrap();
    assert_eq!(cast_to(TypeKind::Int), ["-2147483648", "-129", "1000"]);
    assert_eq!(cast_to(TypeKind::TinyInt), ["0", "127", "-24"]);
    assert_eq!(cast_to(TypeKind::decimal(4, 1)), ["NULL", "-129.0", "NULL"]);
    assert_eq!(cast_to(TypeKind::VarChar(3)), ["214", "-12", "100"]);
    assert_eq!(cast_to(TypeKind::Char(5)), ["21474", "-129 ", "1000 "]);
}

#[test]
fn lengths_count_code_points() {
    let values = texts(&["a", "日本語字"]);
    let cast_to = |to| shown(TypeKind::STRING, Arc::clone(&values), to, false).unwrap();
    assert_eq!(cast_to(TypeKind::Char(3)), ["a  ", "日本語"]);
    assert_eq!(cast_to(TypeKind::VarChar(3)), ["a", "日本語"]);
    assert_eq!(cast_to(TypeKind::Binary(3)), ["a\0\0", "日"]);
}

#[test]
fn a_nested_failure_makes_the_whole_value_null() {
    let ctx = context();
    let one = |text: &str| crate::literal::string(text);
    let array = crate::constructors::array(&ctx, vec![one("1"), one("x")]).unwrap();
    let ints = LogicalType::from(TypeKind::Array(Box::new(TypeKind::Int.into())));
    let tried = try_cast(&ctx, array.clone(), &ints).unwrap();
    assert!(evaluate(&tried, vec![]).unwrap().is_null(0));
    assert!(evaluate(&cast(&ctx, array, &ints).unwrap(), vec![]).is_err());
}

#[test]
fn rows_are_cast_by_position() {
    let ctx = context();
    let fields = vec![
        crate::literal::number("1").unwrap(),
        crate::literal::string("a"),
    ];
    let row = crate::constructors::row(&ctx, fields, None);
    let to = TypeKind::Row(vec![
        Field::new("id", TypeKind::BigInt.into()),
        Field::new("name", LogicalType::string()),
    ]);
    let row = cast(&ctx, row, &to.into()).unwrap();
    let id = crate::constructors::field(&ctx, row, "id").unwrap();
    assert_eq!(id.ty.to_string(), "BIGINT");
    let value = evaluate(&id, vec![]).unwrap();
    assert_eq!(
        value.as_primitive::<arrow::datatypes::Int64Type>().value(0),
        1
    );
}

#[test]
fn what_flink_refuses_is_refused() {
    let ctx = context();
    let refuse = |from: TypeKind, to: TypeKind| {
        let arg = TypedExpr::new(Expr::default(), from.into());
        cast(&ctx, arg, &to.into()).unwrap_err().to_string()
    };
    assert_eq!(
        refuse(TypeKind::Int, TypeKind::Date),
        "Cast function cannot convert value of type INTEGER to type DATE"
    );
    assert!(refuse(TypeKind::timestamp(0), TypeKind::BigInt).contains("UNIX_TIMESTAMP"));
}
