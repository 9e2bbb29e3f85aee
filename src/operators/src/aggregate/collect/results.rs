//! What functions make of the values that they have collected, a type each.

use std::sync::Arc;

use arrow::array::cast::AsArray;
use arrow::array::{
    Array as ArrowArray, ArrayRef, Int32Array, Int64Array, ListArray, MapArray, StringViewBuilder,
    StructArray, UInt32Array, new_null_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{cast, take};
use arrow::datatypes::DataType;

use filbert_functions::hash_order::HashCodes;

use super::Results;
use crate::aggregate::lists::ListBuilder;
use crate::error::{OperatorError, Result};

/// ARRAY_AGG: NULL where there is no value.
pub(in crate::aggregate) struct Array {
    pub output: DataType,
}

impl Results for Array {
    fn finish(
        &self,
        lists: &ListBuilder,
        values: &[ArrayRef],
        _constant: Option<&ArrayRef>,
    ) -> Result<ArrayRef> {
        let DataType::List(field) = &self.output else {
            return Err(OperatorError::engine("ARRAY_AGG gives an array."));
        };
        let made = lists.lists(ArrayRef::clone(&values[0]))?;
        let made = made.as_list::<i32>();
        let present = (0..lists.len()).map(|i| !lists.range(i).is_empty());
        let array = ListArray::try_new(
            Arc::clone(field),
            made.offsets().clone(),
            cast(made.values(), field.data_type())?,
            Some(NullBuffer::from_iter(present)),
        )?;
        Ok(Arc::new(array))
    }
}

/// LISTAGG: the texts with the separator between them, NULL where there is none.
pub(in crate::aggregate) struct ListAgg;

impl Results for ListAgg {
    fn finish(
        &self,
        lists: &ListBuilder,
        values: &[ArrayRef],
        constant: Option<&ArrayRef>,
    ) -> Result<ArrayRef> {
        let texts = values[0].as_string_view();
        let separator = match constant.and_then(|c| c.as_string_view_opt()) {
            Some(separator) if separator.is_valid(0) => separator.value(0),
            _ => ",",
        };
        let mut made = StringViewBuilder::with_capacity(lists.len());
        let mut text = String::new();
        for list in 0..lists.len() {
            let range = lists.range(list);
            if range.is_empty() {
                made.append_null();
                continue;
            }
            text.clear();
            for i in range.clone() {
                if i > range.start {
                    text.push_str(separator);
                }
                text.push_str(texts.value(i));
            }
            made.append_value(&text);
        }
        Ok(Arc::new(made.finish()))
    }
}

/// COLLECT: values with their counts.
pub(in crate::aggregate) struct Multiset {
    pub output: DataType,
}

impl Results for Multiset {
    fn finish(
        &self,
        lists: &ListBuilder,
        values: &[ArrayRef],
        _constant: Option<&ArrayRef>,
    ) -> Result<ArrayRef> {
        let wrong = || OperatorError::engine("COLLECT gives a multiset.");
        let DataType::Map(entries, _) = &self.output else {
            return Err(wrong());
        };
        let DataType::Struct(fields) = entries.data_type() else {
            return Err(wrong());
        };
        let mut order: Vec<u32> = (0..lists.entries.len() as u32).collect();
        if let Some(hashes) = HashCodes::of(&values[0]) {
            (0..lists.len()).for_each(|list| hashes.sort(&mut order[lists.range(list)]));
        }
        let order = UInt32Array::from(order);
        let counts = Int32Array::from_iter_values(
            order
                .values()
                .iter()
                .map(|i| lists.counts[*i as usize] as i32),
        );
        let values = cast(&take(&values[0], &order, None)?, fields[0].data_type())?;
        let pairs = StructArray::try_new(fields.clone(), vec![values, Arc::new(counts)], None)?;
        let offsets = OffsetBuffer::from_lengths((0..lists.len()).map(|i| lists.range(i).len()));
        let map = MapArray::try_new(Arc::clone(entries), offsets, pairs, None, false)?;
        Ok(Arc::new(map))
    }
}

/// APPROX_COUNT_DISTINCT: how many values there are, exactly.
pub(in crate::aggregate) struct Lengths;

impl Results for Lengths {
    fn finish(
        &self,
        lists: &ListBuilder,
        _values: &[ArrayRef],
        _constant: Option<&ArrayRef>,
    ) -> Result<ArrayRef> {
        let lengths = (0..lists.len()).map(|list| lists.range(list).len() as i64);
        Ok(Arc::new(Int64Array::from_iter_values(lengths)))
    }
}

/// FIRST_VALUE and LAST_VALUE: the list's only value, or NULL.
pub(in crate::aggregate) struct One {
    pub output: DataType,
}

impl Results for One {
    fn finish(
        &self,
        lists: &ListBuilder,
        values: &[ArrayRef],
        _constant: Option<&ArrayRef>,
    ) -> Result<ArrayRef> {
        let firsts = (0..lists.len()).map(|list| {
            let range = lists.range(list);
            (!range.is_empty()).then_some(range.start as u32)
        });
        picked(&values[0], UInt32Array::from_iter(firsts), &self.output)
    }
}

/// SINGLE_VALUE: the value of a scalar subquery, which must not have two.
pub(in crate::aggregate) struct SingleValue {
    pub output: DataType,
}

impl Results for SingleValue {
    fn finish(
        &self,
        lists: &ListBuilder,
        values: &[ArrayRef],
        constant: Option<&ArrayRef>,
    ) -> Result<ArrayRef> {
        if (0..lists.len()).any(|list| lists.range(list).len() > 1) {
            return Err(OperatorError::user(
                "SingleValueAggFunction received more than one element.",
            ));
        }
        let output = self.output.clone();
        One { output }.finish(lists, values, constant)
    }
}

fn picked(values: &ArrayRef, picks: UInt32Array, output: &DataType) -> Result<ArrayRef> {
    if values.is_empty() {
        return Ok(new_null_array(output, picks.len()));
    }
    let values = take(values, &picks, None)?;
    match values.data_type() == output {
        true => Ok(values),
        // Fields of nested values may differ in names and nullability alone.
        false => Ok(cast(&values, output)?),
    }
}
