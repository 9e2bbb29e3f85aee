//! LookupJoin: each row with the rows that a table has for its key when the row comes by. It hands on the changes that
//! come in. Where an update must later be taken back as it was, what was found is kept (`upsertMaterialize`).

use datafusion::logical_expr::Expr;
use filbert_binder::LookupHint;
use filbert_graph::OperatorSpec;
use filbert_graph::spec::{
    AsyncLookupSpec, AsyncOrder, CalcSpec, JoinKind, LookupCalcSpec, LookupJoinSpec, LookupKeySpec,
    LookupKeyValue, LookupMaterializeSpec, LookupRetrySpec,
};
use filbert_types::TypeKind;

use crate::columns::PlanColumn;
use crate::error::PlanError;
use crate::exprs::{ExprCompiler, as_column, columns_read, is_deterministic, render};
use crate::streaming::calc::{Calc, select_item};
use crate::streaming::changelog::{DeleteKind, UpdateKind};
use crate::streaming::join::join_kind_text;
use crate::streaming::node::{Distribution, KeySet, NodeView, StreamOperator, names};
use crate::streaming::source::Source;

#[derive(Debug, Clone)]
pub(crate) struct LookupJoin {
    /// Inner or left.
    pub kind: JoinKind,
    pub table: Source,
    /// The table's columns, as far as they are read.
    pub found: Vec<PlanColumn>,
    /// What is done with the rows found, one after another, and the columns that it gives.
    pub calcs: Vec<(Calc, Vec<PlanColumn>)>,
    /// By the table's columns, rising.
    pub keys: Vec<LookupKey>,
    /// What must hold of a row before anything is looked up for it.
    pub pre_filter: Option<Expr>,
    /// What else must hold of a pair.
    pub condition: Option<Expr>,
    pub hint: LookupHint,
    /// None where the table answers at once.
    pub asynchronous: Option<AsyncOptions>,
    /// What was found is kept by these columns of the input.
    pub materialize: Option<Vec<usize>>,
    pub state_ttl_ms: Option<u64>,
}

/// A column of the table and what it must equal.
#[derive(Debug, Clone)]
pub(crate) struct LookupKey {
    /// Among the table's physical columns.
    pub column: usize,
    pub name: String,
    pub value: LookupValue,
}

#[derive(Debug, Clone)]
pub(crate) enum LookupValue {
    /// A column of the input.
    Input(usize),
    Constant(Expr, filbert_types::LogicalType),
}

/// The session's options, where no hint says otherwise.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AsyncOptions {
    pub capacity: usize,
    pub timeout_ms: u64,
    pub allow_unordered: bool,
    pub key_ordered: bool,
}

impl LookupJoin {
    /// The columns of what is joined.
    pub fn right(&self) -> &[PlanColumn] {
        self.calcs
            .last()
            .map_or(&self.found, |(_, columns)| columns)
    }

    fn both(&self, view: NodeView<'_>) -> Vec<PlanColumn> {
        let left = view.input(0).columns.iter();
        left.chain(self.right()).cloned().collect()
    }

    /// The column of the table that a column of what is joined is, among its physical columns.
    pub fn table_column(&self, right: usize) -> Option<usize> {
        let mut at = right;
        let mut level = self.calcs.len();
        while level > 0 {
            level -= 1;
            let below = match level {
                0 => &self.found,
                _ => &self.calcs[level - 1].1,
            };
            at = as_column(&self.calcs[level].0.projection[at], below)?;
        }
        let column = self.table.projection.as_ref().map_or(at, |kept| kept[at]);
        let physical = self.table.table.bound.table.schema.physical_columns();
        (column < physical.count()).then_some(column)
    }

    /// The places of the table's primary key in what is joined; none where a part of it is missing.
    pub fn right_primary_key(&self) -> Option<KeySet> {
        let primary = self.primary_key()?;
        let place = |column: &usize| {
            (0..self.right().len()).find(|right| self.table_column(*right) == Some(*column))
        };
        primary.iter().map(place).collect()
    }

    /// The primary key among the table's physical columns.
    fn primary_key(&self) -> Option<Vec<usize>> {
        let schema = &self.table.table.bound.table.schema;
        let key = schema.primary_key.as_ref()?;
        let place = |name: &String| schema.physical_columns().position(|c| c.name == *name);
        key.columns.iter().map(place).collect()
    }

    /// True where a key has one row at most.
    pub fn is_unique(&self) -> bool {
        self.primary_key().is_some_and(|key| {
            key.iter()
                .all(|k| self.keys.iter().any(|lookup| lookup.column == *k))
        })
    }

