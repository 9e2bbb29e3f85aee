//! Catalog tables and views in FROM.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use datafusion::common::{Column, TableReference};
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, TableScanBuilder};
use filbert_connector_api::{CatalogObject, CatalogView};
use filbert_sql::{HintArgs, OptionEntry};
use filbert_types::{
    CatalogTable, ColumnKind, Field, LogicalType, ObjectPath, Span, TimeKind, TypeKind,
};
use sqlparser::ast::{self, Expr as Ast, TableAlias, TableFactor, TableVersion};

use crate::binder::{Binder, NamedExpr, ident_span, name_parts, span_of};
use crate::bound::BoundTable;
use crate::cte::rename_columns;
use crate::ddl::quoted;
use crate::error::{BindError, BindResult, available};
use crate::expr::ExprCx;
use crate::from::From;
use crate::relational::{Relational, RelationalNode};
use crate::scope::{Relation, Scope, ScopeColumn, ScopeRelation};

impl Binder<'_> {
    /// A name in FROM: a WITH query, a table or a view.
    pub fn table(&mut self, factor: &TableFactor) -> BindResult<From> {
        let TableFactor::Table {
            name,
            alias,
            args: None,
            with_hints,
            version: None,
            with_ordinality: false,
            partitions,
            json_path: None,
            sample,
            index_hints,
        } = factor
        else {
            return Err(BindError::unsupported(
                span_of(factor),
                format!("The relation '{factor}'"),
            ));
        };
        if sample.is_some() {
            return Err(BindError::unsupported(span_of(factor), "TABLESAMPLE"));
        }
        if !with_hints.is_empty() || !partitions.is_empty() || !index_hints.is_empty() {
            return Err(BindError::unsupported(
                span_of(factor),
                format!("What follows the table's name in '{factor}'"),
            ));
        }
        let hints = self.table_hints(factor)?;
        self.named_relation(name, alias.as_ref(), hints)
    }

    /// `TABLE t` as a query.
    pub fn table_query(&mut self, table: &ast::Table) -> BindResult<Relation> {
        let parts: Vec<ast::Ident> = [&table.schema_name, &table.table_name]
            .into_iter()
            .flatten()
            .map(ast::Ident::new)
            .collect();
        let from = self.named_relation(&ast::ObjectName::from(parts), None, BTreeMap::new())?;
        let columns = from.scope.columns().cloned().collect();
        Ok(Relation {
            plan: from.plan,
            columns,
        })
    }

    /// A table's name in FROM.
    pub fn named_relation(
        &mut self,
        name: &ast::ObjectName,
        alias: Option<&TableAlias>,
        hints: BTreeMap<String, String>,
    ) -> BindResult<From> {
        self.relation_of(name, alias, hints, true)
    }

    /// A table's name as an argument (`TABLE t`), where the text takes no alias.
    pub fn argument_relation(
        &mut self,
        name: &ast::ObjectName,
        hints: BTreeMap<String, String>,
    ) -> BindResult<From> {
        self.relation_of(name, None, hints, false)
    }

    fn relation_of(
        &mut self,
        name: &ast::ObjectName,
        alias: Option<&TableAlias>,
        hints: BTreeMap<String, String>,
        takes_alias: bool,
    ) -> BindResult<From> {
        let parts = name_parts(name)?;
        let span = span_of(name);
        self.count_relation()?;
        if let [only] = parts.as_slice()
            && let Some(relation) = self.use_cte(only)
        {
            if !hints.is_empty() {
                return Err(options_refused(&format!("WITH query '{only}'"), span));
            }
            self.note_table(span, alias, quoted(only), only, takes_alias);
            return with_alias(relation?, alias, only, None);
        }
        let (path, object) = self.catalog_object(&parts, span)?;
        let last = path.object.clone();
        self.note_table(span, alias, path.quoted(), &last, takes_alias);
        let relation = match object {
            CatalogObject::Table(table) => {
                let shown = alias.map_or(last.as_str(), |a| a.name.value.as_str());
                self.scan(&path, table, hints, shown)
                    .map_err(|e| e.or_at(span))?
            }
            CatalogObject::View(view) => {
                if !hints.is_empty() {
                    return Err(options_refused(&format!("View '{}'", path.quoted()), span));
                }
                self.view(&path, &view, span)?
            }
        };
        with_alias(relation, alias, &last, Some(path))
    }

    /// A name's full path.
    pub fn qualify(&self, parts: &[String], span: Option<Span>) -> BindResult<ObjectPath> {
        self.cx
            .catalog
            .qualify(parts)
            .map_err(|e| BindError::at(span, e.to_string()))
    }

    /// What a name means in the catalog.
    pub fn catalog_object(
        &self,
        parts: &[String],
        span: Option<Span>,
    ) -> BindResult<(ObjectPath, CatalogObject)> {
        let path = self.qualify(parts, span)?;
        let found = self
            .cx
            .catalog
            .resolve(&path)
            .map_err(|e| BindError::at(span, e.to_string()))?;
        if let Some(object) = found {
            return Ok((path, object));
        }
        if let [only] = parts
            && self.ctes.iter().any(|c| c.is_recursion && c.name == *only)
        {
            let what = format!("A query of WITH RECURSIVE that reads itself, as '{only}' does,");
            return Err(BindError::unsupported(span, what));
        }
        let neighbours = self.cx.catalog.neighbours(&path);
        let names: Vec<&str> = neighbours
            .iter()
            .map(String::as_str)
            .chain(self.ctes.iter().map(|c| c.name.as_str()))
            .collect();
        let databases = self.cx.catalog.databases(&path.catalog);
        let no_database = !databases.is_empty() && !databases.contains(&path.database);
        let hint = if no_database {
            let near = filbert_types::suggest::nearest(
                &path.database,
                databases.iter().map(String::as_str),
            );
            near.map_or_else(
                || available("databases", databases.iter().map(String::as_str)),
                |near| {
                    format!(
                        "There is no database '{}'. Did you mean '{near}'?",
                        path.database
                    )
                },
            )
        } else {
            filbert_types::suggest::nearest(&path.object, names.iter().copied()).map_or_else(
                || available("tables", names.iter().copied()),
                |near| format!("Did you mean '{near}'?"),
            )
        };
        Err(BindError::at(
            span,
            format!(
                "Object '{}' not found within '{}.{}'.",
                path.object, path.catalog, path.database
            ),
        )
        .with_hint(hint))
    }

    /// Notes a table's name in full, and the alias that the user left out.
    fn note_table(
        &mut self,
        span: Option<Span>,
        alias: Option<&TableAlias>,
        full: String,
        last: &str,
        takes_alias: bool,
    ) {
        self.note_with_tail(span, || {
            let tail = match alias {
                Some(alias) if !alias.explicit => "AS".to_owned(),
                None if takes_alias => format!("AS {}", quoted(last)),
                _ => String::new(),
            };
            (full, tail)
        });
        if let Some(alias) = alias {
            self.note(ident_span(&alias.name), || quoted(&alias.name.value));
        }
    }

    /// The OPTIONS hint behind a table.
    fn table_hints(&self, factor: &TableFactor) -> BindResult<BTreeMap<String, String>> {
        let hints = Rc::clone(&self.hints);
        for hint in hints.of_table(factor) {
            if hint.is("OPTIONS") && !matches!(hint.args, HintArgs::Options(_)) {
                return Err(BindError::at(
                    Some(hint.name.span),
                    "The OPTIONS hint takes pairs: OPTIONS('key' = 'value')",
                ));
            }
        }
        self.dynamic_options(&hints.table_options(factor))
    }

    /// Options given where a table is used.
    pub fn dynamic_options(&self, entries: &[OptionEntry]) -> BindResult<BTreeMap<String, String>> {
        if let Some(first) = entries.first()
            && !self.cx.dynamic_options
        {
            return Err(BindError::at(
                Some(first.key.span),
                "The 'OPTIONS' hint is allowed only when the config option 'table.dynamic-table-options.enabled' is set to true.",
            ));
        }
        Ok(entries
            .iter()
            .map(|e| (e.key.value.clone(), e.value.value.clone()))
            .collect())
    }

    /// A view's query, bound where only the catalog is seen.
    fn view(
        &mut self,
        path: &ObjectPath,
        view: &CatalogView,
        span: Option<Span>,
    ) -> BindResult<Relation> {
        let in_view = |e: String| {
            BindError::at(
                span,
                format!("The view {} can't be read: {e}", path.quoted()),
            )
        };
        if self.views.contains(path) {
            return Err(in_view("it refers to itself".to_string()));
        }
        self.views.push(path.clone());
        let relation = self.kept_query(&view.expanded_query);
        self.views.pop();
        let mut relation = relation.map_err(|e| in_view(e.to_string()))?;
        if relation.columns.len() != view.schema.columns.len() {
            return Err(in_view(format!(
                "its query gives {} columns where it has {}",
                relation.columns.len(),
                view.schema.columns.len()
            )));
        }
        let names: Vec<ast::Ident> = view
            .schema
            .columns
            .iter()
            .map(|c| ast::Ident::new(&c.name))
            .collect();
        rename_columns(&mut relation, &names)?;
        Ok(relation)
    }

    /// A query that was kept as text, bound where only the catalog is seen.
    pub fn kept_query(&mut self, text: &str) -> BindResult<Relation> {
        let query = filbert_sql::parse_query(text).map_err(|e| BindError::new(e.to_string()))?;
        let hints = Rc::clone(&self.hints);
        let matches = Rc::clone(&self.matches);
        let relation = self.isolated(|binder| binder.text(&query));
        self.matches = matches;
        self.hints = hints;
        relation
    }

    /// Reads a table: the scan, then computed columns, then the watermark.
    pub fn scan(
        &mut self,
        path: &ObjectPath,
        table: CatalogTable,
        hint_options: BTreeMap<String, String>,
        shown: &str,
    ) -> BindResult<Relation> {
        let relation_name = self.names.relation(shown);
        let schema = table.schema.clone();
        let stored = self.stored_columns(&table, &relation_name);
        let metadata = metadata_fields(&table);
        let fields: Vec<Field> = stored
            .iter()
            .map(|c| Field::new(&c.column.name, c.ty.clone()))
            .collect();
        let source = BoundTable {
            path: path.clone(),
            table,
            hint_options,
            metadata,
            schema: filbert_types::schema::arrow_schema(&fields),
        };
        let scan = TableScanBuilder::new(relation_name, Arc::new(source)).build()?;
        let mut plan = LogicalPlan::TableScan(scan);
        let mut columns = Vec::with_capacity(schema.columns.len());
        let scope = Rc::new(Scope::of(ScopeRelation {
            alias: None,
            path: None,
            columns: stored.clone(),
        }));
        let mut items = Vec::with_capacity(schema.columns.len());
        for column in &schema.columns {
            let expr = match &column.kind {
                ColumnKind::Computed { expression } => {
                    self.computed_column(&column.name, expression, &scope)?
                }
                _ => match scope.column(&column.name, None)? {
                    Some(expr) => expr,
                    None => {
                        return Err(BindError::new(format!("Column '{}' is lost", column.name)));
                    }
                },
            };
            items.push(NamedExpr {
                name: column.name.clone(),
                expr,
            });
        }
        let projected = self.project(plan, items)?;
        plan = projected.plan;
        columns.extend(projected.columns);
        let mut relation = Relation { plan, columns };
        if let Some(watermark) = &schema.watermark {
            relation = self.watermark(relation, watermark)?;
        }
        Ok(relation)
    }

    /// Physical columns, then metadata columns.
    fn stored_columns(
        &mut self,
        table: &CatalogTable,
        relation: &TableReference,
    ) -> Vec<ScopeColumn> {
        let metadata = table
            .schema
            .columns
            .iter()
            .filter(|c| matches!(c.kind, ColumnKind::Metadata { .. }));
        let stored: Vec<ScopeColumn> = table
            .schema
            .physical_columns()
            .chain(metadata)
            .map(|c| ScopeColumn {
                name: c.name.clone(),
                column: Column::new(Some(relation.clone()), &c.name),
                ty: c.ty.without_time_attribute(),
            })
            .collect();
        for column in &stored {
            self.types.insert(&column.column, column.ty.clone());
        }
        stored
    }

    fn computed_column(
        &mut self,
        name: &str,
        text: &str,
        scope: &Rc<Scope>,
    ) -> BindResult<filbert_functions::TypedExpr> {
        let wrong = |e: String| {
            BindError::new(format!(
                "Invalid expression for computed column '{name}': {e}"
            ))
        };
        let parsed = filbert_sql::parse_expr(text).map_err(|e| wrong(e.to_string()))?;
        self.isolated(|binder| {
            let mut cx = ExprCx::plain(scope, "computed column");
            binder.expr(&parsed.ast, &mut cx)
        })
        .map_err(|e| wrong(e.to_string()))
    }

    /// In batch mode a rowtime is an ordinary timestamp, and nobody waits for watermarks.
    fn watermark(
        &mut self,
        relation: Relation,
        spec: &filbert_types::WatermarkSpec,
    ) -> BindResult<Relation> {
        if self.cx.exprs.batch {
            return Ok(relation);
        }
        let mut relation = relation;
        let wrong = |e: String| {
            BindError::new(format!(
                "Invalid expression for watermark '{}': {e}",
                spec.column.join(".")
            ))
        };
        let [name] = spec.column.as_slice() else {
            return Err(wrong(
                "a rowtime inside of a ROW column is not supported".into(),
            ));
        };
        let Some(index) = relation.columns.iter().position(|c| c.name == *name) else {
            return Err(wrong("there is no such column".into()));
        };
        let column = &mut relation.columns[index];
        let untimed = column.ty.clone();
        column.ty = as_rowtime(&column.ty);
        self.types.insert(&column.column, column.ty.clone());
        let rowtime = column.column.clone();
        if is_source_watermark(&spec.expression) {
            // The source emits its own.
            return Ok(relation);
        }
        let mut seen = relation.columns.clone();
        seen[index].ty = untimed;
        let parsed = filbert_sql::parse_expr(&spec.expression).map_err(|e| wrong(e.to_string()))?;
        let scope = Rc::new(Scope::of(ScopeRelation {
            alias: None,
            path: None,
            columns: seen,
        }));
        let watermark = self
            .isolated(|binder| {
                let mut cx = ExprCx::plain(&scope, "WATERMARK");
                binder.expr(&parsed.ast, &mut cx)
            })
            .map_err(|e| wrong(e.to_string()))?;
        let node = RelationalNode {
            schema: Arc::clone(relation.plan.schema()),
            relational: Relational::WatermarkAssigner {
                rowtime,
                watermark: watermark.expr,
            },
            inputs: vec![relation.plan],
        };
        Ok(Relation {
            plan: extension(node),
            columns: relation.columns,
        })
    }

    /// `t FOR SYSTEM_TIME AS OF l.ts`: the rows as of the left row's time.
    pub fn snapshot(
        &mut self,
        left: &From,
        factor: &TableFactor,
        version: &TableVersion,
    ) -> BindResult<From> {
        let TableVersion::ForSystemTimeAsOf(period) = version else {
            return Err(BindError::unsupported(
                span_of(factor),
                format!("The version '{version}'"),
            ));
        };
        let mut plain = factor.clone();
        if let TableFactor::Table { version, .. } = &mut plain {
            *version = None;
        }
        let mut right = self.table(&plain)?;
        let bound = self.expr_of_left(left, period, "FOR SYSTEM_TIME AS OF");
        if let TableFactor::Table { name, .. } = factor {
            // The alias stands behind the time.
            self.move_tail(span_of(name), span_of(period));
        }
        let bound = bound?;
        if !bound.ty.kind.is_timestamp() {
            return Err(BindError::at(
                span_of(period),
                format!(
                    "The system time period specification expects Timestamp type but is '{}'",
                    bound.ty
                ),
            ));
        }
        if !is_name(period) {
            return Err(time_travel(period, &bound.expr, factor));
        }
        let node = RelationalNode {
            schema: Arc::clone(right.plan.schema()),
            relational: Relational::Snapshot {
                period: bound.expr,
                history: None,
            },
            inputs: vec![right.plan],
        };
        right.plan = extension(node);
        Ok(right)
    }
}

