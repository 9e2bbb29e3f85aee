//! A condition as a tree over single values: comparisons, AND, OR, NOT, IS, and arithmetic of integers and doubles, with
//! the results of the kernels that the same expression runs on columns.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{
    BinaryExpr, CastExpr, Column, IsNotNullExpr, IsNullExpr, Literal, NotExpr,
};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use filbert_state::Cell;

use super::super::partial::RowRef;
use super::super::running::{double, float, is_int};
use super::{Candidate, Source, in_unit};
use crate::error::{OperatorError, Result};

pub(in super::super) struct Program {
    root: Node,
}

enum Node {
    Row(RowRef, i64, usize, Kind),
    Running(usize, Kind),
    Time(DataType),
    Literal(Value<'static>),
    Text(Vec<u8>),
    Compare(Comparison, Box<[Node; 2]>),
    Arithmetic(Arithmetic, Width, Box<[Node; 2]>),
    Cast(Width, Box<Node>),
    And(Box<[Node; 2]>),
    Or(Box<[Node; 2]>),
    Not(Box<Node>),
    IsNull(Box<Node>),
    IsNotNull(Box<Node>),
}

/// How a cell is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    Int,
    Decimal,
    Float,
    Double,
    Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Value<'a> {
    Null,
    Bool(bool),
    /// Integers, times and decimals.
    Int(i128),
    Double(f64),
    Bytes(&'a [u8]),
}

#[derive(Debug, Clone, Copy)]
enum Comparison {
    Eq,
    NotEq,
    Lt,
    LtEq,
    Gt,
    GtEq,
}

#[derive(Debug, Clone, Copy)]
enum Arithmetic {
    Plus,
    Minus,
    Times,
    Divide,
}

/// Of the result.
#[derive(Debug, Clone, Copy)]
enum Width {
    Int32,
    Int64,
    Double,
}

impl Program {
    /// None for expressions that it can't run.
    pub fn compile(
        expr: &Arc<dyn PhysicalExpr>,
        columns: &[Source],
        schema: &SchemaRef,
    ) -> Option<Program> {
        let compiler = Compiler { columns, schema };
        compiler.node(expr).map(|root| Program { root })
    }

    pub fn holds(&self, candidate: Candidate<'_>) -> Result<bool> {
        Ok(self.root.value(candidate)? == Value::Bool(true))
    }
}

struct Compiler<'a> {
    columns: &'a [Source],
    schema: &'a SchemaRef,
}

impl Compiler<'_> {
    fn node(&self, expr: &Arc<dyn PhysicalExpr>) -> Option<Node> {
        if let Some(column) = expr.downcast_ref::<Column>() {
            let ty = self.schema.field(column.index()).data_type();
            return Some(match self.columns[column.index()] {
                Source::Row(row, physical, cell) => Node::Row(row, physical, cell, kind(ty)?),
                Source::Running(place) => Node::Running(place, kind(ty)?),
                Source::Aggregate(_) => return None,
                Source::Time => Node::Time(ty.clone()),
            });
        }
        if let Some(literal) = expr.downcast_ref::<Literal>() {
            return literal_node(literal.value());
        }
        if let Some(not) = expr.downcast_ref::<NotExpr>() {
            return Some(Node::Not(Box::new(self.node(not.arg())?)));
        }
        if let Some(is) = expr.downcast_ref::<IsNullExpr>() {
            return Some(Node::IsNull(Box::new(self.node(is.arg())?)));
        }
        if let Some(is) = expr.downcast_ref::<IsNotNullExpr>() {
            return Some(Node::IsNotNull(Box::new(self.node(is.arg())?)));
        }
        if let Some(binary) = expr.downcast_ref::<BinaryExpr>() {
            return self.binary(*binary.op(), binary.left(), binary.right());
        }
        if let Some(cast) = expr.downcast_ref::<CastExpr>() {
            return self.cast(cast.expr(), cast.cast_type());
        }
        let call = expr.downcast_ref::<ScalarFunctionExpr>()?;
        if let (true, [arg]) = (call.name() == "CAST", call.args()) {
            return self.cast(arg, call.return_type());
        }
        let [left, right] = call.args() else {
            return None;
        };
        let op = match call.name() {
            "$EQ" => Operator::Eq,
            "$NE" => Operator::NotEq,
            "$LT" => Operator::Lt,
            "$LE" => Operator::LtEq,
            "$GT" => Operator::Gt,
            "$GE" => Operator::GtEq,
            "$INT_DIVIDE" => Operator::Divide,
            _ => return None,
        };
        self.binary(op, left, right)
    }

    /// Casts of integers; of integers to DOUBLE.
    fn cast(&self, arg: &Arc<dyn PhysicalExpr>, to: &DataType) -> Option<Node> {
        let is_integer = |ty: &DataType| matches!(ty, DataType::Int32 | DataType::Int64);
        let from = arg.data_type(self.schema).ok()?;
        let width = match to {
            DataType::Int32 => Width::Int32,
            DataType::Int64 => Width::Int64,
            DataType::Float64 => Width::Double,
            _ => return None,
        };
        let inner = Box::new(self.node(arg)?);
        is_integer(&from).then_some(Node::Cast(width, inner))
    }

    fn binary(
        &self,
        op: Operator,
        left: &Arc<dyn PhysicalExpr>,
        right: &Arc<dyn PhysicalExpr>,
    ) -> Option<Node> {
        let types = (
            left.data_type(self.schema).ok()?,
            right.data_type(self.schema).ok()?,
        );
        if types.0 != types.1 {
            return None;
        }
        let sides = Box::new([self.node(left)?, self.node(right)?]);
        let comparison = match op {
            Operator::And => return Some(Node::And(sides)),
            Operator::Or => return Some(Node::Or(sides)),
            Operator::Eq => Comparison::Eq,
            Operator::NotEq => Comparison::NotEq,
            Operator::Lt => Comparison::Lt,
            Operator::LtEq => Comparison::LtEq,
            Operator::Gt => Comparison::Gt,
            Operator::GtEq => Comparison::GtEq,
            _ => {
                let width = match types.0 {
                    DataType::Int32 => Width::Int32,
                    DataType::Int64 => Width::Int64,
                    DataType::Float64 => Width::Double,
                    _ => return None,
                };
                let arithmetic = match op {
                    Operator::Plus => Arithmetic::Plus,
                    Operator::Minus => Arithmetic::Minus,
                    Operator::Multiply => Arithmetic::Times,
                    Operator::Divide => Arithmetic::Divide,
                    _ => return None,
                };
                return Some(Node::Arithmetic(arithmetic, width, sides));
            }
        };
        kind(&types.0)?;
        Some(Node::Compare(comparison, sides))
    }
}

