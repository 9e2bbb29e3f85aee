//! `JOIN t FOR SYSTEM_TIME AS OF l.proctime`: a table that is asked for the rows of each key.

use datafusion::common::Column;
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{BinaryExpr, Expr, Join, JoinType, LogicalPlan, Operator};
use filbert_binder::{LookupHint, RelationalNode};
use filbert_graph::spec::JoinKind;
use filbert_types::options::{
    ASYNC_LOOKUP_BUFFER_CAPACITY, ASYNC_LOOKUP_KEY_ORDERED, ASYNC_LOOKUP_OUTPUT_MODE,
    ASYNC_LOOKUP_TIMEOUT,
};
use filbert_types::{LogicalType, TimeKind};

use super::join::Condition;
use super::temporal_join::{self, period_column};
use super::{Converter, unsupported};
use crate::columns::PlanColumn;
use crate::error::PlanError;
use crate::exprs::{as_column, position, render};
use crate::streaming::calc::{Calc, reads_watermark};
use crate::streaming::convert::calc::identity;
use crate::streaming::join::output_columns;
use crate::streaming::lookup_join::{AsyncOptions, LookupJoin, LookupKey, LookupValue};
use crate::streaming::node::{KeySet, NodeId, PlanNode, StreamOp};
use crate::streaming::source::Source;
use crate::tables::TableRef;

/// The right side of a lookup join, taken out of the plan.
struct Asked {
    table: Source,
    found: Vec<PlanColumn>,
    calcs: Vec<(Calc, Vec<PlanColumn>)>,
}

