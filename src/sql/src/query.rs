use sqlparser::parser::Parser;

use crate::ast::{Query, ScalarExpr};
use crate::cursor::Cursor;
use crate::error::Result;
use crate::hints::{Hints, parse_hints};
use crate::match_recognize::restore_derived;

/// A query, up to where it ends.
pub(crate) fn parse(cursor: &mut Cursor<'_, '_>) -> Result<Query> {
    let start = cursor.index();
    let mut ast = cursor.parser.parse_query().map_err(|e| cursor.error(e))?;
    if !cursor.dialect.matches.is_empty() {
        restore_derived(&mut ast);
    }
    let span = cursor.span_since(start);
    let hints = hints_within(cursor, span)?;
    Ok(Query {
        ast: *ast,
        hints,
        matches: cursor.dialect.matches.clone(),
        text: cursor.text_since(start),
        span,
    })
}

fn hints_within(cursor: &Cursor<'_, '_>, span: filbert_types::Span) -> Result<Hints> {
    let mut hints = parse_hints(cursor.chunk)?;
    hints
        .entries
        .retain(|e| span.start <= e.after && e.after <= span.end);
    Ok(hints)
}

/// An expression, up to where it ends.
pub(crate) fn parse_scalar(cursor: &mut Cursor<'_, '_>) -> Result<ScalarExpr> {
    let start = cursor.index();
    let ast = Parser::parse_expr(cursor.parser).map_err(|e| cursor.error(e))?;
    Ok(ScalarExpr {
        ast,
        text: cursor.text_since(start),
        span: cursor.span_since(start),
    })
}
