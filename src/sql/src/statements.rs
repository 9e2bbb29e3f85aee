//! The statement parsers: one file a family, each on a [`Cursor`] whose first word is already known.

use crate::ast::{Explain, ExplainDetail, Statement, StopJob, Unsupported};
use crate::cursor::Cursor;
use crate::diagnose;
use crate::error::{ParseError, Result};
use crate::source::is_word;
use sqlparser::tokenizer::Token;

mod alter_table;
mod catalog;
mod create_table;
mod function;
mod insert;
mod model;
mod module;
mod plan;
mod show;
mod view;

/// The words that statements begin with.
const STARTERS: &[&str] = &[
    "SELECT", "VALUES", "TABLE", "WITH", "INSERT", "CREATE", "ALTER", "DROP", "SHOW", "DESCRIBE",
    "DESC", "EXPLAIN", "EXECUTE", "BEGIN", "END", "USE", "SET", "RESET", "STOP", "UPDATE",
    "DELETE", "TRUNCATE", "CALL", "COMPILE", "LOAD", "UNLOAD", "ADD", "REMOVE", "ANALYZE",
    "REPLACE",
];

/// One statement.
pub(crate) fn parse(cursor: &mut Cursor<'_, '_>) -> Result<Statement> {
    if *cursor.peek() == Token::LParen {
        return query(cursor);
    }
    let Token::Word(word) = cursor.peek() else {
        return Err(cursor.unexpected("a statement"));
    };
    let upper = if word.quote_style.is_none() {
        word.value.to_ascii_uppercase()
    } else {
        String::new()
    };
    match upper.as_str() {
        "SELECT" | "VALUES" | "TABLE" | "WITH" => query(cursor),
        "INSERT" => insert::parse(cursor).map(|i| Statement::Insert(Box::new(i))),
        "CREATE" | "REPLACE" => create(cursor),
        "ALTER" => alter(cursor),
        "DROP" => drop(cursor),
        "SHOW" => show::parse(cursor),
        "DESCRIBE" | "DESC" => show::describe(cursor),
        "EXPLAIN" => explain(cursor),
        "EXECUTE" => execute(cursor),
        "COMPILE" => plan::compile(cursor),
        "BEGIN" => {
            cursor.expect_words(&["BEGIN", "STATEMENT", "SET"])?;
            Ok(Statement::BeginStatementSet)
        }
        "END" => {
            cursor.expect_word("END")?;
            Ok(Statement::EndStatementSet)
        }
        "USE" => catalog::use_(cursor),
        "SET" => set(cursor),
        "RESET" => {
            cursor.expect_word("RESET")?;
            if cursor.at_end() {
                return Ok(Statement::Reset(None));
            }
            cursor
                .string("an option's key in single quotes")
                .map(|k| Statement::Reset(Some(k)))
        }
        "STOP" => stop_job(cursor),
        "LOAD" => module::load(cursor),
        "UNLOAD" => module::unload(cursor),
        _ => match unsupported(cursor) {
            Some(statement) => Ok(statement),
            None => Err(unknown(cursor)),
        },
    }
}

fn unknown(cursor: &Cursor<'_, '_>) -> ParseError {
    let near = diagnose::unexpected_word(cursor, STARTERS);
    ParseError {
        message: format!(
            "No statement begins with {}.",
            diagnose::show(cursor.peek())
        ),
        span: cursor.peek_span(),
        ..near
    }
}

fn query(cursor: &mut Cursor<'_, '_>) -> Result<Statement> {
    cursor.query().map(|q| Statement::Query(Box::new(q)))
}

/// Statements of Flink's that this engine hasn't: they are recognised by their first words, the rest is skipped.
const UNSUPPORTED: &[&[&str]] = &[
    &["UPDATE"],
    &["DELETE"],
    &["TRUNCATE", "TABLE"],
    &["MERGE"],
    &["UPSERT"],
    &["CALL"],
    &["ADD", "JAR"],
    &["REMOVE", "JAR"],
    &["ANALYZE", "TABLE"],
    &["CREATE", "CONNECTION"],
    &["CREATE", "TEMPORARY", "CONNECTION"],
    &["CREATE", "TEMPORARY", "SYSTEM", "CONNECTION"],
    &["CREATE", "MATERIALIZED", "TABLE"],
    &["CREATE", "OR", "ALTER", "MATERIALIZED", "TABLE"],
    &["ALTER", "CONNECTION"],
    &["ALTER", "MATERIALIZED", "TABLE"],
    &["ALTER", "SYSTEM"],
    &["ALTER", "SESSION"],
    &["DROP", "CONNECTION"],
    &["DROP", "TEMPORARY", "CONNECTION"],
    &["DROP", "TEMPORARY", "SYSTEM", "CONNECTION"],
    &["DROP", "MATERIALIZED", "TABLE"],
    &["SHOW", "PROCEDURES"],
    &["SHOW", "CONNECTIONS"],
    &["SHOW", "CREATE", "MATERIALIZED", "TABLE"],
    &["SHOW", "CREATE", "OR", "ALTER", "MATERIALIZED", "TABLE"],
    &["DESCRIBE", "DATABASE"],
    &["DESC", "DATABASE"],
];

