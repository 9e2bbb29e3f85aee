//! Builders of columns of every type, straight into Arrow's buffers.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryViewBuilder, BooleanBuilder, Date32Builder, Decimal128Builder,
    DurationMillisecondBuilder, Float32Builder, Float64Builder, Int8Builder, Int16Builder,
    Int32Builder, Int64Builder, IntervalYearMonthBuilder, ListArray, MapArray, NullArray,
    NullBufferBuilder, PrimitiveArray, StringViewBuilder, StructArray, Time32MillisecondBuilder,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{
    DataType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use arrow::error::ArrowError;
use filbert_types::{LogicalType, TypeKind};

/// A column under construction. A decoder matches on [`ColumnBuilder::values`] and appends exactly one value a row.
pub struct ColumnBuilder {
    pub ty: LogicalType,
    pub values: Values,
}

/// The builders, by what they hold.
pub enum Values {
    Null(usize),
    Boolean(BooleanBuilder),
    TinyInt(Int8Builder),
    SmallInt(Int16Builder),
    Int(Int32Builder),
    BigInt(Int64Builder),
    Float(Float32Builder),
    Double(Float64Builder),
    Decimal(Decimal128Builder, u8, u8),
    Text(StringViewBuilder),
    Bytes(BinaryViewBuilder),
    Date(Date32Builder),
    Time(Time32MillisecondBuilder, u8),
    Timestamp(TimestampBuilder),
    Months(IntervalYearMonthBuilder),
    Millis(DurationMillisecondBuilder),
    List(ListBuilder),
    Map(Box<MapBuilder>),
    Row(RowBuilder),
}

/// Timestamps of any unit.
pub struct TimestampBuilder {
    pub values: Int64Builder,
    pub unit: TimeUnit,
    pub precision: u8,
    /// TIMESTAMP_LTZ.
    pub local: bool,
}

/// Appended element by element, each list then closed.
pub struct ListBuilder {
    pub element: Box<ColumnBuilder>,
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
}

/// Appended entry by entry, each map then closed.
pub struct MapBuilder {
    pub keys: ColumnBuilder,
    pub entries: ColumnBuilder,
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
}

/// A value appended to every child, then the row closed.
pub struct RowBuilder {
    pub names: Arc<[String]>,
    pub children: Vec<ColumnBuilder>,
    nulls: NullBufferBuilder,
}

impl ColumnBuilder {
    pub fn new(ty: &LogicalType) -> ColumnBuilder {
        let values = match &ty.kind {
            TypeKind::Null => Values::Null(0),
            TypeKind::Boolean => Values::Boolean(BooleanBuilder::new()),
            TypeKind::TinyInt => Values::TinyInt(Int8Builder::new()),
            TypeKind::SmallInt => Values::SmallInt(Int16Builder::new()),
            TypeKind::Int => Values::Int(Int32Builder::new()),
            TypeKind::BigInt => Values::BigInt(Int64Builder::new()),
            TypeKind::Float => Values::Float(Float32Builder::new()),
            TypeKind::Double => Values::Double(Float64Builder::new()),
            TypeKind::Decimal { precision, scale } => Values::Decimal(
                Decimal128Builder::new().with_data_type(ty.arrow()),
                *precision,
                *scale,
            ),
            TypeKind::Char(_) | TypeKind::VarChar(_) | TypeKind::Symbol | TypeKind::Descriptor => {
                Values::Text(StringViewBuilder::new())
            }
            TypeKind::Binary(_)
            | TypeKind::VarBinary(_)
            | TypeKind::Raw { .. }
            | TypeKind::Variant
            | TypeKind::Bitmap => Values::Bytes(BinaryViewBuilder::new()),
            TypeKind::Date => Values::Date(Date32Builder::new()),
            TypeKind::Time(precision) => Values::Time(Time32MillisecondBuilder::new(), *precision),
            TypeKind::Timestamp { precision, .. } => timestamps(*precision, false),
            TypeKind::TimestampLtz { precision, .. } => timestamps(*precision, true),
            TypeKind::IntervalYearMonth(_) => Values::Months(IntervalYearMonthBuilder::new()),
            TypeKind::IntervalDayTime(_) => Values::Millis(DurationMillisecondBuilder::new()),
            TypeKind::Array(element) => Values::List(ListBuilder {
                element: Box::new(ColumnBuilder::new(element)),
                offsets: vec![0],
                nulls: NullBufferBuilder::new(0),
            }),
            TypeKind::Map(key, value) => map(key, value),
            TypeKind::Multiset(element) => map(element, &TypeKind::Int.into()),
            TypeKind::Row(fields) | TypeKind::Structured { fields, .. } => {
                Values::Row(RowBuilder {
                    names: fields.iter().map(|f| f.name.clone()).collect(),
                    children: fields.iter().map(|f| ColumnBuilder::new(&f.ty)).collect(),
                    nulls: NullBufferBuilder::new(0),
                })
            }
        };
        ColumnBuilder {
            ty: ty.clone(),
            values,
        }
    }

    pub fn append_null(&mut self) {
        match &mut self.values {
            Values::Null(count) => *count += 1,
            Values::Boolean(b) => b.append_null(),
            Values::TinyInt(b) => b.append_null(),
            Values::SmallInt(b) => b.append_null(),
            Values::Int(b) => b.append_null(),
            Values::BigInt(b) => b.append_null(),
            Values::Float(b) => b.append_null(),
            Values::Double(b) => b.append_null(),
            Values::Decimal(b, ..) => b.append_null(),
            Values::Text(b) => b.append_null(),
            Values::Bytes(b) => b.append_null(),
            Values::Date(b) => b.append_null(),
            Values::Time(b, _) => b.append_null(),
            Values::Timestamp(b) => b.values.append_null(),
            Values::Months(b) => b.append_null(),
            Values::Millis(b) => b.append_null(),
            Values::List(b) => b.close(false),
            Values::Map(b) => b.close(false),
            Values::Row(b) => {
                b.children.iter_mut().for_each(ColumnBuilder::append_null);
                b.close(true);
            }
        }
    }

    pub fn len(&self) -> usize {
        use arrow::array::ArrayBuilder;
        match &self.values {
            Values::Null(count) => *count,
            Values::Boolean(b) => b.len(),
            Values::TinyInt(b) => b.len(),
            Values::SmallInt(b) => b.len(),
            Values::Int(b) => b.len(),
            Values::BigInt(b) => b.len(),
            Values::Float(b) => b.len(),
            Values::Double(b) => b.len(),
            Values::Decimal(b, ..) => b.len(),
            Values::Text(b) => b.len(),
            Values::Bytes(b) => b.len(),
            Values::Date(b) => b.len(),
            Values::Time(b, _) => b.len(),
            Values::Timestamp(b) => b.values.len(),
            Values::Months(b) => b.len(),
            Values::Millis(b) => b.len(),
            Values::List(b) => b.nulls.len(),
            Values::Map(b) => b.nulls.len(),
            Values::Row(b) => b.nulls.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The column; the builder is empty afterwards.
    ///
    /// # Errors
    /// When nested parts do not fit each other: a bug of the decoder.
    pub fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let ty = self.ty.arrow();
        Ok(match &mut self.values {
            Values::Null(count) => Arc::new(NullArray::new(std::mem::take(count))),
            Values::Boolean(b) => Arc::new(b.finish()),
            Values::TinyInt(b) => Arc::new(b.finish()),
            Values::SmallInt(b) => Arc::new(b.finish()),
            Values::Int(b) => Arc::new(b.finish()),
            Values::BigInt(b) => Arc::new(b.finish()),
            Values::Float(b) => Arc::new(b.finish()),
            Values::Double(b) => Arc::new(b.finish()),
            Values::Decimal(b, ..) => Arc::new(b.finish()),
            Values::Text(b) => Arc::new(b.finish()),
            Values::Bytes(b) => Arc::new(b.finish()),
            Values::Date(b) => Arc::new(b.finish()),
            Values::Time(b, _) => Arc::new(b.finish()),
            Values::Timestamp(b) => b.finish(&ty),
            Values::Months(b) => Arc::new(b.finish()),
            Values::Millis(b) => Arc::new(b.finish()),
            Values::List(b) => b.finish(&ty)?,
            Values::Map(b) => b.finish(&ty)?,
            Values::Row(b) => b.finish(&ty)?,
        })
    }
}

fn timestamps(precision: u8, local: bool) -> Values {
    Values::Timestamp(TimestampBuilder {
        values: Int64Builder::new(),
        unit: filbert_types::logical_type::timestamp_unit(precision),
        precision,
        local,
    })
}

fn map(key: &LogicalType, value: &LogicalType) -> Values {
    Values::Map(Box::new(MapBuilder {
        keys: ColumnBuilder::new(key),
        entries: ColumnBuilder::new(value),
        offsets: vec![0],
        nulls: NullBufferBuilder::new(0),
    }))
}

fn mismatch(ty: &DataType) -> ArrowError {
    ArrowError::SchemaError(format!("a builder does not make {ty}"))
}

impl TimestampBuilder {
    fn finish(&mut self, ty: &DataType) -> ArrayRef {
        let (_, values, nulls) = self.values.finish().into_parts();
        let zone = match ty {
            DataType::Timestamp(_, zone) => zone.clone(),
            _ => None,
        };
        match self.unit {
            TimeUnit::Second => Arc::new(
                PrimitiveArray::<TimestampSecondType>::new(values, nulls).with_timezone_opt(zone),
            ),
            TimeUnit::Millisecond => Arc::new(
                PrimitiveArray::<TimestampMillisecondType>::new(values, nulls)
                    .with_timezone_opt(zone),
            ),
            TimeUnit::Microsecond => Arc::new(
                PrimitiveArray::<TimestampMicrosecondType>::new(values, nulls)
                    .with_timezone_opt(zone),
            ),
            TimeUnit::Nanosecond => Arc::new(
                PrimitiveArray::<TimestampNanosecondType>::new(values, nulls)
                    .with_timezone_opt(zone),
            ),
        }
    }
}

fn take_offsets(offsets: &mut Vec<i32>) -> OffsetBuffer<i32> {
    OffsetBuffer::new(std::mem::replace(offsets, vec![0]).into())
}

impl ListBuilder {
    /// Ends a list of the elements appended since the last one; not valid means NULL.
    pub fn close(&mut self, valid: bool) {
        self.offsets.push(self.element.len() as i32);
        self.nulls.append(valid);
    }

    fn finish(&mut self, ty: &DataType) -> Result<ArrayRef, ArrowError> {
        let DataType::List(field) = ty else {
            return Err(mismatch(ty));
        };
        Ok(Arc::new(ListArray::try_new(
            Arc::clone(field),
            take_offsets(&mut self.offsets),
            self.element.finish()?,
            self.nulls.finish(),
        )?))
    }
}

impl MapBuilder {
    /// Ends a map of the entries appended since the last one; not valid means NULL.
    pub fn close(&mut self, valid: bool) {
        self.offsets.push(self.keys.len() as i32);
        self.nulls.append(valid);
    }

    fn finish(&mut self, ty: &DataType) -> Result<ArrayRef, ArrowError> {
        let DataType::Map(entries, ordered) = ty else {
            return Err(mismatch(ty));
        };
        let DataType::Struct(fields) = entries.data_type() else {
            return Err(mismatch(ty));
        };
        let columns = vec![self.keys.finish()?, self.entries.finish()?];
        Ok(Arc::new(MapArray::try_new(
            Arc::clone(entries),
            take_offsets(&mut self.offsets),
            StructArray::try_new(fields.clone(), columns, None)?,
            self.nulls.finish(),
            *ordered,
        )?))
    }
}

impl RowBuilder {
    /// Ends a row whose children have all been given a value.
    pub fn close(&mut self, null: bool) {
        self.nulls.append(!null);
    }

    fn finish(&mut self, ty: &DataType) -> Result<ArrayRef, ArrowError> {
        let DataType::Struct(fields) = ty else {
            return Err(mismatch(ty));
        };
        let columns = self.children.iter_mut().map(ColumnBuilder::finish);
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let length = self.nulls.len();
        let nulls = self.nulls.finish();
        Ok(Arc::new(StructArray::try_new_with_length(
            fields.clone(),
            columns,
            nulls,
            length,
        )?))
    }
}
