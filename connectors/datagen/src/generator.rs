use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    Array, ArrayRef, BooleanArray, MapArray, PrimitiveArray, StructArray, UInt32Array,
    new_empty_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::take;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, DurationMillisecondType, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, IntervalYearMonthType,
    Time32MillisecondType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType,
};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use filbert_types::{LogicalType, TimeZone, TypeKind};

use crate::random::{between, bits, salt, unit};
use crate::text;

/// Makes one column's values.
#[derive(Debug, Clone)]
pub struct Generator {
    pub ty: LogicalType,
    pub kind: Kind,
    pub null_rate: f64,
    pub salt: u64,
}

#[derive(Debug, Clone)]
pub enum Kind {
    Boolean,
    Number(Number),
    /// Hex digits, or bytes.
    Text {
        length: u32,
        var_len: bool,
    },
    /// The time of generation, up to `max_past` ago.
    Now {
        max_past: Duration,
    },
    Array(u32, Box<Generator>),
    Map(u32, Box<Generator>, Box<Generator>),
    Row(Vec<Generator>),
    Sequence {
        start: i64,
    },
}

/// Bounds, both included.
#[derive(Debug, Clone, Copy)]
pub enum Number {
    Whole { min: i64, max: i64 },
    Real { min: f64, max: f64 },
}

/// The numbers of the rows to make.
pub enum Rows {
    /// `first`, `first + stride`, ...
    Run {
        first: u64,
        stride: u64,
        len: usize,
    },
    List(Vec<u64>),
}

impl Rows {
    pub fn len(&self) -> usize {
        match self {
            Rows::Run { len, .. } => *len,
            Rows::List(rows) => rows.len(),
        }
    }

    /// A value a row.
    pub fn map<T>(&self, make: impl Fn(u64) -> T) -> Vec<T> {
        match self {
            Rows::Run { first, stride, len } => (0..*len as u64)
                .map(|i| make(first.wrapping_add(i.wrapping_mul(*stride))))
                .collect(),
            Rows::List(rows) => rows.iter().map(|row| make(*row)).collect(),
        }
    }

    /// The numbers of the elements of collections with `length` elements a row.
    fn elements(&self, length: u32) -> Rows {
        let length = u64::from(length);
        let mut rows = Vec::with_capacity(self.len() * length as usize);
        for row in self.map(|row| row) {
            rows.extend((0..length).map(|i| row.wrapping_mul(length).wrapping_add(i)));
        }
        Rows::List(rows)
    }
}

/// When and where generation happens.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    pub seed: u64,
    pub now_ms: i64,
    pub zone: TimeZone,
}

impl Generator {
    /// How often an element of a multiset occurs.
    pub fn count(salt: u64) -> Generator {
        Generator {
            ty: TypeKind::Int.into(),
            kind: Kind::Number(Number::Whole { min: 0, max: 10 }),
            null_rate: 0.0,
            salt,
        }
    }

    /// The values of these rows.
    ///
    /// # Errors
    /// When a collection grows past what Arrow can address.
    pub fn generate(&self, rows: &Rows, moment: Moment) -> Result<ArrayRef, ArrowError> {
        let seed = self.salt ^ moment.seed;
        let moment = Moment { seed, ..moment };
        let nulls = self.nulls(rows, seed);
        match &self.kind {
            Kind::Boolean => {
                let values = rows.map(|row| bits(seed, row) >> 63 == 1);
                Ok(Arc::new(BooleanArray::new(values.into(), nulls)))
            }
            Kind::Number(Number::Whole { min, max }) => {
                let (min, max) = (*min, *max);
                self.whole(rows, nulls, |row| between(bits(seed, row), min, max))
            }
            Kind::Number(Number::Real { min, max }) => {
                let (min, max) = (*min, *max);
                self.real(rows, nulls, |row| {
                    let part = unit(bits(seed, row));
                    // Not min + part * (max - min), which overflows between the extremes.
                    min * (1.0 - part) + max * part
                })
            }
            Kind::Text { length, var_len } => {
                text::generate(&self.ty, rows, seed, *length, *var_len, nulls)
            }
            Kind::Now { max_past } => self.now(rows, moment, *max_past, nulls),
            Kind::Sequence { start } => self.sequence(rows, *start),
            Kind::Array(length, element) => {
                let values = element.generate(&rows.elements(*length), moment)?;
                let lengths = std::iter::repeat_n(*length as usize, rows.len());
                let DataType::List(field) = self.ty.arrow() else {
                    return Err(wrong(&self.ty));
                };
                let offsets = OffsetBuffer::from_lengths(lengths);
                Ok(Arc::new(arrow::array::ListArray::try_new(
                    field, offsets, values, nulls,
                )?))
            }
            Kind::Map(length, key, value) => self.map(rows, moment, *length, key, value, nulls),
            Kind::Row(children) => {
                let DataType::Struct(fields) = self.ty.arrow() else {
                    return Err(wrong(&self.ty));
                };
                let columns = children
                    .iter()
                    .map(|child| child.generate(rows, moment))
                    .collect::<Result<Vec<_>, _>>()?;
                Ok(Arc::new(StructArray::try_new_with_length(
                    fields,
                    columns,
                    nulls,
                    rows.len(),
                )?))
            }
        }
    }

