//! From the specs of windows to their operators.

use arrow::datatypes::SchemaRef;
use filbert_functions::FunctionRegistry;
use filbert_graph::OperatorSpec;
use filbert_graph::spec::WindowSpec;

use crate::context::ExpressionFactory;
use crate::error::{OperatorError, Result};
use crate::local_window_aggregate::LocalWindowAggregateOperator;
use crate::operator::Operator;
use crate::session_aggregate::session_aggregate;
use crate::session_window::session_window;
use crate::window_aggregate::WindowAggregateOperator;
use crate::window_aggregate::emitting::EmittingWindowAggregateOperator;
use crate::window_join::window_join;
use crate::window_rank::window_rank;
use crate::window_table_function::WindowTableFunctionOperator;

/// The operators of windows.
pub(super) fn build(
    spec: &OperatorSpec,
    inputs: [&SchemaRef; 2],
    output: SchemaRef,
    expressions: &dyn ExpressionFactory,
    functions: &FunctionRegistry,
) -> Result<Box<dyn Operator>> {
    let input = inputs[0];
    Ok(match spec {
        OperatorSpec::WindowTableFunction(spec) => match spec.window {
            WindowSpec::Session { .. } => Box::new(session_window(spec, input, output)?),
            _ => Box::new(WindowTableFunctionOperator::new(spec, output)?),
        },
        OperatorSpec::WindowAggregate(spec) => match spec.emit {
            _ if !spec.assigned && matches!(spec.window, WindowSpec::Session { .. }) => {
                Box::new(session_aggregate(spec, input, output, functions)?)
            }
            Some(emit) => Box::new(EmittingWindowAggregateOperator::new(
                spec, emit, input, output, functions,
            )?),
            None => Box::new(WindowAggregateOperator::new(
                spec, input, output, functions,
            )?),
        },
        OperatorSpec::LocalWindowAggregate(spec) => Box::new(LocalWindowAggregateOperator::new(
            spec, input, output, functions,
        )?),
        OperatorSpec::WindowJoin(spec) => Box::new(window_join(spec, inputs, output, expressions)?),
        OperatorSpec::WindowRank(spec) => Box::new(window_rank(spec, input, output)?),
        _ => return Err(OperatorError::engine("No operator of windows.")),
    })
}
