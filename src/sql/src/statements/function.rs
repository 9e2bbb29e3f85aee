use sqlparser::tokenizer::Token;

use crate::ast::{
    AlterFunction, CreateFunction, DropFunction, FunctionScope, Ident, Resource, ResourceKind,
    Statement,
};
use crate::cursor::Cursor;
use crate::error::{ParseError, Result};

/// `CREATE [TEMPORARY [SYSTEM]] FUNCTION ..`.
pub(super) fn create(cursor: &mut Cursor<'_, '_>) -> Result<Statement> {
    cursor.expect_word("CREATE")?;
    let scope = scope(cursor)?;
    let if_not_exists = cursor.if_not_exists()?;
    let name = cursor.object_path()?;
    check_name(scope, &name)?;
    cursor.expect_word("AS")?;
    let class = cursor.string("the function's class in single quotes")?;
    let language = language(cursor)?;
    let mut resources = Vec::new();
    if cursor.word("USING") {
        resources = cursor.comma_separated(|c| {
            let kind = match c.expect_one_of(&["JAR", "ARTIFACT"])? {
                "JAR" => ResourceKind::Jar,
                _ => ResourceKind::Artifact,
            };
            let uri = c.string("the resource's URI in single quotes")?;
            Ok(Resource { kind, uri })
        })?;
    }
    let options = cursor.with_options()?;
    Ok(Statement::CreateFunction(CreateFunction {
        name,
        scope,
        if_not_exists,
        class,
        language,
        resources,
        options,
    }))
}

/// What follows ALTER: `[TEMPORARY [SYSTEM]] FUNCTION`, whose last word may have been read already.
pub(super) fn alter(cursor: &mut Cursor<'_, '_>) -> Result<Statement> {
    let scope = if cursor.peek_word("TEMPORARY") {
        scope(cursor)?
    } else {
        FunctionScope::Catalog
    };
    let if_exists = cursor.if_exists()?;
    let name = cursor.object_path()?;
    check_name(scope, &name)?;
    cursor.expect_word("AS")?;
    let class = cursor.string("the function's class in single quotes")?;
    let language = language(cursor)?;
    Ok(Statement::AlterFunction(AlterFunction {
        name,
        scope,
        if_exists,
        class,
        language,
    }))
}

/// What follows `DROP FUNCTION` or `DROP TEMPORARY`.
pub(super) fn drop(cursor: &mut Cursor<'_, '_>, temporary: bool) -> Result<Statement> {
    let mut scope = FunctionScope::Catalog;
    if temporary {
        scope = FunctionScope::Temporary;
        if cursor.word("SYSTEM") {
            scope = FunctionScope::TemporarySystem;
        }
        cursor.expect_word("FUNCTION")?;
    }
    let if_exists = cursor.if_exists()?;
    let name = cursor.object_path()?;
    check_name(scope, &name)?;
    Ok(Statement::DropFunction(DropFunction {
        name,
        scope,
        if_exists,
    }))
}

fn scope(cursor: &mut Cursor<'_, '_>) -> Result<FunctionScope> {
    let scope = if cursor.words(&["TEMPORARY", "SYSTEM"]) {
        FunctionScope::TemporarySystem
    } else if cursor.word("TEMPORARY") {
        FunctionScope::Temporary
    } else {
        FunctionScope::Catalog
    };
    cursor.expect_word("FUNCTION")?;
    Ok(scope)
}

fn check_name(scope: FunctionScope, name: &crate::ast::ObjectName) -> Result<()> {
    if scope == FunctionScope::TemporarySystem && name.parts.len() > 1 {
        return Err(ParseError::new(
            format!("The system function '{name}' can't belong to a database."),
            name.span,
        )
        .with_hint("Write its last part alone."));
    }
    Ok(())
}

fn language(cursor: &mut Cursor<'_, '_>) -> Result<Option<Ident>> {
    if !cursor.word("LANGUAGE") {
        return Ok(None);
    }
    let span = cursor.peek_span();
    let value = match cursor.peek() {
        Token::Word(word) => word.value.to_ascii_uppercase(),
        _ => return Err(cursor.unexpected("JAVA, SCALA, PYTHON or SQL")),
    };
    if !["JAVA", "SCALA", "PYTHON", "SQL"].contains(&value.as_str()) {
        return Err(
            ParseError::new(format!("Unrecognized function language '{value}'."), span)
                .with_hint("The languages are JAVA, SCALA, PYTHON and SQL."),
        );
    }
    cursor.parser.advance_token();
    Ok(Some(Ident { value, span }))
}
