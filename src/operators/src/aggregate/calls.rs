//! An operator's aggregate calls side by side: each with its FILTER, DISTINCT ones with the values that they share.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, BooleanArray};
use arrow::datatypes::DataType;
use filbert_functions::FunctionRegistry;
use filbert_graph::spec::AggregateCallSpec;
use filbert_state::ValueTable;

use super::distinct::DistinctValues;
use super::{Accumulator, Op, Rows, make};
use crate::error::{OperatorError, Result};

/// The calls of an operator. DISTINCT calls over the same arguments share the values that they have seen.
pub struct AggregateCalls {
    calls: Vec<Call>,
    distinct: Vec<DistinctValues>,
}

/// A call with its FILTER and DISTINCT.
struct Call {
    args: Vec<usize>,
    filter: Option<usize>,
    /// Of a DISTINCT call, the place of its values among the shared ones, and its lane there.
    distinct: Option<(usize, usize)>,
    accumulator: Box<dyn Accumulator>,
    ops: Vec<Op>,
}

impl AggregateCalls {
    /// `retracts` says that rows may be taken back.
    ///
    /// # Errors
    /// When a function isn't there for its arguments.
    pub fn new<'s>(
        specs: impl IntoIterator<Item = &'s AggregateCallSpec>,
        retracts: bool,
    ) -> Result<AggregateCalls> {
        AggregateCalls::with_functions(specs, retracts, &FunctionRegistry::new())
    }

    /// As `new`; the calls may be of functions that the embedding program registered.
    ///
    /// # Errors
    /// As there, and when rows may be taken back from a function that doesn't know how.
    pub fn with_functions<'s>(
        specs: impl IntoIterator<Item = &'s AggregateCallSpec>,
        retracts: bool,
        functions: &FunctionRegistry,
    ) -> Result<AggregateCalls> {
        let mut made = AggregateCalls {
            calls: Vec::new(),
            distinct: Vec::new(),
        };
        for spec in specs {
            let distinct = match spec.distinct {
                true => Some(made.lane_for(spec)?),
                false => None,
            };
            made.calls.push(Call {
                args: spec.args.clone(),
                filter: spec.filter,
                distinct,
                accumulator: make::accumulator(
                    spec,
                    retracts && !spec.ignores_retractions,
                    functions,
                )?,
                ops: Vec::new(),
            });
        }
        Ok(made)
    }

    fn lane_for(&mut self, spec: &AggregateCallSpec) -> Result<(usize, usize)> {
        let known = self.distinct.iter().position(|d| d.args == spec.args);
        let view = match known {
            Some(view) => view,
            None => {
                let types = spec.arg_types.iter().map(|t| t.kind.arrow()).collect();
                self.distinct
                    .push(DistinctValues::new(spec.args.clone(), types)?);
                self.distinct.len() - 1
            }
        };
        Ok((view, self.distinct[view].add_lane()))
    }

    pub fn len(&self) -> usize {
        self.calls.len()
    }

    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    pub fn reserve_slots(&mut self, slots_end: usize) {
        for call in &mut self.calls {
            call.accumulator.reserve_slots(slots_end);
        }
    }

    /// [`Accumulator::running`] for each call, over the operator's input columns.
    ///
    /// # Errors
    /// As there.
    pub fn running(
        &mut self,
        rows: Rows<'_>,
        columns: &[ArrayRef],
        changed: &mut [bool],
    ) -> Result<Vec<ArrayRef>> {
        self.decide(rows, columns)?;
        let calls = self.calls.iter_mut();
        calls
            .map(|call| {
                let args = call.arguments(columns);
                let (accumulator, rows) = call.parts(rows);
                accumulator.running(rows, &args, changed)
            })
            .collect()
    }

    /// [`Accumulator::update`] for each call.
    ///
    /// # Errors
    /// As there.
    pub fn update(&mut self, rows: Rows<'_>, columns: &[ArrayRef]) -> Result<()> {
        self.decide(rows, columns)?;
        for call in &mut self.calls {
            let args = call.arguments(columns);
            let (accumulator, rows) = call.parts(rows);
            accumulator.update(rows, &args)?;
        }
        Ok(())
    }

    /// [`Accumulator::values`] of each call.
    ///
    /// # Errors
    /// As there.
    pub fn values(&self, slots: &[u32]) -> Result<Vec<ArrayRef>> {
        let calls = self.calls.iter();
        calls.map(|call| call.accumulator.values(slots)).collect()
    }

    pub fn reset(&mut self, slot: u32) {
        self.reset_results(slot);
        self.reset_values(slot);
    }

    /// Resets these slots, which are all that hold anything.
    pub fn reset_all(&mut self, slots: &[u32]) {
        slots.iter().for_each(|slot| self.reset_results(*slot));
        self.distinct.iter_mut().for_each(DistinctValues::clear);
    }

    pub fn memory_bytes(&self) -> usize {
        let calls = self
            .calls
            .iter()
            .map(|call| call.accumulator.memory_bytes());
        let distinct = self.distinct.iter().map(DistinctValues::memory_bytes);
        calls.sum::<usize>() + distinct.sum::<usize>()
    }

    /// Adds what the slots of `from` hold to those of `into`, pair by pair; `from` stays as it is, and shares no slot
    /// with `into`.
    ///
    /// # Errors
    /// When the state can't be carried over.
    pub fn merge(&mut self, from: &[u32], into: &[u32]) -> Result<()> {
        for call in &mut self.calls {
            match call.distinct {
                None => call.accumulator.merge(from, into)?,
                Some((view, lane)) => {
                    let state = self.distinct[view].export(from, lane)?;
                    call.import_distinct(&mut self.distinct[view], lane, into, &state)?;
                }
            }
        }
        Ok(())
    }

    /// The types of the columns that [`AggregateCalls::export`] gives.
    pub fn state_types(&self) -> Vec<DataType> {
        let calls = self.calls.iter();
        calls.flat_map(|call| self.types_of(call)).collect()
    }

    /// Which of the state's columns are each call's.
    pub fn state_columns(&self) -> Vec<Range<usize>> {
        let mut end = 0;
        let calls = self.calls.iter();
        calls
            .map(|call| {
                let start = end;
                end += self.types_of(call).len();
                start..end
            })
            .collect()
    }

    fn types_of(&self, call: &Call) -> Vec<DataType> {
        match call.distinct {
            Some((view, _)) => self.distinct[view].state_types(),
            None => call.accumulator.state_types(),
        }
    }

    /// The state of these slots as columns, a row each.
    ///
    /// # Errors
    /// When the state can't be written.
    pub fn export(&self, slots: &[u32]) -> Result<Vec<ArrayRef>> {
        let mut columns = Vec::new();
        for call in &self.calls {
            columns.extend(match call.distinct {
                Some((view, lane)) => self.distinct[view].export(slots, lane)?,
                None => call.accumulator.export(slots)?,
            });
        }
        Ok(columns)
    }

    /// Adds exported state to these slots, row by row.
    ///
    /// # Errors
    /// When the columns are not those of `export`.
    pub fn import(&mut self, slots: &[u32], state: &[ArrayRef]) -> Result<()> {
        let places = self.state_columns();
        for (call, place) in self.calls.iter_mut().zip(places) {
            let Some(state) = state.get(place) else {
                return Err(OperatorError::engine("An aggregate's state lacks columns."));
            };
            match call.distinct {
                None => call.accumulator.import(slots, state)?,
                Some((view, lane)) => {
                    call.import_distinct(&mut self.distinct[view], lane, slots, state)?;
                }
            }
        }
        Ok(())
    }

    /// As `import`, where the values that DISTINCT calls have seen have slots of their own; `slot_of` gives the slot of
    /// the accumulators for each of those.
    ///
    /// # Errors
    /// As there.
    pub fn import_apart(
        &mut self,
        values: &[u32],
        slot_of: &ValueTable<u32>,
        slots: &[u32],
        state: &[ArrayRef],
    ) -> Result<()> {
        let places = self.state_columns();
        for (call, place) in self.calls.iter_mut().zip(places) {
            let Some(state) = state.get(place) else {
                return Err(OperatorError::engine("An aggregate's state lacks columns."));
            };
            let Some((view, lane)) = call.distinct else {
                call.accumulator.import(slots, state)?;
                continue;
            };
            let news = self.distinct[view].import(values, state, lane)?;
            let slots: Vec<u32> = news.slots.iter().map(|v| slot_of.get(*v)).collect();
            let rows = Rows {
                slots: &slots,
                ops: Some(&news.ops),
                resets: None,
            };
            call.accumulator.update(rows, &news.columns)?;
        }
        Ok(())
    }

    /// The accumulators of these slots as columns, without the values that DISTINCT calls have seen.
    ///
    /// # Errors
    /// When the state can't be written.
    pub fn export_results(&self, slots: &[u32]) -> Result<Vec<ArrayRef>> {
        let mut columns = Vec::new();
        for call in &self.calls {
            columns.extend(call.accumulator.export(slots)?);
        }
        Ok(columns)
    }

    pub fn reset_results(&mut self, slot: u32) {
        for call in &mut self.calls {
            call.accumulator.reset(slot);
        }
    }

    pub fn reset_values(&mut self, slot: u32) {
        for distinct in &mut self.distinct {
            distinct.reset(slot);
        }
    }

    /// Which rows count for which call.
    fn decide(&mut self, rows: Rows<'_>, columns: &[ArrayRef]) -> Result<()> {
        for call in &mut self.calls {
            if !call.decides() {
                continue;
            }
            call.ops.clear();
            call.ops.extend((0..rows.slots.len()).map(|i| rows.op(i)));
            if let Some(filter) = call.filter {
                apply_filter(&columns[filter], &mut call.ops)?;
            }
        }
        for (view, distinct) in self.distinct.iter_mut().enumerate() {
            let mut lanes: Vec<&mut [Op]> = self
                .calls
                .iter_mut()
                .filter(|call| call.distinct.is_some_and(|(of, _)| of == view))
                .map(|call| call.ops.as_mut_slice())
                .collect();
            distinct.apply(rows, columns, &mut lanes)?;
        }
        Ok(())
    }
}

