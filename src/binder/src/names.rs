//! Names inside a plan, and users' names made unique.

use std::collections::{HashMap, HashSet};

use datafusion::common::{Column, TableReference};

/// Makes the internal names of one statement's plan: no two columns or scans have the same.
///
/// DataFusion's schemas take an unqualified name for any qualified one of the same name, so that a derived column never
/// has the bare name that a user could have given to a table's column.
#[derive(Debug, Default)]
pub(crate) struct NameGenerator {
    taken: HashSet<String>,
    counters: HashMap<String, usize>,
}

impl NameGenerator {
    /// The column for a derived value that the user calls `name`.
    pub fn column(&mut self, name: &str) -> Column {
        Column::new_unqualified(self.numbered(name))
    }

    /// The relation name of a scan that the user calls `name`.
    pub fn relation(&mut self, name: &str) -> TableReference {
        if self.taken.insert(name.to_string()) {
            return TableReference::bare(name);
        }
        TableReference::bare(self.numbered(name))
    }

    fn numbered(&mut self, name: &str) -> String {
        let counter = self.counters.entry(name.to_string()).or_default();
        loop {
            let candidate = format!("{name}#{counter}");
            *counter += 1;
            if self.taken.insert(candidate.clone()) {
                return candidate;
            }
        }
    }
}

/// The user's names, made unique as Flink does: the second `id` is `id0`.
pub fn uniquify<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut used = HashSet::new();
    names
        .into_iter()
        .map(|name| {
            let mut candidate = name.to_string();
            let mut attempt = 0usize;
            while !used.insert(candidate.clone()) {
                candidate = format!("{name}{attempt}");
                attempt += 1;
            }
            candidate
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_get_flinks_suffix() {
        assert_eq!(
            uniquify(["id", "id", "id0", "id"]),
            ["id", "id0", "id00", "id1"]
        );
    }

    #[test]
    fn internal_names_are_unique() {
        let mut names = NameGenerator::default();
        assert_eq!(names.relation("t").table(), "t");
        assert_eq!(names.relation("t").table(), "t#0");
        assert_eq!(names.column("t").name, "t#1");
        assert_ne!(names.column("a").name, names.column("a").name);
    }
}
