//! Mini-batch: assigners behind the sources end the bundles, aggregations gather rows, and where their functions can be
//! merged they run in two phases.

use arrow::datatypes::DataType;
use filbert_functions::FunctionRegistry;
use filbert_functions::aggregate::aggregate;
use filbert_graph::spec::AggregateCallSpec;
use filbert_operators::aggregate::AggregateCalls;
use filbert_types::options::{
    AGG_PHASE_STRATEGY, INCREMENTAL_AGGREGATE, MINI_BATCH, MINI_BATCH_LATENCY, MINI_BATCH_SIZE,
};
use filbert_types::{Configuration, LogicalType, TimeKind, TypeKind};

use crate::columns::{PlanColumn, shown_type};
use crate::error::PlanError;
use crate::streaming::changelog::{DeleteKind, ModifyKinds, Traits, UpdateKind};
use crate::streaming::group_aggregate::{GroupAggregate, Level, Merged};
use crate::streaming::incremental_group_aggregate::IncrementalGroupAggregate;
use crate::streaming::local_group_aggregate::LocalGroupAggregate;
use crate::streaming::mini_batch_assigner::MiniBatchAssigner;
use crate::streaming::monotonicity::ignored_retractions;
use crate::streaming::node::{Distribution, NodeId, PlanNode, StreamOp, StreamPlan};

/// `table.exec.mini-batch.*`, where it is on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MiniBatch {
    latency_ms: u64,
    rows: u64,
    two_phases: bool,
    incremental: bool,
}

impl MiniBatch {
    /// # Errors
    /// When it is on without a latency or a size.
    pub fn of(configuration: &Configuration) -> Result<Option<MiniBatch>, PlanError> {
        if !configuration.get_bool(&MINI_BATCH)? {
            return Ok(None);
        }
        let latency = configuration.get_duration(&MINI_BATCH_LATENCY)?;
        let latency_ms = latency.map_or(0, |l| u64::try_from(l.as_millis()).unwrap_or(u64::MAX));
        if latency_ms == 0 {
            return Err(PlanError::Refused(
                "MiniBatch Latency must be greater than 0 ms.".to_owned(),
            ));
        }
        let rows = configuration.get_i64(&MINI_BATCH_SIZE)?.unwrap_or(-1);
        let Some(rows) = u64::try_from(rows).ok().filter(|rows| *rows > 0) else {
            return Err(PlanError::Refused(format!(
                "Key: '{}' must be > 0.",
                MINI_BATCH_SIZE.key
            )));
        };
        let strategy = configuration.get(&AGG_PHASE_STRATEGY);
        Ok(Some(MiniBatch {
            latency_ms,
            rows,
            incremental: configuration.get_bool(&INCREMENTAL_AGGREGATE)?,
            two_phases: strategy.is_none_or(|s| !s.eq_ignore_ascii_case("ONE_PHASE")),
        }))
    }

    /// Puts assigners behind sources and watermark assigners; before the changelog is inferred. Where nothing gathers
    /// rows there are no bundles to end.
    pub fn assign(self, plan: &mut StreamPlan) {
        if plan.nodes.iter().all(passes_rows) {
            return;
        }
        let rowtime = plan.nodes.iter().any(|node| needs_watermarks(plan, node));
        let behind: Vec<bool> = (0..plan.nodes.len())
            .map(|id| match &plan.nodes[id].op {
                StreamOp::WatermarkAssigner(_) => true,
                StreamOp::Source(_) => !feeds_watermarks(plan, id),
                _ => false,
            })
            .collect();
        let mut id = 0;
        rebuild(plan, |plan, mut node| {
            let columns = node.columns.clone();
            let has_watermarks = match &node.op {
                StreamOp::WatermarkAssigner(_) => true,
                StreamOp::Source(source) => source.watermark.is_some(),
                _ => false,
            };
            let mode = std::mem::take(&mut node.traits);
            let made = plan.add(node.op, node.inputs, node.columns);
            plan.nodes[made].traits = mode;
            id += 1;
            if !behind[id - 1] {
                return Ok(made);
            }
            let assigner = MiniBatchAssigner {
                interval_ms: self.latency_ms,
                rowtime: rowtime && has_watermarks,
            };
            let op = StreamOp::MiniBatchAssigner(assigner);
            Ok(plan.add(op, vec![made], columns))
        })
        .unwrap_or_default();
    }