    fn nulls(&self, rows: &Rows, seed: u64) -> Option<NullBuffer> {
        (self.null_rate > 0.0).then(|| {
            let seed = salt(seed, u64::MAX - 1);
            let rate = self.null_rate;
            NullBuffer::from(rows.map(|row| unit(bits(seed, row)) >= rate))
        })
    }

    fn whole(
        &self,
        rows: &Rows,
        nulls: Option<NullBuffer>,
        make: impl Fn(u64) -> i64,
    ) -> Result<ArrayRef, ArrowError> {
        Ok(match self.ty.kind {
            TypeKind::TinyInt => array::<Int8Type>(rows.map(|r| make(r) as i8), nulls),
            TypeKind::SmallInt => array::<Int16Type>(rows.map(|r| make(r) as i16), nulls),
            TypeKind::Int => array::<Int32Type>(rows.map(|r| make(r) as i32), nulls),
            TypeKind::BigInt => array::<Int64Type>(rows.map(make), nulls),
            TypeKind::IntervalYearMonth(_) => {
                array::<IntervalYearMonthType>(rows.map(|r| make(r) as i32), nulls)
            }
            TypeKind::IntervalDayTime(_) => array::<DurationMillisecondType>(rows.map(make), nulls),
            TypeKind::Float => array::<Float32Type>(rows.map(|r| make(r) as f32), nulls),
            TypeKind::Double => array::<Float64Type>(rows.map(|r| make(r) as f64), nulls),
            TypeKind::Decimal { precision, scale } => {
                let unit = 10_i128.pow(u32::from(scale));
                let limit = 10_i128.pow(u32::from(precision)) - 1;
                let values = rows.map(|r| {
                    let value = i128::from(make(r)).saturating_mul(unit);
                    value.clamp(-limit, limit)
                });
                Arc::new(
                    PrimitiveArray::<Decimal128Type>::new(values.into(), nulls)
                        .with_precision_and_scale(precision, scale as i8)?,
                )
            }
            _ => return Err(wrong(&self.ty)),
        })
    }

    fn real(
        &self,
        rows: &Rows,
        nulls: Option<NullBuffer>,
        make: impl Fn(u64) -> f64,
    ) -> Result<ArrayRef, ArrowError> {
        Ok(match self.ty.kind {
            TypeKind::Float => array::<Float32Type>(rows.map(|r| make(r) as f32), nulls),
            TypeKind::Double => array::<Float64Type>(rows.map(make), nulls),
            TypeKind::Decimal { precision, scale } => {
                let unit = 10_f64.powi(i32::from(scale));
                let limit = 10_i128.pow(u32::from(precision)) - 1;
                let values = rows.map(|r| ((make(r) * unit) as i128).clamp(-limit, limit));
                Arc::new(
                    PrimitiveArray::<Decimal128Type>::new(values.into(), nulls)
                        .with_precision_and_scale(precision, scale as i8)?,
                )
            }
            _ => return Err(wrong(&self.ty)),
        })
    }

    fn sequence(&self, rows: &Rows, start: i64) -> Result<ArrayRef, ArrowError> {
        let make = |row: u64| start.wrapping_add_unsigned(row);
        if !self.ty.kind.is_character() {
            return self.whole(rows, None, make);
        }
        let mut builder = arrow::array::StringViewBuilder::with_capacity(rows.len());
        let mut digits = itoa::Buffer::new();
        for value in rows.map(make) {
            builder.append_value(digits.format(value));
        }
        Ok(Arc::new(builder.finish()))
    }

