//! FIRST_VALUE and LAST_VALUE of fixed-width values that are never taken back. NULLs don't count.

use arrow::array::ArrowPrimitiveType;
use arrow::datatypes::DataType;

use super::Accumulator;
use super::chosen::{Choice, Chosen};
use super::fixed::{Fixed, for_fixed_width};

/// None where the values are not of fixed width.
pub(super) fn accumulator(output: &DataType, first: bool) -> Option<Box<dyn Accumulator>> {
    fn of<T: ArrowPrimitiveType>(output: &DataType, first: bool) -> Option<Box<dyn Accumulator>> {
        let kernel = Chosen::<T, _>::new(FirstOrLast { first }, output);
        Some(Box::new(Fixed::new(kernel, output)))
    }
    for_fixed_width!(output, of(output, first))
}

struct FirstOrLast {
    first: bool,
}

impl<N> Choice<N> for FirstOrLast {
    #[inline]
    fn replaces(&self, _kept: N, _value: N) -> bool {
        !self.first
    }
}