    fn async_spec(&self, view: NodeView<'_>) -> Option<AsyncLookupSpec> {
        let options = self
            .asynchronous
            .as_ref()
            .filter(|_| self.materialize.is_none())?;
        let input = view.input(0);
        let allow_unordered = match self.hint.output_mode.as_deref() {
            Some(mode) => mode.eq_ignore_ascii_case("ALLOW_UNORDERED"),
            None => options.allow_unordered,
        };
        let order = match allow_unordered {
            true if input.traits.modify.is_insert_only() => AsyncOrder::Unordered,
            true if options.key_ordered => AsyncOrder::ByKey(self.input_key(view)),
            _ => AsyncOrder::Ordered,
        };
        Some(AsyncLookupSpec {
            capacity: self.hint.capacity.unwrap_or(options.capacity),
            timeout_ms: self.hint.timeout_ms.unwrap_or(options.timeout_ms),
            order,
        })
    }

    /// The input's columns by which its changes are told apart: its smallest key, or all of them.
    pub fn input_key(&self, view: NodeView<'_>) -> Vec<usize> {
        let input = view.input(0);
        let key = input.upsert_keys.iter().min_by_key(|key| key.len());
        key.map_or_else(
            || (0..input.columns.len()).collect(),
            |key| key.iter().copied().collect(),
        )
    }

    fn retry(&self) -> Option<LookupRetrySpec> {
        self.hint.retry.map(|retry| LookupRetrySpec {
            delay_ms: retry.delay_ms,
            attempts_max: retry.attempts_max,
        })
    }

    fn lookup_text(&self, view: NodeView<'_>) -> String {
        let input = names(&view.input(0).columns);
        let keys = self.keys.iter().map(|key| match &key.value {
            LookupValue::Input(column) => format!("{}={}", key.name, input[*column]),
            LookupValue::Constant(expr, _) => format!("{}={}", key.name, render(expr, &[])),
        });
        keys.collect::<Vec<_>>().join(", ")
    }

    fn where_text(&self) -> Option<String> {
        let mut below = &self.found;
        let mut all = Vec::new();
        for (calc, columns) in &self.calcs {
            all.extend(calc.condition.iter().map(|c| render(c, below)));
            below = columns;
        }
        match all.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            many => Some(format!("({})", many.join(" AND "))),
        }
    }

    fn select_text(&self, view: NodeView<'_>) -> String {
        let output = &view.node.columns;
        let left = view.input(0).columns.len();
        let mut select: Vec<String> = names(output).into_iter().map(str::to_owned).collect();
        if let [(calc, _)] = self.calcs.as_slice() {
            for (text, (expr, column)) in select.iter_mut().skip(left).zip(
                calc.projection
                    .iter()
                    .zip(&output[left.min(output.len())..]),
            ) {
                *text = select_item(expr, column, &self.found);
            }
        }
        select.join(", ")
    }

    /// True where the old and the new version of a row are looked up by the same key, and meet the same conditions on the
    /// input: so that the one stands for the other.
    fn is_on_input_key(&self, view: NodeView<'_>) -> bool {
        let input = view.input(0);
        let keys = self.keys.iter().filter_map(|key| match key.value {
            LookupValue::Input(column) => Some(column),
            LookupValue::Constant(..) => None,
        });
        let conditions = self.pre_filter.iter();
        let mut read: Vec<usize> = keys
            .chain(conditions.flat_map(|c| columns_read(c, &input.columns)))
            .collect();
        if let Some(condition) = &self.condition {
            let both = self.both(view);
            let width = input.columns.len();
            read.extend(
                columns_read(condition, &both)
                    .into_iter()
                    .filter(|c| *c < width),
            );
        }
        let mut keys = input.upsert_keys.iter();
        keys.any(|key| read.iter().all(|column| key.contains(column)))
    }
}