    fn now(
        &self,
        rows: &Rows,
        moment: Moment,
        max_past: Duration,
        nulls: Option<NullBuffer>,
    ) -> Result<ArrayRef, ArrowError> {
        let offset = i64::from(moment.zone.offset_at_utc(moment.now_ms.div_euclid(1000))) * 1000;
        let local = moment.now_ms + offset;
        let past = i64::try_from(max_past.as_millis()).unwrap_or(i64::MAX);
        let seed = moment.seed;
        let ago = |row: u64| {
            if past == 0 {
                0
            } else {
                between(bits(seed, row), 0, past)
            }
        };
        let day_ms = 86_400_000;
        Ok(match self.ty.kind {
            TypeKind::Date => {
                let day = local.div_euclid(day_ms) as i32;
                array::<Date32Type>(rows.map(|_| day), nulls)
            }
            TypeKind::Time(_) => {
                let time = local.rem_euclid(day_ms) as i32;
                array::<Time32MillisecondType>(rows.map(|_| time), nulls)
            }
            TypeKind::Timestamp { .. } => {
                timestamps(&self.ty, rows.map(|row| local - ago(row)), nulls)?
            }
            TypeKind::TimestampLtz { .. } => {
                let now = moment.now_ms;
                timestamps(&self.ty, rows.map(|row| now - ago(row)), nulls)?
            }
            _ => return Err(wrong(&self.ty)),
        })
    }

    /// Equal keys of one map are one entry, the last one's, as in Java's maps.
    fn map(
        &self,
        rows: &Rows,
        moment: Moment,
        length: u32,
        key: &Generator,
        value: &Generator,
        nulls: Option<NullBuffer>,
    ) -> Result<ArrayRef, ArrowError> {
        let DataType::Map(entries, ordered) = self.ty.arrow() else {
            return Err(wrong(&self.ty));
        };
        let DataType::Struct(fields) = entries.data_type() else {
            return Err(wrong(&self.ty));
        };
        let elements = rows.elements(length);
        let keys = key.generate(&elements, moment)?;
        let values = value.generate(&elements, moment)?;
        let (kept, offsets) = distinct_keys(keys.as_ref(), rows.len(), length as usize)?;
        let (keys, values) = if kept.len() == keys.len() {
            (keys, values)
        } else {
            (take(&keys, &kept, None)?, take(&values, &kept, None)?)
        };
        let pairs = if keys.is_empty() {
            StructArray::from(new_empty_array(&DataType::Struct(fields.clone())).to_data())
        } else {
            StructArray::try_new(fields.clone(), vec![keys, values], None)?
        };
        Ok(Arc::new(MapArray::try_new(
            entries, offsets, pairs, nulls, ordered,
        )?))
    }
}

fn distinct_keys(
    keys: &dyn Array,
    rows: usize,
    length: usize,
) -> Result<(UInt32Array, OffsetBuffer<i32>), ArrowError> {
    let shown = ArrayFormatter::try_new(keys, &FormatOptions::default())?;
    let mut kept = Vec::with_capacity(keys.len());
    let mut lengths = Vec::with_capacity(rows);
    let mut seen = HashSet::new();
    for row in 0..rows {
        seen.clear();
        let before = kept.len();
        for i in (row * length..(row + 1) * length).rev() {
            if keys.is_valid(i) && seen.insert(shown.value(i).to_string()) {
                kept.push(i as u32);
            }
        }
        kept[before..].reverse();
        lengths.push(kept.len() - before);
    }
    Ok((kept.into(), OffsetBuffer::from_lengths(lengths)))
}

fn timestamps(
    ty: &LogicalType,
    millis: Vec<i64>,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, ArrowError> {
    let DataType::Timestamp(unit, zone) = ty.arrow() else {
        return Err(wrong(ty));
    };
    let scaled = |factor: i64| -> ScalarBuffer<i64> {
        millis.iter().map(|ms| ms.saturating_mul(factor)).collect()
    };
    Ok(match unit {
        TimeUnit::Second | TimeUnit::Millisecond => Arc::new(
            PrimitiveArray::<TimestampMillisecondType>::new(scaled(1), nulls)
                .with_timezone_opt(zone),
        ),
        TimeUnit::Microsecond => Arc::new(
            PrimitiveArray::<TimestampMicrosecondType>::new(scaled(1_000), nulls)
                .with_timezone_opt(zone),
        ),
        TimeUnit::Nanosecond => Arc::new(
            PrimitiveArray::<TimestampNanosecondType>::new(scaled(1_000_000), nulls)
                .with_timezone_opt(zone),
        ),
    })
}

fn array<T: ArrowPrimitiveType>(values: Vec<T::Native>, nulls: Option<NullBuffer>) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::new(values.into(), nulls))
}

pub fn wrong(ty: &LogicalType) -> ArrowError {
    ArrowError::NotYetImplemented(format!("values of type {ty} cannot be generated"))
}
