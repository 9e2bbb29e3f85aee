//! What enters and leaves the accumulators, in order, and the functions that run over it.

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use filbert_functions::FunctionRegistry;
use filbert_graph::spec::OverFunction;

use super::lag::Lag;
use crate::aggregate::{AggregateCalls, Op, Rows};
use crate::error::{OperatorError, Result};
use crate::stored_rows::StoredRows;

#[derive(Default)]
pub(super) struct Steps {
    pub entries: Vec<u32>,
    pub partitions: Vec<u32>,
    pub ops: Vec<Op>,
    /// The steps behind which the values of the rows that go out are taken.
    outputs: Vec<u32>,
}

impl Steps {
    pub fn push(&mut self, partition: u32, entry: u32, op: Op) {
        self.entries.push(entry);
        self.partitions.push(partition);
        self.ops.push(op);
    }

    pub fn output(&mut self, step: usize) {
        self.outputs.push(step as u32);
    }

    pub fn len(&self) -> usize {
        self.ops.len()
    }

    pub fn clear(&mut self) {
        self.entries.clear();
        self.partitions.clear();
        self.ops.clear();
        self.outputs.clear();
    }
}

/// The functions of a window.
pub(super) struct Calls {
    aggregates: AggregateCalls,
    lags: Vec<Lag>,
    /// For each function, its place among the aggregates or the lags.
    places: Vec<Place>,
    /// Columns that functions read.
    read: Vec<usize>,
    width: usize,
    changed: Vec<bool>,
}

enum Place {
    Aggregate(usize),
    Lag(usize),
}

impl Calls {
    /// `retracts`: rows leave the frames.
    pub fn new(
        functions: &[OverFunction],
        input: &SchemaRef,
        retracts: bool,
        registry: &FunctionRegistry,
    ) -> Result<Calls> {
        let (mut specs, mut lags, mut places) = (Vec::new(), Vec::new(), Vec::new());
        let mut read = Vec::new();
        for function in functions {
            match function {
                OverFunction::Aggregate(spec) => {
                    read.extend(spec.args.iter().chain(&spec.filter).copied());
                    places.push(Place::Aggregate(specs.len()));
                    specs.push(spec);
                }
                OverFunction::Lag {
                    value,
                    offset,
                    default,
                } => {
                    read.extend([*value].into_iter().chain(*default));
                    places.push(Place::Lag(lags.len()));
                    let ty = input.field(*value).data_type();
                    lags.push(Lag::new((*value, *offset, *default), ty, retracts)?);
                }
                OverFunction::Rank { .. } => {
                    return Err(OperatorError::engine("A rank is not computed by steps."));
                }
            }
        }
        read.sort_unstable();
        read.dedup();
        Ok(Calls {
            aggregates: AggregateCalls::with_functions(specs, retracts, registry)?,
            lags,
            places,
            read,
            width: input.fields().len(),
            changed: Vec::new(),
        })
    }

    /// Some function looks at the row for which it is computed.
    pub fn read_current(&self) -> bool {
        self.lags.iter().any(Lag::has_default)
    }

    pub fn reserve(&mut self, partitions_end: usize) {
        self.aggregates.reserve_slots(partitions_end);
        for lag in &mut self.lags {
            lag.reserve(partitions_end);
        }
    }

    /// Runs the steps; a column a function, with a value for each output.
    pub fn run(&mut self, steps: &Steps, rows: &StoredRows) -> Result<Vec<ArrayRef>> {
        if steps.len() == 0 {
            return Ok(Vec::new());
        }
        let columns = rows.gather_some(&self.read, self.width, &steps.entries)?;
        let all_add = steps.ops.iter().all(|op| *op == Op::Add);
        let run = Rows {
            slots: &steps.partitions,
            ops: (!all_add).then_some(steps.ops.as_slice()),
            resets: None,
        };
        self.changed.clear();
        self.changed.resize(steps.len(), false);
        let running = self.aggregates.running(run, &columns, &mut self.changed)?;
        let behind = UInt32Array::from_iter_values(steps.outputs.iter().map(|step| 2 * step + 1));
        let outputs = UInt32Array::from(steps.outputs.clone());
        let mut lagging = Vec::with_capacity(self.lags.len());
        for lag in &mut self.lags {
            lagging.push(take(&lag.run(steps, &columns)?, &outputs, None)?);
        }
        let places = self.places.iter();
        places
            .map(|place| match place {
                Place::Aggregate(index) => Ok(take(&running[*index], &behind, None)?),
                Place::Lag(index) => Ok(ArrayRef::clone(&lagging[*index])),
            })
            .collect()
    }

    pub fn reset(&mut self, partition: u32) {
        self.aggregates.reset(partition);
        for lag in &mut self.lags {
            lag.reset(partition);
        }
    }

    pub fn memory_bytes(&self) -> usize {
        let lags: usize = self.lags.iter().map(Lag::memory_bytes).sum();
        self.aggregates.memory_bytes() + lags
    }
}
