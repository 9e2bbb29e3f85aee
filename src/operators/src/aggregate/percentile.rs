//! PERCENTILE: all values with their counts, in order.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::builder::{Float64Builder, ListBuilder as ArrowListBuilder};
use arrow::array::cast::AsArray;
use arrow::array::types::{Float64Type, Int64Type};
use arrow::array::{Array, ArrayRef, Int64Array, PrimitiveArray};
use arrow::datatypes::{DataType, Field};
use filbert_state::OrderedMultiset;

use super::fixed::{argument, column};
use super::lists::{ListBuilder, counts_of, elements};
use super::{Accumulator, Op, Rows};
use crate::error::{OperatorError, Result};

/// `output` is DOUBLE, or an array of it when there are many percentages.
pub(super) fn accumulator(output: &DataType) -> Box<dyn Accumulator> {
    Box::new(Percentile {
        many: matches!(output, DataType::List(_)),
        values: OrderedMultiset::default(),
        percentages: None,
    })
}

#[derive(Debug, Clone, Copy)]
struct Number(f64);

const LOWEST: Number = Number(f64::from_bits(u64::MAX));

impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Number) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

struct Percentile {
    many: bool,
    values: OrderedMultiset<Number>,
    /// As the call gives them: the same for all rows.
    percentages: Option<Vec<f64>>,
}

/// The arguments of a batch.
struct Arguments<'a> {
    numbers: &'a PrimitiveArray<Float64Type>,
    counts: Option<&'a PrimitiveArray<Int64Type>>,
}

impl Arguments<'_> {
    /// What a row adds: a value and how often.
    fn change(&self, rows: Rows<'_>, i: usize) -> Option<(f64, i64)> {
        let sign = match rows.op(i) {
            Op::Add => 1,
            Op::Retract => -1,
            Op::Skip => return None,
        };
        let count = match self.counts {
            Some(counts) if counts.is_null(i) => return None,
            Some(counts) => counts.value(i),
            None => 1,
        };
        (self.numbers.is_valid(i) && count > 0).then(|| (self.numbers.value(i), sign * count))
    }
}

impl Percentile {
    fn arguments<'a>(&mut self, args: &'a [ArrayRef]) -> Result<Arguments<'a>> {
        if self.percentages.is_none()
            && let Some(column) = args.get(1)
            && !column.is_empty()
            && column.is_valid(0)
        {
            let given = match column.as_list_opt::<i32>() {
                Some(lists) => lists.value(0),
                None => column.slice(0, 1),
            };
            let given = given.as_primitive_opt::<Float64Type>();
            self.percentages = given.map(|given| given.iter().flatten().collect());
        }
        Ok(Arguments {
            numbers: argument::<Float64Type>(args)?,
            counts: args.get(2).and_then(|c| c.as_primitive_opt::<Int64Type>()),
        })
    }

    /// The percentiles of a slot; none where it has no values.
    fn of(&self, slot: u32) -> Option<Vec<f64>> {
        let values: Vec<(f64, i64)> = self
            .values
            .iter(slot, LOWEST)
            .filter(|(_, count)| *count > 0)
            .map(|(value, count)| (value.0, count))
            .collect();
        let total: i64 = values.iter().map(|(_, count)| count).sum();
        let percentages = self.percentages.as_ref().filter(|_| total > 0)?;
        let wanted = percentages.iter();
        Some(wanted.map(|p| interpolated(&values, *p, total)).collect())
    }

    fn array(&self, values: impl Iterator<Item = Option<Vec<f64>>>) -> ArrayRef {
        if !self.many {
            let firsts = values.map(|v| v.and_then(|v| v.first().copied()));
            return Arc::new(PrimitiveArray::<Float64Type>::from_iter(firsts));
        }
        let field = Field::new_list_field(DataType::Float64, true);
        let mut made = ArrowListBuilder::new(Float64Builder::new()).with_field(field);
        values.for_each(|list| made.append_option(list.map(|l| l.into_iter().map(Some))));
        Arc::new(made.finish())
    }

    fn forget(&mut self, slot: u32) {
        self.values.reset(slot, LOWEST, |_| 0);
    }
}

