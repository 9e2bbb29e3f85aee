use sqlparser::tokenizer::Token;

use crate::ast::{AlterView, AlterViewAction, CreateView, DropObject, Statement, ViewColumn};
use crate::cursor::Cursor;
use crate::error::{ParseError, Result};

/// `CREATE [TEMPORARY] VIEW ..`.
pub(super) fn create(cursor: &mut Cursor<'_, '_>) -> Result<Statement> {
    let start = cursor.index();
    cursor.expect_word("CREATE")?;
    if cursor.words(&["OR", "REPLACE"]) {
        return Err(ParseError::new(
            "CREATE OR REPLACE VIEW is not supported.",
            cursor.span_since(start),
        )
        .with_hint("Use DROP VIEW and CREATE VIEW, or ALTER VIEW .. AS."));
    }
    let temporary = cursor.word("TEMPORARY");
    cursor.expect_word("VIEW")?;
    let if_not_exists = cursor.if_not_exists()?;
    let name = cursor.object_path()?;
    let columns = if *cursor.peek() == Token::LParen {
        cursor.parenthesized(|c| {
            Ok(ViewColumn {
                name: c.ident()?,
                comment: c.comment()?,
            })
        })?
    } else {
        Vec::new()
    };
    let comment = cursor.comment()?;
    cursor.expect_word("AS")?;
    let query = cursor.query()?;
    Ok(Statement::CreateView(Box::new(CreateView {
        name,
        temporary,
        if_not_exists,
        columns,
        comment,
        query,
    })))
}

/// What follows `ALTER VIEW`.
pub(super) fn alter(cursor: &mut Cursor<'_, '_>) -> Result<Statement> {
    let name = cursor.object_path()?;
    let action = match cursor.expect_one_of(&["RENAME", "AS"])? {
        "RENAME" => {
            cursor.expect_word("TO")?;
            AlterViewAction::Rename(cursor.object_path()?)
        }
        _ => AlterViewAction::Query(Box::new(cursor.query()?)),
    };
    Ok(Statement::AlterView(AlterView { name, action }))
}

/// What follows `DROP [TEMPORARY] TABLE`, VIEW or CATALOG.
pub(super) fn drop(cursor: &mut Cursor<'_, '_>, kind: &str, temporary: bool) -> Result<Statement> {
    let if_exists = cursor.if_exists()?;
    let name = cursor.object_path()?;
    let drop = DropObject {
        name,
        temporary,
        if_exists,
    };
    Ok(match kind {
        "TABLE" => Statement::DropTable(drop),
        "VIEW" => Statement::DropView(drop),
        _ => Statement::DropCatalog(drop),
    })
}
