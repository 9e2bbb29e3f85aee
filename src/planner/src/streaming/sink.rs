//! Sink: writes rows through a table's connector. What the connector takes decides what its input must send.

use std::sync::Arc;

use filbert_binder::BoundInsert;
use filbert_connector_api::{ChangelogMode, TableSink};
use filbert_graph::OperatorSpec;
use filbert_graph::spec::SinkSpec;
use filbert_types::options::{KEYED_SHUFFLE, UPSERT_MATERIALIZE};
use filbert_types::{ConfigOption, Configuration};

use crate::error::PlanError;
use crate::exprs::ExprCompiler;
use crate::streaming::changelog::{DeleteKind, ModifyKinds, UpdateKind};
use crate::streaming::node::{Accepts, Distribution, KeySet, NodeView, StreamOp, StreamOperator};

#[derive(Clone)]
pub(crate) struct Sink {
    pub insert: BoundInsert,
    pub table_sink: Arc<dyn TableSink>,
    /// Positions of the primary key's columns.
    pub primary_key: Vec<usize>,
    pub materialize: Materialize,
    pub keyed_shuffle: KeyedShuffle,
    pub batch: bool,
}

/// `table.exec.sink.upsert-materialize`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Materialize {
    None,
    Auto,
    Force,
}

/// `table.exec.sink.keyed-shuffle`: when rows that are only inserted are brought together by primary key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyedShuffle {
    None,
    /// When the sink has another parallelism than its input.
    Auto,
    Force,
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sink")
            .field("path", &self.insert.path)
            .finish_non_exhaustive()
    }
}

impl Sink {
    /// # Errors
    /// When an option has a bad value.
    pub fn new(
        insert: &BoundInsert,
        table_sink: Arc<dyn TableSink>,
        configuration: &Configuration,
        batch: bool,
    ) -> Result<Sink, PlanError> {
        let is = |option: &ConfigOption, word: &str| {
            let value = configuration.get(option).unwrap_or_default().trim();
            option
                .check(value)
                .map(|()| value.eq_ignore_ascii_case(word))
        };
        let schema = &insert.table.schema;
        let persisted: Vec<&str> = schema
            .columns
            .iter()
            .filter(|c| c.is_persisted())
            .map(|c| c.name.as_str())
            .collect();
        let place = |name: &String| persisted.iter().position(|p| p == name);
        let primary_key = schema
            .primary_key
            .as_ref()
            .and_then(|key| key.columns.iter().map(place).collect())
            .unwrap_or_default();
        Ok(Sink {
            insert: insert.clone(),
            table_sink,
            primary_key,
            materialize: match () {
                () if is(&UPSERT_MATERIALIZE, "NONE")? => Materialize::None,
                () if is(&UPSERT_MATERIALIZE, "FORCE")? => Materialize::Force,
                () => Materialize::Auto,
            },
            keyed_shuffle: match () {
                () if is(&KEYED_SHUFFLE, "NONE")? => KeyedShuffle::None,
                () if is(&KEYED_SHUFFLE, "FORCE")? => KeyedShuffle::Force,
                () => KeyedShuffle::Auto,
            },
            batch,
        })
    }

    /// What the connector takes of a query that sends these changes.
    pub fn mode(&self, kinds: ModifyKinds) -> ChangelogMode {
        self.mode_of(kinds, kinds.update)
    }

    /// As `mode`, for updates without their -U. Keys are looked at before it is settled how updates come, so that a
    /// connector that takes what it is offered (`print`) counts as one for upserts.
    pub fn upsert_mode(&self, kinds: ModifyKinds) -> ChangelogMode {
        self.mode_of(kinds, false)
    }

    fn mode_of(&self, kinds: ModifyKinds, update_before: bool) -> ChangelogMode {
        self.table_sink.changelog_mode(ChangelogMode {
            insert: kinds.insert,
            update_before,
            update_after: kinds.update,
            delete: kinds.delete,
            key_only_deletes: false,
        })
    }

    /// Why the connector can't do what the INSERT asks of it, in Flink's words.
    ///
    /// # Errors
    /// For INSERT OVERWRITE or PARTITION where the connector has neither.
    pub fn check(&self) -> Result<(), PlanError> {
        let path = &self.insert.path;
        if self.insert.overwrite && !self.table_sink.supports_overwrite() {
            return Err(PlanError::Refused(format!(
                "INSERT OVERWRITE requires that the sink of table '{path}' supports overwriting, which its connector does not."
            )));
        }
        if !self.insert.table.partition_keys.is_empty() && !self.table_sink.supports_partitioning()
        {
            return Err(PlanError::Refused(format!(
                "Table '{path}' is a partitioned table, but the underlying connector doesn't support partitioning."
            )));
        }
        Ok(())
    }

