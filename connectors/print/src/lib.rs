//! The `print` connector: a line a row on standard output, as Java's `Row.toString` writes it.
//!
//! `PP:2> +I[1, null, a]`: the identifier where one is set, the subtask where there are several, the row kind, the
//! values. A batch is written under one lock, so that subtasks do not tear each other's lines.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use filbert_connector_api::options::SINK_PARALLELISM;
use filbert_connector_api::sink::WriterContext;
use filbert_connector_api::{
    ChangelogMode, Committable, ConnectorError, FactoryContext, SinkWriter, TableFactory, TableSink,
};
use filbert_types::config::ConfigType;
use filbert_types::print::{Formatter, Style, write_java_row};
use filbert_types::{ChangeBatch, ConfigOption, TimeZone};

const IDENTIFIER: ConfigOption = ConfigOption::new(
    "print-identifier",
    ConfigType::String,
    "Text that stands before each line.",
);
const STANDARD_ERROR: ConfigOption = ConfigOption::new(
    "standard-error",
    ConfigType::Boolean,
    "Write to standard error instead of standard output.",
)
.default("false");

/// Somewhere to print.
pub type Output = Arc<Mutex<dyn Write + Send>>;

/// Makes sinks that print.
#[derive(Clone)]
pub struct PrintFactory {
    output: Output,
    error: Output,
}

impl Default for PrintFactory {
    fn default() -> PrintFactory {
        PrintFactory {
            output: Arc::new(Mutex::new(std::io::stdout())),
            error: Arc::new(Mutex::new(std::io::stderr())),
        }
    }
}

impl PrintFactory {
    /// Prints to these instead of the process's streams.
    pub fn new(output: Output, error: Output) -> PrintFactory {
        PrintFactory { output, error }
    }
}

impl TableFactory for PrintFactory {
    fn identifier(&self) -> &'static str {
        "print"
    }

    fn doc(&self) -> &'static str {
        "Writes every row as a line to standard output or standard error."
    }

    fn options(&self) -> &'static [ConfigOption] {
        const OPTIONS: &[ConfigOption] = &[IDENTIFIER, STANDARD_ERROR, SINK_PARALLELISM];
        OPTIONS
    }

    fn sink(&self, ctx: &FactoryContext<'_>) -> Option<Result<Arc<dyn TableSink>, ConnectorError>> {
        Some(self.make(ctx))
    }
}

impl PrintFactory {
    fn make(&self, ctx: &FactoryContext<'_>) -> Result<Arc<dyn TableSink>, ConnectorError> {
        let standard_error = ctx.options.get_bool(&STANDARD_ERROR)?;
        let formatters = ctx
            .physical_fields()
            .iter()
            .map(|f| Formatter::with_style(&f.ty, TimeZone::UTC, Style::Java))
            .collect();
        Ok(Arc::new(PrintSink {
            identifier: ctx.options.get(&IDENTIFIER).unwrap_or("").to_owned(),
            parallelism: ctx.options.get_positive(&SINK_PARALLELISM)?,
            output: Arc::clone(if standard_error {
                &self.error
            } else {
                &self.output
            }),
            formatters,
        }))
    }
}

struct PrintSink {
    identifier: String,
    parallelism: Option<usize>,
    output: Output,
    formatters: Arc<[Formatter]>,
}

impl TableSink for PrintSink {
    fn changelog_mode(&self, requested: ChangelogMode) -> ChangelogMode {
        requested
    }

    fn parallelism(&self) -> Option<usize> {
        self.parallelism
    }

    fn supports_partitioning(&self) -> bool {
        true
    }

    fn writer(&self, ctx: &WriterContext) -> Result<Box<dyn SinkWriter>, ConnectorError> {
        let subtask = ctx.subtask + 1;
        let prefix = match (self.identifier.as_str(), ctx.parallelism > 1) {
            ("", false) => String::new(),
            ("", true) => format!("{subtask}> "),
            (identifier, false) => format!("{identifier}> "),
            (identifier, true) => format!("{identifier}:{subtask}> "),
        };
        Ok(Box::new(PrintWriter {
            prefix,
            output: Arc::clone(&self.output),
            formatters: Arc::clone(&self.formatters),
            text: String::new(),
        }))
    }
}

