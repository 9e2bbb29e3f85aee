//! MIN and MAX of fixed-width values, with and without retractions.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::cast::AsArray;
use arrow::array::types::Int8Type;
use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, BooleanArray, Int8Array, PrimitiveArray};
use arrow::compute::cast;
use arrow::datatypes::{ArrowNativeTypeOp, DataType};
use filbert_state::{OrderedMultiset, ValueTable};

use super::chosen::{Choice, Chosen};
use super::fixed::{Fixed, Values, argument, column, for_fixed_width};
use super::lists::{ListBuilder, counts_of, elements};
use super::{Accumulator, Op, Rows};
use crate::error::{OperatorError, Result};

/// MIN or MAX over fixed-width values; none when the type has no order.
pub(super) fn accumulator(
    output: &DataType,
    max: bool,
    retracts: bool,
) -> Option<Box<dyn Accumulator>> {
    fn of<T: ArrowPrimitiveType>(
        output: &DataType,
        max: bool,
        retracts: bool,
    ) -> Option<Box<dyn Accumulator>>
    where
        T::Native: ArrowNativeTypeOp,
    {
        Some(if retracts {
            Box::new(Retractable::<T>::new(output, max))
        } else {
            Box::new(Fixed::new(
                Chosen::<T, _>::new(Extreme { max }, output),
                output,
            ))
        })
    }
    if *output == DataType::Boolean {
        let inner = of::<Int8Type>(&DataType::Int8, max, retracts)?;
        return Some(Box::new(Booleans { inner }));
    }
    for_fixed_width!(output, of(output, max, retracts))
}

/// Over rows that are never taken back. Floats compare as in Java: a NaN that comes first stays, a later one loses.
struct Extreme {
    max: bool,
}

impl<N: PartialOrd> Choice<N> for Extreme {
    #[inline]
    fn replaces(&self, kept: N, value: N) -> bool {
        if self.max { value > kept } else { value < kept }
    }
}

/// A native value in its total order.
#[derive(Clone, Copy)]
struct Ordered<N>(N);

impl<N: ArrowNativeTypeOp> PartialEq for Ordered<N> {
    fn eq(&self, other: &Self) -> bool {
        self.0.is_eq(other.0)
    }
}

impl<N: ArrowNativeTypeOp> Eq for Ordered<N> {}

impl<N: ArrowNativeTypeOp> PartialOrd for Ordered<N> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<N: ArrowNativeTypeOp> Ord for Ordered<N> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.compare(other.0)
    }
}

/// Over rows that may be taken back: all values with their counts, and the extreme at hand.
struct Retractable<T: ArrowPrimitiveType>
where
    T::Native: ArrowNativeTypeOp,
{
    max: bool,
    values: OrderedMultiset<Ordered<T::Native>>,
    extremes: ValueTable<Option<T::Native>>,
    output: DataType,
}

impl<T: ArrowPrimitiveType> Retractable<T>
where
    T::Native: ArrowNativeTypeOp,
{
    fn new(output: &DataType, max: bool) -> Retractable<T> {
        Retractable {
            max,
            values: OrderedMultiset::default(),
            extremes: ValueTable::default(),
            output: output.clone(),
        }
    }

    fn apply(&mut self, slot: u32, op: Op, value: T::Native) {
        let by = match op {
            Op::Add => 1,
            Op::Retract => -1,
            Op::Skip => return,
        };
        self.add(slot, value, by);
    }

    fn add(&mut self, slot: u32, value: T::Native, by: i64) {
        self.values.add(slot, Ordered(value), by, 0);
        let lowest = Ordered(T::Native::MIN_TOTAL_ORDER);
        let extreme = if self.max {
            self.values.max(slot, lowest)
        } else {
            self.values.min(slot, lowest)
        };
        self.extremes.set(slot, extreme.map(|e| e.0));
    }

    fn forget(&mut self, slot: u32) {
        self.values
            .reset(slot, Ordered(T::Native::MIN_TOTAL_ORDER), |_| 0);
        self.extremes.reset(slot);
    }

    fn row(&mut self, rows: Rows<'_>, array: &PrimitiveArray<T>, i: usize) {
        if array.is_valid(i) {
            self.apply(rows.slots[i], rows.op(i), array.value(i));
        }
    }
}

