//! What a kernel works with: its arguments as typed columns (constants included), and builders for its result.
//!
//! ```ignore
//! fn reverse(call: &Call<'_>) -> Result<ArrayRef> {
//!     let text = call.strings(0)?;
//!     call.strict_strings(|row, out| {
//!         out.extend(text.value(row).chars().rev());
//!         Ok(true)
//!     })
//! }
//! ```

use std::sync::{Arc, Mutex};

use arrow::array::{
    Array, ArrayAccessor, ArrayRef, ArrowPrimitiveType, BinaryViewArray, BinaryViewBuilder,
    BooleanArray, BooleanBuilder, ByteView, Float64Array, Int32Array, Int64Array, ListArray,
    MAX_INLINE_VIEW_LEN, MapArray, PrimitiveArray, PrimitiveBuilder, StringViewArray,
    StringViewBuilder, StructArray,
};
use arrow::buffer::NullBuffer;
use datafusion::common::{DataFusionError, Result, ScalarValue, internal_datafusion_err};
use datafusion::logical_expr::ColumnarValue;
use filbert_types::LogicalType;
use filbert_types::clock::Clock;
use filbert_types::recent_views::RecentViews;

use crate::java::random::JavaRandom;
use crate::udf::Session;

/// The bytes of one text that a function makes.
const VALUE_BYTES_MAX: usize = 256 << 20;
/// The bytes of all texts that a function makes of one batch.
const BATCH_BYTES_MAX: usize = 1 << 30;

fn too_long(name: &str, bytes: usize, max: usize) -> DataFusionError {
    fail(format!(
        "{name} would make {bytes} bytes of text, and can make {max}"
    ))
}

/// A call at run time.
pub struct Call<'a> {
    pub name: &'a str,
    pub arg_types: &'a [LogicalType],
    pub return_type: &'a LogicalType,
    pub session: &'a Session,
    /// The call's own generator, which a seed starts.
    pub(crate) random: &'a Mutex<Option<JavaRandom>>,
    pub clock: &'a dyn Clock,
    pub args: &'a [ColumnarValue],
    /// How many results to give.
    pub rows: usize,
}

/// An argument as a typed column; a constant answers every row.
pub struct Arg<A> {
    array: A,
    mask: usize,
}

impl<A: Array> Arg<A> {
    /// True where the argument is one value for all rows.
    pub fn is_constant(&self) -> bool {
        self.mask == 0
    }

    pub fn is_null(&self, row: usize) -> bool {
        self.array.is_null(row & self.mask)
    }

    /// The value at a row that is not NULL.
    pub fn value<'a>(&'a self, row: usize) -> <&'a A as ArrayAccessor>::Item
    where
        &'a A: ArrayAccessor,
    {
        (&self.array).value(row & self.mask)
    }

    pub fn get<'a>(&'a self, row: usize) -> Option<<&'a A as ArrayAccessor>::Item>
    where
        &'a A: ArrayAccessor,
    {
        let index = row & self.mask;
        (!self.array.is_null(index)).then(|| (&self.array).value(index))
    }

    /// The value of a constant that is not NULL.
    pub fn constant<'a>(&'a self) -> Option<<&'a A as ArrayAccessor>::Item>
    where
        &'a A: ArrayAccessor,
    {
        if self.is_constant() {
            self.get(0)
        } else {
            None
        }
    }

    /// The column itself: of one row where the argument is constant.
    pub fn array(&self) -> &A {
        &self.array
    }

    /// The index into [`array`](Self::array) for a row.
    pub fn index(&self, row: usize) -> usize {
        row & self.mask
    }
}

impl<'a> Call<'a> {
    /// True where the argument is one value for all rows.
    pub fn is_constant(&self, index: usize) -> bool {
        matches!(self.args[index], ColumnarValue::Scalar(_))
    }

