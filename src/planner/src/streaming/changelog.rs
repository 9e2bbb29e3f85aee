//! Which row kinds each node sends: Flink's `FlinkChangelogModeInferenceProgram`. Three passes, each from the root down:
//! which changes may appear at all, how updates are written, and how much of a row its delete carries. A node says what
//! it needs of its inputs to give its consumer what that one needs; what nobody needs is not sent.

use crate::error::PlanError;
use crate::streaming::drop_update_before::DropUpdateBefore;
use crate::streaming::node::{Accepts, NodeId, StreamOp, StreamPlan};

/// Which changes may appear.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ModifyKinds {
    pub insert: bool,
    pub update: bool,
    pub delete: bool,
}

impl ModifyKinds {
    pub const NONE: ModifyKinds = ModifyKinds {
        insert: false,
        update: false,
        delete: false,
    };
    pub const INSERT: ModifyKinds = ModifyKinds {
        insert: true,
        update: false,
        delete: false,
    };
    pub const ALL: ModifyKinds = ModifyKinds {
        insert: true,
        update: true,
        delete: true,
    };

    pub const fn union(self, other: ModifyKinds) -> ModifyKinds {
        ModifyKinds {
            insert: self.insert || other.insert,
            update: self.update || other.update,
            delete: self.delete || other.delete,
        }
    }

    /// What is here and not there.
    pub const fn minus(self, other: ModifyKinds) -> ModifyKinds {
        ModifyKinds {
            insert: self.insert && !other.insert,
            update: self.update && !other.update,
            delete: self.delete && !other.delete,
        }
    }

    pub const fn is_insert_only(self) -> bool {
        !self.update && !self.delete
    }

    fn words(self) -> String {
        let mut words = Vec::new();
        for (has, word) in [
            (self.insert, "insert"),
            (self.update, "update"),
            (self.delete, "delete"),
        ] {
            if has {
                words.push(word);
            }
        }
        words.join(" and ")
    }
}

/// How an update is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum UpdateKind {
    /// There are none.
    #[default]
    None,
    OnlyAfter,
    BeforeAndAfter,
}

/// How much of the row a delete carries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum DeleteKind {
    /// There are none.
    #[default]
    None,
    ByKey,
    Full,
}

/// What a node sends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Traits {
    pub modify: ModifyKinds,
    pub update: UpdateKind,
    pub delete: DeleteKind,
    /// A source that sends -U to consumers that don't need it: they are dropped behind it.
    drop_update_before: bool,
}

impl Traits {
    pub const fn of(modify: ModifyKinds, update: UpdateKind, delete: DeleteKind) -> Traits {
        Traits {
            modify,
            update,
            delete,
            drop_update_before: false,
        }
    }

    pub const fn retracts(&self) -> bool {
        !self.modify.is_insert_only()
    }

    /// `[I,UB,UA,D]`
    pub fn changelog_mode(&self) -> String {
        let kinds = [
            (self.modify.insert, "I"),
            (self.update == UpdateKind::BeforeAndAfter, "UB"),
            (self.modify.update, "UA"),
            (self.modify.delete, "D"),
        ];
        let names: Vec<&str> = kinds
            .iter()
            .filter(|(on, _)| *on)
            .map(|(_, name)| *name)
            .collect();
        match names.as_slice() {
            [] => "[NONE]".to_owned(),
            names => format!("[{}]", names.join(",")),
        }
    }
}

/// Infers the changelog of every node and puts DropUpdateBefore where it is wanted.
///
/// # Errors
/// When a node takes less than its input sends, in Flink's words.
pub(crate) fn infer(plan: &mut StreamPlan, root_updates: &[UpdateKind]) -> Result<(), PlanError> {
    let root = plan.root();
    infer_modify(plan, root, ModifyKinds::ALL, "ROOT")?;
    let satisfied = match plan.nodes[root].traits.modify.update {
        true => root_updates.iter().any(|u| satisfy_update(plan, root, *u)),
        false => satisfy_update(plan, root, UpdateKind::None),
    };
    let delete = match plan.nodes[root].traits.modify.delete {
        true => DeleteKind::Full,
        false => DeleteKind::None,
    };
    if !satisfied || !satisfy_delete(plan, root, delete) {
        return Err(PlanError::Refused(
            "Can't generate a valid execution plan for the given query: no operator order gives its consumers the changes that they need."
                .to_owned(),
        ));
    }
    insert_drops(plan);
    Ok(())
}

