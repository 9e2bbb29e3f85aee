//! Scalar functions: named arguments, opening, folding.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray};
use filbert_table::{
    EnvironmentSettings, FunctionContext, Inferred, Parameter, ScalarFunction, TableEnvironment,
};
use filbert_types::LogicalType;
use parking_lot::Mutex;

use super::{environment, refusal, rows};

/// `a:b`, after what the job's parameter `prefix` says.
#[derive(Debug, Default)]
struct Pair {
    prefix: Mutex<String>,
    opened: AtomicUsize,
}

impl ScalarFunction for Pair {
    fn name(&self) -> &str {
        "pair"
    }

    fn signatures(&self) -> Vec<String> {
        vec!["pair(a => STRING, b => STRING)".into()]
    }

    fn infer(&self, args: &[LogicalType]) -> Option<Inferred> {
        let texts = args
            .iter()
            .all(|a| a.kind.is_character() || a.kind == filbert_types::TypeKind::Null);
        (args.len() == 2 && texts).then(|| Inferred {
            arg_types: vec![LogicalType::string(); 2],
            return_type: LogicalType::string(),
        })
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![Parameter::required("a"), Parameter::optional("b")]
    }

    fn open(&self, context: &FunctionContext) -> Result<(), String> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        *self.prefix.lock() = context.parameter("prefix", "").to_owned();
        Ok(())
    }

    fn supports_constant_folding(&self) -> bool {
        false
    }

    fn eval(&self, args: &[ArrayRef], rows: usize) -> Result<ArrayRef, String> {
        let [a, b] = [&args[0], &args[1]].map(|a| a.as_string_view());
        let prefix = self.prefix.lock();
        let text = |column: &StringViewArray, row: usize| match column.is_null(row) {
            true => "null".to_owned(),
            false => column.value(row).to_owned(),
        };
        let pairs = (0..rows).map(|row| Some(format!("{prefix}{}:{}", text(a, row), text(b, row))));
        Ok(Arc::new(pairs.collect::<StringViewArray>()))
    }
}

pub fn register(env: &TableEnvironment) {
    env.register_scalar_function(Arc::new(Pair::default()));
}

#[test]
fn arguments_are_named_in_any_order() {
    let env = environment(EnvironmentSettings::streaming());
    let query = "SELECT pair(b => 'x', a => 'y'), pair(a => 'z'), pair('p', 'q'), Pair('p')";
    assert_eq!(rows(&env, query), ["+I y:x z:null p:q p:null"]);
    let unknown = refusal(&env, "SELECT pair(c => 'x', a => 'y')");
    assert!(unknown.contains("no parameter 'c'"), "{unknown}");
    let missing = refusal(&env, "SELECT pair(b => 'x')");
    assert!(missing.contains("misses 'a'"), "{missing}");
    let wrong = refusal(&env, "SELECT pair(1, 'x')");
    assert!(wrong.contains("pair(<INTEGER>, <CHAR(1)>)"), "{wrong}");
    assert!(wrong.contains("pair(a => STRING, b => STRING)"), "{wrong}");
    let count = refusal(&env, "SELECT pair('a', 'b', 'c')");
    assert!(count.contains("pair(a => STRING, b => STRING)"), "{count}");
}

#[test]
fn a_function_is_opened_with_the_jobs_parameters() {
    for settings in [
        EnvironmentSettings::streaming(),
        EnvironmentSettings::batch(),
    ] {
        let env = environment(settings);
        env.set("pipeline.global-job-parameters", "prefix:'>, '");
        assert_eq!(rows(&env, "SELECT pair('a', 'b')"), ["+I >, a:b"]);
    }
}

#[test]
fn the_nearest_name_is_suggested_also_of_created_functions() {
    let env = environment(EnvironmentSettings::streaming());
    env.execute_sql("CREATE TEMPORARY FUNCTION wavg AS 'weighted_average'")
        .unwrap();
    for (call, near) in [
        ("coutn(1)", "COUNT"),
        ("pairr('a', 'b')", "pair"),
        ("wvag(1, 2)", "wavg"),
        ("uper('a')", "UPPER"),
        ("row_numbr()", "ROW_NUMBER"),
    ] {
        let text = refusal(&env, &format!("SELECT {call}"));
        assert!(text.contains(&format!("Did you mean '{near}'?")), "{text}");
    }
}

#[test]
fn describe_function_tells_kind_and_signature() {
    let env = environment(EnvironmentSettings::streaming());
    env.execute_sql("CREATE TEMPORARY SYSTEM FUNCTION words AS 'split'")
        .unwrap();
    let described = rows(&env, "DESCRIBE FUNCTION EXTENDED words");
    let expected = [
        "is system function true",
        "is temporary true",
        "kind TABLE",
        "requirements []",
        "is deterministic true",
        "supports constant folding false",
        "signature split(<STRING>[, <STRING>])",
        "description The words of a text.",
    ];
    let shown: Vec<&str> = described
        .iter()
        .map(|r| r.split_once(' ').unwrap().1)
        .collect();
    assert_eq!(shown, expected);
    let shown = rows(&env, "DESCRIBE FUNCTION EXTENDED remember");
    assert!(
        shown.iter().any(|r| r.contains("kind PROCESS_TABLE")),
        "{shown:?}"
    );
    assert!(
        shown
            .iter()
            .any(|r| r.contains("input => {TABLE, SET SEMANTIC TABLE, OPTIONAL PARTITION BY}")),
        "{shown:?}"
    );
    assert!(
        rows(&env, "DESCRIBE FUNCTION EXTENDED `sum`")
            .iter()
            .any(|r| r.contains("AGGREGATE"))
    );
    assert!(refusal(&env, "DESCRIBE FUNCTION wordz").contains("Did you mean 'words'?"));
    let listed = rows(&env, "SHOW USER FUNCTIONS");
    assert!(listed.iter().any(|r| r.ends_with("words")), "{listed:?}");
}
