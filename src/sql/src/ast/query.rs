use std::ops::ControlFlow;

use filbert_types::Span;
use sqlparser::ast::{Expr, Spanned, visit_relations};

use crate::source::span;

use crate::hints::Hints;
use crate::match_recognize::MatchRecognize;

/// A query: sqlparser's tree, with what that tree has no place for beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    pub ast: sqlparser::ast::Query,
    pub hints: Hints,
    /// The MATCH_RECOGNIZE clauses; the stubs in `ast` name them, see [`Query::match_recognize`].
    pub matches: Vec<MatchRecognize>,
    /// The query as written.
    pub text: String,
    pub span: Span,
}

impl Query {
    /// The tables that the query names, with their places.
    pub fn tables(&self) -> Vec<(Vec<String>, Span)> {
        let mut tables = Vec::new();
        // The visitor never breaks off.
        let _ = visit_relations(&self.ast, |name| {
            let idents = name.0.iter().filter_map(|part| part.as_ident());
            let parts = idents.map(|ident| ident.value.clone()).collect();
            tables.push((parts, span(name.span())));
            ControlFlow::<()>::Continue(())
        });
        tables
    }
}

/// An expression outside a query: a computed column, a watermark, a partition's value.
#[derive(Debug, Clone, PartialEq)]
pub struct ScalarExpr {
    pub ast: Expr,
    /// The expression as written.
    pub text: String,
    pub span: Span,
}

impl ScalarExpr {
    /// A literal's value as text: `'a'` without its quotes, anything else as written.
    pub fn literal_text(&self) -> String {
        let text = self.text.trim();
        text.strip_prefix('\'')
            .and_then(|t| t.strip_suffix('\''))
            .map_or_else(|| text.to_owned(), |t| t.replace("''", "'"))
    }
}
