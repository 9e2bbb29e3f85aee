//! Calc: a filter and a projection in one. Changes pass as they are; an update whose row a condition lets in or shuts
//! out needs its -U, unless the condition reads nothing but a key.

mod watermark;

use arrow::datatypes::DataType;
use datafusion::logical_expr::Expr;
use filbert_graph::OperatorSpec;
use filbert_graph::spec::CalcSpec;

use crate::columns::PlanColumn;
use crate::error::PlanError;
use crate::exprs::{ExprCompiler, as_column, columns_read, is_deterministic, render};
use crate::streaming::changelog::{DeleteKind, UpdateKind};
use crate::streaming::node::{KeySet, NodeView, StreamOperator};

#[derive(Debug, Clone)]
pub(crate) struct Calc {
    pub condition: Option<Expr>,
    pub projection: Vec<Expr>,
}

impl Calc {
    fn exprs(&self) -> impl Iterator<Item = &Expr> {
        self.condition.iter().chain(&self.projection)
    }

    /// True when a key covers what the condition reads.
    fn condition_is_on_key(&self, view: NodeView<'_>) -> bool {
        let Some(condition) = &self.condition else {
            return true;
        };
        let input = view.input(0);
        let read = columns_read(condition, &input.columns);
        input
            .upsert_keys
            .iter()
            .any(|key| read.iter().all(|column| key.contains(column)))
    }
}

/// True where CURRENT_WATERMARK is called.
pub(super) fn reads_watermark(calc: &Calc) -> bool {
    calc.exprs().any(watermark::is_read)
}

/// The column that an expression is, or tells apart as well: a cast under which no two values become one.
fn tells_column(expr: &Expr, input: &[PlanColumn]) -> Option<usize> {
    match expr {
        Expr::Alias(alias) => tells_column(&alias.expr, input),
        Expr::Cast(cast) => {
            let column = as_column(&cast.expr, input)?;
            let from = input[column].ty.arrow();
            is_injective(&from, cast.field.data_type()).then_some(column)
        }
        other => as_column(other, input),
    }
}

fn is_injective(from: &DataType, to: &DataType) -> bool {
    use DataType::{Int8, Int16, Int32, Int64};
    from == to
        || matches!(
            (from, to),
            (Int8, Int16 | Int32 | Int64) | (Int16, Int32 | Int64) | (Int32, Int64)
        )
}

/// `k`, or `(v + 1) AS x`.
pub(super) fn select_item(expr: &Expr, output: &PlanColumn, input: &[PlanColumn]) -> String {
    let text = render(expr, input);
    if text == output.name {
        text
    } else {
        format!("{text} AS {}", output.name)
    }
}

impl StreamOperator for Calc {
    fn name(&self) -> &'static str {
        "Calc"
    }

    fn details(&self, view: NodeView<'_>) -> String {
        let input = &view.input(0).columns;
        let select: Vec<String> = self
            .projection
            .iter()
            .zip(&view.node.columns)
            .map(|(expr, output)| select_item(expr, output, input))
            .collect();
        let select = format!("select=[{}]", select.join(", "));
        match &self.condition {
            Some(condition) => format!("{select}, where=[{}]", render(condition, input)),
            None => select,
        }
    }

    fn spec(
        &self,
        view: NodeView<'_>,
        exprs: &ExprCompiler,
    ) -> Result<Option<OperatorSpec>, PlanError> {
        let mut input = view.input(0).columns.clone();
        let watermarks = self.exprs().any(watermark::is_read);
        if watermarks {
            input.extend(watermark::columns());
        }
        let condition = self.condition.as_ref().map(|condition| {
            let ty = filbert_types::TypeKind::Boolean.into();
            exprs.compile(&watermark::as_column(condition)?, &input, ty)
        });
        let projection = self
            .projection
            .iter()
            .zip(&view.node.columns)
            .map(|(expr, output)| {
                let expr = watermark::as_column(expr)?;
                exprs.compile(&expr, &input, output.ty.clone())
            })
            .collect::<Result<_, _>>()?;
        Ok(Some(OperatorSpec::Calc(CalcSpec {
            condition: condition.transpose()?,
            projection,
            watermarks,
        })))
    }

    fn update_inputs(&self, required: UpdateKind, view: NodeView<'_>) -> Vec<Vec<UpdateKind>> {
        if required == UpdateKind::OnlyAfter && !self.condition_is_on_key(view) {
            return Vec::new();
        }
        vec![vec![required]]
    }

    fn delete_inputs(&self, required: DeleteKind, view: NodeView<'_>) -> Vec<Vec<DeleteKind>> {
        if required == DeleteKind::ByKey && !self.condition_is_on_key(view) {
            return Vec::new();
        }
        vec![vec![required]]
    }

    fn upsert_keys(&self, view: NodeView<'_>) -> Vec<KeySet> {
        let input = view.input(0);
        let places = |column: usize| {
            let exprs = self.projection.iter().enumerate();
            exprs
                .filter(move |(_, e)| tells_column(e, &input.columns) == Some(column))
                .map(|(place, _)| place)
        };
        let moved = |key: &KeySet| {
            let first: Option<KeySet> = key.iter().map(|c| places(*c).next()).collect();
            // A key of one column is one wherever that stands.
            let others = key.first().filter(|_| key.len() == 1).into_iter();
            let others = others.flat_map(|c| places(*c).skip(1).map(|place| KeySet::from([place])));
            std::iter::once(first)
                .flatten()
                .chain(others)
                .collect::<Vec<KeySet>>()
        };
        input.upsert_keys.iter().flat_map(moved).collect()
    }

    fn is_deterministic(&self) -> bool {
        self.exprs().all(is_deterministic)
    }
}
