//! Expressions as bytes: a job carries them, and a process that never saw the SQL reads them back.
//!
//! Built on datafusion-proto. A function of ours is written as its name, its types and the session it was bound in, and
//! looked up again by name; DataFusion's own functions go by name alone.
//!
//! The bytes are for one version of the engine. For plans that outlive it they become JSON of our own: `form`.

mod form;
mod functions;
mod literal_form;
mod logical_form;
mod physical_form;

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::common::{Result, internal_err, plan_err};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{AggregateUDF, Expr, ScalarUDF, WindowUDF};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::logical_plan::{
    DefaultLogicalExtensionCodec, LogicalExtensionCodec, from_proto::parse_expr,
    to_proto::serialize_expr,
};
use datafusion_proto::physical_plan::{
    PhysicalExtensionCodec, PhysicalProtoConverterExtension, from_proto::parse_physical_expr,
    to_proto::serialize_physical_expr,
};
use datafusion_proto::protobuf::{LogicalExprNode, PhysicalExprNode};
use filbert_types::clock::Clock;
use prost::Message;

use crate::registry::FunctionRegistry;
use functions::{
    bound_bytes, bound_json, decode_udaf, decode_udwf, encode_udaf, encode_udf, encode_udwf,
};

/// Writes and reads the execution plan nodes that another room adds.
pub trait PlanCodec: std::fmt::Debug + Send + Sync {
    /// Appends the node to `buf`; false where it is not one of its own.
    fn encode(
        &self,
        node: &Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<bool>;
    fn decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        ctx: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>>;
}

/// The codec for plans and expressions that hold Flink's functions.
#[derive(Clone)]
pub struct FunctionCodec {
    registry: Arc<FunctionRegistry>,
    plans: Option<Arc<dyn PlanCodec>>,
    clock: Option<Arc<dyn Clock>>,
}

impl std::fmt::Debug for FunctionCodec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plans = self.plans.as_ref();
        f.debug_tuple("FunctionCodec").field(&plans).finish()
    }
}

impl FunctionCodec {
    pub fn new(registry: Arc<FunctionRegistry>) -> FunctionCodec {
        FunctionCodec {
            registry,
            plans: None,
            clock: None,
        }
    }

    /// Calls that are read tell the time by this clock.
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> FunctionCodec {
        self.clock = Some(clock);
        self
    }

    /// Also writes and reads another room's plan nodes.
    pub fn with_plans(mut self, plans: Arc<dyn PlanCodec>) -> FunctionCodec {
        self.plans = Some(plans);
        self
    }

    /// A physical expression as bytes.
    pub fn encode(&self, expr: &Arc<dyn PhysicalExpr>) -> Result<Vec<u8>> {
        Ok(serialize_physical_expr(expr, self)?.encode_to_vec())
    }

    /// The physical expression of these bytes, over rows of this schema.
    pub fn decode(
        &self,
        bytes: &[u8],
        schema: &Schema,
        ctx: &TaskContext,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        match PhysicalExprNode::decode(bytes) {
            Ok(node) => parse_physical_expr(&node, ctx, schema, self),
            Err(e) => plan_err!("These bytes are no physical expression: {e}"),
        }
    }

    /// A logical expression as bytes, as source filters are.
    pub fn encode_logical(&self, expr: &Expr) -> Result<Vec<u8>> {
        Ok(serialize_expr(expr, self)?.encode_to_vec())
    }

    /// The logical expression of these bytes.
    pub fn decode_logical(&self, bytes: &[u8], ctx: &TaskContext) -> Result<Expr> {
        match LogicalExprNode::decode(bytes) {
            Ok(node) => Ok(parse_expr(&node, ctx, self)?),
            Err(e) => plan_err!("These bytes are no logical expression: {e}"),
        }
    }

    /// The bytes of a physical expression as JSON that a later version can read.
    ///
    /// # Errors
    /// When the expression holds something that has no lasting form.
    pub fn physical_to_json(bytes: &[u8]) -> Result<serde_json::Value> {
        match PhysicalExprNode::decode(bytes) {
            Ok(node) => lasting(&physical_form::write(&node)?, |form| {
                physical_form::write(&physical_form::read(form)?)
            }),
            Err(e) => plan_err!("These bytes are no physical expression: {e}"),
        }
    }

