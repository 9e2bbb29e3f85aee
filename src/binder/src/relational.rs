//! The relational ideas of Flink's that DataFusion's plans lack, as one extension node around one enum.

mod process_table;
mod row_match;

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use datafusion::common::{Column, DFSchema, DFSchemaRef, Result};
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, UserDefinedLogicalNodeCore};
use filbert_types::RowKind;

pub use process_table::{ProcessTable, ProcessTableCall};
pub use row_match::{
    AfterMatch, MatchAggregate, MatchOrder, MatchRows, PatternColumn, RowMatch, RowPattern,
};

/// A relational idea of Flink's that DataFusion's plans lack.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Relational {
    /// `WATERMARK FOR rowtime AS watermark`: passes rows through; nothing in batch mode.
    WatermarkAssigner {
        rowtime: Column,
        watermark: Expr,
    },
    /// `TUMBLE(TABLE t, DESCRIPTOR(time), ..)` and its kin: adds window_start, window_end, window_time.
    WindowTableFunction {
        window: Window,
        time: Column,
        /// A group window of old: `GROUP BY TUMBLE(time, size)`.
        legacy: bool,
    },
    /// `t FOR SYSTEM_TIME AS OF period`: the rows as they were at `period`, an outer reference to the left side of the
    /// join in which this stands on the right.
    Snapshot {
        period: Expr,
        /// Where a temporal table function gave the rows: they are a history, not a table with a key.
        history: Option<History>,
    },
    /// `LEFT JOIN UNNEST(..) ON condition`: each row beside those elements of its lists (which stand in the lists' places)
    /// for which the condition is true, or beside NULLs where it is for none.
    OuterUnnest {
        lists: Vec<Column>,
        /// Over the node's columns.
        condition: Expr,
    },
    /// `t MATCH_RECOGNIZE ( .. )`
    Match(Box<RowMatch>),
    ChangelogFunction(ChangelogFunction),
    /// A process table function of the embedding program, over one input for each of its table arguments.
    ProcessTable(Box<ProcessTableCall>),
}

/// TO_CHANGELOG and FROM_CHANGELOG. The node has its input's columns; projections around it make theirs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ChangelogFunction {
    /// Adds the code of the row's kind as a last column.
    To {
        codes: Vec<(RowKind, String)>,
        /// The operator's name, where the call gives one.
        uid: Option<String>,
    },
    /// Takes the row's kind from a column.
    From {
        op: Column,
        codes: Vec<(String, RowKind)>,
        uid: Option<String>,
    },
}

/// Rows of which each is valid from its time on, until the next of its key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct History {
    /// A time attribute; the join is by processing time where it is one.
    pub time: Column,
    pub key: Column,
}

/// How a window TVF cuts time; milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Window {
    Tumble {
        size_ms: i64,
        offset_ms: i64,
    },
    Hop {
        size_ms: i64,
        slide_ms: i64,
        offset_ms: i64,
    },
    Cumulate {
        size_ms: i64,
        step_ms: i64,
        offset_ms: i64,
    },
    /// Whole months by the calendar.
    Months {
        shape: MonthWindow,
        size: i64,
        /// HOP's slide or CUMULATE's step.
        step: i64,
        offset_ms: i64,
    },
    Session {
        gap_ms: i64,
        partition_by: Vec<Column>,
    },
}

impl Window {
    /// The keys that have sessions of their own.
    fn partition_by(&self) -> &[Column] {
        match self {
            Window::Session { partition_by, .. } => partition_by,
            Window::Tumble { .. }
            | Window::Hop { .. }
            | Window::Cumulate { .. }
            | Window::Months { .. } => &[],
        }
    }
}

/// How windows of months follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MonthWindow {
    Tumble,
    Hop,
    Cumulate,
}

/// The one extension node: a [`Relational`] over its inputs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RelationalNode {
    pub relational: Relational,
    pub inputs: Vec<LogicalPlan>,
    pub schema: DFSchemaRef,
}

impl PartialOrd for RelationalNode {
    fn partial_cmp(&self, other: &RelationalNode) -> Option<Ordering> {
        self.inputs.partial_cmp(&other.inputs)
    }
}

