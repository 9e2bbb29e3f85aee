//! `multiset_elements`, a function of plans alone: a multiset's elements as an array, each as often as it counts.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, UInt32Array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Int32Type};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// Its name in plans and in jobs.
pub const MULTISET_ELEMENTS: &str = "multiset_elements";

/// The elements of a multiset.
pub fn multiset_elements(multiset: Expr) -> Expr {
    ScalarUDF::new_from_impl(MultisetElements::default()).call(vec![multiset])
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct MultisetElements {
    signature: Signature,
}

impl Default for MultisetElements {
    fn default() -> MultisetElements {
        MultisetElements {
            signature: Signature::any(1, Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for MultisetElements {
    fn name(&self) -> &str {
        MULTISET_ELEMENTS
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        let [DataType::Map(entries, _)] = arg_types else {
            return plan_err!("{MULTISET_ELEMENTS} takes a multiset");
        };
        let DataType::Struct(fields) = entries.data_type() else {
            return plan_err!("{MULTISET_ELEMENTS} takes a multiset");
        };
        let element = fields[0].data_type().clone();
        Ok(DataType::List(Arc::new(Field::new_list_field(
            element, true,
        ))))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [multisets] = <[ColumnarValue; 1]>::try_from(args.args)
            .or_else(|_| plan_err!("{MULTISET_ELEMENTS} takes one argument"))?;
        let multisets = multisets.into_array(args.number_rows)?;
        Ok(ColumnarValue::Array(elements(&multisets)?))
    }
}

fn elements(multisets: &ArrayRef) -> Result<ArrayRef> {
    let multisets = multisets.as_map();
    let counts = multisets.values().as_primitive::<Int32Type>();
    let mut picks: Vec<u32> = Vec::new();
    let mut lengths = Vec::with_capacity(multisets.len());
    for row in 0..multisets.len() {
        let before = picks.len();
        if multisets.is_valid(row) {
            let offsets = multisets.value_offsets();
            for entry in offsets[row]..offsets[row + 1] {
                let times = counts.value(entry as usize).max(0) as usize;
                picks.extend(std::iter::repeat_n(entry as u32, times));
            }
        }
        lengths.push(picks.len() - before);
    }
    let values = take(multisets.keys(), &UInt32Array::from(picks), None)?;
    let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    let offsets = OffsetBuffer::from_lengths(lengths);
    let lists = ListArray::try_new(field, offsets, values, multisets.nulls().cloned())?;
    Ok(Arc::new(lists))
}
