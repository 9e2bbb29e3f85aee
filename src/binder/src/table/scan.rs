//! Reading a table: the scan of its stored columns, then computed columns, then the watermark.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use datafusion::common::{Column, TableReference};
use datafusion::logical_expr::{LogicalPlan, TableScanBuilder};
use filbert_functions::TypedExpr;
use filbert_types::{CatalogTable, ColumnKind, Field, ObjectPath, TimeKind, WatermarkSpec};

use crate::binder::{Binder, NamedExpr};
use crate::bound::BoundTable;
use crate::error::{BindError, BindResult};
use crate::expr::ExprCx;
use crate::relational::{Relational, RelationalNode};
use crate::scope::{Relation, Scope, ScopeColumn};

impl Binder<'_> {
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
        let scope = Rc::new(Scope::of_columns(stored));
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
        let relation = self.project(LogicalPlan::TableScan(scan), items)?;
        match &schema.watermark {
            Some(watermark) => self.watermark(relation, watermark),
            None => Ok(relation),
        }
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
    ) -> BindResult<TypedExpr> {
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
    fn watermark(&mut self, mut relation: Relation, spec: &WatermarkSpec) -> BindResult<Relation> {
        if self.cx.exprs.batch {
            return Ok(relation);
        }
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
        column.ty = column.ty.with_time_kind(TimeKind::Rowtime);
        self.types.insert(&column.column, column.ty.clone());
        let rowtime = column.column.clone();
        if is_source_watermark(&spec.expression) {
            // The source emits its own.
            return Ok(relation);
        }
        let mut seen = relation.columns.clone();
        seen[index].ty = untimed;
        let parsed = filbert_sql::parse_expr(&spec.expression).map_err(|e| wrong(e.to_string()))?;
        let scope = Rc::new(Scope::of_columns(seen));
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
            plan: node.into_plan(),
            columns: relation.columns,
        })
    }
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

/// `SOURCE_WATERMARK()`: the source knows its watermarks.
pub fn is_source_watermark(expression: &str) -> bool {
    let text: String = expression.chars().filter(|c| !c.is_whitespace()).collect();
    text.eq_ignore_ascii_case("SOURCE_WATERMARK()")
        || text.eq_ignore_ascii_case("`SOURCE_WATERMARK`()")
}