/// The statement of this list that begins here.
fn unsupported(cursor: &mut Cursor<'_, '_>) -> Option<Statement> {
    let start = cursor.index();
    let words = UNSUPPORTED.iter().find(|words| cursor.words(words))?;
    let span = cursor.span_since(start);
    while !cursor.at_end() {
        cursor.parser.advance_token();
    }
    Some(Statement::Unsupported(Unsupported {
        name: words.join(" "),
        span,
    }))
}

fn create(cursor: &mut Cursor<'_, '_>) -> Result<Statement> {
    if let Some(statement) = unsupported(cursor) {
        return Ok(statement);
    }
    if cursor.peek_word("REPLACE") {
        return create_table::parse(cursor);
    }
    let mut n = 1;
    let word_at = |cursor: &Cursor<'_, '_>, n: usize, word: &str| {
        is_word(&cursor.parser.peek_nth_token_ref(n).token, word)
    };
    if word_at(cursor, n, "OR") && word_at(cursor, n + 1, "REPLACE") {
        n += 2;
    }
    if word_at(cursor, n, "TEMPORARY") {
        n += 1;
        if word_at(cursor, n, "SYSTEM") {
            n += 1;
        }
    }
    for (word, parse) in [
        (
            "TABLE",
            create_table::parse as fn(&mut Cursor<'_, '_>) -> Result<Statement>,
        ),
        ("VIEW", view::create),
        ("CATALOG", catalog::create_catalog),
        ("DATABASE", catalog::create_database),
        ("FUNCTION", function::create),
        ("MODEL", model::create),
    ] {
        if word_at(cursor, n, word) {
            return parse(cursor);
        }
    }
    for _ in 0..n {
        cursor.parser.advance_token();
    }
    Err(diagnose::unexpected_word(
        cursor,
        &["TABLE", "VIEW", "CATALOG", "DATABASE", "FUNCTION", "MODEL"],
    ))
}

fn alter(cursor: &mut Cursor<'_, '_>) -> Result<Statement> {
    if let Some(statement) = unsupported(cursor) {
        return Ok(statement);
    }
    cursor.expect_word("ALTER")?;
    if cursor.peek_word("TEMPORARY") {
        return function::alter(cursor);
    }
    let kinds = &["TABLE", "VIEW", "CATALOG", "DATABASE", "FUNCTION", "MODEL"];
    match cursor.expect_one_of(kinds)? {
        "TABLE" => alter_table::parse(cursor),
        "MODEL" => model::alter(cursor),
        "VIEW" => view::alter(cursor),
        "CATALOG" => catalog::alter_catalog(cursor),
        "DATABASE" => catalog::alter_database(cursor),
        _ => function::alter(cursor),
    }
}

fn drop(cursor: &mut Cursor<'_, '_>) -> Result<Statement> {
    if let Some(statement) = unsupported(cursor) {
        return Ok(statement);
    }
    cursor.expect_word("DROP")?;
    let temporary = cursor.word("TEMPORARY");
    if temporary {
        if cursor.peek_word("SYSTEM") || cursor.peek_word("FUNCTION") {
            return function::drop(cursor, true);
        }
        return match cursor.expect_one_of(&["TABLE", "VIEW", "FUNCTION", "MODEL"])? {
            "MODEL" => model::drop(cursor, true),
            kind => view::drop(cursor, kind, true),
        };
    }
    let kinds = &["TABLE", "VIEW", "CATALOG", "DATABASE", "FUNCTION", "MODEL"];
    match cursor.expect_one_of(kinds)? {
        "MODEL" => model::drop(cursor, false),
        "DATABASE" => catalog::drop_database(cursor),
        "FUNCTION" => function::drop(cursor, false),
        kind => view::drop(cursor, kind, false),
    }
}

