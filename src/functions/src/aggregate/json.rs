//! JSON_OBJECTAGG and JSON_ARRAYAGG, over values that are JSON texts already.

use std::collections::BTreeMap;
use std::mem::size_of_val;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray};
use datafusion::common::Result;
use datafusion::logical_expr::Accumulator;
use datafusion::scalar::ScalarValue;

use super::adapt::{list_row, list_scalar};
use super::bound::BoundAggregate;
use crate::kernel::fail;

type Made = Result<Box<dyn Accumulator>>;

pub(super) fn array_null_on_null(_bound: &BoundAggregate) -> Made {
    Ok(Box::new(JsonArray::new(false)))
}

pub(super) fn array_absent_on_null(_bound: &BoundAggregate) -> Made {
    Ok(Box::new(JsonArray::new(true)))
}

pub(super) fn object_null_on_null(_bound: &BoundAggregate) -> Made {
    Ok(Box::new(JsonObject::new(false)))
}

pub(super) fn object_absent_on_null(_bound: &BoundAggregate) -> Made {
    Ok(Box::new(JsonObject::new(true)))
}

/// The elements, joined by commas; the brackets come at the end.
#[derive(Debug)]
struct JsonArray {
    elements: String,
    absent_on_null: bool,
}

impl JsonArray {
    fn new(absent_on_null: bool) -> JsonArray {
        JsonArray {
            elements: String::new(),
            absent_on_null,
        }
    }

    fn push(&mut self, element: &str) {
        if !self.elements.is_empty() {
            self.elements.push(',');
        }
        self.elements.push_str(element);
    }
}

impl Accumulator for JsonArray {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in values[0].as_string_view() {
            match value {
                Some(value) => self.push(value),
                None if self.absent_on_null => {}
                None => self.push("null"),
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Utf8View(Some(format!("[{}]", self.elements))))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.elements.capacity()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::Utf8View(Some(self.elements.clone()))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let parts = states[0].as_string_view().iter().flatten();
        for part in parts.filter(|p| !p.is_empty()) {
            self.push(part);
        }
        Ok(())
    }
}

/// Values by key, in the keys' order.
#[derive(Debug)]
struct JsonObject {
    members: BTreeMap<String, Option<String>>,
    absent_on_null: bool,
    bytes: usize,
}

impl JsonObject {
    fn new(absent_on_null: bool) -> JsonObject {
        JsonObject {
            members: BTreeMap::new(),
            absent_on_null,
            bytes: 0,
        }
    }

    fn insert_all(&mut self, keys: &StringViewArray, values: &StringViewArray) -> Result<()> {
        for (key, value) in keys.iter().zip(values) {
            let Some(key) = key else {
                return Err(fail("Key of JSON_OBJECTAGG must not be null."));
            };
            if value.is_none() && self.absent_on_null {
                continue;
            }
            self.bytes += key.len() + value.map_or(0, str::len);
            let before = self
                .members
                .insert(key.to_string(), value.map(str::to_string));
            if before.is_some() {
                return Err(fail(format!(
                    "Duplicate key '{key}' is not allowed in JSON_OBJECTAGG."
                )));
            }
        }
        Ok(())
    }
}

impl Accumulator for JsonObject {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.insert_all(values[0].as_string_view(), values[1].as_string_view())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let members: Vec<String> = self
            .members
            .iter()
            .map(|(key, value)| {
                let key = serde_json::Value::from(key.as_str());
                format!("{key}:{}", value.as_deref().unwrap_or("null"))
            })
            .collect();
        Ok(ScalarValue::Utf8View(Some(format!(
            "{{{}}}",
            members.join(",")
        ))))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.bytes
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let keys: StringViewArray = self.members.keys().map(Some).collect();
        let values: StringViewArray = self.members.values().map(Option::as_ref).collect();
        Ok(vec![
            list_scalar(Arc::new(keys)),
            list_scalar(Arc::new(values)),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for row in 0..states[0].len() {
            if let (Some(keys), Some(values)) =
                (list_row(&states[0], row), list_row(&states[1], row))
            {
                self.insert_all(keys.as_string_view(), values.as_string_view())?;
            }
        }
        Ok(())
    }
}
