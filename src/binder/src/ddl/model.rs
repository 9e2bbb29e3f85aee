//! CREATE MODEL: what goes into a model and what comes out of it.

use filbert_sql::{ColumnDef, ColumnDefKind};
use filbert_types::Column;

use super::draft::{Draft, DraftColumn};
use crate::binder::{BindContext, Binder};
use crate::error::{BindError, BindResult};

/// The columns of INPUT or OUTPUT; `side` is the word.
///
/// # Errors
/// When one is computed or metadata, has a key, or stands twice.
pub fn resolve_model_columns(
    cx: BindContext<'_>,
    side: &str,
    columns: &[ColumnDef],
) -> BindResult<Vec<Column>> {
    for column in columns {
        let what = match &column.kind {
            ColumnDefKind::Physical { key: None, .. } => continue,
            ColumnDefKind::Physical { .. } => "a key",
            ColumnDefKind::Computed(_) => "a computed column",
            ColumnDefKind::Metadata { .. } => "a metadata column",
        };
        return Err(BindError::at(
            Some(column.span),
            format!(
                "The {side} of a model takes columns with a type alone, and '{}' is {what}.",
                column.name.value
            ),
        ));
    }
    let draft = Draft {
        columns: columns.iter().map(DraftColumn::of).collect(),
        ..Draft::default()
    };
    Ok(Binder::new(cx).resolve_draft(draft)?.columns)
}
