use std::fmt;

use filbert_types::RowKind;
use serde::{Deserialize, Serialize};

/// The row kinds that a source may send or a sink takes (Flink's `ChangelogMode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ChangelogMode {
    pub insert: bool,
    pub update_before: bool,
    pub update_after: bool,
    pub delete: bool,
    /// Deletes may carry the key columns alone, the others NULL.
    pub key_only_deletes: bool,
}

impl ChangelogMode {
    pub const INSERT_ONLY: ChangelogMode = ChangelogMode {
        insert: true,
        update_before: false,
        update_after: false,
        delete: false,
        key_only_deletes: false,
    };
    pub const ALL: ChangelogMode = ChangelogMode {
        insert: true,
        update_before: true,
        update_after: true,
        delete: true,
        key_only_deletes: false,
    };
    /// Updates without their before image, deletes by key: what an upsert source sends and an upsert sink takes.
    pub const UPSERT: ChangelogMode = ChangelogMode {
        insert: true,
        update_before: false,
        update_after: true,
        delete: true,
        key_only_deletes: true,
    };

    pub const fn contains(self, kind: RowKind) -> bool {
        match kind {
            RowKind::Insert => self.insert,
            RowKind::UpdateBefore => self.update_before,
            RowKind::UpdateAfter => self.update_after,
            RowKind::Delete => self.delete,
        }
    }

    pub const fn is_insert_only(self) -> bool {
        self.insert && !self.update_before && !self.update_after && !self.delete
    }
}

/// `[I,UB,UA,D]`, as EXPLAIN CHANGELOG_MODE prints it; `[NONE]` when empty.
impl fmt::Display for ChangelogMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            (self.insert, "I"),
            (self.update_before, "UB"),
            (self.update_after, "UA"),
            (self.delete, "D"),
        ];
        let names: Vec<&str> = kinds
            .iter()
            .filter(|(on, _)| *on)
            .map(|(_, name)| *name)
            .collect();
        if names.is_empty() {
            f.write_str("[NONE]")
        } else {
            write!(f, "[{}]", names.join(","))
        }
    }
}
