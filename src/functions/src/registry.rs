use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

use crate::builtins;
use crate::definition::{Function, FunctionRef, ScalarFunction};
use crate::user_aggregate::AggregateFunction;

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
}

impl FunctionRegistry {
    pub fn new() -> FunctionRegistry {
        FunctionRegistry::default()
    }

    /// Makes a function known under its own name; one of that name from before is replaced.
    pub fn register_scalar(&mut self, function: Arc<dyn ScalarFunction>) {
        self.scalars.insert(function.name().to_string(), function);
    }

    /// Makes an aggregate function known under its own name; one of that name from before is replaced.
    pub fn register_aggregate(&mut self, function: Arc<dyn AggregateFunction>) {
        let name = function.name().to_string();
        self.aggregates.insert(name, function);
    }

    /// The aggregate function that was registered under this name. Built-ins hide those of their names.
    pub fn user_aggregate(&self, name: &str) -> Option<&Arc<dyn AggregateFunction>> {
        let found = self.aggregates.get(name)?;
        crate::aggregate::aggregate(name).is_none().then_some(found)
    }

    /// Whether a function of this name was registered.
    pub fn has_registered(&self, name: &str) -> bool {
        self.scalars.contains_key(name) || self.aggregates.contains_key(name)
    }

    /// The scalar function of this name: built-ins in any case, others exactly.
    pub fn scalar(&self, name: &str) -> Option<FunctionRef> {
        match self.scalars.get(name) {
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
            .chain(self.scalars.keys().cloned())
            .chain(self.aggregates.keys().cloned())
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// ` Did you mean 'UPPER'?`, or nothing.
    pub fn hint(&self, name: &str) -> String {
        let names = self.names();
        let upper = name.to_uppercase();
        match filbert_types::suggest::nearest(&upper, names.iter().map(String::as_str)) {
            Some(nearest) => format!(" Did you mean '{nearest}'?"),
            None => String::new(),
        }
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