impl UserDefinedLogicalNodeCore for RelationalNode {
    fn name(&self) -> &str {
        match self.relational {
            Relational::WatermarkAssigner { .. } => "WatermarkAssigner",
            Relational::WindowTableFunction { .. } => "WindowTableFunction",
            Relational::Snapshot { .. } => "Snapshot",
            Relational::OuterUnnest { .. } => "OuterUnnest",
            Relational::Match(_) => "Match",
            Relational::ChangelogFunction(ChangelogFunction::To { .. }) => "ToChangelog",
            Relational::ChangelogFunction(ChangelogFunction::From { .. }) => "FromChangelog",
            Relational::ProcessTable(_) => "ProcessTableFunction",
        }
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        self.inputs.iter().collect()
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        match &self.relational {
            Relational::WatermarkAssigner { rowtime, watermark } => {
                vec![Expr::Column(rowtime.clone()), watermark.clone()]
            }
            Relational::WindowTableFunction { window, time, .. } => {
                let columns = std::iter::once(time).chain(window.partition_by());
                columns.cloned().map(Expr::Column).collect()
            }
            Relational::Snapshot { period, history } => {
                let columns = history.iter().flat_map(|h| [&h.time, &h.key]);
                let columns = columns.cloned().map(Expr::Column);
                columns.chain([period.clone()]).collect()
            }
            // The condition is over the elements: of the input it reads these columns.
            Relational::OuterUnnest { lists, condition } => {
                let read = columns_of(condition).into_iter();
                let read = read.filter(|column| !lists.contains(column));
                let columns = lists.iter().cloned().chain(read);
                columns.map(Expr::Column).collect()
            }
            Relational::Match(matching) => matching.input_exprs(),
            Relational::ChangelogFunction(ChangelogFunction::To { .. }) => Vec::new(),
            Relational::ChangelogFunction(ChangelogFunction::From { op, .. }) => {
                vec![Expr::Column(op.clone())]
            }
            Relational::ProcessTable(call) => call.exprs(),
        }
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.relational {
            Relational::WatermarkAssigner { rowtime, watermark } => {
                write!(
                    f,
                    "WatermarkAssigner: rowtime=[{rowtime}], watermark=[{watermark}]"
                )
            }
            Relational::WindowTableFunction { window, time, .. } => {
                write!(f, "WindowTableFunction: window=[{window:?}], time=[{time}]")
            }
            Relational::Snapshot { period, .. } => write!(f, "Snapshot: period=[{period}]"),
            Relational::OuterUnnest { condition, .. } => {
                write!(f, "OuterUnnest: condition=[{condition}]")
            }
            Relational::Match(matching) => write!(f, "Match: pattern=[{}]", matching.pattern_text),
            Relational::ChangelogFunction(_) => f.write_str(self.name()),
            Relational::ProcessTable(call) => {
                write!(f, "ProcessTableFunction: invocation=[{}]", call.invocation)
            }
        }
    }

    fn with_exprs_and_inputs(
        &self,
        exprs: Vec<Expr>,
        inputs: Vec<LogicalPlan>,
    ) -> Result<RelationalNode> {
        let relational = self.with_exprs(exprs)?;
        let schema = match relational {
            Relational::Match(_) | Relational::ProcessTable(_) => DFSchemaRef::clone(&self.schema),
            _ => self.schema_over(&inputs)?,
        };
        Ok(RelationalNode {
            relational,
            inputs,
            schema,
        })
    }

    /// The optimizer may narrow the input to these of its columns (and those that the node itself reads).
    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        if matches!(self.relational, Relational::ProcessTable(_)) {
            // The function sees whole rows.
            let all = |plan: &LogicalPlan| (0..plan.schema().fields().len()).collect();
            return Some(self.inputs.iter().map(all).collect());
        }
        if matches!(self.relational, Relational::Match(_)) {
            // Its columns are made from those that it reads.
            return Some(vec![Vec::new()]);
        }
        let width = self.inputs.first()?.schema().fields().len();
        let wanted = output_columns.iter().copied().filter(|i| *i < width);
        Some(vec![wanted.collect()])
    }
}