struct PrintWriter {
    prefix: String,
    output: Output,
    formatters: Arc<[Formatter]>,
    /// Kept for its capacity.
    text: String,
}

impl SinkWriter for PrintWriter {
    fn write(&mut self, batch: &ChangeBatch) -> Result<(), ConnectorError> {
        let columns = self.formatters.iter().zip(batch.rows.columns());
        let columns = columns
            .map(|(formatter, column)| formatter.bind(column.as_ref()))
            .collect::<Result<Vec<_>, _>>()?;
        self.text.clear();
        for row in 0..batch.num_rows() {
            self.text.push_str(&self.prefix);
            write_java_row(batch.kind(row), &columns, row, &mut self.text);
            self.text.push('\n');
        }
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        output
            .write_all(self.text.as_bytes())
            .and_then(|()| output.flush())
            .map_err(|e| ConnectorError::world(format!("cannot print: {e}")).with_source(e))
    }

    fn prepare_commit(&mut self, _: bool) -> Result<Vec<Committable>, ConnectorError> {
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringViewArray};
    use filbert_connector_api::{ConnectorRegistry, TableRequest};
    use filbert_types::schema::arrow_schema;
    use filbert_types::{
        CatalogTable, Configuration, Field, LogicalType, ObjectPath, ResolvedSchema, RowKind,
        SystemClock, TypeKind,
    };

    use super::*;

    fn printed(options: &[(&str, &str)], subtask: usize, parallelism: usize) -> String {
        let buffer = Arc::new(Mutex::new(Vec::new()));
        let mut registry = ConnectorRegistry::default();
        let factory = PrintFactory::new(buffer.clone(), Arc::new(Mutex::new(std::io::sink())));
        registry.register_table(Arc::new(factory)).unwrap();
        let fields = [
            Field::new("a", TypeKind::Int.into()),
            Field::new("b", LogicalType::string()),
        ];
        let columns = fields.iter().map(|f| (f.name.clone(), f.ty.clone()));
        let given = options.iter().copied().chain([("connector", "print")]);
        let table = CatalogTable {
            schema: ResolvedSchema::physical(columns),
            options: given.map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
            ..CatalogTable::default()
        };
        let sink = registry
            .create_sink(&TableRequest {
                path: &ObjectPath::new("c", "d", "t"),
                table: &table,
                hints: &[],
                session: &Configuration::default(),
                batch: false,
            })
            .unwrap();
        let io = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let ctx = WriterContext {
            job_id: "job".to_owned(),
            sink: 0,
            subtask,
            parallelism,
            attempt: 0,
            overwrite: false,
            static_partition: Vec::new(),
            batch: false,
            clock: Arc::new(SystemClock),
            io: io.handle().clone(),
        };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from(vec![Some(1), None])),
            Arc::new(StringViewArray::from(vec!["a, b", "c"])),
        ];
        let rows = RecordBatch::try_new(arrow_schema(&fields), columns).unwrap();
        let kinds = vec![RowKind::Insert, RowKind::Delete];
        let mut writer = sink.writer(&ctx).unwrap();
        writer.write(&ChangeBatch::with_kinds(rows, kinds)).unwrap();
        let bytes = buffer.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn lines_carry_identifier_and_subtask_as_in_flink() {
        assert_eq!(printed(&[], 0, 1), "+I[1, a, b]\n-D[null, c]\n");
        assert_eq!(printed(&[], 1, 2), "2> +I[1, a, b]\n2> -D[null, c]\n");
        let id = [("print-identifier", "PP")];
        assert_eq!(printed(&id, 0, 1), "PP> +I[1, a, b]\nPP> -D[null, c]\n");
        assert_eq!(printed(&id, 0, 2), "PP:1> +I[1, a, b]\nPP:1> -D[null, c]\n");
        assert_eq!(printed(&[("standard-error", "true")], 0, 1), "");
    }
}
