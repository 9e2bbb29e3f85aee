//! What holds for every value: casts to text and back, and folding a constant against evaluating a column.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's helpers fail by panicking"
)]

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array,
    Int8Array, Int32Array, Int64Array, StringViewArray, Time32MillisecondArray,
    TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray,
};
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, col};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::create_physical_expr;
use filbert_functions::cast::cast_array;
use filbert_functions::udf::Session;
use filbert_functions::{ExprContext, FunctionRegistry, TypedExpr, call, literal};
use filbert_types::{LogicalType, TypeKind};
use proptest::prelude::*;

fn there_and_back(column: ArrayRef, kind: TypeKind) {
    let (ty, text) = (LogicalType::from(kind), LogicalType::string());
    let session = Session::default();
    let shown = cast_array(&column, &ty, &text, &session, false).unwrap();
    let back = cast_array(&shown, &text, &ty, &session, false).unwrap();
    assert_eq!(&back, &column, "by way of {shown:?}");
}

/// The days from 0001-01-01 to 9999-12-31.
const DAYS: std::ops::RangeInclusive<i32> = -719_162..=2_932_896;

proptest! {
    #[test]
    fn integers_read_back(small: i8, int: i32, big: i64) {
        there_and_back(Arc::new(Int8Array::from(vec![small])), TypeKind::TinyInt);
        there_and_back(Arc::new(Int32Array::from(vec![int])), TypeKind::Int);
        there_and_back(Arc::new(Int64Array::from(vec![big])), TypeKind::BigInt);
    }

    #[test]
    fn floating_point_numbers_read_back(single: f32, double: f64) {
        prop_assume!(!single.is_nan() && !double.is_nan());
        there_and_back(Arc::new(Float32Array::from(vec![single])), TypeKind::Float);
        there_and_back(Arc::new(Float64Array::from(vec![double])), TypeKind::Double);
    }

    #[test]
    fn decimals_read_back(short in -999_999_999_i128..=999_999_999, long: i64, scale in 0_u8..=18) {
        let decimals = |value: i128, precision, scale: u8| -> ArrayRef {
            let column = Decimal128Array::from(vec![value]);
            Arc::new(column.with_precision_and_scale(precision, scale as i8).unwrap())
        };
        // Flink's reader of short decimals counts the zero before the point as a digit: it needs room for one.
        let scale_of_short = scale.min(8);
        there_and_back(decimals(short, 9, scale_of_short), TypeKind::decimal(9, scale_of_short));
        there_and_back(decimals(i128::from(long), 38, scale), TypeKind::decimal(38, scale));
    }

    #[test]
    fn booleans_and_texts_read_back(flag: bool, text in ".*") {
        there_and_back(Arc::new(BooleanArray::from(vec![flag])), TypeKind::Boolean);
        there_and_back(Arc::new(StringViewArray::from(vec![text])), TypeKind::STRING);
    }

    #[test]
    fn dates_and_times_read_back(day in DAYS, ms in 0..86_400_000) {
        there_and_back(Arc::new(Date32Array::from(vec![day])), TypeKind::Date);
        there_and_back(Arc::new(Time32MillisecondArray::from(vec![ms])), TypeKind::Time(3));
        let whole = ms / 1000 * 1000;
        there_and_back(Arc::new(Time32MillisecondArray::from(vec![whole])), TypeKind::Time(0));
    }

    #[test]
    fn timestamps_read_back(day in DAYS, of_day in 0_i64..86_400_000_000, nanos in -(1_i64 << 62)..(1 << 62)) {
        let micros = i64::from(day) * 86_400_000_000 + of_day;
        let millis = micros.div_euclid(1000);
        there_and_back(Arc::new(TimestampMillisecondArray::from(vec![millis])), TypeKind::timestamp(3));
        there_and_back(Arc::new(TimestampMicrosecondArray::from(vec![micros])), TypeKind::timestamp(6));
        there_and_back(Arc::new(TimestampNanosecondArray::from(vec![nanos])), TypeKind::timestamp(9));
    }
}

mod every_function;

fn context() -> ExprContext {
    ExprContext {
        time_zone: filbert_types::TimeZone::UTC,
        batch: true,
        legacy_cast: false,
        query_start_us: 0,
        current_database: "default_database".to_string(),
    }
}

