//! The changelog of a Rank in the making: stored rows with their ranks.

use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::SchemaRef;
use filbert_types::RowKind;

use crate::error::Result;
use crate::output::Output;
use crate::stored_rows::{StoredChanges, StoredRows};

pub(super) struct Changes {
    pub rows: StoredChanges,
    ranks: Vec<i64>,
    emit_update_before: bool,
    output_rank: bool,
    /// Changes of other ranks are left out.
    pub wanted: RangeInclusive<i64>,
}

impl Changes {
    pub fn new(
        emit_update_before: bool,
        output_rank: bool,
        wanted: RangeInclusive<i64>,
    ) -> Changes {
        Changes {
            rows: StoredChanges::default(),
            ranks: Vec::new(),
            emit_update_before,
            output_rank,
            wanted,
        }
    }

    pub fn clear(&mut self) {
        self.rows.clear();
        self.ranks.clear();
    }

    pub fn insert(&mut self, entry: u32, rank: i64) {
        self.push(RowKind::Insert, entry, rank);
    }

    pub fn delete(&mut self, entry: u32, rank: i64) {
        self.push(RowKind::Delete, entry, rank);
    }

    pub fn update_before(&mut self, entry: u32, rank: i64) {
        if self.emit_update_before {
            self.push(RowKind::UpdateBefore, entry, rank);
        }
    }

    pub fn update_after(&mut self, entry: u32, rank: i64) {
        self.push(RowKind::UpdateAfter, entry, rank);
    }

    pub fn ship(
        &mut self,
        rows: &StoredRows,
        schema: &SchemaRef,
        out: &mut Output,
    ) -> Result<bool> {
        let ranks = &self.ranks;
        let output_rank = self.output_rank;
        let rank_column = |range: std::ops::Range<usize>| -> Vec<ArrayRef> {
            let ranks = output_rank.then(|| Int64Array::from(ranks[range].to_vec()));
            ranks.into_iter().map(|r| Arc::new(r) as ArrayRef).collect()
        };
        self.rows.ship(rows, schema, rank_column, out)
    }

    fn push(&mut self, kind: RowKind, entry: u32, rank: i64) {
        if self.wanted.contains(&rank) {
            self.rows.push(kind, entry);
            self.ranks.push(rank);
        }
    }
}
