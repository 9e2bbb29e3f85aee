use arrow::array::Array;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator};
use filbert_graph::spec::JoinKind;
use filbert_types::TimeKind;
use filbert_types::options::INTERVAL_JOIN_MIN_CLEANUP;

use super::Converter;
use super::join::Condition;
use crate::columns::PlanColumn;
use crate::error::PlanError;
use crate::exprs::position;
use crate::streaming::interval_join::{Interval, IntervalJoin};
use crate::streaming::join::output_columns;
use crate::streaming::node::{NodeId, StreamOp};

/// A comparison of the sides' time attributes.
struct TimePredicate {
    proctime: bool,
    times: [usize; 2],
    /// What the left's time less the right's must at least be.
    lower_ms: Option<i64>,
    upper_ms: Option<i64>,
}

impl Converter<'_> {
    /// Takes the bounds of one side's time by the other's out of a condition: exactly one from each end, or an
    /// equality, as in Flink; otherwise the condition stays as it is.
    fn interval(&self, inputs: [NodeId; 2], condition: &mut Condition) -> Option<Interval> {
        let (mut found, mut predicates) = (Vec::new(), Vec::new());
        let mut keys = Vec::new();
        for (l, r, meets) in &condition.keys {
            let equal = l.clone().eq(r.clone());
            match self.time_predicate(inputs, l, Operator::Eq, r) {
                Some(predicate) if !meets => {
                    found.push(predicate);
                    predicates.push(equal);
                }
                _ => keys.push((l.clone(), r.clone(), *meets)),
            }
        }
        let mut rest = Vec::new();
        for conjunct in condition.rest.iter().flat_map(without_between) {
            let predicate = match &conjunct {
                Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                    self.time_predicate(inputs, left, *op, right)
                }
                _ => None,
            };
            match predicate {
                Some(predicate) => {
                    found.push(predicate);
                    predicates.push(conjunct);
                }
                None => rest.push(conjunct),
            }
        }
        let bounds = match found.as_slice() {
            [one] => (one, one),
            [a, b] if a.lower_ms.is_some() != b.lower_ms.is_some() => (a, b),
            _ => return None,
        };
        if bounds.0.times != bounds.1.times {
            return None;
        }
        let lower_ms = bounds.0.lower_ms.or(bounds.1.lower_ms)?;
        let upper_ms = bounds.0.upper_ms.or(bounds.1.upper_ms)?;
        if found.len() == 2 && found.iter().any(TimePredicate::is_equality) {
            return None;
        }
        condition.keys = keys;
        condition.rest = rest;
        Some(Interval {
            proctime: found[0].proctime,
            times: found[0].times,
            lower_ms,
            upper_ms,
            predicates,
        })
    }

    /// The join as an interval join; none where it is another.
    pub(super) fn interval_join(
        &mut self,
        kind: JoinKind,
        [left, right]: [NodeId; 2],
        condition: &mut Condition,
    ) -> Result<Option<NodeId>, PlanError> {
        // Semi and anti joins stay regular ones, in Flink too.
        let gives_both = matches!(
            kind,
            JoinKind::Inner | JoinKind::Left | JoinKind::Right | JoinKind::Full
        );
        if !gives_both {
            return Ok(None);
        }
        let Some(interval) = self.interval([left, right], condition) else {
            return Ok(None);
        };
        let (left, right, keys) = self.with_key_columns(left, right, condition)?;
        let inputs = [&self.plan.nodes[left], &self.plan.nodes[right]];
        let mut columns = output_columns(kind, inputs[0], inputs[1]);
        let from = inputs[0].columns.iter().chain(&inputs[1].columns);
        for (output, input) in columns.iter_mut().zip(from) {
            let nullable = output.ty.nullable;
            output.ty = input.ty.clone();
            output.ty.nullable = nullable;
        }
        let op = StreamOp::IntervalJoin(Box::new(IntervalJoin {
            kind,
            interval,
            keys,
            condition: conjunction(std::mem::take(&mut condition.rest)),
            min_cleanup_ms: self.millis(&INTERVAL_JOIN_MIN_CLEANUP)?.unwrap_or(0),
        }));
        Ok(Some(self.plan.add(op, vec![left, right], columns)))
    }

    fn time_predicate(
        &self,
        inputs: [NodeId; 2],
        l: &Expr,
        op: Operator,
        r: &Expr,
    ) -> Option<TimePredicate> {
        let (l_side, l_column, kind) = self.time_attribute(inputs, l)?;
        let (r_side, r_column, r_kind) = self.time_attribute(inputs, r)?;
        if l_side == r_side || kind != r_kind {
            return None;
        }
        let (at_least, at_most) = match op {
            Operator::Gt | Operator::GtEq => (true, false),
            Operator::Lt | Operator::LtEq => (false, true),
            Operator::Eq => (true, true),
            _ => return None,
        };
        let strict = i64::from(matches!(op, Operator::Gt | Operator::Lt));
        // `time + a > time' + b` is `time - time' > b - a`.
        let offset = self.at_epoch(r)?.checked_sub(self.at_epoch(l)?)?;
        let mut lower_ms = at_least.then(|| offset.saturating_add(strict));
        let mut upper_ms = at_most.then(|| offset.saturating_sub(strict));
        let mut times = [l_column, r_column];
        if l_side == 1 {
            times.reverse();
            let negated = (upper_ms.map(|ms| -ms), lower_ms.map(|ms| -ms));
            (lower_ms, upper_ms) = negated;
        }
        Some(TimePredicate {
            proctime: kind == TimeKind::Proctime,
            times,
            lower_ms,
            upper_ms,
        })
    }

    /// The one time attribute that an expression reads, and nothing else: its side, place and kind.
    fn time_attribute(&self, inputs: [NodeId; 2], expr: &Expr) -> Option<(usize, usize, TimeKind)> {
        let refs = expr.column_refs();
        let mut refs = refs.iter();
        let (column, None) = (refs.next()?, refs.next()) else {
            return None;
        };
        let columns = |side: usize| -> &[PlanColumn] { &self.plan.nodes[inputs[side]].columns };
        let exact = |side: &usize| columns(*side).iter().any(|c| c.column == **column);
        let named = |side: &usize| position(columns(*side), column).is_some();
        let side = (0..2).find(exact).or_else(|| (0..2).find(named))?;
        let place = position(columns(side), column)?;
        let kind = columns(side)[place].ty.kind.time_kind();
        (kind != TimeKind::Regular).then_some((side, place, kind))
    }

    /// The instant that an expression over a time attribute gives for the epoch, in milliseconds.
    fn at_epoch(&self, expr: &Expr) -> Option<i64> {
        let columns = || self.plan.nodes.iter().flat_map(|node| &node.columns);
        let replaced = expr.clone().transform_up(|e| {
            let Expr::Column(column) = &e else {
                return Ok(Transformed::no(e));
            };
            let ty = columns().find(|c| c.column == *column);
            let ty = ty.map_or(DataType::Timestamp(TimeUnit::Millisecond, None), |column| {
                column.ty.arrow()
            });
            let epoch = ScalarValue::Int64(Some(0)).cast_to(&ty)?;
            Ok(Transformed::yes(Expr::Literal(epoch, None)))
        });
        let value = self.exprs.evaluate(&replaced.ok()?.data).ok()?;
        let array = value.to_array().ok()?;
        let DataType::Timestamp(_, zone) = array.data_type() else {
            return None;
        };
        let millis = DataType::Timestamp(TimeUnit::Millisecond, zone.clone());
        let millis = cast(&cast(&array, &millis).ok()?, &DataType::Int64).ok()?;
        let millis = arrow::array::AsArray::as_primitive::<Int64Type>(&millis);
        millis.is_valid(0).then(|| millis.value(0))
    }
}

impl TimePredicate {
    fn is_equality(&self) -> bool {
        self.lower_ms.is_some() && self.upper_ms.is_some()
    }
}

/// BETWEEN as its two comparisons.
fn without_between(conjunct: &Expr) -> Vec<Expr> {
    match conjunct {
        Expr::Between(Between {
            expr,
            negated: false,
            low,
            high,
        }) => vec![
            (**expr).clone().gt_eq((**low).clone()),
            (**expr).clone().lt_eq((**high).clone()),
        ],
        other => vec![other.clone()],
    }
}
