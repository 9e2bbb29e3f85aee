//! Text to statements: Flink's SQL dialect on sqlparser.
//!
//! [`parse_statements`] reads a whole text, [`Statements`] one statement at a time, so that the first can run before
//! the second is parsed. A [`Statement`] is plain data; queries and expressions inside are sqlparser's trees.
//!
//! In reading order:
//! - `lexer`: text to lexemes with places; `source` cuts them into statements.
//! - `ast`: the statements. `statements`: their parsers.
//! - [`data_type`]: Flink's types.
//! - [`expr`]: expressions of Flink's that sqlparser's grammar lacks, and how its tree carries them.
//! - [`hints`], [`match_recognize`]: what sqlparser's trees have no place for; a [`Query`] carries it beside its tree.
//! - [`highlight`](mod@highlight) and [`keywords`]: for a shell.
//! - [`reference`]: the statements as data, for the reference page.
//! - [`error`]: [`ParseError`]; `diagnose` finds what was probably meant.

mod ast;
mod cursor;
pub mod data_type;
mod diagnose;
mod dialect;
pub mod error;
pub mod expr;
pub mod highlight;
pub mod hints;
pub mod lexer;
pub mod match_recognize;
mod parse;
mod query;
pub mod reference;
mod rewrite;
mod source;
mod statements;
mod validate;
mod words;

pub use ast::*;
pub use data_type::{cast_type, cast_type_span, parse_type};
pub use error::{ParseError, Result, excerpt};
pub use expr::{
    IsJson, JsonBehavior, JsonClauses, JsonKind, JsonWrapper, LiteralKind, TableArgument,
    TableArgumentSource, TableFunction, between_symmetric, interval_difference, is_default,
    is_json, json_arguments, json_clauses, literal_kind, symbol, table_argument, table_function,
};
pub use highlight::{TokenClass, highlight};
pub use hints::{Hint, HintArgs, Hints};
pub use lexer::{Lexeme, LexemeKind, Lexer};
pub use match_recognize::{
    AfterMatch, Definition, EmptyMatches, MatchRecognize, Measure, Pattern, Quantifier,
    RowsPerMatch, Subset, match_recognize_of,
};
pub use parse::{
    Completeness, ParsedStatement, Statements, completeness, parse_expr, parse_query,
    parse_statements,
};
pub use source::span;
pub use words::{common_keywords, is_reserved, keywords};
