use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::ArrayRef;
use datafusion::common::Result as DfResult;
use datafusion::logical_expr::Expr;
use filbert_types::LogicalType;

use crate::CallError;
use crate::kernel::Call;
use crate::parameters::Parameter;
use crate::signature::CallArgs;
use crate::table_function::TableFunction;
use crate::typed::{ExprContext, TypedExpr};

/// When two calls with equal arguments give equal results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Determinism {
    /// Always; a call on literals is folded.
    Always,
    /// Within one query.
    PerQuery,
    /// Never: RAND, UUID.
    Never,
}

/// What typing a call decides: the types that the arguments are cast to, and the result's.
#[derive(Debug, Clone, PartialEq)]
pub struct Inferred {
    pub arg_types: Vec<LogicalType>,
    pub return_type: LogicalType,
}

/// Decides a call's types, or why it is refused.
pub type Infer = fn(&CallArgs<'_>) -> Result<Inferred, CallError>;
/// Builds the expression that a call stands for, from arguments already cast.
pub type Expand = fn(&ExprContext, Vec<TypedExpr>, &LogicalType) -> Result<Expr, CallError>;
/// Computes a column of `call.rows` results (one, where every argument is a constant).
pub type Kernel = fn(&Call<'_>) -> DfResult<ArrayRef>;

/// How a built-in function is evaluated.
#[derive(Clone, Copy)]
pub enum Body {
    /// By other expressions: stays visible to the optimizer, and lazy where CASE is.
    Expand(Expand),
    Kernel(Kernel),
}

/// A built-in scalar function or operator: a family's table is a `&[Function]`.
#[derive(Clone, Copy)]
pub struct Function {
    /// Flink's name, upper case for what SQL calls by name.
    pub name: &'static str,
    pub aliases: &'static [&'static str],
    /// The signatures as errors and DESCRIBE FUNCTION show them: `UPPER(<CHARACTER>)`.
    pub signatures: &'static [&'static str],
    /// One line of help.
    pub doc: &'static str,
    pub determinism: Determinism,
    /// Evaluating it can end in an error, so it must run only on rows that reach it.
    pub fallible: bool,
    /// Not listed by SHOW FUNCTIONS: operators and helpers.
    pub hidden: bool,
    pub infer: Infer,
    pub body: Body,
}

