//! Functions over windows (OVER): those that only exist there, and aggregates. Batch runs DataFusion's, where ranks and
//! row numbers come as Flink's BIGINT.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result as DfResult, ScalarValue};
use datafusion::logical_expr::expr::{NullTreatment, Sort, WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::function::{
    ExpressionArgs, PartitionEvaluatorArgs, WindowUDFFieldArgs,
};
use datafusion::logical_expr::{
    Expr, LimitEffect, PartitionEvaluator, ReversedUDWF, Signature, Volatility, WindowFrame,
    WindowFunctionDefinition, WindowUDF, WindowUDFImpl,
};
use datafusion::physical_expr::PhysicalExpr;
use filbert_types::{LogicalType, TypeKind};

use crate::CallError;
use crate::aggregate::{self, Modifiers};
use crate::call::cast_args;
use crate::common_type::common_type;
use crate::registry::FunctionRegistry;
use crate::signature::call_text;
use crate::typed::{ExprContext, TypedExpr};

/// What an OVER says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Over {
    pub partition_by: Vec<Expr>,
    pub order_by: Vec<Sort>,
    pub frame: WindowFrame,
}

/// A function that exists only with OVER.
struct Definition {
    name: &'static str,
    signatures: &'static [&'static str],
    doc: &'static str,
}

static WINDOW_FUNCTIONS: &[Definition] = &[
    Definition {
        name: "ROW_NUMBER",
        signatures: &["ROW_NUMBER() OVER (..)"],
        doc: "The row's number in its partition, from 1.",
    },
    Definition {
        name: "RANK",
        signatures: &["RANK() OVER (..)"],
        doc: "The row's rank; equal rows share one, and leave a gap.",
    },
    Definition {
        name: "DENSE_RANK",
        signatures: &["DENSE_RANK() OVER (..)"],
        doc: "The row's rank without gaps.",
    },
    Definition {
        name: "PERCENT_RANK",
        signatures: &["PERCENT_RANK() OVER (..)"],
        doc: "The row's rank between 0 and 1.",
    },
    Definition {
        name: "CUME_DIST",
        signatures: &["CUME_DIST() OVER (..)"],
        doc: "The share of rows that come before or beside this one.",
    },
    Definition {
        name: "NTILE",
        signatures: &["NTILE(<INTEGER>) OVER (..)"],
        doc: "The bucket of the row, of so many of almost equal size.",
    },
    Definition {
        name: "LAG",
        signatures: &["LAG(<ANY>[, <INTEGER>[, <COMMON>]]) OVER (..)"],
        doc: "The value some rows before, or the default.",
    },
    Definition {
        name: "LEAD",
        signatures: &["LEAD(<ANY>[, <INTEGER>[, <COMMON>]]) OVER (..)"],
        doc: "The value some rows after, or the default.",
    },
];

fn definition(name: &str) -> Option<&'static Definition> {
    WINDOW_FUNCTIONS
        .iter()
        .find(|d| d.name.eq_ignore_ascii_case(name))
}

/// Whether a name is that of a function that exists only with OVER.
pub fn is_window_function(name: &str) -> bool {
    definition(name).is_some()
}

