use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, OnceLock};

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use filbert_types::clock::{Clock, SystemClock};
use filbert_types::{LogicalType, TimeZone, TypeKind};
use serde::{Deserialize, Serialize};

use crate::definition::{Body, Determinism, FunctionContext, FunctionRef};
use crate::java::random::JavaRandom;
use crate::kernel::{Call, fail};
use crate::table_function::{self, TableCalls};
use crate::typed::ExprContext;

/// What kernels know of the session that bound them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Session {
    /// `table.local-time-zone`.
    #[serde(with = "zone_name")]
    pub time_zone: TimeZone,
    pub batch: bool,
    pub legacy_cast: bool,
    /// The instant at which the query began: microseconds since the epoch. 0 for functions that don't depend on it.
    pub query_start_us: i64,
}

mod zone_name {
    use filbert_types::TimeZone;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(zone: &TimeZone, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(zone)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<TimeZone, D::Error> {
        let name = String::deserialize(input)?;
        name.parse().map_err(D::Error::custom)
    }
}

impl Default for Session {
    /// UTC, in a stream.
    fn default() -> Session {
        Session {
            time_zone: TimeZone::UTC,
            batch: false,
            legacy_cast: false,
            query_start_us: 0,
        }
    }
}

impl Session {
    pub fn of(ctx: &ExprContext, determinism: Determinism) -> Session {
        Session {
            time_zone: ctx.time_zone,
            batch: ctx.batch,
            legacy_cast: ctx.legacy_cast,
            query_start_us: match determinism {
                Determinism::PerQuery => ctx.query_start_us,
                Determinism::Always | Determinism::Never => 0,
            },
        }
    }
}

/// A call of one of Flink's functions, bound to its types: DataFusion's face of it.
#[derive(Debug, Clone)]
pub struct BoundFunction {
    pub function: FunctionRef,
    pub arg_types: Vec<LogicalType>,
    pub return_type: LogicalType,
    pub session: Session,
    /// What a seeded random function goes on with in the next batch.
    random: Arc<Mutex<Option<JavaRandom>>>,
    clock: JobClock,
    /// How opening a user's function went.
    opened: Arc<OnceLock<std::result::Result<(), String>>>,
    context: Arc<FunctionContext>,
    signature: Signature,
}

/// What PROCTIME() and its like read: the clock of the job.
#[derive(Clone)]
struct JobClock(Arc<dyn Clock>);

impl std::fmt::Debug for JobClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a clock at {} ms", self.0.now_ms())
    }
}

impl BoundFunction {
    pub fn new(
        function: FunctionRef,
        arg_types: Vec<LogicalType>,
        return_type: LogicalType,
        session: Session,
    ) -> BoundFunction {
        let runs_late =
            matches!(&function, FunctionRef::User(user) if !user.supports_constant_folding());
        let volatility = match function.determinism() {
            _ if runs_late => Volatility::Volatile,
            Determinism::Always => Volatility::Immutable,
            // A stream has no one instant: folding would freeze its clock.
            Determinism::PerQuery if !session.batch => Volatility::Volatile,
            Determinism::PerQuery => Volatility::Stable,
            Determinism::Never => Volatility::Volatile,
        };
        BoundFunction {
            function,
            arg_types,
            return_type,
            session,
            random: Arc::default(),
            clock: JobClock(Arc::new(SystemClock)),
            opened: Arc::default(),
            context: Arc::default(),
            signature: Signature::user_defined(volatility),
        }
    }

    /// The call as it runs in a job with this clock.
    pub fn with_clock(mut self, clock: &Arc<dyn Clock>) -> BoundFunction {
        self.clock = JobClock(Arc::clone(clock));
        self
    }

    /// What a user's function is opened with.
    pub fn with_context(mut self, context: Arc<FunctionContext>) -> BoundFunction {
        self.context = context;
        self
    }

    pub fn call(self, args: Vec<Expr>) -> Expr {
        ScalarUDF::new_from_impl(self).call(args)
    }

