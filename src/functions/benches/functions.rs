//! The most used functions over a million rows each: nanoseconds a row, beside DataFusion's own function for the same work.
//!
//! `cargo bench -p filbert-functions --bench functions [-- ROWS]`; a name filters: `-- 1000000 UPPER`.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program, not the library"
)]

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array, StringViewArray,
    TimestampMillisecondArray,
};
use arrow::datatypes::{DataType, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::functions as df;
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, ScalarUDF, cast, when};
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};
use datafusion::prelude::{col, lit};
use filbert_functions::{ExprContext, FunctionRegistry, TypedExpr, call, literal};
use filbert_types::{LogicalType, TimeZone, TypeKind};

const BATCH_ROWS: usize = 8192;
const RUNS: usize = 5;

/// One comparison: what Filbert binds, and what DataFusion runs for the same work.
struct Case {
    name: &'static str,
    ours: TypedExpr,
    theirs: Expr,
}

struct Columns {
    ctx: ExprContext,
    registry: FunctionRegistry,
}

impl Columns {
    /// Not NULL columns by name, as [`batch`] makes them.
    fn column(&self, name: &str) -> TypedExpr {
        let kind = match name {
            "i" | "j" => TypeKind::Int,
            "l" => TypeKind::BigInt,
            "d" => TypeKind::Double,
            "m" | "n" => TypeKind::decimal(12, 2),
            "t" => TypeKind::timestamp(3),
            "a" => TypeKind::Date,
            _ => TypeKind::STRING,
        };
        TypedExpr::new(col(name), LogicalType::from(kind))
    }

    fn call(&self, name: &str, args: Vec<TypedExpr>) -> TypedExpr {
        call::scalar(&self.ctx, &self.registry, name, args).unwrap()
    }

    fn cast(&self, name: &str, to: TypeKind) -> TypedExpr {
        call::cast(&self.ctx, self.column(name), &LogicalType::from(to)).unwrap()
    }
}

fn case(name: &'static str, ours: TypedExpr, theirs: Expr) -> Case {
    Case { name, ours, theirs }
}

fn int(value: i32) -> TypedExpr {
    literal::number(&value.to_string()).unwrap()
}

fn view(text: &str) -> Expr {
    lit(ScalarValue::Utf8View(Some(text.to_string())))
}

fn df_call(function: Arc<ScalarUDF>, args: Vec<Expr>) -> Expr {
    function.call(args)
}

fn numbers(c: &Columns) -> Vec<Case> {
    let both = |op: &str, a: &str, b: &str| c.call(op, vec![c.column(a), c.column(b)]);
    let condition = both("<", "i", "j");
    let choice = call::case(
        &c.ctx,
        vec![(condition, c.column("i"))],
        Some(c.column("j")),
    )
    .unwrap();
    vec![
        case("INT + INT", both("+", "i", "j"), col("i") + col("j")),
        case("INT / INT", both("/", "i", "j"), col("i") / col("j")),
        case("DOUBLE * DOUBLE", both("*", "d", "d"), col("d") * col("d")),
        case(
            "DECIMAL * DECIMAL",
            both("*", "m", "n"),
            col("m") * col("n"),
        ),
        case("INT < INT", both("<", "i", "j"), col("i").lt(col("j"))),
        case(
            "CASE",
            choice,
            when(col("i").lt(col("j")), col("i"))
                .otherwise(col("j"))
                .unwrap(),
        ),
        case(
            "COALESCE",
            both("COALESCE", "i", "j"),
            when(col("i").is_not_null(), col("i"))
                .otherwise(col("j"))
                .unwrap(),
        ),
        case(
            "CAST(INT AS STRING)",
            c.cast("i", TypeKind::STRING),
            cast(col("i"), DataType::Utf8View),
        ),
        case(
            "CAST(STRING AS INT)",
            c.cast("digits", TypeKind::Int),
            cast(col("digits"), DataType::Int32),
        ),
    ]
}

