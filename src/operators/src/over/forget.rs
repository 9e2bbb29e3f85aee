//! Partitions that can go: no later row reaches back to them, or they have expired.

use filbert_graph::spec::OverTime;

use super::OverOperator;
use super::frames::list_of;

impl OverOperator {
    /// When no later row reaches back to this one, the partition can go.
    pub(super) fn plan_cleanup(&mut self, partition: u32, time: i64) {
        let Some(before) = self.frames.range_before() else {
            return;
        };
        let after = self.frames.range_after().unwrap_or(0).max(0);
        let reach = before.max(0).saturating_add(after);
        let earliest = time.saturating_add(reach).saturating_add(1);
        if self
            .cleanup_at
            .get(partition)
            .is_some_and(|at| at >= earliest)
        {
            return;
        }
        let at = earliest.saturating_add(reach / 2);
        self.cleanup_at.set(partition, Some(at));
        self.cleanups.at(at).push(partition);
    }

    /// Forgets the partitions to which no later row reaches back, or that have expired.
    pub(super) fn forget_partitions(&mut self) {
        let until = match self.spec.order {
            OverTime::Proctime => self.now_ms().saturating_sub(1),
            _ => self.progress,
        };
        while let Some((at, partitions)) = self.cleanups.pop_until(until) {
            for partition in partitions {
                if self.cleanup_at.get(partition) == Some(at) {
                    self.forget(partition);
                }
            }
        }
    }

    pub(super) fn forget(&mut self, partition: u32) {
        for entry in self.order.clear_parent(list_of(partition)) {
            self.rows.leave(entry);
        }
        self.rows.forget_left();
        self.frames.reset(partition);
        self.calls.reset(partition);
        self.cleanup_at.reset(partition);
        self.last_time.reset(partition);
        if let Some(ttl) = &mut self.ttl {
            ttl.reset(partition);
        }
        self.partitions.remove(partition);
    }
}
