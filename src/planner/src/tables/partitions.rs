//! Partition pruning: predicates over partition columns alone decide, while planning, which partitions are read.

use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::Expr;
use filbert_graph::spec::PartitionSpec;

use crate::error::PlanError;
use crate::exprs::ExprCompiler;
use crate::tables::ScanTable;

/// What filters leave to be read.
pub(crate) struct Pruned {
    /// The only partitions to read; none for all.
    pub partitions: Option<Vec<PartitionSpec>>,
    /// The filters that are not answered by that.
    pub filters: Vec<Expr>,
}

/// Answers the filters over partition columns by the list of partitions. The filters are over the table's own names.
///
/// # Errors
/// When a filter fails on a partition's values.
pub(crate) fn prune_partitions(
    table: &ScanTable,
    filters: Vec<Expr>,
    exprs: &ExprCompiler,
) -> Result<Pruned, PlanError> {
    let Some(all) = &table.partitions else {
        return Ok(Pruned {
            partitions: None,
            filters,
        });
    };
    let (on_keys, filters): (Vec<Expr>, Vec<Expr>) = filters
        .into_iter()
        .partition(|f| table.is_on_partition_keys(f));
    if on_keys.is_empty() {
        return Ok(Pruned {
            partitions: None,
            filters,
        });
    }
    let mut kept = Vec::new();
    for partition in all {
        let mut matches = true;
        for filter in &on_keys {
            let value = exprs.evaluate(&with_values(table, filter, partition)?)?;
            matches &= value == ScalarValue::Boolean(Some(true));
        }
        if matches {
            kept.push(partition.clone());
        }
    }
    Ok(Pruned {
        partitions: Some(kept),
        filters,
    })
}

/// The filter with a partition's values in place of its columns.
fn with_values(
    table: &ScanTable,
    filter: &Expr,
    partition: &PartitionSpec,
) -> Result<Expr, PlanError> {
    let replaced = filter.clone().transform(|e| {
        let Expr::Column(column) = &e else {
            return Ok(Transformed::no(e));
        };
        let field = table.bound.schema.field_with_name(&column.name)?;
        let value = partition
            .iter()
            .find(|(key, _)| *key == column.name)
            .and_then(|(_, value)| value.clone());
        let value = ScalarValue::Utf8(value).cast_to(field.data_type())?;
        Ok(Transformed::yes(Expr::Literal(value, None)))
    })?;
    Ok(replaced.data)
}
