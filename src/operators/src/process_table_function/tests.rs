use arrow::datatypes::DataType;
use filbert_functions::{
    FunctionRegistry, ProcessArgument, ProcessCall, ProcessContext, StateDeclaration,
};
use filbert_graph::spec::ProcessTableInput;
use filbert_types::{Field, LogicalType, TypeKind};

use super::*;
use crate::output::Emitted;
use crate::testing::{batch, schema, text};

/// Counts a key's rows in a value, gathers them in a list and counts each text in a map; says so a while after.
#[derive(Debug)]
struct Memory;

impl ProcessTableFunction for Memory {
    fn name(&self) -> &str {
        "memory"
    }

    fn arguments(&self) -> Vec<ProcessArgument> {
        vec![ProcessArgument::set_table("input")]
    }

    fn state(&self) -> Vec<StateDeclaration> {
        let (number, text) = (LogicalType::from(TypeKind::BigInt), LogicalType::string());
        vec![
            StateDeclaration::value("count", number.clone()),
            StateDeclaration::list("all", text.clone()),
            StateDeclaration::map("each", text, number),
        ]
    }

    fn infer(&self, _call: &ProcessCall<'_>) -> Result<Vec<Field>, String> {
        Ok(vec![Field::new("out", LogicalType::string())])
    }

    fn process(&self, row: &InputRow<'_>, context: &mut dyn ProcessContext) -> Result<(), String> {
        let word = row.values[1].clone();
        if word == Value::from("clear") {
            context.clear_all();
            return Ok(());
        }
        let count = context.value(0).as_i64().unwrap_or(0) + 1;
        context.set_value(0, count.into());
        context.push(1, word.clone());
        let each = context.get(2, &word)?.and_then(|v| v.as_i64());
        context.put(2, word.clone(), (each.unwrap_or(0) + 1).into());
        let time = row.values[2].as_i64().unwrap_or(0);
        context.register_timer(Some("idle"), time + 10);
        context.register_timer(None, time + 3);
        let all: Vec<&str> = context.list(1)?.iter().filter_map(Value::as_str).collect();
        let all = all.join("");
        let pairs = context.entries(2)?;
        let pairs = pairs
            .iter()
            .map(|(k, v)| format!("{}{}", k.as_str().unwrap(), v.as_i64().unwrap()));
        let pairs: String = pairs.collect();
        context.collect(vec![format!("{count}/{all}/{pairs}").into()])
    }

    fn on_timer(&self, name: Option<&str>, context: &mut dyn ProcessContext) -> Result<(), String> {
        let count = context.value(0).as_i64().unwrap_or(0);
        let time = context.time().unwrap_or(0);
        let line = format!("{}@{time}:{count}", name.unwrap_or("*"));
        context.collect(vec![line.into()])?;
        if name.is_some() {
            context.clear_all();
        }
        Ok(())
    }
}

fn operator() -> ProcessTableFunctionOperator {
    let mut functions = FunctionRegistry::new();
    functions.register_process(Arc::new(Memory));
    let job = JobContext::new(Default::default(), Arc::new(functions));
    let spec = ProcessTableSpec {
        function: "memory".to_owned(),
        uid: None,
        tables: vec![ProcessTableInput {
            argument: 0,
            columns: vec![0, 1, 2],
            keys: vec![0],
            on_time: None,
            pass_through: false,
            set_semantics: true,
        }],
        scalars: vec![None],
        state_ttl_ms: None,
    };
    let output = schema(&[DataType::Int64, DataType::Utf8View]);
    ProcessTableFunctionOperator::new(&spec, &[input()], output, &job).unwrap()
}

fn input() -> SchemaRef {
    schema(&[DataType::Int64, DataType::Utf8View, DataType::Int64])
}

/// What comes out, whatever room the output has.
fn run(operator: &mut ProcessTableFunctionOperator, rows: &str, rows_max: usize) -> Vec<String> {
    let mut out = Output::new(rows_max);
    let mut lines = Vec::new();
    let input = batch(&input(), rows).unwrap();
    let mut step = operator.process(0, input, &mut out).unwrap();
    loop {
        while let Some(emitted) = out.take() {
            match emitted {
                Emitted::Batch(b) => lines.extend(text(&b).unwrap().lines().map(str::to_owned)),
                Emitted::Watermark(w) => lines.push(format!("@ {w}")),
                other => panic!("{other:?}"),
            }
        }
        if step == Step::Done {
            return lines;
        }
        step = operator.resume(&mut out).unwrap();
    }
}

const ROWS: &str =
    "+I 1 a 0\n+I 2 b 1\n+I 1 a 2\n@ 4\n+I 1 c 20\n@ 5\n@ 22\n+I 2 x 30\n+I 2 clear 31\n@ 99";

#[test]
fn states_and_timers_are_the_keys() {
    let expected = [
        "+I 1 1/a/a1",
        "+I 2 1/b/b1",
        "+I 1 2/aa/a2",
        "+I 1 *@3:2",
        "+I 2 *@4:1",
        "@ 4",
        "+I 1 3/aac/a2c1",
        "+I 1 *@5:3",
        "@ 5",
        "+I 2 idle@11:1",
        "@ 22",
        "+I 2 1/x/x1",
        "+I 1 *@23:3",
        "+I 1 idle@30:3",
        "@ 99",
    ];
    for rows_max in [1, 2, 100] {
        let mut operator = operator();
        assert_eq!(run(&mut operator, ROWS, rows_max), expected, "{rows_max}");
        assert_eq!(operator.index.len(), 0);
        assert_eq!(operator.timers.len(), 0);
    }
}

#[test]
fn batches_mean_nothing() {
    let mut whole = operator();
    let expected = run(&mut whole, ROWS, 100);
    let mut cut = operator();
    let lines: Vec<String> = ROWS
        .lines()
        .flat_map(|line| run(&mut cut, line, 100))
        .collect();
    assert_eq!(lines, expected);
}

#[test]
fn the_end_sets_no_timer_off() {
    let mut operator = operator();
    run(&mut operator, "+I 1 a 0", 100);
    let mut out = Output::new(100);
    operator.watermark(Watermark::MAX, &mut out).unwrap();
    assert!(matches!(
        out.take(),
        Some(Emitted::Watermark(Watermark::MAX))
    ));
    assert!(out.take().is_none());
}
