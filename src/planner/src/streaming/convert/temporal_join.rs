use std::sync::Arc;

use datafusion::common::Column;
use datafusion::common::tree_node::Transformed;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{
    BinaryExpr, Expr, Extension, Join, JoinType, LogicalPlan, Operator,
};
use filbert_binder::relational::History;
use filbert_binder::{ColumnTypes, Relational, RelationalNode};
use filbert_graph::spec::JoinKind;
use filbert_types::TimeKind;

use super::{Converter, unsupported};
use crate::error::PlanError;
use crate::streaming::join::{JoinKey, output_columns};
use crate::streaming::node::{KeySet, NodeId, StreamOp};
use crate::streaming::temporal_join::TemporalJoin;

/// Before rules run: checks the times of event-time temporal joins, and adds to each join's condition that the left's
/// time is not before the version's, which is true of every pair: so no rule takes the times for columns that nobody reads.
///
/// # Errors
/// In Flink's words, where a join's times don't fit.
pub(crate) fn compare_times(
    plan: LogicalPlan,
    types: &ColumnTypes,
) -> Result<LogicalPlan, PlanError> {
    let mut refused = None;
    let plan = plan.transform_up_with_subqueries(|plan| {
        let LogicalPlan::Join(mut join) = plan else {
            return Ok(Transformed::no(plan));
        };
        let Some((node, asked)) = snapshot(&join.right) else {
            return Ok(Transformed::no(LogicalPlan::Join(join)));
        };
        let period = asked.period;
        match compared(&join, node, asked, types) {
            Ok(compared) => {
                // The time is a column of the other side: not a subquery that must be made a join.
                let period = match period_column(period) {
                    Some(column) => Expr::Column(column.clone()),
                    None => period.clone(),
                };
                let node = RelationalNode {
                    relational: Relational::Snapshot {
                        period,
                        history: asked.history.cloned(),
                    },
                    inputs: node.inputs.clone(),
                    schema: Arc::clone(&node.schema),
                };
                let node = Arc::new(node);
                join.right = Arc::new(LogicalPlan::Extension(Extension { node }));
                join.filter = conjunction(join.filter.take().into_iter().chain(compared));
                Ok(Transformed::yes(LogicalPlan::Join(join)))
            }
            Err(error) => {
                refused = Some(error);
                Err(DataFusionError::Plan("a temporal join".to_owned()))
            }
        }
    });
    match (refused, plan) {
        (Some(error), _) => Err(error),
        (None, plan) => Ok(plan?.data),
    }
}

/// The comparison of the times; none for a join by processing time.
fn compared(
    join: &Join,
    node: &RelationalNode,
    asked: AsOf<'_>,
    types: &ColumnTypes,
) -> Result<Option<Expr>, PlanError> {
    let refused = |text: &str| Err(PlanError::Refused(text.to_owned()));
    let kind = |column: &Column| types.get(column).map(|ty| ty.kind.time_kind());
    let left = period_column(asked.period).filter(|column| join.left.schema().has_column(column));
    let left = match left.map(|column| (column, kind(column))) {
        Some((_, Some(TimeKind::Proctime))) => return Ok(None),
        Some((column, Some(TimeKind::Rowtime))) => column,
        _ => {
            return refused(
                "Temporal table join currently only supports 'FOR SYSTEM_TIME AS OF' left table's time attribute field",
            );
        }
    };
    if !matches!(join.join_type, JoinType::Inner | JoinType::Left) {
        let name = join.join_type.to_string().to_uppercase();
        return refused(&format!("Unknown join type {name}"));
    }
    let columns = node.schema.columns();
    let is_rowtime = |column: &&Column| kind(column) == Some(TimeKind::Rowtime);
    let declared = asked.history.map(|history| &history.time);
    let Some(right) = declared.or_else(|| columns.iter().find(is_rowtime)) else {
        return refused(
            "Event-Time Temporal Table Join requires both primary key and row time attribute in versioned table, but no row time attribute can be found.",
        );
    };
    let types = [left, right].map(|column| types.get(column));
    if let [Some(l), Some(r)] = types
        && l.arrow() != r.arrow()
    {
        return refused(&format!(
            "Event-Time Temporal Table Join requires row time attributes of one type, but the left's is {l} and the versioned table's is {r}."
        ));
    }
    let (left, right) = (Expr::Column(left.clone()), Expr::Column(right.clone()));
    Ok(Some(left.gt_eq(right)))
}

