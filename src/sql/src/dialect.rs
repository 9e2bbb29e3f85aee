//! sqlparser's hooks: which of its constructs Flink has, and those of Flink's that it lacks.

use std::cell::RefCell;

use sqlparser::dialect::Dialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use crate::error::ParseError;
use crate::words;

/// Flink's dialect, for one statement: it keeps the errors that hooks raise, since sqlparser's own carry text only.
#[derive(Debug, Default)]
pub(crate) struct FlinkDialect {
    raised: RefCell<Vec<ParseError>>,
}

const MARK: &str = "\u{1}raised ";

impl FlinkDialect {
    /// Our error as one of sqlparser's; [`FlinkDialect::raised`] gives it back.
    pub fn raise(&self, error: ParseError) -> ParserError {
        let mut raised = self.raised.borrow_mut();
        raised.push(error);
        ParserError::ParserError(format!("{MARK}{}", raised.len() - 1))
    }

    /// The error of ours behind the text of one of sqlparser's.
    pub fn raised(&self, text: &str) -> Option<ParseError> {
        let index: usize = text.strip_prefix(MARK)?.parse().ok()?;
        self.raised.borrow().get(index).cloned()
    }
}

impl Dialect for FlinkDialect {
    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '`'
    }

    fn identifier_quote_style(&self, _identifier: &str) -> Option<char> {
        Some('`')
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        ch == '_' || ch.is_alphabetic()
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        ch == '_' || ch == '$' || ch.is_alphanumeric()
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    fn supports_window_clause_named_window_reference(&self) -> bool {
        true
    }

    fn supports_match_recognize(&self) -> bool {
        true
    }

    fn supports_named_fn_args_with_rarrow_operator(&self) -> bool {
        true
    }

    fn supports_window_function_null_treatment_arg(&self) -> bool {
        true
    }

    fn supports_limit_comma(&self) -> bool {
        true
    }

    fn supports_table_versioning(&self) -> bool {
        true
    }

    fn supports_parens_around_table_factor(&self) -> bool {
        true
    }

    fn supports_select_expr_star(&self) -> bool {
        true
    }

    fn require_interval_qualifier(&self) -> bool {
        true
    }

    fn is_reserved_for_identifier(&self, kw: Keyword) -> bool {
        is_reserved(kw)
    }

    fn is_column_alias(&self, kw: &Keyword, _parser: &mut Parser) -> bool {
        !is_reserved(*kw)
    }

    fn is_select_item_alias(&self, _explicit: bool, kw: &Keyword, _parser: &mut Parser) -> bool {
        !is_reserved(*kw)
    }

    fn is_table_alias(&self, kw: &Keyword, _parser: &mut Parser) -> bool {
        !is_reserved(*kw)
    }

    fn is_table_factor_alias(&self, _explicit: bool, kw: &Keyword, _parser: &mut Parser) -> bool {
        !is_reserved(*kw)
    }

    fn is_table_factor(&self, kw: &Keyword, _parser: &mut Parser) -> bool {
        !is_reserved(*kw)
    }
}

fn is_reserved(keyword: Keyword) -> bool {
    keyword != Keyword::NoKeyword && words::is_reserved(&format!("{keyword:?}"))
}

/// Whether the next token is this token.
pub(crate) fn peek_is(parser: &Parser<'_>, token: &Token) -> bool {
    parser.peek_token_ref().token == *token
}