impl Call {
    /// Whether the call looks at fewer rows than come.
    fn decides(&self) -> bool {
        self.filter.is_some() || self.distinct.is_some()
    }

    fn arguments(&self, columns: &[ArrayRef]) -> Vec<ArrayRef> {
        let args = self.args.iter();
        args.map(|i| ArrayRef::clone(&columns[*i])).collect()
    }

    /// The accumulator, and the rows with the call's own ops.
    fn parts<'a>(&'a mut self, rows: Rows<'a>) -> (&'a mut dyn Accumulator, Rows<'a>) {
        let ops = match self.decides() {
            true => Some(self.ops.as_slice()),
            false => rows.ops,
        };
        (self.accumulator.as_mut(), Rows { ops, ..rows })
    }

    fn import_distinct(
        &mut self,
        distinct: &mut DistinctValues,
        lane: usize,
        slots: &[u32],
        state: &[ArrayRef],
    ) -> Result<()> {
        let news = distinct.import(slots, state, lane)?;
        let rows = Rows {
            slots: &news.slots,
            ops: Some(&news.ops),
            resets: None,
        };
        self.accumulator.update(rows, &news.columns)
    }
}

fn apply_filter(filter: &ArrayRef, ops: &mut [Op]) -> Result<()> {
    let Some(filter) = filter.as_any().downcast_ref::<BooleanArray>() else {
        return Err(OperatorError::engine(
            "An aggregate's FILTER is not BOOLEAN.",
        ));
    };
    let passes = match filter.nulls() {
        Some(nulls) => filter.values() & nulls.inner(),
        None => filter.values().clone(),
    };
    for i in (!&passes).set_indices() {
        ops[i] = Op::Skip;
    }
    Ok(())
}