    /// The bytes of what [`FunctionCodec::physical_to_json`] wrote.
    ///
    /// # Errors
    /// When the JSON is no expression.
    pub fn physical_from_json(json: serde_json::Value) -> Result<Vec<u8>> {
        Ok(physical_form::read(&form_of(json)?)?.encode_to_vec())
    }

    /// As [`FunctionCodec::physical_to_json`], of a logical expression.
    ///
    /// # Errors
    /// When the expression holds something that has no lasting form.
    pub fn logical_to_json(bytes: &[u8]) -> Result<serde_json::Value> {
        match LogicalExprNode::decode(bytes) {
            Ok(node) => lasting(&logical_form::write(&node)?, |form| {
                logical_form::write(&logical_form::read(form)?)
            }),
            Err(e) => plan_err!("These bytes are no logical expression: {e}"),
        }
    }

    /// The bytes of what [`FunctionCodec::logical_to_json`] wrote.
    ///
    /// # Errors
    /// When the JSON is no expression.
    pub fn logical_from_json(json: serde_json::Value) -> Result<Vec<u8>> {
        Ok(logical_form::read(&form_of(json)?)?.encode_to_vec())
    }
}

/// The form as JSON, once it has shown to read back as itself.
fn lasting(
    form: &form::Form,
    again: impl FnOnce(&form::Form) -> Result<form::Form>,
) -> Result<serde_json::Value> {
    let json = match serde_json::to_value(form) {
        Ok(json) => json,
        Err(e) => return internal_err!("An expression can't be written: {e}"),
    };
    if again(&form_of(json.clone())?)? != *form {
        return plan_err!("An expression doesn't read back as itself: {json}");
    }
    Ok(json)
}

fn form_of(json: serde_json::Value) -> Result<form::Form> {
    match serde_json::from_value(json) {
        Ok(form) => Ok(form),
        Err(e) => plan_err!("The plan holds something that is no expression: {e}"),
    }
}

impl PhysicalExtensionCodec for FunctionCodec {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        ctx: &TaskContext,
        proto_converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match &self.plans {
            Some(plans) => plans.decode(buf, inputs, ctx, proto_converter),
            None => internal_err!("This codec knows no plan nodes"),
        }
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        proto_converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        let known = match &self.plans {
            Some(plans) => plans.encode(&node, buf, proto_converter)?,
            None => false,
        };
        if known {
            return Ok(());
        }
        internal_err!("The plan node {} can't be written", node.name())
    }

    fn try_decode_udf(&self, name: &str, buf: &[u8]) -> Result<Arc<ScalarUDF>> {
        self.decode_udf(name, buf)
    }

    fn try_encode_udf(&self, node: &ScalarUDF, buf: &mut Vec<u8>) -> Result<()> {
        encode_udf(node, buf)
    }

    fn try_decode_udaf(&self, name: &str, buf: &[u8]) -> Result<Arc<AggregateUDF>> {
        decode_udaf(&self.registry, name, buf)
    }

    fn try_encode_udaf(&self, node: &AggregateUDF, buf: &mut Vec<u8>) -> Result<()> {
        encode_udaf(node, buf)
    }

    fn try_decode_udwf(&self, name: &str, buf: &[u8]) -> Result<Arc<WindowUDF>> {
        decode_udwf(name, buf)
    }

    fn try_encode_udwf(&self, node: &WindowUDF, buf: &mut Vec<u8>) -> Result<()> {
        encode_udwf(node, buf)
    }
}