/// The snapshot that a join's right side is, below filters and projections.
fn snapshot(plan: &LogicalPlan) -> Option<(&RelationalNode, &Expr)> {
    match plan {
        LogicalPlan::Filter(filter) => snapshot(&filter.input),
        LogicalPlan::Projection(projection) => snapshot(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => snapshot(&alias.input),
        _ => {
            let (node, asked) = temporal_join::snapshot(plan)?;
            asked.history.is_none().then_some((node, asked.period))
        }
    }
}

impl Converter<'_> {
    /// A join with a table as of processing time; none for other joins.
    pub(super) fn lookup_join(&mut self, join: &Join) -> Result<Option<NodeId>, PlanError> {
        let Some((node, period)) = snapshot(&join.right) else {
            return Ok(None);
        };
        let kind = period_column(period).and_then(|column| self.types.get(column));
        if kind.is_none_or(|ty| ty.kind.time_kind() != TimeKind::Proctime) {
            return Ok(None);
        }
        let left = self.convert(&join.left)?;
        let before = self.plan.nodes.len();
        let outer = std::mem::replace(&mut self.looks_up, true);
        let right = self.convert(&join.right);
        self.looks_up = outer;
        let right = right?;
        let mut condition = self.condition(join, left, right, false);
        let Some(asked) = self.asked(right, before)? else {
            return self.refuse_versions(left, right, &condition);
        };
        let columns = node.schema.columns();
        let columns: Vec<&Column> = columns.iter().collect();
        let hint = self.types.lookup_hint(&columns).cloned();
        let text = self.condition_text(join, left, right);
        let right_node = self.plan.nodes[right].clone();
        self.plan.nodes.truncate(before);
        let asked = Lookup {
            kind: lookup_kind(join.join_type)?,
            asked,
            right: right_node,
            hint: hint.unwrap_or_default(),
            text,
        };
        let node = self.looked_up(left, asked, &mut condition)?;
        self.only_named(node, &join.schema.columns()).map(Some)
    }

    /// The nodes from `before` on as the right side of a lookup join; none when they are no table that can be asked.
    fn asked(&self, right: NodeId, before: NodeId) -> Result<Option<Asked>, PlanError> {
        let nodes = &self.plan.nodes[before..];
        let Some(PlanNode {
            op: StreamOp::Source(source),
            columns: found,
            ..
        }) = nodes.first()
        else {
            return Ok(None);
        };
        let mut calcs = Vec::with_capacity(nodes.len() - 1);
        for node in &nodes[1..] {
            match &node.op {
                StreamOp::Calc(calc) => calcs.push((calc.clone(), node.columns.clone())),
                _ => return Ok(None),
            }
        }
        if right + 1 != self.plan.nodes.len() || !self.can_be_asked(source)? {
            return Ok(None);
        }
        if source.partitions.is_some() {
            return Err(unsupported(
                "A lookup join with single partitions of a table",
            ));
        }
        if calcs.iter().any(|(calc, _)| reads_watermark(calc)) {
            return Err(unsupported(
                "CURRENT_WATERMARK of a table that is looked up",
            ));
        }
        let mut table = source.as_ref().clone();
        // What a scan would do is done with the rows that are found.
        let filters = std::mem::take(&mut table.filters);
        if let Some(condition) = conjunction(filters) {
            let calc = Calc {
                condition: Some(condition),
                projection: identity(found),
            };
            calcs.insert(0, (calc, found.clone()));
        }
        Ok(Some(Asked {
            table,
            found: found.clone(),
            calcs,
        }))
    }

    fn can_be_asked(&self, source: &Source) -> Result<bool, PlanError> {
        let bound = &source.table.bound;
        let table = TableRef {
            path: &bound.path,
            table: &bound.table,
            hint_options: &bound.hint_options,
        };
        Ok(table.lookup_source(self.ctx)?.is_some())
    }

    /// A table that can't be asked would have to be a versioned one, whose versions as of now nobody can tell.
    fn refuse_versions(
        &mut self,
        left: NodeId,
        right: NodeId,
        condition: &Condition,
    ) -> Result<Option<NodeId>, PlanError> {
        let (_, right, keys) = self.with_key_columns(left, right, condition)?;
        let keys: KeySet = keys.iter().map(|key| key.columns[1]).collect();
        self.version_key(right, &keys)?;
        let why = match &self.plan.nodes[right].op {
            StreamOp::Source(source) => format!(
                "its connector can't look '{}' up by key",
                source.table.bound.path
            ),
            _ => "only a table can be looked up by key, or a view that filters and projects one"
                .to_owned(),
        };
        Err(PlanError::Refused(format!(
            "Processing-time temporal join is not supported yet: {why}."
        )))
    }

    /// The join's condition, for an error.
    fn condition_text(&self, join: &Join, left: NodeId, right: NodeId) -> String {
        let inputs = [left, right].map(|node| self.plan.nodes[node].columns.clone());
        let both = inputs.concat();
        let on = join.on.iter().map(|(l, r)| {
            let (l, r) = (render(l, &both), render(r, &both));
            format!("{l} IS NOT DISTINCT FROM {r}")
        });
        let rest = join.filter.iter().map(|filter| render(filter, &both));
        on.chain(rest).collect::<Vec<_>>().join(" AND ")
    }

    fn looked_up(
        &mut self,
        left: NodeId,
        lookup: Lookup,
        condition: &mut Condition,
    ) -> Result<NodeId, PlanError> {
        let Lookup {
            kind,
            asked,
            right,
            hint,
            text,
        } = lookup;
        refuse_null_keys(&asked, &right, condition, &text)?;
        let is_async = self.is_async(&asked.table)?;
        let asynchronous = is_async.then(|| self.async_options()).transpose()?;
        let mut op = LookupJoin {
            kind,
            table: asked.table,
            found: asked.found,
            calcs: asked.calcs,
            keys: Vec::new(),
            pre_filter: None,
            condition: None,
            hint,
            asynchronous,
            materialize: None,
            state_ttl_ms: self.input_ttl_ms(left)?,
        };
        let left = self.add_keys(&mut op, left, &right, condition)?;
        add_constant_keys(&mut op, condition);
        if op.keys.is_empty() {
            return Err(PlanError::Refused(format!(
                "Temporal table join requires an equality condition on fields of table [{}].",
                op.table.table.bound.path
            )));
        }
        op.keys.sort_by_key(|key| key.column);
        let input = &self.plan.nodes[left];
        let reads_left = |expr: &Expr| {
            let refs = expr.column_refs();
            refs.iter()
                .all(|column| position(&input.columns, column).is_some())
        };
        let (before, after): (Vec<Expr>, Vec<Expr>) = condition
            .rest
            .drain(..)
            .partition(|conjunct| reads_left(conjunct));
        op.pre_filter = conjunction(before);
        op.condition = conjunction(after);
        let mut columns = output_columns(kind, input, &right);
        for (output, input) in columns.iter_mut().zip(&input.columns) {
            output.ty = input.ty.clone();
        }
        Ok(self
            .plan
            .add(StreamOp::LookupJoin(Box::new(op)), vec![left], columns))
    }

    /// Keys from the equalities of the condition; those that are none stay conditions. The left node is the one with the
    /// columns for keys that are no columns.
    fn add_keys(
        &mut self,
        op: &mut LookupJoin,
        left: NodeId,
        right: &PlanNode,
        condition: &mut Condition,
    ) -> Result<NodeId, PlanError> {
        let columns = self.plan.nodes[left].columns.clone();
        let mut exprs = identity(&columns);
        let mut wider = columns.clone();
        for (l, r, _) in std::mem::take(&mut condition.keys) {
            let asked = as_column(&r, &right.columns).and_then(|place| op.table_column(place));
            let asked = asked.filter(|column| op.keys.iter().all(|key| key.column != *column));
            let Some(column) = asked else {
                condition.rest.push(l.eq(r));
                continue;
            };
            let place = match as_column(&l, &columns) {
                Some(place) => place,
                None => {
                    let ty = self.exprs.type_of(&l, &columns)?;
                    let name = format!("$f{}#{}", wider.len(), self.plan.nodes.len());
                    exprs.push(l.clone());
                    wider.push(PlanColumn::new(Column::new_unqualified(name), ty));
                    wider.len() - 1
                }
            };
            op.keys.push(LookupKey {
                column,
                name: physical_name(&op.table, column).0,
                value: LookupValue::Input(place),
            });
        }
        match wider.len() > columns.len() {
            true => Ok(self.calc_above(left, exprs, wider)),
            false => Ok(left),
        }
    }

    fn is_async(&self, source: &Source) -> Result<bool, PlanError> {
        let bound = &source.table.bound;
        let table = TableRef {
            path: &bound.path,
            table: &bound.table,
            hint_options: &bound.hint_options,
        };
        let source = table.lookup_source(self.ctx)?;
        Ok(source.is_some_and(|source| source.is_async()))
    }

    fn async_options(&self) -> Result<AsyncOptions, PlanError> {
        let configuration = &self.ctx.configuration;
        let capacity = configuration.get_i64(&ASYNC_LOOKUP_BUFFER_CAPACITY)?;
        let capacity = capacity.unwrap_or(100);
        let Some(capacity) = usize::try_from(capacity).ok().filter(|c| *c > 0) else {
            return Err(PlanError::Refused(format!(
                "'{}' must be above zero, but is {capacity}.",
                ASYNC_LOOKUP_BUFFER_CAPACITY.key
            )));
        };
        let mode = configuration.get(&ASYNC_LOOKUP_OUTPUT_MODE);
        Ok(AsyncOptions {
            capacity,
            timeout_ms: self.millis(&ASYNC_LOOKUP_TIMEOUT)?.unwrap_or(180_000),
            allow_unordered: mode.is_some_and(|m| m.trim().eq_ignore_ascii_case("ALLOW_UNORDERED")),
            key_ordered: configuration.get_bool(&ASYNC_LOOKUP_KEY_ORDERED)?,
        })
    }
}

