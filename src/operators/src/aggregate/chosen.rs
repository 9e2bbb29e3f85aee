//! Aggregates that keep one of their values: FIRST_VALUE, LAST_VALUE, MIN and MAX of what is never taken back.

use std::marker::PhantomData;

use arrow::array::{ArrayRef, ArrowPrimitiveType};
use arrow::datatypes::DataType;

use super::fixed::{Kernel, nullable_column, state_column};
use crate::error::Result;

/// Which value is kept.
pub(super) trait Choice<N>: Send {
    /// Whether a value takes the place of the one that is kept.
    fn replaces(&self, kept: N, value: N) -> bool;
}

/// The value that a [`Choice`] keeps; none until the first.
pub(super) struct Chosen<T, C> {
    choice: C,
    ty: DataType,
    marker: PhantomData<fn() -> T>,
}

impl<T, C> Chosen<T, C> {
    pub(super) fn new(choice: C, ty: &DataType) -> Chosen<T, C> {
        Chosen {
            choice,
            ty: ty.clone(),
            marker: PhantomData,
        }
    }
}

impl<T: ArrowPrimitiveType, C: Choice<T::Native>> Kernel for Chosen<T, C> {
    type In = T;
    type State = Option<T::Native>;
    type Out = T;

    #[inline]
    fn add(&self, state: &mut Option<T::Native>, value: T::Native) {
        if state.is_none_or(|kept| self.choice.replaces(kept, value)) {
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