fn infer_modify(
    plan: &mut StreamPlan,
    id: NodeId,
    allowed: ModifyKinds,
    requester: &str,
) -> Result<ModifyKinds, PlanError> {
    let inputs = plan.nodes[id].inputs.clone();
    let mut sent = Vec::with_capacity(inputs.len());
    for (index, input) in inputs.into_iter().enumerate() {
        let kinds = match plan.nodes[id].op.operator().accepts(index) {
            Accepts::AsConsumer => infer_modify(plan, input, allowed, requester)?,
            Accepts::Only(kinds, name) => infer_modify(plan, input, kinds, &name)?,
        };
        sent.push(kinds);
    }
    let kinds = plan.nodes[id]
        .op
        .operator()
        .modifies_of(&sent, plan.view(id));
    let refused = kinds.minus(allowed);
    if refused != ModifyKinds::NONE {
        return Err(PlanError::Refused(format!(
            "{requester} doesn't support consuming {} changes which is produced by node {}",
            refused.words(),
            plan.description(id)
        )));
    }
    plan.nodes[id].traits.modify = kinds;
    Ok(kinds)
}

fn satisfy_update(plan: &mut StreamPlan, id: NodeId, required: UpdateKind) -> bool {
    let has_updates = plan.nodes[id].traits.modify.update;
    let is_sink = matches!(plan.nodes[id].op, StreamOp::Sink(_));
    if !is_sink && has_updates == (required == UpdateKind::None) {
        return false;
    }
    let alternatives = plan.nodes[id]
        .op
        .operator()
        .update_inputs(required, plan.view(id));
    let inputs = plan.nodes[id].inputs.clone();
    let satisfied = alternatives.into_iter().any(|wishes| {
        inputs.iter().zip(wishes).all(|(input, wish)| {
            let wish = match plan.nodes[*input].traits.modify.update {
                true => wish,
                false => UpdateKind::None,
            };
            satisfy_update(plan, *input, wish)
        })
    });
    let node = &mut plan.nodes[id];
    node.traits.update = required;
    if required == UpdateKind::OnlyAfter && node.op.operator().always_sends_update_before() {
        node.traits.update = UpdateKind::BeforeAndAfter;
        node.traits.drop_update_before = true;
    } else {
        node.traits.drop_update_before = false;
    }
    satisfied
}

fn satisfy_delete(plan: &mut StreamPlan, id: NodeId, required: DeleteKind) -> bool {
    let has_deletes = plan.nodes[id].traits.modify.delete;
    let is_sink = matches!(plan.nodes[id].op, StreamOp::Sink(_));
    if !is_sink && has_deletes == (required == DeleteKind::None) {
        return false;
    }
    let alternatives = plan.nodes[id]
        .op
        .operator()
        .delete_inputs(required, plan.view(id));
    let inputs = plan.nodes[id].inputs.clone();
    let satisfied = alternatives.into_iter().any(|wishes| {
        inputs.iter().zip(wishes).all(|(input, wish)| {
            let wish = match plan.nodes[*input].traits.modify.delete {
                true => wish,
                false => DeleteKind::None,
            };
            satisfy_delete(plan, *input, wish)
        })
    });
    plan.nodes[id].traits.delete = required;
    satisfied
}

/// Puts DropUpdateBefore behind the sources that are marked for it; nodes stay after their inputs.
fn insert_drops(plan: &mut StreamPlan) {
    if !plan.nodes.iter().any(|n| n.traits.drop_update_before) {
        return;
    }
    // Behind a mini-batch assigner, where there is one.
    for id in 0..plan.nodes.len() {
        let is_assigner = matches!(plan.nodes[id].op, StreamOp::MiniBatchAssigner(_));
        let source = plan.nodes[id].inputs.first().copied();
        if let Some(source) =
            source.filter(|source| is_assigner && plan.nodes[*source].traits.drop_update_before)
        {
            plan.nodes[source].traits.drop_update_before = false;
            plan.nodes[id].traits.update = UpdateKind::BeforeAndAfter;
            plan.nodes[id].traits.drop_update_before = true;
        }
    }
    let old = std::mem::take(&mut plan.nodes);
    let mut moved = Vec::with_capacity(old.len());
    for mut node in old {
        for input in &mut node.inputs {
            *input = moved[*input];
        }
        let mut traits = node.traits;
        let columns = node.columns.clone();
        plan.nodes.push(node);
        let mut id = plan.nodes.len() - 1;
        if traits.drop_update_before {
            plan.nodes[id].traits.drop_update_before = false;
            id = plan.add(
                StreamOp::DropUpdateBefore(DropUpdateBefore),
                vec![id],
                columns,
            );
            traits.drop_update_before = false;
            traits.update = UpdateKind::OnlyAfter;
            plan.nodes[id].traits = traits;
        }
        moved.push(id);
    }
}
