use crate::ast::{CompilePlan, Statement};
use crate::cursor::Cursor;
use crate::error::Result;

use super::insert;

const PATH: &str = "the plan's path in single quotes";

/// `COMPILE [AND EXECUTE] PLAN 'path' [IF NOT EXISTS] FOR insert | STATEMENT SET BEGIN .. END`.
pub(super) fn compile(cursor: &mut Cursor<'_, '_>) -> Result<Statement> {
    cursor.expect_word("COMPILE")?;
    let execute = cursor.words(&["AND", "EXECUTE"]);
    cursor.expect_word("PLAN")?;
    let path = cursor.string(PATH)?;
    let if_not_exists = cursor.if_not_exists()?;
    cursor.expect_word("FOR")?;
    let inserts = if cursor.peek_word("STATEMENT") {
        match insert::statement_set(cursor)? {
            Statement::StatementSet(inserts) => inserts,
            _ => Vec::new(),
        }
    } else if cursor.peek_word("INSERT") {
        vec![insert::parse(cursor)?]
    } else {
        return Err(cursor.unexpected("an INSERT or a STATEMENT SET"));
    };
    Ok(Statement::CompilePlan(CompilePlan {
        path,
        if_not_exists,
        execute,
        inserts,
    }))
}

/// `PLAN 'path'`, behind EXECUTE.
pub(super) fn execute(cursor: &mut Cursor<'_, '_>) -> Result<Statement> {
    cursor.expect_word("PLAN")?;
    cursor.string(PATH).map(Statement::ExecutePlan)
}
