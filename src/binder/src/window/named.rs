//! Windows by name: `OVER w`, `OVER (w ..)` and `WINDOW w AS ..`.

use sqlparser::ast::{Ident, NamedWindowDefinition, NamedWindowExpr, WindowSpec, WindowType};

use crate::binder::ident_span;
use crate::error::{BindError, BindResult, available};

/// What an OVER says, with what the windows that it names say.
pub(super) fn over_spec(
    over: &WindowType,
    named: &[NamedWindowDefinition],
) -> BindResult<WindowSpec> {
    match over {
        WindowType::WindowSpec(spec) => merge_spec(spec, named, 0),
        WindowType::NamedWindow(name) => named_spec(name, named, 0),
    }
}

/// `OVER (w ORDER BY ..)`: what `w` has and what stands here, which must not be both.
fn merge_spec(
    spec: &WindowSpec,
    named: &[NamedWindowDefinition],
    depth: usize,
) -> BindResult<WindowSpec> {
    let Some(name) = &spec.window_name else {
        return Ok(spec.clone());
    };
    let mut base = named_spec(name, named, depth)?;
    let span = ident_span(name);
    let twice = |what: &str| {
        BindError::at(
            span,
            format!("The window '{}' has {what} already", name.value),
        )
    };
    if !spec.partition_by.is_empty() {
        return Err(twice(
            "its PARTITION BY: a window that refers to it can't have one",
        ));
    }
    if !spec.order_by.is_empty() {
        if !base.order_by.is_empty() {
            return Err(twice("an ORDER BY"));
        }
        base.order_by.clone_from(&spec.order_by);
    }
    if spec.window_frame.is_some() {
        if base.window_frame.is_some() {
            return Err(twice("a frame"));
        }
        base.window_frame.clone_from(&spec.window_frame);
    }
    Ok(base)
}

fn named_spec(
    name: &Ident,
    named: &[NamedWindowDefinition],
    depth: usize,
) -> BindResult<WindowSpec> {
    let Some(definition) = named.iter().find(|d| d.0.value == name.value) else {
        return Err(BindError::at(
            ident_span(name),
            format!("Window '{}' not found", name.value),
        )
        .with_hint(available(
            "windows",
            named.iter().map(|d| d.0.value.as_str()),
        )));
    };
    if depth > named.len() {
        return Err(BindError::at(
            ident_span(name),
            format!("Window '{}' refers to itself", name.value),
        ));
    }
    match &definition.1 {
        NamedWindowExpr::NamedWindow(other) => named_spec(other, named, depth + 1),
        NamedWindowExpr::WindowSpec(spec) => merge_spec(spec, named, depth + 1),
    }
}
