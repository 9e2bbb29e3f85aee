//! Top-N by ROW_NUMBER: Flink's AppendOnlyTopNFunction, FastTop1Function, UpdatableTopNFunction and
//! RetractableTopNFunction over one order of entries.

use std::cmp::Ordering;

use super::TopN;
use super::changes::Changes;
use super::store::{RankStore, RowKeys};
use crate::error::Result;

/// A row of the batch on its way into its partition.
#[derive(Clone, Copy)]
pub(super) struct Incoming<'a> {
    pub partition: u32,
    pub keys: &'a RowKeys,
    pub row: usize,
    /// The last rank that is wanted in the partition.
    pub end: i64,
}

/// An input of inserts: what falls out of the first `end` rows never comes back.
pub(super) fn append(
    top: &TopN,
    store: &mut RankStore,
    incoming: Incoming<'_>,
    changes: &mut Changes,
) -> Result<()> {
    if !is_in_range(store, incoming) {
        return Ok(());
    }
    let entry = store.accept(incoming.keys, incoming.row)?;
    if top.is_top_1 {
        return replace_first(store, incoming, entry, changes);
    }
    let position = insert(top, store, incoming, entry, changes);
    debug_assert!((position as i64) < incoming.end);
    trim(store, incoming);
    Ok(())
}

/// An input that changes rows by key, whose sort keys only ever rise in rank.
pub(super) fn update(
    top: &TopN,
    store: &mut RankStore,
    incoming: Incoming<'_>,
    changes: &mut Changes,
) -> Result<()> {
    let Some(old) = store.entry_of(incoming.keys, incoming.row) else {
        return append(top, store, incoming, changes);
    };
    let order = store.sorted.compare(old, &incoming.keys.sort, incoming.row);
    let same_order = order == Ordering::Equal;
    if top.is_top_1 && same_order && store.is_same(incoming.keys, incoming.row, old) {
        return Ok(());
    }
    let entry = store.accept(incoming.keys, incoming.row)?;
    let partition = incoming.partition;
    let (from, to) = if same_order {
        let place = store.sorted.replace(partition, old, entry).unwrap_or(0);
        (place, place)
    } else {
        let from = store.sorted.remove(partition, old).unwrap_or(0);
        let keys = &incoming.keys.sort;
        (
            from,
            store.sorted.insert(partition, keys, incoming.row, entry),
        )
    };
    store.leave(old);
    if !top.numbered {
        let rank = to as i64 + 1;
        changes.update_before(old, rank);
        changes.update_after(entry, rank);
    } else if to <= from {
        move_up(store, partition, (old, from), (entry, to), changes);
    } else {
        move_down(store, partition, (old, from), (entry, to), changes);
    }
    Ok(())
}

/// An input that takes rows back: all rows are kept.
pub(super) fn accumulate(
    top: &TopN,
    store: &mut RankStore,
    incoming: Incoming<'_>,
    changes: &mut Changes,
) -> Result<()> {
    let entry = store.accept(incoming.keys, incoming.row)?;
    insert(top, store, incoming, entry, changes);
    Ok(())
}

/// Takes a row back; false when it isn't there.
pub(super) fn retract(
    top: &TopN,
    store: &mut RankStore,
    incoming: Incoming<'_>,
    changes: &mut Changes,
) -> bool {
    let Incoming {
        partition,
        keys,
        row,
        end,
    } = incoming;
    let Some((position, entry)) = store.find(partition, keys, row) else {
        return false;
    };
    store.sorted.remove(partition, entry);
    store.leave(entry);
    let mut rank = position as i64 + 1;
    if rank > end {
        return true;
    }
    if !top.numbered {
        changes.delete(entry, rank);
        // Who stands last in range now stood behind it before.
        if let Some(risen) = usize::try_from(end - 1)
            .ok()
            .and_then(|p| store.sorted.get(partition, p))
        {
            changes.insert(risen, end);
        }
        return true;
    }
    let mut previous = entry;
    for current in store.sorted.iter_from(partition, position) {
        if rank > end {
            return true;
        }
        changes.update_before(previous, rank);
        changes.update_after(current, rank);
        previous = current;
        rank += 1;
    }
    if rank <= end {
        changes.delete(previous, rank);
    }
    true
}