impl Function {
    /// A function computed by a kernel that never fails.
    pub const fn kernel(
        name: &'static str,
        signatures: &'static [&'static str],
        doc: &'static str,
        infer: Infer,
        kernel: Kernel,
    ) -> Function {
        Function {
            name,
            aliases: &[],
            signatures,
            doc,
            determinism: Determinism::Always,
            fallible: false,
            hidden: false,
            infer,
            body: Body::Kernel(kernel),
        }
    }

    /// A function that stands for other expressions.
    pub const fn expand(
        name: &'static str,
        signatures: &'static [&'static str],
        doc: &'static str,
        infer: Infer,
        expand: Expand,
    ) -> Function {
        Function {
            name,
            aliases: &[],
            signatures,
            doc,
            determinism: Determinism::Always,
            fallible: false,
            hidden: false,
            infer,
            body: Body::Expand(expand),
        }
    }

    pub const fn aliases(mut self, aliases: &'static [&'static str]) -> Function {
        self.aliases = aliases;
        self
    }

    /// Its kernel can return an error.
    pub const fn fallible(mut self) -> Function {
        self.fallible = true;
        self
    }

    pub const fn determinism(mut self, determinism: Determinism) -> Function {
        self.determinism = determinism;
        self
    }

    pub const fn hidden(mut self) -> Function {
        self.hidden = true;
        self
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// What a user's function is told when it is opened.
#[derive(Debug, Clone, Default)]
pub struct FunctionContext {
    /// `pipeline.global-job-parameters`.
    pub parameters: BTreeMap<String, String>,
}

impl FunctionContext {
    /// A parameter of the job, or a default.
    pub fn parameter<'a>(&'a self, key: &str, default: &'a str) -> &'a str {
        self.parameters.get(key).map_or(default, String::as_str)
    }
}

/// A scalar function that an embedding program registers, and `CREATE FUNCTION` makes callable.
pub trait ScalarFunction: std::fmt::Debug + Send + Sync {
    /// The name by which it is registered, and found again when a job starts.
    fn name(&self) -> &str;
    /// `f(<INT>, <STRING>)`, for errors and DESCRIBE FUNCTION.
    fn signatures(&self) -> Vec<String>;
    /// The arguments' types after implicit casts, and the result's type. `None` refuses the call.
    fn infer(&self, args: &[LogicalType]) -> Option<Inferred>;
    /// The parameters by name, for calls with named arguments and optional ones; empty where there are none.
    fn parameters(&self) -> Vec<Parameter> {
        Vec::new()
    }
    /// Called once in each task before anything else.
    ///
    /// # Errors
    /// When the function can't start.
    fn open(&self, _context: &FunctionContext) -> Result<(), String> {
        Ok(())
    }
    /// A column of `rows` results for columns of arguments in the Arrow forms of their types. Where the function is
    /// deterministic and every argument is a constant, it is asked for one result.
    ///
    /// # Errors
    /// When a value is refused; the job fails with it.
    fn eval(&self, args: &[ArrayRef], rows: usize) -> Result<ArrayRef, String>;
    fn is_deterministic(&self) -> bool {
        true
    }
    /// Whether a call on constants may be evaluated when the query is planned, without the job's parameters. False for
    /// functions that read them in [`ScalarFunction::open`], or that look outside.
    fn supports_constant_folding(&self) -> bool {
        true
    }
    /// One line of help.
    fn doc(&self) -> &str {
        ""
    }
}

/// The function that a call runs.
#[derive(Debug, Clone)]
pub enum FunctionRef {
    BuiltIn(&'static Function),
    User(Arc<dyn ScalarFunction>),
    /// A call gives a list of rows.
    Table(Arc<dyn TableFunction>),
}

impl FunctionRef {
    pub fn name(&self) -> &str {
        match self {
            FunctionRef::BuiltIn(function) => function.name,
            FunctionRef::User(function) => function.name(),
            FunctionRef::Table(function) => function.name(),
        }
    }

    pub fn determinism(&self) -> Determinism {
        match self {
            FunctionRef::BuiltIn(function) => function.determinism,
            FunctionRef::User(function) if function.is_deterministic() => Determinism::Always,
            // Its rows are made when the query runs, not when it is planned.
            FunctionRef::User(_) | FunctionRef::Table(_) => Determinism::Never,
        }
    }

    /// False when the same arguments may give something else.
    pub fn is_deterministic(&self) -> bool {
        match self {
            FunctionRef::Table(function) => function.is_deterministic(),
            other => other.determinism() != Determinism::Never,
        }
    }

    pub fn parameters(&self) -> Vec<Parameter> {
        match self {
            FunctionRef::BuiltIn(_) => Vec::new(),
            FunctionRef::User(function) => function.parameters(),
            FunctionRef::Table(function) => function.parameters(),
        }
    }

    pub fn fallible(&self) -> bool {
        match self {
            FunctionRef::BuiltIn(function) => function.fallible,
            FunctionRef::User(_) | FunctionRef::Table(_) => true,
        }
    }

    pub fn signatures(&self) -> Vec<String> {
        match self {
            FunctionRef::BuiltIn(f) => f.signatures.iter().map(|s| s.to_string()).collect(),
            FunctionRef::User(f) => f.signatures(),
            FunctionRef::Table(f) => f.signatures(),
        }
    }

    pub fn doc(&self) -> &str {
        match self {
            FunctionRef::BuiltIn(function) => function.doc,
            FunctionRef::User(function) => function.doc(),
            FunctionRef::Table(function) => function.doc(),
        }
    }
}
