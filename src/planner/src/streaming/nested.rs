//! Fields of ROW columns that nobody reads are left away by sources that can: Flink's nested projection push-down. The
//! columns keep their types; what isn't read may be NULL.

use std::collections::BTreeSet;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::Expr;
use filbert_functions::constructors::as_field;
use filbert_types::TypeKind;

use crate::columns::PlanColumn;
use crate::exprs::{as_column, position};
use crate::streaming::node::{StreamOp, StreamPlan};

/// What is read of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reads {
    Fields(BTreeSet<usize>),
    All,
}

impl Reads {
    const NOTHING: Reads = Reads::Fields(BTreeSet::new());

    fn add(&mut self, other: &Reads) {
        match (&mut *self, other) {
            (Reads::All, _) => {}
            (Reads::Fields(fields), Reads::Fields(more)) => fields.extend(more),
            (Reads::Fields(_), Reads::All) => *self = Reads::All,
        }
    }
}

/// Tells each source which fields of its ROW columns are read.
pub(crate) fn prune_fields(plan: &mut StreamPlan) {
    let mut reads: Vec<Vec<Reads>> = plan
        .nodes
        .iter()
        .map(|node| vec![Reads::NOTHING; node.columns.len()])
        .collect();
    let root = plan.root();
    if let Some(all) = reads.get_mut(root) {
        all.fill(Reads::All);
    }
    // Consumers stand behind their inputs.
    for id in (0..plan.nodes.len()).rev() {
        let mut own = std::mem::take(&mut reads[id]);
        if let StreamOp::Source(source) = &plan.nodes[id].op
            && let Some(watermark) = &source.watermark
        {
            add_expr(&watermark.expr, &watermark.columns, &mut own);
        }
        add_reads(plan, id, &own, &mut reads);
        prune_source(plan, id, &own);
    }
}

fn add_reads(plan: &StreamPlan, id: usize, own: &[Reads], reads: &mut [Vec<Reads>]) {
    let node = &plan.nodes[id];
    let Some(first) = node.inputs.first() else {
        return;
    };
    let columns = &plan.nodes[*first].columns;
    let input = &mut reads[*first];
    match &node.op {
        StreamOp::Calc(calc) => {
            for (expr, own) in calc.projection.iter().zip(own) {
                match as_column(expr, columns) {
                    Some(column) => input[column].add(own),
                    None => add_expr(expr, columns, input),
                }
            }
            if let Some(condition) = &calc.condition {
                add_expr(condition, columns, input);
            }
        }
        StreamOp::WatermarkAssigner(assigner) => {
            pass_on(own, input);
            input[assigner.rowtime].add(&Reads::All);
            add_expr(&assigner.watermark, columns, input);
        }
        StreamOp::MiniBatchAssigner(_) => pass_on(own, input),
        _ => {
            for input in &node.inputs {
                reads[*input].fill(Reads::All);
            }
        }
    }
}

/// Of a node whose columns are its input's.
fn pass_on(own: &[Reads], input: &mut [Reads]) {
    for (input, own) in input.iter_mut().zip(own) {
        input.add(own);
    }
}

fn add_expr(expr: &Expr, columns: &[PlanColumn], reads: &mut [Reads]) {
    // The closure never fails.
    let _ = expr.apply(|e| {
        if let Some((Expr::Column(column), field)) = as_field(e)
            && let Some(column) = position(columns, column)
        {
            reads[column].add(&Reads::Fields(BTreeSet::from([field])));
            return Ok(TreeNodeRecursion::Jump);
        }
        if let Expr::Column(column) = e
            && let Some(column) = position(columns, column)
        {
            reads[column].add(&Reads::All);
        }
        Ok(TreeNodeRecursion::Continue)
    });
}

fn prune_source(plan: &mut StreamPlan, id: usize, own: &[Reads]) {
    let node = &mut plan.nodes[id];
    let StreamOp::Source(source) = &mut node.op else {
        return;
    };
    if !source.table.source.supports_nested_projection() {
        return;
    }
    for (at, (column, reads)) in node.columns.iter().zip(own).enumerate() {
        let (Reads::Fields(read), TypeKind::Row(fields)) = (reads, &column.ty.kind) else {
            continue;
        };
        let place = source.projection.as_ref().map_or(at, |p| p[at]);
        let names = read.iter().map(|field| fields[*field].name.clone());
        source.nested.insert(place, names.collect());
    }
}
