use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use filbert_connector_api::{ConnectorError, FactoryContext};
use filbert_types::schema::arrow_schema;
use filbert_types::{ChangeBatch, Field, LogicalType, TypeKind};

use crate::listing::FoundFile;
use crate::location::shown;
use crate::partition;

/// Where a column's values stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the file, by index among the columns that files hold.
    File(usize),
    /// In a folder's name, by index among the partition keys.
    Partition(usize),
}

/// A table's columns and where they stand.
#[derive(Debug, Clone)]
pub struct Layout {
    /// The physical columns.
    pub fields: Vec<Field>,
    pub places: Vec<Place>,
    /// The columns that files hold.
    pub file_fields: Vec<Field>,
    pub partition_keys: Vec<String>,
    pub partition_types: Vec<LogicalType>,
    pub default_partition: String,
}

impl Layout {
    pub fn new(
        ctx: &FactoryContext<'_>,
        default_partition: &str,
    ) -> Result<Layout, ConnectorError> {
        let fields = ctx.physical_fields();
        let partition_keys = ctx.table.partition_keys.clone();
        let mut file_fields = Vec::new();
        let mut places = Vec::with_capacity(fields.len());
        for field in &fields {
            match partition_keys.iter().position(|key| *key == field.name) {
                Some(key) => places.push(Place::Partition(key)),
                None => {
                    places.push(Place::File(file_fields.len()));
                    file_fields.push(field.clone());
                }
            }
        }
        let ty = |key: &String| {
            let field = fields.iter().find(|f| f.name == *key);
            field.map(|f| f.ty.clone()).ok_or_else(|| {
                ConnectorError::user(format!("partition column '{key}' is not a physical column"))
            })
        };
        Ok(Layout {
            partition_types: partition_keys.iter().map(ty).collect::<Result<_, _>>()?,
            fields,
            places,
            file_fields,
            partition_keys,
            default_partition: default_partition.to_owned(),
        })
    }
}

/// The metadata columns that a file offers.
pub fn metadata_fields() -> Vec<Field> {
    let string = LogicalType::not_null(TypeKind::STRING);
    vec![
        Field::new("file.path", string.clone()),
        Field::new("file.name", string),
        Field::new("file.size", LogicalType::not_null(TypeKind::BigInt)),
        Field::new(
            "file.modification-time",
            LogicalType::not_null(TypeKind::timestamp_ltz(3)),
        ),
    ]
}

/// What the metadata keys of a format begin with.
const FORMAT_METADATA_PREFIX: &str = "value.";

/// The format's metadata, under the keys that a table names it by.
pub fn prefixed(metadata: Vec<Field>) -> impl Iterator<Item = Field> {
    metadata
        .into_iter()
        .map(|field| Field::new(format!("{FORMAT_METADATA_PREFIX}{}", field.name), field.ty))
}

/// A metadata value as a column of one row.
pub fn metadata_value(key: &str, file: &FoundFile) -> Result<ArrayRef, ConnectorError> {
    use arrow::array::{Int64Array, StringViewArray, TimestampMillisecondArray};
    let path = shown(&file.path);
    Ok(match key {
        "file.path" => Arc::new(StringViewArray::from(vec![path])),
        "file.name" => {
            let name = file.path.filename().unwrap_or_default();
            Arc::new(StringViewArray::from(vec![name]))
        }
        "file.size" => Arc::new(Int64Array::from(vec![file.size.cast_signed()])),
        "file.modification-time" => Arc::new(
            TimestampMillisecondArray::from(vec![file.modified_ms])
                .with_timezone(filbert_types::logical_type::LTZ_ZONE),
        ),
        _ => {
            return Err(ConnectorError::engine(format!(
                "no metadata '{key}' in files"
            )));
        }
    })
}

/// Which columns a scan gives, in order, and how each comes about.
#[derive(Debug, Clone)]
pub struct Output {
    pub schema: SchemaRef,
    columns: Vec<Column>,
    /// The format's metadata to decode, by the format's own keys.
    pub format_metadata: Vec<Field>,
    /// The columns to decode, of the file columns followed by `format_metadata`, in the order in which `columns` counts
    /// them.
    pub file_projection: Vec<usize>,
}

#[derive(Debug, Clone)]
enum Column {
    /// The n-th decoded column.
    Decoded(usize),
    Partition(usize),
    Metadata(String),
}

impl Output {
    /// The physical columns, then `metadata`, narrowed by `projection`.
    pub fn new(layout: &Layout, metadata: &[Field], projection: Option<&[usize]>) -> Output {
        let all: Vec<&Field> = layout.fields.iter().chain(metadata).collect();
        let every: Vec<usize> = (0..all.len()).collect();
        let wanted = projection.unwrap_or(&every);
        let mut file_projection = Vec::new();
        let mut format_metadata = Vec::new();
        let column = |index: &usize| match layout.places.get(*index) {
            Some(Place::File(file)) => {
                file_projection.push(*file);
                Column::Decoded(file_projection.len() - 1)
            }
            Some(Place::Partition(key)) => Column::Partition(*key),
            None => match all[*index].name.strip_prefix(FORMAT_METADATA_PREFIX) {
                Some(key) => {
                    file_projection.push(layout.file_fields.len() + format_metadata.len());
                    format_metadata.push(Field::new(key, all[*index].ty.clone()));
                    Column::Decoded(file_projection.len() - 1)
                }
                None => Column::Metadata(all[*index].name.clone()),
            },
        };
        Output {
            schema: arrow_schema(wanted.iter().map(|i| all[*i])),
            columns: wanted.iter().map(column).collect(),
            format_metadata,
            file_projection,
        }
    }

    /// The values that are the same for every row of a file, a column of one row for each output column that has one.
    pub fn constants(
        &self,
        layout: &Layout,
        file: &FoundFile,
    ) -> Result<Vec<Option<ArrayRef>>, ConnectorError> {
        let constant = |column: &Column| match column {
            Column::Decoded(_) => Ok(None),
            Column::Partition(key) => {
                let value = file.partition.get(*key).and_then(Option::as_deref);
                let name = &layout.partition_keys[*key];
                partition::typed(name, &layout.partition_types[*key], value).map(Some)
            }
            Column::Metadata(key) => metadata_value(key, file).map(Some),
        };
        self.columns.iter().map(constant).collect()
    }

    /// Puts decoded columns and constants together.
    pub fn assemble(
        &self,
        decoded: &ChangeBatch,
        constants: &[Option<ArrayRef>],
    ) -> Result<ChangeBatch, ConnectorError> {
        let rows = decoded.num_rows();
        let zeros = UInt32Array::from(vec![0; rows]);
        let columns = self.columns.iter().zip(constants);
        let columns = columns.map(|(column, constant)| match (column, constant) {
            (Column::Decoded(i), _) => Ok(Arc::clone(decoded.rows.column(*i))),
            (_, Some(value)) => take(value, &zeros, None).map_err(ConnectorError::from),
            (_, None) => Err(ConnectorError::engine("a file's constant is missing")),
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let schema = Arc::clone(&self.schema);
        let batch = RecordBatch::try_new_with_options(schema, columns, &options)?;
        Ok(decoded.with_rows(batch))
    }
}
