//! What a call has sent, as rows of the output: behind its key (or the columns passed through), before its time.

use arrow::array::{ArrayRef, UInt32Array, new_null_array};
use arrow::compute::take;
use filbert_functions::value::column_of;
use filbert_functions::{Timestamp, Value};
use filbert_types::ChangeBatch;

use super::ProcessTableFunctionOperator;
use super::timers::Due;
use super::work::{Sent, failed};
use crate::columns::record_batch;
use crate::error::{OperatorError, Result};
use crate::output::Output;

/// What the rows of a piece of output were made for.
pub(super) enum Origins<'a> {
    Rows(usize, &'a ChangeBatch),
    Timers(&'a [Due]),
}

impl ProcessTableFunctionOperator {
    /// Puts what was sent between its key (or the columns passed through) and its time.
    pub(super) fn emit(
        &self,
        sent: Vec<Sent>,
        origins: &Origins<'_>,
        out: &mut Output,
    ) -> Result<()> {
        if sent.is_empty() {
            return Ok(());
        }
        let picks = UInt32Array::from_iter_values(sent.iter().map(|row| row.origin));
        let mut columns = match origins {
            Origins::Rows(input, batch) => self.row_columns(*input, batch, &picks)?,
            Origins::Timers(due) => self.timer_columns(due, &picks)?,
        };
        for (at, field) in self.own.clone().enumerate() {
            let ty = self.output.field(field).data_type();
            let column = column_of(ty, sent.iter().map(|row| &row.values[at]));
            columns.push(column.map_err(|e| failed(self.function.name(), e))?);
        }
        if self.own.end < self.output.fields().len() {
            columns.push(self.time_column(origins, &picks)?);
        }
        let rows = record_batch(&self.output, columns, sent.len())?;
        let kinds = sent.iter().map(|row| row.kind).collect();
        out.emit(ChangeBatch::with_kinds(rows, kinds));
        Ok(())
    }

    fn row_columns(
        &self,
        input: usize,
        batch: &ChangeBatch,
        picks: &UInt32Array,
    ) -> Result<Vec<ArrayRef>> {
        let own = &self.spec.tables[input];
        let mut columns = Vec::with_capacity(self.output.fields().len());
        for (number, table) in self.spec.tables.iter().enumerate() {
            let shown = match (table.pass_through, number == input) {
                (true, true) => &table.columns,
                // Of another table's row nothing is known here.
                (true, false) => {
                    for _ in &table.columns {
                        let ty = self.output.field(columns.len()).data_type();
                        columns.push(new_null_array(ty, picks.len()));
                    }
                    continue;
                }
                // Rows that are seen together have one key.
                (false, _) => &own.keys,
            };
            for column in shown {
                columns.push(take(batch.rows.column(*column), picks, None)?);
            }
        }
        Ok(columns)
    }

    fn timer_columns(&self, due: &[Due], picks: &UInt32Array) -> Result<Vec<ArrayRef>> {
        let slots: Vec<u32> = picks
            .values()
            .iter()
            .map(|i| due[*i as usize].slot)
            .collect();
        let keys = self.index.key_columns(&slots)?;
        let tables = self.spec.tables.iter();
        Ok(tables.flat_map(|_| keys.iter().cloned()).collect())
    }

    fn time_column(&self, origins: &Origins<'_>, picks: &UInt32Array) -> Result<ArrayRef> {
        match origins {
            Origins::Rows(input, batch) => match self.spec.tables[*input].on_time {
                Some(at) => Ok(take(batch.rows.column(at), picks, None)?),
                None => {
                    let ty = self.output.field(self.own.end).data_type();
                    Ok(new_null_array(ty, picks.len()))
                }
            },
            Origins::Timers(due) => {
                let times = picks.values().iter();
                let times = times.map(|i| Timestamp::from_millis(due[*i as usize].time).into());
                let times: Vec<Value> = times.collect();
                let ty = self.output.field(self.own.end).data_type();
                column_of(ty, times.iter()).map_err(OperatorError::engine)
            }
        }
    }
}