/// One call by itself.
pub struct AggregateCall(AggregateCalls);

impl AggregateCall {
    /// # Errors
    /// When the function isn't there for these arguments.
    pub fn new(spec: &AggregateCallSpec, retracts: bool) -> Result<AggregateCall> {
        AggregateCalls::new([spec], retracts).map(AggregateCall)
    }

    /// See [`AggregateCalls::with_functions`].
    ///
    /// # Errors
    /// As there.
    pub fn with_functions(
        spec: &AggregateCallSpec,
        retracts: bool,
        functions: &FunctionRegistry,
    ) -> Result<AggregateCall> {
        AggregateCalls::with_functions([spec], retracts, functions).map(AggregateCall)
    }

    pub fn reserve_slots(&mut self, slots_end: usize) {
        self.0.reserve_slots(slots_end);
    }

    /// See [`Accumulator::running`].
    ///
    /// # Errors
    /// As there.
    pub fn running(
        &mut self,
        rows: Rows<'_>,
        columns: &[ArrayRef],
        changed: &mut [bool],
    ) -> Result<ArrayRef> {
        only(self.0.running(rows, columns, changed)?)
    }

    /// See [`Accumulator::update`].
    ///
    /// # Errors
    /// As there.
    pub fn update(&mut self, rows: Rows<'_>, columns: &[ArrayRef]) -> Result<()> {
        self.0.update(rows, columns)
    }

    /// See [`Accumulator::values`].
    ///
    /// # Errors
    /// As there.
    pub fn values(&self, slots: &[u32]) -> Result<ArrayRef> {
        only(self.0.values(slots)?)
    }

    pub fn reset(&mut self, slot: u32) {
        self.0.reset(slot);
    }

    pub fn memory_bytes(&self) -> usize {
        self.0.memory_bytes()
    }

    /// See [`AggregateCalls::merge`].
    ///
    /// # Errors
    /// As there.
    pub fn merge(&mut self, from: &[u32], into: &[u32]) -> Result<()> {
        self.0.merge(from, into)
    }
}

fn only(mut columns: Vec<ArrayRef>) -> Result<ArrayRef> {
    columns
        .pop()
        .ok_or_else(|| OperatorError::engine("An aggregate call without a value."))
}
