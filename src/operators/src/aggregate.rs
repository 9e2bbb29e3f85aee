//! Aggregate functions over keyed state: running values for a per-record changelog, and bulk updates for windows.
//!
//! An [`Accumulator`] keeps one call's state in tables by slot. `running` applies a batch row by row and writes the
//! call's value before and after each row, all calls apart from each other: the operator then picks the rows that the
//! changelog needs.

mod count;
mod decimal;
mod distinct;
mod fixed;
mod min_max;
mod min_max_bytes;
mod sum;

use arrow::array::{Array, ArrayRef, BooleanArray};
use arrow::datatypes::DataType;
use filbert_graph::spec::AggregateCallSpec;
use filbert_types::{RowKind, TypeKind};

use crate::error::{OperatorError, Result};
use distinct::DistinctValues;

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

impl Rows<'_> {
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
    /// When the arguments are not of the declared type.
    fn running(
        &mut self,
        rows: Rows<'_>,
        args: &[ArrayRef],
        changed: &mut [bool],
    ) -> Result<ArrayRef>;

    /// Applies the rows in order.
    ///
    /// # Errors
    /// When the arguments are not of the declared type.
    fn update(&mut self, rows: Rows<'_>, args: &[ArrayRef]) -> Result<()>;

    /// The values of these slots.
    ///
    /// # Errors
    /// When a value can't be written.
    fn values(&self, slots: &[u32]) -> Result<ArrayRef>;

    fn reset(&mut self, slot: u32);

    fn memory_bytes(&self) -> usize;
}

/// A call with its FILTER and DISTINCT.
pub struct AggregateCall {
    args: Vec<usize>,
    filter: Option<usize>,
    distinct: Option<DistinctValues>,
    accumulator: Box<dyn Accumulator>,
    ops: Vec<Op>,
}

impl AggregateCall {
    /// # Errors
    /// When the function isn't there for these arguments.
    pub fn new(spec: &AggregateCallSpec, retracts: bool) -> Result<AggregateCall> {
        if !spec.order_by.is_empty() {
            return Err(OperatorError::user(format!(
                "ORDER BY in {} is not supported in streaming mode.",
                spec.function
            )));
        }
        let arrow_types = spec.arg_types.iter().map(|t| t.kind.arrow()).collect();
        let distinct = spec
            .distinct
            .then(|| DistinctValues::new(arrow_types))
            .transpose()?;
        Ok(AggregateCall {
            args: spec.args.clone(),
            filter: spec.filter,
            distinct,
            accumulator: accumulator(spec, retracts)?,
            ops: Vec::new(),
        })
    }

    pub fn reserve_slots(&mut self, slots_end: usize) {
        self.accumulator.reserve_slots(slots_end);
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
        let args = self.arguments(rows, columns)?;
        let ops = if self.filter.is_some() || self.distinct.is_some() {
            Some(self.ops.as_slice())
        } else {
            rows.ops
        };
        let rows = Rows { ops, ..rows };
        self.accumulator.running(rows, &args, changed)
    }

    /// See [`Accumulator::update`].
    ///
    /// # Errors
    /// As there.
    pub fn update(&mut self, rows: Rows<'_>, columns: &[ArrayRef]) -> Result<()> {
        let args = self.arguments(rows, columns)?;
        let ops = if self.filter.is_some() || self.distinct.is_some() {
            Some(self.ops.as_slice())
        } else {
            rows.ops
        };
        let rows = Rows { ops, ..rows };
        self.accumulator.update(rows, &args)
    }

    /// See [`Accumulator::values`].
    ///
    /// # Errors
    /// As there.
    pub fn values(&self, slots: &[u32]) -> Result<ArrayRef> {
        self.accumulator.values(slots)
    }

    pub fn reset(&mut self, slot: u32) {
        self.accumulator.reset(slot);
        if let Some(distinct) = &mut self.distinct {
            distinct.reset(slot);
        }
    }

    pub fn memory_bytes(&self) -> usize {
        let distinct = self
            .distinct
            .as_ref()
            .map_or(0, DistinctValues::memory_bytes);
        self.accumulator.memory_bytes() + distinct
    }

    /// The call's arguments; FILTER and DISTINCT decide in `self.ops` which rows still count.
    fn arguments(&mut self, rows: Rows<'_>, columns: &[ArrayRef]) -> Result<Vec<ArrayRef>> {
        let args: Vec<ArrayRef> = self
            .args
            .iter()
            .map(|i| ArrayRef::clone(&columns[*i]))
            .collect();
        if self.filter.is_none() && self.distinct.is_none() {
            return Ok(args);
        }
        self.ops.clear();
        self.ops.extend((0..rows.slots.len()).map(|i| rows.op(i)));
        if let Some(filter) = self.filter {
            apply_filter(&columns[filter], &mut self.ops)?;
        }
        if let Some(distinct) = &mut self.distinct {
            distinct.apply(rows, &args, &mut self.ops)?;
        }
        Ok(args)
    }
}

fn apply_filter(filter: &ArrayRef, ops: &mut [Op]) -> Result<()> {
    let Some(filter) = filter.as_any().downcast_ref::<BooleanArray>() else {
        return Err(OperatorError::engine(
            "An aggregate's FILTER is not BOOLEAN.",
        ));
    };
    for (i, op) in ops.iter_mut().enumerate() {
        if filter.is_null(i) || !filter.value(i) {
            *op = Op::Skip;
        }
    }
    Ok(())
}

/// The accumulator of a call. `retracts` says that rows may be taken back.
fn accumulator(spec: &AggregateCallSpec, retracts: bool) -> Result<Box<dyn Accumulator>> {
    let output = spec.output.ty.kind.arrow();
    let arg = spec.arg_types.first().map(|t| &t.kind);
    let made = match (spec.function.as_str(), arg) {
        ("COUNT", _) => Some(count::accumulator()),
        ("SUM" | "$SUM0" | "SUM0", Some(arg)) => sum::sum(arg, &output, spec.function != "SUM"),
        ("AVG", Some(arg)) => sum::avg(arg, &output),
        ("MIN" | "MAX", Some(arg)) => min_max(arg, &output, spec.function == "MAX", retracts),
        _ => None,
    };
    made.ok_or_else(|| {
        let types: Vec<String> = spec.arg_types.iter().map(ToString::to_string).collect();
        OperatorError::user(format!(
            "The aggregate function {}({}) is not supported in streaming mode yet.",
            spec.function,
            types.join(", ")
        ))
    })
}

fn min_max(
    arg: &TypeKind,
    output: &DataType,
    max: bool,
    retracts: bool,
) -> Option<Box<dyn Accumulator>> {
    if arg.is_character() || arg.is_binary() {
        Some(min_max_bytes::accumulator(output, max, retracts))
    } else {
        min_max::accumulator(output, max, retracts)
    }
}

#[cfg(test)]
mod tests;
