use std::collections::BTreeMap;

use datafusion::common::Column;
use datafusion::logical_expr::TableScan;

use super::Converter;
use crate::columns::PlanColumn;
use crate::error::PlanError;
use crate::streaming::node::{NodeId, StreamOp};
use crate::streaming::source::Source;
use crate::tables::{prune_partitions, table_of, unqualified};

impl Converter<'_> {
    /// A scan: what its connector can't do of projection and filters becomes a Calc behind it.
    pub(super) fn scan(&mut self, scan: &TableScan) -> Result<NodeId, PlanError> {
        let table = table_of(scan)?;
        let mode = table.source.changelog_mode();
        if mode.update_after && !mode.update_before {
            return Err(super::unsupported_here(&format!(
                "Reading table '{}', which sends updates without what a row was before,",
                table.bound.path
            )));
        }
        let filters = scan
            .filters
            .iter()
            .map(unqualified)
            .collect::<Result<Vec<_>, _>>()?;
        let pruned = prune_partitions(&table, filters, self.exprs)?;
        let all: Vec<PlanColumn> = table
            .bound
            .schema
            .fields()
            .iter()
            .map(|field| {
                let column = Column::new(Some(scan.table_name.clone()), field.name());
                self.new_column(column, field.data_type())
            })
            .collect();
        let mut wanted = scan.projection.clone().filter(|p| p.len() < all.len());
        if wanted.as_ref().is_some_and(Vec::is_empty) {
            // Rows that are only counted still travel on a column.
            wanted = Some(vec![0]);
        }
        let pushed = if table.source.supports_projection() {
            wanted.clone()
        } else {
            None
        };
        let columns = match &pushed {
            Some(indices) => indices.iter().map(|i| all[*i].clone()).collect(),
            None => all,
        };
        let source = StreamOp::Source(Box::new(Source {
            table,
            projection: pushed.clone(),
            nested: BTreeMap::new(),
            filters: pruned.filters,
            partitions: pruned.partitions,
            batch: false,
        }));
        let id = self.plan.add(source, Vec::new(), columns);
        match wanted {
            Some(indices) if pushed.is_none() => Ok(self.pick(id, &indices)),
            _ => Ok(id),
        }
    }
}
