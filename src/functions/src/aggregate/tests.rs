use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Decimal128Array, Float64Array, Int8Array, Int32Array, StringViewArray,
};
use arrow::datatypes::{Decimal128Type, Field, Float64Type, Int8Type, Int32Type, Schema};
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{AggregateUDF, AggregateUDFImpl};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;

use super::*;
use crate::testing::context;

/// The result of a global aggregate over one column, computed in two halves that are merged.
fn run(name: &str, ty: TypeKind, column: ArrayRef) -> ArrayRef {
    let ty = LogicalType::from(ty);
    let arg = TypedExpr::new(Expr::default(), ty.clone());
    let inferred = infer(&context(), name, &[arg], false, false).unwrap();
    let column = arrow::compute::cast(&column, &inferred.arg_types[0].arrow()).unwrap();
    let bound =
        BoundAggregate::by_name(name, inferred.arg_types, inferred.return_type.clone()).unwrap();
    let schema = Schema::new(vec![Field::new("x", column.data_type().clone(), true)]);
    let exprs: Vec<Arc<dyn PhysicalExpr>> = vec![Arc::new(Column::new("x", 0))];
    let fields = vec![Arc::new(schema.field(0).clone())];
    let udaf = AggregateUDF::new_from_impl(bound.clone());
    let args = || AccumulatorArgs {
        return_field: Arc::new(Field::new("r", inferred.return_type.arrow(), true)),
        schema: &schema,
        ignore_nulls: false,
        order_bys: &[],
        is_reversed: false,
        name: "r",
        is_distinct: false,
        exprs: &exprs,
        expr_fields: &fields,
    };
    let half = column.len() / 2;
    let mut whole = udaf.accumulator(args()).unwrap();
    for part in [
        column.slice(0, half),
        column.slice(half, column.len() - half),
    ] {
        let mut accumulator = udaf.accumulator(args()).unwrap();
        accumulator.update_batch(&[part]).unwrap();
        let state: Vec<ArrayRef> = accumulator
            .state()
            .unwrap()
            .into_iter()
            .map(|s| s.to_array().unwrap())
            .collect();
        whole.merge_batch(&state).unwrap();
    }
    let result = whole.evaluate().unwrap().to_array().unwrap();
    if udaf.groups_accumulator_supported(args()) {
        let mut groups = bound.create_groups_accumulator(args()).unwrap();
        let indices = vec![0; column.len()];
        groups.update_batch(&[column], &indices, None, 1).unwrap();
        let grouped = groups
            .evaluate(datafusion::logical_expr::EmitTo::All)
            .unwrap();
        assert_eq!(&grouped, &result, "{name} differs by groups");
    }
    result
}

fn tinyints(values: &[i8]) -> ArrayRef {
    Arc::new(Int8Array::from(values.to_vec()))
}

#[test]
fn integers_sum_in_their_own_type() {
    let sum = run("SUM", TypeKind::TinyInt, tinyints(&[100, 100, -1]));
    assert_eq!(sum.as_primitive::<Int8Type>().value(0), -57);
}

#[test]
fn averages_of_integers_are_truncated() {
    let avg = run("AVG", TypeKind::TinyInt, tinyints(&[100, 100, -1]));
    assert_eq!(avg.as_primitive::<Int8Type>().value(0), 66);
    let column = Arc::new(Int32Array::from(vec![-1, -2, -4]));
    let avg = run("AVG", TypeKind::Int, column);
    assert_eq!(avg.as_primitive::<Int32Type>().value(0), -2);
}

#[test]
fn averages_of_decimals_round_half_up() {
    let column = Decimal128Array::from(vec![111, 222, 334])
        .with_precision_and_scale(3, 2)
        .unwrap();
    let avg = run("AVG", TypeKind::decimal(3, 2), Arc::new(column));
    assert_eq!(avg.as_primitive::<Decimal128Type>().value(0), 2_223_333);
}

#[test]
fn a_decimal_sum_past_38_digits_is_null() {
    let most = 10_i128.pow(38) - 1;
    let column = Decimal128Array::from(vec![most, most])
        .with_precision_and_scale(38, 0)
        .unwrap();
    let column: ArrayRef = Arc::new(column);
    assert!(run("SUM", TypeKind::decimal(38, 0), Arc::clone(&column)).is_null(0));
    assert!(run("AVG", TypeKind::decimal(38, 0), column).is_null(0));
}

#[test]
fn statistics_come_in_the_values_type() {
    let column: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 4]));
    let int = |name: &str| {
        run(name, TypeKind::Int, Arc::clone(&column))
            .as_primitive::<Int32Type>()
            .value(0)
    };
    assert_eq!(
        (int("STDDEV_POP"), int("VAR_POP"), int("VAR_SAMP")),
        (1, 1, 2)
    );
    let column = Arc::new(Float64Array::from(vec![1.5, 2.5, 4.0, 10.0]));
    let variance = run("VAR_POP", TypeKind::Double, column);
    assert_eq!(variance.as_primitive::<Float64Type>().value(0), 10.875);
}

#[test]
fn listagg_skips_nulls() {
    let column = StringViewArray::from(vec![Some("a"), None, Some("b"), Some("")]);
    let text = run("LISTAGG", TypeKind::STRING, Arc::new(column));
    assert_eq!(text.as_string_view().value(0), "a,b,");
}

#[test]
fn a_first_nan_stays_the_extreme() {
    let column: ArrayRef = Arc::new(Float64Array::from(vec![f64::NAN, 1.0, 2.0]));
    for name in ["MIN", "MAX"] {
        let extreme = run(name, TypeKind::Double, Arc::clone(&column));
        assert!(extreme.as_primitive::<Float64Type>().value(0).is_nan());
    }
}

#[test]
fn grouped_results_are_as_nullable_as_their_argument() {
    let arg = LogicalType::not_null(TypeKind::Int);
    let of = |name: &str, grouped| {
        result_type(&context(), name, std::slice::from_ref(&arg), grouped, false)
            .unwrap()
            .to_string()
    };
    assert_eq!(of("SUM", true), "INT NOT NULL");
    assert_eq!(of("SUM", false), "INT");
    assert_eq!(of("COUNT", false), "BIGINT NOT NULL");
    assert_eq!(of("COLLECT", false), "MULTISET<INT NOT NULL> NOT NULL");
}