    /// Lets joins and aggregations gather rows, and splits the latter in two phases; after the changelog is inferred.
    ///
    /// # Errors
    /// When a function isn't there for its arguments.
    pub fn gather(
        self,
        plan: &mut StreamPlan,
        functions: &FunctionRegistry,
    ) -> Result<(), PlanError> {
        rebuild(plan, |plan, node| {
            let mut aggregate = match node.op {
                StreamOp::GroupAggregate(aggregate) => aggregate,
                mut op => {
                    if let StreamOp::Join(join) = &mut op {
                        join.mini_batch_rows = join.gathers().then_some(self.rows);
                    }
                    let made = plan.add(op, node.inputs, node.columns);
                    plan.nodes[made].traits = node.traits;
                    return Ok(made);
                }
            };
            aggregate.mini_batch_rows = Some(self.rows);
            let input = node.inputs[0];
            let splits = self.two_phases
                && can_merge_all(&aggregate, plan.nodes[input].traits.retracts(), functions)
                && !is_distributed(plan, input, &aggregate);
            let inputs = match splits {
                true if self.incremental && ends_first_level(plan, input, &aggregate) => {
                    Some(self.middle_phase(plan, &mut aggregate)?)
                }
                true => self.local_phase(plan, input, &mut aggregate, &node.columns, functions)?,
                false => None,
            };
            let inputs = inputs.map_or(node.inputs, |local| vec![local]);
            let made = plan.add(StreamOp::GroupAggregate(aggregate), inputs, node.columns);
            plan.nodes[made].traits = node.traits;
            Ok(made)
        })
    }

    /// Adds the local phase, and makes the aggregation merge what it sends; none where its state can't be columns.
    fn local_phase(
        self,
        plan: &mut StreamPlan,
        input: NodeId,
        aggregate: &mut GroupAggregate,
        outputs: &[PlanColumn],
        functions: &FunctionRegistry,
    ) -> Result<Option<NodeId>, PlanError> {
        let ignored = ignored_retractions(aggregate, plan, input);
        let from = &plan.nodes[input];
        let retracts = from.traits.retracts();
        let specs = aggregate.specs(&from.columns, outputs, &ignored);
        let accumulators = AggregateCalls::with_functions(&specs, retracts, functions)
            .map_err(|e| PlanError::Refused(e.to_string()))?;
        let state_types = accumulators.state_types();
        let is_user = |spec: &AggregateCallSpec| functions.user_aggregate(&spec.function).is_some();
        let carried = |ty: &DataType| shown_type(ty).arrow() == *ty;
        if specs.iter().any(is_user) && !state_types.iter().all(carried) {
            return Ok(None);
        }
        let names = buffer_names(aggregate, retracts);
        let keys = aggregate.keys.iter();
        let keys = keys.map(|key| from.columns[*key].clone()).collect();
        let columns = with_state(plan, keys, &accumulators);
        let local = LocalGroupAggregate {
            keys: aggregate.keys.clone(),
            calls: aggregate.calls.clone(),
            specs: specs.clone(),
            level: aggregate.level,
            buffers: names.clone(),
            retracts,
            ignored: ignored.clone(),
            mini_batch_rows: self.rows,
        };
        aggregate.keys = (0..aggregate.keys.len()).collect();
        aggregate.merged = Some(Merged {
            specs,
            buffers: names,
            retracts,
            ignored,
        });
        let made = plan.add(
            StreamOp::LocalGroupAggregate(Box::new(local)),
            vec![input],
            columns,
        );
        plan.nodes[made].traits =
            Traits::of(ModifyKinds::INSERT, UpdateKind::None, DeleteKind::None);
        Ok(Some(made))
    }
}