fn kind(ty: &DataType) -> Option<Kind> {
    Some(match ty {
        DataType::Boolean => Kind::Bool,
        DataType::Decimal128(..) => Kind::Decimal,
        DataType::Float32 => Kind::Float,
        DataType::Float64 => Kind::Double,
        DataType::Utf8View | DataType::BinaryView => Kind::Bytes,
        ty if is_int(ty) => Kind::Int,
        _ => return None,
    })
}

fn literal_node(value: &ScalarValue) -> Option<Node> {
    let int = |v: i64| Some(Node::Literal(Value::Int(i128::from(v))));
    if value.is_null() {
        return Some(Node::Literal(Value::Null));
    }
    match value {
        ScalarValue::Boolean(Some(v)) => Some(Node::Literal(Value::Bool(*v))),
        ScalarValue::Int8(Some(v)) => int(i64::from(*v)),
        ScalarValue::Int16(Some(v)) => int(i64::from(*v)),
        ScalarValue::Int32(Some(v)) | ScalarValue::Date32(Some(v)) => int(i64::from(*v)),
        ScalarValue::Time32Millisecond(Some(v)) => int(i64::from(*v)),
        ScalarValue::Int64(Some(v))
        | ScalarValue::TimestampMillisecond(Some(v), _)
        | ScalarValue::TimestampMicrosecond(Some(v), _)
        | ScalarValue::TimestampNanosecond(Some(v), _)
        | ScalarValue::DurationMillisecond(Some(v)) => int(*v),
        ScalarValue::Decimal128(Some(v), ..) => Some(Node::Literal(Value::Int(*v))),
        ScalarValue::Float32(Some(v)) => Some(Node::Literal(Value::Double(f64::from(*v)))),
        ScalarValue::Float64(Some(v)) => Some(Node::Literal(Value::Double(*v))),
        ScalarValue::Utf8View(Some(v)) => Some(Node::Text(v.as_bytes().to_vec())),
        ScalarValue::BinaryView(Some(v)) => Some(Node::Text(v.clone())),
        _ => None,
    }
}

