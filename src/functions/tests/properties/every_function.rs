//! Every built-in, on arguments of every type that it accepts: a call on constants folds to what the call on columns
//! gives, with any of its arguments constant, and cutting the columns changes nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, StringViewArray};
use arrow::compute::concat;
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, col};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::create_physical_expr;
use filbert_functions::builtins;
use filbert_functions::cast::cast_array;
use filbert_functions::definition::Determinism;
use filbert_functions::udf::Session;
use filbert_functions::{ExprContext, FunctionRegistry, TypedExpr, call, literal};
use filbert_types::logical_type::IntervalFields;
use filbert_types::{LogicalType, TypeKind};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::context;

const ROWS: usize = 5;

/// They give texts as long as they are asked for.
const UNBOUNDED: &[&str] = &["REPEAT", "LPAD", "RPAD"];

/// Made of AND and OR: what is settled by one side need not compute the other, and then can't fail.
const LAZY: &[&str] = &[
    "BETWEEN",
    "NOT BETWEEN",
    "BETWEEN SYMMETRIC",
    "NOT BETWEEN SYMMETRIC",
    "IN",
    "NOT IN",
];

/// A text beside a datetime that is none is NULL to them in a column, and refused as a literal.
const EQUALITIES: &[&str] = &[
    "=",
    "<>",
    "IS DISTINCT FROM",
    "IS NOT DISTINCT FROM",
    "NULLIF",
];

/// Values of one type, NULL among them.
struct Pool {
    ty: LogicalType,
    values: Vec<ScalarValue>,
}

fn evaluate(expr: &Expr, columns: &[ArrayRef], rows: usize) -> Result<ArrayRef, String> {
    let mut fields = vec![Field::new("rows", arrow::datatypes::DataType::Int32, true)];
    let mut arrays: Vec<ArrayRef> = vec![Arc::new(Int32Array::from(vec![0; rows]))];
    for (i, column) in columns.iter().enumerate() {
        fields.push(Field::new(
            format!("c{i}"),
            column.data_type().clone(),
            true,
        ));
        arrays.push(Arc::clone(column));
    }
    let schema = Arc::new(Schema::new(fields));
    let df_schema = DFSchema::try_from(schema.as_ref().clone()).unwrap();
    let batch = RecordBatch::try_new(schema, arrays).unwrap();
    create_physical_expr(
        expr,
        &df_schema,
        &ExecutionProps::new(),
        &PhysicalPlanningContext::default(),
    )
    .and_then(|e| e.evaluate(&batch))
    .and_then(|v| v.into_array(rows))
    .map_err(|e| e.to_string())
}

fn scalars(array: &ArrayRef) -> Vec<ScalarValue> {
    (0..array.len())
        .map(|row| ScalarValue::try_from_array(array, row).unwrap())
        .collect()
}

/// A pool of what texts read as.
fn read(kind: TypeKind, texts: &[&str]) -> Pool {
    let texts: StringViewArray = texts.iter().map(Some).chain([None]).collect();
    let ty = LogicalType::from(kind);
    let array = cast_array(
        &(Arc::new(texts) as ArrayRef),
        &LogicalType::string(),
        &ty,
        &Session::default(),
        false,
    )
    .unwrap();
    Pool {
        ty,
        values: scalars(&array),
    }
}

/// A pool of values of expressions, which have one type.
fn built(exprs: Vec<TypedExpr>) -> Pool {
    let ty = exprs[0].ty.with_nullable(true);
    let mut values: Vec<ScalarValue> = exprs
        .iter()
        .map(|e| scalars(&evaluate(&e.expr, &[], 1).unwrap()).remove(0))
        .collect();
    values.push(ScalarValue::try_from(&ty.arrow()).unwrap());
    Pool { ty, values }
}

fn nested(ctx: &ExprContext) -> Vec<Pool> {
    let int = |v: Option<i32>| literal::of(ScalarValue::Int32(v), LogicalType::from(TypeKind::Int));
    let text = |v: Option<&str>| {
        let value = ScalarValue::Utf8View(v.map(str::to_string));
        literal::of(value, LogicalType::string())
    };
    let ints = |v: &[Option<i32>]| call::array(ctx, v.iter().map(|v| int(*v)).collect()).unwrap();
    let texts =
        |v: &[Option<&str>]| call::array(ctx, v.iter().map(|v| text(*v)).collect()).unwrap();
    let map = |k: &str, v: Option<i32>| call::map(ctx, vec![text(Some(k)), int(v)]).unwrap();
    let row = |a: Option<i32>, b: Option<&str>| call::row(ctx, vec![int(a), text(b)], None);
    let bitmap = |v: &[Option<i32>]| call::built_in(ctx, "BITMAP_BUILD", vec![ints(v)]).unwrap();
    let json = |v: &str| call::built_in(ctx, "PARSE_JSON", vec![text(Some(v))]).unwrap();
    vec![
        built(vec![
            ints(&[Some(3), None, Some(1)]),
            ints(&[Some(1), Some(1)]),
        ]),
        built(vec![
            texts(&[Some("b"), None, Some("a")]),
            texts(&[Some("")]),
        ]),
        built(vec![map("a", Some(1)), map("k", None)]),
        built(vec![row(Some(1), Some("x")), row(None, None)]),
        built(vec![bitmap(&[Some(1), Some(-1)]), bitmap(&[Some(7)])]),
        built(vec![json("{\"a\":[1,2.5]}"), json("[null,\"x\"]")]),
    ]
}

