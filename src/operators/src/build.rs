//! From a spec to its operator.

mod windows;

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use filbert_functions::FunctionRegistry;
use filbert_graph::spec::{
    ConflictSpec, GroupAggregateSpec, LookupJoinSpec, OverTime, ProcessTableSpec,
    SinkMaterializerSpec, SourceSpec,
};
use filbert_graph::{OperatorSpec, StreamNode};
use filbert_types::{Configuration, Field};

use crate::bundle::Bundled;
use crate::calc::CalcOperator;
use crate::changelog_function::ChangelogFunctionOperator;
use crate::changelog_normalize::ChangelogNormalizeOperator;
use crate::collect::CollectOperator;
use crate::connect;
use crate::context::{ExpressionFactory, JobContext};
use crate::deduplicate::{FirstRowOperator, LastRowOperator};
use crate::drop_update_before::DropUpdateBeforeOperator;
use crate::error::{OperatorError, Result};
use crate::expand::ExpandOperator;
use crate::group_aggregate::GroupAggregateOperator;
use crate::group_aggregate::mini_batch::MiniBatchGroupAggregate;
use crate::incremental_group_aggregate::IncrementalGroupAggregate;
use crate::interval_join::IntervalJoinOperator;
use crate::join::{JoinOperator, MiniBatchJoin};
use crate::local_group_aggregate::LocalGroupAggregate;
use crate::lookup_join::LookupJoinOperator;
use crate::match_recognize::MatchRecognizeOperator;
use crate::mini_batch_assigner::MiniBatchAssignerOperator;
use crate::operator::{BuiltOperator, Operator};
use crate::over::{ChangingOverOperator, OverOperator};
use crate::process_table_function::ProcessTableFunctionOperator;
use crate::rank::RankOperator;
use crate::rank::first_n::FirstNOperator;
use crate::sink::SinkOperator;
use crate::sink_compacting_materializer::SinkCompactingMaterializerOperator;
use crate::sink_upsert_materializer::SinkUpsertMaterializerOperator;
use crate::source::SourceReaderOperator;
use crate::source_watermarks::SourceWatermarks;
use crate::temporal_join::TemporalJoinOperator;
use crate::temporal_sort::TemporalSortOperator;
use crate::unnest::UnnestOperator;
use crate::values::ValuesOperator;
use crate::watermark_assigner::WatermarkAssignerOperator;

/// Builds the operator of a node whose inputs have these fields.
///
/// # Errors
/// When a connector, function or expression that the node names isn't there, or doesn't fit.
pub fn build(
    node: &StreamNode,
    inputs: &[Vec<Field>],
    session: &Configuration,
    context: &JobContext,
) -> Result<BuiltOperator> {
    let output = filbert_types::schema::arrow_schema(&node.output);
    let input = filbert_types::schema::arrow_schema(inputs.first().into_iter().flatten());
    let right = filbert_types::schema::arrow_schema(inputs.get(1).into_iter().flatten());
    let expressions = context.expressions.as_ref();
    let built: Box<dyn Operator> = match &node.spec {
        OperatorSpec::Source(spec) => return source(spec, output, session, context),
        OperatorSpec::Values(spec) => {
            let values = ValuesOperator::new(spec, &output)?;
            return Ok(BuiltOperator::Source(Box::new(values)));
        }
        OperatorSpec::Calc(spec) => Box::new(CalcOperator::new(spec, &input, output, expressions)?),
        OperatorSpec::WatermarkAssigner(spec) => {
            Box::new(WatermarkAssignerOperator::new(spec, &input, expressions)?)
        }
        OperatorSpec::MiniBatchAssigner(spec) => Box::new(MiniBatchAssignerOperator::new(*spec)),
        OperatorSpec::GroupAggregate(spec) => group_aggregate(spec, &input, output, context)?,
        OperatorSpec::LocalGroupAggregate(_) | OperatorSpec::IncrementalGroupAggregate(_) => {
            partial_aggregate(&node.spec, &input, output, context)?
        }
        OperatorSpec::Expand(spec) => Box::new(ExpandOperator::new(spec.clone(), output)),
        OperatorSpec::Unnest(spec) => {
            Box::new(UnnestOperator::new(spec, &input, output, expressions)?)
        }
        OperatorSpec::ProcessTable(spec) => process_table(spec, inputs, output, context)?,
        OperatorSpec::Join(_) | OperatorSpec::IntervalJoin(_) | OperatorSpec::TemporalJoin(_) => {
            joins(&node.spec, [&input, &right], output, expressions)?
        }
        OperatorSpec::LookupJoin(spec) => lookup_join(spec, &input, output, session, context)?,
        OperatorSpec::ChangelogFunction(_)
        | OperatorSpec::ChangelogNormalize(_)
        | OperatorSpec::SinkMaterializer(_) => changelog(&node.spec, &input, output, expressions)?,
        OperatorSpec::Rank(_)
        | OperatorSpec::FirstN(_)
        | OperatorSpec::Deduplicate(_)
        | OperatorSpec::TemporalSort(_)
        | OperatorSpec::Over(_) => ordering(&node.spec, &input, output, &context.functions)?,
        OperatorSpec::DropUpdateBefore => Box::new(DropUpdateBeforeOperator),
        OperatorSpec::Sink(spec) => {
            let sink = connect::table_sink(spec, session, &context.connectors)?;
            Box::new(SinkOperator::new(sink, spec.clone(), &input))
        }
        OperatorSpec::Collect(spec) => Box::new(CollectOperator::new(spec)),
        spec @ (OperatorSpec::WindowTableFunction(_)
        | OperatorSpec::WindowAggregate(_)
        | OperatorSpec::LocalWindowAggregate(_)
        | OperatorSpec::WindowJoin(_)
        | OperatorSpec::WindowRank(_)) => windows::build(
            spec,
            [&input, &right],
            output,
            expressions,
            &context.functions,
        )?,
        OperatorSpec::Match(spec) => Box::new(MatchRecognizeOperator::new(
            spec,
            &input,
            output,
            expressions,
            &context.functions,
        )?),
        OperatorSpec::BatchPiece(_) => {
            return Err(OperatorError::engine(format!(
                "The operator {} can't run in a streaming task.",
                node.name
            )));
        }
    };
    Ok(BuiltOperator::Operator(built))
}

