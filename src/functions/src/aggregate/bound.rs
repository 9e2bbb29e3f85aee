//! An aggregate bound to its types, and the accumulators that compute it.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{Accumulator, AggregateUDF, Signature, Volatility};
use filbert_types::{LogicalType, TypeKind};

use super::adapt::{Distinct, OwnGroups, SingleGroup};
use super::definitions::{Aggregate, Implementation, aggregate};
use super::square_sums::{FrameVariance, SquareSums};
use crate::definition::Inferred;
use crate::user_aggregate::{AggregateFunction, UserGroups};

/// Makes the accumulator of a bound aggregate over columns of groups.
pub type GroupsMaker = fn(&BoundAggregate) -> Result<Box<dyn OwnGroups>>;
/// Makes the accumulator of a bound aggregate for one group.
pub type RowsMaker = fn(&BoundAggregate) -> Result<Box<dyn Accumulator>>;

/// An aggregate of Flink's, bound to its types.
#[derive(Clone)]
pub struct BoundAggregate {
    /// None of a user's function.
    definition: Option<&'static Aggregate>,
    pub arg_types: Vec<LogicalType>,
    pub return_type: LogicalType,
    pub(super) implementation: Implementation,
    pub(super) name: String,
    pub(super) signature: Signature,
    /// Variances with OVER in batch mode.
    over: Option<SquareSums>,
}

/// What the names of variances with OVER begin with.
const OVER: &str = "$over_";

impl BoundAggregate {
    pub fn new(
        definition: &'static Aggregate,
        arg_types: Vec<LogicalType>,
        return_type: LogicalType,
    ) -> BoundAggregate {
        BoundAggregate {
            definition: Some(definition),
            implementation: (definition.implementation)(&arg_types, &return_type),
            arg_types,
            return_type,
            // DataFusion's rules know aggregates by their small names.
            name: definition.signature.name.to_lowercase(),
            signature: Signature::user_defined(Volatility::Immutable),
            over: None,
        }
    }

    /// Binds by name; none where there is no such aggregate.
    pub fn by_name(
        name: &str,
        arg_types: Vec<LogicalType>,
        return_type: LogicalType,
    ) -> Option<BoundAggregate> {
        let (name, over) = BoundAggregate::without_over(name);
        let bound = BoundAggregate::new(aggregate(name)?, arg_types, return_type);
        Some(if over { bound.with_over() } else { bound })
    }

    /// A call of a function that the embedding program registered.
    pub fn user(function: &Arc<dyn AggregateFunction>, types: Inferred) -> BoundAggregate {
        BoundAggregate {
            definition: None,
            implementation: Implementation::User(Arc::clone(function)),
            arg_types: types.arg_types,
            return_type: types.return_type,
            name: function.name().to_owned(),
            signature: Signature::user_defined(Volatility::Immutable),
            over: None,
        }
    }

    /// The function as it is computed with OVER in batch mode: variances otherwise than in groups.
    pub fn with_over(mut self) -> BoundAggregate {
        let whole = self.return_type.kind.is_integer();
        let is_variance = matches!(
            self.flink_name(),
            "STDDEV_POP" | "STDDEV_SAMP" | "VAR_POP" | "VAR_SAMP"
        );
        if is_variance && !self.is_user() && (whole || self.return_type.kind == TypeKind::Double) {
            self.over = Some(SquareSums::new(self.flink_name(), whole));
            self.name.insert_str(0, OVER);
        }
        self
    }

    /// The function's name, and whether it is computed as with OVER.
    pub(super) fn without_over(name: &str) -> (&str, bool) {
        let lower = name.to_lowercase();
        match lower.starts_with(OVER) {
            true => (&name[OVER.len()..], true),
            false => (name, false),
        }
    }

    pub(super) fn frame_variance(&self) -> Option<Box<dyn Accumulator>> {
        let variance = FrameVariance::new(self.over?, self.return_type.arrow());
        Some(Box::new(variance))
    }

    /// Flink's name, `SUM`, or the one that a user's function was registered by.
    pub fn flink_name(&self) -> &str {
        self.definition.map_or(&self.name, |d| d.signature.name)
    }

    pub(super) fn is_user(&self) -> bool {
        self.definition.is_none()
    }

    pub(super) fn types(&self) -> Inferred {
        Inferred {
            arg_types: self.arg_types.clone(),
            return_type: self.return_type.clone(),
        }
    }

