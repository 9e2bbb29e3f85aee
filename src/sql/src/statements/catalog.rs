use crate::ast::{
    AlterCatalog, AlterCatalogAction, AlterDatabase, CreateCatalog, CreateDatabase, DropDatabase,
    Statement,
};
use crate::cursor::Cursor;
use crate::error::{ParseError, Result};

/// `CREATE CATALOG ..`.
pub(super) fn create_catalog(cursor: &mut Cursor<'_, '_>) -> Result<Statement> {
    cursor.expect_words(&["CREATE", "CATALOG"])?;
    let if_not_exists = cursor.if_not_exists()?;
    let name = cursor.ident()?;
    let comment = cursor.comment()?;
    let options = cursor.with_options()?;
    Ok(Statement::CreateCatalog(CreateCatalog {
        name,
        if_not_exists,
        comment,
        options,
    }))
}

/// `CREATE DATABASE ..`.
pub(super) fn create_database(cursor: &mut Cursor<'_, '_>) -> Result<Statement> {
    cursor.expect_words(&["CREATE", "DATABASE"])?;
    let if_not_exists = cursor.if_not_exists()?;
    let name = database_name(cursor)?;
    let comment = cursor.comment()?;
    let options = cursor.with_options()?;
    Ok(Statement::CreateDatabase(CreateDatabase {
        name,
        if_not_exists,
        comment,
        options,
    }))
}

/// `[catalog.]database`.
pub(super) fn database_name(cursor: &mut Cursor<'_, '_>) -> Result<crate::ast::ObjectName> {
    let name = cursor.object_name()?;
    if name.parts.len() > 2 {
        return Err(
            ParseError::new(format!("'{name}' is no name of a database."), name.span)
                .with_hint("A database's name has at most two parts: catalog.database."),
        );
    }
    Ok(name)
}

/// What follows `ALTER CATALOG`.
pub(super) fn alter_catalog(cursor: &mut Cursor<'_, '_>) -> Result<Statement> {
    let name = cursor.ident()?;
    let action = match cursor.expect_one_of(&["SET", "RESET", "COMMENT"])? {
        "SET" => AlterCatalogAction::SetOptions(cursor.options()?),
        "RESET" => AlterCatalogAction::ResetOptions(cursor.option_keys()?),
        _ => AlterCatalogAction::Comment(cursor.string("the comment in single quotes")?),
    };
    Ok(Statement::AlterCatalog(AlterCatalog { name, action }))
}

/// What follows `ALTER DATABASE`.
pub(super) fn alter_database(cursor: &mut Cursor<'_, '_>) -> Result<Statement> {
    let name = database_name(cursor)?;
    cursor.expect_word("SET")?;
    let options = cursor.options()?;
    Ok(Statement::AlterDatabase(AlterDatabase { name, options }))
}

/// What follows `DROP DATABASE`.
pub(super) fn drop_database(cursor: &mut Cursor<'_, '_>) -> Result<Statement> {
    let if_exists = cursor.if_exists()?;
    let name = database_name(cursor)?;
    let cascade = cursor.one_of(&["RESTRICT", "CASCADE"]) == Some("CASCADE");
    Ok(Statement::DropDatabase(DropDatabase {
        name,
        if_exists,
        cascade,
    }))
}

/// `USE [CATALOG c | MODULES m, .. | [c.]d]`.
pub(super) fn use_(cursor: &mut Cursor<'_, '_>) -> Result<Statement> {
    cursor.expect_word("USE")?;
    if cursor.word("MODULES") {
        let names = cursor.comma_separated(Cursor::ident)?;
        return Ok(Statement::UseModules(names));
    }
    if cursor.word("CATALOG") {
        return cursor.ident().map(Statement::UseCatalog);
    }
    database_name(cursor).map(Statement::UseDatabase)
}