    /// The partition columns' places, where the connector wants a partition's rows in one writer.
    pub fn partition_columns(&self) -> Option<Vec<usize>> {
        let keys = &self.insert.table.partition_keys;
        if keys.is_empty() || !self.table_sink.shuffles_by_partition() {
            return None;
        }
        let persisted = self.insert.table.schema.columns.iter();
        let names: Vec<&str> = persisted
            .filter(|c| c.is_persisted())
            .map(|c| c.name.as_str())
            .collect();
        keys.iter()
            .map(|key| names.iter().position(|name| name == key))
            .collect()
    }

    /// What must be written.
    pub fn sink_spec(&self) -> SinkSpec {
        let schema = &self.insert.table.schema;
        SinkSpec {
            path: self.insert.path.clone(),
            table: self.insert.table.clone(),
            hint_options: self.insert.hint_options.clone(),
            overwrite: self.insert.overwrite,
            static_partition: self.insert.static_partition.clone(),
            not_null: schema
                .columns
                .iter()
                .filter(|c| c.is_persisted())
                .enumerate()
                .filter(|(_, c)| !c.ty.nullable)
                .map(|(i, _)| i)
                .collect(),
            batch: self.batch,
        }
    }
}

impl StreamOperator for Sink {
    fn name(&self) -> &'static str {
        "Sink"
    }

    fn details(&self, view: NodeView<'_>) -> String {
        let mut text = format!(
            "table=[{}], fields=[{}]",
            self.insert.path,
            view.input_names().join(", ")
        );
        let input = match &view.input(0).op {
            StreamOp::SinkMaterializer(_) => view.input(0).inputs[0],
            _ => view.node.inputs[0],
        };
        if self.needs_materializer(view.plan, input) {
            text.push_str(", upsertMaterialize=[true]");
            if let Some(conflict) = &self.insert.on_conflict {
                text.push_str(&format!(", conflictStrategy=[{conflict}]"));
            }
        }
        text
    }

    fn graph_name(&self) -> String {
        format!("Sink: {}", self.insert.path.object)
    }

    fn spec(
        &self,
        _view: NodeView<'_>,
        _exprs: &ExprCompiler,
    ) -> Result<Option<OperatorSpec>, PlanError> {
        Ok(Some(OperatorSpec::Sink(self.sink_spec())))
    }

    fn distribution(&self, _input: usize) -> Distribution {
        Distribution::Any
    }

    fn fixed_parallelism(&self) -> Option<usize> {
        self.table_sink.parallelism()
    }

    fn accepts(&self, _input: usize) -> Accepts {
        let mode = self.mode(ModifyKinds::ALL);
        let kinds = ModifyKinds {
            insert: mode.insert,
            update: mode.update_before || mode.update_after,
            delete: mode.delete,
        };
        Accepts::Only(kinds, format!("Table sink '{}'", self.insert.path))
    }

    fn modifies(&self, _inputs: &[ModifyKinds]) -> ModifyKinds {
        ModifyKinds::NONE
    }

    /// A sink that takes +U alone gets it alone where the rows' key is its own; else it must see what a row was.
    fn update_inputs(&self, _required: UpdateKind, view: NodeView<'_>) -> Vec<Vec<UpdateKind>> {
        let input = view.input(0);
        let mode = self.mode(input.traits.modify);
        if mode.update_before {
            return vec![vec![UpdateKind::BeforeAndAfter]];
        }
        if !mode.update_after {
            return vec![vec![UpdateKind::None]];
        }
        let key: KeySet = self.primary_key.iter().copied().collect();
        let keyed = key.is_empty() || input.upsert_keys.contains(&key);
        if keyed {
            vec![
                vec![UpdateKind::OnlyAfter],
                vec![UpdateKind::BeforeAndAfter],
            ]
        } else {
            vec![vec![UpdateKind::BeforeAndAfter]]
        }
    }

    fn delete_inputs(&self, _required: DeleteKind, view: NodeView<'_>) -> Vec<Vec<DeleteKind>> {
        let full = vec![DeleteKind::Full];
        let input = view.input(0);
        if self.mode(input.traits.modify).key_only_deletes
            && !self.needs_materializer(view.plan, view.node.inputs[0])
        {
            vec![vec![DeleteKind::ByKey], full]
        } else {
            vec![full]
        }
    }
}
