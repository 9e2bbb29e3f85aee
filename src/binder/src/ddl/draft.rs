//! A table's columns, watermark and key before they are resolved.

use std::rc::Rc;

use filbert_functions::TypedExpr;
use filbert_sql::{
    ColumnDef, ColumnDefKind, Enforcement, KeyDef, KeyKind, ScalarExpr, WatermarkDef,
};
use filbert_types::{
    Column, ColumnKind, LogicalType, PrimaryKey, ResolvedSchema, Span, TimeKind, TypeKind,
    WatermarkSpec,
};
use sqlparser::ast;

use super::canonical::canonical;
use crate::binder::Binder;
use crate::error::{BindError, BindResult, available};
use crate::expr::ExprCx;
use crate::scope::{Scope, ScopeColumn};

/// An expression as the statement has it, or as text that a catalog kept.
#[derive(Clone)]
pub(super) enum Source {
    Written(Box<ScalarExpr>),
    Stored(String),
}

#[derive(Clone)]
pub(super) enum DraftKind {
    Physical(LogicalType),
    Computed(Source),
    Metadata {
        ty: LogicalType,
        key: Option<String>,
        is_virtual: bool,
    },
}

#[derive(Clone)]
pub(super) struct DraftColumn {
    pub name: String,
    pub kind: DraftKind,
    pub comment: Option<String>,
    pub span: Option<Span>,
}

#[derive(Clone)]
pub(super) struct DraftWatermark {
    pub column: Vec<String>,
    pub expression: Source,
    pub span: Option<Span>,
}

#[derive(Clone)]
pub(super) struct DraftKey {
    pub name: Option<String>,
    pub columns: Vec<String>,
    pub span: Option<Span>,
}

impl DraftKey {
    /// The constraint's name: the one given, or Flink's own.
    pub fn name(&self) -> String {
        self.name
            .clone()
            .unwrap_or_else(|| format!("PK_{}", self.columns.join("_")))
    }
}

/// A schema of which nothing is checked yet.
#[derive(Clone, Default)]
pub(super) struct Draft {
    pub columns: Vec<DraftColumn>,
    pub watermark: Option<DraftWatermark>,
    pub key: Option<DraftKey>,
}

impl DraftColumn {
    pub fn of(def: &ColumnDef) -> DraftColumn {
        DraftColumn {
            name: def.name.value.clone(),
            kind: match &def.kind {
                ColumnDefKind::Physical { ty, .. } => {
                    DraftKind::Physical(ty.without_field_comments())
                }
                ColumnDefKind::Computed(expr) => {
                    DraftKind::Computed(Source::Written(Box::new(expr.clone())))
                }
                ColumnDefKind::Metadata {
                    ty,
                    key,
                    is_virtual,
                } => DraftKind::Metadata {
                    ty: ty.without_field_comments(),
                    key: key.as_ref().map(|k| k.value.clone()),
                    is_virtual: *is_virtual,
                },
            },
            comment: def.comment.as_ref().map(|c| c.value.clone()),
            span: Some(def.name.span),
        }
    }

    /// What a metadata column asks its connector for.
    fn metadata_key(&self) -> Option<&str> {
        match &self.kind {
            DraftKind::Metadata { key, .. } => Some(key.as_deref().unwrap_or(&self.name)),
            _ => None,
        }
    }

    pub fn stored(column: &Column) -> DraftColumn {
        DraftColumn {
            name: column.name.clone(),
            kind: match &column.kind {
                ColumnKind::Physical => DraftKind::Physical(column.ty.without_time_attribute()),
                ColumnKind::Computed { expression } => {
                    DraftKind::Computed(Source::Stored(expression.clone()))
                }
                ColumnKind::Metadata { key, is_virtual } => DraftKind::Metadata {
                    ty: column.ty.without_time_attribute(),
                    key: key.clone(),
                    is_virtual: *is_virtual,
                },
            },
            comment: column.comment.clone(),
            span: None,
        }
    }
}

impl Draft {
    /// The draft that resolves to this schema.
    pub fn stored(schema: &ResolvedSchema) -> Draft {
        Draft {
            columns: schema.columns.iter().map(DraftColumn::stored).collect(),
            watermark: schema.watermark.as_ref().map(|w| DraftWatermark {
                column: w.column.clone(),
                expression: Source::Stored(w.expression.clone()),
                span: None,
            }),
            key: schema.primary_key.as_ref().map(|k| DraftKey {
                name: Some(k.name.clone()),
                columns: k.columns.clone(),
                span: None,
            }),
        }
    }

    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == name)
    }
}

pub(super) fn draft_watermark(defs: &[WatermarkDef]) -> BindResult<Option<DraftWatermark>> {
    if let Some(second) = defs.get(1) {
        return Err(BindError::at(
            Some(second.span),
            "Multiple WATERMARK declarations are not supported yet.",
        ));
    }
    Ok(defs.first().map(|def| DraftWatermark {
        column: def.column.parts.iter().map(|p| p.value.clone()).collect(),
        expression: Source::Written(Box::new(def.expr.clone())),
        span: Some(def.column.span),
    }))
}

