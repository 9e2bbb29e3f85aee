//! A stream plan as a tree of text, as Flink's EXPLAIN prints it.

use std::collections::BTreeMap;

use crate::streaming::node::{Distribution, NodeId, StreamOp, StreamPlan};

/// The plan's tree. `modes` adds `changelogMode=[..]` to each node, `advice` `advice=[n]` to some.
pub(crate) fn tree(plan: &StreamPlan, modes: bool, advice: &BTreeMap<NodeId, usize>) -> String {
    let mut text = String::new();
    let mut root = plan.root();
    if let StreamOp::Collect(_) = &plan.nodes[root].op {
        root = plan.nodes[root].inputs[0];
    }
    let shown = Shown {
        plan,
        modes,
        advice,
    };
    shown.write_node(root, "", "", &mut text);
    text
}

/// A node and what is below it, as errors show it.
pub(crate) fn subtree(plan: &StreamPlan, id: NodeId) -> String {
    let mut text = String::new();
    let shown = Shown {
        plan,
        modes: true,
        advice: &BTreeMap::new(),
    };
    shown.write_node(id, "", "", &mut text);
    text
}

/// A plan, and what is shown of it.
struct Shown<'a> {
    plan: &'a StreamPlan,
    modes: bool,
    advice: &'a BTreeMap<NodeId, usize>,
}

impl Shown<'_> {
    fn write_node(&self, id: NodeId, first: &str, rest: &str, out: &mut String) {
        let (plan, modes) = (self.plan, self.modes);
        let node = &plan.nodes[id];
        let mode = format!("changelogMode={}", node.traits.changelog_mode());
        let mut description = plan.description(id);
        if let (Some(number), Some(open)) = (self.advice.get(&id), description.find('(')) {
            description.insert_str(open + 1, &format!("advice=[{number}], "));
        }
        write_line(first, &description, modes.then_some(&mode), out);
        let inside = |input: &NodeId| plan.nodes[*input].op.operator().is_part_of_consumer();
        for (index, mut input) in node.inputs.iter().enumerate() {
            let is_inside = inside(input);
            while inside(input) {
                input = &plan.nodes[*input].inputs[0];
            }
            let last = index + 1 == node.inputs.len();
            let mut first = format!("{rest}{}", if last { "+- " } else { ":- " });
            let mut rest = format!("{rest}{}", if last { "   " } else { ":  " });
            let columns = &plan.nodes[*input].columns;
            let exchange = match node.op.operator().distribution(index) {
                _ if is_inside => None,
                Distribution::Any => None,
                Distribution::Single => Some("single".to_owned()),
                Distribution::Hash(keys) => {
                    let names: Vec<&str> = keys.iter().map(|k| columns[*k].name.as_str()).collect();
                    Some(format!("hash[{}]", names.join(", ")))
                }
            };
            if let Some(distribution) = exchange {
                let traits = &plan.nodes[*input].traits;
                let mode = format!("changelogMode={}", traits.changelog_mode());
                let line = format!("Exchange(distribution=[{distribution}])");
                write_line(&first, &line, modes.then_some(&mode), out);
                first = format!("{rest}+- ");
                rest.push_str("   ");
            }
            self.write_node(*input, &first, &rest, out);
        }
    }
}

fn write_line(indent: &str, description: &str, mode: Option<&String>, out: &mut String) {
    out.push_str(indent);
    match (mode, description.strip_suffix(')')) {
        (Some(mode), Some(open)) => out.push_str(&format!("{open}, {mode})")),
        (Some(mode), None) => out.push_str(&format!("{description}({mode})")),
        (None, _) => out.push_str(description),
    }
    out.push('\n');
}