impl Node {
    fn value<'c>(&'c self, candidate: Candidate<'c>) -> Result<Value<'c>> {
        Ok(match self {
            Node::Row(wanted, physical, cell, kind) => {
                let row = candidate.row_of(*wanted, *physical);
                match candidate.rows.table.cell(*cell, row) {
                    Cell::Null | Cell::Nested => Value::Null,
                    Cell::Bytes(bytes) => Value::Bytes(bytes),
                    Cell::Int(v) => kind.read(i128::from(v)),
                    Cell::Wide(v) => kind.read(v),
                }
            }
            Node::Running(place, kind) => {
                let value = candidate.partials.value_with(
                    candidate.rows,
                    candidate.block,
                    *place,
                    candidate.variable,
                    candidate.row,
                );
                let value = candidate.partials.running()[*place].value(value);
                value.map_or(Value::Null, |bits| kind.read(bits))
            }
            Node::Time(ty) => Value::Int(i128::from(in_unit(candidate.time, ty))),
            Node::Literal(value) => *value,
            Node::Text(bytes) => Value::Bytes(bytes),
            Node::Compare(comparison, sides) => {
                let (left, right) = (sides[0].value(candidate)?, sides[1].value(candidate)?);
                compare(*comparison, left, right)
            }
            Node::Arithmetic(op, width, sides) => {
                let (left, right) = (sides[0].value(candidate)?, sides[1].value(candidate)?);
                arithmetic(*op, *width, left, right)?
            }
            Node::Cast(width, inner) => match (inner.value(candidate)?, width) {
                (Value::Int(v), Width::Int32) => Value::Int(i128::from(v as i32)),
                (Value::Int(v), Width::Int64) => Value::Int(v),
                (Value::Int(v), Width::Double) => Value::Double(v as f64),
                (other, _) => other,
            },
            Node::And(sides) => match sides[0].value(candidate)? {
                Value::Bool(false) => Value::Bool(false),
                left => match (left, sides[1].value(candidate)?) {
                    (_, Value::Bool(false)) => Value::Bool(false),
                    (Value::Bool(true), right) => right,
                    _ => Value::Null,
                },
            },
            Node::Or(sides) => match sides[0].value(candidate)? {
                Value::Bool(true) => Value::Bool(true),
                left => match (left, sides[1].value(candidate)?) {
                    (_, Value::Bool(true)) => Value::Bool(true),
                    (Value::Bool(false), right) => right,
                    _ => Value::Null,
                },
            },
            Node::Not(inner) => match inner.value(candidate)? {
                Value::Bool(v) => Value::Bool(!v),
                _ => Value::Null,
            },
            Node::IsNull(inner) => Value::Bool(inner.value(candidate)? == Value::Null),
            Node::IsNotNull(inner) => Value::Bool(inner.value(candidate)? != Value::Null),
        })
    }
}

impl Kind {
    #[inline]
    fn read(self, bits: i128) -> Value<'static> {
        match self {
            Kind::Bool => Value::Bool(bits != 0),
            Kind::Float => Value::Double(f64::from(float(bits))),
            Kind::Double => Value::Double(double(bits)),
            Kind::Int | Kind::Decimal | Kind::Bytes => Value::Int(bits),
        }
    }
}

fn compare(comparison: Comparison, left: Value<'_>, right: Value<'_>) -> Value<'static> {
    let order = match (left, right) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(&b)),
        // Java compares doubles as IEEE does: with NaN nothing is true but "not equal".
        (Value::Double(a), Value::Double(b)) => a.partial_cmp(&b),
        (Value::Bytes(a), Value::Bytes(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(&b)),
        _ => return Value::Null,
    };
    Value::Bool(match comparison {
        Comparison::Eq => order == Some(Ordering::Equal),
        Comparison::NotEq => order != Some(Ordering::Equal),
        Comparison::Lt => order == Some(Ordering::Less),
        Comparison::LtEq => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Comparison::Gt => order == Some(Ordering::Greater),
        Comparison::GtEq => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    })
}

fn arithmetic(
    op: Arithmetic,
    width: Width,
    left: Value<'_>,
    right: Value<'_>,
) -> Result<Value<'static>> {
    Ok(match (left, right) {
        (Value::Int(a), Value::Int(b)) => {
            let (a, b) = (a as i64, b as i64);
            let exact = match op {
                Arithmetic::Plus => a.wrapping_add(b),
                Arithmetic::Minus => a.wrapping_sub(b),
                Arithmetic::Times => a.wrapping_mul(b),
                Arithmetic::Divide if b == 0 => {
                    return Err(OperatorError::user("/ by zero"));
                }
                Arithmetic::Divide => a.wrapping_div(b),
            };
            Value::Int(i128::from(match width {
                Width::Int32 => i64::from(exact as i32),
                _ => exact,
            }))
        }
        (Value::Double(a), Value::Double(b)) => Value::Double(match op {
            Arithmetic::Plus => a + b,
            Arithmetic::Minus => a - b,
            Arithmetic::Times => a * b,
            Arithmetic::Divide => a / b,
        }),
        _ => Value::Null,
    })
}
