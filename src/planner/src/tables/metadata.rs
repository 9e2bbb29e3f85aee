//! Metadata columns that are declared with another type than their connector gives them: they are read as they come, under
//! another name, and cast above the scan.

use std::sync::Arc;

use datafusion::arrow::datatypes::{FieldRef, Schema};
use datafusion::common::Column;
use datafusion::logical_expr::{
    Expr, LogicalPlan, Projection, TableScan, TableScanBuilder, TableSource,
};
use filbert_binder::BoundTable;
use filbert_functions::TypedExpr;
use filbert_functions::cast::cast;
use filbert_types::{Field, LogicalType, ObjectPath};

use crate::error::PlanError;
use crate::planner::PlannerContext;

/// A column of a scan that is cast.
pub(super) struct MetadataCast {
    /// Its place in the scan.
    place: usize,
    name: String,
    key: String,
    offered: LogicalType,
    declared: LogicalType,
}

/// The table with its metadata columns as its source offers them, and the casts that are missing then.
pub(super) fn as_offered(bound: &BoundTable, offered: &[Field]) -> (BoundTable, Vec<MetadataCast>) {
    let mut read = bound.clone();
    let mut fields: Vec<FieldRef> = bound.schema.fields().iter().cloned().collect();
    let physical = fields.len() - bound.metadata.len();
    let mut casts = Vec::new();
    for (i, wanted) in bound.metadata.iter().enumerate() {
        let declared = wanted.ty.without_time_attribute();
        let Some(offered) = offered.iter().find(|o| o.name == wanted.name) else {
            continue;
        };
        if is_read_as(&offered.ty, &declared) {
            continue;
        }
        let place = physical + i;
        let name = fields[place].name().clone();
        fields[place] = Arc::new(offered.ty.arrow_field(&format!("{name}$metadata")));
        read.metadata[i].ty = offered.ty.clone();
        casts.push(MetadataCast {
            place,
            name,
            key: wanted.name.clone(),
            offered: offered.ty.clone(),
            declared,
        });
    }
    read.schema = Arc::new(Schema::new(fields));
    (read, casts)
}

/// True where values of the offered type need no cast. What nested types hold is only told apart by its Arrow type.
fn is_read_as(offered: &LogicalType, declared: &LogicalType) -> bool {
    let is_nested = declared.arrow().is_nested();
    offered.kind == declared.kind || (is_nested && offered.arrow() == declared.arrow())
}

/// The scan, with the casts above it, under the names of the table's columns.
pub(super) fn casting(
    ctx: &PlannerContext,
    scan: &TableScan,
    source: Arc<dyn TableSource>,
    path: &ObjectPath,
    casts: &[MetadataCast],
) -> Result<LogicalPlan, PlanError> {
    let table = &scan.table_name;
    let scan = TableScanBuilder::new(table.clone(), source).build()?;
    let fields = scan.projected_schema.fields().iter().enumerate();
    let exprs = fields.map(|(place, field)| {
        let read = Expr::Column(Column::new(Some(table.clone()), field.name()));
        let Some(wanted) = casts.iter().find(|c| c.place == place) else {
            return Ok(read);
        };
        let read = TypedExpr::new(read, wanted.offered.clone());
        let made = cast(&ctx.expr, read, &wanted.declared);
        let made = made.map_err(|_| PlanError::Refused(refusal(wanted, path)))?;
        Ok(made.expr.alias_qualified(Some(table.clone()), &wanted.name))
    });
    let exprs = exprs.collect::<Result<Vec<_>, PlanError>>()?;
    let scan = Arc::new(LogicalPlan::TableScan(scan));
    Ok(LogicalPlan::Projection(Projection::try_new(exprs, scan)?))
}

fn refusal(wanted: &MetadataCast, table: &ObjectPath) -> String {
    let key = match wanted.key == wanted.name {
        true => String::new(),
        false => format!(" with metadata key '{}'", wanted.key),
    };
    format!(
        "Invalid data type for metadata column '{}'{key} of table '{table}'. The column cannot be declared as '{}' because \
         the type must be castable from metadata type '{}'.",
        wanted.name, wanted.declared, wanted.offered
    )
}
