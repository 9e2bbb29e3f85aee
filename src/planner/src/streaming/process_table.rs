//! ProcessTableFunction: a function of the embedding program's, with tables in and a changelog out as it declares.

use datafusion::logical_expr::Expr;
use filbert_functions::ProcessChangelog;
use filbert_functions::process_table_function::TableTraits;
use filbert_graph::OperatorSpec;
use filbert_graph::spec::{ProcessTableInput, ProcessTableSpec};
use filbert_types::{LogicalType, TypeKind};

use crate::error::PlanError;
use crate::exprs::ExprCompiler;
use crate::streaming::changelog::{DeleteKind, ModifyKinds, UpdateKind};
use crate::streaming::node::{Accepts, Distribution, KeySet, NodeView, StreamOperator};

#[derive(Debug, Clone)]
pub(crate) struct ProcessTable {
    pub function: String,
    pub uid: Option<String>,
    pub invocation: String,
    /// By input.
    pub tables: Vec<ProcessTableInput>,
    pub traits: Vec<TableTraits>,
    pub scalars: Vec<Option<Expr>>,
    pub changelog: ProcessChangelog,
    pub deterministic: bool,
    pub state_ttl_ms: Option<u64>,
}

impl ProcessTable {
    /// Whether changes of an input may come by its key alone: the function wants no more, and sees them by that key.
    fn takes_by_key(&self, input: usize, view: NodeView<'_>) -> bool {
        let key: KeySet = self.tables[input].keys.iter().copied().collect();
        self.traits[input].set_semantics && view.input(input).upsert_keys.contains(&key)
    }

    /// The key of PARTITION BY as it stands in the output.
    fn output_key(&self) -> KeySet {
        let Some(table) = self.tables.first() else {
            return KeySet::new();
        };
        match table.pass_through {
            true => {
                let place = |key: &usize| table.columns.iter().position(|c| c == key);
                table.keys.iter().filter_map(place).collect()
            }
            false => (0..table.keys.len()).collect(),
        }
    }
}

impl StreamOperator for ProcessTable {
    fn name(&self) -> &'static str {
        "ProcessTableFunction"
    }

    fn details(&self, view: NodeView<'_>) -> String {
        let columns = view.node.columns.iter();
        let names: Vec<&str> = columns.clone().map(|c| c.name.as_str()).collect();
        format!(
            "invocation=[{}], uid=[{}], select=[{}]",
            self.invocation,
            self.uid.as_deref().unwrap_or("null"),
            names.join(",")
        )
    }

    fn spec(
        &self,
        _view: NodeView<'_>,
        exprs: &ExprCompiler,
    ) -> Result<Option<OperatorSpec>, PlanError> {
        let scalars = self.scalars.iter().map(|scalar| {
            let ty = LogicalType::from(TypeKind::Null);
            scalar
                .as_ref()
                .map(|s| exprs.compile(s, &[], ty))
                .transpose()
        });
        Ok(Some(OperatorSpec::ProcessTable(Box::new(
            ProcessTableSpec {
                function: self.function.clone(),
                uid: self.uid.clone(),
                tables: self.tables.clone(),
                scalars: scalars.collect::<Result<_, _>>()?,
                state_ttl_ms: self.state_ttl_ms,
            },
        ))))
    }

    fn distribution(&self, input: usize) -> Distribution {
        let table = &self.tables[input];
        match (table.set_semantics, table.keys.is_empty()) {
            (false, _) => Distribution::Any,
            (true, true) => Distribution::Single,
            (true, false) => Distribution::Hash(table.keys.clone()),
        }
    }

    fn fixed_parallelism(&self) -> Option<usize> {
        let single = |t: &ProcessTableInput| t.set_semantics && t.keys.is_empty();
        self.tables.iter().any(single).then_some(1)
    }

    fn accepts(&self, input: usize) -> Accepts {
        let kinds = match self.traits[input].support_updates {
            true => ModifyKinds::ALL,
            false => ModifyKinds::INSERT,
        };
        Accepts::Only(kinds, "StreamPhysicalProcessTableFunction".to_owned())
    }

    fn modifies(&self, _inputs: &[ModifyKinds]) -> ModifyKinds {
        match self.changelog {
            ProcessChangelog::Inserts => ModifyKinds::INSERT,
            ProcessChangelog::Retract | ProcessChangelog::Upsert => ModifyKinds::ALL,
        }
    }

    /// What it sends is its own affair; what it needs depends on what it declares.
    fn update_inputs(&self, required: UpdateKind, view: NodeView<'_>) -> Vec<Vec<UpdateKind>> {
        if self.changelog == ProcessChangelog::Upsert && required == UpdateKind::BeforeAndAfter {
            return Vec::new();
        }
        let wish = |input: usize| match !self.traits[input].require_update_before
            && self.takes_by_key(input, view)
        {
            true => UpdateKind::OnlyAfter,
            false => UpdateKind::BeforeAndAfter,
        };
        let all = vec![UpdateKind::BeforeAndAfter; self.tables.len()];
        vec![(0..self.tables.len()).map(wish).collect(), all]
    }

    fn delete_inputs(&self, _required: DeleteKind, view: NodeView<'_>) -> Vec<Vec<DeleteKind>> {
        let wish = |input: usize| match !self.traits[input].require_full_delete
            && self.takes_by_key(input, view)
        {
            true => DeleteKind::ByKey,
            false => DeleteKind::Full,
        };
        let all = vec![DeleteKind::Full; self.tables.len()];
        vec![(0..self.tables.len()).map(wish).collect(), all]
    }

    fn upsert_keys(&self, _view: NodeView<'_>) -> Vec<KeySet> {
        match self.changelog {
            ProcessChangelog::Upsert => vec![self.output_key()],
            _ => Vec::new(),
        }
    }

    fn always_sends_update_before(&self) -> bool {
        self.changelog == ProcessChangelog::Retract
    }

    fn is_deterministic(&self) -> bool {
        self.deterministic
    }
}
