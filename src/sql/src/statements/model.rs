use crate::ast::{AlterModel, AlterModelAction, ColumnDef, CreateModel, DropObject, Statement};
use crate::cursor::Cursor;
use crate::error::Result;

use super::create_table::column;

/// `CREATE [TEMPORARY] MODEL ..`.
pub(super) fn create(cursor: &mut Cursor<'_, '_>) -> Result<Statement> {
    cursor.expect_word("CREATE")?;
    let temporary = cursor.word("TEMPORARY");
    cursor.expect_word("MODEL")?;
    let if_not_exists = cursor.if_not_exists()?;
    let name = cursor.object_path()?;
    let input = columns(cursor, "INPUT")?;
    let output = columns(cursor, "OUTPUT")?;
    let comment = cursor.comment()?;
    let options = cursor.with_options()?;
    let query = if cursor.word("AS") {
        Some(cursor.query()?)
    } else {
        None
    };
    if !cursor.at_end() {
        return Err(cursor.unexpected(
            "INPUT, OUTPUT, COMMENT, WITH, AS (in this order) or the end of the statement",
        ));
    }
    Ok(Statement::CreateModel(Box::new(CreateModel {
        name,
        temporary,
        if_not_exists,
        input,
        output,
        comment,
        options,
        query,
    })))
}

/// `INPUT (a INT, ..)`, where it stands here.
fn columns(cursor: &mut Cursor<'_, '_>, word: &str) -> Result<Vec<ColumnDef>> {
    if !cursor.word(word) {
        return Ok(Vec::new());
    }
    cursor.parenthesized(|c| {
        let name = c.ident()?;
        column(c, name)
    })
}

/// What follows `ALTER MODEL`.
pub(super) fn alter(cursor: &mut Cursor<'_, '_>) -> Result<Statement> {
    let if_exists = cursor.if_exists()?;
    let name = cursor.object_path()?;
    let action = match cursor.expect_one_of(&["RENAME", "SET", "RESET"])? {
        "RENAME" => {
            cursor.expect_word("TO")?;
            AlterModelAction::Rename(cursor.object_path()?)
        }
        "SET" => AlterModelAction::SetOptions(cursor.options()?),
        _ => AlterModelAction::ResetOptions(cursor.option_keys()?),
    };
    Ok(Statement::AlterModel(AlterModel {
        name,
        if_exists,
        action,
    }))
}

/// What follows `DROP [TEMPORARY] MODEL`.
pub(super) fn drop(cursor: &mut Cursor<'_, '_>, temporary: bool) -> Result<Statement> {
    let if_exists = cursor.if_exists()?;
    let name = cursor.object_path()?;
    Ok(Statement::DropModel(DropObject {
        name,
        temporary,
        if_exists,
    }))
}
