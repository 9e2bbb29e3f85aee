//! Logical expressions, which sources filter by, as DataFusion's messages have them, in our form and back.

use std::collections::HashMap;

use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion_proto::protobuf::logical_expr_node::ExprType;
use datafusion_proto::protobuf::{
    BetweenNode, BinaryExprNode, CaseNode, CastNode, ILikeNode, InListNode, IsNotNull, IsNull,
    LikeNode, LogicalExprNode, NegativeNode, Not, ScalarUdfExprNode, TryCastNode, WhenThen,
};

use super::form::{
    BetweenForm, BinaryForm, CallForm, CaseForm, CastForm, ColumnForm, Form, InForm, LikeForm,
};
use super::literal_form;
use super::physical_form::{arrow_type, external, required_type};

type Child = Option<Box<LogicalExprNode>>;

#[expect(clippy::too_many_lines, reason = "an arm for each kind of expression")]
pub(super) fn write(node: &LogicalExprNode) -> Result<Form> {
    let Some(kind) = &node.expr_type else {
        return plan_err!("An expression says nothing");
    };
    Ok(match kind {
        ExprType::Column(column) if column.relation.is_none() => Form::Column(ColumnForm {
            name: column.name.clone(),
            index: None,
        }),
        ExprType::Literal(value) => {
            let value = ScalarValue::try_from(value).map_err(external)?;
            Form::Literal(literal_form::write(&value)?)
        }
        ExprType::ScalarUdfExpr(call) => Form::Call(CallForm {
            function: call.fun_name.clone(),
            args: all(&call.args)?,
            bound: call
                .fun_definition
                .as_deref()
                .map(super::bound_json)
                .transpose()?,
            returns: None,
        }),
        ExprType::BinaryExpr(binary) => Form::Binary(BinaryForm {
            op: binary.op.clone(),
            operands: all(&binary.operands)?,
        }),
        ExprType::NotExpr(of) => Form::Not(child(&of.expr)?),
        ExprType::IsNullExpr(of) => Form::IsNull(child(&of.expr)?),
        ExprType::IsNotNullExpr(of) => Form::IsNotNull(child(&of.expr)?),
        ExprType::Negative(of) => Form::Negative(child(&of.expr)?),
        ExprType::Case(case) => Form::Case(CaseForm {
            of: maybe(&case.expr)?,
            when: case
                .when_then_expr
                .iter()
                .map(branch)
                .collect::<Result<_>>()?,
            otherwise: maybe(&case.else_expr)?,
        }),
        ExprType::Cast(cast) if cast.metadata.is_empty() => Form::Cast(CastForm {
            expr: child(&cast.expr)?,
            ty: required_type(cast.arrow_type.as_ref())?,
            nullable: cast.nullable,
        }),
        ExprType::TryCast(cast) if cast.metadata.is_empty() => Form::TryCast(CastForm {
            expr: child(&cast.expr)?,
            ty: required_type(cast.arrow_type.as_ref())?,
            nullable: cast.nullable,
        }),
        ExprType::InList(list) => Form::In(InForm {
            expr: child(&list.expr)?,
            list: all(&list.list)?,
            negated: list.negated,
        }),
        ExprType::Like(like) if like.escape_char.is_empty() => Form::Like(LikeForm {
            expr: child(&like.expr)?,
            pattern: child(&like.pattern)?,
            negated: like.negated,
            case_insensitive: false,
        }),
        ExprType::Ilike(like) if like.escape_char.is_empty() => Form::Like(LikeForm {
            expr: child(&like.expr)?,
            pattern: child(&like.pattern)?,
            negated: like.negated,
            case_insensitive: true,
        }),
        ExprType::Between(between) => Form::Between(BetweenForm {
            expr: child(&between.expr)?,
            low: child(&between.low)?,
            high: child(&between.high)?,
            negated: between.negated,
        }),
        other => {
            let text = format!("{other:?}");
            let name = text.split('(').next().unwrap_or_default();
            return plan_err!("A filter of the kind {name} can't be written");
        }
    })
}

