//! Taking the extras apart again: for whoever walks the trees.

use sqlparser::ast::{
    BinaryOperator, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    Ident, Interval, ObjectName, OrderByExpr, Query, TableAlias, TableFactor, TypedString, Value,
    WindowType,
};

/// The kind of a typed literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiteralKind {
    Date,
    Time,
    Timestamp,
    TimestampLtz,
}

/// What `DATE '..'` and its like are a literal of.
pub fn literal_kind(literal: &TypedString) -> LiteralKind {
    match literal.data_type {
        DataType::Date => LiteralKind::Date,
        DataType::Time(..) => LiteralKind::Time,
        DataType::Timestamp(..) => LiteralKind::Timestamp,
        _ => LiteralKind::TimestampLtz,
    }
}

/// The two sides of the difference that an interval is: `(a - b) DAY`. None for a literal.
pub fn interval_difference(interval: &Interval) -> Option<(&Expr, &Expr)> {
    let Expr::Nested(inside) = &*interval.value else {
        return None;
    };
    match &**inside {
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Minus,
            right,
        } => Some((left, right)),
        _ => None,
    }
}

/// The keyword that an argument is, in upper case: `DAY` of `TIMESTAMPADD(DAY, ..)`.
pub fn symbol(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Placeholder(word) => Some(word),
            _ => None,
        },
        _ => None,
    }
}

/// The unquoted name of a call of one part.
fn plain_name(function: &Function) -> Option<&str> {
    match function.name.0.as_slice() {
        [part] => part
            .as_ident()
            .filter(|i| i.quote_style.is_none())
            .map(|i| i.value.as_str()),
        _ => None,
    }
}

fn expr_args(function: &Function) -> Vec<&Expr> {
    let FunctionArguments::List(list) = &function.args else {
        return Vec::new();
    };
    list.args
        .iter()
        .filter_map(|a| match a {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        })
        .collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonKind {
    Value,
    Object,
    Array,
    Scalar,
}

/// `x IS [NOT] JSON kind`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IsJson<'a> {
    pub expr: &'a Expr,
    pub kind: JsonKind,
    pub negated: bool,
}

/// The IS JSON predicate that a call stands for.
pub fn is_json(function: &Function) -> Option<IsJson<'_>> {
    let name = plain_name(function)?;
    let (negated, kind) = match name.strip_prefix("IS NOT JSON ") {
        Some(kind) => (true, kind),
        None => (false, name.strip_prefix("IS JSON ")?),
    };
    let kind = match kind {
        "OBJECT" => JsonKind::Object,
        "ARRAY" => JsonKind::Array,
        "SCALAR" => JsonKind::Scalar,
        _ => JsonKind::Value,
    };
    let expr = *expr_args(function).first()?;
    Some(IsJson {
        expr,
        kind,
        negated,
    })
}

/// `(expr, low, high, negated)` of the BETWEEN SYMMETRIC that a call stands for.
pub fn between_symmetric(function: &Function) -> Option<(&Expr, &Expr, &Expr, bool)> {
    let negated = match plain_name(function)? {
        "BETWEEN SYMMETRIC" => false,
        "NOT BETWEEN SYMMETRIC" => true,
        _ => return None,
    };
    match expr_args(function).as_slice() {
        [expr, low, high] => Some((expr, low, high, negated)),
        _ => None,
    }
}

/// Whether an argument is DEFAULT.
pub fn is_default(expr: &Expr) -> bool {
    matches!(expr, Expr::Function(f) if f.args == FunctionArguments::None
        && plain_name(f).is_some_and(|n| n.eq_ignore_ascii_case("DEFAULT")))
}

/// A table as an argument.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TableArgument<'a> {
    pub source: TableArgumentSource<'a>,
    pub partition_by: &'a [Expr],
    pub order_by: &'a [OrderByExpr],
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TableArgumentSource<'a> {
    /// The parts of a table's name.
    Name(&'a [Ident]),
    Query(&'a Query),
}

/// The table that an argument is: `TABLE t ..`, or a query in parentheses.
pub fn table_argument(expr: &Expr) -> Option<TableArgument<'_>> {
    if let Expr::Subquery(query) = expr {
        return Some(TableArgument {
            source: TableArgumentSource::Query(query),
            partition_by: &[],
            order_by: &[],
        });
    }
    let Expr::Function(function) = expr else {
        return None;
    };
    if !plain_name(function)?.eq_ignore_ascii_case("TABLE") {
        return None;
    }
    let Some(WindowType::WindowSpec(spec)) = &function.over else {
        return None;
    };
    let source = match *expr_args(function).first()? {
        Expr::Identifier(ident) => TableArgumentSource::Name(std::slice::from_ref(ident)),
        Expr::CompoundIdentifier(parts) => TableArgumentSource::Name(parts),
        Expr::Subquery(query) => TableArgumentSource::Query(query),
        _ => return None,
    };
    Some(TableArgument {
        source,
        partition_by: &spec.partition_by,
        order_by: &spec.order_by,
    })
}

/// A table function in FROM.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TableFunction<'a> {
    /// `UNNEST` too.
    pub name: &'a ObjectName,
    pub args: &'a [FunctionArg],
    /// LATERAL is written. A comma or CROSS JOIN before UNNEST is lateral without it.
    pub lateral: bool,
    pub with_ordinality: bool,
    pub alias: Option<&'a TableAlias>,
}

/// The table function that a table is, in whichever way it is written: `f(x)`, `TABLE(f(x))`, `LATERAL TABLE(f(x))`,
/// `UNNEST(x)`, `LATERAL UNNEST(x)`.
pub fn table_function(table: &TableFactor) -> Option<TableFunction<'_>> {
    match table {
        TableFactor::Table {
            name,
            alias,
            args: Some(args),
            with_ordinality,
            ..
        } => Some(TableFunction {
            name,
            args: &args.args,
            lateral: false,
            with_ordinality: *with_ordinality,
            alias: alias.as_ref(),
        }),
        TableFactor::TableFunction {
            expr: Expr::Function(function),
            alias,
        } => wrapped(function, false, false, alias.as_ref()),
        TableFactor::Function {
            lateral,
            name,
            args,
            with_ordinality,
            alias,
        } => {
            let is_table = matches!(name.0.as_slice(), [part] if part.as_ident()
                .is_some_and(|i| i.quote_style.is_none() && i.value.eq_ignore_ascii_case("TABLE")));
            match args.as_slice() {
                [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Function(function)))]
                    if is_table =>
                {
                    wrapped(function, *lateral, *with_ordinality, alias.as_ref())
                }
                _ => Some(TableFunction {
                    name,
                    args,
                    lateral: *lateral,
                    with_ordinality: *with_ordinality,
                    alias: alias.as_ref(),
                }),
            }
        }
        _ => None,
    }
}

fn wrapped<'a>(
    function: &'a Function,
    lateral: bool,
    with_ordinality: bool,
    alias: Option<&'a TableAlias>,
) -> Option<TableFunction<'a>> {
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    Some(TableFunction {
        name: &function.name,
        args: &list.args,
        lateral,
        with_ordinality,
        alias,
    })
}
