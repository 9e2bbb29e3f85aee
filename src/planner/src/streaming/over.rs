//! OverAggregate: functions over the rows around each row. By time results are final and rows wait for the watermark; by
//! an ordinary column, and by the time of rows that change, rows come and go anywhere, and results change with them.

use filbert_graph::OperatorSpec;
use filbert_graph::spec::{
    AggregateCallSpec, OverBound, OverFrame, OverFunction, OverSpec, OverTime, SortKey,
};
use filbert_types::{LogicalType, TimeKind, TypeKind};

use crate::columns::PlanColumn;
use crate::error::PlanError;
use crate::exprs::ExprCompiler;
use crate::streaming::aggregate::AggregateCall;
use crate::streaming::changelog::{DeleteKind, ModifyKinds, UpdateKind};
use crate::streaming::node::{Accepts, Distribution, KeySet, NodeView, StreamOperator, names};
use crate::streaming::rank::{order_text, processing_times};

#[derive(Debug, Clone)]
pub(crate) struct OverAggregate {
    pub partition_by: Vec<usize>,
    pub order: SortKey,
    pub time: TimeKind,
    pub frame: OverFrame,
    /// Their results follow the input's columns.
    pub calls: Vec<OverCall>,
    pub state_ttl_ms: Option<u64>,
}

/// A call with OVER.
#[derive(Debug, Clone)]
pub(crate) enum OverCall {
    Aggregate(AggregateCall),
    Lag {
        value: usize,
        offset: usize,
        default: Option<usize>,
    },
    Rank {
        dense: bool,
    },
}

impl OverAggregate {
    fn is_by_time(&self) -> bool {
        self.time != TimeKind::Regular
    }

    /// Each change computes anew the frames that it reaches, not all rows behind.
    fn is_corrected(&self, view: NodeView<'_>) -> bool {
        let running = (OverBound::UnboundedPreceding, OverBound::Offset(0));
        match self.time {
            TimeKind::Rowtime => view.input(0).traits.retracts(),
            TimeKind::Regular => (self.frame.start, self.frame.end) != running,
            TimeKind::Proctime => false,
        }
    }

    /// The frame of which the results of rows that change are corrected: LAG alone needs no more than it looks at.
    fn corrected_frame(&self) -> OverFrame {
        let reach = self.calls.iter().map(|call| match call {
            OverCall::Lag { offset, .. } => i64::try_from(*offset).ok(),
            _ => None,
        });
        match reach.collect::<Option<Vec<i64>>>().as_deref() {
            Some([first, rest @ ..]) if self.frame.start == OverBound::UnboundedPreceding => {
                OverFrame {
                    rows: true,
                    start: OverBound::Offset(-rest.iter().fold(*first, |a, b| a.max(*b))),
                    end: OverBound::Offset(0),
                }
            }
            _ => self.frame,
        }
    }

    fn frame_text(&self) -> String {
        let bound = |bound: OverBound| match bound {
            OverBound::UnboundedPreceding => "UNBOUNDED PRECEDING".to_owned(),
            OverBound::Offset(0) => "CURRENT ROW".to_owned(),
            OverBound::Offset(n) if n < 0 => format!("{} PRECEDING", n.unsigned_abs()),
            OverBound::Offset(n) => format!("{n} FOLLOWING"),
        };
        let units = if self.frame.rows { "ROWS" } else { "RANGE" };
        format!(
            "{units} BETWEEN {} AND {}",
            bound(self.frame.start),
            bound(self.frame.end)
        )
    }

    /// What Flink's accumulators hold beside the results, and tells whether rows behind are as they were: two averages
    /// may be equal here and differ further on.
    fn compared(&self, input: &[PlanColumn]) -> Vec<OverFunction> {
        let counted = self.calls.iter().filter_map(|call| match call {
            OverCall::Aggregate(call) => counted_beside(call, input),
            OverCall::Lag { .. } | OverCall::Rank { .. } => None,
        });
        let ty = LogicalType::not_null(TypeKind::BigInt);
        let output = PlanColumn::new(datafusion::common::Column::new_unqualified("$count"), ty);
        counted
            .map(|args| {
                let call = AggregateCall::count(args);
                OverFunction::Aggregate(call.spec(input, &output))
            })
            .collect()
    }
}

/// The call as the operator knows it: variances are others with OVER than in groups.
fn aggregate(call: &AggregateCall, input: &[PlanColumn], output: &PlanColumn) -> AggregateCallSpec {
    let mut spec = call.spec(input, output);
    let is_variance = spec.function.starts_with("STDDEV_") || spec.function.starts_with("VAR_");
    if is_variance && (output.ty.kind.is_integer() || output.ty.kind == TypeKind::Double) {
        spec.function = format!("$OVER_{}", spec.function);
    }
    spec
}

/// The columns whose values are counted (or rows, for none) to tell that an aggregate has changed where its result hasn't.
fn counted_beside(call: &AggregateCall, input: &[PlanColumn]) -> Option<Vec<usize>> {
    match (call.function.as_str(), call.args.as_slice()) {
        // Equal results here are equal results from here on.
        ("COUNT" | "MIN" | "MAX" | "$SUM0" | "SUM0" | "LISTAGG" | "ARRAY_AGG" | "COLLECT", _) => {
            None
        }
        ("SUM", [arg]) => (input[*arg].ty.nullable && !call.distinct).then(|| vec![*arg]),
        ("AVG" | "STDDEV_POP" | "STDDEV_SAMP" | "VAR_POP" | "VAR_SAMP", [arg]) => Some(vec![*arg]),
        _ => Some(Vec::new()),
    }
}

