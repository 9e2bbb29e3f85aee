//! WITH: each query is bound where it is declared, so that its errors show, and again for each use but the first.

use std::cell::RefCell;
use std::rc::Rc;

use datafusion::logical_expr::LogicalPlan;
use sqlparser::ast;

use crate::binder::{Binder, ident_span};
use crate::error::{BindError, BindResult};
use crate::plan::schema_of;
use crate::scope::Relation;

/// A query of a WITH clause.
pub(crate) struct Cte {
    pub name: String,
    columns: Vec<ast::Ident>,
    query: ast::Query,
    /// What the query could see where it was declared: so many of the binder's WITH queries and outer scopes.
    visible_ctes: usize,
    visible_outer: usize,
    /// The declaration's own plan, for the first use.
    bound: RefCell<Option<Relation>>,
    /// Stands for the query inside itself. As in Flink the name means there what it means outside, also after WITH
    /// RECURSIVE.
    pub is_recursion: bool,
}

impl Binder<'_> {
    /// Brings the queries of a WITH clause into sight; of two of one name the later hides the first, which it may read.
    /// The caller takes them out again.
    pub fn declare_ctes(&mut self, with: &ast::With) -> BindResult<()> {
        for table in &with.cte_tables {
            let name = &table.alias.name;
            let cte_of = |visible_ctes, is_recursion| Cte {
                name: name.value.clone(),
                columns: table.alias.columns.iter().map(|c| c.name.clone()).collect(),
                query: (*table.query).clone(),
                visible_ctes,
                visible_outer: self.outer.len(),
                bound: RefCell::new(None),
                is_recursion,
            };
            if with.recursive {
                self.ctes.push(Rc::new(cte_of(0, true)));
            }
            let cte = cte_of(self.ctes.len(), false);
            let relation = self.bind_cte(&cte)?;
            *cte.bound.borrow_mut() = Some(relation);
            self.ctes.push(Rc::new(cte));
        }
        Ok(())
    }

    /// The WITH query of this name, bound.
    pub fn use_cte(&mut self, name: &str) -> Option<BindResult<Relation>> {
        let is_meant = |c: &&Rc<Cte>| c.name == name && !c.is_recursion;
        let cte = Rc::clone(self.ctes.iter().rev().find(is_meant)?);
        if let Some(relation) = cte.bound.borrow_mut().take() {
            return Some(Ok(relation));
        }
        Some(self.bind_cte(&cte))
    }

    fn bind_cte(&mut self, cte: &Cte) -> BindResult<Relation> {
        let hidden_ctes = self.ctes.split_off(cte.visible_ctes);
        let hidden_outer = self.outer.split_off(cte.visible_outer);
        let relation = self.query(&cte.query);
        self.ctes.extend(hidden_ctes);
        self.outer.extend(hidden_outer);
        let mut relation = relation?;
        rename_columns(&mut relation, &cte.columns)?;
        self.rename_values(&mut relation, cte.columns.iter())?;
        Ok(relation)
    }

    /// Where a relation is VALUES, plans call its columns as the query does that reads them.
    pub fn rename_values<'n>(
        &mut self,
        relation: &mut Relation,
        names: impl Iterator<Item = &'n ast::Ident>,
    ) -> BindResult<()> {
        let LogicalPlan::Values(values) = &mut relation.plan else {
            return Ok(());
        };
        for (column, name) in relation.columns.iter_mut().zip(names) {
            column.column = self.new_column(&name.value, &column.ty);
        }
        values.schema = schema_of(&relation.columns)?;
        Ok(())
    }
}

/// Gives a relation's columns the names of an alias list; an empty list leaves them.
///
/// # Errors
/// When the counts differ.
pub(crate) fn rename_columns(relation: &mut Relation, names: &[ast::Ident]) -> BindResult<()> {
    let Some(first) = names.first() else {
        return Ok(());
    };
    if names.len() != relation.columns.len() {
        let own: Vec<String> = relation
            .columns
            .iter()
            .map(|c| format!("'{}'", c.name))
            .collect();
        return Err(BindError::at(
            ident_span(first),
            format!(
                "List of column aliases must have same degree as table; table has {} columns ({}), whereas alias list has {} columns",
                relation.columns.len(),
                own.join(", "),
                names.len()
            ),
        ));
    }
    for (i, name) in names.iter().enumerate() {
        if names[..i].iter().any(|n| n.value == name.value) {
            return Err(BindError::at(
                ident_span(name),
                format!("Duplicate name '{}' in column alias list", name.value),
            ));
        }
    }
    for (column, name) in relation.columns.iter_mut().zip(names) {
        column.name.clone_from(&name.value);
    }
    Ok(())
}
