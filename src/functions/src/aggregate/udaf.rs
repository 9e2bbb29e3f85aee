//! DataFusion's face of a bound aggregate.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::AggregateFunctionParams;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, ReversedUDAF, SetMonotonicity,
    Signature, StatisticsArgs,
};

use super::adapt::{CastResult, CastResultGroups};
use super::bound::BoundAggregate;
use super::definitions::{Implementation, aggregate};
use super::frame_ends::FrameEnds;
use super::in_order::InOrder;
use crate::user_aggregate::UserGroups;

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