impl<T: ArrowPrimitiveType> Accumulator for Retractable<T>
where
    T::Native: ArrowNativeTypeOp,
{
    fn reserve_slots(&mut self, slots_end: usize) {
        self.extremes.reserve_slots(slots_end);
    }

    fn running(
        &mut self,
        rows: Rows<'_>,
        args: &[ArrayRef],
        changed: &mut [bool],
    ) -> Result<ArrayRef> {
        let array = argument::<T>(args)?;
        let mut pairs = Values::<T>::with_capacity(rows.slots.len() * 2);
        for (i, slot) in rows.slots.iter().enumerate() {
            let before = self.extremes.get(*slot);
            self.row(rows, array, i);
            let after = self.extremes.get(*slot);
            changed[i] |= before != after;
            pairs.push(before);
            pairs.push(after);
            if rows.resets(i) {
                self.forget(*slot);
            }
        }
        Ok(pairs.finish(&self.output))
    }

    fn update(&mut self, rows: Rows<'_>, args: &[ArrayRef]) -> Result<()> {
        let array = argument::<T>(args)?;
        for (i, slot) in rows.slots.iter().enumerate() {
            self.row(rows, array, i);
            if rows.resets(i) {
                self.forget(*slot);
            }
        }
        Ok(())
    }

    fn values(&self, slots: &[u32]) -> Result<ArrayRef> {
        let mut values = Values::<T>::with_capacity(slots.len());
        slots
            .iter()
            .for_each(|s| values.push(self.extremes.get(*s)));
        Ok(values.finish(&self.output))
    }

    fn reset(&mut self, slot: u32) {
        self.forget(slot);
    }

    fn memory_bytes(&self) -> usize {
        self.values.memory_bytes() + self.extremes.memory_bytes()
    }

    fn state_types(&self) -> Vec<DataType> {
        let types = [self.output.clone(), DataType::Int64];
        types.map(|t| DataType::new_list(t, true)).to_vec()
    }

    fn export(&self, slots: &[u32]) -> Result<Vec<ArrayRef>> {
        let mut lists = ListBuilder::default();
        let mut values = Vec::new();
        for slot in slots {
            let lowest = Ordered(T::Native::MIN_TOTAL_ORDER);
            for (value, count) in self.values.iter(*slot, lowest) {
                lists.push(0, count);
                values.push(value.0);
            }
            lists.end();
        }
        lists.state(vec![column::<T>(values.into_iter(), &self.output)])
    }

    fn import(&mut self, slots: &[u32], state: &[ArrayRef]) -> Result<()> {
        let [values, counts] = state else {
            return Err(OperatorError::engine("MIN and MAX keep two columns."));
        };
        let counts = counts_of(counts)?;
        let (slots, values) = elements(slots, std::slice::from_ref(values))?;
        let values = argument::<T>(&values)?;
        for (i, slot) in slots.iter().enumerate() {
            self.add(*slot, values.value(i), counts.value(i));
        }
        Ok(())
    }
}

/// MIN and MAX of booleans, as of 0 and 1.
struct Booleans {
    inner: Box<dyn Accumulator>,
}

fn as_bytes(args: &[ArrayRef]) -> Result<Vec<ArrayRef>> {
    let args = args.iter().map(|a| cast(a, &DataType::Int8));
    Ok(args.collect::<Result<_, _>>()?)
}

fn as_booleans(array: &ArrayRef) -> ArrayRef {
    let bytes: Option<&Int8Array> = array.as_primitive_opt();
    let booleans = bytes.map(|b| {
        b.iter()
            .map(|v| v.map(|v| v != 0))
            .collect::<BooleanArray>()
    });
    booleans.map_or_else(|| ArrayRef::clone(array), |b| Arc::new(b) as ArrayRef)
}

impl Accumulator for Booleans {
    fn reserve_slots(&mut self, slots_end: usize) {
        self.inner.reserve_slots(slots_end);
    }

    fn running(
        &mut self,
        rows: Rows<'_>,
        args: &[ArrayRef],
        changed: &mut [bool],
    ) -> Result<ArrayRef> {
        let pairs = self.inner.running(rows, &as_bytes(args)?, changed)?;
        Ok(as_booleans(&pairs))
    }

    fn update(&mut self, rows: Rows<'_>, args: &[ArrayRef]) -> Result<()> {
        self.inner.update(rows, &as_bytes(args)?)
    }

    fn values(&self, slots: &[u32]) -> Result<ArrayRef> {
        Ok(as_booleans(&self.inner.values(slots)?))
    }

    fn reset(&mut self, slot: u32) {
        self.inner.reset(slot);
    }

    fn memory_bytes(&self) -> usize {
        self.inner.memory_bytes()
    }

    fn state_types(&self) -> Vec<DataType> {
        self.inner.state_types()
    }

    fn export(&self, slots: &[u32]) -> Result<Vec<ArrayRef>> {
        self.inner.export(slots)
    }

    fn import(&mut self, slots: &[u32], state: &[ArrayRef]) -> Result<()> {
        self.inner.import(slots, state)
    }
}