/// The value at a part of the way from the first to the last, between neighbours by distance.
fn interpolated(values: &[(f64, i64)], percentage: f64, total: i64) -> f64 {
    let nth = |n: i64| {
        let mut seen = 0;
        let found = values.iter().find(|(_, count)| {
            seen += count;
            n < seen
        });
        found
            .or(values.last())
            .map_or(f64::NAN, |(value, _)| *value)
    };
    let position = (total - 1) as f64 * percentage;
    let (lower, upper) = (position.floor() as i64, position.ceil() as i64);
    let (low, high) = (nth(lower), nth(upper));
    if lower == upper || low == high {
        return low;
    }
    low + (position - lower as f64) * (high - low)
}

impl Accumulator for Percentile {
    fn reserve_slots(&mut self, _slots_end: usize) {}

    fn running(
        &mut self,
        rows: Rows<'_>,
        args: &[ArrayRef],
        changed: &mut [bool],
    ) -> Result<ArrayRef> {
        let arguments = self.arguments(args)?;
        let mut pairs = Vec::with_capacity(rows.slots.len() * 2);
        for (i, slot) in rows.slots.iter().enumerate() {
            let before = self.of(*slot);
            let after = match arguments.change(rows, i) {
                Some((value, by)) => {
                    self.values.add(*slot, Number(value), by, 0);
                    self.of(*slot)
                }
                None => before.clone(),
            };
            changed[i] |= before != after;
            pairs.extend([before, after]);
            if rows.resets(i) {
                self.forget(*slot);
            }
        }
        Ok(self.array(pairs.into_iter()))
    }

    fn update(&mut self, rows: Rows<'_>, args: &[ArrayRef]) -> Result<()> {
        let arguments = self.arguments(args)?;
        for (i, slot) in rows.slots.iter().enumerate() {
            if let Some((value, by)) = arguments.change(rows, i) {
                self.values.add(*slot, Number(value), by, 0);
            }
            if rows.resets(i) {
                self.forget(*slot);
            }
        }
        Ok(())
    }

    fn values(&self, slots: &[u32]) -> Result<ArrayRef> {
        Ok(self.array(slots.iter().map(|slot| self.of(*slot))))
    }

    fn reset(&mut self, slot: u32) {
        self.forget(slot);
    }

    fn memory_bytes(&self) -> usize {
        self.values.memory_bytes()
    }

    /// Values, counts, percentages.
    fn state_types(&self) -> Vec<DataType> {
        [DataType::Float64, DataType::Int64, DataType::Float64]
            .map(|t| DataType::new_list(t, true))
            .to_vec()
    }

    fn export(&self, slots: &[u32]) -> Result<Vec<ArrayRef>> {
        let (mut lists, mut shares) = (ListBuilder::default(), ListBuilder::default());
        let (mut numbers, mut percentages) = (Vec::new(), Vec::new());
        for slot in slots {
            for (value, count) in self.values.iter(*slot, LOWEST) {
                lists.push(0, count);
                numbers.push(value.0);
            }
            lists.end();
            for percentage in self.percentages.iter().flatten() {
                shares.push(0, 0);
                percentages.push(*percentage);
            }
            shares.end();
        }
        let doubles =
            |values: Vec<f64>| column::<Float64Type>(values.into_iter(), &DataType::Float64);
        let mut state = lists.state(vec![doubles(numbers)])?;
        state.push(shares.lists(doubles(percentages))?);
        Ok(state)
    }

    fn import(&mut self, slots: &[u32], state: &[ArrayRef]) -> Result<()> {
        let [numbers, counts, percentages] = state else {
            return Err(OperatorError::engine("PERCENTILE keeps three columns."));
        };
        let counts: Int64Array = counts_of(counts)?;
        let (owners, numbers) = elements(slots, std::slice::from_ref(numbers))?;
        let numbers = argument::<Float64Type>(&numbers)?;
        for (i, slot) in owners.iter().enumerate() {
            let value = Number(numbers.value(i));
            self.values.add(*slot, value, counts.value(i), 0);
        }
        if self.percentages.is_none()
            && let Some(lists) = percentages.as_list_opt::<i32>()
            && let Some(known) = (0..lists.len()).find(|i| lists.value_length(*i) > 0)
        {
            let given = lists.value(known);
            let given = given.as_primitive_opt::<Float64Type>();
            self.percentages = given.map(|given| given.iter().flatten().collect());
        }
        Ok(())
    }
}