    /// The value of a constant argument.
    pub fn scalar(&self, index: usize) -> Option<&'a ScalarValue> {
        match &self.args[index] {
            ColumnarValue::Scalar(value) => Some(value),
            ColumnarValue::Array(_) => None,
        }
    }

    /// The argument as a column of `rows` values.
    pub fn array(&self, index: usize) -> Result<ArrayRef> {
        match &self.args[index] {
            ColumnarValue::Array(array) => Ok(Arc::clone(array)),
            ColumnarValue::Scalar(value) => value.to_array_of_size(self.rows),
        }
    }

    /// The argument as a column of one type, of one row where it is constant.
    pub fn arg<A: Array + Clone + 'static>(&self, index: usize) -> Result<Arg<A>> {
        let (array, mask) = match &self.args[index] {
            ColumnarValue::Array(array) => (Arc::clone(array), usize::MAX),
            ColumnarValue::Scalar(value) => (value.to_array()?, 0),
        };
        let array = array.as_any().downcast_ref::<A>().cloned().ok_or_else(|| {
            internal_datafusion_err!(
                "{}: argument {} is {}, not what its kernel expects",
                self.name,
                index + 1,
                array.data_type()
            )
        })?;
        Ok(Arg { array, mask })
    }

    /// The argument converted to a column of another type, of one row where it is constant.
    pub fn converted<A>(
        &self,
        index: usize,
        convert: impl Fn(&ArrayRef) -> Result<A>,
    ) -> Result<Arg<A>> {
        let (array, mask) = match &self.args[index] {
            ColumnarValue::Array(array) => (Arc::clone(array), usize::MAX),
            ColumnarValue::Scalar(value) => (value.to_array()?, 0),
        };
        let array = convert(&array)?;
        Ok(Arg { array, mask })
    }

    pub fn strings(&self, index: usize) -> Result<Arg<StringViewArray>> {
        self.arg(index)
    }

    pub fn bytes(&self, index: usize) -> Result<Arg<BinaryViewArray>> {
        self.arg(index)
    }

    pub fn booleans(&self, index: usize) -> Result<Arg<BooleanArray>> {
        self.arg(index)
    }

    pub fn ints(&self, index: usize) -> Result<Arg<Int32Array>> {
        self.arg(index)
    }

    pub fn bigints(&self, index: usize) -> Result<Arg<Int64Array>> {
        self.arg(index)
    }

    pub fn doubles(&self, index: usize) -> Result<Arg<Float64Array>> {
        self.arg(index)
    }

    pub fn primitives<T: ArrowPrimitiveType>(
        &self,
        index: usize,
    ) -> Result<Arg<PrimitiveArray<T>>> {
        self.arg(index)
    }

    pub fn lists(&self, index: usize) -> Result<Arg<ListArray>> {
        self.arg(index)
    }

    pub fn maps(&self, index: usize) -> Result<Arg<MapArray>> {
        self.arg(index)
    }

    pub fn structs(&self, index: usize) -> Result<Arg<StructArray>> {
        self.arg(index)
    }

    /// Which rows have no NULL argument; none where all of them.
    pub fn strict_nulls(&self) -> Option<NullBuffer> {
        let mut nulls: Option<NullBuffer> = None;
        for arg in self.args {
            match arg {
                ColumnarValue::Scalar(value) if value.is_null() => {
                    return Some(NullBuffer::new_null(self.rows));
                }
                ColumnarValue::Scalar(_) => {}
                ColumnarValue::Array(array) => {
                    nulls = NullBuffer::union(nulls.as_ref(), array.logical_nulls().as_ref());
                }
            }
        }
        nulls.filter(|n| n.null_count() > 0)
    }

    /// Strings, row by row: `f` appends to the buffer, and says whether there is a value.
    pub fn build_strings(
        &self,
        mut f: impl FnMut(usize, &mut String) -> Result<bool>,
    ) -> Result<ArrayRef> {
        let mut builder = StringViewBuilder::with_capacity(self.rows);
        let mut text = String::new();
        let mut total = 0;
        for row in 0..self.rows {
            text.clear();
            if f(row, &mut text)? {
                total += text.len();
                if total > BATCH_BYTES_MAX {
                    return Err(too_long(self.name, total, BATCH_BYTES_MAX));
                }
                builder.append_value(&text);
            } else {
                builder.append_null();
            }
        }
        Ok(Arc::new(builder.finish()))
    }

    /// As [`build_strings`](Self::build_strings), called only for rows without a NULL argument; the others are NULL.
    pub fn strict_strings(
        &self,
        mut f: impl FnMut(usize, &mut String) -> Result<bool>,
    ) -> Result<ArrayRef> {
        let nulls = self.strict_nulls();
        self.build_strings(|row, out| {
            if nulls.as_ref().is_some_and(|n| n.is_null(row)) {
                return Ok(false);
            }
            f(row, out)
        })
    }

    /// Parts of the first argument, a text, by their bytes: they point into the texts, nothing is copied. NULL where an
    /// argument is, or where `f` finds none. `f` gives the same for the same arguments.
    pub fn strict_parts(
        &self,
        text: &Arg<StringViewArray>,
        mut f: impl FnMut(usize, &str) -> Option<(usize, usize)>,
    ) -> Result<ArrayRef> {
        let nulls = self.strict_nulls();
        let mut builder = StringViewBuilder::with_capacity(self.rows);
        let buffers = text.array.data_buffers();
        let blocks: Vec<u32> = buffers
            .iter()
            .map(|buffer| builder.append_block(buffer.clone()))
            .collect();
        let views = text.array.views();
        let others_are_constant = (1..self.args.len()).all(|other| self.is_constant(other));
        let mut known = others_are_constant.then(RecentViews::default);
        for row in 0..self.rows {
            if nulls.as_ref().is_some_and(|n| n.is_null(row)) {
                builder.append_null();
                continue;
            }
            let source = text.value(row);
            let part = match &mut known {
                Some(known) => {
                    let view = views[text.index(row)];
                    known.get(view).unwrap_or_else(|| {
                        let part = f(row, source);
                        known.put(view, part);
                        part
                    })
                }
                None => f(row, source),
            };
            match part {
                None => builder.append_null(),
                // What is short stands in its view.
                Some((start, end)) if end - start <= MAX_INLINE_VIEW_LEN as usize => {
                    builder.append_value(&source[start..end]);
                }
                Some((start, end)) => {
                    let view = ByteView::from(views[text.index(row)]);
                    let block = blocks[view.buffer_index as usize];
                    let offset = view.offset + start as u32;
                    builder.try_append_view(block, offset, (end - start) as u32)?;
                }
            }
        }
        Ok(Arc::new(builder.finish()))
    }

    /// Byte strings, row by row, as [`build_strings`](Self::build_strings).
    pub fn build_bytes(
        &self,
        mut f: impl FnMut(usize, &mut Vec<u8>) -> Result<bool>,
    ) -> Result<ArrayRef> {
        let mut builder = BinaryViewBuilder::with_capacity(self.rows);
        let mut bytes = Vec::new();
        for row in 0..self.rows {
            bytes.clear();
            if f(row, &mut bytes)? {
                builder.append_value(&bytes);
            } else {
                builder.append_null();
            }
        }
        Ok(Arc::new(builder.finish()))
    }

    /// As [`build_bytes`](Self::build_bytes), NULL where an argument is.
    pub fn strict_bytes(
        &self,
        mut f: impl FnMut(usize, &mut Vec<u8>) -> Result<bool>,
    ) -> Result<ArrayRef> {
        let nulls = self.strict_nulls();
        self.build_bytes(|row, out| {
            if nulls.as_ref().is_some_and(|n| n.is_null(row)) {
                return Ok(false);
            }
            f(row, out)
        })
    }

    /// Numbers, dates, times: of the return type's Arrow form.
    pub fn build<T: ArrowPrimitiveType>(
        &self,
        mut f: impl FnMut(usize) -> Result<Option<T::Native>>,
    ) -> Result<ArrayRef> {
        let mut builder = PrimitiveBuilder::<T>::with_capacity(self.rows);
        for row in 0..self.rows {
            builder.append_option(f(row)?);
        }
        Ok(Arc::new(
            builder.finish().with_data_type(self.return_type.arrow()),
        ))
    }

    /// As [`build`](Self::build), NULL where an argument is.
    pub fn strict<T: ArrowPrimitiveType>(
        &self,
        mut f: impl FnMut(usize) -> Result<Option<T::Native>>,
    ) -> Result<ArrayRef> {
        let nulls = self.strict_nulls();
        self.build::<T>(|row| {
            if nulls.as_ref().is_some_and(|n| n.is_null(row)) {
                return Ok(None);
            }
            f(row)
        })
    }

    pub fn build_booleans(
        &self,
        mut f: impl FnMut(usize) -> Result<Option<bool>>,
    ) -> Result<ArrayRef> {
        let mut builder = BooleanBuilder::with_capacity(self.rows);
        for row in 0..self.rows {
            builder.append_option(f(row)?);
        }
        Ok(Arc::new(builder.finish()))
    }

    /// As [`build_booleans`](Self::build_booleans), NULL where an argument is.
    pub fn strict_booleans(
        &self,
        mut f: impl FnMut(usize) -> Result<Option<bool>>,
    ) -> Result<ArrayRef> {
        let nulls = self.strict_nulls();
        self.build_booleans(|row| {
            if nulls.as_ref().is_some_and(|n| n.is_null(row)) {
                return Ok(None);
            }
            f(row)
        })
    }

    /// One DOUBLE from one, without branches: NULLs are carried over.
    pub fn unary_double(&self, f: impl Fn(f64) -> f64) -> Result<ArrayRef> {
        let arg = self.doubles(0)?;
        Ok(Arc::new(
            arg.array().unary::<_, arrow::datatypes::Float64Type>(f),
        ))
    }

    /// Refuses a text that would be too long before it is built.
    pub fn check_length(&self, bytes: usize) -> Result<()> {
        match bytes <= VALUE_BYTES_MAX {
            true => Ok(()),
            false => Err(too_long(self.name, bytes, VALUE_BYTES_MAX)),
        }
    }

    /// An error for the user: the message is shown as it is.
    pub fn fail(&self, message: impl Into<String>) -> DataFusionError {
        fail(message)
    }
}

/// An error at run time that the user's data caused.
pub fn fail(message: impl Into<String>) -> DataFusionError {
    DataFusionError::Execution(message.into())
}