fn texts(c: &Columns) -> Vec<Case> {
    let of = |name: &str, rest: Vec<TypedExpr>| {
        let mut args = vec![c.column("s")];
        args.extend(rest);
        c.call(name, args)
    };
    let text = literal::string;
    vec![
        case(
            "STRING = STRING",
            of("=", vec![text("word 17 of")]),
            col("s").eq(view("word 17 of")),
        ),
        case(
            "UPPER",
            of("UPPER", vec![]),
            df_call(df::string::upper(), vec![col("s")]),
        ),
        case(
            "LOWER",
            of("LOWER", vec![]),
            df_call(df::string::lower(), vec![col("s")]),
        ),
        case(
            "CHAR_LENGTH",
            of("CHAR_LENGTH", vec![]),
            df_call(df::unicode::character_length(), vec![col("s")]),
        ),
        case(
            "SUBSTRING",
            of("SUBSTRING", vec![int(3), int(5)]),
            df_call(
                df::unicode::substr(),
                vec![col("s"), lit(3_i64), lit(5_i64)],
            ),
        ),
        case(
            "CONCAT",
            of("CONCAT", vec![c.column("digits")]),
            df_call(df::string::concat(), vec![col("s"), col("digits")]),
        ),
        case(
            "REPLACE",
            of("REPLACE", vec![text("of"), text("in")]),
            df_call(
                df::string::replace(),
                vec![col("s"), view("of"), view("in")],
            ),
        ),
        case(
            "LIKE",
            of("LIKE", vec![text("%7 of%")]),
            col("s").like(view("%7 of%")),
        ),
        case(
            "REGEXP_REPLACE",
            of("REGEXP_REPLACE", vec![text("[0-9]+"), text("#")]),
            df_call(
                df::regex::regexp_replace(),
                vec![col("s"), view("[0-9]+"), view("#"), view("g")],
            ),
        ),
        case(
            "MD5",
            of("MD5", vec![]),
            df_call(df::crypto::md5(), vec![col("s")]),
        ),
    ]
}

fn times(c: &Columns) -> Vec<Case> {
    let symbol = |word: &str| {
        let value = ScalarValue::Utf8View(Some(word.to_string()));
        TypedExpr::new(lit(value), LogicalType::not_null(TypeKind::Symbol))
    };
    vec![
        case(
            "EXTRACT(YEAR FROM TIMESTAMP)",
            c.call("EXTRACT", vec![symbol("YEAR"), c.column("t")]),
            df_call(df::datetime::date_part(), vec![lit("year"), col("t")]),
        ),
        case(
            "EXTRACT(DAY FROM DATE)",
            c.call("EXTRACT", vec![symbol("DAY"), c.column("a")]),
            df_call(df::datetime::date_part(), vec![lit("day"), col("a")]),
        ),
        case(
            "FLOOR(TIMESTAMP TO HOUR)",
            c.call("FLOOR", vec![c.column("t"), symbol("HOUR")]),
            df_call(df::datetime::date_trunc(), vec![lit("hour"), col("t")]),
        ),
        case(
            "DATE_FORMAT",
            c.call(
                "DATE_FORMAT",
                vec![c.column("t"), literal::string("yyyy-MM-dd HH:mm:ss")],
            ),
            df_call(
                df::datetime::to_char(),
                vec![col("t"), lit("%Y-%m-%d %H:%M:%S")],
            ),
        ),
    ]
}

