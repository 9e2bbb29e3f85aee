//! Aggregates whose state is one fixed-width value a key.

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

    fn merge(&self, into: &mut Self::State, from: &Self::State);
    fn state_types(&self) -> Vec<DataType>;
    fn export(&self, states: &[Self::State]) -> Vec<ArrayRef>;
    fn import(&self, columns: &[ArrayRef]) -> Result<Vec<Self::State>>;

    /// Whether Flink takes every row that counts for a change, also where the value stays.
    fn always_changes(&self) -> bool {
        false
    }
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
        let always = kernel.always_changes();
        let mut pairs = Values::<K::Out>::with_capacity(rows.slots.len() * 2);
        for (i, slot) in rows.slots.iter().enumerate() {
            let state = &mut states[*slot as usize];
            let before = kernel.value(state);
            let op = match nulls.is_none_or(|n| n.is_valid(i)) {
                true => rows.op(i),
                false => Op::Skip,
            };
            match op {
                Op::Add => kernel.add(state, values[i]),
                Op::Retract => kernel.retract(state, values[i]),
                Op::Skip => {}
            }
            let after = kernel.value(state);
            changed[i] |= before != after || always && op != Op::Skip;
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

    fn state_types(&self) -> Vec<DataType> {
        self.kernel.state_types()
    }

    fn export(&self, slots: &[u32]) -> Result<Vec<ArrayRef>> {
        let states: Vec<K::State> = slots.iter().map(|s| self.states.get(*s)).collect();
        Ok(self.kernel.export(&states))
    }

    fn import(&mut self, slots: &[u32], state: &[ArrayRef]) -> Result<()> {
        let from = self.kernel.import(state)?;
        let states = self.states.values_mut();
        for (slot, from) in slots.iter().zip(&from) {
            self.kernel.merge(&mut states[*slot as usize], from);
        }
        Ok(())
    }

    fn merge(&mut self, from: &[u32], into: &[u32]) -> Result<()> {
        for (from, into) in from.iter().zip(into) {
            let from = self.states.get(*from);
            let into = &mut self.states.values_mut()[*into as usize];
            self.kernel.merge(into, &from);
        }
        Ok(())
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

/// A column of values, none of them NULL.
pub(super) fn column<T: ArrowPrimitiveType>(
    values: impl Iterator<Item = T::Native>,
    ty: &DataType,
) -> ArrayRef {
    let array = PrimitiveArray::<T>::from_iter_values(values);
    Arc::new(array.with_data_type(ty.clone()))
}

/// A column of values that may be NULL.
pub(super) fn nullable_column<T: ArrowPrimitiveType>(
    values: impl Iterator<Item = Option<T::Native>>,
    ty: &DataType,
) -> ArrayRef {
    let mut made = Values::<T>::with_capacity(values.size_hint().0);
    values.for_each(|value| made.push(value));
    made.finish(ty)
}

/// Column `index` of a state.
pub(super) fn state_column<T: ArrowPrimitiveType>(
    state: &[ArrayRef],
    index: usize,
) -> Result<&PrimitiveArray<T>> {
    argument::<T>(state.get(index..).unwrap_or_default())
}

/// Calls a generic function with the Arrow type of fixed-width values; none for other types.
macro_rules! for_fixed_width {
    ($ty:expr, $make:ident($($arg:expr),*)) => {{
        use arrow::array::types::*;
        use arrow::datatypes::{DataType as D, IntervalUnit, TimeUnit};
        match $ty {
            D::Int8 => $make::<Int8Type>($($arg),*),
            D::Int16 => $make::<Int16Type>($($arg),*),
            D::Int32 => $make::<Int32Type>($($arg),*),
            D::Int64 => $make::<Int64Type>($($arg),*),
            D::Float32 => $make::<Float32Type>($($arg),*),
            D::Float64 => $make::<Float64Type>($($arg),*),
            D::Decimal128(..) => $make::<Decimal128Type>($($arg),*),
            D::Date32 => $make::<Date32Type>($($arg),*),
            D::Time32(TimeUnit::Millisecond) => $make::<Time32MillisecondType>($($arg),*),
            D::Timestamp(TimeUnit::Millisecond, _) => $make::<TimestampMillisecondType>($($arg),*),
            D::Timestamp(TimeUnit::Microsecond, _) => $make::<TimestampMicrosecondType>($($arg),*),
            D::Timestamp(TimeUnit::Nanosecond, _) => $make::<TimestampNanosecondType>($($arg),*),
            D::Interval(IntervalUnit::YearMonth) => $make::<IntervalYearMonthType>($($arg),*),
            D::Duration(TimeUnit::Millisecond) => $make::<DurationMillisecondType>($($arg),*),
            _ => None,
        }
    }};
}

pub(super) use for_fixed_width;
