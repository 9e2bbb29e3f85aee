use std::collections::{HashMap, HashSet};

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::{Expr, Filter, LogicalPlan, Projection};
use filbert_types::TimeKind;

use super::Converter;
use crate::columns::PlanColumn;
use crate::error::PlanError;
use crate::exprs::{as_column, is_deterministic, position};
use crate::streaming::calc::Calc;
use crate::streaming::node::{NodeId, StreamOp};

impl Converter<'_> {
    pub(super) fn projection(&mut self, projection: &Projection) -> Result<NodeId, PlanError> {
        let input = self.projection_input(projection)?;
        let outputs = projection.schema.columns();
        let mut columns = Vec::with_capacity(outputs.len());
        for (index, (expr, output)) in projection.expr.iter().zip(outputs).enumerate() {
            refuse_subqueries(expr)?;
            let arrow = projection.schema.field(index).data_type();
            columns.push(self.projected(input, expr, output, arrow));
        }
        let exprs = projection
            .expr
            .iter()
            .map(|e| without_alias(e).clone())
            .collect();
        self.calc(input, None, exprs, columns)
    }

    /// What a projection reads: of a Top-N it says which columns.
    fn projection_input(&mut self, projection: &Projection) -> Result<NodeId, PlanError> {
        if let LogicalPlan::Filter(filter) = projection.input.as_ref() {
            let needed = projection.expr.iter().flat_map(Expr::column_refs);
            let needed: HashSet<Column> = needed.cloned().collect();
            if let Some(top_n) = self.top_n(filter, Some(&needed))? {
                return Ok(top_n);
            }
        }
        self.convert(&projection.input)
    }

    pub(super) fn filter(&mut self, filter: &Filter) -> Result<NodeId, PlanError> {
        refuse_subqueries(&filter.predicate)?;
        if let Some(top_n) = self.top_n(filter, None)? {
            return Ok(top_n);
        }
        let input = self.convert(&filter.input)?;
        let columns = self.plan.nodes[input].columns.clone();
        let exprs = identity(&columns);
        self.calc(input, Some(filter.predicate.clone()), exprs, columns)
    }

    /// A Calc that keeps some columns.
    pub(super) fn pick(&mut self, input: NodeId, wanted: &[usize]) -> NodeId {
        let columns: Vec<PlanColumn> = wanted
            .iter()
            .map(|i| self.plan.nodes[input].columns[*i].clone())
            .collect();
        self.calc_above(input, identity(&columns), columns)
    }

    /// A Calc over a node, or one Calc with the node where that is a Calc too and nothing would be evaluated twice.
    pub(super) fn calc(
        &mut self,
        input: NodeId,
        condition: Option<Expr>,
        projection: Vec<Expr>,
        columns: Vec<PlanColumn>,
    ) -> Result<NodeId, PlanError> {
        let new = Calc {
            condition,
            projection,
        };
        let is_last = input + 1 == self.plan.nodes.len();
        let node = &self.plan.nodes[input];
        if is_last
            && let StreamOp::Calc(old) = &node.op
            && let Some(merged) = merge(old, &node.columns, &new)?
        {
            let below = node.inputs.clone();
            self.plan.nodes.pop();
            return Ok(self.plan.add(StreamOp::Calc(merged), below, columns));
        }
        let same = new.condition.is_none()
            && new.projection.len() == node.columns.len()
            && new
                .projection
                .iter()
                .enumerate()
                .all(|(i, e)| as_column(e, &node.columns) == Some(i));
        if same {
            self.plan.nodes[input].columns = columns;
            return Ok(input);
        }
        Ok(self.plan.add(StreamOp::Calc(new), vec![input], columns))
    }

    /// A Calc that only projects, never merged with the node below.
    pub(super) fn calc_above(
        &mut self,
        input: NodeId,
        projection: Vec<Expr>,
        columns: Vec<PlanColumn>,
    ) -> NodeId {
        let calc = StreamOp::Calc(Calc {
            condition: None,
            projection,
        });
        self.plan.add(calc, vec![input], columns)
    }

    fn projected(
        &self,
        input: NodeId,
        expr: &Expr,
        output: Column,
        arrow: &arrow::datatypes::DataType,
    ) -> PlanColumn {
        let from = &self.plan.nodes[input].columns;
        match as_column(expr, from) {
            Some(index) => {
                // A new name may have a type of its own: a time attribute that has become an ordinary value.
                let known = self.types.get(&output).filter(|ty| ty.arrow() == *arrow);
                let mut ty = known.unwrap_or(&from[index].ty).clone();
                // And what an operator below has made an ordinary value stays one.
                if from[index].ty.kind.time_kind() == TimeKind::Regular {
                    ty = ty.without_time_attribute();
                }
                PlanColumn {
                    name: crate::columns::shown_name(&output.name).to_owned(),
                    column: output,
                    ty,
                    window: from[index].window,
                }
            }
            None => {
                let mut column = self.new_column(output, arrow);
                // What is calculated is no time attribute.
                if !is_proctime_call(expr) {
                    column.ty = column.ty.without_time_attribute();
                }
                column
            }
        }
    }
}