/// True when an aggregation is the second level of a split one, right behind the first, which has two phases.
fn ends_first_level(plan: &StreamPlan, input: NodeId, aggregate: &GroupAggregate) -> bool {
    let first = match &plan.nodes[input].op {
        StreamOp::GroupAggregate(first) => first.level == Level::Partial && first.merged.is_some(),
        _ => false,
    };
    first && aggregate.level == Level::Final && input + 1 == plan.nodes.len()
}

/// Keys, the columns of the calls' state, and the number of rows.
fn with_state(plan: &StreamPlan, keys: Vec<PlanColumn>, calls: &AggregateCalls) -> Vec<PlanColumn> {
    let mut columns = keys;
    let types = calls.state_types();
    let types = types.iter().map(shown_type);
    for ty in types.chain([LogicalType::not_null(TypeKind::BigInt)]) {
        let name = format!("acc${}#{}", columns.len(), plan.nodes.len());
        let column = datafusion::common::Column::new_unqualified(name);
        columns.push(PlanColumn::new(column, ty));
    }
    columns
}

impl MiniBatch {
    /// Puts the middle phase of a split aggregation in the place of the first level's second phase, which is the plan's
    /// last node, and makes the second level merge what it sends.
    fn middle_phase(
        self,
        plan: &mut StreamPlan,
        aggregate: &mut GroupAggregate,
    ) -> Result<NodeId, PlanError> {
        let internal = || PlanError::Internal("a split aggregation without its first level".into());
        let node = plan.nodes.pop().ok_or_else(internal)?;
        let StreamOp::GroupAggregate(first) = node.op else {
            return Err(internal());
        };
        let merged = first.merged.ok_or_else(internal)?;
        let results: Vec<AggregateCallSpec> = merged
            .specs
            .iter()
            .map(|spec| AggregateCallSpec {
                distinct: false,
                ..spec.clone()
            })
            .collect();
        let accumulators = AggregateCalls::new(&results, merged.retracts)
            .map_err(|e| PlanError::Refused(e.to_string()))?;
        let local = node.inputs[0];
        let keys = plan.nodes[local].columns[..aggregate.keys.len()].to_vec();
        let columns = with_state(plan, keys, &accumulators);
        let middle = IncrementalGroupAggregate {
            keys: aggregate.keys.len(),
            key_columns: first.keys.len(),
            calls: first.calls,
            specs: merged.specs.clone(),
            buffers: merged.buffers.clone(),
            retracts: merged.retracts,
            ignored: merged.ignored.clone(),
            state_ttl_ms: first.state_ttl_ms,
            mini_batch_rows: self.rows,
        };
        aggregate.merged = Some(Merged {
            specs: results,
            ..merged
        });
        let op = StreamOp::IncrementalGroupAggregate(Box::new(middle));
        let made = plan.add(op, vec![local], columns);
        plan.nodes[made].traits =
            Traits::of(ModifyKinds::INSERT, UpdateKind::None, DeleteKind::None);
        Ok(made)
    }
}

/// Rebuilds a plan node by node: `add` adds each, with its inputs moved, and says where it stands now.
pub(super) fn rebuild(
    plan: &mut StreamPlan,
    mut add: impl FnMut(&mut StreamPlan, crate::streaming::node::PlanNode) -> Result<NodeId, PlanError>,
) -> Result<(), PlanError> {
    let old = std::mem::take(&mut plan.nodes);
    let mut moved: Vec<NodeId> = Vec::with_capacity(old.len());
    for mut node in old {
        for input in &mut node.inputs {
            *input = moved[*input];
        }
        moved.push(add(plan, node)?);
    }
    Ok(())
}

/// Nodes that neither gather rows nor wait for watermarks.
fn passes_rows(node: &PlanNode) -> bool {
    match &node.op {
        StreamOp::Source(source) => source.watermark.is_none(),
        StreamOp::Join(join) => !join.gathers(),
        StreamOp::Values(_)
        | StreamOp::Calc(_)
        | StreamOp::Union(_)
        | StreamOp::ChangelogNormalize(_)
        | StreamOp::Sink(_)
        | StreamOp::Collect(_) => true,
        _ => false,
    }
}

