use filbert_types::Span;
use sqlparser::ast::Expr;

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

/// An expression outside a query: a computed column, a watermark, a partition's value.
#[derive(Debug, Clone, PartialEq)]
pub struct ScalarExpr {
    pub ast: Expr,
    /// The expression as written.
    pub text: String,
    pub span: Span,
}