    fn evaluate(&self, args: &[ColumnarValue], rows: usize) -> Result<ColumnarValue> {
        let constant = self.function.determinism() != Determinism::Never
            && args.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { rows };
        let array = match &self.function {
            FunctionRef::BuiltIn(function) => match function.body {
                Body::Kernel(kernel) => kernel(&Call {
                    name: function.name,
                    arg_types: &self.arg_types,
                    return_type: &self.return_type,
                    session: &self.session,
                    random: &self.random,
                    clock: self.clock.0.as_ref(),
                    args,
                    rows,
                })?,
                Body::Expand(_) => {
                    return internal_err!("{} has no kernel", function.name);
                }
            },
            FunctionRef::User(_) | FunctionRef::Table(_) => self.evaluate_user(args, rows)?,
        };
        if array.len() != rows || *array.data_type() != self.return_type.arrow() {
            return internal_err!(
                "{} gave {} rows of {}, where {rows} of {} were promised",
                self.function.name(),
                array.len(),
                array.data_type(),
                self.return_type.arrow()
            );
        }
        if constant {
            return ScalarValue::try_from_array(&array, 0).map(ColumnarValue::Scalar);
        }
        Ok(ColumnarValue::Array(array))
    }
}

impl BoundFunction {
    /// A function of the embedding program, opened before its first call.
    fn evaluate_user(&self, args: &[ColumnarValue], rows: usize) -> Result<ArrayRef> {
        let failed = |e: String| fail(format!("{}: {e}", self.function.name()));
        let args: Vec<ArrayRef> = args
            .iter()
            .map(|a| a.to_array_of_size(rows))
            .collect::<Result<_>>()?;
        let opened = self.opened.get_or_init(|| match &self.function {
            FunctionRef::BuiltIn(_) => Ok(()),
            FunctionRef::User(function) => function.open(&self.context),
            FunctionRef::Table(function) => function.open(&self.context),
        });
        opened.clone().map_err(failed)?;
        match &self.function {
            FunctionRef::BuiltIn(function) => internal_err!("{} is no user's", function.name),
            FunctionRef::User(function) => function.eval(&args, rows).map_err(failed),
            FunctionRef::Table(function) => {
                let TypeKind::Array(row) = &self.return_type.kind else {
                    return internal_err!("{} gives no list", function.name());
                };
                let TypeKind::Row(columns) = &row.kind else {
                    return internal_err!("{} gives no rows", function.name());
                };
                let calls = TableCalls {
                    len: rows,
                    args: &args,
                    columns,
                };
                let list = self.return_type.arrow();
                table_function::evaluate(function.as_ref(), &calls, &list).map_err(failed)
            }
        }
    }
}

impl PartialEq for BoundFunction {
    fn eq(&self, other: &BoundFunction) -> bool {
        self.function.name() == other.function.name()
            && self.arg_types == other.arg_types
            && self.return_type == other.return_type
            && self.session == other.session
    }
}

impl Eq for BoundFunction {}

impl Hash for BoundFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.name().hash(state);
        self.arg_types.hash(state);
        self.return_type.hash(state);
        self.session.hash(state);
    }
}

impl ScalarUDFImpl for BoundFunction {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(self.return_type.arrow())
    }

    fn return_field_from_args(&self, _args: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(
            self.function.name(),
            self.return_type.arrow(),
            true,
        )))
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arg_types.to_vec())
    }

    /// Two casts of a column to different types must not share a name.
    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let args: Vec<String> = args.iter().map(|a| a.schema_name().to_string()).collect();
        Ok(format!(
            "{}({}):{}",
            self.function.name(),
            args.join(","),
            self.return_type
        ))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let result = self.evaluate(&args.args, args.number_rows);
        if cfg!(debug_assertions)
            && let Err(e) = &result
            && !self.function.fallible()
        {
            return internal_err!(
                "{} failed, though its definition says that it can't: {e}",
                self.function.name()
            );
        }
        result
    }
}
