//! Watermark alignment: sources of one group in a job tell each other how far they are, and the fast ones wait.

use std::collections::HashMap;
use std::sync::Arc;

use filbert_graph::spec::AlignmentSpec;
use parking_lot::Mutex;

/// Which source: its vertex and subtask.
type Member = (String, usize);

/// The last watermark of each source of a group, in milliseconds.
type Group = Arc<Mutex<HashMap<Member, i64>>>;

/// The groups of a job, by name.
#[derive(Debug, Default)]
pub struct Alignments {
    groups: Mutex<HashMap<String, Group>>,
}

impl Alignments {
    /// A source joins its group. Until it tells a watermark, the others wait for it.
    pub fn join(&self, spec: &AlignmentSpec, vertex: &str, subtask: usize) -> AlignedSource {
        let mut groups = self.groups.lock();
        let group = groups.entry(spec.group.clone()).or_default();
        let member = (vertex.to_owned(), subtask);
        group.lock().insert(member.clone(), i64::MIN);
        let ms = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        AlignedSource {
            group: Arc::clone(group),
            member,
            max_drift_ms: ms(spec.max_drift_ms),
            update_interval_ms: ms(spec.update_interval_ms).max(1),
            allowed: i64::MIN,
            looked_at_ms: None,
        }
    }
}

/// A source's place in its group.
#[derive(Debug)]
pub struct AlignedSource {
    group: Group,
    member: Member,
    max_drift_ms: i64,
    update_interval_ms: i64,
    /// As far as the source may go, when it was last looked at.
    allowed: i64,
    looked_at_ms: Option<i64>,
}

impl AlignedSource {
    /// Tells the others how far this source is; `i64::MAX` while it has nothing to send.
    pub fn tell(&self, watermark: i64) {
        self.group.lock().insert(self.member.clone(), watermark);
    }

    /// How far a split may be ahead, in a source that is this far.
    pub fn allowed(&self, watermark: i64) -> i64 {
        watermark
            .saturating_add(self.max_drift_ms)
            .min(self.allowed)
    }

    /// How long a source that is this far must wait before it looks again; none when it may go on.
    pub fn wait_ms(&mut self, watermark: i64, now_ms: i64) -> Option<i64> {
        let next = self.looked_at_ms.map(|at| at + self.update_interval_ms);
        if next.is_none_or(|next| next <= now_ms) {
            let group = self.group.lock();
            let others = group.iter().filter(|(member, _)| **member != self.member);
            let slowest = others.map(|(_, watermark)| *watermark).min();
            drop(group);
            let slowest = slowest.unwrap_or(i64::MAX);
            self.allowed = slowest.saturating_add(self.max_drift_ms);
            self.looked_at_ms = Some(now_ms);
        }
        let next = self.looked_at_ms? + self.update_interval_ms;
        (watermark > self.allowed).then_some(next - now_ms)
    }
}

impl Drop for AlignedSource {
    /// A source that has ended holds nobody back.
    fn drop(&mut self) {
        self.group.lock().remove(&self.member);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_wait_for_the_slow() {
        let spec = AlignmentSpec {
            group: "g".to_owned(),
            max_drift_ms: 100,
            update_interval_ms: 1000,
        };
        let groups = Alignments::default();
        let mut fast = groups.join(&spec, "a", 0);
        let slow = groups.join(&spec, "b", 0);
        assert_eq!(fast.wait_ms(i64::MIN, 0), None, "it may begin");
        fast.tell(5000);
        assert_eq!(fast.wait_ms(5000, 10), Some(990), "the other hasn't begun");
        slow.tell(4000);
        assert_eq!(
            fast.wait_ms(5000, 500),
            Some(500),
            "it looks by the interval"
        );
        assert_eq!(fast.wait_ms(5000, 1000), Some(1000));
        slow.tell(4900);
        assert_eq!(fast.wait_ms(5000, 2000), None);
        drop(slow);
        assert_eq!(
            fast.wait_ms(9000, 3000),
            None,
            "its own watermark holds nobody"
        );
    }
}
