//! `LIKE source (INCLUDING ..)`: what a new table takes from another.

use filbert_sql::{LikeFeature, LikeOption, MergeStrategy};
use filbert_types::CatalogTable;
use indexmap::IndexMap;

use super::draft::{Draft, DraftColumn, DraftKey, DraftKind};
use crate::error::{BindError, BindResult};

/// The strategy for each feature.
#[derive(Clone, Copy)]
pub(super) struct Strategies {
    constraints: MergeStrategy,
    distribution: MergeStrategy,
    generated: MergeStrategy,
    metadata: MergeStrategy,
    options: MergeStrategy,
    partitions: MergeStrategy,
    watermarks: MergeStrategy,
}

/// A key makes the new table's own columns NOT NULL, never those of the base.
fn check_inherited(key: &DraftKey, inherited: &[DraftColumn]) -> BindResult<()> {
    let is_nullable = |c: &&DraftColumn| matches!(&c.kind, DraftKind::Physical(ty) if ty.nullable);
    let nullable = inherited
        .iter()
        .filter(|c| key.columns.contains(&c.name))
        .find(is_nullable);
    nullable.map_or(Ok(()), |column| {
        Err(BindError::at(
            key.span,
            format!(
                "Invalid primary key '{}'. Column '{}' is nullable.",
                key.name(),
                column.name
            ),
        )
        .with_hint("The base table's column has to be NOT NULL there."))
    })
}

impl Strategies {
    /// INCLUDING ALL and OVERWRITING OPTIONS unless the clause says otherwise.
    pub fn of(options: &[LikeOption]) -> BindResult<Strategies> {
        use MergeStrategy::{Including, Overwriting};
        for (i, option) in options.iter().enumerate() {
            if options[..i].iter().any(|o| o.feature == option.feature) {
                return Err(BindError::at(
                    Some(option.span),
                    "Each like option feature can be declared only once.",
                ));
            }
        }
        let all = options
            .iter()
            .find(|o| o.feature == LikeFeature::All)
            .map(|o| o.strategy);
        let of = |feature: LikeFeature, default: MergeStrategy| {
            options
                .iter()
                .find(|o| o.feature == feature)
                .map(|o| o.strategy)
                .or(all)
                .unwrap_or(default)
        };
        Ok(Strategies {
            constraints: of(LikeFeature::Constraints, Including),
            distribution: of(LikeFeature::Distribution, Including),
            generated: of(LikeFeature::Generated, Including),
            metadata: of(LikeFeature::Metadata, Including),
            options: of(LikeFeature::Options, Overwriting),
            partitions: of(LikeFeature::Partitions, Including),
            watermarks: of(LikeFeature::Watermarks, Including),
        })
    }

    /// The base table's schema with the new table's on top.
    pub fn merge_schema(&self, base: &CatalogTable, own: Draft) -> BindResult<Draft> {
        let mut merged = Draft::stored(&base.schema);
        merged.columns.retain(|c| match c.kind {
            DraftKind::Physical(_) => true,
            DraftKind::Computed(_) => self.generated != MergeStrategy::Excluding,
            DraftKind::Metadata { .. } => self.metadata != MergeStrategy::Excluding,
        });
        if self.constraints == MergeStrategy::Excluding {
            merged.key = None;
        }
        if self.watermarks == MergeStrategy::Excluding {
            merged.watermark = None;
        }
        let inherited = merged.columns.len();
        for column in own.columns {
            self.merge_column(&mut merged, column, inherited)?;
        }
        if let Some(key) = own.key {
            if merged.key.is_some() {
                return Err(BindError::at(
                    key.span,
                    "The base table already has a primary key. You might want to specify EXCLUDING CONSTRAINTS.",
                ));
            }
            check_inherited(&key, &merged.columns[..inherited])?;
            merged.key = Some(key);
        }
        if let Some(watermark) = own.watermark {
            if merged.watermark.is_some() && self.watermarks != MergeStrategy::Overwriting {
                return Err(BindError::at(
                    watermark.span,
                    format!(
                        "There already exists a watermark spec for column '{}' in the base table. You might want to specify EXCLUDING WATERMARKS or OVERWRITING WATERMARKS.",
                        watermark.column.join(".")
                    ),
                ));
            }
            merged.watermark = Some(watermark);
        }
        Ok(merged)
    }

    fn merge_column(
        &self,
        merged: &mut Draft,
        column: DraftColumn,
        inherited: usize,
    ) -> BindResult<()> {
        let Some(index) = merged.position(&column.name).filter(|i| *i < inherited) else {
            merged.columns.push(column);
            return Ok(());
        };
        let name = &column.name;
        let at = |message: String| Err(BindError::at(column.span, message));
        let overwrites = match (&column.kind, &merged.columns[index].kind) {
            (DraftKind::Computed(_), DraftKind::Computed(_)) => {
                if self.generated != MergeStrategy::Overwriting {
                    return at(format!(
                        "A generated column named '{name}' already exists in the base table. You might want to specify EXCLUDING GENERATED or OVERWRITING GENERATED."
                    ));
                }
                true
            }
            (DraftKind::Metadata { .. }, DraftKind::Metadata { .. }) => {
                if self.metadata != MergeStrategy::Overwriting {
                    return at(format!(
                        "A metadata column named '{name}' already exists in the base table. You might want to specify EXCLUDING METADATA or OVERWRITING METADATA."
                    ));
                }
                true
            }
            _ => false,
        };
        if !overwrites {
            return at(format!(
                "A column named '{name}' already exists in the base table."
            ));
        }
        merged.columns[index] = column;
        Ok(())
    }

    pub fn merge_options(
        &self,
        base: &IndexMap<String, String>,
        own: IndexMap<String, String>,
    ) -> BindResult<IndexMap<String, String>> {
        if self.options == MergeStrategy::Excluding {
            return Ok(own);
        }
        let mut merged = base.clone();
        for (key, value) in own {
            if self.options == MergeStrategy::Including
                && let Some(old) = merged.get(&key)
            {
                return Err(BindError::new(format!(
                    "There already exists an option ['{key}' -> '{old}'] in the base table. You might want to specify EXCLUDING OPTIONS or OVERWRITING OPTIONS."
                )));
            }
            merged.insert(key, value);
        }
        Ok(merged)
    }

    /// Flink keeps the base's partitions wherever the new table names none, excluded or not.
    pub fn merge_partitions(&self, base: &[String], own: Vec<String>) -> BindResult<Vec<String>> {
        if own.is_empty() {
            return Ok(base.to_vec());
        }
        if !base.is_empty() && self.partitions != MergeStrategy::Excluding {
            return Err(BindError::new(
                "The base table already has partitions defined. You might want to specify EXCLUDING PARTITIONS.",
            ));
        }
        Ok(own)
    }

    /// As partitions.
    pub fn merge_distribution(
        &self,
        base: Option<&filbert_types::schema::Distribution>,
        own: Option<filbert_types::schema::Distribution>,
    ) -> BindResult<Option<filbert_types::schema::Distribution>> {
        match (base, own) {
            (base, None) => Ok(base.cloned()),
            (Some(_), Some(_)) if self.distribution != MergeStrategy::Excluding => {
                Err(BindError::new(
                    "The base table already has a distribution defined. You might want to specify EXCLUDING DISTRIBUTION.",
                ))
            }
            (_, own) => Ok(own),
        }
    }
}
