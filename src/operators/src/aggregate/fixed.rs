use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::cast::AsArray;
use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;
use filbert_state::ValueTable;

use super::{Accumulator, Op, Rows};
use crate::error::{OperatorError, Result};

/// An aggregate whose state is one fixed-width value a key.
pub(super) trait Kernel: Send {
    type In: ArrowPrimitiveType;
    type State: Copy + Default + Send;
    type Out: ArrowPrimitiveType;

    fn add(&self, state: &mut Self::State, value: <Self::In as ArrowPrimitiveType>::Native);
    fn retract(&self, state: &mut Self::State, value: <Self::In as ArrowPrimitiveType>::Native);
    fn value(&self, state: &Self::State) -> Option<<Self::Out as ArrowPrimitiveType>::Native>;
}

/// Runs a [`Kernel`] over batches.
pub(super) struct Fixed<K: Kernel> {
    kernel: K,
    states: ValueTable<K::State>,
    output: DataType,
}

impl<K: Kernel> Fixed<K> {
    pub(super) fn new(kernel: K, output: &DataType) -> Fixed<K> {
        Fixed {
            kernel,
            states: ValueTable::default(),
            output: output.clone(),
        }
    }
}

impl<K: Kernel> Accumulator for Fixed<K> {
    fn reserve_slots(&mut self, slots_end: usize) {
        self.states.reserve_slots(slots_end);
    }

    fn running(
        &mut self,
        rows: Rows<'_>,
        args: &[ArrayRef],
        changed: &mut [bool],
    ) -> Result<ArrayRef> {
        let array = argument::<K::In>(args)?;
        let (values, nulls) = (array.values(), array.nulls());
        let (kernel, states) = (&self.kernel, self.states.values_mut());
        let mut pairs = Values::<K::Out>::with_capacity(rows.slots.len() * 2);
        for (i, slot) in rows.slots.iter().enumerate() {
            let state = &mut states[*slot as usize];
            let before = kernel.value(state);
            if nulls.is_none_or(|n| n.is_valid(i)) {
                match rows.op(i) {
                    Op::Add => kernel.add(state, values[i]),
                    Op::Retract => kernel.retract(state, values[i]),
                    Op::Skip => {}
                }
            }
            let after = kernel.value(state);
            changed[i] |= before != after;
            pairs.push(before);
            pairs.push(after);
            if rows.resets(i) {
                *state = K::State::default();
            }
        }
        Ok(pairs.finish(&self.output))
    }

    fn update(&mut self, rows: Rows<'_>, args: &[ArrayRef]) -> Result<()> {
        let array = argument::<K::In>(args)?;
        let (values, nulls) = (array.values(), array.nulls());
        let (kernel, states) = (&self.kernel, self.states.values_mut());
        for (i, slot) in rows.slots.iter().enumerate() {
            let state = &mut states[*slot as usize];
            if nulls.is_none_or(|n| n.is_valid(i)) {
                match rows.op(i) {
                    Op::Add => kernel.add(state, values[i]),
                    Op::Retract => kernel.retract(state, values[i]),
                    Op::Skip => {}
                }
            }
            if rows.resets(i) {
                *state = K::State::default();
            }
        }
        Ok(())
    }

    fn values(&self, slots: &[u32]) -> Result<ArrayRef> {
        let mut values = Values::<K::Out>::with_capacity(slots.len());
        for slot in slots {
            values.push(self.kernel.value(&self.states.get(*slot)));
        }
        Ok(values.finish(&self.output))
    }

    fn reset(&mut self, slot: u32) {
        self.states.reset(slot);
    }

    fn memory_bytes(&self) -> usize {
        self.states.memory_bytes()
    }
}

/// The first argument as an array of its type.
pub(super) fn argument<T: ArrowPrimitiveType>(args: &[ArrayRef]) -> Result<&PrimitiveArray<T>> {
    args.first()
        .and_then(|a| a.as_primitive_opt::<T>())
        .ok_or_else(|| {
            OperatorError::engine(format!(
                "An aggregate of {} got {:?}.",
                T::DATA_TYPE,
                args.first().map(|a| a.data_type().clone())
            ))
        })
}

/// Gathers optional values into an array; a null buffer is made only when one is null.
pub(super) struct Values<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    valid: Vec<bool>,
    nulls: usize,
    marker: PhantomData<fn() -> T>,
}

impl<T: ArrowPrimitiveType> Values<T> {
    pub(super) fn with_capacity(capacity: usize) -> Values<T> {
        Values {
            values: Vec::with_capacity(capacity),
            valid: Vec::with_capacity(capacity),
            nulls: 0,
            marker: PhantomData,
        }
    }

    #[inline]
    pub(super) fn push(&mut self, value: Option<T::Native>) {
        self.nulls += usize::from(value.is_none());
        self.valid.push(value.is_some());
        self.values.push(value.unwrap_or_default());
    }

    pub(super) fn finish(self, ty: &DataType) -> ArrayRef {
        let nulls = (self.nulls > 0).then(|| NullBuffer::from(self.valid));
        let array = PrimitiveArray::<T>::new(self.values.into(), nulls);
        Arc::new(array.with_data_type(ty.clone()))
    }
}
