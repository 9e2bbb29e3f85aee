use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

use crate::aggregate;
use crate::builtins;
use crate::definition::{Function, FunctionContext, FunctionRef, ScalarFunction};
use crate::process_table_function::ProcessTableFunction;
use crate::table_function::TableFunction;
use crate::temporal_table_function::TemporalTableFunction;
use crate::user_aggregate::AggregateFunction;
use crate::window;

static BUILT_INS: LazyLock<HashMap<String, &'static Function>> = LazyLock::new(|| {
    let mut by_name = HashMap::new();
    for function in builtins::all() {
        by_name.insert(function.name.to_uppercase(), function);
        for alias in function.aliases {
            by_name.insert(alias.to_uppercase(), function);
        }
    }
    by_name
});

/// The built-in function of this name, in any case.
pub fn built_in(name: &str) -> Option<&'static Function> {
    match BUILT_INS.get(name) {
        Some(function) => Some(function),
        None => BUILT_INS.get(&name.to_uppercase()).copied(),
    }
}

/// The functions that a session knows: Flink's built-ins, and those that the embedding program registered.
#[derive(Debug, Clone, Default)]
pub struct FunctionRegistry {
    scalars: BTreeMap<String, Arc<dyn ScalarFunction>>,
    aggregates: BTreeMap<String, Arc<dyn AggregateFunction>>,
    tables: BTreeMap<String, Arc<dyn TableFunction>>,
    processes: BTreeMap<String, Arc<dyn ProcessTableFunction>>,
    temporals: BTreeMap<String, Arc<TemporalTableFunction>>,
    context: Arc<FunctionContext>,
}

impl FunctionRegistry {
    pub fn new() -> FunctionRegistry {
        FunctionRegistry::default()
    }

    /// Makes a function known under its own name; one of that name from before is replaced.
    pub fn register_scalar(&mut self, function: Arc<dyn ScalarFunction>) {
        self.scalars
            .insert(function.name().to_lowercase(), function);
    }

    /// Makes an aggregate function known under its own name; one of that name from before is replaced.
    pub fn register_aggregate(&mut self, function: Arc<dyn AggregateFunction>) {
        let name = function.name().to_lowercase();
        self.aggregates.insert(name, function);
    }

    /// Makes a table function known under its own name; one of that name from before is replaced.
    pub fn register_table(&mut self, function: Arc<dyn TableFunction>) {
        self.tables.insert(function.name().to_lowercase(), function);
    }

    /// Makes a process table function known under its own name; one of that name from before is replaced.
    pub fn register_process(&mut self, function: Arc<dyn ProcessTableFunction>) {
        self.processes
            .insert(function.name().to_lowercase(), function);
    }

    /// Makes a temporal table function known; one of that name from before is replaced.
    pub fn register_temporal(&mut self, name: &str, function: TemporalTableFunction) {
        self.temporals
            .insert(name.to_lowercase(), Arc::new(function));
    }

    /// The temporal table function that was registered under this name.
    pub fn temporal(&self, name: &str) -> Option<&Arc<TemporalTableFunction>> {
        self.temporals.get(&name.to_lowercase())
    }

    /// The table function that was registered under this name.
    pub fn table(&self, name: &str) -> Option<&Arc<dyn TableFunction>> {
        self.tables.get(&name.to_lowercase())
    }

    /// The process table function that was registered under this name.
    pub fn process(&self, name: &str) -> Option<&Arc<dyn ProcessTableFunction>> {
        self.processes.get(&name.to_lowercase())
    }

    /// What users' functions are told when they are opened.
    pub fn context(&self) -> Arc<FunctionContext> {
        Arc::clone(&self.context)
    }

    /// Sets the parameters that users' functions are told when they are opened.
    pub fn set_parameters(&mut self, parameters: BTreeMap<String, String>) {
        self.context = Arc::new(FunctionContext { parameters });
    }

    /// The aggregate function that was registered under this name. Built-ins hide those of their names.
    pub fn user_aggregate(&self, name: &str) -> Option<&Arc<dyn AggregateFunction>> {
        let found = self.aggregates.get(&name.to_lowercase())?;
        crate::aggregate::aggregate(name).is_none().then_some(found)
    }

    /// Whether a function of this name was registered.
    pub fn has_registered(&self, name: &str) -> bool {
        self.scalars.contains_key(&name.to_lowercase())
            || self.aggregates.contains_key(&name.to_lowercase())
            || self.tables.contains_key(&name.to_lowercase())
            || self.processes.contains_key(&name.to_lowercase())
            || self.temporals.contains_key(&name.to_lowercase())
    }

    /// The scalar function of this name: all in any case, built-ins last.
    pub fn scalar(&self, name: &str) -> Option<FunctionRef> {
        match self.scalars.get(&name.to_lowercase()) {
            Some(function) => Some(FunctionRef::User(Arc::clone(function))),
            None => built_in(name).map(FunctionRef::BuiltIn),
        }
    }

    /// The names that SQL can call, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = builtins::all()
            .filter(|f| !f.hidden)
            .flat_map(|f| std::iter::once(f.name).chain(f.aliases.iter().copied()))
            .map(str::to_string)
            .chain(self.scalars.values().map(|f| f.name().to_owned()))
            .chain(self.aggregates.values().map(|f| f.name().to_owned()))
            .chain(aggregate::all().map(|a| a.signature.name.to_string()))
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// ` Did you mean 'UPPER'?`, or nothing: the nearest name of a function that a value can be made by, of the
    /// built-in ones, those registered, and `others`.
    pub fn hint_among(&self, name: &str, others: &[String]) -> String {
        let mut names = self.names();
        names.extend(window::all().map(|(name, ..)| name.to_owned()));
        names.extend_from_slice(others);
        if let Some(meant) = crate::foreign_names::flink_name(name) {
            return format!(" Did you mean '{meant}'?");
        }
        filbert_types::suggest::did_you_mean(name, names.iter().map(String::as_str))
    }

    /// As [`hint_among`](Self::hint_among), of what is registered.
    pub fn hint(&self, name: &str) -> String {
        self.hint_among(name, &[])
    }

    /// The names of the functions that FROM can call.
    pub fn table_names(&self) -> Vec<String> {
        let tables = self.tables.values().map(|f| f.name().to_owned());
        let processes = self.processes.values().map(|f| f.name().to_owned());
        let temporals = self.temporals.keys().cloned();
        tables.chain(processes).chain(temporals).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_built_ins_share_a_name() {
        let mut seen = HashSet::new();
        for function in builtins::all() {
            for name in std::iter::once(&function.name).chain(function.aliases) {
                assert!(seen.insert(name.to_uppercase()), "{name} is defined twice");
            }
        }
    }

    #[test]
    fn every_built_in_has_a_signature_and_help() {
        for function in builtins::all() {
            assert!(!function.signatures.is_empty(), "{}", function.name);
            assert!(!function.doc.is_empty(), "{}", function.name);
        }
    }
}