/// A lookup join in the making.
struct Lookup {
    kind: JoinKind,
    asked: Asked,
    /// What is joined, with its columns.
    right: PlanNode,
    hint: LookupHint,
    /// The join's condition.
    text: String,
}

fn lookup_kind(join_type: JoinType) -> Result<JoinKind, PlanError> {
    match join_type {
        JoinType::Inner => Ok(JoinKind::Inner),
        JoinType::Left => Ok(JoinKind::Left),
        JoinType::Right | JoinType::Full => Err(PlanError::Refused(format!(
            "Unknown join type {}: a lookup join is INNER or LEFT.",
            join_type.to_string().to_uppercase()
        ))),
        other => Err(PlanError::Refused(format!(
            "Temporal table join currently only support INNER JOIN and LEFT JOIN, but was {other}Join JOIN."
        ))),
    }
}

/// NULL can't be asked for; a column without NULLs meets none anyway.
fn refuse_null_keys(
    asked: &Asked,
    right: &PlanNode,
    condition: &Condition,
    text: &str,
) -> Result<(), PlanError> {
    let schema = &asked.table.table.bound.table.schema;
    let has_nulls = |column: usize| {
        let name = &right.columns[column].column.name;
        let key = schema.primary_key.iter().flat_map(|key| &key.columns);
        right.columns[column].ty.nullable && !key.into_iter().any(|k| k == name)
    };
    let meets_null = |(_, r, meets): &(Expr, Expr, bool)| {
        *meets && as_column(r, &right.columns).is_none_or(has_nulls)
    };
    match condition.keys.iter().any(meets_null) {
        false => Ok(()),
        true => Err(PlanError::Refused(format!(
            "LookupJoin doesn't support join condition contains 'a IS NOT DISTINCT FROM b' (or alternative '(a = b) or (a IS NULL AND b IS NULL)'), the join condition is '{text}'"
        ))),
    }
}