impl LogicalExtensionCodec for FunctionCodec {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[datafusion::logical_expr::LogicalPlan],
        ctx: &TaskContext,
    ) -> Result<datafusion::logical_expr::Extension> {
        DefaultLogicalExtensionCodec {}.try_decode(buf, inputs, ctx)
    }

    fn try_encode(
        &self,
        node: &datafusion::logical_expr::Extension,
        buf: &mut Vec<u8>,
    ) -> Result<()> {
        DefaultLogicalExtensionCodec {}.try_encode(node, buf)
    }

    fn try_decode_table_provider(
        &self,
        buf: &[u8],
        table_ref: &datafusion::common::TableReference,
        schema: arrow::datatypes::SchemaRef,
        ctx: &TaskContext,
    ) -> Result<Arc<dyn datafusion::catalog::TableProvider>> {
        DefaultLogicalExtensionCodec {}.try_decode_table_provider(buf, table_ref, schema, ctx)
    }

    fn try_encode_table_provider(
        &self,
        table_ref: &datafusion::common::TableReference,
        node: Arc<dyn datafusion::catalog::TableProvider>,
        buf: &mut Vec<u8>,
    ) -> Result<()> {
        DefaultLogicalExtensionCodec {}.try_encode_table_provider(table_ref, node, buf)
    }

    fn try_decode_udf(&self, name: &str, buf: &[u8]) -> Result<Arc<ScalarUDF>> {
        self.decode_udf(name, buf)
    }

    fn try_encode_udf(&self, node: &ScalarUDF, buf: &mut Vec<u8>) -> Result<()> {
        encode_udf(node, buf)
    }

    fn try_decode_udaf(&self, name: &str, buf: &[u8]) -> Result<Arc<AggregateUDF>> {
        decode_udaf(&self.registry, name, buf)
    }

    fn try_encode_udaf(&self, node: &AggregateUDF, buf: &mut Vec<u8>) -> Result<()> {
        encode_udaf(node, buf)
    }

    fn try_decode_udwf(&self, name: &str, buf: &[u8]) -> Result<Arc<WindowUDF>> {
        decode_udwf(name, buf)
    }

    fn try_encode_udwf(&self, node: &WindowUDF, buf: &mut Vec<u8>) -> Result<()> {
        encode_udwf(node, buf)
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field};
    use datafusion::common::DFSchema;
    use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
    use datafusion::logical_expr::{col, execution_props::ExecutionProps};
    use datafusion::physical_expr::create_physical_expr;
    use filbert_types::TypeKind;

    use super::*;
    use crate::testing::context;
    use crate::{TypedExpr, call, literal};

    #[test]
    fn a_bound_call_reads_back_as_itself() {
        let registry = Arc::new(FunctionRegistry::new());
        let codec = FunctionCodec::new(Arc::clone(&registry));
        let column = TypedExpr::new(col("x"), TypeKind::Int.into());
        let sum = call::scalar(
            &context(),
            &registry,
            "/",
            vec![literal::number("10").unwrap(), column],
        )
        .unwrap();
        let schema = Schema::new(vec![Field::new("x", DataType::Int32, true)]);
        let df_schema = DFSchema::try_from(schema.clone()).unwrap();
        let physical = create_physical_expr(
            &sum.expr,
            &df_schema,
            &ExecutionProps::new(),
            &PhysicalPlanningContext::default(),
        )
        .unwrap();
        let bytes = codec.encode(&physical).unwrap();
        let back = codec
            .decode(&bytes, &schema, &TaskContext::default())
            .unwrap();
        assert_eq!(physical.to_string(), back.to_string());
        assert_eq!(&physical, &back);

        let json = FunctionCodec::physical_to_json(&bytes).unwrap();
        let bytes = FunctionCodec::physical_from_json(json).unwrap();
        let back = codec
            .decode(&bytes, &schema, &TaskContext::default())
            .unwrap();
        assert_eq!(&physical, &back);

        let bytes = codec.encode_logical(&sum.expr).unwrap();
        let back = codec
            .decode_logical(&bytes, &TaskContext::default())
            .unwrap();
        assert_eq!(sum.expr, back);
        let json = FunctionCodec::logical_to_json(&bytes).unwrap();
        let bytes = FunctionCodec::logical_from_json(json).unwrap();
        let back = codec
            .decode_logical(&bytes, &TaskContext::default())
            .unwrap();
        assert_eq!(sum.expr, back);
    }
}
