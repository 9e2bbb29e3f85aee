//! A table's answer, made into the rows that are joined.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::datatypes::SchemaRef;
use datafusion::physical_expr::PhysicalExpr;
use filbert_connector_api::lookup::LookedUp;
use filbert_graph::spec::LookupJoinSpec;
use filbert_types::schema::arrow_schema;

use crate::columns::record_batch;
use crate::context::ExpressionFactory;
use crate::error::{OperatorError, Result};
use crate::expressions::evaluate_mask;

/// Rows of the table, and for each the number of its key.
pub(super) struct Piece {
    pub rows: RecordBatch,
    pub numbers: Vec<u32>,
}

/// What was found for the keys of a chunk.
pub(super) struct Found {
    pub columns: Vec<ArrayRef>,
    /// Places of rows, those of a key together.
    pub places: Vec<u32>,
    /// By key, where its places begin; the last is their end.
    pub starts: Vec<u32>,
}

impl Found {
    /// The places of a key's rows.
    pub fn of_key(&self, key: u32) -> &[u32] {
        let range = self.starts.get(key as usize..key as usize + 2);
        range.map_or(&[], |r| &self.places[r[0] as usize..r[1] as usize])
    }
}

/// Makes of the table's rows what is joined.
pub(super) struct Finder {
    /// Indices of the table's physical columns; none for all.
    projection: Option<Vec<usize>>,
    projected: SchemaRef,
    calcs: Vec<FoundCalc>,
    pub output: SchemaRef,
}

struct FoundCalc {
    condition: Option<Arc<dyn PhysicalExpr>>,
    projection: Vec<Arc<dyn PhysicalExpr>>,
    output: SchemaRef,
}

impl Finder {
    pub fn new(spec: &LookupJoinSpec, expressions: &dyn ExpressionFactory) -> Result<Finder> {
        let projected = arrow_schema(&spec.found);
        let mut output = Arc::clone(&projected);
        let mut calcs = Vec::with_capacity(spec.calcs.len());
        for calc in &spec.calcs {
            let input = std::mem::replace(&mut output, arrow_schema(&calc.output));
            let condition = calc.calc.condition.as_ref();
            let projection = calc.calc.projection.iter();
            calcs.push(FoundCalc {
                condition: condition
                    .map(|expr| expressions.physical(expr, &input))
                    .transpose()?,
                projection: projection
                    .map(|expr| expressions.physical(expr, &input))
                    .collect::<Result<_>>()?,
                output: Arc::clone(&output),
            });
        }
        Ok(Finder {
            projection: spec.table.projection.clone(),
            projected,
            calcs,
            output,
        })
    }

    /// The columns of the table that are read.
    pub fn projected(&self) -> &SchemaRef {
        &self.projected
    }

    /// Takes the columns that are read out of an answer for `keys` keys.
    pub fn narrow(&self, (rows, numbers): LookedUp, keys: usize) -> Result<Piece> {
        let fits = numbers.len() == rows.num_rows();
        if !fits || numbers.iter().any(|number| *number as usize >= keys) {
            return Err(OperatorError::engine(
                "A table that was looked up gave rows for keys that it wasn't asked for.",
            ));
        }
        let columns = match &self.projection {
            None => rows.columns().to_vec(),
            Some(kept) => kept
                .iter()
                .map(|i| ArrayRef::clone(rows.column(*i)))
                .collect(),
        };
        let rows = record_batch(&self.projected, columns, numbers.len())?;
        Ok(Piece { rows, numbers })
    }

    /// Puts pieces together and runs what is to be done with the rows.
    pub fn find(&self, pieces: Vec<Piece>, keys: usize) -> Result<Found> {
        let mut pieces = pieces;
        let mut all = match pieces.len() {
            1 => pieces.remove(0),
            _ => Piece {
                rows: concat_batches(&self.projected, pieces.iter().map(|p| &p.rows))?,
                numbers: pieces.iter().flat_map(|p| &p.numbers).copied().collect(),
            },
        };
        for calc in &self.calcs {
            if let Some(condition) = &calc.condition
                && let Some(mask) = evaluate_mask(condition, &all.rows)?
            {
                all.rows = filter_record_batch(&all.rows, &mask)?;
                let mut holds = mask.values().iter();
                all.numbers.retain(|_| holds.next().unwrap_or(false));
            }
            let count = all.rows.num_rows();
            let columns = calc.projection.iter();
            let columns = columns.map(|expr| Ok(expr.evaluate(&all.rows)?.into_array(count)?));
            all.rows = record_batch(&calc.output, columns.collect::<Result<_>>()?, count)?;
        }
        Ok(by_key(&all, keys))
    }
}

/// A counting sort of the rows by the number of their key.
fn by_key(piece: &Piece, keys: usize) -> Found {
    let mut starts = vec![0u32; keys + 1];
    for number in &piece.numbers {
        starts[*number as usize + 1] += 1;
    }
    for key in 0..keys {
        starts[key + 1] += starts[key];
    }
    let mut next = starts.clone();
    let mut places = vec![0u32; piece.numbers.len()];
    for (place, number) in piece.numbers.iter().enumerate() {
        let at = &mut next[*number as usize];
        places[*at as usize] = place as u32;
        *at += 1;
    }
    Found {
        columns: piece.rows.columns().to_vec(),
        places,
        starts,
    }
}
