use crate::ast::{LoadModule, Statement};
use crate::cursor::Cursor;
use crate::error::Result;

/// `LOAD MODULE m [WITH (..)]`.
pub(super) fn load(cursor: &mut Cursor<'_, '_>) -> Result<Statement> {
    cursor.expect_words(&["LOAD", "MODULE"])?;
    Ok(Statement::LoadModule(LoadModule {
        name: cursor.ident()?,
        options: cursor.with_options()?,
    }))
}

/// `UNLOAD MODULE m`.
pub(super) fn unload(cursor: &mut Cursor<'_, '_>) -> Result<Statement> {
    cursor.expect_words(&["UNLOAD", "MODULE"])?;
    cursor.ident().map(Statement::UnloadModule)
}