fn pools(ctx: &ExprContext) -> Vec<Pool> {
    let days = LogicalType::from(TypeKind::IntervalDayTime(IntervalFields::Second {
        fraction: 3,
    }));
    let months = LogicalType::from(TypeKind::IntervalYearMonth(IntervalFields::Month));
    let null = |ty: &LogicalType| ScalarValue::try_from(&ty.arrow()).unwrap();
    let moments = [
        "2024-02-29 12:34:56.789",
        "1969-12-31 23:59:59.999",
        "0001-01-01",
    ];
    let mut pools = vec![
        read(TypeKind::TinyInt, &["0", "-128", "127", "2"]),
        read(
            TypeKind::Int,
            &["0", "-1", "2", "2147483647", "-2147483648", "40"],
        ),
        read(
            TypeKind::BigInt,
            &["0", "9223372036854775807", "-5", "1709210096"],
        ),
        read(TypeKind::Float, &["1.5", "-0.1", "0", "NaN"]),
        read(TypeKind::Double, &["0.5", "-1e10", "0", "NaN", "Infinity"]),
        read(TypeKind::decimal(5, 2), &["1.25", "-999.99", "0"]),
        read(
            TypeKind::decimal(38, 10),
            &["1234567890123456789012345678", "-0.5", "3"],
        ),
        read(TypeKind::Boolean, &["true", "false"]),
        read(
            TypeKind::STRING,
            &[
                "",
                "abc",
                "a,b=c",
                "日本😀",
                "{\"a\":1}",
                "2024-02-29 12:34:56",
                "yyyy-MM-dd",
                "12",
            ],
        ),
        read(TypeKind::Char(3), &["abc", "x", "%a_"]),
        read(TypeKind::BYTES, &["", "abc"]),
        read(TypeKind::Date, &["2024-02-29", "0001-01-01", "9999-12-31"]),
        read(
            TypeKind::Time(3),
            &["12:34:56.789", "00:00:00", "23:59:59.999"],
        ),
        read(TypeKind::timestamp(3), &moments),
        read(TypeKind::timestamp(6), &moments),
        read(TypeKind::timestamp_ltz(3), &moments),
        Pool {
            values: vec![
                ScalarValue::DurationMillisecond(Some(-90_061_001)),
                null(&days),
            ],
            ty: days,
        },
        Pool {
            values: vec![ScalarValue::IntervalYearMonth(Some(-14)), null(&months)],
            ty: months,
        },
    ];
    pools.extend(nested(ctx));
    pools
}

/// An argument: a constant, or a column.
struct Arg<'a> {
    pool: &'a Pool,
    constant: bool,
    values: Vec<ScalarValue>,
}

impl Arg<'_> {
    fn literal(&self, row: usize) -> TypedExpr {
        literal::of(self.values[row].clone(), self.pool.ty.clone())
    }
}

