//! Expressions on their way to operators: DataFusion's logical expressions compiled against an operator's input, as
//! bytes, text and type.

mod render;

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::Schema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{ColumnarValue, Expr, ExprSchemable, Volatility};
use datafusion::physical_expr::expressions::Column as PhysicalColumn;
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};
use filbert_functions::codec::FunctionCodec;
use filbert_functions::udf::BoundFunction;
use filbert_functions::{FunctionRef, FunctionRegistry};
use filbert_graph::ExprSpec;
use filbert_types::LogicalType;

use crate::columns::{PlanColumn, df_schema, shown_type};
use crate::error::PlanError;

pub(crate) use render::render;

/// Compiles expressions for operators.
#[derive(Debug, Clone)]
pub(crate) struct ExprCompiler {
    props: ExecutionProps,
    codec: FunctionCodec,
}

impl ExprCompiler {
    pub fn new(options: &Arc<ConfigOptions>) -> ExprCompiler {
        let mut props = ExecutionProps::new();
        props.config_options = Some(Arc::clone(options));
        // Writing looks no function up.
        let codec = FunctionCodec::new(Arc::new(FunctionRegistry::new()));
        ExprCompiler { props, codec }
    }

    /// An expression over rows of `input`.
    ///
    /// # Errors
    /// When it names a column that the input lacks, holds a subquery, or can't be written.
    pub fn compile(
        &self,
        expr: &Expr,
        input: &[PlanColumn],
        ty: LogicalType,
    ) -> Result<ExprSpec, PlanError> {
        let schema = df_schema(input)?;
        let context = PhysicalPlanningContext::default();
        let physical = create_physical_expr(expr, &schema, &self.props, &context)?;
        Ok(ExprSpec {
            bytes: self.codec.encode(&by_position(physical)?)?,
            text: render(expr, input),
            ty,
        })
    }

    /// The type that an expression is carried as.
    ///
    /// # Errors
    /// When it names a column that the input lacks.
    pub fn type_of(&self, expr: &Expr, input: &[PlanColumn]) -> Result<LogicalType, PlanError> {
        if let Some(column) = as_column(expr, input) {
            return Ok(input[column].ty.clone());
        }
        if let Expr::ScalarFunction(call) = expr
            && let Some(bound) = call.func.inner().downcast_ref::<BoundFunction>()
        {
            return Ok(bound.return_type.clone());
        }
        Ok(shown_type(&expr.get_type(&df_schema(input)?)?))
    }

    /// The value of an expression without columns.
    ///
    /// # Errors
    /// When it has columns, or fails.
    pub fn evaluate(&self, expr: &Expr) -> Result<ScalarValue, PlanError> {
        let context = PhysicalPlanningContext::default();
        let physical = create_physical_expr(expr, &DFSchema::empty(), &self.props, &context)?;
        let one_row = RecordBatch::try_new_with_options(
            Arc::new(Schema::empty()),
            Vec::new(),
            &RecordBatchOptions::new().with_row_count(Some(1)),
        )
        .map_err(|e| PlanError::Internal(e.to_string()))?;
        match physical.evaluate(&one_row)? {
            ColumnarValue::Scalar(value) => Ok(value),
            ColumnarValue::Array(array) => Ok(ScalarValue::try_from_array(&array, 0)?),
        }
    }

    /// A logical expression over fields of a source.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn logical(&self, expr: &Expr, input: &[PlanColumn]) -> Result<ExprSpec, PlanError> {
        Ok(ExprSpec {
            bytes: self.codec.encode_logical(expr)?,
            text: render(expr, input),
            ty: LogicalType::from(filbert_types::TypeKind::Boolean),
        })
    }
}

/// Names columns by their place alone, so that an operator's uid does not move with internal names.
fn by_position(expr: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>, PlanError> {
    let renamed = expr.transform_up(|e| {
        Ok(match e.downcast_ref::<PhysicalColumn>() {
            Some(column) => {
                let name = format!("${}", column.index());
                Transformed::yes(Arc::new(PhysicalColumn::new(&name, column.index())) as _)
            }
            None => Transformed::no(e),
        })
    })?;
    Ok(renamed.data)
}

/// The position of the column that an expression is, aliases aside.
pub(crate) fn as_column(expr: &Expr, input: &[PlanColumn]) -> Option<usize> {
    match expr {
        Expr::Column(column) => position(input, column),
        Expr::Alias(alias) => as_column(&alias.expr, input),
        _ => None,
    }
}

/// Where a column stands in a row.
pub(crate) fn position(input: &[PlanColumn], column: &datafusion::common::Column) -> Option<usize> {
    input.iter().position(|c| c.column == *column).or_else(|| {
        let mut named = input
            .iter()
            .enumerate()
            .filter(|(_, c)| c.column.name == column.name);
        let found = named.next()?.0;
        (named.next().is_none() && column.relation.is_none()).then_some(found)
    })
}

/// The positions of all columns that an expression reads.
pub(crate) fn columns_read(expr: &Expr, input: &[PlanColumn]) -> Vec<usize> {
    let mut read: Vec<usize> = expr
        .column_refs()
        .into_iter()
        .filter_map(|c| position(input, c))
        .collect();
    read.sort_unstable();
    read.dedup();
    read
}

/// A table function whose calls are only kept from being evaluated while planning.
fn is_deterministic_table(function: &FunctionRef) -> bool {
    matches!(function, FunctionRef::Table(_)) && function.is_deterministic()
}

/// The name of the first call that may give another value each time (RAND, UUID, NOW).
pub(crate) fn non_deterministic_call(expr: &Expr) -> Option<String> {
    let mut found = None;
    // The closure never fails.
    let _ = expr.apply(|e| {
        if let Expr::ScalarFunction(call) = e
            && call.func.signature().volatility == Volatility::Volatile
            && !call
                .func
                .inner()
                .downcast_ref::<BoundFunction>()
                .is_some_and(|bound| is_deterministic_table(&bound.function))
        {
            found = Some(call.func.name().to_uppercase());
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok(TreeNodeRecursion::Continue)
    });
    found
}

/// False when a call in the expression may give another value each time (RAND, UUID).
pub(crate) fn is_deterministic(expr: &Expr) -> bool {
    non_deterministic_call(expr).is_none()
}
