//! One statement's binding: what it needs of the session, and what it keeps while it walks through the text.

use std::rc::Rc;

use filbert_functions::{ExprContext, FunctionRegistry, TypedExpr};
use filbert_sql::{Hints, MatchRecognize, Query};
use filbert_types::{ObjectPath, Span};
use sqlparser::ast;

use crate::bound::{BoundQuery, ColumnTypes, OutputColumn};
use crate::catalog::BinderCatalog;
use crate::cte::Cte;
use crate::ddl::{Edit, quoted};
use crate::error::{BindError, BindResult};
use crate::expr::BoundScalar;
use crate::match_recognize::PatternScope;
use crate::names::{NameGenerator, uniquify};
use crate::scope::{OuterScope, Relation};

/// What binding needs to know of the session.
#[derive(Clone, Copy)]
pub struct BindContext<'a> {
    pub catalog: &'a dyn BinderCatalog,
    pub functions: &'a FunctionRegistry,
    pub exprs: &'a ExprContext,
    /// `table.dynamic-table-options.enabled`.
    pub dynamic_options: bool,
}

/// The most relations that one statement may scan, counting every use of a view or of a WITH query. Both are bound anew
/// at each use, so a short text can ask for a plan of any size.
const RELATIONS_MAX: usize = 10_000;

/// Binds one statement.
pub(crate) struct Binder<'a> {
    pub cx: BindContext<'a>,
    pub names: NameGenerator,
    pub types: ColumnTypes,
    /// The scopes around the query block that is being bound, innermost last.
    pub outer: Vec<OuterScope>,
    /// The WITH queries in sight, innermost last.
    pub ctes: Vec<Rc<Cte>>,
    /// The hints of the text that is being bound.
    pub hints: Rc<Hints>,
    /// Its MATCH_RECOGNIZE clauses.
    pub matches: Rc<Vec<MatchRecognize>>,
    /// Set inside of DEFINE and MEASURES: what names and calls mean there.
    pub pattern: Option<PatternScope>,
    /// The views that are being expanded.
    pub views: Vec<ObjectPath>,
    /// Names found in the text and what they are in full, where somebody wants to know.
    pub edits: Option<Vec<Edit>>,
    /// The scalar subqueries bound so far.
    pub scalars: Vec<BoundScalar>,
    relations: usize,
}

