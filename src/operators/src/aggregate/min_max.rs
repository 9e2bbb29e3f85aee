use arrow::array::types::{
    Date32Type, Decimal128Type, DurationMillisecondType, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, IntervalYearMonthType, Time32MillisecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
};
use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::cast::AsArray;
use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, BooleanArray, Int8Array, PrimitiveArray};
use arrow::compute::cast;
use arrow::datatypes::{ArrowNativeTypeOp, DataType, IntervalUnit, TimeUnit};
use filbert_state::{OrderedMultiset, ValueTable};

use super::fixed::{Fixed, Kernel, Values, argument};
use super::{Accumulator, Op, Rows};
use crate::error::Result;

/// MIN or MAX over fixed-width values; none when the type has no order.
pub(super) fn accumulator(
    output: &DataType,
    max: bool,
    retracts: bool,
) -> Option<Box<dyn Accumulator>> {
    use DataType as D;
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
            Box::new(Fixed::new(Extreme::<T>::new(max), output))
        })
    }
    match output {
        D::Boolean => {
            let inner = of::<Int8Type>(&D::Int8, max, retracts)?;
            Some(Box::new(Booleans { inner }))
        }
        D::Int8 => of::<Int8Type>(output, max, retracts),
        D::Int16 => of::<Int16Type>(output, max, retracts),
        D::Int32 => of::<Int32Type>(output, max, retracts),
        D::Int64 => of::<Int64Type>(output, max, retracts),
        D::Float32 => of::<Float32Type>(output, max, retracts),
        D::Float64 => of::<Float64Type>(output, max, retracts),
        D::Decimal128(..) => of::<Decimal128Type>(output, max, retracts),
        D::Date32 => of::<Date32Type>(output, max, retracts),
        D::Time32(TimeUnit::Millisecond) => of::<Time32MillisecondType>(output, max, retracts),
        D::Timestamp(TimeUnit::Millisecond, _) => {
            of::<TimestampMillisecondType>(output, max, retracts)
        }
        D::Timestamp(TimeUnit::Microsecond, _) => {
            of::<TimestampMicrosecondType>(output, max, retracts)
        }
        D::Timestamp(TimeUnit::Nanosecond, _) => {
            of::<TimestampNanosecondType>(output, max, retracts)
        }
        D::Interval(IntervalUnit::YearMonth) => of::<IntervalYearMonthType>(output, max, retracts),
        D::Duration(TimeUnit::Millisecond) => of::<DurationMillisecondType>(output, max, retracts),
        _ => None,
    }
}

/// Over rows that are never taken back.
struct Extreme<T> {
    max: bool,
    marker: std::marker::PhantomData<fn() -> T>,
}

impl<T> Extreme<T> {
    fn new(max: bool) -> Extreme<T> {
        Extreme {
            max,
            marker: std::marker::PhantomData,
        }
    }
}

impl<T: ArrowPrimitiveType> Kernel for Extreme<T>
where
    T::Native: ArrowNativeTypeOp,
{
    type In = T;
    type State = Option<T::Native>;
    type Out = T;

    #[inline]
    fn add(&self, state: &mut Option<T::Native>, value: T::Native) {
        let better = state.is_none_or(|current| {
            if self.max {
                value.is_gt(current)
            } else {
                value.is_lt(current)
            }
        });
        if better {
            *state = Some(value);
        }
    }

    fn retract(&self, _state: &mut Option<T::Native>, _value: T::Native) {}

    #[inline]
    fn value(&self, state: &Option<T::Native>) -> Option<T::Native> {
        *state
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
}
