//! What keys and aggregates are called in plans, as in Calcite: as the select list calls them, else `$f` and their place.

use sqlparser::ast::{self, Expr as Ast, SelectItem};

use crate::binder::generated_name;

/// The items of a select list with their names, up to a star: behind it the places aren't known yet, and neither are the
/// names made of them.
pub(crate) struct ItemNames(Vec<(Ast, String)>);

impl ItemNames {
    pub fn of(items: &[SelectItem]) -> ItemNames {
        let named = items
            .iter()
            .enumerate()
            .map_while(|(place, item)| match item {
                SelectItem::UnnamedExpr(expr) => Some((expr.clone(), generated_name(place))),
                SelectItem::ExprWithAlias { expr, alias } => {
                    Some((expr.clone(), alias.value.clone()))
                }
                _ => None,
            });
        ItemNames(named.collect())
    }

    pub fn of_key(&self, key: &Ast, place: usize) -> String {
        self.find(place, |item| item == key)
    }

    pub fn of_call(&self, call: &ast::Function, place: usize) -> String {
        self.find(place, |item| matches!(item, Ast::Function(f) if f == call))
    }

    fn find(&self, place: usize, is_it: impl Fn(&Ast) -> bool) -> String {
        match self.0.iter().find(|(item, _)| is_it(item)) {
            Some((_, name)) => name.clone(),
            None => format!("$f{place}"),
        }
    }
}