/// What Flink takes for a column: a name, also that of a function without parentheses.
fn is_name(period: &Ast) -> bool {
    match period {
        Ast::Identifier(_) | Ast::CompoundIdentifier(_) => true,
        Ast::Function(call) => matches!(call.args, sqlparser::ast::FunctionArguments::None),
        _ => false,
    }
}

/// `FOR SYSTEM_TIME AS OF TIMESTAMP '..'` asks the catalog for a table as it was; none can tell.
fn time_travel(period: &Ast, bound: &Expr, factor: &TableFactor) -> BindError {
    let is_constant =
        !bound.contains_outer() && bound.column_refs().is_empty() && !bound.is_volatile();
    let message = match is_constant {
        false => format!(
            "Unsupported time travel expression: {period} for the expression can not be reduced to a constant by Flink."
        ),
        true => {
            let TableFactor::Table { name, .. } = factor else {
                return BindError::unsupported(span_of(factor), "FOR SYSTEM_TIME AS OF a constant");
            };
            format!(
                "Time travel is not supported: getTable(ObjectPath, long) is not implemented by the catalog of table '{name}'."
            )
        }
    };
    BindError::at(span_of(period), message)
}

pub(crate) fn extension(node: RelationalNode) -> LogicalPlan {
    LogicalPlan::Extension(Extension {
        node: Arc::new(node),
    })
}