/// Rows that a multiplication spreads, the same in each run.
fn batch() -> RecordBatch {
    let spread = |row: usize| (row.wrapping_mul(2_654_435_761) >> 7) % 1_000_003;
    let rows = || (0..BATCH_ROWS).map(spread);
    let decimals = |shift: i128| -> ArrayRef {
        let values = rows().map(|v| Some(v as i128 + shift));
        let column: Decimal128Array = values.collect();
        Arc::new(column.with_precision_and_scale(12, 2).unwrap())
    };
    let texts = |text: &dyn Fn(usize) -> String| -> ArrayRef {
        Arc::new(StringViewArray::from_iter_values(rows().map(text)))
    };
    let millis = rows().map(|v| v as i64 * 1_234_567 + 1_000_000_000_000);
    RecordBatch::try_from_iter([
        (
            "i",
            Arc::new(Int32Array::from_iter_values(rows().map(|v| v as i32))) as ArrayRef,
        ),
        (
            "j",
            Arc::new(Int32Array::from_iter_values(
                rows().map(|v| (v % 977) as i32 + 1),
            )),
        ),
        (
            "l",
            Arc::new(Int64Array::from_iter_values(rows().map(|v| v as i64))),
        ),
        (
            "d",
            Arc::new(Float64Array::from_iter_values(
                rows().map(|v| v as f64 / 7.0),
            )),
        ),
        ("m", decimals(0)),
        ("n", decimals(100)),
        (
            "t",
            Arc::new(TimestampMillisecondArray::from_iter_values(millis)),
        ),
        (
            "a",
            Arc::new(Date32Array::from_iter_values(
                rows().map(|v| (v % 20_000) as i32),
            )),
        ),
        (
            "s",
            texts(&|v| format!("word {} of a longer line", v % 1000)),
        ),
        ("digits", texts(&|v| v.to_string())),
    ])
    .unwrap()
}

/// The least time of some runs over so many rows, in nanoseconds a row.
fn measure(expr: &Expr, batch: &RecordBatch, rows: usize) -> Result<f64, String> {
    let schema: &Schema = batch.schema_ref();
    let df_schema = DFSchema::try_from(schema.clone()).map_err(|e| e.to_string())?;
    let physical: Arc<dyn PhysicalExpr> = create_physical_expr(
        expr,
        &df_schema,
        &ExecutionProps::new(),
        &PhysicalPlanningContext::default(),
    )
    .map_err(|e| e.to_string())?;
    let batches = rows.div_ceil(batch.num_rows()).max(1);
    let mut least = f64::INFINITY;
    for _ in 0..RUNS {
        let start = Instant::now();
        for _ in 0..batches {
            let value = physical.evaluate(batch).map_err(|e| e.to_string())?;
            std::hint::black_box(value);
        }
        let ns = start.elapsed().as_nanos() as f64 / (batches * batch.num_rows()) as f64;
        least = least.min(ns);
    }
    Ok(least)
}

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with("--"))
        .collect();
    let rows = args
        .first()
        .and_then(|a| a.parse().ok())
        .unwrap_or(1_000_000);
    let wanted = args.iter().find(|a| a.parse::<usize>().is_err());
    let columns = Columns {
        ctx: ExprContext {
            time_zone: TimeZone::UTC,
            batch: true,
            legacy_cast: false,
            query_start_us: 0,
            current_database: "default_database".to_string(),
        },
        registry: FunctionRegistry::new(),
    };
    let batch = batch();
    println!(
        "{:30} {:>12} {:>12} {:>7}",
        "function", "ns/row", "DataFusion", "ratio"
    );
    let mut ratios = Vec::new();
    for case in [numbers(&columns), texts(&columns), times(&columns)]
        .into_iter()
        .flatten()
    {
        if wanted.is_some_and(|w| !case.name.contains(w.as_str())) {
            continue;
        }
        let ours = measure(&case.ours.expr, &batch, rows);
        let theirs = measure(&case.theirs, &batch, rows);
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => {
                ratios.push(ours / theirs);
                println!(
                    "{:30} {ours:>12.2} {theirs:>12.2} {:>7.2}",
                    case.name,
                    ours / theirs
                );
            }
            (ours, theirs) => println!("{:30} failed: {ours:?} / {theirs:?}", case.name),
        }
    }
    let above = ratios.iter().filter(|r| **r > 1.5).count();
    println!(
        "{} functions, {above} above 1.5 times DataFusion's time",
        ratios.len()
    );
}
