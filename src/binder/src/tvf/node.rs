//! The plan's node of a window: of a table function, and of a group window of old.

use std::sync::Arc;

use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::LogicalPlan;
use filbert_types::{LogicalType, TypeKind};

use crate::binder::Binder;
use crate::error::BindResult;
use crate::relational::{Relational, RelationalNode, Window};
use crate::scope::{Relation, ScopeColumn};

impl Binder<'_> {
    /// window_start, window_end and window_time of windows over a time column of this type.
    pub fn window_columns(&mut self, time: &LogicalType) -> [ScopeColumn; 3] {
        let bound_type = LogicalType::not_null(TypeKind::timestamp(3));
        let time_type = match &time.kind {
            TypeKind::TimestampLtz { .. } => LogicalType::not_null(TypeKind::timestamp_ltz(3)),
            _ => bound_type.clone(),
        };
        let time_type = time_type.with_time_kind(time.kind.time_kind());
        [
            ("window_start", &bound_type),
            ("window_end", &bound_type),
            ("window_time", &time_type),
        ]
        .map(|(name, ty)| ScopeColumn {
            name: name.to_string(),
            column: self.new_column(name, ty),
            ty: ty.clone(),
        })
    }

    /// Adds a window's columns to a plan. `legacy`: of a group window, not of a table function.
    pub fn window_node(
        &self,
        input: LogicalPlan,
        window: Window,
        time: Column,
        added: &[ScopeColumn; 3],
        legacy: bool,
    ) -> BindResult<LogicalPlan> {
        let schema = input.schema();
        let mut fields: Vec<_> = schema
            .iter()
            .map(|(q, f)| (q.cloned(), Arc::clone(f)))
            .collect();
        fields.extend(
            added
                .iter()
                .map(|c| (None, Arc::new(c.ty.arrow_field(&c.column.name)))),
        );
        let schema = DFSchema::new_with_metadata(fields, schema.metadata().clone())?;
        Ok(RelationalNode {
            relational: Relational::WindowTableFunction {
                window,
                time,
                legacy,
            },
            inputs: vec![input],
            schema: Arc::new(schema),
        }
        .into_plan())
    }

    /// A window table function over its input.
    pub(super) fn window_relation(
        &mut self,
        input: Relation,
        window: Window,
        time: ScopeColumn,
    ) -> BindResult<Relation> {
        let added = self.window_columns(&time.ty);
        let plan = self.window_node(input.plan, window, time.column.clone(), &added, false)?;
        let mut columns = input.columns;
        columns.extend(added);
        Ok(Relation { plan, columns })
    }
}