fn with_alias(
    relation: Relation,
    alias: Option<&TableAlias>,
    name: &str,
    path: Option<ObjectPath>,
) -> BindResult<From> {
    if alias.is_some() {
        return crate::from::aliased(relation, alias);
    }
    let mut from = From::of(relation, Some(name.to_string()));
    if let Some(only) = from.scope.relations.first_mut() {
        only.path = path;
    }
    Ok(from)
}

fn metadata_fields(table: &CatalogTable) -> Vec<Field> {
    table
        .schema
        .columns
        .iter()
        .filter_map(|c| match &c.kind {
            ColumnKind::Metadata { key, .. } => {
                Some(Field::new(key.as_ref().unwrap_or(&c.name), c.ty.clone()))
            }
            _ => None,
        })
        .collect()
}

fn options_refused(what: &str, span: Option<Span>) -> BindError {
    BindError::at(
        span,
        format!("{what} cannot be enriched with new options. Hints can only be applied to tables."),
    )
}

/// The timestamp type as a rowtime attribute.
pub(crate) fn as_rowtime(ty: &LogicalType) -> LogicalType {
    as_time_attribute(ty, TimeKind::Rowtime)
}

pub(crate) fn as_time_attribute(ty: &LogicalType, time: TimeKind) -> LogicalType {
    let mut ty = ty.clone();
    if let TypeKind::Timestamp { kind, .. } | TypeKind::TimestampLtz { kind, .. } = &mut ty.kind {
        *kind = time;
    }
    ty
}

/// `SOURCE_WATERMARK()`: the source knows its watermarks.
pub fn is_source_watermark(expression: &str) -> bool {
    let text: String = expression.chars().filter(|c| !c.is_whitespace()).collect();
    text.eq_ignore_ascii_case("SOURCE_WATERMARK()")
        || text.eq_ignore_ascii_case("`SOURCE_WATERMARK`()")
}
