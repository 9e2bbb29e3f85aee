//! JSON_OBJECTAGG and JSON_ARRAYAGG, over values that are JSON texts already.

use std::sync::Arc;

use arrow::array::cast::AsArray;
use arrow::array::{Array, ArrayRef, StringViewArray, StringViewBuilder};

use super::collect::Results;
use super::lists::ListBuilder;
use crate::error::{OperatorError, Result};

/// The elements in their order; `[]` where there is none.
pub(super) struct JsonArray;

impl Results for JsonArray {
    fn finish(
        &self,
        lists: &ListBuilder,
        values: &[ArrayRef],
        _constant: Option<&ArrayRef>,
    ) -> Result<ArrayRef> {
        let elements = values[0].as_string_view();
        let mut made = StringViewBuilder::with_capacity(lists.len());
        let mut text = String::new();
        for list in 0..lists.len() {
            text.clear();
            text.push('[');
            for i in lists.range(list) {
                if text.len() > 1 {
                    text.push(',');
                }
                text.push_str(member(elements, i));
            }
            text.push(']');
            made.append_value(&text);
        }
        Ok(Arc::new(made.finish()))
    }
}

/// The members in the keys' order; a key may come once.
pub(super) struct JsonObject;

impl Results for JsonObject {
    fn finish(
        &self,
        lists: &ListBuilder,
        values: &[ArrayRef],
        _constant: Option<&ArrayRef>,
    ) -> Result<ArrayRef> {
        let [keys, values] = values else {
            return Err(OperatorError::engine(
                "JSON_OBJECTAGG takes keys and values.",
            ));
        };
        let (keys, values) = (keys.as_string_view(), values.as_string_view());
        if keys.null_count() > 0 {
            return Err(OperatorError::user(
                "Key of JSON_OBJECTAGG must not be null.",
            ));
        }
        let mut made = StringViewBuilder::with_capacity(lists.len());
        let (mut text, mut order) = (String::new(), Vec::new());
        for list in 0..lists.len() {
            order.clear();
            order.extend(lists.range(list));
            order.sort_by_key(|i| keys.value(*i));
            refuse_duplicates(keys, &order)?;
            text.clear();
            text.push('{');
            for i in &order {
                if text.len() > 1 {
                    text.push(',');
                }
                text.push_str(&serde_json::Value::from(keys.value(*i)).to_string());
                text.push(':');
                text.push_str(member(values, *i));
            }
            text.push('}');
            made.append_value(&text);
        }
        Ok(Arc::new(made.finish()))
    }
}

fn member(values: &StringViewArray, i: usize) -> &str {
    if values.is_null(i) {
        "null"
    } else {
        values.value(i)
    }
}

fn refuse_duplicates(keys: &StringViewArray, sorted: &[usize]) -> Result<()> {
    let twice = sorted
        .windows(2)
        .find(|pair| keys.value(pair[0]) == keys.value(pair[1]));
    match twice {
        None => Ok(()),
        Some(pair) => Err(OperatorError::user(format!(
            "Key '{}' is already present. Duplicate keys are not allowed in JSON_OBJECTAGG. Please ensure that keys are unique.",
            keys.value(pair[0])
        ))),
    }
}