fn is_in_range(store: &RankStore, incoming: Incoming<'_>) -> bool {
    let Incoming {
        partition,
        keys,
        row,
        end,
    } = incoming;
    if (store.sorted.len_of(partition) as i64) < end {
        return true;
    }
    let last = store.sorted.last(partition);
    last.is_some_and(|last| store.sorted.compare(last, &keys.sort, row) == Ordering::Greater)
}

/// The best row of a partition gives way to a better one.
fn replace_first(
    store: &mut RankStore,
    incoming: Incoming<'_>,
    entry: u32,
    changes: &mut Changes,
) -> Result<()> {
    let Incoming {
        partition,
        keys,
        row,
        ..
    } = incoming;
    let old = store.sorted.pop_last(partition);
    store.sorted.insert(partition, &keys.sort, row, entry);
    match old {
        None => changes.insert(entry, 1),
        Some(old) => {
            changes.update_before(old, 1);
            changes.update_after(entry, 1);
            store.leave(old);
        }
    }
    Ok(())
}

fn insert(
    top: &TopN,
    store: &mut RankStore,
    incoming: Incoming<'_>,
    entry: u32,
    changes: &mut Changes,
) -> usize {
    let Incoming {
        partition,
        keys,
        row,
        end,
    } = incoming;
    let position = store.sorted.insert(partition, &keys.sort, row, entry);
    let mut rank = position as i64 + 1;
    if rank > end {
        return position;
    }
    if !top.numbered {
        if let Some(fallen) = usize::try_from(end)
            .ok()
            .and_then(|p| store.sorted.get(partition, p))
        {
            changes.delete(fallen, end);
        }
        changes.insert(entry, rank);
        return position;
    }
    let mut current = entry;
    for previous in store.sorted.iter_from(partition, position + 1) {
        if rank > end {
            return position;
        }
        changes.update_before(previous, rank);
        changes.update_after(current, rank);
        current = previous;
        rank += 1;
    }
    if rank <= end {
        changes.insert(current, rank);
    }
    position
}

fn trim(store: &mut RankStore, incoming: Incoming<'_>) {
    while store.sorted.len_of(incoming.partition) as i64 > incoming.end {
        match store.sorted.pop_last(incoming.partition) {
            Some(fallen) => store.leave(fallen),
            None => return,
        }
    }
}

/// A row has moved from position `from` to `to`, which is not behind it: those between move down.
fn move_up(
    store: &RankStore,
    partition: u32,
    (old, from): (u32, usize),
    (entry, to): (u32, usize),
    changes: &mut Changes,
) {
    let old_rank = from as i64 + 1;
    let mut rank = to as i64 + 1;
    let mut current = entry;
    for previous in store.sorted.iter_from(partition, to + 1).take(from - to) {
        changes.update_before(previous, rank);
        if current == entry {
            // The row's old self goes before its new one comes.
            changes.update_before(old, old_rank);
        }
        changes.update_after(current, rank);
        current = previous;
        rank += 1;
    }
    if current == entry {
        changes.update_before(old, old_rank);
    }
    changes.update_after(current, rank);
}

/// A row has moved behind others, which a monotonic input never lets it: those between move up.
fn move_down(
    store: &RankStore,
    partition: u32,
    (old, from): (u32, usize),
    (entry, to): (u32, usize),
    changes: &mut Changes,
) {
    changes.update_before(old, from as i64 + 1);
    let moved = store.sorted.iter_from(partition, from).take(to - from);
    for (rank, moved) in (from as i64 + 2..).zip(moved) {
        changes.update_before(moved, rank);
        changes.update_after(moved, rank - 1);
    }
    changes.update_after(entry, to as i64 + 1);
}