/// The one PRIMARY KEY among a table's and its columns' constraints.
pub(super) fn draft_key(keys: &[&KeyDef]) -> BindResult<Option<DraftKey>> {
    if let Some(second) = keys.get(1) {
        return Err(BindError::at(
            Some(second.span),
            "Duplicate primary key definition",
        ));
    }
    let Some(key) = keys.first() else {
        return Ok(None);
    };
    let span = Some(key.span);
    if key.kind == KeyKind::Unique {
        return Err(BindError::at(
            span,
            "UNIQUE constraint is not supported yet",
        ));
    }
    if key.enforcement != Enforcement::NotEnforced {
        return Err(BindError::at(
            span,
            "Flink doesn't support ENFORCED mode for PRIMARY KEY constraint. ENFORCED/NOT ENFORCED controls if the constraint checks are performed on the incoming/outgoing data. Flink does not own the data therefore the only supported mode is the NOT ENFORCED mode",
        )
        .with_hint("Write PRIMARY KEY (..) NOT ENFORCED."));
    }
    Ok(Some(DraftKey {
        name: key.name.as_ref().map(|n| n.value.clone()),
        columns: key.columns.iter().map(|c| c.value.clone()).collect(),
        span,
    }))
}

/// No name stands twice, and no metadata is asked for twice.
fn check_columns(columns: &[DraftColumn]) -> BindResult<()> {
    for (i, column) in columns.iter().enumerate() {
        if columns[..i].iter().any(|c| c.name == column.name) {
            return Err(BindError::at(
                column.span,
                format!(
                    "A column named '{}' already exists in the table.",
                    column.name
                ),
            ));
        }
        let Some(key) = column.metadata_key() else {
            continue;
        };
        let earlier = &columns[..i];
        if let Some(first) = earlier.iter().find(|c| c.metadata_key() == Some(key)) {
            return Err(BindError::at(
                column.span,
                format!(
                    "The column `{}` and `{}` in the table are both from the same metadata key '{key}'. Please specify \
                     one of the columns as the metadata column and use the computed column syntax to specify the others.",
                    first.name, column.name
                ),
            ));
        }
    }
    Ok(())
}