fn physical_name(table: &Source, column: usize) -> (String, LogicalType) {
    let mut columns = table.table.bound.table.schema.physical_columns();
    let found = columns.nth(column);
    found.map_or_else(
        || (String::new(), filbert_types::TypeKind::Null.into()),
        |c| (c.name.clone(), c.ty.clone()),
    )
}

/// Columns of the table that must equal a constant are keys too; the condition stays.
fn add_constant_keys(op: &mut LookupJoin, condition: &Condition) {
    let mut constants = Vec::new();
    for level in 0..op.calcs.len() {
        let below = match level {
            0 => &op.found,
            _ => &op.calcs[level - 1].1,
        };
        let conditions = op.calcs[level].0.condition.iter();
        for conjunct in conditions.flat_map(split_conjunction) {
            if let Some((column, value)) = constant(conjunct) {
                let place = position(below, column);
                let asked = place.and_then(|place| column_at(op, level, place));
                constants.extend(asked.map(|column| (column, value.clone())));
            }
        }
    }
    for conjunct in &condition.rest {
        if let Some((column, value)) = constant(conjunct) {
            let place = position(op.right(), column);
            let asked = place.and_then(|place| op.table_column(place));
            constants.extend(asked.map(|column| (column, value.clone())));
        }
    }
    for (column, value) in constants {
        let (name, ty) = physical_name(&op.table, column);
        let is_new = op.keys.iter().all(|key| key.column != column);
        let same_type = matches!(&value, Expr::Literal(v, _) if v.data_type() == ty.arrow());
        if is_new && same_type {
            op.keys.push(LookupKey {
                column,
                name,
                value: LookupValue::Constant(value, ty),
            });
        }
    }
}

/// The table's column that stands at this place below so many steps.
fn column_at(op: &LookupJoin, level: usize, place: usize) -> Option<usize> {
    let below = LookupJoin {
        calcs: op.calcs[..level].to_vec(),
        ..op.clone()
    };
    below.table_column(place)
}

/// `column = constant`
fn constant(conjunct: &Expr) -> Option<(&Column, &Expr)> {
    let Expr::BinaryExpr(BinaryExpr {
        left,
        op: Operator::Eq,
        right,
    }) = conjunct
    else {
        return None;
    };
    match (left.as_ref(), right.as_ref()) {
        (Expr::Column(column), value @ Expr::Literal(v, _))
        | (value @ Expr::Literal(v, _), Expr::Column(column))
            if !v.is_null() =>
        {
            Some((column, value))
        }
        _ => None,
    }
}
