use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::AggregateFunctionParams;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, ReversedUDAF, SetMonotonicity,
    Signature, StatisticsArgs, Volatility,
};
use filbert_types::{LogicalType, TypeKind};

use super::adapt::{CastResult, CastResultGroups, Distinct, OwnGroups, SingleGroup};
use super::definitions::{Aggregate, Implementation, aggregate};
use super::frame_ends::FrameEnds;
use super::in_order::InOrder;
use super::square_sums::{FrameVariance, SquareSums};
use crate::definition::Inferred;
use crate::user_aggregate::{AggregateFunction, UserGroups};

/// Makes the accumulator of a bound aggregate over columns of groups.
pub type GroupsMaker = fn(&BoundAggregate) -> Result<Box<dyn OwnGroups>>;
/// Makes the accumulator of a bound aggregate for one group.
pub type RowsMaker = fn(&BoundAggregate) -> Result<Box<dyn Accumulator>>;

/// An aggregate of Flink's, bound to its types: DataFusion's face of it.
#[derive(Clone)]
pub struct BoundAggregate {
    /// None of a user's function.
    definition: Option<&'static Aggregate>,
    pub arg_types: Vec<LogicalType>,
    pub return_type: LogicalType,
    implementation: Implementation,
    name: String,
    signature: Signature,
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

