//! Aggregates that keep values: LISTAGG, COLLECT, PERCENTILE, SINGLE_VALUE, and all of ours over sliding windows.

use std::collections::VecDeque;
use std::mem::size_of_val;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int32Array, Int64Array, MapArray, StructArray,
    UInt32Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::take;
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::Accumulator;
use datafusion::scalar::ScalarValue;
use filbert_types::TypeKind;
use indexmap::IndexMap;

use super::adapt::{SingleGroup, list_row, list_scalar};
use super::bound::BoundAggregate;
use super::definitions::{DEFAULT_SEPARATOR, Implementation};
use crate::hash_order::HashCodes;
use crate::kernel::fail;

type Made = Result<Box<dyn Accumulator>>;

pub(super) fn listagg(_bound: &BoundAggregate) -> Made {
    Ok(Box::new(ListAgg {
        text: None,
        separator: DEFAULT_SEPARATOR.to_string(),
    }))
}

#[derive(Debug)]
struct ListAgg {
    text: Option<String>,
    separator: String,
}

impl ListAgg {
    fn push(&mut self, item: &str) {
        match &mut self.text {
            Some(text) => {
                text.push_str(&self.separator);
                text.push_str(item);
            }
            None => self.text = Some(item.to_string()),
        }
    }

    fn take_separator(&mut self, column: Option<&ArrayRef>) {
        let first = column.filter(|c| !c.is_empty() && c.is_valid(0));
        if let Some(column) = first {
            let separator = column.as_string_view().value(0);
            if separator != self.separator {
                self.separator = separator.to_string();
            }
        }
    }
}

impl Accumulator for ListAgg {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.take_separator(values.get(1));
        for item in values[0].as_string_view().iter().flatten() {
            self.push(item);
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Utf8View(self.text.clone()))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.text.as_ref().map_or(0, String::capacity)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![
            ScalarValue::Utf8View(self.text.clone()),
            ScalarValue::Utf8View(Some(self.separator.clone())),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }
}

pub(super) fn collect(bound: &BoundAggregate) -> Made {
    let TypeKind::Multiset(_) = &bound.return_type.kind else {
        return internal_err!("COLLECT gives {}", bound.return_type);
    };
    Ok(Box::new(Collect {
        data_type: bound.return_type.arrow(),
        counts: IndexMap::new(),
        bytes: 0,
    }))
}

#[derive(Debug)]
struct Collect {
    data_type: DataType,
    counts: IndexMap<ScalarValue, i32>,
    bytes: usize,
}

impl Collect {
    fn add(&mut self, values: &ArrayRef, count: impl Fn(usize) -> i32) -> Result<()> {
        for row in (0..values.len()).filter(|row| values.is_valid(*row)) {
            let mut value = ScalarValue::try_from_array(values, row)?;
            value.compact();
            let bytes = value.size();
            let entry = self.counts.entry(value);
            if matches!(entry, indexmap::map::Entry::Vacant(_)) {
                self.bytes += bytes;
            }
            *entry.or_insert(0) += count(row);
        }
        Ok(())
    }
}

impl Collect {
    fn multiset(&self, in_hash_order: bool) -> Result<ScalarValue> {
        let DataType::Map(entries, _) = &self.data_type else {
            return internal_err!("COLLECT gives {}", self.data_type);
        };
        let DataType::Struct(fields) = entries.data_type() else {
            return internal_err!("COLLECT gives {}", self.data_type);
        };
        let mut keys = if self.counts.is_empty() {
            arrow::array::new_empty_array(fields[0].data_type())
        } else {
            ScalarValue::iter_to_array(self.counts.keys().cloned())?
        };
        let mut order: Vec<u32> = (0..keys.len() as u32).collect();
        if in_hash_order && let Some(hashes) = HashCodes::of(&keys) {
            hashes.sort(&mut order);
            keys = take(&keys, &UInt32Array::from(order.clone()), None)?;
        }
        let counts = order.iter().map(|place| self.counts[*place as usize]);
        let counts = Int32Array::from_iter_values(counts);
        let structs = StructArray::try_new(fields.clone(), vec![keys, Arc::new(counts)], None)?;
        let offsets = OffsetBuffer::from_lengths([self.counts.len()]);
        let map = MapArray::try_new(Arc::clone(entries), offsets, structs, None, false)?;
        Ok(ScalarValue::Map(Arc::new(map)))
    }
}

