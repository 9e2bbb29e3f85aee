//! Logical nodes -> stream nodes. What streaming can't run yet is refused by the name that SQL gives it.

mod aggregate;
pub(crate) mod calc;
mod interval_join;
mod join;
mod lookup_join;
mod match_recognize;
mod over;
mod process_table;
mod rank;
mod rows;
mod scan;
mod split_distinct;
mod temporal_join;
mod unnest;
mod watermark;
mod window;
mod window_aggregate;
mod window_join;
mod window_rank;

pub(crate) use temporal_join::compare_times;

use datafusion::common::Column;
use datafusion::logical_expr::{LogicalPlan, SubqueryAlias};
use filbert_binder::relational::ChangelogFunction;
use filbert_binder::{BoundQuery, ColumnTypes, Relational, RelationalNode};
use filbert_graph::spec::{ChangelogFunctionSpec, WindowSpec};
use filbert_types::options::STATE_TTL;
use filbert_types::{LogicalType, TimeKind};

use crate::columns::{PlanColumn, column_type};

use crate::error::PlanError;
use crate::exprs::{ExprCompiler, position};
use crate::planner::PlannerContext;
use crate::streaming::node::{NodeId, StreamOp, StreamPlan};
use crate::streaming::union::Union;

/// Turns one target's logical plan into stream nodes.
pub(crate) struct Converter<'a> {
    pub plan: StreamPlan,
    ctx: &'a PlannerContext,
    types: &'a ColumnTypes,
    exprs: &'a ExprCompiler,
    /// The windows of the query's table functions: columns name them by their place here.
    windows: Vec<WindowInfo>,
    /// A table is converted that will be looked up: nothing of its changes or its time.
    looks_up: bool,
}

/// A window, as its columns' consumers know it.
struct WindowInfo {
    spec: WindowSpec,
    time_zone: Option<String>,
    /// The type of the column by which rows were assigned to it.
    time: LogicalType,
    /// A group window of old.
    legacy: bool,
}

