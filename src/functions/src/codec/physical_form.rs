//! Physical expressions as DataFusion's messages have them, in our form and back.

use datafusion::common::{DataFusionError, Result, ScalarValue, plan_err};
use datafusion_proto::protobuf::physical_expr_node::ExprType;
use datafusion_proto::protobuf::{
    ArrowType, PhysicalBinaryExprNode, PhysicalCaseNode, PhysicalCastNode, PhysicalColumn,
    PhysicalExprNode, PhysicalInListNode, PhysicalIsNotNull, PhysicalIsNull, PhysicalLikeExprNode,
    PhysicalNegativeNode, PhysicalNot, PhysicalScalarUdfNode, PhysicalTryCastNode,
    PhysicalWhenThen,
};

use super::form::{
    BinaryForm, CallForm, CaseForm, CastForm, ColumnForm, Form, InForm, LikeForm, ReturnForm,
};
use super::literal_form::{self, type_of_text, type_text};

type Child = Option<Box<PhysicalExprNode>>;

#[expect(clippy::too_many_lines, reason = "an arm for each kind of expression")]
pub(super) fn write(node: &PhysicalExprNode) -> Result<Form> {
    let Some(kind) = &node.expr_type else {
        return plan_err!("An expression says nothing");
    };
    Ok(match kind {
        ExprType::Column(column) => Form::Column(ColumnForm {
            name: column.name.clone(),
            index: Some(column.index),
        }),
        ExprType::Literal(value) => {
            let value = ScalarValue::try_from(value).map_err(external)?;
            Form::Literal(literal_form::write(&value)?)
        }
        ExprType::ScalarUdf(call) => Form::Call(CallForm {
            function: call.name.clone(),
            args: call.args.iter().map(write).collect::<Result<_>>()?,
            bound: call
                .fun_definition
                .as_deref()
                .map(super::bound_json)
                .transpose()?,
            returns: Some(ReturnForm {
                name: call.return_field_name.clone(),
                ty: call.return_type.as_ref().map(type_name).transpose()?,
                nullable: call.nullable,
            }),
        }),
        ExprType::BinaryExpr(binary) => {
            let operands = if binary.operands.is_empty() {
                vec![*child(&binary.l)?, *child(&binary.r)?]
            } else {
                binary.operands.iter().map(write).collect::<Result<_>>()?
            };
            Form::Binary(BinaryForm {
                op: binary.op.clone(),
                operands,
            })
        }
        ExprType::NotExpr(of) => Form::Not(child(&of.expr)?),
        ExprType::IsNullExpr(of) => Form::IsNull(child(&of.expr)?),
        ExprType::IsNotNullExpr(of) => Form::IsNotNull(child(&of.expr)?),
        ExprType::Negative(of) => Form::Negative(child(&of.expr)?),
        ExprType::Case(case) => Form::Case(CaseForm {
            of: case.expr.is_some().then(|| child(&case.expr)).transpose()?,
            when: case
                .when_then_expr
                .iter()
                .map(branch)
                .collect::<Result<_>>()?,
            otherwise: case
                .else_expr
                .is_some()
                .then(|| child(&case.else_expr))
                .transpose()?,
        }),
        ExprType::Cast(cast) => Form::Cast(CastForm {
            expr: child(&cast.expr)?,
            ty: required_type(cast.arrow_type.as_ref())?,
            nullable: None,
        }),
        ExprType::TryCast(cast) => Form::TryCast(CastForm {
            expr: child(&cast.expr)?,
            ty: required_type(cast.arrow_type.as_ref())?,
            nullable: None,
        }),
        ExprType::InList(list) => Form::In(InForm {
            expr: child(&list.expr)?,
            list: list.list.iter().map(write).collect::<Result<_>>()?,
            negated: list.negated,
        }),
        ExprType::LikeExpr(like) => Form::Like(LikeForm {
            expr: child(&like.expr)?,
            pattern: child(&like.pattern)?,
            negated: like.negated,
            case_insensitive: like.case_insensitive,
        }),
        other => {
            let text = format!("{other:?}");
            let name = text.split('(').next().unwrap_or_default();
            return plan_err!("An expression of the kind {name} can't be written");
        }
    })
}

