use std::collections::BTreeMap;

use datafusion::common::Column;
use datafusion::logical_expr::TableScan;
use filbert_binder::is_source_watermark;
use filbert_types::options::CDC_EVENTS_DUPLICATE;

use super::Converter;
use crate::columns::PlanColumn;
use crate::error::PlanError;
use crate::streaming::changelog_normalize::ChangelogNormalize;
use crate::streaming::node::{NodeId, StreamOp};
use crate::streaming::source::Source;
use crate::tables::{ScanTable, prune_partitions, table_of, unqualified};

impl Converter<'_> {
    /// A scan: what its connector can't do of projection and filters becomes a Calc behind it.
    pub(super) fn scan(&mut self, scan: &TableScan) -> Result<NodeId, PlanError> {
        let table = table_of(scan)?;
        if !self.looks_up {
            check_source_watermark(&table)?;
        }
        let normalize = !self.looks_up && self.needs_normalize(&table)?;
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
        let wanted = scan.projection.clone().filter(|p| p.len() < all.len());
        let asked: Vec<usize> = wanted.clone().unwrap_or_else(|| (0..all.len()).collect());
        let key: Vec<usize> = match &table.bound.table.schema.primary_key {
            Some(key) if normalize => key
                .columns
                .iter()
                .filter_map(|name| all.iter().position(|c| c.column.name == *name))
                .collect(),
            _ => Vec::new(),
        };
        let wanted = wanted.map(|mut wanted| {
            wanted.extend(key.iter().filter(|k| !asked.contains(k)));
            if wanted.is_empty() {
                // Rows that are only counted still travel on a column.
                wanted.push(0);
            }
            wanted
        });
        let read: Vec<usize> = wanted.clone().unwrap_or_else(|| asked.clone());
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
            watermark: None,
        }));
        let mut id = self.plan.add(source, Vec::new(), columns);
        if let Some(indices) = wanted.filter(|_| pushed.is_none()) {
            id = self.pick(id, &indices);
        }
        if !normalize {
            return Ok(id);
        }
        let place = |column: &usize| read.iter().position(|r| r == column);
        self.normalized(id, key.iter().filter_map(place).collect(), asked.len())
    }

    /// ChangelogNormalize over a source, of whose columns the first `wanted` are asked for.
    fn normalized(
        &mut self,
        source: NodeId,
        keys: Vec<usize>,
        wanted: usize,
    ) -> Result<NodeId, PlanError> {
        let columns = self.plan.nodes[source].columns.clone();
        let is_wider = (1..columns.len()).contains(&wanted);
        let op = StreamOp::ChangelogNormalize(ChangelogNormalize {
            keys,
            condition: None,
            state_ttl_ms: self.state_ttl_ms()?,
        });
        let id = self.plan.add(op, vec![source], columns);
        if !is_wider {
            return Ok(id);
        }
        let kept: Vec<usize> = (0..wanted).collect();
        Ok(self.pick(id, &kept))
    }

    /// True where the last row of each key must be known: behind a source that sends updates without what a row was
    /// before, and where events may come twice.
    fn needs_normalize(&self, table: &ScanTable) -> Result<bool, PlanError> {
        let mode = table.source.changelog_mode();
        let path = &table.bound.path;
        let has_key = table.bound.table.schema.primary_key.is_some();
        if mode.update_after && !mode.update_before {
            if !has_key {
                return Err(PlanError::Refused(format!(
                    "Table '{path}' produces a changelog stream that contains UPDATE_AFTER but no UPDATE_BEFORE. This requires defining a primary key constraint on the table."
                )));
            }
            return Ok(true);
        }
        let twice = self.ctx.configuration.get_bool(&CDC_EVENTS_DUPLICATE)?;
        if twice && !mode.is_insert_only() && !has_key {
            return Err(PlanError::Refused(format!(
                "Configuration '{}' is enabled which requires the changelog sources to define a PRIMARY KEY. However, table '{path}' doesn't have a primary key.",
                CDC_EVENTS_DUPLICATE.key
            )));
        }
        Ok(twice && !mode.is_insert_only())
    }
}

/// `WATERMARK FOR rowtime AS SOURCE_WATERMARK()` needs a source that has watermarks.
fn check_source_watermark(table: &ScanTable) -> Result<(), PlanError> {
    let declared = table.bound.table.schema.watermark.iter();
    let mut declared = declared.map(|watermark| watermark.expression.as_str());
    if table.source.provides_watermarks() || !declared.any(is_source_watermark) {
        return Ok(());
    }
    Err(PlanError::Refused(format!(
        "SOURCE_WATERMARK() is a declarative marker function and doesn't have concrete runtime implementation. It can only be used as a single expression in a WATERMARK FOR clause in the CREATE TABLE DDL. The declaration will be pushed down into a table source that has watermarks of its own, but the source of '{}' has none.",
        table.bound.path
    )))
}
