//! FIRST_VALUE and LAST_VALUE of fixed-width values that are never taken back. NULLs don't count.

use std::marker::PhantomData;

use arrow::array::{ArrayRef, ArrowPrimitiveType};
use arrow::datatypes::DataType;

use super::Accumulator;
use super::fixed::{Fixed, Kernel, for_fixed_width, nullable_column, state_column};
use crate::error::Result;

/// None where the values are not of fixed width.
pub(super) fn accumulator(output: &DataType, first: bool) -> Option<Box<dyn Accumulator>> {
    fn of<T: ArrowPrimitiveType>(output: &DataType, first: bool) -> Option<Box<dyn Accumulator>> {
        let kernel = Held::<T> {
            first,
            ty: output.clone(),
            marker: PhantomData,
        };
        Some(Box::new(Fixed::new(kernel, output)))
    }
    for_fixed_width!(output, of(output, first))
}

struct Held<T> {
    first: bool,
    ty: DataType,
    marker: PhantomData<fn() -> T>,
}

impl<T: ArrowPrimitiveType> Kernel for Held<T> {
    type In = T;
    type State = Option<T::Native>;
    type Out = T;

    #[inline]
    fn add(&self, state: &mut Option<T::Native>, value: T::Native) {
        if state.is_none() || !self.first {
            *state = Some(value);
        }
    }

    fn retract(&self, _state: &mut Option<T::Native>, _value: T::Native) {}

    #[inline]
    fn value(&self, state: &Option<T::Native>) -> Option<T::Native> {
        *state
    }

    fn merge(&self, into: &mut Option<T::Native>, from: &Option<T::Native>) {
        if let Some(value) = from {
            self.add(into, *value);
        }
    }

    fn state_types(&self) -> Vec<DataType> {
        vec![self.ty.clone()]
    }

    fn export(&self, states: &[Option<T::Native>]) -> Vec<ArrayRef> {
        vec![nullable_column::<T>(states.iter().copied(), &self.ty)]
    }

    fn import(&self, columns: &[ArrayRef]) -> Result<Vec<Option<T::Native>>> {
        Ok(state_column::<T>(columns, 0)?.iter().collect())
    }
}