/// The functions that exist only with OVER: names, signatures, help.
pub fn all() -> impl Iterator<Item = (&'static str, &'static [&'static str], &'static str)> {
    WINDOW_FUNCTIONS
        .iter()
        .map(|d| (d.name, d.signatures, d.doc))
}

/// The types of the arguments after casts, and the result's.
pub fn infer(name: &str, args: &[TypedExpr]) -> Result<(Vec<LogicalType>, LogicalType), CallError> {
    let definition = definition(name).ok_or_else(|| {
        CallError::Invalid(format!(
            "No match found for function signature {}",
            call_text(name, args)
        ))
    })?;
    let refuse = || CallError::NoSignature {
        name: definition.name.to_string(),
        got: call_text(definition.name, args),
        signatures: definition
            .signatures
            .iter()
            .map(|s| s.to_string())
            .collect(),
    };
    let counted = LogicalType::not_null(TypeKind::BigInt);
    match (definition.name, args) {
        ("ROW_NUMBER" | "RANK" | "DENSE_RANK", []) => Ok((vec![], counted)),
        ("PERCENT_RANK" | "CUME_DIST", []) => Ok((vec![], LogicalType::not_null(TypeKind::Double))),
        ("NTILE", [buckets]) if buckets.ty.kind.is_integer() => {
            Ok((vec![counted.clone()], counted))
        }
        ("LAG" | "LEAD", [value, rest @ ..]) if rest.len() <= 2 => {
            if rest.first().is_some_and(|n| !n.ty.kind.is_integer()) {
                return Err(refuse());
            }
            let mut result = value.ty.without_time_attribute();
            let mut types = vec![result.clone()];
            if !rest.is_empty() {
                types.push(counted);
            }
            if let Some(default) = rest.get(1) {
                // The default takes the value's type, whichever is wider.
                common_type(&[result.clone(), default.ty.clone()]).ok_or_else(refuse)?;
                types.push(result.with_nullable(default.ty.nullable));
                result.nullable |= default.ty.nullable;
            } else {
                result.nullable = true;
            }
            Ok((types, result))
        }
        _ => Err(refuse()),
    }
}

/// Binds a call with OVER: the expression is an `Expr::WindowFunction`.
pub fn call(
    ctx: &ExprContext,
    registry: &FunctionRegistry,
    name: &str,
    args: Vec<TypedExpr>,
    over: &Over,
    modifiers: Modifiers,
) -> Result<TypedExpr, CallError> {
    if is_window_function(name) {
        return window_function(ctx, name, args, over, &modifiers);
    }
    // A frame that begins with the partition holds a row always.
    let grouped = over.frame.start_bound.is_unbounded();
    let modifiers = Modifiers {
        grouped,
        ..modifiers
    };
    let aggregate = aggregate::call(ctx, registry, name, args, modifiers)?;
    let Expr::AggregateFunction(call) = aggregate.expr else {
        return Err(CallError::Unsupported(format!("{name} with OVER")));
    };
    if !call.params.order_by.is_empty() {
        return Err(CallError::Unsupported(format!(
            "ORDER BY inside of {name} with OVER"
        )));
    }
    let function = match ctx.batch && !call.params.distinct {
        true => aggregate::with_over(&call.func),
        false => call.func,
    };
    let expr = Expr::from(WindowFunction {
        fun: WindowFunctionDefinition::AggregateUDF(function),
        params: WindowFunctionParams {
            args: call.params.args,
            partition_by: over.partition_by.clone(),
            order_by: over.order_by.clone(),
            window_frame: over.frame.clone(),
            filter: call.params.filter,
            null_treatment: call.params.null_treatment,
            distinct: call.params.distinct,
        },
    });
    Ok(TypedExpr::new(expr, aggregate.ty))
}

fn window_function(
    ctx: &ExprContext,
    name: &str,
    args: Vec<TypedExpr>,
    over: &Over,
    modifiers: &Modifiers,
) -> Result<TypedExpr, CallError> {
    if modifiers.distinct || modifiers.filter.is_some() || !modifiers.order_by.is_empty() {
        return Err(CallError::Invalid(format!(
            "{} takes neither DISTINCT, FILTER nor ORDER BY inside of the call",
            name.to_uppercase()
        )));
    }
    let (types, ty) = infer(name, &args)?;
    let args = cast_args(ctx, args, &types)?;
    let bound = BoundWindow::by_name(name, types, ty.clone())
        .ok_or_else(|| CallError::Unsupported(format!("{name} with OVER")))?;
    let expr = Expr::from(WindowFunction {
        fun: WindowFunctionDefinition::WindowUDF(Arc::new(WindowUDF::new_from_impl(bound))),
        params: WindowFunctionParams {
            args: args.into_iter().map(|a| a.expr).collect(),
            partition_by: over.partition_by.clone(),
            order_by: over.order_by.clone(),
            window_frame: over.frame.clone(),
            filter: None,
            null_treatment: modifiers
                .ignore_nulls
                .filter(|ignore| *ignore)
                .map(|_| NullTreatment::IgnoreNulls),
            distinct: false,
        },
    });
    Ok(TypedExpr::new(expr, ty))
}

/// One of DataFusion's window functions, whose results come in Flink's type.
#[derive(Clone)]
pub struct BoundWindow {
    inner: Arc<WindowUDF>,
    pub arg_types: Vec<LogicalType>,
    pub return_type: LogicalType,
    signature: Signature,
}

impl BoundWindow {
    /// Binds by name; none where there is no such function.
    pub fn by_name(
        name: &str,
        arg_types: Vec<LogicalType>,
        return_type: LogicalType,
    ) -> Option<BoundWindow> {
        let name = definition(name)?.name.to_lowercase();
        let inner = datafusion::functions_window::all_default_window_functions()
            .into_iter()
            .find(|f| f.name() == name)?;
        Some(BoundWindow::new(inner, arg_types, return_type))
    }

    fn new(
        inner: Arc<WindowUDF>,
        arg_types: Vec<LogicalType>,
        return_type: LogicalType,
    ) -> BoundWindow {
        BoundWindow {
            inner,
            arg_types,
            return_type,
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl fmt::Debug for BoundWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.inner.name(), self.return_type)
    }
}

impl PartialEq for BoundWindow {
    fn eq(&self, other: &BoundWindow) -> bool {
        self.inner.name() == other.inner.name()
            && self.arg_types == other.arg_types
            && self.return_type == other.return_type
    }
}

impl Eq for BoundWindow {}

impl Hash for BoundWindow {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.name().hash(state);
        self.arg_types.hash(state);
        self.return_type.hash(state);
    }
}

