//! The keys that are looked up for a batch, each once.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, UInt32Array};
use arrow::buffer::NullBuffer;
use arrow::compute::take;
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use filbert_graph::spec::{LookupJoinSpec, LookupKeyValue};
use filbert_state::{KeyIndex, NO_SLOT, hash_rows};
use filbert_types::ChangeBatch;

use crate::columns::{record_batch, types_of};
use crate::context::ExpressionFactory;
use crate::error::{OperatorError, Result};
use crate::expressions::evaluate_mask;

/// Rows of the input, and the keys that are looked up for them.
pub(super) struct Chunk {
    pub batch: ChangeBatch,
    /// By row, the number of its key; [`NO_SLOT`] where nothing is looked up.
    pub key_of_row: Vec<u32>,
    /// Each key once.
    pub keys: RecordBatch,
}

/// How the keys of a row are made.
pub(super) struct KeyColumns {
    values: Vec<KeyValue>,
    pre_filter: Option<Arc<dyn PhysicalExpr>>,
    schema: SchemaRef,
}

enum KeyValue {
    Input(usize),
    Constant(ScalarValue),
}

impl KeyColumns {
    pub fn new(
        spec: &LookupJoinSpec,
        input: &SchemaRef,
        expressions: &dyn ExpressionFactory,
    ) -> Result<KeyColumns> {
        let values = spec.keys.iter().map(|key| match &key.value {
            LookupKeyValue::Input(column) => Ok(KeyValue::Input(*column)),
            LookupKeyValue::Constant(expr) => {
                let expr = expressions.physical(expr, input)?;
                constant(expr.as_ref()).map(KeyValue::Constant)
            }
        });
        let values = values.collect::<Result<Vec<_>>>()?;
        let fields = values.iter().enumerate().map(|(i, value)| {
            let ty = match value {
                KeyValue::Input(column) => input.field(*column).data_type().clone(),
                KeyValue::Constant(value) => value.data_type(),
            };
            Field::new(format!("${i}"), ty, true)
        });
        let pre_filter = spec.pre_filter.as_ref();
        Ok(KeyColumns {
            schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
            pre_filter: pre_filter
                .map(|expr| expressions.physical(expr, input))
                .transpose()?,
            values,
        })
    }

    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Numbers the keys of a batch. `only_added`: rows that take something back are not looked up.
    pub fn chunk(&self, batch: ChangeBatch, only_added: bool) -> Result<Chunk> {
        let count = batch.num_rows();
        let columns = self.values.iter().map(|value| match value {
            KeyValue::Input(column) => Ok(ArrayRef::clone(batch.rows.column(*column))),
            KeyValue::Constant(value) => Ok(value.to_array_of_size(count)?),
        });
        let columns = columns.collect::<Result<Vec<ArrayRef>>>()?;
        let mut asked = columns.iter().fold(None, |all, column| {
            NullBuffer::union(all.as_ref(), column.logical_nulls().as_ref())
        });
        if let Some(condition) = &self.pre_filter
            && let Some(mask) = evaluate_mask(condition, &batch.rows)?
        {
            asked = NullBuffer::union(
                asked.as_ref(),
                Some(&NullBuffer::new(mask.values().clone())),
            );
        }
        if let Some(kinds) = batch.kinds.as_deref().filter(|_| only_added) {
            let added: BooleanArray = kinds.iter().map(|k| Some(k.is_accumulate())).collect();
            asked = NullBuffer::union(
                asked.as_ref(),
                Some(&NullBuffer::new(added.values().clone())),
            );
        }
        let asked = asked.filter(|asked| asked.null_count() > 0);
        let (key_of_row, keys) = self.numbered(&columns, count, asked.as_ref())?;
        Ok(Chunk {
            batch,
            key_of_row,
            keys,
        })
    }

    fn numbered(
        &self,
        columns: &[ArrayRef],
        count: usize,
        asked: Option<&NullBuffer>,
    ) -> Result<(Vec<u32>, RecordBatch)> {
        let mut index = KeyIndex::new(types_of(&self.schema))?;
        let mut key_of_row = Vec::new();
        match asked {
            None => index.slots_for(columns, count, &mut key_of_row)?,
            Some(asked) => {
                let rows: Vec<u32> = asked.valid_indices().map(|i| i as u32).collect();
                let picked = UInt32Array::from(rows.clone());
                let columns = columns.iter().map(|key| take(key, &picked, None));
                let columns = columns.collect::<Result<Vec<_>, _>>()?;
                let mut found = Vec::new();
                index.slots_for(&columns, rows.len(), &mut found)?;
                key_of_row.resize(count, NO_SLOT);
                for (row, number) in rows.into_iter().zip(found) {
                    key_of_row[row as usize] = number;
                }
            }
        }
        // A new index numbers keys in the order of their coming.
        let mut firsts: Vec<u32> = Vec::with_capacity(index.len());
        for (row, number) in key_of_row.iter().enumerate() {
            if *number as usize == firsts.len() {
                firsts.push(row as u32);
            }
        }
        let firsts = UInt32Array::from(firsts);
        let keys = columns.iter().map(|key| take(key, &firsts, None));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        Ok((key_of_row, record_batch(&self.schema, keys, firsts.len())?))
    }
}

/// The value of an expression that reads no column.
fn constant(expr: &dyn PhysicalExpr) -> Result<ScalarValue> {
    let one_row = record_batch(&Arc::new(Schema::empty()), Vec::new(), 1)?;
    match expr.evaluate(&one_row)? {
        ColumnarValue::Scalar(value) => Ok(value),
        ColumnarValue::Array(array) if array.len() == 1 => {
            Ok(ScalarValue::try_from_array(&array, 0)?)
        }
        ColumnarValue::Array(_) => Err(OperatorError::engine("A lookup key is no constant.")),
    }
}

/// A hash of some columns of each row.
pub(super) fn row_hashes(
    batch: &ChangeBatch,
    start: usize,
    length: usize,
    columns: &[usize],
) -> Result<Vec<u64>> {
    let columns = columns.iter();
    let columns: Vec<ArrayRef> = columns
        .map(|column| batch.rows.column(*column).slice(start, length))
        .collect();
    Ok(hash_rows(&columns, length)?)
}
