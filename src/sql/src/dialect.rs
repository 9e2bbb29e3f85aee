//! sqlparser's hooks: which of its constructs Flink has, and those of Flink's that it lacks.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use filbert_types::Location;

use sqlparser::ast::Expr;
use sqlparser::dialect::{Dialect, Precedence};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};

use crate::cursor::Cursor;
use crate::error::{ParseError, Result};
use crate::expr;
use crate::hints::misplaced_hint;
use crate::match_recognize::MatchRecognize;
use crate::rewrite;
use crate::source::{Chunk, location};
use crate::words;

/// Flink's dialect, for one statement. Hooks see sqlparser's parser alone, so what they need besides is here; and
/// sqlparser's errors carry text alone, so ours are kept here.
#[derive(Debug)]
pub(crate) struct FlinkDialect {
    pub chunk: Chunk,
    /// The MATCH_RECOGNIZE clauses that were cut out of the tokens.
    pub matches: Vec<MatchRecognize>,
    raised: RefCell<Vec<ParseError>>,
    operators: Cell<usize>,
    /// Why the value of a named argument failed, by the token of its name.
    named_arguments: RefCell<HashMap<usize, Option<ParseError>>>,
    /// The places whose hints belong to something.
    hint_places: RefCell<Vec<Location>>,
}

const MARK: &str = "\u{1}raised ";

impl FlinkDialect {
    pub fn new(chunk: Chunk) -> FlinkDialect {
        FlinkDialect {
            chunk,
            matches: Vec::new(),
            raised: RefCell::default(),
            operators: Cell::default(),
            named_arguments: RefCell::default(),
            hint_places: RefCell::default(),
        }
    }

    /// Brings the tokens into a form that sqlparser's grammar takes.
    pub fn rewrite(&mut self, text: &str) -> Result<()> {
        let chunk = std::mem::take(&mut self.chunk);
        (self.chunk, self.matches) = rewrite::rewrite(text, chunk)?;
        Ok(())
    }

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

    /// Counts one more operator, and says how many there are.
    pub fn count_operator(&self) -> usize {
        self.operators.set(self.operators.get() + 1);
        self.operators.get()
    }

    /// Why the value of the named argument at a token fails. The answer is kept, since arguments nest and sqlparser
    /// tries each several times.
    pub fn named_argument_error(
        &self,
        name: usize,
        find: impl FnOnce() -> Option<ParseError>,
    ) -> Option<ParseError> {
        if let Some(known) = self.named_arguments.borrow().get(&name) {
            return known.clone();
        }
        let found = find();
        self.named_arguments
            .borrow_mut()
            .insert(name, found.clone());
        found
    }

    /// Says that the hints behind these places belong to something.
    pub fn claim_hints(&self, places: impl IntoIterator<Item = Location>) {
        self.hint_places.borrow_mut().extend(places);
    }

    /// The first hint that belongs to nothing.
    pub fn unclaimed_hint(&self) -> Option<ParseError> {
        let places = self.hint_places.borrow();
        let hint = self.chunk.hints.iter().find(|hint| {
            let after = hint.after.and_then(|i| self.chunk.tokens.get(i));
            !after.is_some_and(|t| places.contains(&location(t.span.end)))
        })?;
        Some(misplaced_hint(hint.span))
    }

    fn cursor<'a, 'p>(&'a self, parser: &'a mut Parser<'p>) -> Cursor<'a, 'p> {
        Cursor {
            parser,
            dialect: self,
            text: "",
            chunk: &self.chunk,
        }
    }
}

impl Dialect for FlinkDialect {
    fn parse_prefix(&self, parser: &mut Parser) -> Option<std::result::Result<Expr, ParserError>> {
        let parsed = expr::prefix(&mut self.cursor(parser));
        parsed.map_err(|e| self.raise(e)).transpose()
    }

    fn parse_infix(
        &self,
        parser: &mut Parser,
        left: &Expr,
        precedence: u8,
    ) -> Option<std::result::Result<Expr, ParserError>> {
        let parsed = expr::infix(&mut self.cursor(parser), left, precedence);
        parsed.map_err(|e| self.raise(e)).transpose()
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<std::result::Result<u8, ParserError>> {
        expr::next_precedence(parser, self).map(Ok)
    }

    /// Calcite's order: LIKE, IN and BETWEEN bind tighter than comparisons.
    fn prec_value(&self, precedence: Precedence) -> u8 {
        match precedence {
            Precedence::Period => 100,
            Precedence::DoubleColon => 50,
            Precedence::AtTz => 41,
            Precedence::MulDivModOp => 40,
            Precedence::PlusMinus => 30,
            Precedence::Xor
            | Precedence::Ampersand
            | Precedence::Caret
            | Precedence::Pipe
            | Precedence::Colon => 24,
            Precedence::Between | Precedence::Like => 22,
            Precedence::Eq => 20,
            Precedence::Is => 17,
            Precedence::PgOther => 16,
            Precedence::UnaryNot => 15,
            Precedence::And => 10,
            Precedence::Or => 5,
        }
    }

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

    fn supports_select_expr_star(&self) -> bool {
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