    /// Accumulators of ours over columns of groups.
    pub(super) fn own_groups(&self) -> Result<Option<Box<dyn OwnGroups>>> {
        Ok(match &self.implementation {
            Implementation::Groups(make) => Some(make(self)?),
            Implementation::User(user) => Some(Box::new(UserGroups::new(user, &self.types()))),
            _ => None,
        })
    }

    pub(super) fn own(&self) -> &Implementation {
        &self.implementation
    }

    /// Puts DataFusion's function in another form.
    pub(super) fn set_inner(&mut self, inner: Arc<AggregateUDF>) {
        self.implementation = match &self.implementation {
            Implementation::DataFusionCast(_) => Implementation::DataFusionCast(inner),
            _ => Implementation::DataFusion(inner),
        };
    }

    pub(super) fn inner(&self) -> Option<&Arc<AggregateUDF>> {
        match &self.implementation {
            Implementation::DataFusion(inner) | Implementation::DataFusionCast(inner) => {
                Some(inner)
            }
            Implementation::Groups(_) | Implementation::Rows(_) | Implementation::User(_) => None,
        }
    }

    /// The field that DataFusion's own function returns.
    pub(super) fn inner_field(&self, inner: &AggregateUDF, args: &[FieldRef]) -> Result<FieldRef> {
        match &self.implementation {
            Implementation::DataFusionCast(_) => inner.return_field(args),
            _ => Ok(Arc::new(Field::new(
                inner.name(),
                self.return_type.arrow(),
                inner.is_nullable(),
            ))),
        }
    }

    pub(super) fn inner_args<'a>(
        &self,
        inner: &AggregateUDF,
        args: &AccumulatorArgs<'a>,
    ) -> Result<AccumulatorArgs<'a>> {
        Ok(AccumulatorArgs {
            return_field: self.inner_field(inner, args.expr_fields)?,
            schema: args.schema,
            ignore_nulls: args.ignore_nulls,
            order_bys: args.order_bys,
            is_reversed: args.is_reversed,
            name: args.name,
            is_distinct: args.is_distinct && !self.tells_distinct_itself(),
            exprs: args.exprs,
            expr_fields: args.expr_fields,
        })
    }

    /// DataFusion's function has no DISTINCT, or gives its values in an order that differs from run to run.
    pub(super) fn tells_distinct_itself(&self) -> bool {
        matches!(
            self.flink_name(),
            "ARRAY_AGG" | "STDDEV_POP" | "STDDEV_SAMP" | "VAR_POP" | "VAR_SAMP"
        )
    }

    /// SUM (false) or AVG (true) of DOUBLE.
    pub(super) fn adds_doubles(&self) -> Option<bool> {
        let average = match self.flink_name() {
            "SUM" => false,
            "AVG" => true,
            _ => return None,
        };
        let double = matches!(
            self.arg_types[..],
            [LogicalType {
                kind: TypeKind::Double,
                ..
            }]
        );
        (double && !self.is_user()).then_some(average)
    }

    /// An accumulator that gets each value once. Flink's batch plan sorts what collects values.
    pub(super) fn distinct(
        &self,
        inner: Box<dyn Accumulator>,
        args: &AccumulatorArgs<'_>,
    ) -> Box<dyn Accumulator> {
        let types = args.expr_fields.iter().map(|f| f.data_type().clone());
        let sorted = matches!(self.flink_name(), "LISTAGG" | "ARRAY_AGG");
        let nulls = self.flink_name() == "ARRAY_AGG" && !args.ignore_nulls;
        Box::new(Distinct::new(inner, types.collect(), sorted, nulls))
    }

    /// An accumulator of ours for one group, whatever the call's DISTINCT says.
    pub(super) fn own_accumulator(&self) -> Result<Option<Box<dyn Accumulator>>> {
        Ok(match &self.implementation {
            Implementation::Rows(make) => Some(make(self)?),
            _ => match self.own_groups()? {
                Some(groups) => Some(Box::new(SingleGroup::new(groups))),
                None => None,
            },
        })
    }
}

impl fmt::Debug for BoundAggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}({:?}): {}",
            self.name, self.arg_types, self.return_type
        )
    }
}

impl PartialEq for BoundAggregate {
    fn eq(&self, other: &BoundAggregate) -> bool {
        self.name == other.name
            && self.arg_types == other.arg_types
            && self.return_type == other.return_type
    }
}

impl Eq for BoundAggregate {}

impl Hash for BoundAggregate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.arg_types.hash(state);
        self.return_type.hash(state);
    }
}