/// One row of an expression, or what went wrong.
fn evaluate(expr: &Expr, columns: Vec<ArrayRef>) -> Result<ScalarValue, String> {
    let fields: Vec<Field> = columns
        .iter()
        .enumerate()
        .map(|(i, c)| Field::new(format!("c{i}"), c.data_type().clone(), true))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let df_schema = DFSchema::try_from(schema.as_ref().clone()).unwrap();
    let batch = RecordBatch::try_new(schema, columns).unwrap();
    create_physical_expr(
        expr,
        &df_schema,
        &ExecutionProps::new(),
        &PhysicalPlanningContext::default(),
    )
    .and_then(|e| e.evaluate(&batch))
    .and_then(|v| v.into_array(1))
    .and_then(|a| ScalarValue::try_from_array(&a, 0))
    .map_err(|e| e.to_string())
}

const OPERATORS: &[&str] = &[
    "+",
    "-",
    "*",
    "/",
    "%",
    "=",
    "<>",
    "<",
    "<=",
    "IS DISTINCT FROM",
];

/// A call on constants, folded, gives what the same call on columns gives.
fn folds_as_it_evaluates(name: &str, args: &[(ScalarValue, LogicalType)]) {
    let (ctx, registry) = (context(), FunctionRegistry::new());
    let constants: Vec<TypedExpr> = args
        .iter()
        .map(|(value, ty)| literal::of(value.clone(), ty.clone()))
        .collect();
    let columns: Vec<TypedExpr> = args
        .iter()
        .enumerate()
        .map(|(i, (_, ty))| TypedExpr::new(col(format!("c{i}")), ty.clone()))
        .collect();
    let Ok(constant) = call::scalar(&ctx, &registry, name, constants) else {
        return;
    };
    let over_columns = call::scalar(&ctx, &registry, name, columns).unwrap();
    assert_eq!(constant.ty, over_columns.ty);
    let arrays: Vec<ArrayRef> = args.iter().map(|(v, _)| v.to_array().unwrap()).collect();
    let evaluated = evaluate(&over_columns.expr, arrays.clone());
    let simplifier = ExprSimplifier::new(SimplifyContext::default());
    let folded = simplifier
        .simplify(constant.expr)
        .map_err(|e| e.to_string());
    match (folded, evaluated) {
        (Ok(Expr::Literal(folded, _)), Ok(evaluated)) => {
            assert_eq!(folded, evaluated, "{name} {args:?}")
        }
        // What fails stays as it was written, and fails when it is reached.
        (Ok(kept), Err(_)) => assert!(evaluate(&kept, arrays).is_err(), "{name} {args:?}"),
        (folded, evaluated) => panic!("{name} {args:?}: {folded:?} against {evaluated:?}"),
    }
}

proptest! {
    #[test]
    fn constants_fold_as_columns_evaluate(
        operator in prop::sample::select(OPERATORS),
        a: i32, b in prop::sample::select(&[0, 1, -1, 7, i32::MIN][..]),
        x: f64, y in prop::sample::select(&[0.0, -0.0, 1.5, f64::NAN, f64::INFINITY][..]),
        d in -99_999_i128..=99_999, e in -999_i128..=999,
    ) {
        let int = |v| (ScalarValue::Int32(Some(v)), LogicalType::not_null(TypeKind::Int));
        let double = |v| (ScalarValue::Float64(Some(v)), LogicalType::not_null(TypeKind::Double));
        let decimal = |v, p: u8, s: u8| (
            ScalarValue::Decimal128(Some(v), p, s as i8),
            LogicalType::not_null(TypeKind::decimal(p, s)),
        );
        folds_as_it_evaluates(operator, &[int(a), int(b)]);
        folds_as_it_evaluates(operator, &[double(x), double(y)]);
        folds_as_it_evaluates(operator, &[decimal(d, 5, 2), decimal(e, 3, 1)]);
        folds_as_it_evaluates(operator, &[decimal(d, 38, 10), decimal(e, 38, 20)]);
        folds_as_it_evaluates(operator, &[int(a), decimal(e, 3, 1)]);
        folds_as_it_evaluates(operator, &[double(x), int(b)]);
    }
}
