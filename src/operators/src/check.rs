//! What debug builds check on every edge.

use std::collections::HashMap;

use arrow::array::ArrayRef;
use arrow::datatypes::SchemaRef;
use filbert_graph::OperatorSpec;
use filbert_graph::spec::{JoinSpec, OverTime};
use filbert_state::hash_rows;
use filbert_types::{ChangeBatch, RowKind, Watermark};

use crate::error::{OperatorError, Result};
use crate::output::Emitted;

/// What debug builds check of all that an operator emits: the rows are of the declared types, there is a kind for each,
/// watermarks never go back, marks lie inside their batch, in order, and the changelog replays.
pub struct EdgeCheck {
    schema: SchemaRef,
    watermark: Watermark,
    replay: Option<Replaying>,
}

/// How the changelog of an operator must replay, whatever its input sends: nothing is taken back that was not there.
#[derive(Debug, Clone)]
pub enum Replay {
    /// By whole rows: each update says what the row was.
    Rows,
    /// By these columns: updates say only what a row becomes.
    Keys(Vec<usize>),
}

/// What a changelog has come to, by the hashes of rows or keys.
struct Replaying {
    replay: Replay,
    present: HashMap<u64, i64>,
}

impl Replay {
    /// None for operators that hand on what comes, as their input has it, and for those whose state expires.
    pub fn of(spec: &OperatorSpec) -> Option<Replay> {
        let by = |update_before: bool, keys: Vec<usize>| match update_before {
            true => Replay::Rows,
            false => Replay::Keys(keys),
        };
        match spec {
            OperatorSpec::GroupAggregate(spec) if spec.state_ttl_ms.is_none() => {
                Some(by(spec.emit_update_before, (0..spec.keys.len()).collect()))
            }
            OperatorSpec::Deduplicate(spec) if spec.state_ttl_ms.is_none() => {
                Some(by(spec.emit_update_before, spec.key.clone()))
            }
            OperatorSpec::ChangelogNormalize(spec) if spec.state_ttl_ms.is_none() => {
                Some(by(spec.emit_update_before, spec.keys.clone()))
            }
            OperatorSpec::SinkMaterializer(spec) if spec.state_ttl_ms.is_none() => {
                Some(Replay::Keys(spec.primary_key.clone()))
            }
            OperatorSpec::Rank(spec) if spec.state_ttl_ms.is_none() && spec.emit_update_before => {
                Some(Replay::Rows)
            }
            OperatorSpec::Over(spec) if spec.state_ttl_ms.is_none() && spec.emit_update_before => {
                matches!(spec.order, OverTime::Column(_)).then_some(Replay::Rows)
            }
            OperatorSpec::Join(spec) if joins_inserts(spec) => Some(Replay::Rows),
            _ => None,
        }
    }
}

/// A join of changing input may send updates without what they were.
fn joins_inserts(spec: &JoinSpec) -> bool {
    let sides = [&spec.left, &spec.right];
    sides
        .iter()
        .all(|side| !side.changes && side.state_ttl_ms.is_none())
}

impl Replaying {
    fn replay(&mut self, batch: &ChangeBatch) -> Result<()> {
        let columns = batch.rows.columns();
        let columns: Vec<ArrayRef> = match &self.replay {
            Replay::Rows => columns.to_vec(),
            Replay::Keys(keys) => keys.iter().map(|k| ArrayRef::clone(&columns[*k])).collect(),
        };
        // What can't be hashed isn't checked.
        let Ok(hashes) = hash_rows(&columns, batch.num_rows()) else {
            return Ok(());
        };
        for (row, hash) in hashes.into_iter().enumerate() {
            let kind = batch.kind(row);
            let count = self.present.entry(hash).or_default();
            match (&self.replay, kind) {
                (Replay::Keys(_), RowKind::Insert | RowKind::UpdateAfter) => *count = 1,
                (Replay::Keys(_), RowKind::UpdateBefore) => {}
                (Replay::Rows, RowKind::Insert | RowKind::UpdateAfter) => *count += 1,
                _ if *count > 0 => *count -= 1,
                _ => {
                    return broken(format!(
                        "row {row} of a batch, {kind}, takes back what is not there"
                    ));
                }
            }
            if *count == 0 {
                self.present.remove(&hash);
            }
        }
        Ok(())
    }
}

impl EdgeCheck {
    pub fn new(schema: SchemaRef, replay: Option<Replay>) -> EdgeCheck {
        let present = HashMap::new();
        EdgeCheck {
            schema,
            watermark: Watermark::MIN,
            replay: replay.map(|replay| Replaying { replay, present }),
        }
    }

    /// # Errors
    /// What is wrong: a bug of the operator.
    pub fn emitted(&mut self, emitted: &Emitted) -> Result<()> {
        match emitted {
            Emitted::Batch(batch) => self.batch(batch),
            Emitted::Watermark(watermark) => self.watermark(*watermark),
            Emitted::Side(..) | Emitted::Idle(_) => Ok(()),
        }
    }

    fn batch(&mut self, batch: &ChangeBatch) -> Result<()> {
        let expected: Vec<_> = self.schema.fields().iter().map(|f| f.data_type()).collect();
        let schema = batch.schema();
        let got: Vec<_> = schema.fields().iter().map(|f| f.data_type()).collect();
        if expected != got {
            return broken(format!(
                "emits rows of {got:?} where {expected:?} is declared"
            ));
        }
        if let Some(kinds) = &batch.kinds
            && kinds.len() != batch.num_rows()
        {
            return broken(format!(
                "{} kinds for {} rows",
                kinds.len(),
                batch.num_rows()
            ));
        }
        let mut offset = 0;
        for mark in &batch.marks {
            if mark.offset < offset || mark.offset > batch.num_rows() {
                return broken(format!(
                    "a mark at {} after one at {offset}, of {} rows",
                    mark.offset,
                    batch.num_rows()
                ));
            }
            offset = mark.offset;
            self.watermark(mark.watermark)?;
        }
        match &mut self.replay {
            Some(replay) => replay.replay(batch),
            None => Ok(()),
        }
    }

    fn watermark(&mut self, watermark: Watermark) -> Result<()> {
        if watermark < self.watermark {
            return broken(format!("watermark {watermark} after {}", self.watermark));
        }
        self.watermark = watermark;
        Ok(())
    }
}

fn broken<T>(what: String) -> Result<T> {
    Err(OperatorError::engine(format!(
        "A debug check failed: {what}."
    )))
}