    fn frame_variance(&self) -> Option<Box<dyn Accumulator>> {
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

    fn types(&self) -> Inferred {
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
    fn set_inner(&mut self, inner: Arc<AggregateUDF>) {
        self.implementation = match &self.implementation {
            Implementation::DataFusionCast(_) => Implementation::DataFusionCast(inner),
            _ => Implementation::DataFusion(inner),
        };
    }

    fn inner(&self) -> Option<&Arc<AggregateUDF>> {
        match &self.implementation {
            Implementation::DataFusion(inner) | Implementation::DataFusionCast(inner) => {
                Some(inner)
            }
            Implementation::Groups(_) | Implementation::Rows(_) | Implementation::User(_) => None,
        }
    }

    /// The field that DataFusion's own function returns.
    fn inner_field(&self, inner: &AggregateUDF, args: &[FieldRef]) -> Result<FieldRef> {
        match &self.implementation {
            Implementation::DataFusionCast(_) => inner.return_field(args),
            _ => Ok(Arc::new(Field::new(
                inner.name(),
                self.return_type.arrow(),
                inner.is_nullable(),
            ))),
        }
    }

    fn inner_args<'a>(
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
    fn tells_distinct_itself(&self) -> bool {
        matches!(
            self.flink_name(),
            "ARRAY_AGG" | "STDDEV_POP" | "STDDEV_SAMP" | "VAR_POP" | "VAR_SAMP"
        )
    }

    /// SUM (false) or AVG (true) of DOUBLE.
    fn adds_doubles(&self) -> Option<bool> {
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
    fn distinct(
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
    fn own_accumulator(&self) -> Result<Option<Box<dyn Accumulator>>> {
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

impl AggregateUDFImpl for BoundAggregate {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(self.return_type.arrow())
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arg_types.to_vec())
    }

    fn is_nullable(&self) -> bool {
        self.inner().is_none_or(|inner| inner.is_nullable())
    }

    fn schema_name(&self, params: &AggregateFunctionParams) -> Result<String> {
        match self.inner() {
            Some(inner) => Ok(format!(
                "{}:{}",
                inner.schema_name(params)?,
                self.return_type
            )),
            None => {
                let args: Vec<String> = params
                    .args
                    .iter()
                    .map(|a| a.schema_name().to_string())
                    .collect();
                let distinct = if params.distinct { "DISTINCT " } else { "" };
                let filter = params
                    .filter
                    .as_ref()
                    .map(|f| format!(" FILTER ({})", f.schema_name()))
                    .unwrap_or_default();
                let order: Vec<String> = params.order_by.iter().map(|s| s.to_string()).collect();
                Ok(format!(
                    "{}({distinct}{} {}){filter}",
                    self.name,
                    args.join(","),
                    order.join(",")
                ))
            }
        }
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if let Some(variance) = self.frame_variance() {
            return Ok(variance);
        }
        if let Some(average) = self.adds_doubles().filter(|_| !args.is_distinct) {
            return Ok(Box::new(InOrder::new(average)));
        }
        if let Some(inner) = self.inner() {
            let accumulator = inner.accumulator(self.inner_args(inner, &args)?)?;
            let accumulator = match &self.implementation {
                Implementation::DataFusionCast(_) => {
                    Box::new(CastResult::new(accumulator, self.return_type.clone()))
                }
                _ => accumulator,
            };
            if args.is_distinct && self.tells_distinct_itself() {
                return Ok(self.distinct(accumulator, &args));
            }
            return Ok(accumulator);
        }
        let Some(own) = self.own_accumulator()? else {
            return datafusion::common::internal_err!("{} has no accumulator", self.name);
        };
        if args.is_distinct {
            return Ok(self.distinct(own, &args));
        }
        Ok(own)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let own_distinct = args.is_distinct && self.tells_distinct_itself();
        if let Some(inner) = self.inner().filter(|_| !own_distinct) {
            return inner.state_fields(StateFieldsArgs {
                name: args.name,
                input_fields: args.input_fields,
                return_field: self.inner_field(inner, args.input_fields)?,
                ordering_fields: args.ordering_fields,
                is_distinct: args.is_distinct,
            });
        }
        let types = if args.is_distinct {
            args.input_fields
                .iter()
                .map(|f| DataType::new_list(f.data_type().clone(), true))
                .collect()
        } else {
            match &self.implementation {
                Implementation::User(user) => user.state_types(&self.types()),
                _ => self.state_types(),
            }
        };
        Ok(types
            .into_iter()
            .enumerate()
            .map(|(i, ty)| Arc::new(Field::new(format!("{}[{i}]", args.name), ty, true)))
            .collect())
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        match (&self.implementation, self.inner()) {
            (Implementation::Groups(_) | Implementation::User(_), _) => !args.is_distinct,
            (_, Some(_)) if args.is_distinct && self.tells_distinct_itself() => false,
            (_, Some(inner)) => self
                .inner_args(inner, &args)
                .is_ok_and(|args| inner.groups_accumulator_supported(args)),
            _ => false,
        }
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        match &self.implementation {
            Implementation::Groups(make) => Ok(make(self)?),
            Implementation::DataFusion(inner) => {
                inner.create_groups_accumulator(self.inner_args(inner, &args)?)
            }
            Implementation::DataFusionCast(inner) => {
                let groups = inner.create_groups_accumulator(self.inner_args(inner, &args)?)?;
                Ok(Box::new(CastResultGroups::new(
                    groups,
                    self.return_type.clone(),
                )))
            }
            Implementation::User(user) => Ok(Box::new(UserGroups::new(user, &self.types()))),
            Implementation::Rows(_) => {
                datafusion::common::internal_err!("{} has no groups accumulator", self.name)
            }
        }
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if let Some(variance) = self.frame_variance() {
            return Ok(variance);
        }
        if let name @ ("FIRST_VALUE" | "LAST_VALUE") = self.flink_name() {
            let ends = FrameEnds::new(name == "FIRST_VALUE", self.return_type.arrow());
            return Ok(Box::new(ends));
        }
        match &self.implementation {
            Implementation::DataFusion(inner) => {
                inner.create_sliding_accumulator(self.inner_args(inner, &args)?)
            }
            Implementation::DataFusionCast(inner) => {
                let sliding = inner.create_sliding_accumulator(self.inner_args(inner, &args)?)?;
                Ok(Box::new(CastResult::new(sliding, self.return_type.clone())))
            }
            Implementation::Groups(_) | Implementation::Rows(_) | Implementation::User(_) => {
                super::groups::sliding(self, args)
            }
        }
    }

    fn with_beneficial_ordering(
        self: Arc<Self>,
        beneficial_ordering: bool,
    ) -> Result<Option<Arc<dyn AggregateUDFImpl>>> {
        let Some(inner) = self.inner() else {
            return Ok(None);
        };
        let changed = inner
            .as_ref()
            .clone()
            .with_beneficial_ordering(beneficial_ordering)?;
        Ok(changed.map(|inner| {
            let mut bound = self.as_ref().clone();
            bound.set_inner(Arc::new(inner));
            Arc::new(bound) as Arc<dyn AggregateUDFImpl>
        }))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        match self.inner() {
            Some(inner) => inner.order_sensitivity(),
            None => AggregateOrderSensitivity::Insensitive,
        }
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        let Some(inner) = self.inner() else {
            return ReversedUDAF::Identical;
        };
        match inner.reverse_udf() {
            ReversedUDAF::Reversed(reversed) => {
                let name = match self.flink_name() {
                    "FIRST_VALUE" => "LAST_VALUE",
                    "LAST_VALUE" => "FIRST_VALUE",
                    name => name,
                };
                let mut bound = match aggregate(name) {
                    Some(other) => {
                        let types = self.types();
                        BoundAggregate::new(other, types.arg_types, types.return_type)
                    }
                    None => self.clone(),
                };
                bound.implementation = self.implementation.clone();
                bound.set_inner(reversed);
                ReversedUDAF::Reversed(Arc::new(AggregateUDF::new_from_impl(bound)))
            }
            other => other,
        }
    }

    fn is_descending(&self) -> Option<bool> {
        self.inner().and_then(|inner| inner.is_descending())
    }

    fn value_from_stats(&self, args: &StatisticsArgs) -> Option<ScalarValue> {
        match &self.implementation {
            Implementation::DataFusion(inner) => inner.value_from_stats(args),
            _ => None,
        }
    }

    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        match &self.implementation {
            Implementation::DataFusion(inner) => inner.default_value(data_type),
            _ => ScalarValue::try_from(data_type),
        }
    }

    fn supports_null_handling_clause(&self) -> bool {
        self.inner()
            .is_some_and(|inner| inner.inner().supports_null_handling_clause())
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        match &self.implementation {
            Implementation::DataFusion(inner) => inner.inner().set_monotonicity(data_type),
            _ => SetMonotonicity::NotMonotonic,
        }
    }
}
