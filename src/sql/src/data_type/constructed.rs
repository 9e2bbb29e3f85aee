//! Types of other types: ARRAY and MULTISET with their element in brackets, MAP, ROW, STRUCTURED.

use filbert_types::{Field, LogicalType, TypeKind};
use sqlparser::tokenizer::Token;

use super::nested;
use crate::cursor::Cursor;
use crate::error::Result;

/// `<type>`.
pub(super) fn single_argument(cursor: &mut Cursor<'_, '_>, depth: u32) -> Result<LogicalType> {
    cursor.expect(&Token::Lt)?;
    let ty = nested(cursor, depth + 1)?;
    cursor.expect(&Token::Gt)?;
    Ok(ty)
}

pub(super) fn map(cursor: &mut Cursor<'_, '_>, depth: u32) -> Result<TypeKind> {
    cursor.expect(&Token::Lt)?;
    let key = nested(cursor, depth + 1)?;
    cursor.expect(&Token::Comma)?;
    let value = nested(cursor, depth + 1)?;
    cursor.expect(&Token::Gt)?;
    Ok(TypeKind::Map(Box::new(key), Box::new(value)))
}

pub(super) fn row(cursor: &mut Cursor<'_, '_>, depth: u32) -> Result<TypeKind> {
    let close = if cursor.token(&Token::Lt) {
        Token::Gt
    } else if cursor.token(&Token::LParen) {
        Token::RParen
    } else if cursor.token(&Token::Neq) {
        // `ROW<>` lexes as an operator.
        return Ok(TypeKind::Row(Vec::new()));
    } else {
        return Err(cursor.unexpected("'<' or '(' after ROW"));
    };
    if cursor.token(&close) {
        return Ok(TypeKind::Row(Vec::new()));
    }
    fields(cursor, &close, depth).map(TypeKind::Row)
}

/// `STRUCTURED<'class', name type, ..>`.
pub(super) fn structured(cursor: &mut Cursor<'_, '_>, depth: u32) -> Result<TypeKind> {
    cursor.expect(&Token::Lt)?;
    let class = cursor.string("the class name in single quotes")?.value;
    let fields = if cursor.token(&Token::Gt) {
        Vec::new()
    } else {
        cursor.expect(&Token::Comma)?;
        // So Flink writes a type without fields: `STRUCTURED<'class', >`.
        match cursor.token(&Token::Gt) {
            true => Vec::new(),
            false => fields(cursor, &Token::Gt, depth)?,
        }
    };
    Ok(TypeKind::Structured { class, fields })
}

/// `name type ['comment'], ..` up to a bracket.
fn fields(cursor: &mut Cursor<'_, '_>, close: &Token, depth: u32) -> Result<Vec<Field>> {
    let mut fields = Vec::new();
    loop {
        let name = cursor.ident()?;
        let ty = nested(cursor, depth + 1)?;
        let comment = match cursor.peek() {
            Token::SingleQuotedString(_) => Some(cursor.string("a comment")?.value),
            _ => None,
        };
        fields.push(Field {
            name: name.value,
            ty,
            comment,
        });
        if cursor.token(close) {
            return Ok(fields);
        }
        if !cursor.token(&Token::Comma) {
            return Err(cursor.unexpected(&format!("',' or '{close}' after the field")));
        }
    }
}