fn source(
    spec: &SourceSpec,
    output: SchemaRef,
    session: &Configuration,
    context: &JobContext,
) -> Result<BuiltOperator> {
    let expressions = context.expressions.as_ref();
    let source = connect::scan_source(spec, session, &context.connectors)?;
    let pushdown = connect::pushdown(spec, expressions)?;
    let watermarks = spec.watermark.as_ref();
    let watermarks = watermarks
        .map(|w| SourceWatermarks::new(w, &output, expressions, &context.alignments))
        .transpose()?;
    let metadata = spec.metadata.clone();
    let reader = SourceReaderOperator::new(source, pushdown, metadata, output, watermarks);
    Ok(BuiltOperator::Source(Box::new(reader)))
}

fn group_aggregate(
    spec: &GroupAggregateSpec,
    input: &SchemaRef,
    output: SchemaRef,
    context: &JobContext,
) -> Result<Box<dyn Operator>> {
    let functions = context.functions.as_ref();
    Ok(match spec.mini_batch_rows {
        Some(rows) => {
            let bundle = MiniBatchGroupAggregate::new(spec, input, output, functions)?;
            Box::new(Bundled::new(bundle, rows))
        }
        None => Box::new(GroupAggregateOperator::new(spec, input, output, functions)?),
    })
}

/// The phases of an aggregation before its last.
fn partial_aggregate(
    spec: &OperatorSpec,
    input: &SchemaRef,
    output: SchemaRef,
    context: &JobContext,
) -> Result<Box<dyn Operator>> {
    let functions = context.functions.as_ref();
    Ok(match spec {
        OperatorSpec::LocalGroupAggregate(spec) => {
            let bundle = LocalGroupAggregate::new(spec, input, output, functions)?;
            Box::new(Bundled::new(bundle, spec.mini_batch_rows))
        }
        OperatorSpec::IncrementalGroupAggregate(spec) => {
            let bundle = IncrementalGroupAggregate::new(spec, input, output, functions)?;
            Box::new(Bundled::new(bundle, spec.mini_batch_rows))
        }
        other => return Err(OperatorError::engine(format!("{other:?} is no phase."))),
    })
}

fn process_table(
    spec: &ProcessTableSpec,
    inputs: &[Vec<Field>],
    output: SchemaRef,
    context: &JobContext,
) -> Result<Box<dyn Operator>> {
    let schemas = inputs.iter().map(filbert_types::schema::arrow_schema);
    let schemas: Vec<SchemaRef> = schemas.collect();
    let operator = ProcessTableFunctionOperator::new(spec, &schemas, output, context)?;
    Ok(Box::new(operator))
}

