use datafusion::common::{Column, NullEquality};
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{BinaryExpr, Expr, Join as LogicalJoin, JoinType, Operator};
use filbert_graph::spec::JoinKind;
use filbert_types::{LogicalType, TypeKind};

use super::Converter;
use super::calc::identity;
use super::temporal_join::Versions;
use crate::columns::PlanColumn;
use crate::error::PlanError;
use crate::exprs::{as_column, is_deterministic, position};
use crate::streaming::join::{Join, JoinKey, output_columns};
use crate::streaming::node::{NodeId, StreamOp};

/// A join's condition, taken apart.
#[derive(Default)]
pub(super) struct Condition {
    /// An expression of the left, one of the right, and whether NULL meets NULL.
    pub keys: Vec<(Expr, Expr, bool)>,
    pub rest: Vec<Expr>,
}

impl Converter<'_> {
    pub(super) fn join(&mut self, join: &LogicalJoin) -> Result<NodeId, PlanError> {
        if let Some(node) = self.lookup_join(join)? {
            return Ok(node);
        }
        if let Some(versions) = Versions::of(&join.right) {
            return self.temporal_join(join, versions);
        }
        let (kind, swapped) = kind_of(join.join_type);
        let (left_plan, right_plan) = if swapped {
            (&join.right, &join.left)
        } else {
            (&join.left, &join.right)
        };
        let left = self.convert(left_plan)?;
        let left_ttl_ms = self.input_ttl_ms(left)?;
        let right = self.convert(right_plan)?;
        let right_ttl_ms = self.input_ttl_ms(right)?;
        let mut condition = self.condition(join, left, right, swapped);
        if let Some(node) = self.interval_join(kind, [left, right], &mut condition)? {
            return self.only_named(node, &join.schema.columns());
        }
        let (left, right, keys) = self.with_key_columns(left, right, &condition)?;
        let inputs = [&self.plan.nodes[left], &self.plan.nodes[right]];
        let mut columns = output_columns(kind, inputs[0], inputs[1]);
        if kind == JoinKind::Mark {
            let names = join.schema.columns();
            let mark = names.last().cloned();
            let mark = mark.unwrap_or_else(|| Column::new_unqualified("mark"));
            columns.push(PlanColumn::new(
                mark,
                LogicalType::not_null(TypeKind::Boolean),
            ));
        }
        let null_aware = join.null_aware && keys.len() == 1 && condition.rest.is_empty();
        let mut rest = condition.rest;
        let mut keys = keys;
        if join.null_aware && !null_aware {
            rest.extend(self.null_aware_conditions(left, right, &mut keys));
        }
        if !null_aware
            && let Some(node) = self.window_join(kind, [left, right], &keys, &rest, &columns)?
        {
            return self.only_named(node, &join.schema.columns());
        }
        let op = StreamOp::Join(Box::new(Join {
            kind,
            keys,
            null_aware,
            condition: conjunction(rest),
            state_ttl_ms: [left_ttl_ms, right_ttl_ms],
            mini_batch_rows: None,
        }));
        let node = self.plan.add(op, vec![left, right], columns);
        self.only_named(node, &join.schema.columns())
    }

    /// Takes the equalities between the sides out of a condition.
    pub(super) fn condition(
        &self,
        join: &LogicalJoin,
        left: NodeId,
        right: NodeId,
        swapped: bool,
    ) -> Condition {
        let mut condition = Condition::default();
        let null_meets_null = join.null_equality == NullEquality::NullEqualsNull;
        for (l, r) in &join.on {
            let (l, r) = if swapped { (r, l) } else { (l, r) };
            self.equality(&mut condition, left, right, (l, r, null_meets_null), None);
        }
        for conjunct in join.filter.iter().flat_map(split_conjunction) {
            match conjunct {
                Expr::BinaryExpr(BinaryExpr {
                    left: l,
                    op,
                    right: r,
                }) if matches!(op, Operator::Eq | Operator::IsNotDistinctFrom) => {
                    let meets = *op == Operator::IsNotDistinctFrom;
                    let pair = (l.as_ref(), r.as_ref(), meets);
                    self.equality(&mut condition, left, right, pair, Some(conjunct));
                }
                Expr::Literal(value, _) if *value == true.into() => {}
                other => condition.rest.push(other.clone()),
            }
        }
        condition
    }

    /// Adds an equality to the keys where each of its sides reads one input alone, else to the rest.
    fn equality(
        &self,
        condition: &mut Condition,
        left: NodeId,
        right: NodeId,
        (l, r, null_meets_null): (&Expr, &Expr, bool),
        whole: Option<&Expr>,
    ) {
        let on_left = |e: &Expr| self.reads_only(e, left, right);
        let on_right = |e: &Expr| self.reads_only(e, right, left);
        let pair = if on_left(l) && on_right(r) {
            Some((l, r))
        } else if on_left(r) && on_right(l) {
            Some((r, l))
        } else {
            None
        };
        let same_type = |l: &Expr, r: &Expr| {
            let left = self.exprs.type_of(l, &self.plan.nodes[left].columns);
            let right = self.exprs.type_of(r, &self.plan.nodes[right].columns);
            matches!((left, right), (Ok(l), Ok(r)) if l.arrow() == r.arrow())
        };
        match pair {
            Some((l, r)) if same_type(l, r) && is_deterministic(l) && is_deterministic(r) => {
                condition.keys.push((l.clone(), r.clone(), null_meets_null));
            }
            _ => condition.rest.push(whole.cloned().unwrap_or_else(|| {
                let op = match null_meets_null {
                    true => Operator::IsNotDistinctFrom,
                    false => Operator::Eq,
                };
                Expr::BinaryExpr(BinaryExpr::new(
                    Box::new(l.clone()),
                    op,
                    Box::new(r.clone()),
                ))
            })),
        }
    }

    /// True when the expression reads columns of the one node, and none of the other.
    fn reads_only(&self, expr: &Expr, node: NodeId, other: NodeId) -> bool {
        let refs = expr.column_refs();
        let is_of = |column: &Column, node: NodeId| {
            position(&self.plan.nodes[node].columns, column).is_some()
        };
        !refs.is_empty() && refs.iter().all(|c| is_of(c, node) && !is_of(c, other))
    }

    /// Computes the keys that aren't columns below the join.
    pub(super) fn with_key_columns(
        &mut self,
        left: NodeId,
        right: NodeId,
        condition: &Condition,
    ) -> Result<(NodeId, NodeId, Vec<JoinKey>), PlanError> {
        let mut nodes = [left, right];
        let mut places = [Vec::new(), Vec::new()];
        for side in 0..2 {
            let columns = self.plan.nodes[nodes[side]].columns.clone();
            let mut exprs = identity(&columns);
            let mut wider = columns.clone();
            for (l, r, _) in &condition.keys {
                let key = if side == 0 { l } else { r };
                let place = match as_column(key, &columns) {
                    Some(place) => place,
                    None => {
                        let ty = self.exprs.type_of(key, &columns)?;
                        let name = format!("$f{}#{}", wider.len(), self.plan.nodes.len());
                        exprs.push(key.clone());
                        wider.push(PlanColumn::new(Column::new_unqualified(name), ty));
                        wider.len() - 1
                    }
                };
                places[side].push(place);
            }
            if wider.len() > columns.len() {
                nodes[side] = self.calc_above(nodes[side], exprs, wider);
            }
        }
        let keys = condition.keys.iter().enumerate();
        let keys = keys.map(|(i, (_, _, null_meets_null))| JoinKey {
            columns: [places[0][i], places[1][i]],
            null_meets_null: *null_meets_null,
        });
        Ok((nodes[0], nodes[1], keys.collect()))
    }

    /// NOT IN beside other conditions: its equality, the first of the keys, also holds where one side is NULL.
    fn null_aware_conditions(
        &self,
        left: NodeId,
        right: NodeId,
        keys: &mut Vec<JoinKey>,
    ) -> Option<Expr> {
        if keys.is_empty() {
            return None;
        }
        let [l, r] = keys.remove(0).columns;
        let l = Expr::Column(self.plan.nodes[left].columns[l].column.clone());
        let r = Expr::Column(self.plan.nodes[right].columns[r].column.clone());
        let equal = l.clone().eq(r.clone());
        Some(equal.or(l.is_null()).or(r.is_null()))
    }

    /// The node's columns under these names, without those that have none.
    pub(super) fn only_named(
        &mut self,
        node: NodeId,
        wanted: &[Column],
    ) -> Result<NodeId, PlanError> {
        let columns = &self.plan.nodes[node].columns;
        let exact = |name: &Column| columns.iter().position(|c| c.column == *name);
        let places = wanted
            .iter()
            .map(
                |name| match exact(name).or_else(|| position(columns, name)) {
                    Some(place) => Ok(place),
                    None => Err(PlanError::Internal(format!(
                        "a join lost its column {name}"
                    ))),
                },
            )
            .collect::<Result<Vec<_>, _>>()?;
        if places.iter().copied().eq(0..columns.len()) {
            return Ok(node);
        }
        Ok(self.pick(node, &places))
    }
}

/// What a join is called here, and whether its sides change places.
fn kind_of(join_type: JoinType) -> (JoinKind, bool) {
    match join_type {
        JoinType::Inner => (JoinKind::Inner, false),
        JoinType::Left => (JoinKind::Left, false),
        JoinType::Right => (JoinKind::Right, false),
        JoinType::Full => (JoinKind::Full, false),
        JoinType::LeftSemi => (JoinKind::Semi, false),
        JoinType::LeftAnti => (JoinKind::Anti, false),
        JoinType::LeftMark => (JoinKind::Mark, false),
        JoinType::RightSemi => (JoinKind::Semi, true),
        JoinType::RightAnti => (JoinKind::Anti, true),
        JoinType::RightMark => (JoinKind::Mark, true),
    }
}
