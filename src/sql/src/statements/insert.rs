use sqlparser::tokenizer::Token;

use crate::ast::{ConflictStrategy, Insert, PartitionEntry, PartitionSpec, Statement};
use crate::cursor::Cursor;
use crate::error::{ParseError, Result};
use crate::hints::{HintArgs, options_of, parse_hints};

/// `INSERT INTO | OVERWRITE ..`.
pub(super) fn parse(cursor: &mut Cursor<'_, '_>) -> Result<Insert> {
    let start = cursor.index();
    cursor.expect_word("INSERT")?;
    let overwrite = cursor.expect_one_of(&["INTO", "OVERWRITE"])? == "OVERWRITE";
    let target = cursor.object_path()?;
    let options = target_options(cursor, &target)?;
    let partition = if cursor.word("PARTITION") {
        Some(partition_spec(cursor)?)
    } else {
        None
    };
    let columns = if has_column_list(cursor) {
        cursor.parenthesized(Cursor::object_name)?
    } else {
        Vec::new()
    };
    let query = cursor.query()?;
    let on_conflict = if cursor.words(&["ON", "CONFLICT"]) {
        cursor.expect_word("DO")?;
        Some(
            match cursor.expect_one_of(&["NOTHING", "ERROR", "DEDUPLICATE"])? {
                "NOTHING" => ConflictStrategy::Nothing,
                "ERROR" => ConflictStrategy::Error,
                _ => ConflictStrategy::Deduplicate,
            },
        )
    } else {
        None
    };
    Ok(Insert {
        target,
        overwrite,
        options,
        partition,
        columns,
        query,
        on_conflict,
        span: cursor.span_since(start),
    })
}

/// The hint behind the target: only OPTIONS makes sense there.
fn target_options(
    cursor: &Cursor<'_, '_>,
    target: &crate::ast::ObjectName,
) -> Result<Vec<crate::ast::OptionEntry>> {
    cursor.dialect.claim_hints([target.span.end]);
    let hints = parse_hints(cursor.chunk)?;
    let hints = hints.after(target.span.end);
    for hint in hints {
        if hint.is("OPTIONS") && !matches!(hint.args, HintArgs::Options(_)) {
            return Err(ParseError::new(
                "OPTIONS takes 'key' = 'value' pairs.",
                hint.name.span,
            ));
        }
    }
    Ok(options_of(hints))
}

/// A parenthesis here opens a list of columns unless a query stands in it.
fn has_column_list(cursor: &Cursor<'_, '_>) -> bool {
    *cursor.peek() == Token::LParen
        && !["SELECT", "VALUES", "WITH", "TABLE"]
            .iter()
            .any(|w| cursor.peek_nth_word(1, w))
        && cursor.parser.peek_nth_token_ref(1).token != Token::LParen
}

/// `(k = 'v', k2)`.
pub(super) fn partition_spec(cursor: &mut Cursor<'_, '_>) -> Result<PartitionSpec> {
    let start = cursor.index();
    let entries = cursor.parenthesized(|c| {
        let key = c.ident()?;
        let value = if c.token(&Token::Eq) {
            Some(c.scalar()?)
        } else {
            None
        };
        Ok(PartitionEntry { key, value })
    })?;
    Ok(PartitionSpec {
        entries,
        span: cursor.span_since(start),
    })
}

/// `STATEMENT SET BEGIN insert; insert; END`.
pub(super) fn statement_set(cursor: &mut Cursor<'_, '_>) -> Result<Statement> {
    cursor.expect_words(&["STATEMENT", "SET", "BEGIN"])?;
    let mut inserts = Vec::new();
    while !cursor.word("END") {
        if !cursor.peek_word("INSERT") {
            return Err(cursor.unexpected("INSERT or END"));
        }
        inserts.push(parse(cursor)?);
        cursor.expect(&Token::SemiColon)?;
    }
    if inserts.is_empty() {
        return Err(ParseError::new(
            "A statement set needs at least one INSERT.",
            cursor.peek_span(),
        ));
    }
    Ok(Statement::StatementSet(inserts))
}
