use std::sync::Arc;

use arrow::array::cast::AsArray;
use arrow::array::types::Int64Type;
use arrow::array::{Array, ArrayRef};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::physical_expr::PhysicalExpr;
use filbert_graph::Partitioner;
use filbert_operators::error::Result;
use filbert_operators::{ExpressionFactory, OperatorError};
use filbert_state::{hash_rows, key_group, subtask_of_key_group};
use filbert_types::ChangeBatch;

/// How a writer deals rows to its channels.
pub(crate) enum Router {
    /// All to the one channel.
    Single,
    /// Each row by the key group of its key.
    Hash {
        keys: Vec<usize>,
        max_parallelism: usize,
    },
    /// Each row by the number that an expression gives.
    Custom(Arc<dyn PhysicalExpr>),
    /// Runs of rows in turn.
    RoundRobin,
    /// Runs of rows at random.
    Random,
    /// All to every channel.
    Broadcast,
}

impl Router {
    /// # Errors
    /// When a custom partitioner's expression can't be read.
    pub(crate) fn new(
        partitioner: &Partitioner,
        channels: usize,
        max_parallelism: usize,
        schema: &SchemaRef,
        expressions: &dyn ExpressionFactory,
    ) -> Result<Router> {
        Ok(match partitioner {
            Partitioner::Broadcast => Router::Broadcast,
            _ if channels == 1 => Router::Single,
            Partitioner::Forward | Partitioner::Global => Router::Single,
            Partitioner::Hash(keys) => Router::Hash {
                keys: keys.clone(),
                max_parallelism,
            },
            Partitioner::Custom(expr) => Router::Custom(expressions.physical(expr, schema)?),
            Partitioner::Rebalance | Partitioner::Rescale => Router::RoundRobin,
            Partitioner::Shuffle => Router::Random,
        })
    }

    /// The channel of each row, for partitioners that look at rows; none for others.
    ///
    /// # Errors
    /// When a key can't be hashed, or a custom partitioner fails.
    pub(crate) fn targets(
        &self,
        batch: &ChangeBatch,
        channels: usize,
        targets: &mut Vec<u32>,
    ) -> Result<bool> {
        targets.clear();
        match self {
            Router::Hash {
                keys,
                max_parallelism,
            } => {
                let columns: Vec<ArrayRef> = keys
                    .iter()
                    .map(|k| ArrayRef::clone(batch.rows.column(*k)))
                    .collect();
                let hashes = hash_rows(&columns, batch.num_rows())
                    .map_err(|e| OperatorError::engine(e.to_string()))?;
                targets.extend(hashes.into_iter().map(|hash| {
                    let group = key_group(hash, *max_parallelism);
                    subtask_of_key_group(group, channels, *max_parallelism) as u32
                }));
            }
            Router::Custom(expr) => {
                let numbers = expr.evaluate(&batch.rows)?.into_array(batch.num_rows())?;
                let numbers = cast(&numbers, &DataType::Int64)?;
                let numbers = numbers.as_primitive::<Int64Type>();
                targets.extend((0..numbers.len()).map(|i| {
                    let number = if numbers.is_null(i) {
                        0
                    } else {
                        numbers.value(i)
                    };
                    number.rem_euclid(channels as i64) as u32
                }));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}