/// Operators that wait for event time; the others don't look at watermarks.
fn needs_watermarks(plan: &StreamPlan, node: &PlanNode) -> bool {
    if let StreamOp::Rank(rank) = &node.op {
        return rank.time(&plan.nodes[node.inputs[0]]) == Some(TimeKind::Rowtime);
    }
    !matches!(
        node.op,
        StreamOp::Source(_)
            | StreamOp::Values(_)
            | StreamOp::Calc(_)
            | StreamOp::WatermarkAssigner(_)
            | StreamOp::Union(_)
            | StreamOp::Expand(_)
            | StreamOp::GroupAggregate(_)
            | StreamOp::Join(_)
            | StreamOp::Unnest(_)
            | StreamOp::ChangelogNormalize(_)
            | StreamOp::DropUpdateBefore(_)
            | StreamOp::Sink(_)
            | StreamOp::Collect(_)
    )
}

/// True when watermarks are assigned to a source's rows, with nothing but row-wise operators between.
fn feeds_watermarks(plan: &StreamPlan, id: NodeId) -> bool {
    plan.nodes.iter().any(|node| {
        node.inputs.contains(&id)
            && match &node.op {
                StreamOp::WatermarkAssigner(_) => true,
                StreamOp::Calc(_) => plan
                    .nodes
                    .iter()
                    .position(|other| std::ptr::eq(other, node))
                    .is_some_and(|next| feeds_watermarks(plan, next)),
                _ => false,
            }
    })
}

/// True when the input's rows of a key are together already.
pub(super) fn is_distributed(plan: &StreamPlan, input: NodeId, aggregate: &GroupAggregate) -> bool {
    let node = &plan.nodes[input];
    match &node.op {
        StreamOp::Calc(_) | StreamOp::DropUpdateBefore(_) if aggregate.keys.is_empty() => {
            is_distributed(plan, node.inputs[0], aggregate)
        }
        op => aggregate.keys.is_empty() && op.operator().distribution(0) == Distribution::Single,
    }
}

/// A part that takes back more than it has seen can't tell a variance.
pub(super) fn can_merge_all(
    aggregate: &GroupAggregate,
    retracts: bool,
    functions: &FunctionRegistry,
) -> bool {
    let is_variance = |name: &str| name.starts_with("STDDEV_") || name.starts_with("VAR_");
    // Nor can a user's function be asked to.
    let is_user = |name: &str| !retracts && functions.user_aggregate(name).is_some();
    let mut calls = aggregate.calls.iter();
    calls.all(|call| {
        let name = call.function.as_str();
        is_user(name) || can_merge(name) && !(retracts && is_variance(name))
    })
}

/// Whether Flink's function merges accumulators.
pub(super) fn can_merge(function: &str) -> bool {
    let known = function.ends_with("SUM0") || aggregate(function).is_some();
    known
        && !function.starts_with("JSON_")
        && !matches!(function, "FIRST_VALUE" | "LAST_VALUE" | "SINGLE_VALUE")
}

/// The names of each call's buffers, as Flink prints them: `count1$0`, `(sum$1, count$2)`; behind them the number of rows
/// where the plan needs one.
pub(super) fn buffer_names(aggregate: &GroupAggregate, retracts: bool) -> Vec<String> {
    let mut next = 0;
    let mut named = |name: &str| {
        let text = format!("{name}${next}");
        next += 1;
        text
    };
    let mut names: Vec<String> = aggregate
        .calls
        .iter()
        .map(|call| match call.function.as_str() {
            "COUNT" if call.args.is_empty() => named("count1"),
            "SUM" if retracts => format!("({}, {})", named("sum"), named("count")),
            "AVG" => format!("({}, {})", named("sum"), named("count")),
            "SUM0" | "$SUM0" => named("sum"),
            "LISTAGG" if !retracts && !call.distinct => {
                format!("({}, {})", named("accDelimiter"), named("concatAcc"))
            }
            function => named(&function.to_lowercase()),
        })
        .collect();
    let counts_rows = |call: &crate::streaming::aggregate::AggregateCall| {
        call.function == "COUNT" && call.args.is_empty() && call.filter.is_none()
    };
    if retracts && !aggregate.calls.iter().any(counts_rows) {
        names.push(named("count1"));
    }
    names
}