pub(super) fn period_column(period: &Expr) -> Option<&Column> {
    match period {
        Expr::OuterReferenceColumn(_, column) | Expr::Column(column) => Some(column),
        _ => None,
    }
}

/// As of when rows are wanted, and of which history where they are no table's.
#[derive(Clone, Copy)]
pub(super) struct AsOf<'a> {
    pub period: &'a Expr,
    pub history: Option<&'a History>,
}

pub(super) fn snapshot(plan: &LogicalPlan) -> Option<(&RelationalNode, AsOf<'_>)> {
    let LogicalPlan::Extension(extension) = plan else {
        return None;
    };
    let node = extension.node.as_any().downcast_ref::<RelationalNode>()?;
    match &node.relational {
        Relational::Snapshot { period, history } => {
            let history = history.as_ref();
            Some((node, AsOf { period, history }))
        }
        _ => None,
    }
}

/// A versioned table as the right side of a join.
pub(super) struct Versions<'a> {
    table: &'a LogicalPlan,
    asked: AsOf<'a>,
    /// What rules have moved below the join: it holds of the version that was found.
    filters: Vec<Expr>,
}

impl<'a> Versions<'a> {
    /// None where the plan is another table.
    pub fn of(plan: &'a LogicalPlan) -> Option<Versions<'a>> {
        if let Some((node, asked)) = snapshot(plan) {
            return Some(Versions {
                table: node.inputs.first()?,
                asked,
                filters: Vec::new(),
            });
        }
        match plan {
            LogicalPlan::Filter(filter) => {
                let mut versions = Versions::of(&filter.input)?;
                let conjuncts = split_conjunction(&filter.predicate);
                versions.filters.extend(conjuncts.into_iter().cloned());
                Some(versions)
            }
            LogicalPlan::Projection(projection) => {
                let only_columns = projection.expr.iter().all(|e| matches!(e, Expr::Column(_)));
                Versions::of(&projection.input).filter(|_| only_columns)
            }
            _ => None,
        }
    }
}

impl Converter<'_> {
    pub(super) fn temporal_join(
        &mut self,
        join: &Join,
        versions: Versions<'_>,
    ) -> Result<NodeId, PlanError> {
        let kind = match join.join_type {
            JoinType::Inner => JoinKind::Inner,
            JoinType::Left => JoinKind::Left,
            other => {
                let name = other.to_string().to_uppercase();
                return Err(PlanError::Refused(format!("Unknown join type {name}")));
            }
        };
        let left = self.convert(&join.left)?;
        let right = self.convert(versions.table)?;
        let times = self.version_times(left, right, versions.asked)?;
        let mut condition = self.condition(join, left, right, false);
        if let Some([l, r]) = times {
            let l = &self.plan.nodes[left].columns[l].column;
            let r = &self.plan.nodes[right].columns[r].column;
            condition
                .rest
                .retain(|conjunct| !compares(conjunct, [l, r]));
        }
        condition.rest.extend(versions.filters);
        let (left, right, keys) = self.with_key_columns(left, right, &condition)?;
        let primary_key = match versions.asked.history {
            Some(history) => vec![self.history_key(right, history, &keys)?],
            None => {
                let joined: KeySet = keys.iter().map(|key| key.columns[1]).collect();
                self.version_key(right, &joined)?
            }
        };
        let inputs = [&self.plan.nodes[left], &self.plan.nodes[right]];
        let mut columns = output_columns(kind, inputs[0], inputs[1]);
        for (output, input) in columns.iter_mut().zip(&inputs[0].columns) {
            output.ty = input.ty.clone();
        }
        let op = StreamOp::TemporalJoin(Box::new(TemporalJoin {
            kind,
            times,
            keys,
            primary_key,
            condition: conjunction(condition.rest),
        }));
        let node = self.plan.add(op, vec![left, right], columns);
        self.only_named(node, &join.schema.columns())
    }

