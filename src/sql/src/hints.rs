//! `/*+ OPTIONS('k' = 'v'), LOOKUP(..) */`: hints, which sqlparser's tree has no place for. They are kept beside the
//! query by the place of what they follow: the SELECT keyword or a table's name.

use filbert_types::{Location, Span};
use sqlparser::ast::{Select, TableFactor};

use crate::ast::{Ident, OptionEntry, Text};
use crate::error::ParseError;
use crate::source::location;

mod parse;

pub(crate) use parse::parse as parse_hints;

/// One hint of a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// As written; Flink's names are upper-case.
    pub name: Ident,
    pub args: HintArgs,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HintArgs {
    /// `BROADCAST`.
    None,
    /// `BROADCAST(t1, t2)`: dotted names are joined by dots.
    Names(Vec<Ident>),
    /// `LOOKUP('table' = 'dim')`.
    Options(Vec<OptionEntry>),
    /// `HINT('a', 'b')`.
    Texts(Vec<Text>),
}

impl Hint {
    /// Whether it is the hint of this name; hint names are compared without case.
    pub fn is(&self, name: &str) -> bool {
        self.name.value.eq_ignore_ascii_case(name)
    }
}

/// All hints of a statement, by the place that they follow.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hints {
    pub(crate) entries: Vec<HintEntry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HintEntry {
    /// The end of the token before the hint.
    pub after: Location,
    pub hints: Vec<Hint>,
    pub span: Span,
}

impl Hints {
    /// The hints behind the SELECT keyword.
    pub fn of_select(&self, select: &Select) -> &[Hint] {
        self.after(location(select.select_token.0.span.end))
    }

    /// The hints behind a table's name.
    pub fn of_table(&self, table: &TableFactor) -> &[Hint] {
        table_name_end(table).map_or(&[], |end| self.after(end))
    }

    /// The entries of `OPTIONS(..)` behind a table's name.
    pub fn table_options(&self, table: &TableFactor) -> Vec<OptionEntry> {
        options_of(self.of_table(table))
    }

    /// The hints behind the token that ends at this place.
    pub fn after(&self, end: Location) -> &[Hint] {
        self.entries
            .iter()
            .find(|e| e.after == end)
            .map_or(&[], |e| &e.hints)
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

pub(crate) fn misplaced_hint(place: Span) -> ParseError {
    ParseError::new("A hint can't stand here.", place)
        .with_hint("Hints follow SELECT or a table's name, before its alias.")
}

/// The entries of the OPTIONS hints among `hints`.
pub(crate) fn options_of(hints: &[Hint]) -> Vec<OptionEntry> {
    hints
        .iter()
        .filter(|h| h.is("OPTIONS"))
        .filter_map(|h| match &h.args {
            HintArgs::Options(options) => Some(options),
            _ => None,
        })
        .flatten()
        .cloned()
        .collect()
}

/// Where the name of a table ends.
pub(crate) fn table_name_end(table: &TableFactor) -> Option<Location> {
    match table {
        TableFactor::Table { name, .. } => {
            let last = name.0.last()?.as_ident()?;
            Some(location(last.span.end))
        }
        TableFactor::MatchRecognize { table, .. } => table_name_end(table),
        _ => None,
    }
}
