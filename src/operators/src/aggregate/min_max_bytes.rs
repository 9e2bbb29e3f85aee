//! MIN and MAX of strings and bytes, with and without retractions.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BinaryViewArray, BinaryViewBuilder, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use filbert_state::{BytesTable, OrderedMultiset};

use super::lists::{ListBuilder, counts_of, elements};
use super::{Accumulator, Op, Rows};
use crate::error::{OperatorError, Result};

/// MIN or MAX over strings (by their bytes, which is the order of their code points) and bytes.
pub(super) fn accumulator(output: &DataType, max: bool, retracts: bool) -> Box<dyn Accumulator> {
    Box::new(BytesExtreme {
        max,
        retracts,
        values: OrderedMultiset::default(),
        extremes: BytesTable::default(),
        output: output.clone(),
    })
}

struct BytesExtreme {
    max: bool,
    retracts: bool,
    /// Filled only when rows may be taken back.
    values: OrderedMultiset<Box<[u8]>>,
    extremes: BytesTable,
    output: DataType,
}

impl BytesExtreme {
    fn apply(&mut self, slot: u32, op: Op, value: &[u8]) {
        if op == Op::Skip {
            return;
        }
        if !self.retracts {
            if self.is_better(slot, value) {
                self.extremes.set(slot, Some(value));
            }
            return;
        }
        let by = if op == Op::Add { 1 } else { -1 };
        self.add(slot, value, by);
    }

    fn add(&mut self, slot: u32, value: &[u8], by: i64) {
        self.values.add(slot, value.into(), by, value.len());
        let lowest = Box::<[u8]>::default();
        let extreme = if self.max {
            self.values.max(slot, lowest)
        } else {
            self.values.min(slot, lowest)
        };
        if extreme.map(AsRef::as_ref) != self.extremes.get(slot) {
            self.extremes.set(slot, extreme.map(AsRef::as_ref));
        }
    }

    fn is_better(&self, slot: u32, value: &[u8]) -> bool {
        self.extremes.get(slot).is_none_or(|current| {
            if self.max {
                value > current
            } else {
                value < current
            }
        })
    }

    fn forget(&mut self, slot: u32) {
        self.values.reset(slot, Box::default(), |value| value.len());
        self.extremes.reset(slot);
    }
}

/// The first argument as bytes.
fn bytes(args: &[ArrayRef]) -> Result<BinaryViewArray> {
    let Some(array) = args.first() else {
        return Err(OperatorError::engine("MIN and MAX take an argument."));
    };
    if let Some(strings) = array.as_any().downcast_ref::<StringViewArray>() {
        return Ok(strings.clone().to_binary_view());
    }
    array
        .as_any()
        .downcast_ref::<BinaryViewArray>()
        .cloned()
        .ok_or_else(|| {
            OperatorError::engine(format!("MIN and MAX of bytes got {}.", array.data_type()))
        })
}

impl Accumulator for BytesExtreme {
    fn reserve_slots(&mut self, _slots_end: usize) {}

    fn running(
        &mut self,
        rows: Rows<'_>,
        args: &[ArrayRef],
        changed: &mut [bool],
    ) -> Result<ArrayRef> {
        let array = bytes(args)?;
        let mut pairs = BinaryViewBuilder::with_capacity(rows.slots.len() * 2);
        for (i, slot) in rows.slots.iter().enumerate() {
            let before = self.extremes.get(*slot).map(<[u8]>::to_vec);
            pairs.append_option(before.as_deref());
            if array.is_valid(i) {
                self.apply(*slot, rows.op(i), array.value(i));
            }
            let after = self.extremes.get(*slot);
            changed[i] |= before.as_deref() != after;
            pairs.append_option(after);
            if rows.resets(i) {
                self.forget(*slot);
            }
        }
        let pairs: ArrayRef = Arc::new(pairs.finish());
        Ok(cast(&pairs, &self.output)?)
    }

    fn update(&mut self, rows: Rows<'_>, args: &[ArrayRef]) -> Result<()> {
        let array = bytes(args)?;
        for (i, slot) in rows.slots.iter().enumerate() {
            if array.is_valid(i) {
                self.apply(*slot, rows.op(i), array.value(i));
            }
            if rows.resets(i) {
                self.forget(*slot);
            }
        }
        Ok(())
    }

    fn values(&self, slots: &[u32]) -> Result<ArrayRef> {
        let mut values = BinaryViewBuilder::with_capacity(slots.len());
        for slot in slots {
            values.append_option(self.extremes.get(*slot));
        }
        let values: ArrayRef = Arc::new(values.finish());
        Ok(cast(&values, &self.output)?)
    }

    fn reset(&mut self, slot: u32) {
        self.forget(slot);
    }

    fn memory_bytes(&self) -> usize {
        self.values.memory_bytes() + self.extremes.memory_bytes()
    }

    fn state_types(&self) -> Vec<DataType> {
        let value = self.output.clone();
        match self.retracts {
            true => [value, DataType::Int64]
                .map(|t| DataType::new_list(t, true))
                .to_vec(),
            false => vec![value],
        }
    }

    fn export(&self, slots: &[u32]) -> Result<Vec<ArrayRef>> {
        if !self.retracts {
            return Ok(vec![self.values(slots)?]);
        }
        let mut lists = ListBuilder::default();
        let mut values = BinaryViewBuilder::new();
        for slot in slots {
            for (value, count) in self.values.iter(*slot, Box::default()) {
                lists.push(0, count);
                values.append_value(value);
            }
            lists.end();
        }
        let values: ArrayRef = Arc::new(values.finish());
        lists.state(vec![cast(&values, &self.output)?])
    }

    fn import(&mut self, slots: &[u32], state: &[ArrayRef]) -> Result<()> {
        let [values, counts] = state else {
            return self.update(Rows::adding(slots), state);
        };
        let counts = counts_of(counts)?;
        let (slots, values) = elements(slots, std::slice::from_ref(values))?;
        let values = bytes(&values)?;
        for (i, slot) in slots.iter().enumerate() {
            self.add(*slot, values.value(i), counts.value(i));
        }
        Ok(())
    }
}
