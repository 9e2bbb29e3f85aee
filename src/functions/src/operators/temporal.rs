//! `+`, `-` and `*` where an operand is a date, a time, a timestamp or an interval.

use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowPrimitiveType, AsArray, Int64Array, PrimitiveArray};
use arrow::datatypes::{
    DataType, Date32Type, DurationMillisecondType, Int64Type, IntervalYearMonthType,
    Time32MillisecondType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType,
};
use chrono::{Datelike, NaiveDate};
use datafusion::common::{DataFusionError, Result as DfResult, internal_err};
use datafusion::logical_expr::Expr;
use filbert_types::{LogicalType, TypeKind};

use super::arithmetic::Arithmetic;
use crate::CallError;
use crate::call::bind_kernel;
use crate::common_type::common_type;
use crate::definition::{Function, FunctionRef, Inferred};
use crate::kernel::{Arg, Call, fail};
use crate::literal::{self, IntervalUnit};
use crate::signature::{ANY, BIGINT, CallArgs, Family, Param};
use crate::typed::{ExprContext, TypedExpr};

pub static FUNCTIONS: &[Function] = &[
    kernel("$TEMPORAL_PLUS", |call| shift(call, 1)),
    kernel("$TEMPORAL_MINUS", |call| shift(call, -1)),
    kernel("$INTERVAL_TIMES", times),
    Function::kernel(
        "MINUS_DATE",
        &["(<DATETIME> - <DATETIME>) <UNIT>"],
        "The time between two points, as an interval of the unit's kind.",
        infer_difference,
        difference,
    )
    .hidden(),
];

const fn kernel(name: &'static str, kernel: crate::definition::Kernel) -> Function {
    Function::kernel(
        name,
        &["<DATETIME> <operator> <INTERVAL>"],
        "Moves a point in time, or an interval, by an interval.",
        |call| {
            let types = call.matches(&[&[ANY, ANY]])?;
            let kind = types[0].kind.clone();
            Ok(call.returns(types, kind))
        },
        kernel,
    )
    .hidden()
    .fallible()
}

const DATETIME: Param = Param::of(Family::Datetime);
const INTERVAL: Param = Param::of(Family::Interval);
const MONTHS: Param = Param::of(Family::IntervalYearMonth);
const MILLIS: Param = Param::of(Family::IntervalDayTime);

/// The types of an operation with a temporal operand; none where no operand is temporal.
pub(super) fn infer(call: &CallArgs<'_>, op: Arithmetic) -> Result<Option<Inferred>, CallError> {
    let temporal = |kind: &TypeKind| Family::Datetime.contains(kind) || kind.is_interval();
    if call.len() != 2 || !(temporal(call.kind(0)) || temporal(call.kind(1))) {
        return Ok(None);
    }
    let types = match op {
        Arithmetic::Plus => call.matches(&[
            &[DATETIME, INTERVAL],
            &[INTERVAL, DATETIME],
            &[MONTHS, MONTHS],
            &[MILLIS, MILLIS],
        ])?,
        Arithmetic::Minus => {
            call.matches(&[&[DATETIME, INTERVAL], &[MONTHS, MONTHS], &[MILLIS, MILLIS]])?
        }
        Arithmetic::Times => call.matches(&[&[INTERVAL, BIGINT], &[BIGINT, INTERVAL]])?,
        Arithmetic::Divide | Arithmetic::Modulo => return Err(call.refuse()),
    };
    let main = types
        .iter()
        .find(|t| Family::Datetime.contains(&t.kind))
        .or_else(|| types.iter().find(|t| t.kind.is_interval()));
    let kind = main.map_or(TypeKind::Null, |t| t.without_time_attribute().kind);
    Ok(Some(call.returns(types, kind)))
}

pub(super) fn expand(
    ctx: &ExprContext,
    args: Vec<TypedExpr>,
    ty: &LogicalType,
    op: Arithmetic,
) -> Result<Expr, CallError> {
    let name = match op {
        Arithmetic::Plus => "$TEMPORAL_PLUS",
        Arithmetic::Minus => "$TEMPORAL_MINUS",
        _ => "$INTERVAL_TIMES",
    };
    let mut args = args;
    // The point in time, or the interval beside a number, comes first.
    let swap = match (&args[0].ty.kind, &args[1].ty.kind) {
        (a, b) if a.is_interval() && Family::Datetime.contains(b) => true,
        (a, b) => a.is_integer() && b.is_interval(),
    };
    if swap {
        args.swap(0, 1);
    }
    let function = crate::registry::built_in(name)
        .ok_or_else(|| CallError::Invalid(format!("The operator {name} is not registered")))?;
    Ok(bind_kernel(ctx, FunctionRef::BuiltIn(function), args, ty.clone()).expr)
}

