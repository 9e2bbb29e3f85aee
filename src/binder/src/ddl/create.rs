//! CREATE TABLE.

use filbert_connector_api::CatalogObject;
use filbert_sql::{ColumnDefKind, CreateTable, DistributionKind, KeyDef, OptionEntry};
use filbert_types::schema::Distribution;
use filbert_types::{CatalogTable, ObjectPath, ResolvedSchema};
use indexmap::IndexMap;

use super::draft::{Draft, DraftColumn, DraftKind, draft_key, draft_watermark};
use super::like::Strategies;
use crate::binder::{BindContext, Binder};
use crate::bound::BoundInsert;
use crate::error::{BindError, BindResult, available};
use crate::scope::Relation;

/// The table that a CREATE TABLE without AS declares.
///
/// # Errors
/// When the schema, the key, the watermark, the partitions or what LIKE takes don't fit together.
pub fn resolve_table(cx: BindContext<'_>, create: &CreateTable) -> BindResult<CatalogTable> {
    let mut binder = Binder::new(cx);
    let mut draft = own_draft(create)?;
    let mut table = declared(create, ResolvedSchema::default());
    if let Some(like) = &create.like {
        let base = binder.like_source(like)?;
        let strategies = Strategies::of(&like.options)?;
        draft = strategies.merge_schema(&base, draft)?;
        table.options = strategies.merge_options(&base.options, table.options)?;
        table.partition_keys =
            strategies.merge_partitions(&base.partition_keys, table.partition_keys)?;
        table.distribution =
            strategies.merge_distribution(base.distribution.as_ref(), table.distribution)?;
    }
    table.schema = binder.resolve_draft(draft)?;
    check_table(create, &table)?;
    Ok(table)
}

/// What the clauses behind the columns say of a table with this schema.
fn declared(create: &CreateTable, schema: ResolvedSchema) -> CatalogTable {
    let keys = create.partitioned_by.iter();
    CatalogTable {
        schema,
        comment: create.comment.as_ref().map(|c| c.value.clone()),
        distribution: create.distribution.as_ref().map(distribution),
        partition_keys: keys.map(|p| p.value.clone()).collect(),
        options: options(&create.options),
    }
}

/// The table that a CREATE TABLE .. AS declares, and the INSERT that fills it.
///
/// # Errors
/// As [`resolve_table`], and when the query doesn't bind or doesn't fit the columns that are declared.
pub fn resolve_ctas(
    cx: BindContext<'_>,
    create: &CreateTable,
    path: &ObjectPath,
) -> BindResult<(CatalogTable, BoundInsert)> {
    let Some(query) = &create.query else {
        return Err(BindError::at(
            Some(create.name.span),
            "CREATE TABLE has no AS query",
        ));
    };
    let mut binder = Binder::new(cx);
    let mut relation = binder.text(query)?;
    let names = crate::names::uniquify(relation.columns.iter().map(|c| c.name.as_str()));
    for (column, name) in relation.columns.iter_mut().zip(names) {
        column.name = name;
    }
    let draft = ctas_draft(create, &relation)?;
    let schema = binder.resolve_draft(draft)?;
    let table = declared(create, schema);
    check_table(create, &table)?;
    check_ctas_key(create, &table, &relation)?;
    let relation = binder.fill_by_name(relation, &table)?;
    let insert = BoundInsert {
        path: path.clone(),
        table: table.clone(),
        hint_options: Default::default(),
        overwrite: false,
        static_partition: Vec::new(),
        on_conflict: None,
        query: binder.finish(relation),
    };
    Ok((table, insert))
}

impl Binder<'_> {
    fn like_source(&self, like: &filbert_sql::LikeClause) -> BindResult<CatalogTable> {
        let parts: Vec<String> = like.source.parts.iter().map(|p| p.value.clone()).collect();
        let span = Some(like.source.span);
        match self.catalog_object(&parts, span) {
            Ok((_, CatalogObject::Table(table))) => Ok(table),
            Ok((path, CatalogObject::View(_))) => Err(BindError::at(
                span,
                format!(
                    "Source table '{}' of the LIKE clause can not be a VIEW",
                    path.quoted()
                ),
            )),
            Err(error) => {
                let path = self.qualify(&parts, span)?;
                Err(BindError {
                    message: format!(
                        "Source table '{}' of the LIKE clause not found in the catalog",
                        path.quoted()
                    ),
                    ..error
                })
            }
        }
    }
}

fn own_draft(create: &CreateTable) -> BindResult<Draft> {
    if let Some(first) = create
        .column_order
        .first()
        .filter(|_| create.query.is_none())
    {
        return Err(BindError::at(
            Some(first.span),
            format!("Column '{}' has no type", first.value),
        )
        .with_hint("Only with AS can columns be named without one."));
    }
    let keys: Vec<&KeyDef> = create
        .columns
        .iter()
        .filter_map(|c| match &c.kind {
            ColumnDefKind::Physical { key, .. } => key.as_ref(),
            _ => None,
        })
        .chain(&create.constraints)
        .collect();
    Ok(Draft {
        columns: create.columns.iter().map(DraftColumn::of).collect(),
        watermark: draft_watermark(&create.watermarks)?,
        key: draft_key(&keys)?,
    })
}

