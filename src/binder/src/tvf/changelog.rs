//! TO_CHANGELOG and FROM_CHANGELOG: the kinds of rows as a column, and back.

use std::sync::Arc;

use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::Expr;
use filbert_functions::TypedExpr;
use filbert_sql::is_default;
use filbert_types::{LogicalType, RowKind, Span};
use sqlparser::ast::{Expr as Ast, Ident, Value, ValueWithSpan};

use crate::binder::{Binder, NamedExpr, span_of};
use crate::error::{BindError, BindResult, available};
use crate::relational::{ChangelogFunction, Relational, RelationalNode};
use crate::scope::Relation;
use crate::tvf::arguments::{descriptor, uid_of};

/// The words for row kinds.
const KINDS: [(&str, RowKind); 4] = [
    ("UPDATE_BEFORE", RowKind::UpdateBefore),
    ("UPDATE_AFTER", RowKind::UpdateAfter),
    ("INSERT", RowKind::Insert),
    ("DELETE", RowKind::Delete),
];
/// The column of operation codes where no DESCRIPTOR names it.
const OP: &str = "op";

impl Binder<'_> {
    /// `TO_CHANGELOG(input => TABLE t, op => DESCRIPTOR(c), op_mapping => MAP[..])`: rows with their kinds as a first
    /// column of codes.
    pub(super) fn kinds_into_codes(
        &mut self,
        input: Relation,
        args: &[Option<&Ast>],
        span: Option<Span>,
    ) -> BindResult<Relation> {
        refuse_on_time(args.get(3).copied().flatten())?;
        let name = op_column(args.get(1).copied().flatten(), span)?;
        if input.columns.iter().any(|c| c.name == name) {
            return Err(BindError::at(
                span,
                format!("Field names must be unique. Found duplicates: [{name}]"),
            ));
        }
        let codes = match mapping_of(args) {
            None => KINDS.map(|(word, kind)| (kind, word.to_owned())).to_vec(),
            Some(mapping) => kinds_to_codes(mapping)?,
        };
        let uid = uid_of(args.get(4).copied().flatten(), span)?;
        let ty = LogicalType::string();
        let op = self.new_column(&name, &ty);
        let mut columns = vec![(name, op.clone(), ty.clone())];
        columns.extend(plain_columns(&input));
        let function = ChangelogFunction::To { codes, uid };
        self.changelog_relation(input, function, Some((op, ty)), columns)
    }

    /// `FROM_CHANGELOG(input => TABLE t, op => DESCRIPTOR(c), op_mapping => MAP[..])`: rows get the kinds that a column
    /// of codes says, and lose that column.
    pub(super) fn kinds_out_of_codes(
        &mut self,
        input: Relation,
        args: &[Option<&Ast>],
        span: Option<Span>,
    ) -> BindResult<Relation> {
        refuse_on_time(args.get(3).copied().flatten())?;
        let name = op_column(args.get(1).copied().flatten(), span)?;
        let Some(op) = input.columns.iter().find(|c| c.name == name) else {
            let names = input.columns.iter().map(|c| c.name.as_str());
            return Err(BindError::at(
                span,
                format!("The op column '{name}' does not exist in the input schema."),
            )
            .with_hint(available("columns", names)));
        };
        if !op.ty.kind.is_character() {
            return Err(BindError::at(
                span,
                format!(
                    "The op column '{name}' must be of STRING type, but was '{}'.",
                    op.ty
                ),
            ));
        }
        let codes = match mapping_of(args) {
            None => KINDS.map(|(word, kind)| (word.to_owned(), kind)).to_vec(),
            Some(mapping) => codes_to_kinds(mapping)?,
        };
        let has = |kind: RowKind| codes.iter().any(|(_, k)| *k == kind);
        if has(RowKind::UpdateAfter) && !has(RowKind::UpdateBefore) {
            return Err(BindError::at(
                span,
                "The 'op_mapping' must include UPDATE_BEFORE for retract mode. Upsert mode (without UPDATE_BEFORE) is not supported in this version.",
            ));
        }
        let function = ChangelogFunction::From {
            op: op.column.clone(),
            codes,
            uid: uid_of(args.get(4).copied().flatten(), span)?,
        };
        let mut columns = plain_columns(&input);
        columns.retain(|(n, _, _)| *n != name);
        self.changelog_relation(input, function, None, columns)
    }

    /// The node, and over it its columns in order.
    fn changelog_relation(
        &mut self,
        input: Relation,
        function: ChangelogFunction,
        added: Option<(Column, LogicalType)>,
        columns: Vec<(String, Column, LogicalType)>,
    ) -> BindResult<Relation> {
        let schema = input.plan.schema();
        let mut fields: Vec<_> = schema
            .iter()
            .map(|(q, f)| (q.cloned(), Arc::clone(f)))
            .collect();
        fields.extend(added.map(|(column, ty)| (None, Arc::new(ty.arrow_field(&column.name)))));
        let schema = DFSchema::new_with_metadata(fields, schema.metadata().clone())?;
        let plan = RelationalNode {
            relational: Relational::ChangelogFunction(function),
            inputs: vec![input.plan],
            schema: Arc::new(schema),
        }
        .into_plan();
        let items = columns
            .into_iter()
            .map(|(name, column, ty)| NamedExpr {
                name,
                expr: TypedExpr::new(Expr::Column(column), ty),
            })
            .collect();
        self.project(plan, items)
    }
}