/// `(a - b) DAY`: the unit comes as a keyword behind the two points, which must be of one kind.
fn infer_difference(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    const UNIT: Param = Param::of(Family::Symbol);
    let mut types = call.matches(&[&[DATETIME, DATETIME, UNIT]])?;
    let both = [
        types[0].without_time_attribute(),
        types[1].without_time_attribute(),
    ];
    let common = common_type(&both).ok_or_else(|| call.refuse())?;
    for ty in &mut types[..2] {
        *ty = common.with_nullable(ty.nullable);
    }
    let unit = call.literal_str(2).and_then(IntervalUnit::parse);
    let unit = unit.ok_or_else(|| call.refuse())?;
    let kind = if unit.is_months() {
        literal::INTERVAL_MONTHS
    } else {
        literal::INTERVAL_MILLIS
    };
    Ok(call.returns(types, kind))
}

/// Milliseconds since the epoch, or of the day.
fn as_millis(call: &Call<'_>, index: usize) -> DfResult<Arg<Int64Array>> {
    let per_ms = match call.arg_types[index].arrow() {
        DataType::Timestamp(TimeUnit::Microsecond, _) => 1_000,
        DataType::Timestamp(TimeUnit::Nanosecond, _) => 1_000_000,
        _ => 1,
    };
    let factor = match call.arg_types[index].kind {
        TypeKind::Date => DAY_MS,
        _ => 1,
    };
    call.converted(index, |array| {
        // Days and milliseconds of the day are 32 bits wide.
        let narrow = match array.data_type() {
            DataType::Date32 | DataType::Time32(_) => {
                arrow::compute::cast(array, &DataType::Int32)?
            }
            _ => Arc::clone(array),
        };
        let numbers = arrow::compute::cast(&narrow, &DataType::Int64)?;
        let numbers = numbers.as_primitive::<Int64Type>();
        Ok(numbers.unary(|v| v.div_euclid(per_ms) * factor))
    })
}

fn difference(call: &Call<'_>) -> DfResult<ArrayRef> {
    let (left, right) = (as_millis(call, 0)?, as_millis(call, 1)?);
    match call.return_type.kind {
        TypeKind::IntervalYearMonth(_) => call.strict::<IntervalYearMonthType>(|row| {
            Ok(Some(
                months_between(left.value(row), right.value(row)) as i32
            ))
        }),
        _ => call.strict::<DurationMillisecondType>(|row| {
            Ok(Some(left.value(row).wrapping_sub(right.value(row))))
        }),
    }
}

/// The whole months from one point to a later one (both in milliseconds); negative where it is earlier.
fn months_between(later: i64, earlier: i64) -> i64 {
    if later < earlier {
        return -months_between(earlier, later);
    }
    let (day, start) = (later.div_euclid(DAY_MS), earlier.div_euclid(DAY_MS));
    let mut months = (day - start) / 31;
    while add_months(start, months + 1).is_some_and(|d| d <= day) {
        months += 1;
    }
    let same_day = add_months(start, months) == Some(day);
    if same_day && months > 0 && later.rem_euclid(DAY_MS) < earlier.rem_euclid(DAY_MS) {
        months -= 1;
    }
    months
}

const DAY_MS: i64 = 86_400_000;

fn shift(call: &Call<'_>, sign: i64) -> DfResult<ArrayRef> {
    let by_months = matches!(call.arg_types[1].kind, TypeKind::IntervalYearMonth(_));
    match (&call.arg_types[0].kind, by_months) {
        (TypeKind::IntervalYearMonth(_), _) => {
            let (a, b) = (
                call.primitives::<IntervalYearMonthType>(0)?,
                call.primitives::<IntervalYearMonthType>(1)?,
            );
            call.strict::<IntervalYearMonthType>(|row| {
                Ok(Some(a.value(row).wrapping_add(sign as i32 * b.value(row))))
            })
        }
        (TypeKind::IntervalDayTime(_), _) => {
            shift_by_millis::<DurationMillisecondType>(call, sign, |a, ms| a.wrapping_add(ms))
        }
        (TypeKind::Date, false) => shift_by_millis::<Date32Type>(call, sign, |day, ms| {
            day.wrapping_add((ms / DAY_MS) as i32)
        }),
        (TypeKind::Time(_), false) => {
            shift_by_millis::<Time32MillisecondType>(call, sign, |t, ms| {
                (i64::from(t) + ms).rem_euclid(DAY_MS) as i32
            })
        }
        (TypeKind::Time(_), true) => call.array(0),
        (TypeKind::Date, true) => shift_by_months::<Date32Type>(call, sign, |day, months| {
            add_months(i64::from(day), months).map(|d| d as i32)
        }),
        (_, by_months) => shift_timestamp(call, sign, by_months),
    }
}

fn shift_timestamp(call: &Call<'_>, sign: i64, by_months: bool) -> DfResult<ArrayRef> {
    let DataType::Timestamp(unit, _) = call.arg_types[0].arrow() else {
        return internal_err!("{} of {}", call.name, call.arg_types[0]);
    };
    match unit {
        TimeUnit::Microsecond => {
            timestamp_in::<TimestampMicrosecondType>(call, sign, by_months, 1_000)
        }
        TimeUnit::Nanosecond => {
            timestamp_in::<TimestampNanosecondType>(call, sign, by_months, 1_000_000)
        }
        _ => timestamp_in::<TimestampMillisecondType>(call, sign, by_months, 1),
    }
}