fn lookup_join(
    spec: &LookupJoinSpec,
    input: &SchemaRef,
    output: SchemaRef,
    session: &Configuration,
    context: &JobContext,
) -> Result<Box<dyn Operator>> {
    let source = connect::lookup_source(&spec.table, session, &context.connectors)?;
    let expressions = context.expressions.as_ref();
    let joined = LookupJoinOperator::new(spec, source, input, output, expressions)?;
    Ok(Box::new(joined))
}

fn joins(
    spec: &OperatorSpec,
    inputs: [&SchemaRef; 2],
    output: SchemaRef,
    expressions: &dyn ExpressionFactory,
) -> Result<Box<dyn Operator>> {
    Ok(match spec {
        OperatorSpec::Join(spec) => {
            let join = JoinOperator::new(spec, inputs, output, expressions)?;
            match spec.mini_batch_rows {
                Some(rows) => Box::new(Bundled::new(MiniBatchJoin::new(join, spec, inputs), rows)),
                None => Box::new(join),
            }
        }
        OperatorSpec::IntervalJoin(spec) => Box::new(IntervalJoinOperator::new(
            spec,
            inputs,
            output,
            expressions,
        )?),
        OperatorSpec::TemporalJoin(spec) => Box::new(TemporalJoinOperator::new(
            spec,
            inputs,
            output,
            expressions,
        )?),
        other => return Err(OperatorError::engine(format!("{other:?} joins nothing."))),
    })
}

/// The operators that put rows in order.
fn ordering(
    spec: &OperatorSpec,
    input: &SchemaRef,
    output: SchemaRef,
    functions: &FunctionRegistry,
) -> Result<Box<dyn Operator>> {
    Ok(match spec {
        OperatorSpec::Rank(spec) => Box::new(RankOperator::new(spec, input, output)?),
        OperatorSpec::FirstN(spec) => Box::new(FirstNOperator::new(spec, input, output)?),
        OperatorSpec::Deduplicate(spec) => match spec.rowtime.filter(|_| !spec.keep_last) {
            Some(rowtime) => Box::new(FirstRowOperator::new(spec, rowtime, input, output)?),
            None => Box::new(LastRowOperator::new(spec, input, output)?),
        },
        OperatorSpec::TemporalSort(spec) => {
            Box::new(TemporalSortOperator::new(spec, input, output)?)
        }
        OperatorSpec::Over(spec) => match spec.order {
            OverTime::Column(key) | OverTime::Corrected(key) => Box::new(
                ChangingOverOperator::new(spec, key, input, output, functions)?,
            ),
            _ => Box::new(OverOperator::new(spec, input, output, functions)?),
        },
        other => return Err(OperatorError::engine(format!("{other:?} orders nothing."))),
    })
}

/// The operators that make one changelog of another.
fn changelog(
    spec: &OperatorSpec,
    input: &SchemaRef,
    output: SchemaRef,
    expressions: &dyn ExpressionFactory,
) -> Result<Box<dyn Operator>> {
    Ok(match spec {
        OperatorSpec::ChangelogFunction(spec) => {
            Box::new(ChangelogFunctionOperator::new(spec.clone(), output))
        }
        OperatorSpec::ChangelogNormalize(spec) => Box::new(ChangelogNormalizeOperator::new(
            spec,
            input,
            output,
            expressions,
        )?),
        OperatorSpec::SinkMaterializer(spec) => sink_materializer(spec, input, output)?,
        other => {
            return Err(OperatorError::engine(format!(
                "{other:?} is no changelog's."
            )));
        }
    })
}

fn sink_materializer(
    spec: &SinkMaterializerSpec,
    input: &SchemaRef,
    output: SchemaRef,
) -> Result<Box<dyn Operator>> {
    let compacting =
        |fails| SinkCompactingMaterializerOperator::new(spec, fails, input, Arc::clone(&output));
    Ok(match spec.conflict {
        ConflictSpec::Deduplicate => Box::new(SinkUpsertMaterializerOperator::new(
            spec,
            input,
            Arc::clone(&output),
        )?),
        ConflictSpec::Nothing => Box::new(compacting(false)?),
        ConflictSpec::Error => Box::new(compacting(true)?),
    })
}

/// The fields that a node emits, in Arrow's form.
pub fn output_schema(node: &StreamNode) -> SchemaRef {
    Arc::clone(&filbert_types::schema::arrow_schema(&node.output))
}
