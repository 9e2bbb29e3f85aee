//! Aggregates that run along with a partial match, one value a row: COUNT, SUM, MIN and MAX of numbers and times.

use arrow::array::{ArrayRef, Decimal128Array, Float32Array, Float64Array, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use filbert_graph::spec::MatchAggregateSpec;
use filbert_state::Cell;

use super::rows::Rows;
use crate::error::Result;

/// The value so far: an integer, or the bits of a float; none before the first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Running {
    bits: i128,
    some: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Count,
    Sum,
    Min,
    Max,
}

/// How the argument's cell is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Int,
    Decimal(u8),
    Float,
    Double,
}

#[derive(Debug, Clone)]
pub(super) struct RunningAggregate {
    function: Function,
    kind: Kind,
    /// By variable.
    member: Vec<bool>,
    arg: Option<usize>,
    pub output: DataType,
}

impl RunningAggregate {
    /// None for aggregates that need all rows at once.
    pub fn new(spec: &MatchAggregateSpec, variables: usize) -> Option<RunningAggregate> {
        let output = spec.output.ty.arrow();
        let arg = spec.arg_types.first().map(|t| t.arrow());
        let function = match spec.function.as_str() {
            "COUNT" => Function::Count,
            "SUM" => Function::Sum,
            "MIN" => Function::Min,
            "MAX" => Function::Max,
            _ => return None,
        };
        let kind = match (function, &arg) {
            (Function::Count, _) => Kind::Int,
            (_, Some(DataType::Decimal128(..))) => match output {
                DataType::Decimal128(precision, _) => Kind::Decimal(precision),
                _ => return None,
            },
            (_, Some(DataType::Float32)) => Kind::Float,
            (_, Some(DataType::Float64)) => Kind::Double,
            (_, Some(ty)) if is_int(ty) && (function != Function::Sum || is_number(ty)) => {
                Kind::Int
            }
            _ => return None,
        };
        if spec.args.len() > 1 {
            return None;
        }
        Some(RunningAggregate {
            function,
            kind,
            member: (0..variables)
                .map(|v| spec.variables.contains(&v))
                .collect(),
            arg: spec.args.first().copied(),
            output,
        })
    }

    /// The value once a row was taken into a variable.
    #[inline]
    pub fn after(&self, before: Running, rows: &Rows, variable: usize, row: u32) -> Running {
        let counts = Running {
            bits: before.bits + 1,
            some: true,
        };
        if !self.member[variable] {
            return before;
        }
        let Some(arg) = self.arg else {
            return counts;
        };
        let bits = match rows.table.cell(arg, row) {
            Cell::Null => return before,
            _ if self.function == Function::Count => return counts,
            Cell::Int(v) => i128::from(v),
            Cell::Wide(v) => v,
            Cell::Bytes(_) | Cell::Nested => return before,
        };
        if !before.some {
            return Running { bits, some: true };
        }
        self.combine(before, bits)
    }

    fn combine(&self, before: Running, bits: i128) -> Running {
        let some = |bits| Running { bits, some: true };
        if self.function == Function::Sum {
            return match self.kind {
                Kind::Int => some(i128::from((before.bits as i64).wrapping_add(bits as i64))),
                Kind::Decimal(_) => some(before.bits.saturating_add(bits)),
                Kind::Float => some(float_bits(float(before.bits) + float(bits))),
                Kind::Double => some(double_bits(double(before.bits) + double(bits))),
            };
        }
        let less = match self.kind {
            Kind::Int | Kind::Decimal(_) => bits < before.bits,
            Kind::Float => float(bits) < float(before.bits),
            Kind::Double => double(bits) < double(before.bits),
        };
        let equal = bits == before.bits;
        let better = if self.function == Function::Min {
            less
        } else {
            !less && !equal
        };
        some(if better { bits } else { before.bits })
    }

    /// The value as conditions read it; none for NULL.
    pub fn value(&self, value: Running) -> Option<i128> {
        match (self.function, self.kind) {
            (Function::Count, _) => Some(value.bits),
            _ if !value.some => None,
            (Function::Sum, Kind::Int) => Some(i128::from(match self.output {
                DataType::Int8 => i64::from(value.bits as i8),
                DataType::Int16 => i64::from(value.bits as i16),
                DataType::Int32 => i64::from(value.bits as i32),
                _ => value.bits as i64,
            })),
            (Function::Sum, Kind::Decimal(precision)) => {
                let limit = 10i128
                    .checked_pow(u32::from(precision))
                    .unwrap_or(i128::MAX);
                Some(value.bits).filter(|v| v.abs() < limit)
            }
            _ => Some(value.bits),
        }
    }

    /// Values as a column of the output's type.
    ///
    /// # Errors
    /// When the type can't hold them.
    pub fn column(&self, values: &[Running]) -> Result<ArrayRef> {
        let values = values.iter().map(|v| self.value(*v));
        let array: ArrayRef = match self.kind {
            Kind::Int => {
                let longs: Int64Array = values.map(|v| v.map(|v| v as i64)).collect();
                return from_longs(longs, &self.output);
            }
            Kind::Decimal(_) => {
                let decimals: Decimal128Array = values.collect();
                match self.output {
                    DataType::Decimal128(precision, scale) => {
                        std::sync::Arc::new(decimals.with_precision_and_scale(precision, scale)?)
                    }
                    _ => std::sync::Arc::new(decimals),
                }
            }
            Kind::Float => {
                let floats: Float32Array = values.map(|v| v.map(float)).collect();
                std::sync::Arc::new(floats)
            }
            Kind::Double => {
                let doubles: Float64Array = values.map(|v| v.map(double)).collect();
                std::sync::Arc::new(doubles)
            }
        };
        Ok(if *array.data_type() == self.output {
            array
        } else {
            cast(&array, &self.output)?
        })
    }
}

fn from_longs(longs: Int64Array, ty: &DataType) -> Result<ArrayRef> {
    let longs: ArrayRef = std::sync::Arc::new(longs);
    Ok(match ty {
        DataType::Int64 => longs,
        DataType::Date32 | DataType::Time32(_) => cast(&cast(&longs, &DataType::Int32)?, ty)?,
        _ => cast(&longs, ty)?,
    })
}

#[inline]
pub(super) fn float(bits: i128) -> f32 {
    f32::from_bits(bits as i32 as u32)
}

#[inline]
fn float_bits(value: f32) -> i128 {
    i128::from(value.to_bits() as i32)
}

#[inline]
pub(super) fn double(bits: i128) -> f64 {
    f64::from_bits(bits as i64 as u64)
}

#[inline]
fn double_bits(value: f64) -> i128 {
    i128::from(value.to_bits() as i64)
}

fn is_number(ty: &DataType) -> bool {
    matches!(
        ty,
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64
    )
}

/// Whether a type's cells are integers that order as its values do.
pub(super) fn is_int(ty: &DataType) -> bool {
    is_number(ty)
        || matches!(
            ty,
            DataType::Date32
                | DataType::Time32(_)
                | DataType::Timestamp(..)
                | DataType::Duration(_)
        )
}