fn timestamp_in<T: ArrowPrimitiveType<Native = i64>>(
    call: &Call<'_>,
    sign: i64,
    by_months: bool,
    per_ms: i64,
) -> DfResult<ArrayRef> {
    if !by_months {
        let (points, millis) = (
            call.primitives::<T>(0)?,
            call.primitives::<DurationMillisecondType>(1)?,
        );
        return call.strict::<T>(|row| {
            let by = millis.value(row).checked_mul(sign * per_ms);
            let moved = by.and_then(|by| points.value(row).checked_add(by));
            moved.map(Some).ok_or_else(out_of_range)
        });
    }
    let day = DAY_MS * per_ms;
    shift_by_months::<T>(call, sign, |point, months| {
        let date = add_months(point.div_euclid(day), months)?;
        date.checked_mul(day)?.checked_add(point.rem_euclid(day))
    })
}

fn out_of_range() -> DataFusionError {
    fail("The result is outside of what its timestamp type can hold")
}

fn shift_by_millis<T: ArrowPrimitiveType>(
    call: &Call<'_>,
    sign: i64,
    f: impl Fn(T::Native, i64) -> T::Native,
) -> DfResult<ArrayRef> {
    let points: Arg<PrimitiveArray<T>> = call.primitives::<T>(0)?;
    let millis = call.primitives::<DurationMillisecondType>(1)?;
    call.strict::<T>(|row| {
        Ok(Some(f(
            points.value(row),
            sign.wrapping_mul(millis.value(row)),
        )))
    })
}

fn shift_by_months<T: ArrowPrimitiveType>(
    call: &Call<'_>,
    sign: i64,
    f: impl Fn(T::Native, i64) -> Option<T::Native>,
) -> DfResult<ArrayRef> {
    let points: Arg<PrimitiveArray<T>> = call.primitives::<T>(0)?;
    let months = call.primitives::<IntervalYearMonthType>(1)?;
    call.strict::<T>(|row| {
        let by = sign * i64::from(months.value(row));
        f(points.value(row), by).map(Some).ok_or_else(out_of_range)
    })
}

/// The day so many months later, by days since the epoch; a day past the month's end becomes its last.
pub(crate) fn add_months(day: i64, months: i64) -> Option<i64> {
    let date = NaiveDate::default().checked_add_signed(chrono::Duration::try_days(day)?)?;
    let month = i64::from(date.year()) * 12 + i64::from(date.month0()) + months;
    let (year, month0) = (month.div_euclid(12) as i32, month.rem_euclid(12) as u32);
    let first = NaiveDate::from_ymd_opt(year, month0 + 1, 1)?;
    let last = first.num_days_in_month();
    let date = NaiveDate::from_ymd_opt(year, month0 + 1, date.day().min(u32::from(last)))?;
    Some((date - NaiveDate::default()).num_days())
}

fn times(call: &Call<'_>) -> DfResult<ArrayRef> {
    let factor = call.primitives::<Int64Type>(1)?;
    match call.arg_types[0].kind {
        TypeKind::IntervalYearMonth(_) => {
            let months = call.primitives::<IntervalYearMonthType>(0)?;
            call.strict::<IntervalYearMonthType>(|row| {
                Ok(Some(
                    months.value(row).wrapping_mul(factor.value(row) as i32),
                ))
            })
        }
        _ => {
            let millis = call.primitives::<DurationMillisecondType>(0)?;
            call.strict::<DurationMillisecondType>(|row| {
                Ok(Some(millis.value(row).wrapping_mul(factor.value(row))))
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_end_at_the_last_day() {
        let day =
            |y, m, d| (NaiveDate::from_ymd_opt(y, m, d).unwrap() - NaiveDate::default()).num_days();
        assert_eq!(add_months(day(2024, 1, 31), 1), Some(day(2024, 2, 29)));
        assert_eq!(add_months(day(2023, 3, 31), -1), Some(day(2023, 2, 28)));
        assert_eq!(add_months(day(2020, 12, 31), 13), Some(day(2022, 1, 31)));
    }

    #[test]
    fn months_between_are_whole() {
        let at = |y, m, d| {
            (NaiveDate::from_ymd_opt(y, m, d).unwrap() - NaiveDate::default()).num_days() * DAY_MS
        };
        assert_eq!(
            months_between(at(2020, 3, 31), at(2019, 1, 30) + DAY_MS / 2),
            14
        );
        assert_eq!(months_between(at(2020, 3, 1), at(2020, 1, 31)), 1);
        assert_eq!(months_between(at(2020, 1, 31), at(2020, 3, 1)), -1);
        assert_eq!(months_between(at(2020, 3, 31), at(2020, 2, 29) + 1), 1);
        assert_eq!(months_between(at(2020, 3, 31), at(2020, 1, 31) + 1), 1);
    }
}