pub(super) fn is_proctime_call(expr: &Expr) -> bool {
    match without_alias(expr) {
        Expr::ScalarFunction(call) => call.name().eq_ignore_ascii_case("PROCTIME"),
        _ => false,
    }
}

pub(crate) fn identity(columns: &[PlanColumn]) -> Vec<Expr> {
    columns
        .iter()
        .map(|c| Expr::Column(c.column.clone()))
        .collect()
}

pub(super) fn without_alias(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => without_alias(&alias.expr),
        other => other,
    }
}

/// `new` over `old` as one: none where that would evaluate an expression twice, or a condition out of its order.
fn merge(old: &Calc, old_columns: &[PlanColumn], new: &Calc) -> Result<Option<Calc>, PlanError> {
    if old.condition.is_some() && new.condition.is_some() {
        return Ok(None);
    }
    let mut uses: HashMap<usize, usize> = HashMap::new();
    for expr in new.condition.iter().chain(&new.projection) {
        for column in column_uses(expr)? {
            if let Some(index) = position(old_columns, &column) {
                *uses.entry(index).or_default() += 1;
            }
        }
    }
    let once = uses.iter().all(|(index, count)| {
        let expr = &old.projection[*index];
        matches!(expr, Expr::Column(_) | Expr::Literal(..)) || *count == 1 && is_deterministic(expr)
    });
    // A condition above may shut out rows on which an expression below would have failed.
    let filters_plain = new.condition.is_none()
        || old
            .projection
            .iter()
            .all(|e| matches!(e, Expr::Column(_) | Expr::Literal(..)));
    if !once || !filters_plain {
        return Ok(None);
    }
    let inline = |expr: &Expr| inlined(expr, old, old_columns);
    Ok(Some(Calc {
        condition: match &new.condition {
            Some(condition) => Some(inline(condition)?),
            None => old.condition.clone(),
        },
        projection: new
            .projection
            .iter()
            .map(inline)
            .collect::<Result<_, _>>()?,
    }))
}

fn column_uses(expr: &Expr) -> Result<Vec<Column>, PlanError> {
    let mut columns = Vec::new();
    expr.apply(|e| {
        if let Expr::Column(column) = e {
            columns.push(column.clone());
        }
        Ok(datafusion::common::tree_node::TreeNodeRecursion::Continue)
    })?;
    Ok(columns)
}

/// An expression over a Calc's columns as one over those below it.
pub(super) fn inlined(
    expr: &Expr,
    old: &Calc,
    old_columns: &[PlanColumn],
) -> Result<Expr, PlanError> {
    let inlined = expr.clone().transform_up(|e| {
        Ok(match &e {
            Expr::Column(column) => match position(old_columns, column) {
                Some(index) => Transformed::yes(old.projection[index].clone()),
                None => Transformed::no(e),
            },
            _ => Transformed::no(e),
        })
    })?;
    Ok(inlined.data)
}

fn refuse_subqueries(expr: &Expr) -> Result<(), PlanError> {
    let subquery = expr.exists(|e| {
        Ok(matches!(
            e,
            Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_)
        ))
    })?;
    if subquery {
        return Err(super::unsupported("A subquery inside an expression"));
    }
    Ok(())
}