/// The columns that an expression reads, in an order that doesn't change.
fn columns_of(expr: &Expr) -> Vec<Column> {
    let mut columns: Vec<Column> = expr.column_refs().into_iter().cloned().collect();
    columns.sort();
    columns
}

impl RelationalNode {
    /// The node as a plan.
    #[must_use]
    pub fn into_plan(self) -> LogicalPlan {
        LogicalPlan::Extension(Extension {
            node: Arc::new(self),
        })
    }

    /// The same over expressions that stand for its own.
    fn with_exprs(&self, exprs: Vec<Expr>) -> Result<Relational> {
        let mut exprs = exprs.into_iter();
        let mut column = |what: &str| match exprs.next() {
            Some(Expr::Column(column)) => Ok(column),
            _ => {
                datafusion::common::internal_err!("{what} of a relational node must stay a column")
            }
        };
        Ok(match &self.relational {
            Relational::WatermarkAssigner { watermark, .. } => {
                let rowtime = column("the rowtime")?;
                Relational::WatermarkAssigner {
                    rowtime,
                    watermark: exprs.next().unwrap_or_else(|| watermark.clone()),
                }
            }
            Relational::WindowTableFunction { window, legacy, .. } => {
                let time = column("the time column")?;
                let mut window = window.clone();
                if let Window::Session { partition_by, .. } = &mut window {
                    for key in partition_by {
                        *key = column("a key of sessions")?;
                    }
                }
                Relational::WindowTableFunction {
                    window,
                    time,
                    legacy: *legacy,
                }
            }
            Relational::ChangelogFunction(ChangelogFunction::From { codes, uid, .. }) => {
                Relational::ChangelogFunction(ChangelogFunction::From {
                    op: column("the column of operation codes")?,
                    codes: codes.clone(),
                    uid: uid.clone(),
                })
            }
            Relational::ChangelogFunction(to) => Relational::ChangelogFunction(to.clone()),
            Relational::ProcessTable(call) => {
                Relational::ProcessTable(Box::new(call.with_exprs(exprs.collect())?))
            }
            Relational::Snapshot { period, history } => {
                let history = match history {
                    Some(_) => Some(History {
                        time: column("a history's time")?,
                        key: column("a history's key")?,
                    }),
                    None => None,
                };
                Relational::Snapshot {
                    period: exprs.next().unwrap_or_else(|| period.clone()),
                    history,
                }
            }
            Relational::OuterUnnest { .. } if exprs.as_slice() != self.expressions() => {
                return datafusion::common::internal_err!(
                    "what a join with UNNEST reads must stay"
                );
            }
            Relational::OuterUnnest { lists, condition } => Relational::OuterUnnest {
                lists: lists.clone(),
                condition: condition.clone(),
            },
            Relational::Match(matching) => {
                Relational::Match(Box::new(matching.with_input_exprs(exprs.collect())?))
            }
        })
    }

    /// The node's columns once its input has these: a rule may have narrowed it.
    fn schema_over(&self, inputs: &[LogicalPlan]) -> Result<DFSchemaRef> {
        let (Some(old), Some(new)) = (self.inputs.first(), inputs.first()) else {
            return Ok(DFSchemaRef::clone(&self.schema));
        };
        if old.schema() == new.schema() {
            return Ok(DFSchemaRef::clone(&self.schema));
        }
        if let Relational::OuterUnnest { lists, .. } = &self.relational {
            let fields = new.schema().iter().map(|(relation, field)| {
                let column = Column::new(relation.cloned(), field.name());
                let element = self.schema.maybe_index_of_column(&column);
                let element = element.filter(|_| lists.contains(&column));
                let field = element.map_or(field, |at| &self.schema.fields()[at]);
                (relation.cloned(), Arc::clone(field))
            });
            let fields = fields.collect();
            return DFSchema::new_with_metadata(fields, HashMap::new()).map(Arc::new);
        }
        let added = self.schema.iter().skip(old.schema().fields().len());
        let fields: Vec<_> = new
            .schema()
            .iter()
            .chain(added)
            .map(|(relation, field)| (relation.cloned(), Arc::clone(field)))
            .collect();
        DFSchema::new_with_metadata(fields, HashMap::new()).map(Arc::new)
    }
}