    /// The places of the sides' event times; none for a history by processing time.
    fn version_times(
        &self,
        left: NodeId,
        right: NodeId,
        asked: AsOf<'_>,
    ) -> Result<Option<[usize; 2]>, PlanError> {
        let Some(time) = period_column(asked.period) else {
            return Err(unsupported("FOR SYSTEM_TIME AS OF an expression"));
        };
        let is_proctime = |column: &Column| {
            let ty = self.types.get(column);
            ty.is_some_and(|ty| ty.kind.time_kind() == TimeKind::Proctime)
        };
        // Nobody reads processing times: rules may have taken them out.
        if is_proctime(time) && asked.history.is_some_and(|h| is_proctime(&h.time)) {
            return Ok(None);
        }
        let left_time = self.place(left, time)?;
        // As the query says, though a join may have made it an ordinary value.
        let left_kind = self.types.get(time).map(|ty| ty.kind.time_kind());
        let left_kind = left_kind.unwrap_or_default();
        let columns = &self.plan.nodes[right].columns;
        let kind = |place: usize| columns[place].ty.kind.time_kind();
        let right_time = match asked.history {
            Some(history) => Some(self.place(right, &history.time)?),
            None => (0..columns.len()).find(|place| kind(*place) == TimeKind::Rowtime),
        };
        match (left_kind, right_time.map(|place| (place, kind(place)))) {
            (TimeKind::Rowtime, Some((right_time, TimeKind::Rowtime))) => {
                Ok(Some([left_time, right_time]))
            }
            (TimeKind::Regular, _) => Err(PlanError::Refused(
                "Temporal table join currently only supports 'FOR SYSTEM_TIME AS OF' left table's time attribute field"
                    .to_owned(),
            )),
            _ => Err(PlanError::Refused(
                "Event-Time Temporal Table Join requires both primary key and row time attribute in versioned table, but no row time attribute can be found."
                    .to_owned(),
            )),
        }
    }

    /// The key of a history, by which alone it is joined.
    fn history_key(
        &self,
        right: NodeId,
        history: &History,
        keys: &[JoinKey],
    ) -> Result<usize, PlanError> {
        let columns = &self.plan.nodes[right].columns;
        let place = self.place(right, &history.key)?;
        let names: Vec<&str> = keys
            .iter()
            .map(|key| columns[key.columns[1]].name.as_str())
            .collect();
        let [key] = keys else {
            return Err(PlanError::Refused(format!(
                "Only single column join key is supported. Found [{}]: a temporal table function is joined by its primary key [{}].",
                names.join(", "),
                columns[place].name
            )));
        };
        if key.columns[1] != place {
            return Err(PlanError::Refused(format!(
                "Join key [{}] must be the same as temporal table's primary key [{}].",
                names.join(", "),
                columns[place].name
            )));
        }
        Ok(place)
    }

    /// The key of the versioned table, all of which the join's condition must name.
    pub(super) fn version_key(
        &self,
        table: NodeId,
        joined: &KeySet,
    ) -> Result<Vec<usize>, PlanError> {
        let node = &self.plan.nodes[table];
        if let Some(key) = node.upsert_keys.iter().find(|key| key.is_subset(joined)) {
            return Ok(key.iter().copied().collect());
        }
        let Some(key) = node.upsert_keys.first() else {
            return Err(PlanError::Refused(
                "Temporal Table Join requires primary key in versioned table, but no primary key can be found."
                    .to_owned(),
            ));
        };
        let names: Vec<&str> = key.iter().map(|k| node.columns[*k].name.as_str()).collect();
        Err(PlanError::Refused(format!(
            "Temporal table's primary key [{}] must be included in the equivalence condition of temporal join.",
            names.join(", ")
        )))
    }
}

/// True for the comparison that [`compare_times`] adds; rules may turn it round.
fn compares(conjunct: &Expr, [left, right]: [&Column; 2]) -> bool {
    let Expr::BinaryExpr(BinaryExpr {
        left: l,
        op,
        right: r,
    }) = conjunct
    else {
        return false;
    };
    let is = |expr: &Expr, column: &Column| matches!(expr, Expr::Column(c) if c == column);
    match op {
        Operator::GtEq => is(l, left) && is(r, right),
        Operator::LtEq => is(l, right) && is(r, left),
        _ => false,
    }
}
