//! LOAD, UNLOAD and USE MODULES: `core` is the one module that there is.

use filbert_sql::{Ident, LoadModule};

use crate::environment::TableEnvironment;
use crate::error::{Result, TableError};
use crate::result::TableResult;
use crate::result::text_table::TextTable;
use crate::session::Modules;

pub(super) fn load(env: &TableEnvironment, load: &LoadModule) -> Result<TableResult> {
    let modules = &mut env.session().write().modules;
    let name = &load.name.value;
    let refused = |message| Err(TableError::validation(message).at(load.name.span));
    if name != Modules::CORE {
        return refused(format!(
            "There is no module '{name}' to load. Available modules: {}.",
            Modules::CORE
        ));
    }
    if modules.loaded {
        return refused(format!("A module with name '{name}' already exists"));
    }
    if let Some(option) = load.options.first() {
        let message = format!("The module '{name}' takes no options.");
        return Err(TableError::validation(message).at(option.key.span));
    }
    *modules = Modules::default();
    TableResult::ok()
}

pub(super) fn unload(env: &TableEnvironment, name: &Ident) -> Result<TableResult> {
    let modules = &mut env.session().write().modules;
    loaded(modules, name)?;
    *modules = Modules {
        loaded: false,
        used: false,
    };
    TableResult::ok()
}

pub(super) fn use_modules(env: &TableEnvironment, names: &[Ident]) -> Result<TableResult> {
    let modules = &mut env.session().write().modules;
    for (index, name) in names.iter().enumerate() {
        if names[..index].iter().any(|other| other.value == name.value) {
            let message = format!("Module '{}' appears more than once", name.value);
            return Err(TableError::validation(message).at(name.span));
        }
        loaded(modules, name)?;
    }
    modules.used = true;
    TableResult::ok()
}

fn loaded(modules: &Modules, name: &Ident) -> Result<()> {
    if modules.loaded && name.value == Modules::CORE {
        return Ok(());
    }
    let message = format!("No module with name '{}' exists", name.value);
    Err(TableError::validation(message).at(name.span))
}

pub(super) fn show(env: &TableEnvironment, full: bool) -> Result<TableResult> {
    let session = env.session().read();
    let modules = &session.modules;
    let shown = modules.loaded && (full || modules.used);
    let names: Vec<String> = shown
        .then(|| Modules::CORE.to_owned())
        .into_iter()
        .collect();
    let used = names.iter().map(|_| modules.used).collect::<Vec<_>>();
    let table = TextTable::of_names("module name", names);
    TableResult::of(if full {
        table.boolean("used", used)
    } else {
        table
    })
}