/// Calls a function on columns and, row by row, on constants. Whether the call is accepted at all, or what is wrong.
fn check(
    ctx: &ExprContext,
    registry: &FunctionRegistry,
    name: &str,
    args: &[Arg<'_>],
) -> Result<bool, String> {
    let literals = |row: usize| args.iter().map(|a| a.literal(row)).collect();
    if call::scalar(ctx, registry, name, literals(0)).is_err() {
        return Ok(false);
    }
    let over_columns = args
        .iter()
        .enumerate()
        .map(|(i, a)| match a.constant {
            true => a.literal(0),
            false => TypedExpr::new(col(format!("c{i}")), a.pool.ty.clone()),
        })
        .collect();
    let Ok(over_columns) = call::scalar(ctx, registry, name, over_columns) else {
        return Ok(false);
    };
    let columns: Vec<ArrayRef> = args
        .iter()
        .map(|a| ScalarValue::iter_to_array(a.values.iter().cloned()).unwrap())
        .collect();
    let mut evaluated = Vec::with_capacity(ROWS);
    for row in 0..ROWS {
        let slices: Vec<ArrayRef> = columns.iter().map(|c| c.slice(row, 1)).collect();
        let value = evaluate(&over_columns.expr, &slices, 1);
        if let Err(e) = &value
            && e.contains("Internal")
        {
            return Err(format!("row {row}: {e}"));
        }
        if let Ok(constant) = call::scalar(ctx, registry, name, literals(row))
            && constant.ty == over_columns.ty
        {
            let folded = ExprSimplifier::new(SimplifyContext::default())
                .simplify(constant.expr)
                .map_err(|e| e.to_string())?;
            let folded = evaluate(&folded, &[], 1);
            // What is NULL anyhow need not be computed, and then can't fail.
            let may_differ = args.iter().any(|a| a.values[row].is_null()) || LAZY.contains(&name);
            match (&folded, &value) {
                (Ok(folded), Ok(value)) if folded == value => {}
                // Flink reads `-0e0` as a decimal number, which has no negative zero.
                (Ok(folded), Ok(value)) if name == "-" && both_zero(folded, value) => {}
                (Err(_), Err(_)) => {}
                (Ok(_), Err(_)) if may_differ => {}
                (Err(_), Ok(_)) if EQUALITIES.contains(&name) && reads_text(args) => {}
                _ => {
                    return Err(format!(
                        "row {row}: folded {folded:?}, of columns {value:?}"
                    ));
                }
            }
        }
        evaluated.push(value);
    }
    let whole = evaluate(&over_columns.expr, &columns, ROWS);
    if evaluated.iter().any(Result::is_err) {
        return match whole {
            Ok(_) => Err("the whole hides an error of a part".to_owned()),
            Err(_) => Ok(true),
        };
    }
    let parts: Vec<&dyn Array> = evaluated
        .iter()
        .flatten()
        .map(|a| a.as_ref() as &dyn Array)
        .collect();
    let parts = concat(&parts).unwrap();
    match &whole {
        Ok(whole) if whole.as_ref() == parts.as_ref() => Ok(true),
        _ => Err(format!("whole {whole:?}, in parts {parts:?}")),
    }
}

/// Whether a text stands beside a datetime.
fn reads_text(args: &[Arg<'_>]) -> bool {
    let any = |is: fn(&TypeKind) -> bool| args.iter().any(|arg| is(&arg.pool.ty.kind));
    any(TypeKind::is_character)
        && any(|kind| kind.is_timestamp() || matches!(kind, TypeKind::Date | TypeKind::Time(_)))
}

fn both_zero(folded: &ArrayRef, value: &ArrayRef) -> bool {
    let zero = |array: &ArrayRef| {
        let values = array.as_primitive_opt::<arrow::datatypes::Float64Type>();
        values.is_some_and(|values| values.value(0) == 0.0)
    };
    zero(folded) && zero(value)
}

#[test]
fn constants_columns_and_cuts_agree() {
    let (ctx, registry) = (context(), FunctionRegistry::new());
    let pools = pools(&ctx);
    let mut rng = StdRng::seed_from_u64(7);
    let mut accepted = 0;
    let mut failures: Vec<String> = Vec::new();
    for function in builtins::all() {
        if function.determinism != Determinism::Always
            || function.name.starts_with('$')
            || UNBOUNDED.contains(&function.name)
            // The binder alone makes it, with a position that it has looked up.
            || function.name == "FIELD"
        {
            continue;
        }
        // The number of types that a call may have: all of one and two arguments, some of three and four.
        for (count, tries) in [(0, 1), (1, 2 * pools.len()), (2, 250), (3, 100), (4, 40)] {
            for _ in 0..tries {
                let args: Vec<Arg<'_>> = (0..count)
                    .map(|_| {
                        let pool = &pools[rng.random_range(0..pools.len())];
                        let constant = rng.random_range(0..3) == 0;
                        let mut pick =
                            || pool.values[rng.random_range(0..pool.values.len())].clone();
                        let first = pick();
                        let values = (0..ROWS)
                            .map(|_| if constant { first.clone() } else { pick() })
                            .collect();
                        Arg {
                            pool,
                            constant,
                            values,
                        }
                    })
                    .collect();
                let known = failures
                    .last()
                    .is_some_and(|f| f.starts_with(function.name));
                if known {
                    continue;
                }
                let checked = catch_unwind(AssertUnwindSafe(|| {
                    check(&ctx, &registry, function.name, &args)
                }));
                match checked {
                    Ok(Ok(is_accepted)) => accepted += usize::from(is_accepted),
                    failed => {
                        let what = failed.unwrap_or_else(|_| Err("panicked".to_owned()));
                        let shown: Vec<_> = args
                            .iter()
                            .map(|a| (&a.pool.ty.kind, a.constant, &a.values))
                            .collect();
                        failures.push(format!("{} {what:?}\n  {shown:?}", function.name));
                    }
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(accepted > 2000, "only {accepted} calls were accepted");
}
