//! Table functions that the embedding program registered: a call gives a list of rows, which is unnested beside the row
//! that it was made for.

use std::rc::Rc;

use datafusion::logical_expr::JoinType;
use filbert_functions::parameters::Argument;
use filbert_functions::{TypedExpr, call};
use filbert_sql::TableFunction;
use filbert_types::{Field, LogicalType};
use sqlparser::ast::{Expr as Ast, FunctionArg, FunctionArgExpr, JoinConstraint};

use crate::binder::{Binder, NamedExpr, ident_span, name_parts, span_of};
use crate::error::{BindError, BindResult};
use crate::expr::ExprCx;
use crate::from::{From, aliased};
use crate::plan::column_exprs;
use crate::scope::{Relation, Scope};
use crate::unnest::correlation;

impl Binder<'_> {
    /// The name by which a function that FROM calls was registered.
    pub fn registered_name(&self, function: &TableFunction<'_>) -> BindResult<String> {
        let parts = name_parts(function.name)?;
        if let Some(class) = self.cx.catalog.function_class(&parts)
            && self.cx.functions.has_registered(class)
        {
            return Ok(class.to_owned());
        }
        Ok(parts.join("."))
    }

    /// Whether a call in FROM is one of a registered table function.
    pub fn is_table_function(&self, function: &TableFunction<'_>) -> bool {
        let name = self.registered_name(function);
        name.is_ok_and(|name| self.cx.functions.table(&name).is_some())
    }

    /// Joins the rows on the left with those that the function gives for each.
    pub fn correlate(
        &mut self,
        left: From,
        function: &TableFunction<'_>,
        join_type: JoinType,
        constraint: &JoinConstraint,
    ) -> BindResult<From> {
        let span = span_of(function.name);
        let (name, with) = ("A table function", "a table function");
        let (outer, condition) = correlation(name, with, join_type, constraint, span)?;
        let scope = Rc::new(left.scope);
        // Without LATERAL, a call sees nothing of the rows on its left.
        let seen = match function.lateral {
            true => Rc::clone(&scope),
            false => crate::unnest::empty_scope(),
        };
        let (rows, columns) = self.table_call(function, &seen)?;
        let relation = self.call_rows(left.plan, rows, columns, outer)?;
        let named = aliased(relation, function.alias)?;
        self.correlated(Rc::unwrap_or_clone(scope), named, (outer, condition), span)
    }

    /// The call as a list of rows, and their columns.
    fn table_call(
        &mut self,
        function: &TableFunction<'_>,
        scope: &Rc<Scope>,
    ) -> BindResult<(TypedExpr, Vec<Field>)> {
        let span = span_of(function.name);
        let name = self.registered_name(function)?;
        let Some(table) = self.cx.functions.table(&name).cloned() else {
            return Err(BindError::at(span, format!("No table function '{name}'")));
        };
        if function.with_ordinality {
            return Err(BindError::unsupported(
                span,
                format!("WITH ORDINALITY on {name}"),
            ));
        }
        let mut cx = ExprCx::plain(scope, "a table function");
        let args = self.arranged_args(&name, &table.parameters(), function.args, &mut cx)?;
        call::table(self.cx.exprs, &table, args).map_err(|e| BindError::from_call(&e, span))
    }

    /// A call's arguments in the order of its parameters; those left out are NULL.
    pub fn arranged_args(
        &mut self,
        name: &str,
        parameters: &[filbert_functions::Parameter],
        args: &[FunctionArg],
        cx: &mut ExprCx<'_>,
    ) -> BindResult<Vec<TypedExpr>> {
        use filbert_functions::parameters::arrange;
        let (asts, given) = given_args(name, args)?;
        let span = args.iter().find_map(|arg| match arg {
            FunctionArg::Named { name, .. } => ident_span(name),
            _ => None,
        });
        let places =
            arrange(name, parameters, &given).map_err(|e| BindError::from_call(&e, span))?;
        places
            .into_iter()
            .map(|place| match place {
                Some(place) => self.call_arg(asts[place], cx),
                None => Ok(filbert_functions::literal::null()),
            })
            .collect()
    }

    /// Puts the rows of a list beside the row that it stands in; gives the rows' columns.
    fn call_rows(
        &mut self,
        plan: datafusion::logical_expr::LogicalPlan,
        rows: TypedExpr,
        fields: Vec<Field>,
        outer: bool,
    ) -> BindResult<Relation> {
        let kept: Vec<_> = plan.schema().columns();
        let kept_exprs = column_exprs(&plan);
        let row_type = LogicalType::new(filbert_types::TypeKind::Row(fields.clone()), outer);
        let lists = vec![(rows.expr, row_type, "row")];
        let (plan, columns) = self.unnest_lists(plan, kept_exprs, lists, outer)?;
        let mut items: Vec<NamedExpr> = Vec::with_capacity(kept.len() + fields.len());
        for column in kept {
            let ty = self.types.get(&column).cloned();
            items.push(NamedExpr {
                name: column.name.clone(),
                expr: TypedExpr::new(
                    datafusion::logical_expr::Expr::Column(column),
                    ty.unwrap_or(LogicalType::from(filbert_types::TypeKind::Null)),
                ),
            });
        }
        let before = items.len();
        for row in columns {
            for (at, field) in fields.iter().enumerate() {
                let expr = call::field_at(self.cx.exprs, row.expr(), at)
                    .map_err(|e| BindError::from_call(&e, None))?;
                items.push(NamedExpr {
                    name: field.name.clone(),
                    expr,
                });
            }
        }
        let mut relation = self.project(plan, items)?;
        relation.columns.drain(..before);
        Ok(relation)
    }
}

/// What was given to a function, and under which names.
pub(super) fn given_args<'a>(
    function: &str,
    args: &'a [FunctionArg],
) -> BindResult<(Vec<&'a Ast>, Vec<Argument<'a>>)> {
    let named = args.iter().enumerate().map(|(place, arg)| {
        let (name, ast) = named_arg(arg, function)?;
        let name = name.map(|n| n.value.as_str());
        Ok((ast, Argument { name, place }))
    });
    named.collect()
}

/// An argument's name, where it has one, and its expression.
pub(crate) fn named_arg<'a>(
    arg: &'a FunctionArg,
    function: &str,
) -> BindResult<(Option<&'a sqlparser::ast::Ident>, &'a Ast)> {
    match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(ast)) => Ok((None, ast)),
        FunctionArg::Named {
            name,
            arg: FunctionArgExpr::Expr(ast),
            ..
        } => Ok((Some(name), ast)),
        other => Err(BindError::unsupported(
            span_of(other),
            format!("The argument '{other}' of {function}"),
        )),
    }
}