impl StreamOperator for LookupJoin {
    fn name(&self) -> &'static str {
        "LookupJoin"
    }

    fn details(&self, view: NodeView<'_>) -> String {
        let mut text = format!(
            "table=[{}], joinType=[{}], lookup=[{}]",
            self.table.table.bound.path,
            join_kind_text(self.kind),
            self.lookup_text(view)
        );
        if let Some(condition) = self.where_text() {
            text.push_str(&format!(", where=[{condition}]"));
        }
        let both = self.both(view);
        let conditions = self.pre_filter.iter().chain(&self.condition);
        let conditions: Vec<String> = conditions.map(|c| render(c, &both)).collect();
        if !conditions.is_empty() {
            text.push_str(&format!(", joinCondition=[{}]", conditions.join(" AND ")));
        }
        text.push_str(&format!(", select=[{}]", self.select_text(view)));
        if let Some(spec) = self.async_spec(view) {
            let mode = match spec.order {
                AsyncOrder::Ordered => "ORDERED",
                AsyncOrder::Unordered | AsyncOrder::ByKey(_) => "UNORDERED",
            };
            let by_key = matches!(spec.order, AsyncOrder::ByKey(_));
            text.push_str(&format!(
                ", async=[{mode}, KEY_ORDERED: {by_key}, {}ms, {}]",
                spec.timeout_ms, spec.capacity
            ));
        }
        if let Some(retry) = self.retry() {
            text.push_str(&format!(
                ", retry=[lookup_miss, FIXED_DELAY, {}ms, {}]",
                retry.delay_ms, retry.attempts_max
            ));
        }
        if self.materialize.is_some() {
            text.push_str(", upsertMaterialize=[true]");
        }
        if self.hint.shuffle {
            text.push_str(", shuffle=[true]");
        }
        text
    }

    fn graph_name(&self) -> String {
        format!("LookupJoin: {}", self.table.table.bound.path.object)
    }

    fn spec(
        &self,
        view: NodeView<'_>,
        exprs: &ExprCompiler,
    ) -> Result<Option<OperatorSpec>, PlanError> {
        let left = &view.input(0).columns;
        let boolean = || TypeKind::Boolean.into();
        let mut below = &self.found;
        let mut calcs = Vec::with_capacity(self.calcs.len());
        for (calc, columns) in &self.calcs {
            let condition = calc.condition.as_ref();
            let projection = calc.projection.iter().zip(columns);
            calcs.push(LookupCalcSpec {
                calc: CalcSpec {
                    condition: condition
                        .map(|c| exprs.compile(c, below, boolean()))
                        .transpose()?,
                    projection: projection
                        .map(|(expr, column)| exprs.compile(expr, below, column.ty.clone()))
                        .collect::<Result<_, _>>()?,
                    watermarks: false,
                },
                output: columns.iter().map(PlanColumn::field).collect(),
            });
            below = columns;
        }
        let keys = self.keys.iter().map(|key| {
            Ok(LookupKeySpec {
                column: key.column,
                value: match &key.value {
                    LookupValue::Input(column) => LookupKeyValue::Input(*column),
                    LookupValue::Constant(expr, ty) => {
                        LookupKeyValue::Constant(exprs.compile(expr, &[], ty.clone())?)
                    }
                },
            })
        });
        let both = self.both(view);
        let pre_filter = self.pre_filter.as_ref();
        let condition = self.condition.as_ref();
        Ok(Some(OperatorSpec::LookupJoin(Box::new(LookupJoinSpec {
            table: self.table.source_spec(exprs)?,
            found: self.found.iter().map(PlanColumn::field).collect(),
            left_outer: self.kind == JoinKind::Left,
            keys: keys.collect::<Result<_, PlanError>>()?,
            pre_filter: pre_filter
                .map(|c| exprs.compile(c, left, boolean()))
                .transpose()?,
            calcs,
            condition: condition
                .map(|c| exprs.compile(c, &both, boolean()))
                .transpose()?,
            asynchronous: self.async_spec(view),
            retry: self.retry(),
            materialize: self.materialize.as_ref().map(|key| LookupMaterializeSpec {
                key: key.clone(),
                state_ttl_ms: self.state_ttl_ms,
            }),
        }))))
    }

    fn distribution(&self, _input: usize) -> Distribution {
        let columns = self.keys.iter().filter_map(|key| match key.value {
            LookupValue::Input(column) => Some(column),
            LookupValue::Constant(..) => None,
        });
        let columns: Vec<usize> = columns.collect();
        match &self.materialize {
            Some(key) => Distribution::Hash(key.clone()),
            None if self.hint.shuffle && !columns.is_empty() => Distribution::Hash(columns),
            None => Distribution::Any,
        }
    }

    fn update_inputs(&self, required: UpdateKind, view: NodeView<'_>) -> Vec<Vec<UpdateKind>> {
        if required == UpdateKind::OnlyAfter && !self.replaces(view) {
            return Vec::new();
        }
        vec![vec![required]]
    }

    fn delete_inputs(&self, required: DeleteKind, view: NodeView<'_>) -> Vec<Vec<DeleteKind>> {
        if required == DeleteKind::ByKey && !self.is_on_input_key(view) {
            return Vec::new();
        }
        vec![vec![required]]
    }

    fn upsert_keys(&self, view: NodeView<'_>) -> Vec<KeySet> {
        let left = view.input(0);
        if self.is_unique() {
            return left.upsert_keys.clone();
        }
        let by = left.columns.len();
        let Some(right) = self.right_primary_key() else {
            return Vec::new();
        };
        let keys = left.upsert_keys.iter();
        keys.map(|key| {
            key.iter()
                .copied()
                .chain(right.iter().map(|c| c + by))
                .collect()
        })
        .collect()
    }

    fn is_deterministic(&self) -> bool {
        let calcs = self.calcs.iter();
        let calcs = calcs.flat_map(|(calc, _)| calc.condition.iter().chain(&calc.projection));
        let own = self.condition.iter().chain(&self.pre_filter);
        calcs.chain(own).all(is_deterministic)
    }
}

impl LookupJoin {
    /// True where a row's new version goes out in place of the old one wherever that went out: each row has one match, or
    /// is padded.
    fn replaces(&self, view: NodeView<'_>) -> bool {
        self.is_on_input_key(view) || self.kind == JoinKind::Left && self.is_unique()
    }
}