impl Accumulator for Collect {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(&values[0], |_| 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.multiset(true)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.bytes
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.multiset(false)?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let maps = states[0].as_map();
        for row in (0..maps.len()).filter(|row| maps.is_valid(*row)) {
            let entries = maps.value(row);
            let counts = entries.column(1).as_primitive::<Int32Type>();
            self.add(entries.column(0), |i| counts.value(i))?;
        }
        Ok(())
    }
}

pub(super) fn single_value(bound: &BoundAggregate) -> Made {
    Ok(Box::new(SingleValue {
        value: ScalarValue::try_from(&bound.return_type.arrow())?,
        count: 0,
    }))
}

#[derive(Debug)]
struct SingleValue {
    value: ScalarValue,
    count: i64,
}

impl SingleValue {
    fn check(&self) -> Result<()> {
        if self.count > 1 {
            return Err(fail(
                "SingleValueAggFunction received more than one element.",
            ));
        }
        Ok(())
    }
}

impl Accumulator for SingleValue {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.count += values[0].len() as i64;
        self.check()?;
        if !values[0].is_empty() {
            self.value = ScalarValue::try_from_array(&values[0], 0)?;
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(self.value.clone())
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.value.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![
            self.value.clone(),
            ScalarValue::Int64(Some(self.count)),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let counts = states[1].as_primitive::<Int64Type>();
        for row in (0..counts.len()).filter(|row| counts.value(*row) > 0) {
            self.count += counts.value(row);
            self.check()?;
            self.value = ScalarValue::try_from_array(&states[0], row)?;
        }
        Ok(())
    }
}

pub(super) fn percentile(bound: &BoundAggregate) -> Made {
    Ok(Box::new(Percentile {
        many: matches!(bound.return_type.kind, TypeKind::Array(_)),
        values: Vec::new(),
        percentages: None,
    }))
}

#[derive(Debug)]
struct Percentile {
    many: bool,
    /// Values and how often each counts.
    values: Vec<(f64, i64)>,
    percentages: Option<Vec<f64>>,
}

impl Percentile {
    fn take_percentages(&mut self, column: &ArrayRef) {
        if self.percentages.is_some() || column.is_empty() || column.is_null(0) {
            return;
        }
        let percentages: Vec<f64> = if self.many {
            let list = column.as_list::<i32>().value(0);
            list.as_primitive::<Float64Type>()
                .iter()
                .flatten()
                .collect()
        } else {
            vec![column.as_primitive::<Float64Type>().value(0)]
        };
        self.percentages = Some(percentages);
    }

    /// The value at a position between 0 and `total - 1`, interpolated.
    fn at(&self, percentage: f64, total: i64) -> f64 {
        let position = (total - 1) as f64 * percentage;
        let (lower, upper) = (position.floor() as i64, position.ceil() as i64);
        let (low, high) = (self.nth(lower), self.nth(upper));
        if lower == upper || low == high {
            return low;
        }
        low + (position - lower as f64) * (high - low)
    }

