use filbert_binder::RelationalNode;
use filbert_binder::relational::ProcessTableCall;
use filbert_functions::process_table_function::TableTraits;
use filbert_graph::spec::ProcessTableInput;

use super::Converter;
use crate::columns::PlanColumn;
use crate::error::PlanError;
use crate::streaming::node::{NodeId, StreamOp};
use crate::streaming::process_table::ProcessTable;

impl Converter<'_> {
    pub(super) fn process_table(
        &mut self,
        node: &RelationalNode,
        call: &ProcessTableCall,
    ) -> Result<NodeId, PlanError> {
        let mut inputs = Vec::with_capacity(node.inputs.len());
        let mut tables = Vec::with_capacity(node.inputs.len());
        let mut traits: Vec<TableTraits> = Vec::with_capacity(node.inputs.len());
        for (plan, table) in node.inputs.iter().zip(&call.tables) {
            let input = self.convert(plan)?;
            let columns: Vec<usize> = table
                .columns
                .iter()
                .map(|c| self.place(input, c))
                .collect::<Result<_, _>>()?;
            tables.push(ProcessTableInput {
                argument: table.argument,
                keys: table.partition_by.iter().map(|at| columns[*at]).collect(),
                on_time: table.on_time.map(|at| columns[at]),
                columns,
                pass_through: table.traits.pass_columns_through,
                set_semantics: table.traits.set_semantics,
            });
            traits.push(table.traits);
            inputs.push(input);
        }
        if inputs.is_empty() {
            return Err(PlanError::Refused(format!(
                "The process table function {} is called without a table.",
                call.function
            )));
        }
        let columns: Vec<PlanColumn> = node
            .schema
            .columns()
            .into_iter()
            .zip(node.schema.fields())
            .map(|(column, field)| self.new_column(column, field.data_type()))
            .collect();
        let op = StreamOp::ProcessTable(Box::new(ProcessTable {
            changelog: call.changelog,
            deterministic: call.deterministic,
            function: call.function.clone(),
            uid: call.uid.clone(),
            invocation: call.invocation.clone(),
            tables,
            traits,
            scalars: call.scalars.clone(),
            state_ttl_ms: self.state_ttl_ms()?,
        }));
        Ok(self.plan.add(op, inputs, columns))
    }
}