impl<'a> Binder<'a> {
    pub fn new(cx: BindContext<'a>) -> Binder<'a> {
        Binder {
            cx,
            names: NameGenerator::default(),
            types: ColumnTypes::default(),
            outer: Vec::new(),
            ctes: Vec::new(),
            hints: Rc::new(Hints::default()),
            matches: Rc::default(),
            pattern: None,
            views: Vec::new(),
            edits: None,
            scalars: Vec::new(),
            relations: 0,
        }
    }

    /// Binds a whole query text.
    pub fn text(&mut self, query: &Query) -> BindResult<Relation> {
        self.hints = Rc::new(query.hints.clone());
        self.matches = Rc::new(query.matches.clone());
        self.statement_query(&query.ast)
    }

    /// Counts a relation against the limit.
    pub fn count_relation(&mut self) -> BindResult<()> {
        self.relations += 1;
        if self.relations > RELATIONS_MAX {
            return Err(BindError::new(format!(
                "The query reads more than {RELATIONS_MAX} relations once its views and WITH queries are expanded."
            )));
        }
        Ok(())
    }

    /// Notes what a stretch of the text stands for.
    pub fn note(&mut self, span: Option<Span>, text: impl FnOnce() -> String) {
        self.note_with_tail(span, || (text(), String::new()));
    }

    /// As [`note`](Self::note); what is second goes behind a hint that follows.
    pub fn note_with_tail(&mut self, span: Option<Span>, text: impl FnOnce() -> (String, String)) {
        if let (Some(edits), Some(span)) = (&mut self.edits, span)
            && edits.iter().all(|e| e.span != span)
        {
            let (text, tail) = text();
            edits.push(Edit {
                span,
                text,
                tail,
                alias: false,
            });
        }
    }

    /// What was noted to come behind one stretch of the text comes behind another.
    pub fn move_tail(&mut self, from: Option<Span>, to: Option<Span>) {
        let (Some(edits), Some(from), Some(to)) = (&mut self.edits, from, to) else {
            return;
        };
        if !edits.iter().any(|e| e.span.end == to.end) {
            return;
        }
        let tail = edits.iter_mut().find(|e| e.span == from);
        let tail = tail.map(|e| std::mem::take(&mut e.tail));
        let behind = edits.iter_mut().find(|e| e.span.end == to.end);
        if let (Some(behind), Some(tail)) = (behind, tail) {
            behind.tail = tail;
        }
    }

    /// Notes a select item's alias.
    pub fn note_alias(&mut self, span: Option<Span>, name: &str) {
        if let (Some(edits), Some(span)) = (&mut self.edits, span) {
            edits.push(Edit {
                span,
                text: quoted(name),
                tail: String::new(),
                alias: true,
            });
        }
    }

    /// Ends the statement: the relation is the result.
    pub fn finish(self, relation: Relation) -> BoundQuery {
        let names = uniquify(relation.columns.iter().map(|c| c.name.as_str()));
        let output = names
            .into_iter()
            .zip(relation.columns)
            .map(|(name, c)| OutputColumn {
                name,
                column: c.column,
                ty: c.ty,
            })
            .collect();
        BoundQuery {
            plan: relation.plan,
            types: self.types,
            output,
        }
    }

    /// Runs `work` where neither the query blocks around nor their WITH queries are seen.
    pub fn isolated<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::take(&mut self.outer);
        let ctes = std::mem::take(&mut self.ctes);
        let edits = self.edits.take();
        let result = work(self);
        self.edits = edits;
        self.outer = outer;
        self.ctes = ctes;
        result
    }
}

/// Binds a query.
///
/// # Errors
/// When a name or a type does not fit, or the query asks for what is not supported.
pub fn bind_query(cx: BindContext<'_>, query: &Query) -> BindResult<BoundQuery> {
    let mut binder = Binder::new(cx);
    let relation = binder.text(query)?;
    Ok(binder.finish(relation))
}

/// Runs `work` on a stack that is large enough for one more level of nesting.
pub(crate) fn deeper<T>(work: impl FnOnce() -> T) -> T {
    const RED_ZONE_BYTES: usize = 256 * 1024;
    const STACK_BYTES: usize = 4 * 1024 * 1024;
    stacker::maybe_grow(RED_ZONE_BYTES, STACK_BYTES, work)
}

/// The place of a syntax tree's node.
pub(crate) fn span_of(node: &impl ast::Spanned) -> Option<Span> {
    // sqlparser walks down the whole node by plain recursion.
    let span = stacker::maybe_grow(512 * 1024, 64 * 1024 * 1024, || node.span());
    (span.start.line > 0).then(|| filbert_sql::span(span))
}

/// A name without its quotes, with its place.
pub(crate) fn ident_span(ident: &ast::Ident) -> Option<Span> {
    (ident.span.start.line > 0).then(|| filbert_sql::span(ident.span))
}

/// The parts of a dotted name.
///
/// # Errors
/// When a part is no plain name.
pub(crate) fn name_parts(name: &ast::ObjectName) -> BindResult<Vec<String>> {
    name.0
        .iter()
        .map(|part| {
            part.as_ident()
                .map(|i| i.value.clone())
                .ok_or_else(|| BindError::unsupported(span_of(name), format!("The name '{name}'")))
        })
        .collect()
}

/// A select item's or a VALUES column's name where the user gave none.
pub(crate) fn generated_name(index: usize) -> String {
    format!("EXPR${index}")
}

/// A typed expression under the name by which the user knows it.
#[derive(Debug, Clone)]
pub(crate) struct NamedExpr {
    pub name: String,
    pub expr: TypedExpr,
}