fn set(cursor: &mut Cursor<'_, '_>) -> Result<Statement> {
    cursor.expect_word("SET")?;
    if cursor.at_end() {
        return Ok(Statement::Set(None));
    }
    let Token::SingleQuotedString(_) = cursor.peek() else {
        return Err(cursor
            .unexpected("an option's key in single quotes")
            .with_hint("SET 'key' = 'value', both in single quotes."));
    };
    let key = cursor.string("an option's key in single quotes")?;
    cursor.expect(&Token::Eq)?;
    let value = cursor
        .string("the value in single quotes")
        .map_err(|e| e.with_hint("SET 'key' = 'value', both in single quotes."))?;
    Ok(Statement::Set(Some(crate::ast::OptionEntry { key, value })))
}

fn stop_job(cursor: &mut Cursor<'_, '_>) -> Result<Statement> {
    cursor.expect_words(&["STOP", "JOB"])?;
    let id = cursor.string("the job's id in single quotes")?;
    let savepoint = cursor.words(&["WITH", "SAVEPOINT"]);
    let drain = cursor.words(&["WITH", "DRAIN"]);
    Ok(Statement::StopJob(StopJob {
        id,
        savepoint,
        drain,
    }))
}

/// `EXECUTE STATEMENT SET BEGIN ..; END`, and EXECUTE before a query or INSERT, which changes nothing.
fn execute(cursor: &mut Cursor<'_, '_>) -> Result<Statement> {
    cursor.expect_word("EXECUTE")?;
    if cursor.peek_word("PLAN") {
        return plan::execute(cursor);
    }
    if cursor.peek_word("STATEMENT") {
        return insert::statement_set(cursor);
    }
    if cursor.peek_word("INSERT") {
        return insert::parse(cursor).map(|i| Statement::Insert(Box::new(i)));
    }
    query(cursor)
}

fn explain(cursor: &mut Cursor<'_, '_>) -> Result<Statement> {
    cursor.expect_word("EXPLAIN")?;
    let mut details = Vec::new();
    if !cursor.words(&["PLAN", "FOR"]) {
        while let Some(detail) = explain_detail(cursor) {
            details.push(detail);
            if !cursor.token(&Token::Comma) {
                break;
            }
        }
    }
    let start = cursor.index();
    let statement = if cursor.peek_word("STATEMENT") {
        insert::statement_set(cursor)?
    } else {
        explained(cursor)?
    };
    Ok(Statement::Explain(Explain {
        details,
        statement: Box::new(statement),
        text: cursor.text_since(start),
    }))
}

fn explain_detail(cursor: &mut Cursor<'_, '_>) -> Option<ExplainDetail> {
    let word = cursor.one_of(&[
        "ESTIMATED_COST",
        "CHANGELOG_MODE",
        "JSON_EXECUTION_PLAN",
        "PLAN_ADVICE",
    ])?;
    Some(match word {
        "ESTIMATED_COST" => ExplainDetail::EstimatedCost,
        "CHANGELOG_MODE" => ExplainDetail::ChangelogMode,
        "JSON_EXECUTION_PLAN" => ExplainDetail::JsonExecutionPlan,
        _ => ExplainDetail::PlanAdvice,
    })
}

/// What EXPLAIN takes: a query, an INSERT, a statement set, CREATE TABLE AS.
fn explained(cursor: &mut Cursor<'_, '_>) -> Result<Statement> {
    let starters = [
        "SELECT", "VALUES", "TABLE", "WITH", "INSERT", "EXECUTE", "CREATE", "REPLACE",
    ];
    if *cursor.peek() != Token::LParen && !starters.iter().any(|w| cursor.peek_word(w)) {
        return Err(cursor.unexpected(
            "a query, an INSERT, a STATEMENT SET, CREATE TABLE AS, or one of ESTIMATED_COST, CHANGELOG_MODE, \
             JSON_EXECUTION_PLAN, PLAN_ADVICE",
        ));
    }
    let at = cursor.peek_span();
    match parse(cursor)? {
        Statement::CreateTable(create) if create.query.is_none() => Err(ParseError::new(
            "EXPLAIN takes CREATE TABLE only with AS and a query.",
            at,
        )),
        statement => Ok(statement),
    }
}

#[cfg(test)]
mod tests;
