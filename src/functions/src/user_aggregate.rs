//! Aggregate functions that an embedding program registers.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::DataType;
use datafusion::common::{Result as DfResult, exec_err};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use filbert_types::LogicalType;

use crate::definition::{FunctionContext, Inferred};
use crate::parameters::Parameter;

/// An aggregate function that an embedding program registers, and `CREATE FUNCTION` makes callable.
pub trait AggregateFunction: fmt::Debug + Send + Sync {
    /// The name by which it is registered, and found again when a job starts.
    fn name(&self) -> &str;
    /// `f(<INT>, <STRING>)`, for errors and DESCRIBE FUNCTION.
    fn signatures(&self) -> Vec<String>;
    /// The arguments' types after implicit casts, and the result's type. `None` refuses the call.
    fn infer(&self, args: &[LogicalType]) -> Option<Inferred>;
    /// The columns that carry a group's state between the phases of an aggregation; at least one.
    fn state_types(&self, types: &Inferred) -> Vec<DataType>;
    /// The state of the groups of one call.
    fn states(&self, types: &Inferred) -> Box<dyn AggregateStates>;
    /// The parameters by name, for calls with named arguments and optional ones; empty where there are none.
    fn parameters(&self) -> Vec<Parameter> {
        Vec::new()
    }
    /// Called once for each operator that runs the function, before anything else.
    ///
    /// # Errors
    /// When the function can't start.
    fn open(&self, _context: &FunctionContext) -> Result<(), String> {
        Ok(())
    }
    /// Whether [`AggregateStates::retract`] is there, which a streaming query over changes needs.
    fn retracts(&self) -> bool {
        false
    }
    /// One line of help.
    fn doc(&self) -> &str {
        ""
    }
}

/// The states of a call's groups, which are small numbers.
///
/// Batch keeps such an object for a whole aggregation. Streaming makes one for each batch of rows: it begins with what
/// [`AggregateStates::merge`] is given of the groups' stored states, and its [`AggregateStates::state`] is stored
/// afterwards, so that state lives in the state layer, takes part in checkpoints, and moves with its key.
pub trait AggregateStates: Send + Sync {
    /// Makes room for groups below `groups`; those that are new have seen no row.
    fn reserve(&mut self, groups: usize);
    /// Adds rows: the group of each, and the arguments' columns.
    ///
    /// # Errors
    /// When the function refuses a value.
    fn accumulate(&mut self, groups: &[u32], args: &[ArrayRef]) -> Result<(), String>;
    /// Takes rows back that were added before.
    ///
    /// # Errors
    /// When the function refuses a value, or takes nothing back.
    fn retract(&mut self, _groups: &[u32], _args: &[ArrayRef]) -> Result<(), String> {
        Err("The function takes no rows back.".into())
    }
    /// The result of each of these groups, in the Arrow form of the function's result type.
    ///
    /// # Errors
    /// When a result can't be computed.
    fn values(&self, groups: &[u32]) -> Result<ArrayRef, String>;
    /// The state of each of these groups, as columns of [`AggregateFunction::state_types`].
    ///
    /// # Errors
    /// When a state can't be written.
    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>, String>;
    /// Adds such states to these groups.
    ///
    /// # Errors
    /// When a state can't be read.
    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<(), String>;
    /// Makes the group one that has seen no row.
    fn reset(&mut self, group: u32);
    fn memory_bytes(&self) -> usize;
}

/// Batch's face of a user's states.
pub(crate) struct UserGroups {
    function: Arc<dyn AggregateFunction>,
    types: Inferred,
    states: Box<dyn AggregateStates>,
    /// Groups that went out stand in front of those that are here.
    first: usize,
    end: usize,
}

impl UserGroups {
    pub(crate) fn new(function: &Arc<dyn AggregateFunction>, types: &Inferred) -> UserGroups {
        UserGroups {
            function: Arc::clone(function),
            types: types.clone(),
            states: function.states(types),
            first: 0,
            end: 0,
        }
    }

    /// The rows that pass the filter: their groups, and their arguments.
    fn rows(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> DfResult<(Vec<u32>, Vec<ArrayRef>)> {
        self.end = self.end.max(self.first + total);
        self.states.reserve(self.end);
        let group = |g: &usize| (self.first + g) as u32;
        let Some(filter) = filter else {
            return Ok((groups.iter().map(group).collect(), values.to_vec()));
        };
        let passes = |i: &u32| filter.is_valid(*i as usize) && filter.value(*i as usize);
        let picks = UInt32Array::from_iter_values((0..groups.len() as u32).filter(passes));
        let kept = picks.values().iter().map(|i| group(&groups[*i as usize]));
        let values = values.iter().map(|v| take(v, &picks, None));
        Ok((kept.collect(), values.collect::<Result<_, _>>()?))
    }

    /// The groups that go out.
    fn leaving(&mut self, emit_to: EmitTo) -> Vec<u32> {
        let start = self.first;
        self.first = match emit_to {
            EmitTo::All => self.end,
            EmitTo::First(n) => (start + n).min(self.end),
        };
        (start as u32..self.first as u32).collect()
    }

    fn left(&mut self, groups: &[u32]) {
        groups.iter().for_each(|group| self.states.reset(*group));
        if self.first == self.end {
            (self.first, self.end) = (0, 0);
        }
    }

    fn checked<T>(&self, result: Result<T, String>) -> DfResult<T> {
        match result {
            Ok(value) => Ok(value),
            Err(message) => exec_err!("{}: {message}", self.function.name()),
        }
    }
}

impl GroupsAccumulator for UserGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> DfResult<()> {
        let (groups, args) = self.rows(values, group_indices, opt_filter, total_num_groups)?;
        let added = self.states.accumulate(&groups, &args);
        self.checked(added)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> DfResult<ArrayRef> {
        let groups = self.leaving(emit_to);
        let values = self.checked(self.states.values(&groups))?;
        self.left(&groups);
        Ok(values)
    }

    fn state(&mut self, emit_to: EmitTo) -> DfResult<Vec<ArrayRef>> {
        let groups = self.leaving(emit_to);
        let state = self.checked(self.states.state(&groups))?;
        self.left(&groups);
        Ok(state)
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> DfResult<()> {
        let (groups, state) = self.rows(values, group_indices, None, total_num_groups)?;
        let merged = self.states.merge(&groups, &state);
        self.checked(merged)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> DfResult<Vec<ArrayRef>> {
        let rows = values.first().map_or(0, |v| v.len());
        let groups: Vec<usize> = (0..rows).collect();
        let mut each = UserGroups::new(&self.function, &self.types);
        each.update_batch(values, &groups, opt_filter, rows)?;
        each.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.states.memory_bytes()
    }
}
