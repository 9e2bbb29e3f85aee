//! Aggregate functions over keyed state: running values for a per-record changelog, and bulk updates for windows and
//! bundles.
//!
//! - [`AggregateCalls`]: the calls of an operator, with their FILTERs and DISTINCTs; what operators use.
//! - [`Accumulator`]: one call's state in tables by slot. `running` applies a batch row by row and writes the call's value
//!   before and after each row, all calls apart from each other: the operator then picks the rows that the changelog
//!   needs. `merge` adds slots to slots (sessions, slices); `export` and `import` carry state as columns (local phases).
//! - Families: fixed-width running kernels (`fixed`: COUNT, SUM, AVG, MIN and MAX over inserts, first and last, variances),
//!   ordered multisets (MIN and MAX over changes, PERCENTILE), and collected values (`collect`: arrays, texts, JSON,
//!   multisets; `bitmap`).

mod bitmap;
mod calls;
mod chosen;
mod collect;
mod count;
mod decimal;
mod distinct;
mod first_last;
mod fixed;
mod json;
mod lists;
mod make;
mod min_max;
mod min_max_bytes;
mod percentile;
mod square_sums;
mod sum;
mod user;
mod variance;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use filbert_types::RowKind;

use crate::error::Result;

pub use calls::{AggregateCall, AggregateCalls};

/// What a row does to an accumulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Skip,
    Add,
    Retract,
}

impl Op {
    pub const fn of(kind: RowKind) -> Op {
        if kind.is_accumulate() {
            Op::Add
        } else {
            Op::Retract
        }
    }
}

/// The rows of a batch as accumulators see them.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    /// The slot of each row's key; the tables have room for all.
    pub slots: &'a [u32],
    /// None when every row adds.
    pub ops: Option<&'a [Op]>,
    /// After these rows the key's state is reset: its last row was retracted.
    pub resets: Option<&'a [bool]>,
}

impl<'a> Rows<'a> {
    /// Rows that all add.
    pub fn adding(slots: &'a [u32]) -> Rows<'a> {
        Rows {
            slots,
            ops: None,
            resets: None,
        }
    }

    #[inline]
    fn op(&self, row: usize) -> Op {
        self.ops.map_or(Op::Add, |ops| ops[row])
    }

    #[inline]
    fn resets(&self, row: usize) -> bool {
        self.resets.is_some_and(|resets| resets[row])
    }
}

/// The state of one aggregate call.
pub trait Accumulator: Send {
    fn reserve_slots(&mut self, slots_end: usize);

    /// Applies the rows in order. The result holds twice as many values: at `2 * i` the call's value before row `i`, at
    /// `2 * i + 1` the one after it. `changed` is set where the two differ, and left alone elsewhere.
    ///
    /// # Errors
    /// When the arguments are not of the declared type, or the function refuses a value.
    fn running(
        &mut self,
        rows: Rows<'_>,
        args: &[ArrayRef],
        changed: &mut [bool],
    ) -> Result<ArrayRef>;

    /// Applies the rows in order.
    ///
    /// # Errors
    /// As `running`.
    fn update(&mut self, rows: Rows<'_>, args: &[ArrayRef]) -> Result<()>;

    /// The values of these slots.
    ///
    /// # Errors
    /// When a value can't be written.
    fn values(&self, slots: &[u32]) -> Result<ArrayRef>;

    fn reset(&mut self, slot: u32);

    fn memory_bytes(&self) -> usize;

    /// The types of the columns that carry a slot's state.
    fn state_types(&self) -> Vec<DataType>;

    /// The state of these slots, a row each.
    ///
    /// # Errors
    /// When the state can't be written.
    fn export(&self, slots: &[u32]) -> Result<Vec<ArrayRef>>;

    /// Adds exported state to these slots, row by row.
    ///
    /// # Errors
    /// When the columns are not of `state_types`.
    fn import(&mut self, slots: &[u32], state: &[ArrayRef]) -> Result<()>;

    /// Adds what `from` holds to `into`, pair by pair; the slots of `from` stay as they are, and none is in `into` too.
    ///
    /// # Errors
    /// When the state can't be carried over.
    fn merge(&mut self, from: &[u32], into: &[u32]) -> Result<()> {
        let state = self.export(from)?;
        self.import(into, &state)
    }
}

#[cfg(test)]
mod changes;
#[cfg(test)]
mod tests;
