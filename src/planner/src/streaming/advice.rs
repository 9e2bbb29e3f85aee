//! EXPLAIN PLAN_ADVICE: what might be better about a plan, with a mark at the node that it is about.

use std::collections::BTreeMap;

use filbert_types::Configuration;
use filbert_types::options::{MINI_BATCH, STATE_TTL};

use crate::error::PlanError;
use crate::streaming::is_bounded;
use crate::streaming::node::{NodeId, StreamOp, StreamPlan};

/// The advice of one plan.
#[derive(Default)]
pub(crate) struct Advice {
    /// The number of the advice that is about a node.
    pub marks: BTreeMap<NodeId, usize>,
    pub lines: Vec<String>,
}

impl Advice {
    /// Looks a plan over; `given` pieces of advice stand before.
    pub fn of(
        plan: &StreamPlan,
        given: usize,
        configuration: &Configuration,
    ) -> Result<Advice, PlanError> {
        let mut advice = Advice::default();
        let two_phases = || {
            "[ADVICE] You might want to enable local-global two-phase optimization by configuring \
             ('table.exec.mini-batch.enabled' to 'true', 'table.exec.mini-batch.allow-latency' to a positive long value, \
             'table.exec.mini-batch.size' to a positive long value)."
                .to_owned()
        };
        if !configuration.get_bool(&MINI_BATCH)? {
            let gathers =
                |op: &StreamOp| matches!(op, StreamOp::GroupAggregate(a) if a.merged.is_none());
            advice.add(plan, given, gathers, two_phases);
        }
        let kept_for_ever = || {
            format!(
                "[WARNING] The state grows for as long as the job runs: rows of an unbounded source are kept. You might \
                 want to configure '{}', or the hint STATE_TTL.",
                STATE_TTL.key
            )
        };
        if !is_bounded(plan) {
            let keeps = |op: &StreamOp| match op {
                StreamOp::Join(join) => join.state_ttl_ms.iter().any(Option::is_none),
                StreamOp::GroupAggregate(aggregate) => {
                    aggregate.state_ttl_ms.is_none() && !aggregate.keys.is_empty()
                }
                _ => false,
            };
            advice.add(plan, given, keeps, kept_for_ever);
        }
        Ok(advice)
    }

    /// One piece of advice about every node that it is about, where there is one.
    fn add(
        &mut self,
        plan: &StreamPlan,
        given: usize,
        concerns: impl Fn(&StreamOp) -> bool,
        text: impl FnOnce() -> String,
    ) {
        let number = given + self.lines.len() + 1;
        let mut found = false;
        for (id, node) in plan.nodes.iter().enumerate() {
            if concerns(&node.op) {
                found = true;
                self.marks.entry(id).or_insert(number);
            }
        }
        if found {
            self.lines.push(format!("advice[{number}]: {}", text()));
        }
    }
}
