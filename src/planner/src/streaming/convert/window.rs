use datafusion::common::Column;
use filbert_binder::RelationalNode;
use filbert_binder::relational::{MonthWindow, Window};
use filbert_graph::spec::{self, WindowColumn, WindowSpec};
use filbert_types::{LogicalType, TimeKind, TypeKind};

use super::{Converter, WindowInfo};
use crate::columns::{PlanColumn, WindowBound};
use crate::error::PlanError;
use crate::streaming::node::{NodeId, StreamOp};
use crate::streaming::window_tvf::WindowTableFunction;

impl Converter<'_> {
    pub(super) fn window_tvf(
        &mut self,
        input: NodeId,
        node: &RelationalNode,
        window: &Window,
        time: &Column,
        legacy: bool,
    ) -> Result<NodeId, PlanError> {
        // Group windows of old go by what the query says, though a join may have made it an ordinary value, as in Flink.
        let declared = self.types.get(time).filter(|_| legacy).cloned();
        let time = self.place(input, time)?;
        let known = &self.plan.nodes[input].columns[time].ty;
        let time_type = declared.unwrap_or_else(|| known.clone());
        if time_type.kind.time_kind() == TimeKind::Regular {
            return Err(PlanError::Refused(format!(
                "The window function requires the timecol is a time attribute type, but is {time_type}."
            )));
        }
        let spec = self.window_spec(input, window)?;
        let time_zone = self.window_zone(&time_type);
        let new_window = self.windows.len();
        let info = WindowInfo {
            spec: spec.clone(),
            time_zone: time_zone.clone(),
            time: time_type,
            legacy,
        };
        let proctime = info.is_proctime();
        let mut columns = self.plan.nodes[input].columns.clone();
        let names = node.schema.columns();
        let added = names.len().saturating_sub(3);
        for (place, which) in [WindowColumn::Start, WindowColumn::End, WindowColumn::Time]
            .into_iter()
            .enumerate()
        {
            let Some(column) = names.get(added + place) else {
                return Err(PlanError::Internal(
                    "a window without its columns".to_owned(),
                ));
            };
            columns.push(PlanColumn {
                name: crate::columns::shown_name(&column.name).to_owned(),
                column: column.clone(),
                ty: info.column_type(which),
                window: Some(WindowBound {
                    which,
                    window: new_window,
                }),
            });
        }
        let op = StreamOp::WindowTableFunction(WindowTableFunction {
            window: spec,
            time,
            proctime,
            time_zone,
        });
        self.windows.push(info);
        Ok(self.plan.add(op, vec![input], columns))
    }

    /// The zone by which windows over TIMESTAMP_LTZ are cut.
    fn window_zone(&self, time: &LogicalType) -> Option<String> {
        matches!(time.kind, TypeKind::TimestampLtz { .. })
            .then(|| self.ctx.expr.time_zone.to_string())
    }

    fn window_spec(&self, input: NodeId, window: &Window) -> Result<WindowSpec, PlanError> {
        Ok(match window {
            Window::Tumble { size_ms, offset_ms } => WindowSpec::Tumble {
                size_ms: *size_ms,
                offset_ms: *offset_ms,
            },
            Window::Hop {
                size_ms,
                slide_ms,
                offset_ms,
            } => WindowSpec::Hop {
                size_ms: *size_ms,
                slide_ms: *slide_ms,
                offset_ms: *offset_ms,
            },
            Window::Cumulate {
                size_ms,
                step_ms,
                offset_ms,
            } => WindowSpec::Cumulate {
                size_ms: *size_ms,
                step_ms: *step_ms,
                offset_ms: *offset_ms,
            },
            Window::Months {
                shape,
                size,
                step,
                offset_ms,
            } => WindowSpec::Months {
                shape: match shape {
                    MonthWindow::Tumble => spec::MonthWindow::Tumble,
                    MonthWindow::Hop => spec::MonthWindow::Hop,
                    MonthWindow::Cumulate => spec::MonthWindow::Cumulate,
                },
                size: *size,
                step: *step,
                offset_ms: *offset_ms,
            },
            Window::Session {
                gap_ms,
                partition_by,
            } => WindowSpec::Session {
                gap_ms: *gap_ms,
                partition_by: partition_by
                    .iter()
                    .map(|c| self.place(input, c))
                    .collect::<Result<_, _>>()?,
            },
        })
    }
}

impl WindowInfo {
    pub(super) fn is_proctime(&self) -> bool {
        self.time.kind.time_kind() == TimeKind::Proctime
    }

    /// window_start and window_end are TIMESTAMP(3) NOT NULL; window_time is a time attribute of the time column's kind.
    pub(super) fn column_type(&self, which: WindowColumn) -> LogicalType {
        let (precision, kind) = (3, self.time.kind.time_kind());
        LogicalType::not_null(match (which, &self.time.kind) {
            (WindowColumn::Time, TypeKind::TimestampLtz { .. }) => {
                TypeKind::TimestampLtz { precision, kind }
            }
            (WindowColumn::Time, _) => TypeKind::Timestamp { precision, kind },
            _ => TypeKind::timestamp(3),
        })
    }
}