pub(super) fn read(form: &Form) -> Result<PhysicalExprNode> {
    let kind = match form {
        Form::Column(ColumnForm {
            name,
            index: Some(index),
        }) => ExprType::Column(PhysicalColumn {
            name: name.clone(),
            index: *index,
        }),
        Form::Column(column) => return plan_err!("The column '{}' has no place", column.name),
        Form::Literal(value) => {
            let value = literal_form::read(value)?;
            ExprType::Literal((&value).try_into().map_err(external)?)
        }
        Form::Call(call) => ExprType::ScalarUdf(call_node(call)?),
        Form::Binary(binary) => {
            let mut operands: Vec<PhysicalExprNode> =
                binary.operands.iter().map(read).collect::<Result<_>>()?;
            let mut node = PhysicalBinaryExprNode {
                op: binary.op.clone(),
                ..PhysicalBinaryExprNode::default()
            };
            match operands.len() {
                2 => {
                    node.r = operands.pop().map(Box::new);
                    node.l = operands.pop().map(Box::new);
                }
                _ => node.operands = operands,
            }
            ExprType::BinaryExpr(Box::new(node))
        }
        Form::Not(of) => ExprType::NotExpr(Box::new(PhysicalNot { expr: boxed(of)? })),
        Form::IsNull(of) => ExprType::IsNullExpr(Box::new(PhysicalIsNull { expr: boxed(of)? })),
        Form::IsNotNull(of) => {
            ExprType::IsNotNullExpr(Box::new(PhysicalIsNotNull { expr: boxed(of)? }))
        }
        Form::Negative(of) => {
            ExprType::Negative(Box::new(PhysicalNegativeNode { expr: boxed(of)? }))
        }
        Form::Case(case) => ExprType::Case(Box::new(case_node(case)?)),
        Form::Cast(cast) => ExprType::Cast(Box::new(PhysicalCastNode {
            expr: boxed(&cast.expr)?,
            arrow_type: Some(arrow_type(&cast.ty)?),
        })),
        Form::TryCast(cast) => ExprType::TryCast(Box::new(PhysicalTryCastNode {
            expr: boxed(&cast.expr)?,
            arrow_type: Some(arrow_type(&cast.ty)?),
        })),
        Form::In(list) => ExprType::InList(Box::new(PhysicalInListNode {
            expr: boxed(&list.expr)?,
            list: list.list.iter().map(read).collect::<Result<_>>()?,
            negated: list.negated,
        })),
        Form::Like(like) => ExprType::LikeExpr(Box::new(PhysicalLikeExprNode {
            negated: like.negated,
            case_insensitive: like.case_insensitive,
            expr: boxed(&like.expr)?,
            pattern: boxed(&like.pattern)?,
        })),
        Form::Between(_) => return plan_err!("BETWEEN stands only in what a source filters by"),
    };
    Ok(PhysicalExprNode {
        expr_id: None,
        expr_type: Some(kind),
    })
}

fn call_node(call: &CallForm) -> Result<PhysicalScalarUdfNode> {
    let Some(returns) = &call.returns else {
        return plan_err!("The call of {} doesn't say what it returns", call.function);
    };
    Ok(PhysicalScalarUdfNode {
        name: call.function.clone(),
        args: call.args.iter().map(read).collect::<Result<_>>()?,
        fun_definition: call.bound.as_ref().map(super::bound_bytes).transpose()?,
        return_type: returns.ty.as_deref().map(arrow_type).transpose()?,
        nullable: returns.nullable,
        return_field_name: returns.name.clone(),
    })
}

fn case_node(case: &CaseForm) -> Result<PhysicalCaseNode> {
    let branch = |(when, then): &(Form, Form)| {
        Ok(PhysicalWhenThen {
            when_expr: Some(read(when)?),
            then_expr: Some(read(then)?),
        })
    };
    Ok(PhysicalCaseNode {
        expr: match &case.of {
            Some(of) => boxed(of)?,
            None => None,
        },
        when_then_expr: case.when.iter().map(branch).collect::<Result<_>>()?,
        else_expr: match &case.otherwise {
            Some(otherwise) => boxed(otherwise)?,
            None => None,
        },
    })
}

fn child(node: &Child) -> Result<Box<Form>> {
    match node {
        Some(node) => write(node).map(Box::new),
        None => plan_err!("An expression lacks a part"),
    }
}

fn branch(branch: &PhysicalWhenThen) -> Result<(Form, Form)> {
    match (&branch.when_expr, &branch.then_expr) {
        (Some(when), Some(then)) => Ok((write(when)?, write(then)?)),
        _ => plan_err!("A CASE lacks a part"),
    }
}

fn boxed(form: &Form) -> Result<Child> {
    Ok(Some(Box::new(read(form)?)))
}

fn type_name(ty: &ArrowType) -> Result<String> {
    let ty = arrow::datatypes::DataType::try_from(ty).map_err(external)?;
    Ok(type_text(&ty))
}

pub(super) fn required_type(ty: Option<&ArrowType>) -> Result<String> {
    match ty {
        Some(ty) => type_name(ty),
        None => plan_err!("A CAST lacks its type"),
    }
}

pub(super) fn arrow_type(text: &str) -> Result<ArrowType> {
    (&type_of_text(text)?).try_into().map_err(external)
}

pub(super) fn external(error: impl std::error::Error + Send + Sync + 'static) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