/// A relation's columns; what leaves a process table function is no time attribute any more.
fn plain_columns(input: &Relation) -> Vec<(String, Column, LogicalType)> {
    let columns = input.columns.iter();
    columns
        .map(|c| {
            (
                c.name.clone(),
                c.column.clone(),
                c.ty.without_time_attribute(),
            )
        })
        .collect()
}

/// The rows of a changelog keep their columns, their time among them.
fn refuse_on_time(ast: Option<&Ast>) -> BindResult<()> {
    match ast.filter(|ast| !is_default(ast)) {
        None => Ok(()),
        Some(ast) => Err(BindError::unsupported(
            span_of(ast),
            "The argument 'on_time' of TO_CHANGELOG and FROM_CHANGELOG",
        )),
    }
}

/// The one column that a DESCRIPTOR names.
fn op_column(ast: Option<&Ast>, span: Option<Span>) -> BindResult<String> {
    let Some(ast) = ast.filter(|ast| !is_default(ast)) else {
        return Ok(OP.to_owned());
    };
    let span = span_of(ast).or(span);
    let Some(items) = descriptor(ast) else {
        return Err(BindError::at(
            span,
            "The argument 'op' must be DESCRIPTOR(column).",
        ));
    };
    let names: Vec<&Ident> = items.into_iter().flatten().collect();
    match names.as_slice() {
        [only] => Ok(only.value.clone()),
        _ => Err(BindError::at(
            span,
            "The descriptor for argument 'op' must contain exactly one column name.",
        )),
    }
}

/// The mapping that was given; NULL says that none was.
fn mapping_of<'a>(args: &[Option<&'a Ast>]) -> Option<&'a Ast> {
    let ast = args.get(2).copied().flatten()?;
    let mut inner = ast;
    while let Ast::Cast { expr, .. } | Ast::Nested(expr) = inner {
        inner = expr;
    }
    let is_null = matches!(inner, Ast::Value(value) if value.value == Value::Null);
    (!is_null && !is_default(ast)).then_some(ast)
}

/// The place of a mapping. The tree keeps none of MAP literals, but of what they hold.
fn place_of(ast: &Ast) -> Option<Span> {
    match ast {
        Ast::Map(map) => map.entries.iter().find_map(|e| span_of(e.key.as_ref())),
        _ => span_of(ast),
    }
}

/// The pairs of texts of a MAP literal; of equal keys the last counts.
fn pairs(ast: &Ast) -> BindResult<Vec<(&str, &str)>> {
    let wrong = || {
        BindError::at(
            place_of(ast),
            "The argument 'op_mapping' must be a MAP of texts: MAP['INSERT', 'I'].",
        )
    };
    let Ast::Map(map) = ast else {
        return Err(wrong());
    };
    let mut pairs: Vec<(&str, &str)> = Vec::with_capacity(map.entries.len());
    for entry in &map.entries {
        let key = literal(&entry.key).ok_or_else(wrong)?;
        pairs.retain(|(k, _)| *k != key);
        pairs.push((key, literal(&entry.value).ok_or_else(wrong)?));
    }
    Ok(pairs)
}

fn literal(ast: &Ast) -> Option<&str> {
    match ast {
        Ast::Value(ValueWithSpan {
            value: Value::SingleQuotedString(text),
            ..
        }) => Some(text),
        _ => None,
    }
}

fn kind_of(word: &str, ast: &Ast) -> BindResult<RowKind> {
    let known = KINDS.iter().find(|(name, _)| *name == word);
    known.map(|(_, kind)| *kind).ok_or_else(|| {
        BindError::at(
            place_of(ast),
            format!(
                "Invalid target mapping for argument 'op_mapping'. Unknown change operation: '{word}'. Valid values are: [UPDATE_BEFORE, UPDATE_AFTER, INSERT, DELETE]."
            ),
        )
    })
}

fn duplicate(what: &str, ast: &Ast) -> BindError {
    BindError::at(
        place_of(ast),
        format!("Invalid target mapping for argument 'op_mapping'. Duplicate {what}."),
    )
}

/// `MAP['INSERT, UPDATE_AFTER', 'U']`: the code of each kind.
fn kinds_to_codes(ast: &Ast) -> BindResult<Vec<(RowKind, String)>> {
    let mut codes: Vec<(RowKind, String)> = Vec::new();
    for (kinds, code) in pairs(ast)? {
        for word in kinds.split(',').map(str::trim) {
            let kind = kind_of(word, ast)?;
            if codes.iter().any(|(k, _)| *k == kind) {
                return Err(duplicate(&format!("change operation: '{word}'"), ast));
            }
            codes.push((kind, code.to_owned()));
        }
    }
    Ok(codes)
}

/// `MAP['c, r', 'INSERT']`: the kind of each code.
fn codes_to_kinds(ast: &Ast) -> BindResult<Vec<(String, RowKind)>> {
    let mut kinds: Vec<(String, RowKind)> = Vec::new();
    for (codes, word) in pairs(ast)? {
        let word = word.trim();
        let kind = kind_of(word, ast)?;
        if kinds.iter().any(|(_, k)| *k == kind) {
            return Err(duplicate(&format!("change operation: '{word}'"), ast).with_hint(
                "Use comma-separated keys to map multiple codes to the same operation (e.g., MAP['c, r', 'INSERT']).",
            ));
        }
        for code in codes.split(',').map(str::trim) {
            if kinds.iter().any(|(c, _)| c == code) {
                return Err(duplicate(&format!("operation code: '{code}'"), ast));
            }
            kinds.push((code.to_owned(), kind));
        }
    }
    Ok(kinds)
}