impl WindowUDFImpl for BoundWindow {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn expressions(&self, args: ExpressionArgs) -> Vec<Arc<dyn PhysicalExpr>> {
        self.inner.inner().expressions(args)
    }

    fn partition_evaluator(
        &self,
        args: PartitionEvaluatorArgs,
    ) -> DfResult<Box<dyn PartitionEvaluator>> {
        Ok(Box::new(CastEvaluator {
            inner: self.inner.inner().partition_evaluator(args)?,
            ty: self.return_type.arrow(),
        }))
    }

    fn field(&self, args: WindowUDFFieldArgs) -> DfResult<FieldRef> {
        let ty = self.return_type.arrow();
        Ok(Arc::new(Field::new(args.name(), ty, true)))
    }

    fn sort_options(&self) -> Option<SortOptions> {
        self.inner.inner().sort_options()
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> DfResult<Vec<DataType>> {
        Ok(arg_types.to_vec())
    }

    fn reverse_expr(&self) -> ReversedUDWF {
        match self.inner.inner().reverse_expr() {
            ReversedUDWF::Reversed(inner) => {
                let bound =
                    BoundWindow::new(inner, self.arg_types.clone(), self.return_type.clone());
                ReversedUDWF::Reversed(Arc::new(WindowUDF::new_from_impl(bound)))
            }
            other => other,
        }
    }

    fn limit_effect(&self, args: &[Arc<dyn PhysicalExpr>]) -> LimitEffect {
        self.inner.inner().limit_effect(args)
    }
}

/// Casts what DataFusion's evaluator gives.
#[derive(Debug)]
struct CastEvaluator {
    inner: Box<dyn PartitionEvaluator>,
    ty: DataType,
}

impl CastEvaluator {
    fn cast(&self, array: ArrayRef) -> DfResult<ArrayRef> {
        if *array.data_type() == self.ty {
            return Ok(array);
        }
        Ok(arrow::compute::cast(&array, &self.ty)?)
    }
}

impl PartitionEvaluator for CastEvaluator {
    fn memoize(
        &mut self,
        state: &mut datafusion::logical_expr::window_state::WindowAggState,
    ) -> DfResult<()> {
        self.inner.memoize(state)
    }

    fn get_range(&self, idx: usize, n_rows: usize) -> DfResult<Range<usize>> {
        self.inner.get_range(idx, n_rows)
    }

    fn is_causal(&self) -> bool {
        self.inner.is_causal()
    }

    fn evaluate_all(&mut self, values: &[ArrayRef], num_rows: usize) -> DfResult<ArrayRef> {
        let array = self.inner.evaluate_all(values, num_rows)?;
        self.cast(array)
    }

    fn evaluate(&mut self, values: &[ArrayRef], range: &Range<usize>) -> DfResult<ScalarValue> {
        self.inner.evaluate(values, range)?.cast_to(&self.ty)
    }

    fn evaluate_all_with_rank(
        &self,
        num_rows: usize,
        ranks_in_partition: &[Range<usize>],
    ) -> DfResult<ArrayRef> {
        let array = self
            .inner
            .evaluate_all_with_rank(num_rows, ranks_in_partition)?;
        self.cast(array)
    }

    fn supports_bounded_execution(&self) -> bool {
        self.inner.supports_bounded_execution()
    }

    fn uses_window_frame(&self) -> bool {
        self.inner.uses_window_frame()
    }

    fn include_rank(&self) -> bool {
        self.inner.include_rank()
    }
}
