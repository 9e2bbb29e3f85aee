//! SHOW PARTITIONS, ALTER TABLE ADD PARTITION and DROP PARTITION: the partitions that a catalog was told of. Which there
//! are in a table's files is the connector's to know; queries find those without ALTER TABLE.

use std::sync::Arc;

use filbert_connector_api::{Catalog, CatalogError, CatalogPartition};
use filbert_sql::{ObjectName, PartitionSpec, PartitionWithOptions};
use filbert_types::ObjectPath;
use indexmap::IndexMap;

use super::{options_map, parts};
use crate::environment::TableEnvironment;
use crate::error::{Result, TableError};
use crate::result::TableResult;
use crate::result::text_table::TextTable;

/// `k=v/k2=v2` of every partition that agrees with the values given.
pub(super) fn show(
    env: &TableEnvironment,
    name: &ObjectName,
    wanted: Option<&PartitionSpec>,
) -> Result<TableResult> {
    let wanted = wanted.map(spec).transpose()?.unwrap_or_default();
    let (catalog, path) = catalog_of(env, name)?;
    let partitions = catalog
        .partitions(&path.database, &path.object)
        .map_err(|error| TableError::from(error).at(name.span))?;
    let names = partitions
        .iter()
        .filter(|p| {
            wanted
                .iter()
                .all(|(key, value)| p.spec.get(key) == Some(value))
        })
        .map(|p| {
            let entries: Vec<String> = p.spec.iter().map(|(k, v)| format!("{k}={v}")).collect();
            entries.join("/")
        })
        .collect();
    TableResult::of(TextTable::of_names("partition name", names))
}

pub(super) fn add(
    env: &TableEnvironment,
    name: &ObjectName,
    partitions: &[PartitionWithOptions],
    if_not_exists: bool,
) -> Result<TableResult> {
    let (catalog, path) = catalog_of(env, name)?;
    for partition in partitions {
        let added = catalog.create_partition(
            &path.database,
            &path.object,
            CatalogPartition {
                spec: spec(&partition.spec)?,
                properties: options_map(&partition.options),
            },
        );
        match added {
            Err(CatalogError::PartitionExists { .. }) if if_not_exists => {}
            added => added.map_err(|error| located(error, name, &partition.spec))?,
        }
    }
    TableResult::ok()
}

pub(super) fn remove(
    env: &TableEnvironment,
    name: &ObjectName,
    partitions: &[PartitionSpec],
    if_exists: bool,
) -> Result<TableResult> {
    let (catalog, path) = catalog_of(env, name)?;
    for partition in partitions {
        let gone = catalog.drop_partition(&path.database, &path.object, &spec(partition)?);
        match gone {
            Err(CatalogError::PartitionNotFound { .. }) if if_exists => {}
            gone => gone.map_err(|error| located(error, name, partition))?,
        }
    }
    TableResult::ok()
}

/// What is wrong with the table is told at its name, what is wrong with a partition at the partition.
fn located(error: CatalogError, name: &ObjectName, partition: &PartitionSpec) -> TableError {
    let span = match &error {
        CatalogError::PartitionExists { .. }
        | CatalogError::PartitionNotFound { .. }
        | CatalogError::PartitionMismatch { .. } => partition.span,
        _ => name.span,
    };
    TableError::from(error).at(span)
}

fn catalog_of(env: &TableEnvironment, name: &ObjectName) -> Result<(Arc<dyn Catalog>, ObjectPath)> {
    let session = env.session().read();
    let path = session.catalogs.qualify(&parts(name))?;
    let catalog = session
        .catalogs
        .catalog(&path.catalog)
        .map_err(|error| TableError::from(error).at(name.span))?;
    Ok((Arc::clone(catalog), path))
}

/// The values as text: `hr = 1` and `hr = '1'` are the same.
fn spec(partition: &PartitionSpec) -> Result<IndexMap<String, String>> {
    let mut spec = IndexMap::new();
    for entry in &partition.entries {
        let key = &entry.key.value;
        let Some(value) = &entry.value else {
            let message = format!("The partition key '{key}' has no value.");
            return Err(TableError::validation(message).at(entry.key.span));
        };
        if spec.insert(key.clone(), value.literal_text()).is_some() {
            let message = format!("The partition key '{key}' is given twice.");
            return Err(TableError::validation(message).at(entry.key.span));
        }
    }
    Ok(spec)
}
