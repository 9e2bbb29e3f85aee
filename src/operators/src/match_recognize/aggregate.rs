//! Aggregates that don't run along with a partial match: over the rows of a match, which must be kept for them.

use std::cell::RefCell;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, UInt32Array, new_empty_array};
use arrow::compute::{concat, take};
use filbert_functions::FunctionRegistry;
use filbert_graph::spec::{AggregateCallSpec, MatchAggregateSpec};

use super::partial::{Partials, Taken};
use super::rows::Rows;
use crate::aggregate::{AggregateCall, Rows as AggregateRows};
use crate::error::Result;

/// The rows of matches, one match behind the other.
#[derive(Default)]
pub(super) struct Chains {
    pub rows: Vec<Taken>,
    /// Where the rows of each match end.
    pub ends: Vec<usize>,
}

impl Chains {
    pub fn add(&mut self, partials: &Partials, block: u32) {
        partials.rows_of(block, &mut self.rows);
        self.ends.push(self.rows.len());
    }

    pub fn of(&self, found: usize) -> std::ops::Range<usize> {
        let start = match found {
            0 => 0,
            found => self.ends[found - 1],
        };
        start..self.ends[found]
    }
}

/// An aggregate that needs the match's rows, with what computes it.
pub(super) struct RowsAggregate {
    spec: MatchAggregateSpec,
    functions: Arc<FunctionRegistry>,
    /// Made when it is first needed; empty between uses.
    call: RefCell<Option<AggregateCall>>,
}

impl RowsAggregate {
    pub fn new(spec: &MatchAggregateSpec, functions: &Arc<FunctionRegistry>) -> RowsAggregate {
        RowsAggregate {
            spec: spec.clone(),
            functions: Arc::clone(functions),
            call: RefCell::new(None),
        }
    }

    fn counts(&self, variable: usize) -> bool {
        self.spec.variables.contains(&variable)
    }

    /// Runs something with the accumulators of so many matches, which have seen no row.
    fn with_call<T>(
        &self,
        matches: usize,
        run: impl FnOnce(&mut AggregateCall) -> Result<T>,
    ) -> Result<T> {
        let mut made = self.call.borrow_mut();
        let mut call = match made.take() {
            Some(call) => call,
            None => self.make()?,
        };
        call.reserve_slots(matches);
        let value = run(&mut call)?;
        (0..matches as u32).for_each(|slot| call.reset(slot));
        *made = Some(call);
        Ok(value)
    }

    fn make(&self) -> Result<AggregateCall> {
        let spec = &self.spec;
        let call = AggregateCallSpec {
            function: spec.function.clone(),
            args: (0..spec.args.len()).collect(),
            arg_types: spec.arg_types.clone(),
            distinct: false,
            filter: None,
            order_by: Vec::new(),
            ignore_nulls: false,
            ignores_retractions: false,
            output: spec.output.clone(),
        };
        AggregateCall::with_functions(&call, false, &self.functions)
    }

    fn update(
        &self,
        call: &mut AggregateCall,
        rows: &Rows,
        taken: &[u32],
        slots: &[u32],
    ) -> Result<()> {
        let args = self.spec.args.iter();
        let args: Vec<ArrayRef> = args
            .map(|cell| rows.table.gather_column(*cell, taken))
            .collect::<Result<_, _>>()?;
        let aggregated = AggregateRows {
            slots,
            ops: None,
            resets: None,
        };
        call.update(aggregated, &args)
    }
}

/// The aggregate over all rows of each match.
///
/// # Errors
/// When it fails.
pub(super) fn finals(aggregate: &RowsAggregate, chains: &Chains, rows: &Rows) -> Result<ArrayRef> {
    let (mut taken, mut slots): (Vec<u32>, Vec<u32>) = (Vec::new(), Vec::new());
    for found in 0..chains.ends.len() {
        for row in &chains.rows[chains.of(found)] {
            if aggregate.counts(row.variable as usize) {
                taken.push(row.row);
                slots.push(found as u32);
            }
        }
    }
    aggregate.with_call(chains.ends.len(), |call| {
        aggregate.update(call, rows, &taken, &slots)?;
        let all: Vec<u32> = (0..chains.ends.len() as u32).collect();
        call.values(&all)
    })
}

/// The aggregate as of each row of each match, in the order of the chains' rows: in rounds, one row of each match at a
/// time.
///
/// # Errors
/// When it fails.
pub(super) fn running(aggregate: &RowsAggregate, chains: &Chains, rows: &Rows) -> Result<ArrayRef> {
    let mut values: Vec<ArrayRef> = vec![new_empty_array(&aggregate.spec.output.ty.arrow())];
    let mut places = vec![0u32; chains.rows.len()];
    aggregate.with_call(chains.ends.len(), |call| {
        let mut made = 0;
        for round in 0.. {
            let (mut taken, mut slots, mut shown) = (Vec::new(), Vec::new(), Vec::new());
            for found in 0..chains.ends.len() {
                let Some(at) = chains.of(found).nth(round) else {
                    continue;
                };
                let row = &chains.rows[at];
                if aggregate.counts(row.variable as usize) {
                    taken.push(row.row);
                    slots.push(found as u32);
                }
                shown.push(found as u32);
                places[at] = made;
                made += 1;
            }
            if shown.is_empty() {
                break;
            }
            aggregate.update(call, rows, &taken, &slots)?;
            values.push(call.values(&shown)?);
        }
        Ok(())
    })?;
    let values: Vec<&dyn Array> = values.iter().map(|v| v.as_ref()).collect();
    let places = UInt32Array::from(places);
    Ok(take(&concat(&values)?, &places, None)?)
}

/// The aggregate over a partial match and a row that it may take.
///
/// # Errors
/// When it fails.
pub(super) fn with_row(
    aggregate: &RowsAggregate,
    rows: &Rows,
    partials: &Partials,
    block: u32,
    (variable, row): (usize, u32),
) -> Result<ArrayRef> {
    let mut chain = Vec::new();
    partials.rows_of(block, &mut chain);
    let chain = chain.iter().map(|t| (t.variable as usize, t.row));
    let taken = chain.chain([(variable, row)]);
    let taken: Vec<u32> = taken
        .filter(|(variable, _)| aggregate.counts(*variable))
        .map(|(_, row)| row)
        .collect();
    aggregate.with_call(1, |call| {
        aggregate.update(call, rows, &taken, &vec![0; taken.len()])?;
        call.values(&[0])
    })
}

/// The values of matches for each of the rows that are given for them.
///
/// # Errors
/// When they can't be gathered.
pub(super) fn spread(values: &ArrayRef, places: Vec<u32>) -> Result<ArrayRef> {
    if places.len() == values.len() && places.iter().zip(0..).all(|(a, b)| *a == b) {
        return Ok(Arc::clone(values));
    }
    Ok(take(values, &UInt32Array::from(places), None)?)
}
