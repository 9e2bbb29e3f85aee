use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, Operator};
use filbert_functions::udf::BoundFunction;

use crate::columns::{PlanColumn, shown_name};
use crate::exprs::position;

/// An expression as Flink's execution plans print it: `(v > 3)`, `CAST(k AS INT)`.
pub(crate) fn render(expr: &Expr, input: &[PlanColumn]) -> String {
    match expr {
        Expr::Column(column) => position(input, column).map_or_else(
            || shown_name(&column.name).to_owned(),
            |i| input[i].name.clone(),
        ),
        Expr::Alias(alias) => render(&alias.expr, input),
        Expr::Literal(value, _) => literal(value),
        Expr::BinaryExpr(binary) if matches!(binary.op, Operator::And | Operator::Or) => {
            let mut parts = Vec::new();
            flatten(expr, binary.op, input, &mut parts);
            format!("({})", parts.join(&format!(" {} ", binary.op)))
        }
        Expr::BinaryExpr(binary) => format!(
            "({} {} {})",
            render(&binary.left, input),
            match binary.op {
                Operator::NotEq => "<>".to_owned(),
                op => op.to_string(),
            },
            render(&binary.right, input)
        ),
        Expr::Not(inner) => format!("NOT {}", render(inner, input)),
        Expr::IsNull(inner) => format!("{} IS NULL", render(inner, input)),
        Expr::IsNotNull(inner) => format!("{} IS NOT NULL", render(inner, input)),
        Expr::IsTrue(inner) => format!("{} IS TRUE", render(inner, input)),
        Expr::IsFalse(inner) => format!("{} IS FALSE", render(inner, input)),
        Expr::Case(case) => {
            let mut parts: Vec<String> = case.expr.iter().map(|e| render(e, input)).collect();
            for (when, then) in &case.when_then_expr {
                parts.push(render(when, input));
                parts.push(render(then, input));
            }
            parts.extend(case.else_expr.iter().map(|e| render(e, input)));
            format!("CASE({})", parts.join(", "))
        }
        Expr::Cast(cast) => format!(
            "CAST({} AS {})",
            render(&cast.expr, input),
            crate::columns::shown_type(cast.field.data_type())
        ),
        Expr::ScalarFunction(call) => {
            let args: Vec<String> = call.args.iter().map(|a| render(a, input)).collect();
            let bound = call.func.inner().downcast_ref::<BoundFunction>();
            scalar_call(call.func.name(), &args, bound)
        }
        Expr::InList(list) => {
            let items: Vec<String> = list.list.iter().map(|e| render(e, input)).collect();
            format!(
                "{} {}IN ({})",
                render(&list.expr, input),
                if list.negated { "NOT " } else { "" },
                items.join(", ")
            )
        }
        Expr::Like(like) => format!(
            "{} {}LIKE {}",
            render(&like.expr, input),
            if like.negated { "NOT " } else { "" },
            render(&like.pattern, input)
        ),
        Expr::Between(between) => format!(
            "{} {}BETWEEN {} AND {}",
            render(&between.expr, input),
            if between.negated { "NOT " } else { "" },
            render(&between.low, input),
            render(&between.high, input)
        ),
        other => other.to_string(),
    }
}

fn flatten(expr: &Expr, op: Operator, input: &[PlanColumn], out: &mut Vec<String>) {
    match expr {
        Expr::BinaryExpr(binary) if binary.op == op => {
            flatten(&binary.left, op, input, out);
            flatten(&binary.right, op, input, out);
        }
        other => out.push(render(other, input)),
    }
}

/// How SQL writes a kernel that has a name of its own.
fn operator_symbol(name: &str) -> &str {
    let Some(kernel) = name.strip_prefix('$') else {
        return name;
    };
    match kernel.rsplit('_').next().unwrap_or(kernel) {
        "PLUS" => "+",
        "MINUS" => "-",
        "TIMES" => "*",
        "DIVIDE" => "/",
        "MOD" => "%",
        "EQ" => "=",
        "NE" => "<>",
        "LT" => "<",
        "LE" => "<=",
        "GT" => ">",
        "GE" => ">=",
        "DISTINCT" if kernel.ends_with("NOT_DISTINCT") => "IS NOT DISTINCT FROM",
        "DISTINCT" => "IS DISTINCT FROM",
        _ => name,
    }
}

fn scalar_call(name: &str, args: &[String], bound: Option<&BoundFunction>) -> String {
    let name = operator_symbol(name);
    match args {
        [left, right] if name.ends_with("DISTINCT FROM") => format!("{left} {name} {right}"),
        [arg] if matches!(name, "CAST" | "TRY_CAST") => match bound {
            Some(bound) => format!("{name}({arg} AS {})", bound.return_type.with_nullable(true)),
            None => format!("{name}({arg})"),
        },
        [arg] if name.starts_with("IS ") => format!("{arg} {name}"),
        [arg] if name == "NOT" => format!("NOT {arg}"),
        many if many.len() > 1 && (is_symbol(name) || matches!(name, "AND" | "OR")) => {
            format!("({})", many.join(&format!(" {name} ")))
        }
        many => format!("{name}({})", many.join(", ")),
    }
}

fn is_symbol(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_punctuation())
}

fn literal(value: &ScalarValue) -> String {
    match value {
        ScalarValue::Utf8(Some(text))
        | ScalarValue::Utf8View(Some(text))
        | ScalarValue::LargeUtf8(Some(text)) => format!("'{}'", text.replace('\'', "''")),
        ScalarValue::DurationMillisecond(Some(ms)) => format!("{ms}:INTERVAL SECOND"),
        ScalarValue::IntervalYearMonth(Some(months)) => format!("{months}:INTERVAL MONTH"),
        ScalarValue::TimestampMillisecond(Some(_), _)
        | ScalarValue::TimestampMicrosecond(Some(_), _)
        | ScalarValue::TimestampNanosecond(Some(_), _) => timestamp(value),
        value if value.is_null() => "null".to_owned(),
        value => value.to_string(),
    }
}

/// `2026-01-01 00:00:00`, as Flink's plans print a timestamp.
fn timestamp(value: &ScalarValue) -> String {
    let printed = value
        .to_array()
        .ok()
        .and_then(|a| arrow::util::display::array_value_to_string(&a, 0).ok());
    match printed {
        Some(text) => text.replacen('T', " ", 1).trim_end_matches('Z').to_owned(),
        None => value.to_string(),
    }
}
