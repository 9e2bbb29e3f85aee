//! OBJECT_OF and OBJECT_UPDATE: values of STRUCTURED types.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StructArray};
use arrow::datatypes::DataType;
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::ColumnarValue;
use filbert_types::{Field, LogicalType, TypeKind};

use crate::CallError;
use crate::definition::{Function, Inferred};
use crate::kernel::Call;
use crate::signature::CallArgs;

pub static FUNCTIONS: &[Function] = &[
    Function::kernel(
        "OBJECT_OF",
        &["OBJECT_OF(class name STRING, [STRING, ANY]*...)"],
        "A structured object of a class, with these fields.",
        infer_of,
        object_of,
    ),
    Function::kernel(
        "OBJECT_UPDATE",
        &["OBJECT_UPDATE(object STRUCTURED_TYPE, [STRING, ANY]+...)"],
        "The structured object with other values in some of its fields.",
        infer_update,
        object_update,
    ),
];

/// The names among a call's pairs, which must be literals, each once.
fn names<'a>(call: &'a CallArgs<'_>) -> Result<Vec<&'a str>, CallError> {
    let mut names: Vec<&str> = Vec::new();
    for place in (1..call.len()).step_by(2) {
        let Some(name) = call
            .literal_str(place)
            .filter(|_| call.kind(place).is_character())
        else {
            return Err(CallError::Invalid(format!(
                "The field key at position {} must be a non-nullable character string literal.",
                place + 1
            )));
        };
        if names.contains(&name) {
            return Err(CallError::Invalid(format!(
                "The field name '{name}' at position {} is repeated.",
                place + 1
            )));
        }
        names.push(name);
    }
    Ok(names)
}

fn infer_of(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    if call.len().is_multiple_of(2) {
        return Err(call.unknown());
    }
    let Some(class) = call.literal_str(0).filter(|_| call.kind(0).is_character()) else {
        return Err(CallError::Invalid(format!(
            "The first argument must be a non-nullable character string representing the class name, but was {}.",
            call.ty(0)
        )));
    };
    let fields = names(call)?
        .into_iter()
        .enumerate()
        .map(|(i, name)| Field::new(name, call.ty(2 + 2 * i).clone()))
        .collect();
    let class = class.to_owned();
    let object = LogicalType::from(TypeKind::Structured { class, fields });
    Ok(call.returns_type(call.types(), object))
}

fn infer_update(call: &CallArgs<'_>) -> Result<Inferred, CallError> {
    if call.len() < 3 || call.len().is_multiple_of(2) {
        return Err(call.unknown());
    }
    let TypeKind::Structured { class, fields } = call.kind(0) else {
        return Err(CallError::Invalid(format!(
            "The first argument must be a structured type, but was {}.",
            call.ty(0)
        )));
    };
    let (class, mut fields) = (class.clone(), fields.clone());
    for (i, name) in names(call)?.into_iter().enumerate() {
        let Some(place) = fields.iter().position(|f| f.name == name) else {
            let known = || fields.iter().map(|f| f.name.as_str());
            return Err(CallError::Invalid(format!(
                "The field name '{name}' at position {} is not part of the structured type attributes. Available attributes: [{}].{}",
                2 * i + 2,
                known().collect::<Vec<_>>().join(", "),
                filbert_types::suggest::did_you_mean(name, known())
            )));
        };
        fields[place].ty = call.ty(2 * i + 2).clone();
    }
    let kind = TypeKind::Structured { class, fields };
    let object = LogicalType::from(kind);
    Ok(call.returns_type(call.types(), object))
}

fn column(call: &Call<'_>, argument: usize) -> Result<ArrayRef> {
    call.args[argument].to_array_of_size(call.rows)
}

fn object(call: &Call<'_>, columns: Vec<ArrayRef>, base: Option<&StructArray>) -> Result<ArrayRef> {
    let DataType::Struct(fields) = call.return_type.arrow() else {
        return internal_err!("{} gives no object", call.name);
    };
    let nulls = base.and_then(|b| b.nulls().cloned());
    let object = StructArray::try_new_with_length(fields, columns, nulls, call.rows)?;
    Ok(Arc::new(object))
}

fn object_of(call: &Call<'_>) -> Result<ArrayRef> {
    let values = (2..call.args.len()).step_by(2);
    let columns = values.map(|at| column(call, at)).collect::<Result<_>>()?;
    object(call, columns, None)
}

fn object_update(call: &Call<'_>) -> Result<ArrayRef> {
    let before = column(call, 0)?;
    let Some(before) = before.as_struct_opt() else {
        return internal_err!("OBJECT_UPDATE of {}", before.data_type());
    };
    let mut columns = before.columns().to_vec();
    for place in (1..call.args.len()).step_by(2) {
        let ColumnarValue::Scalar(name) = &call.args[place] else {
            return internal_err!("OBJECT_UPDATE without a constant name");
        };
        let name = name.try_as_str().flatten().unwrap_or_default();
        let fields = before.fields().iter();
        let field = fields.into_iter().position(|f| f.name() == name);
        if let Some(field) = field {
            columns[field] = column(call, place + 1)?;
        }
    }
    object(call, columns, Some(before))
}