    fn nth(&self, n: i64) -> f64 {
        let mut seen = 0;
        for (value, count) in &self.values {
            seen += count;
            if n < seen {
                return *value;
            }
        }
        self.values.last().map_or(f64::NAN, |(value, _)| *value)
    }
}

impl Accumulator for Percentile {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.take_percentages(&values[1]);
        let numbers = values[0].as_primitive::<Float64Type>();
        let counts = values.get(2).map(|c| c.as_primitive::<Int64Type>());
        for row in (0..numbers.len()).filter(|row| numbers.is_valid(*row)) {
            let count = match counts {
                Some(counts) if counts.is_null(row) => continue,
                Some(counts) => counts.value(row),
                None => 1,
            };
            if count > 0 {
                self.values.push((numbers.value(row), count));
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.values.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total: i64 = self.values.iter().map(|(_, count)| count).sum();
        let results: Option<Vec<f64>> = match &self.percentages {
            Some(percentages) if total > 0 => {
                Some(percentages.iter().map(|p| self.at(*p, total)).collect())
            }
            _ => None,
        };
        if !self.many {
            let first = results.and_then(|r| r.first().copied());
            return Ok(ScalarValue::Float64(first));
        }
        match results {
            Some(results) => Ok(list_scalar(Arc::new(Float64Array::from(results)))),
            None => ScalarValue::try_from(&DataType::new_list(DataType::Float64, true)),
        }
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.values.capacity() * size_of::<(f64, i64)>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let numbers: Float64Array = self.values.iter().map(|(value, _)| Some(*value)).collect();
        let counts: Int64Array = self.values.iter().map(|(_, count)| Some(*count)).collect();
        let percentages = Float64Array::from(self.percentages.clone().unwrap_or_default());
        Ok(vec![
            list_scalar(Arc::new(numbers)),
            list_scalar(Arc::new(counts)),
            list_scalar(Arc::new(percentages)),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for row in 0..states[0].len() {
            let parts = (
                list_row(&states[0], row),
                list_row(&states[1], row),
                list_row(&states[2], row),
            );
            let (Some(numbers), Some(counts), Some(percentages)) = parts else {
                continue;
            };
            let numbers = numbers.as_primitive::<Float64Type>();
            let counts = counts.as_primitive::<Int64Type>();
            let pairs = numbers.values().iter().zip(counts.values());
            self.values
                .extend(pairs.map(|(value, count)| (*value, *count)));
            let percentages = percentages.as_primitive::<Float64Type>();
            if self.percentages.is_none() && !percentages.is_empty() {
                self.percentages = Some(percentages.values().to_vec());
            }
        }
        Ok(())
    }
}

/// Any of our aggregates over a sliding frame: keeps the frame's rows, and computes anew for each.
pub(super) fn sliding(bound: &BoundAggregate) -> Made {
    Ok(Box::new(Sliding {
        bound: bound.clone(),
        frames: VecDeque::new(),
    }))
}

#[derive(Debug)]
struct Sliding {
    bound: BoundAggregate,
    frames: VecDeque<Vec<ArrayRef>>,
}

impl Sliding {
    fn fresh(&self) -> Made {
        match self.bound.own() {
            Implementation::Rows(make) => make(&self.bound),
            _ => match self.bound.own_groups()? {
                Some(groups) => Ok(Box::new(SingleGroup::new(groups))),
                None => internal_err!("{} is DataFusion's own", self.bound.flink_name()),
            },
        }
    }
}

impl Accumulator for Sliding {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        if values.first().is_some_and(|v| !v.is_empty()) {
            self.frames.push_back(values.to_vec());
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let mut rows = values.first().map_or(0, |v| v.len());
        while rows > 0 {
            let Some(mut front) = self.frames.pop_front() else {
                return internal_err!("more rows leave a window than came");
            };
            let held = front[0].len();
            if held > rows {
                for column in &mut front {
                    *column = column.slice(rows, held - rows);
                }
                self.frames.push_front(front);
                return Ok(());
            }
            rows -= held;
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut accumulator = self.fresh()?;
        for frame in &self.frames {
            accumulator.update_batch(frame)?;
        }
        accumulator.evaluate()
    }

    fn size(&self) -> usize {
        let held: usize = self
            .frames
            .iter()
            .flatten()
            .map(|c| c.get_array_memory_size())
            .sum();
        size_of_val(self) + held
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        internal_err!("a window's aggregate has no partial state")
    }

    fn merge_batch(&mut self, _states: &[ArrayRef]) -> Result<()> {
        internal_err!("a window's aggregate has no partial state")
    }
}