pub(super) fn read(form: &Form) -> Result<LogicalExprNode> {
    let kind = match form {
        Form::Column(column) => {
            ExprType::Column(datafusion::common::Column::new_unqualified(&column.name).into())
        }
        Form::Literal(value) => {
            let value = literal_form::read(value)?;
            ExprType::Literal((&value).try_into().map_err(external)?)
        }
        Form::Call(call) => ExprType::ScalarUdfExpr(ScalarUdfExprNode {
            fun_name: call.function.clone(),
            args: nodes(&call.args)?,
            fun_definition: call.bound.as_ref().map(super::bound_bytes).transpose()?,
        }),
        Form::Binary(binary) => ExprType::BinaryExpr(BinaryExprNode {
            operands: nodes(&binary.operands)?,
            op: binary.op.clone(),
        }),
        Form::Not(of) => ExprType::NotExpr(Box::new(Not { expr: boxed(of)? })),
        Form::IsNull(of) => ExprType::IsNullExpr(Box::new(IsNull { expr: boxed(of)? })),
        Form::IsNotNull(of) => ExprType::IsNotNullExpr(Box::new(IsNotNull { expr: boxed(of)? })),
        Form::Negative(of) => ExprType::Negative(Box::new(NegativeNode { expr: boxed(of)? })),
        Form::Case(case) => ExprType::Case(Box::new(case_node(case)?)),
        Form::Cast(cast) => ExprType::Cast(Box::new(CastNode {
            expr: boxed(&cast.expr)?,
            arrow_type: Some(arrow_type(&cast.ty)?),
            metadata: HashMap::new(),
            nullable: cast.nullable,
        })),
        Form::TryCast(cast) => ExprType::TryCast(Box::new(TryCastNode {
            expr: boxed(&cast.expr)?,
            arrow_type: Some(arrow_type(&cast.ty)?),
            metadata: HashMap::new(),
            nullable: cast.nullable,
        })),
        Form::In(list) => ExprType::InList(Box::new(InListNode {
            expr: boxed(&list.expr)?,
            list: nodes(&list.list)?,
            negated: list.negated,
        })),
        Form::Like(like) => like_node(like)?,
        Form::Between(between) => ExprType::Between(Box::new(BetweenNode {
            expr: boxed(&between.expr)?,
            negated: between.negated,
            low: boxed(&between.low)?,
            high: boxed(&between.high)?,
        })),
    };
    Ok(LogicalExprNode {
        expr_type: Some(kind),
    })
}

fn like_node(like: &LikeForm) -> Result<ExprType> {
    let (expr, pattern) = (boxed(&like.expr)?, boxed(&like.pattern)?);
    let escape_char = String::new();
    Ok(match like.case_insensitive {
        false => ExprType::Like(Box::new(LikeNode {
            negated: like.negated,
            expr,
            pattern,
            escape_char,
        })),
        true => ExprType::Ilike(Box::new(ILikeNode {
            negated: like.negated,
            expr,
            pattern,
            escape_char,
        })),
    })
}

fn case_node(case: &CaseForm) -> Result<CaseNode> {
    let branch = |(when, then): &(Form, Form)| {
        Ok(WhenThen {
            when_expr: Some(read(when)?),
            then_expr: Some(read(then)?),
        })
    };
    let maybe = |form: &Option<Box<Form>>| match form {
        Some(form) => boxed(form),
        None => Ok(None),
    };
    Ok(CaseNode {
        expr: maybe(&case.of)?,
        when_then_expr: case.when.iter().map(branch).collect::<Result<_>>()?,
        else_expr: maybe(&case.otherwise)?,
    })
}

fn all(nodes: &[LogicalExprNode]) -> Result<Vec<Form>> {
    nodes.iter().map(write).collect()
}

fn nodes(forms: &[Form]) -> Result<Vec<LogicalExprNode>> {
    forms.iter().map(read).collect()
}

fn child(node: &Child) -> Result<Box<Form>> {
    match node {
        Some(node) => write(node).map(Box::new),
        None => plan_err!("An expression lacks a part"),
    }
}

fn maybe(node: &Child) -> Result<Option<Box<Form>>> {
    node.as_ref()
        .map(|node| write(node).map(Box::new))
        .transpose()
}

fn branch(branch: &WhenThen) -> Result<(Form, Form)> {
    match (&branch.when_expr, &branch.then_expr) {
        (Some(when), Some(then)) => Ok((write(when)?, write(then)?)),
        _ => plan_err!("A CASE lacks a part"),
    }
}

fn boxed(form: &Form) -> Result<Child> {
    Ok(Some(Box::new(read(form)?)))
}
