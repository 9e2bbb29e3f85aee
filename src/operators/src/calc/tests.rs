use arrow::datatypes::DataType;
use datafusion::logical_expr::Operator as Op;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, lit};

use super::*;
use crate::output::Emitted;
use crate::testing::{batch, schema, text};

/// `WHERE c1 > 5`, projected to the second column and a constant-free sum of it with itself.
fn calc() -> CalcOperator {
    let input = schema(&[DataType::Utf8View, DataType::Int64]);
    let column = || Arc::new(Column::new("c1", 1)) as Arc<dyn PhysicalExpr>;
    let condition = Arc::new(BinaryExpr::new(column(), Op::Gt, lit(5i64)));
    let twice = Arc::new(BinaryExpr::new(column(), Op::Plus, column()));
    let output = schema(&[DataType::Int64, DataType::Int64]);
    CalcOperator::from_exprs(Some(condition), vec![column(), twice], &input, output).unwrap()
}

fn run(lines: &str) -> String {
    let input = schema(&[DataType::Utf8View, DataType::Int64]);
    let mut out = Output::new(100);
    calc()
        .process(0, batch(&input, lines).unwrap(), &mut out)
        .unwrap();
    match out.take() {
        Some(Emitted::Batch(batch)) => text(&batch).unwrap().replace('\n', ", "),
        other => format!("{other:?}"),
    }
}

#[test]
fn kinds_and_marks_stay_with_their_rows() {
    let lines = "@ 1\n+I a 9\n@ 2\n-U a 3\n+U a 7\n@ 3\n+I b -\n@ 4";
    assert_eq!(run(lines), "@ 1, +I 9 18, @ 2, +U 7 14, @ 4");
}

#[test]
fn when_no_row_passes_the_last_watermark_does() {
    assert_eq!(
        run("+I a 1\n@ 5\n+I a 2\n@ 6"),
        "Some(Watermark(Watermark(6)))"
    );
}
