//! The first rows of each partition of a window: window Top-N and window deduplication.
//!
//! - State: the rows by the end of their window; once a window has gathered twice as many as can be wanted, the others
//!   are thrown away. All of it goes when the window has fired.
//! - Changelog: takes inserts, emits inserts.
//! - At a watermark every window that has all its rows goes out, the earliest first, its partitions in the order in which
//!   they came, their rows by rank; then the watermark passes. A row whose window has fired is late: it is dropped and
//!   counted, and goes to the side output `late-data`.
//! - Cost: a window is sorted once, and whenever it has doubled since rows were last thrown away.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, UInt32Array};
use arrow::compute::{SortColumn, SortOptions, lexsort_to_indices};
use arrow::datatypes::{DataType, SchemaRef};
use filbert_graph::spec::WindowRankSpec;
use filbert_state::{KeyIndex, RowTable};
use filbert_types::ChangeBatch;

use crate::columns::types_at;
use crate::error::Result;
use crate::output::Output;
use crate::window_rows::{Window, WindowRows, WindowWork, Windowed};

/// Windows with fewer rows than this are not looked through before they fire.
const PRUNE_ROWS_MIN: usize = 8192;

pub(crate) struct WindowRank {
    ranking: Ranking,
    output: SchemaRef,
    /// The window that is being emitted: slots with their ranks, and how many have been emitted.
    firing: Option<(Vec<(u32, i64)>, usize)>,
}

struct Ranking {
    spec: WindowRankSpec,
    key_types: Vec<DataType>,
}

/// The operator.
///
/// # Errors
/// When the zone isn't known.
pub(crate) fn window_rank(
    spec: &WindowRankSpec,
    input: &SchemaRef,
    output: SchemaRef,
) -> Result<Windowed<WindowRank>> {
    let rows = WindowRows::new(
        &[input],
        vec![spec.window_end],
        spec.time_zone.as_deref(),
        spec.proctime,
    )?;
    let rank = WindowRank {
        ranking: Ranking {
            spec: spec.clone(),
            key_types: types_at(input, &spec.partition_by),
        },
        output,
        firing: None,
    };
    Ok(Windowed::new(rank, rows))
}

impl WindowWork for WindowRank {
    fn added(&mut self, sides: &mut [RowTable], window: &mut Window) -> Result<()> {
        self.ranking.prune(&mut sides[0], window)
    }

    fn begin(&mut self, sides: &mut [RowTable], window: &Window) -> Result<()> {
        let (table, slots) = (&mut sides[0], &window.slots[0]);
        let ranked = self.ranking.ranked(table, slots, self.ranking.spec.start)?;
        let mut unwanted = vec![true; table.slots_end()];
        for (slot, _) in &ranked {
            unwanted[*slot as usize] = false;
        }
        let unwanted = slots.iter().filter(|slot| unwanted[**slot as usize]);
        unwanted.for_each(|slot| table.remove(*slot));
        self.firing = Some((ranked, 0));
        Ok(())
    }

    fn emit(&mut self, sides: &mut [RowTable], out: &mut Output) -> Result<bool> {
        while let Some((ranked, done)) = self.firing.take() {
            let until = (done + out.batch_rows()).min(ranked.len());
            self.emit_piece(&mut sides[0], &ranked[done..until], out)?;
            if until < ranked.len() {
                self.firing = Some((ranked, until));
                if out.is_full() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

impl WindowRank {
    fn emit_piece(
        &self,
        table: &mut RowTable,
        ranked: &[(u32, i64)],
        out: &mut Output,
    ) -> Result<()> {
        if ranked.is_empty() {
            return Ok(());
        }
        let slots: Vec<u32> = ranked.iter().map(|(slot, _)| *slot).collect();
        let mut columns = table.gather(&slots)?;
        if self.ranking.spec.output_rank {
            let ranks = ranked.iter().map(|(_, rank)| *rank);
            columns.push(Arc::new(Int64Array::from_iter_values(ranks)) as ArrayRef);
        }
        slots.into_iter().for_each(|slot| table.remove(slot));
        let rows = RecordBatch::try_new(Arc::clone(&self.output), columns)?;
        out.emit(ChangeBatch::insert(rows));
        Ok(())
    }
}

impl Ranking {
    /// Throws away what can't be wanted, once the window has doubled.
    fn prune(&self, table: &mut RowTable, window: &mut Window) -> Result<()> {
        let slots = &mut window.slots[0];
        if slots.len() < PRUNE_ROWS_MIN.max(2 * window.kept) {
            return Ok(());
        }
        let ranked = self.ranked(table, slots, 1)?;
        let mut kept = vec![false; table.slots_end()];
        for (slot, _) in &ranked {
            kept[*slot as usize] = true;
        }
        slots.retain(|slot| {
            let keep = kept[*slot as usize];
            if !keep {
                table.remove(*slot);
            }
            keep
        });
        window.kept = slots.len();
        Ok(())
    }

    /// The rows from rank `start` to the last that is wanted, by partition and rank, with their ranks.
    fn ranked(&self, table: &RowTable, slots: &[u32], start: i64) -> Result<Vec<(u32, i64)>> {
        let gather = |column: usize| Ok(table.gather_column(column, slots)?);
        let keys = self.spec.partition_by.iter().map(|k| gather(*k));
        let keys = keys.collect::<Result<Vec<_>>>()?;
        let mut index = KeyIndex::new(self.key_types.clone())?;
        let mut partitions = Vec::new();
        index.slots_for(&keys, slots.len(), &mut partitions)?;
        let order = self.order(&partitions, slots.len(), gather)?;
        let mut ranked = Vec::new();
        let (mut partition, mut rank) = (None, 0i64);
        for row in order.values() {
            let own = partitions[*row as usize];
            if partition != Some(own) {
                (partition, rank) = (Some(own), 0);
            }
            rank += 1;
            if rank >= start && rank <= self.spec.end {
                ranked.push((slots[*row as usize], rank));
            }
        }
        Ok(ranked)
    }

    /// The rows by partition, then in order; rows that sort alike by their coming.
    fn order(
        &self,
        partitions: &[u32],
        rows: usize,
        gather: impl Fn(usize) -> Result<ArrayRef>,
    ) -> Result<UInt32Array> {
        let options = |descending, nulls_first| {
            Some(SortOptions {
                descending,
                nulls_first,
            })
        };
        let mut columns = vec![SortColumn {
            values: Arc::new(UInt32Array::from(partitions.to_vec())),
            options: options(false, false),
        }];
        for key in &self.spec.order_by {
            columns.push(SortColumn {
                values: gather(key.column)?,
                options: options(!key.ascending, key.nulls_first),
            });
        }
        columns.push(SortColumn {
            values: Arc::new(UInt32Array::from_iter_values(0..rows as u32)),
            options: options(self.spec.last_first, false),
        });
        Ok(lexsort_to_indices(&columns, None)?)
    }
}