impl Binder<'_> {
    /// Types the computed columns and the watermark, applies the key, and checks it all.
    pub(super) fn resolve_draft(&mut self, draft: Draft) -> BindResult<ResolvedSchema> {
        check_columns(&draft.columns)?;
        let key = draft
            .key
            .map(|k| check_key(k, &draft.columns))
            .transpose()?;
        let in_key = |name: &str| {
            key.as_ref()
                .is_some_and(|k| k.columns.iter().any(|c| c == name))
        };
        let stored: Vec<(String, LogicalType)> = draft
            .columns
            .iter()
            .filter_map(|c| match &c.kind {
                DraftKind::Physical(ty) | DraftKind::Metadata { ty, .. } => {
                    let ty = ty.with_nullable(ty.nullable && !in_key(&c.name));
                    Some((c.name.clone(), ty))
                }
                DraftKind::Computed(_) => None,
            })
            .collect();
        let scope = self.schema_scope("t", &stored);
        let mut columns = Vec::with_capacity(draft.columns.len());
        for column in draft.columns {
            let (ty, kind) = match column.kind {
                DraftKind::Physical(ty) => (ty, ColumnKind::Physical),
                DraftKind::Metadata {
                    ty,
                    key,
                    is_virtual,
                } => (ty, ColumnKind::Metadata { key, is_virtual }),
                DraftKind::Computed(source) => {
                    let what = format!("computed column '{}'", column.name);
                    let (bound, expression) = self.schema_expr(&source, &scope, &what)?;
                    (bound.ty, ColumnKind::Computed { expression })
                }
            };
            let nullable = ty.nullable && !in_key(&column.name);
            columns.push(Column {
                ty: ty.with_nullable(nullable),
                name: column.name,
                kind,
                comment: column.comment,
            });
        }
        let watermark = match draft.watermark {
            Some(watermark) => Some(self.resolve_watermark(&watermark, &mut columns)?),
            None => None,
        };
        Ok(ResolvedSchema {
            columns,
            watermark,
            primary_key: key,
        })
    }

    fn schema_scope(&mut self, relation: &str, columns: &[(String, LogicalType)]) -> Rc<Scope> {
        let relation = self.names.relation(relation);
        let columns = columns
            .iter()
            .map(|(name, ty)| ScopeColumn {
                name: name.clone(),
                column: datafusion::common::Column::new(Some(relation.clone()), name),
                ty: ty.clone(),
            })
            .collect();
        Rc::new(Scope::of_columns(columns))
    }

    /// Binds an expression over a table's columns; gives its text as Flink prints it too.
    fn schema_expr(
        &mut self,
        source: &Source,
        scope: &Rc<Scope>,
        what: &str,
    ) -> BindResult<(TypedExpr, String)> {
        let text = match source {
            Source::Written(expr) => {
                self.schema_ast(&expr.ast, scope).map_err(|e| BindError {
                    message: format!("Invalid expression for {what}: {}", e.message),
                    ..e
                })?;
                &expr.text
            }
            Source::Stored(text) => text,
        };
        let wrong = |e: String| BindError::new(format!("Invalid expression for {what}: {e}"));
        let parsed = filbert_sql::parse_expr(text).map_err(|e| wrong(e.to_string()))?;
        let outside = self.edits.replace(Vec::new());
        let bound = self.schema_ast(&parsed.ast, scope);
        let edits = std::mem::replace(&mut self.edits, outside).unwrap_or_default();
        let bound = bound.map_err(|e| wrong(e.to_string()))?;
        let text = canonical(text, &edits, false).unwrap_or_else(|| text.clone());
        Ok((bound, text))
    }

    fn schema_ast(&mut self, ast: &ast::Expr, scope: &Rc<Scope>) -> BindResult<TypedExpr> {
        let mut cx = ExprCx::plain(scope, "a table's schema");
        let bound = self.expr(ast, &mut cx)?;
        if crate::expr::has_subquery(&bound.expr) {
            return Err(BindError::new(
                "it holds a subquery, which is not allowed here",
            ));
        }
        Ok(bound)
    }

    fn resolve_watermark(
        &mut self,
        watermark: &DraftWatermark,
        columns: &mut [Column],
    ) -> BindResult<WatermarkSpec> {
        let name = watermark.column.join(".");
        let at = |message: String| BindError::at(watermark.span, message);
        let Some(index) = columns.iter().position(|c| c.name == name) else {
            let names = || columns.iter().map(|c| c.name.as_str());
            let hint = filbert_types::suggest::nearest(&name, names()).map_or_else(
                || available("columns", names()),
                |near| format!("Did you mean '{near}'?"),
            );
            return Err(at(format!(
                "The rowtime attribute field '{name}' is not defined in the table schema"
            ))
            .with_hint(hint));
        };
        let time = columns[index].ty.clone();
        if time.kind.time_kind() == TimeKind::Proctime {
            return Err(at(
                "A watermark can not be defined for a processing-time attribute.".to_string(),
            ));
        }
        if !is_time_type(&time) {
            return Err(at(format!(
                "Invalid data type of time field for watermark definition. The field must be of type TIMESTAMP(p) or TIMESTAMP_LTZ(p), the supported precision 'p' is from 0 to 3, but the time field type is {time}"
            )));
        }
        let spec = |expression: String| WatermarkSpec {
            column: watermark.column.clone(),
            expression,
        };
        let expression = if is_source_watermark(&watermark.expression) {
            "SOURCE_WATERMARK()".to_string()
        } else {
            let all: Vec<(String, LogicalType)> = columns
                .iter()
                .map(|c| (c.name.clone(), c.ty.clone()))
                .collect();
            let scope = self.schema_scope("t", &all);
            let what = format!("watermark '{name}'");
            let (bound, text) = self.schema_expr(&watermark.expression, &scope, &what)?;
            if !is_time_type(&bound.ty) {
                return Err(at(format!(
                    "Invalid data type of expression for watermark definition. The field must be of type TIMESTAMP(p) or TIMESTAMP_LTZ(p), the supported precision 'p' is from 0 to 3, but the watermark expression type is {}",
                    bound.ty
                )));
            }
            if std::mem::discriminant(&bound.ty.kind) != std::mem::discriminant(&time.kind) {
                return Err(at(format!(
                    "The watermark declaration's output data type '{}' is different from the time field's data type '{time}'.",
                    bound.ty
                )));
            }
            text
        };
        columns[index].ty = time.with_time_kind(TimeKind::Rowtime);
        Ok(spec(expression))
    }
}

fn is_time_type(ty: &LogicalType) -> bool {
    matches!(
        ty.kind,
        TypeKind::Timestamp { precision, .. } | TypeKind::TimestampLtz { precision, .. }
            if precision <= 3
    )
}

fn is_source_watermark(source: &Source) -> bool {
    let text = match source {
        Source::Written(expr) => &expr.text,
        Source::Stored(text) => text,
    };
    crate::table::is_source_watermark(text)
}

fn check_key(key: DraftKey, columns: &[DraftColumn]) -> BindResult<PrimaryKey> {
    let name = key.name();
    for (i, column) in key.columns.iter().enumerate() {
        if key.columns[..i].contains(column) {
            return Err(BindError::at(
                key.span,
                format!(
                    "Invalid primary key '{name}'. A primary key must not contain duplicate columns. Found: [{column}]"
                ),
            ));
        }
        match columns.iter().find(|c| c.name == *column) {
            None => {
                return Err(BindError::at(
                    key.span,
                    format!("Primary key column '{column}' is not defined in the schema"),
                )
                .with_hint(available(
                    "columns",
                    columns.iter().map(|c| c.name.as_str()),
                )));
            }
            Some(DraftColumn {
                kind: DraftKind::Physical(_),
                ..
            }) => {}
            Some(_) => {
                return Err(BindError::at(
                    key.span,
                    format!(
                        "Invalid primary key '{name}'. Column '{column}' is not a physical column."
                    ),
                ));
            }
        }
    }
    Ok(PrimaryKey {
        name,
        columns: key.columns,
    })
}