/// Declared columns that the query lacks come first; one that it has takes the declared type in the query's place.
fn ctas_draft(create: &CreateTable, relation: &Relation) -> BindResult<Draft> {
    let mut draft = own_draft(create)?;
    let from_query = |c: &crate::scope::ScopeColumn| DraftColumn {
        name: c.name.clone(),
        kind: DraftKind::Physical(c.ty.without_time_attribute()),
        comment: None,
        span: None,
    };
    if !create.column_order.is_empty() {
        draft.columns = ordered_columns(create, relation, from_query)?;
        return Ok(draft);
    }
    let is_override = |c: &DraftColumn| {
        matches!(c.kind, DraftKind::Physical(_) | DraftKind::Metadata { .. })
            && relation.columns.iter().any(|r| r.name == c.name)
    };
    let (overrides, mut columns): (Vec<_>, Vec<_>) = std::mem::take(&mut draft.columns)
        .into_iter()
        .partition(is_override);
    for column in &relation.columns {
        let declared = overrides.iter().find(|o| o.name == column.name);
        columns.push(declared.cloned().unwrap_or_else(|| from_query(column)));
    }
    draft.columns = columns;
    Ok(draft)
}

fn ordered_columns(
    create: &CreateTable,
    relation: &Relation,
    from_query: impl Fn(&crate::scope::ScopeColumn) -> DraftColumn,
) -> BindResult<Vec<DraftColumn>> {
    let span = create.column_order.first().map(|c| c.span);
    let mut columns = Vec::with_capacity(relation.columns.len());
    for name in &create.column_order {
        let Some(column) = relation.columns.iter().find(|c| c.name == name.value) else {
            return Err(BindError::at(
                Some(name.span),
                format!("Column '{}' not found in the source schema.", name.value),
            )
            .with_hint(available(
                "columns",
                relation.columns.iter().map(|c| c.name.as_str()),
            )));
        };
        columns.push(from_query(column));
    }
    if columns.len() != relation.columns.len() {
        return Err(BindError::at(
            span,
            "The number of columns in the column list must match the number of columns in the source schema.",
        ));
    }
    Ok(columns)
}

/// A key's columns must not be NULL in the query itself.
fn check_ctas_key(
    create: &CreateTable,
    table: &CatalogTable,
    relation: &Relation,
) -> BindResult<()> {
    let Some(key) = &table.schema.primary_key else {
        return Ok(());
    };
    for name in &key.columns {
        let nullable = relation
            .columns
            .iter()
            .any(|c| c.name == *name && c.ty.nullable);
        let declared = create.columns.iter().any(|c| {
            c.name.value == *name
                && matches!(&c.kind, ColumnDefKind::Physical { ty, .. } if !ty.nullable)
        });
        if nullable && !declared {
            return Err(BindError::at(
                Some(create.name.span),
                format!(
                    "Invalid primary key '{}'. Column '{name}' is nullable.",
                    key.name
                ),
            ));
        }
    }
    Ok(())
}

/// Partitions and distribution name columns that are stored.
fn check_table(create: &CreateTable, table: &CatalogTable) -> BindResult<()> {
    let names: Vec<&str> = table
        .schema
        .physical_columns()
        .map(|c| c.name.as_str())
        .collect();
    let list = || {
        names
            .iter()
            .map(|n| format!("'{n}'"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    for key in &table.partition_keys {
        if !names.contains(&key.as_str()) {
            let span = create
                .partitioned_by
                .iter()
                .find(|p| p.value == *key)
                .map(|p| p.span);
            return Err(BindError::at(
                span,
                format!(
                    "Partition column '{key}' not defined in the table schema. Available columns: [{}]",
                    list()
                ),
            ));
        }
    }
    if let Some(distribution) = &create.distribution {
        check_buckets(distribution)?;
    }
    for key in table.distribution.iter().flat_map(|d| &d.columns) {
        if !names.contains(&key.as_str()) {
            return Err(BindError::at(
                create.distribution.as_ref().map(|d| d.span),
                format!(
                    "Invalid bucket key '{key}'. A bucket key for a distribution must reference a physical column in the schema. Available columns are: [{}]",
                    list()
                ),
            ));
        }
    }
    Ok(())
}

pub(super) fn check_buckets(distribution: &filbert_sql::Distribution) -> BindResult<()> {
    if distribution.buckets == Some(0) {
        return Err(BindError::at(
            Some(distribution.span),
            "Invalid bucket count '0'. The number of buckets for a distributed table must be at least 1.",
        ));
    }
    Ok(())
}

pub(super) fn options(entries: &[OptionEntry]) -> IndexMap<String, String> {
    entries
        .iter()
        .map(|e| (e.key.value.clone(), e.value.value.clone()))
        .collect()
}

pub(super) fn distribution(distribution: &filbert_sql::Distribution) -> Distribution {
    Distribution {
        kind: match distribution.kind {
            DistributionKind::Unknown => None,
            DistributionKind::Hash => Some("HASH".to_string()),
            DistributionKind::Range => Some("RANGE".to_string()),
        },
        columns: distribution
            .columns
            .iter()
            .map(|c| c.value.clone())
            .collect(),
        buckets: distribution.buckets,
    }
}