impl StreamOperator for OverAggregate {
    fn name(&self) -> &'static str {
        "OverAggregate"
    }

    fn details(&self, view: NodeView<'_>) -> String {
        let input = &view.input(0).columns;
        let partition: Vec<&str> = self
            .partition_by
            .iter()
            .map(|c| input[*c].name.as_str())
            .collect();
        let partition = match partition.as_slice() {
            [] => String::new(),
            names => format!("partitionBy=[{}], ", names.join(", ")),
        };
        let mut select: Vec<String> = names(input).into_iter().map(str::to_owned).collect();
        let outputs = &view.node.columns[input.len()..];
        select.extend(
            self.calls
                .iter()
                .zip(outputs)
                .map(|(call, output)| match call {
                    OverCall::Aggregate(call) => call.text(input, output, false),
                    OverCall::Rank { dense } => {
                        let name = if *dense { "DENSE_RANK" } else { "RANK" };
                        format!("{name}() AS {}", output.name)
                    }
                    OverCall::Lag {
                        value,
                        offset,
                        default,
                    } => {
                        let default = default
                            .map(|d| format!(", {}", input[d].name))
                            .unwrap_or_default();
                        format!(
                            "LAG({}, {offset}{default}) AS {}",
                            input[*value].name, output.name
                        )
                    }
                }),
        );
        format!(
            "{partition}orderBy=[{}], window=[ {}], select=[{}]",
            order_text(&[self.order], input),
            self.frame_text(),
            select.join(", ")
        )
    }

    fn spec(
        &self,
        view: NodeView<'_>,
        _exprs: &ExprCompiler,
    ) -> Result<Option<OperatorSpec>, PlanError> {
        let input = &view.input(0).columns;
        let outputs = &view.node.columns[input.len()..];
        let is_corrected = self.is_corrected(view);
        let calls = self
            .calls
            .iter()
            .zip(outputs)
            .map(|(call, output)| match call {
                OverCall::Aggregate(call) => {
                    OverFunction::Aggregate(aggregate(call, input, output))
                }
                OverCall::Rank { dense } if is_corrected => OverFunction::Rank { dense: *dense },
                // Flink's streams tell no equal rows apart: a rank is the number of rows up to it.
                OverCall::Rank { .. } => {
                    OverFunction::Aggregate(AggregateCall::count(Vec::new()).spec(input, output))
                }
                OverCall::Lag {
                    value,
                    offset,
                    default,
                } => OverFunction::Lag {
                    value: *value,
                    offset: *offset,
                    default: *default,
                },
            });
        Ok(Some(OperatorSpec::Over(OverSpec {
            partition_by: self.partition_by.clone(),
            order: match self.time {
                _ if is_corrected => OverTime::Corrected(self.order),
                TimeKind::Rowtime => OverTime::Rowtime(self.order.column),
                TimeKind::Proctime => OverTime::Proctime,
                TimeKind::Regular => OverTime::Column(self.order),
            },
            frame: match is_corrected {
                true => self.corrected_frame(),
                false => self.frame,
            },
            calls: calls.collect(),
            compared: match self.is_by_time() || is_corrected {
                true => Vec::new(),
                false => self.compared(input),
            },
            emit_update_before: view.node.traits.update == UpdateKind::BeforeAndAfter,
            processing_times: processing_times(input),
            state_ttl_ms: self.state_ttl_ms,
        })))
    }

    fn distribution(&self, _input: usize) -> Distribution {
        if self.partition_by.is_empty() {
            Distribution::Single
        } else {
            Distribution::Hash(self.partition_by.clone())
        }
    }

    fn fixed_parallelism(&self) -> Option<usize> {
        self.partition_by.is_empty().then_some(1)
    }

    fn accepts(&self, _input: usize) -> Accepts {
        let kinds = match self.time {
            TimeKind::Proctime => ModifyKinds::INSERT,
            TimeKind::Rowtime | TimeKind::Regular => ModifyKinds::ALL,
        };
        Accepts::Only(kinds, "OverAggregate".to_owned())
    }

    fn modifies(&self, inputs: &[ModifyKinds]) -> ModifyKinds {
        let is_final = self.is_by_time() && inputs.iter().all(|i| i.is_insert_only());
        match is_final {
            true => ModifyKinds::INSERT,
            false => ModifyKinds::ALL,
        }
    }

    fn update_inputs(&self, _required: UpdateKind, _view: NodeView<'_>) -> Vec<Vec<UpdateKind>> {
        vec![vec![UpdateKind::BeforeAndAfter]]
    }

    fn delete_inputs(&self, _required: DeleteKind, _view: NodeView<'_>) -> Vec<Vec<DeleteKind>> {
        vec![vec![DeleteKind::Full]]
    }

    fn upsert_keys(&self, view: NodeView<'_>) -> Vec<KeySet> {
        let partition: KeySet = self.partition_by.iter().copied().collect();
        let keys = view.input(0).upsert_keys.iter();
        keys.filter(|key| key.is_superset(&partition))
            .cloned()
            .collect()
    }
}