impl<'a> Converter<'a> {
    pub fn new(
        ctx: &'a PlannerContext,
        types: &'a ColumnTypes,
        exprs: &'a ExprCompiler,
    ) -> Converter<'a> {
        Converter {
            plan: StreamPlan::default(),
            ctx,
            types,
            exprs,
            windows: Vec::new(),
            looks_up: false,
        }
    }

    /// The whole of a query: `plan` is its optimized form. The columns come out in order, under the user's names.
    ///
    /// # Errors
    /// When streaming can't run an operation.
    pub fn query(&mut self, plan: &LogicalPlan, query: &BoundQuery) -> Result<NodeId, PlanError> {
        let root = self.convert(plan)?;
        let columns = &self.plan.nodes[root].columns;
        let mut wanted = Vec::with_capacity(query.output.len());
        for output in &query.output {
            let found = position(columns, &output.column).ok_or_else(|| {
                PlanError::Internal(format!("the plan lost its column {}", output.column))
            })?;
            wanted.push(found);
        }
        let in_order = wanted.iter().copied().eq(0..columns.len());
        let root = if in_order {
            root
        } else {
            self.pick(root, &wanted)
        };
        for (column, output) in self.plan.nodes[root].columns.iter_mut().zip(&query.output) {
            column.name.clone_from(&output.name);
            column.ty = output.ty.clone();
        }
        Ok(root)
    }

    fn convert(&mut self, plan: &LogicalPlan) -> Result<NodeId, PlanError> {
        match plan {
            LogicalPlan::TableScan(scan) => self.scan(scan),
            LogicalPlan::Projection(projection) => self.projection(projection),
            LogicalPlan::Filter(filter) => self.filter(filter),
            LogicalPlan::SubqueryAlias(alias) => self.alias(alias),
            LogicalPlan::Union(union) => self.union(union),
            LogicalPlan::Values(values) => self.values(values),
            LogicalPlan::EmptyRelation(empty) => self.empty(empty),
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate),
            LogicalPlan::Join(join) => self.join(join),
            LogicalPlan::Unnest(unnest) => self.unnest(unnest),
            LogicalPlan::Extension(extension) => {
                let node = extension.node.as_any().downcast_ref::<RelationalNode>();
                let Some(node) = node else {
                    return Err(unsupported(extension.node.name()));
                };
                self.relational(node)
            }
            LogicalPlan::Subquery(subquery) => self.convert(&subquery.subquery),
            LogicalPlan::Window(window) => self.over(window),
            LogicalPlan::Limit(limit) => self.limit(limit),
            LogicalPlan::Sort(sort) => self.sort(sort),
            other => Err(unsupported(&operation(other))),
        }
    }

    fn relational(&mut self, node: &RelationalNode) -> Result<NodeId, PlanError> {
        if let Relational::ProcessTable(call) = &node.relational {
            return self.process_table(node, call);
        }
        if let Relational::OuterUnnest { lists, condition } = &node.relational {
            return self.outer_unnest(node, lists, condition);
        }
        let Some(input) = node.inputs.first() else {
            return Err(PlanError::Internal(format!("{node:?} has no input")));
        };
        let input = self.convert(input)?;
        match &node.relational {
            Relational::WatermarkAssigner { .. } | Relational::Snapshot { .. } if self.looks_up => {
                Ok(input)
            }
            Relational::WatermarkAssigner { rowtime, watermark } => {
                self.watermark(input, rowtime, watermark)
            }
            Relational::WindowTableFunction {
                window,
                time,
                legacy,
            } => self.window_tvf(input, node, window, time, *legacy),
            Relational::Snapshot { .. } => Err(unsupported("FOR SYSTEM_TIME AS OF")),
            Relational::ProcessTable(call) => self.process_table(node, call),
            Relational::OuterUnnest { lists, condition } => {
                self.outer_unnest(node, lists, condition)
            }
            Relational::Match(matching) => self.row_match(input, node, matching),
            Relational::ChangelogFunction(function) => {
                self.changelog_function(input, node, function)
            }
        }
    }

    fn changelog_function(
        &mut self,
        input: NodeId,
        node: &RelationalNode,
        function: &ChangelogFunction,
    ) -> Result<NodeId, PlanError> {
        let mut columns = self.plan.nodes[input].columns.clone();
        for column in &mut columns {
            column.ty = column.ty.without_time_attribute();
            column.window = None;
        }
        let spec = match function {
            ChangelogFunction::To { codes, uid } => {
                let names = node.schema.columns();
                let op = names.last().cloned().ok_or_else(|| {
                    PlanError::Internal("TO_CHANGELOG without its column".to_owned())
                })?;
                columns.push(self.new_column(op, &arrow::datatypes::DataType::Utf8View));
                ChangelogFunctionSpec::To {
                    codes: codes.clone(),
                    uid: uid.clone(),
                }
            }
            ChangelogFunction::From { op, codes, uid } => ChangelogFunctionSpec::From {
                op: self.place(input, op)?,
                codes: codes.clone(),
                uid: uid.clone(),
            },
        };
        let op =
            StreamOp::ChangelogFunction(crate::streaming::changelog_function::ChangelogFunction {
                spec,
            });
        Ok(self.plan.add(op, vec![input], columns))
    }

    /// Other names for the same columns.
    fn alias(&mut self, alias: &SubqueryAlias) -> Result<NodeId, PlanError> {
        let input = self.convert(&alias.input)?;
        // Rows of which nothing is read keep the column that they travel on.
        if alias.schema.fields().is_empty() {
            return Ok(input);
        }
        let renamed = self.renamed(input, &alias.schema.columns());
        self.plan.nodes[input].columns = renamed;
        Ok(input)
    }

    fn union(&mut self, union: &datafusion::logical_expr::Union) -> Result<NodeId, PlanError> {
        let inputs = union
            .inputs
            .iter()
            .map(|input| {
                let input = self.convert(input)?;
                // Where nothing is read of the rows, no branch may carry more than another.
                let is_wider =
                    union.schema.fields().is_empty() && !self.plan.nodes[input].columns.is_empty();
                Ok(if is_wider {
                    self.pick(input, &[])
                } else {
                    input
                })
            })
            .collect::<Result<Vec<_>, PlanError>>()?;
        let Some(first) = inputs.first() else {
            return Err(PlanError::Internal("a UNION without inputs".to_owned()));
        };
        let mut columns = self.renamed(*first, &union.schema.columns());
        for (index, column) in columns.iter_mut().enumerate() {
            column.window = None;
            let mut branches = inputs
                .iter()
                .map(|i| &self.plan.nodes[*i].columns[index].ty);
            column.ty.nullable = branches.clone().any(|ty| ty.nullable);
            // Beside a rowtime ordinary timestamps are rowtimes, too.
            let fits = |kind: TimeKind| match column.ty.kind.time_kind() {
                TimeKind::Rowtime => kind != TimeKind::Proctime,
                own => kind == own,
            };
            if !branches.all(|ty| fits(ty.kind.time_kind())) {
                column.ty = column.ty.without_time_attribute();
            }
        }
        Ok(self.plan.add(StreamOp::Union(Union), inputs, columns))
    }

    /// A node's columns under new internal names.
    fn renamed(&self, node: NodeId, names: &[Column]) -> Vec<PlanColumn> {
        self.plan.nodes[node]
            .columns
            .iter()
            .zip(names)
            .map(|(column, name)| PlanColumn {
                column: name.clone(),
                ..column.clone()
            })
            .collect()
    }

    fn place(&self, node: NodeId, column: &Column) -> Result<usize, PlanError> {
        position(&self.plan.nodes[node].columns, column)
            .ok_or_else(|| PlanError::Internal(format!("no column {column} in a node's input")))
    }

    fn new_column(&self, column: Column, arrow: &arrow::datatypes::DataType) -> PlanColumn {
        let ty = column_type(self.types, &column, arrow);
        PlanColumn::new(column, ty)
    }

    fn millis(&self, option: &filbert_types::ConfigOption) -> Result<Option<u64>, PlanError> {
        let duration = self.ctx.configuration.get_duration(option)?;
        Ok(duration.map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How long state about the rows of a node lives: as a STATE_TTL hint says, else as the configuration.
    fn input_ttl_ms(&self, input: NodeId) -> Result<Option<u64>, PlanError> {
        let columns = self.plan.nodes[input].columns.iter();
        let columns: Vec<&Column> = columns.map(|c| &c.column).collect();
        match self.types.hinted_state_ttl_ms(&columns) {
            Some(ttl_ms) => Ok(Some(ttl_ms).filter(|ms| *ms > 0)),
            None => self.state_ttl_ms(),
        }
    }

    fn state_ttl_ms(&self) -> Result<Option<u64>, PlanError> {
        Ok(self.millis(&STATE_TTL)?.filter(|ms| *ms > 0))
    }
}

fn unsupported(operation: &str) -> PlanError {
    PlanError::Unsupported {
        operation: operation.to_owned(),
        mode: "streaming",
        hint: " It runs with SET 'execution.runtime-mode' = 'batch'.".to_owned(),
    }
}

/// What SQL calls a logical node.
fn operation(plan: &LogicalPlan) -> String {
    match plan {
        LogicalPlan::Distinct(_) => "DISTINCT ON".to_owned(),
        LogicalPlan::RecursiveQuery(_) => "WITH RECURSIVE".to_owned(),
        other => other.display().to_string(),
    }
}
