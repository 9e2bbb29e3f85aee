use filbert_types::Span;

use crate::ast::{Query, ScalarExpr, Statement};
use crate::cursor::{self, Cursor};
use crate::dialect::FlinkDialect;
use crate::error::{ParseError, Result};
use crate::lexer::Lexer;
use crate::source::{Chunk, next_chunk};
use crate::statements;

/// A statement with its text. Spans are places in the whole text that was given to the parser.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedStatement {
    pub statement: Statement,
    /// Without the semicolon and without comments around it.
    pub text: String,
    /// Where `text` begins in the whole text, in bytes.
    pub offset: usize,
    pub span: Span,
    /// Whether a semicolon ends it.
    pub terminated: bool,
}

/// The statements of a text, parsed one by one as they are asked for. After an error the next call goes on behind the
/// broken statement.
#[derive(Debug, Clone)]
pub struct Statements<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
}

impl<'a> Statements<'a> {
    pub fn new(text: &'a str) -> Statements<'a> {
        Statements {
            text,
            lexer: Lexer::new(text),
        }
    }
}

impl Iterator for Statements<'_> {
    type Item = Result<ParsedStatement>;

    fn next(&mut self) -> Option<Result<ParsedStatement>> {
        let chunk = next_chunk(&mut self.lexer)?;
        Some(parse_chunk(self.text, chunk))
    }
}

/// All statements of a text, or the first error.
pub fn parse_statements(text: &str) -> Result<Vec<ParsedStatement>> {
    Statements::new(text).collect()
}

/// A query on its own, e.g. the stored text of a view.
pub fn parse_query(text: &str) -> Result<Query> {
    with_cursor(text, |cursor| cursor.query())
}

/// A scalar expression on its own, e.g. a stored computed column.
pub fn parse_expr(text: &str) -> Result<ScalarExpr> {
    with_cursor(text, |cursor| cursor.scalar())
}

fn with_cursor<T>(text: &str, parse: impl FnOnce(&mut Cursor<'_, '_>) -> Result<T>) -> Result<T> {
    let mut chunk = next_chunk(&mut Lexer::new(text)).unwrap_or_default();
    if let Some(error) = chunk.error.take() {
        return Err(error);
    }
    let mut dialect = FlinkDialect::new(chunk);
    dialect.rewrite(text)?;
    run(text, &dialect, "the end of the statement", parse)
}

/// Parses all of the dialect's tokens.
pub(crate) fn run<T>(
    text: &str,
    dialect: &FlinkDialect,
    end: &str,
    parse: impl FnOnce(&mut Cursor<'_, '_>) -> Result<T>,
) -> Result<T> {
    let mut parser = cursor::parser(&dialect.chunk, dialect);
    let mut cursor = Cursor {
        parser: &mut parser,
        dialect,
        text,
        chunk: &dialect.chunk,
    };
    let parsed = parse(&mut cursor)?;
    if !cursor.at_end() {
        return Err(cursor.unexpected(end));
    }
    match dialect.unclaimed_hint() {
        Some(error) => Err(error),
        None => Ok(parsed),
    }
}

fn parse_chunk(text: &str, mut chunk: Chunk) -> Result<ParsedStatement> {
    if let Some(error) = chunk.error.take() {
        return Err(error);
    }
    let (start, end) = chunk.range();
    let span = chunk.span();
    let terminated = chunk.terminated;
    let mut dialect = FlinkDialect::new(chunk);
    dialect.rewrite(text)?;
    let statement = run(
        text,
        &dialect,
        "the end of the statement",
        statements::parse,
    )?;
    Ok(ParsedStatement {
        statement,
        text: text[start..end].to_string(),
        offset: start,
        span,
        terminated,
    })
}

/// Whether a text can be run or needs another line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// Nothing but blanks, comments and semicolons.
    Empty,
    /// Its last statement ends with a semicolon.
    Complete,
    /// Its last statement doesn't, or a text, name or comment in it is still open.
    Incomplete,
}

/// Whether a text ends with a finished statement, for a shell that reads line by line.
pub fn completeness(text: &str) -> Completeness {
    let mut lexer = Lexer::new(text);
    let mut found = Completeness::Empty;
    while let Some(chunk) = next_chunk(&mut lexer) {
        let open = chunk
            .error
            .as_ref()
            .is_some_and(|e: &ParseError| e.incomplete);
        found = if chunk.terminated && !open {
            Completeness::Complete
        } else {
            Completeness::Incomplete
        };
    }
    found
}
