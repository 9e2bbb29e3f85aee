//! Expressions as JSON of our own, for plans that outlive an upgrade: COMPILE PLAN writes it.
//!
//! An expression is an object with one key, which says what it is; what it is made of stands below. Types are Arrow's, as
//! Arrow prints them. A literal is `{"type": .., "value": ..}`: numbers and texts as themselves, floating-point numbers as
//! texts that read back exactly, bytes in hexadecimal, times as the number that carries them, lists and rows as lists.
//! What can't be written this way is refused when the plan is compiled, not when it is read.

use serde::{Deserialize, Serialize};

/// An expression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Form {
    Column(ColumnForm),
    Literal(LiteralForm),
    Call(CallForm),
    Binary(BinaryForm),
    Not(Box<Form>),
    IsNull(Box<Form>),
    IsNotNull(Box<Form>),
    Negative(Box<Form>),
    Case(CaseForm),
    Cast(CastForm),
    TryCast(CastForm),
    In(InForm),
    Like(LikeForm),
    Between(BetweenForm),
}

/// A column by its place, or, where a connector is asked, by its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ColumnForm {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct LiteralForm {
    #[serde(rename = "type")]
    pub ty: String,
    pub value: serde_json::Value,
}

/// A call of a function: its name, and what it was bound to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct CallForm {
    pub function: String,
    pub args: Vec<Form>,
    /// Argument types, return type and session of a function of ours; none for DataFusion's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns: Option<ReturnForm>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ReturnForm {
    pub name: String,
    #[serde(rename = "type")]
    pub ty: Option<String>,
    pub nullable: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct BinaryForm {
    pub op: String,
    /// Two, or more where the operator chains.
    pub operands: Vec<Form>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct CaseForm {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<Box<Form>>,
    /// Conditions and their results.
    pub when: Vec<(Form, Form)>,
    #[serde(default, rename = "else", skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<Box<Form>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct CastForm {
    pub expr: Box<Form>,
    #[serde(rename = "type")]
    pub ty: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nullable: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct InForm {
    pub expr: Box<Form>,
    pub list: Vec<Form>,
    pub negated: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct LikeForm {
    pub expr: Box<Form>,
    pub pattern: Box<Form>,
    pub negated: bool,
    pub case_insensitive: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct BetweenForm {
    pub expr: Box<Form>,
    pub low: Box<Form>,
    pub high: Box<Form>,
    pub negated: bool,
}
