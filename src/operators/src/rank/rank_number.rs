//! Top-N by RANK and DENSE_RANK, where equal rows share a rank: a row keeps its place in the changelog and is updated
//! when its rank moves.

use filbert_graph::spec::RankFunction;

use super::TopN;
use super::changes::Changes;
use super::row_number::Incoming;
use super::store::RankStore;
use crate::error::Result;

/// Puts a row in; with `trim`, rows that fall out of range are forgotten.
pub(super) fn accumulate(
    top: &TopN,
    store: &mut RankStore,
    incoming: Incoming<'_>,
    trim: bool,
    changes: &mut Changes,
) -> Result<()> {
    let Incoming {
        partition,
        keys,
        row,
        end,
    } = incoming;
    let first = store.sorted.lower_bound(partition, &keys.sort, row);
    let rank = rank_at(top, store, partition, first);
    if trim && rank > end {
        return Ok(());
    }
    let entry = store.accept(keys, row)?;
    let position = store.sorted.insert(partition, &keys.sort, row, entry);
    let is_new = position == first;
    let moves = i64::from(is_new || top.function == RankFunction::Rank);
    followers(
        top,
        store,
        partition,
        position + 1,
        rank,
        |follower, new| {
            transition(top, changes, follower, new - moves, new);
            new - moves <= end
        },
    );
    changes.insert(entry, rank);
    if trim {
        drop_out_of_range(top, store, incoming);
    }
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
    let Some((_, entry)) = store.find(partition, keys, row) else {
        return false;
    };
    let first = store.sorted.lower_bound(partition, &keys.sort, row);
    let rank = rank_at(top, store, partition, first);
    store.sorted.remove(partition, entry);
    store.leave(entry);
    changes.delete(entry, rank);
    let equal = store.sorted.iter_from(partition, first);
    let equal = equal.take_while(|e| store.sorted.compare(*e, &keys.sort, row).is_eq());
    let behind = first + equal.count();
    let is_gone = behind == first;
    let moves = i64::from(is_gone || top.function == RankFunction::Rank);
    // Where the group is gone, the one at its place takes its dense rank.
    let before = if is_gone { rank - 1 } else { rank };
    followers(top, store, partition, behind, before, |follower, new| {
        transition(top, changes, follower, new + moves, new);
        new <= end
    });
    true
}

/// The entries of a partition from a position on, each with its position and the rank of its group; `rank` is that of
/// the group before. None where an entry is of the group before, whose rank the caller knows.
fn ranked<'a>(
    top: &'a TopN,
    store: &'a RankStore,
    partition: u32,
    from: usize,
    mut rank: i64,
) -> impl Iterator<Item = (usize, u32, Option<i64>)> + 'a {
    let before = from.checked_sub(1);
    let mut last = before.and_then(|p| store.sorted.get(partition, p));
    let mut is_behind = false;
    let entries = store.sorted.iter_from(partition, from);
    (from..).zip(entries).map(move |(position, entry)| {
        if last.is_none_or(|last| !store.sorted.same_key(last, entry)) {
            is_behind = true;
            rank = match top.function {
                RankFunction::DenseRank => rank + 1,
                _ => position as i64 + 1,
            };
        }
        last = Some(entry);
        (position, entry, is_behind.then_some(rank))
    })
}

/// The rank of a group that begins at this position.
fn rank_at(top: &TopN, store: &RankStore, partition: u32, first: usize) -> i64 {
    if top.function == RankFunction::Rank {
        return first as i64 + 1;
    }
    let before = ranked(top, store, partition, 0, 0).take(first).last();
    before.and_then(|(_, _, rank)| rank).unwrap_or(0) + 1
}

/// Calls `each` with the entries of the groups behind `from` and their ranks, while it says so. `rank` is that of the
/// group before; rows of that group keep it and are left out.
fn followers(
    top: &TopN,
    store: &RankStore,
    partition: u32,
    from: usize,
    rank: i64,
    mut each: impl FnMut(u32, i64) -> bool,
) {
    for (_, entry, rank) in ranked(top, store, partition, from, rank) {
        if rank.is_some_and(|rank| !each(entry, rank)) {
            return;
        }
    }
}

fn transition(top: &TopN, changes: &mut Changes, entry: u32, old: i64, new: i64) {
    match (changes.wanted.contains(&old), changes.wanted.contains(&new)) {
        (true, true) if top.output_rank && old != new => {
            changes.update_before(entry, old);
            changes.update_after(entry, new);
        }
        (true, false) => changes.delete(entry, old),
        (false, true) => changes.insert(entry, new),
        _ => {}
    }
}

/// Forgets the last groups while their rank is out of range.
fn drop_out_of_range(top: &TopN, store: &mut RankStore, incoming: Incoming<'_>) {
    let Incoming { partition, end, .. } = incoming;
    // A group's rank is at most its position: within `end` rows nobody is out of range.
    if store.sorted.len_of(partition) as i64 <= end {
        return;
    }
    let mut out_of_range = ranked(top, store, partition, 0, 0)
        .filter(|(_, _, rank)| rank.is_some_and(|rank| rank > end))
        .map(|(position, ..)| position);
    let Some(keep) = out_of_range.next() else {
        return;
    };
    drop(out_of_range);
    while store.sorted.len_of(partition) > keep {
        match store.sorted.pop_last(partition) {
            Some(fallen) => store.leave(fallen),
            None => return,
        }
    }
}
