use filbert_types::config::ConfigType;
use filbert_types::{LogicalType, ResolvedSchema, TypeKind};

use super::*;
use crate::sink::{SinkWriter, WriterContext};

const OPTIONS: &[ConfigOption] = &[
    ConfigOption::new("path", ConfigType::String, "Where.").required(),
    ConfigOption::new("speed", ConfigType::Long, "How fast."),
    ConfigOption::new("fields.#.min", ConfigType::String, "Least."),
];

struct Fake;

struct FakeSink;

impl TableSink for FakeSink {
    fn changelog_mode(&self, requested: crate::ChangelogMode) -> crate::ChangelogMode {
        requested
    }
    fn writer(&self, _: &WriterContext) -> Result<Box<dyn SinkWriter>, ConnectorError> {
        Err(ConnectorError::engine("not in this test"))
    }
}

impl TableFactory for Fake {
    fn identifier(&self) -> &'static str {
        "fake"
    }
    fn doc(&self) -> &'static str {
        "For tests."
    }
    fn options(&self) -> &'static [ConfigOption] {
        OPTIONS
    }
    fn refused_options(&self) -> &'static [RefusedOption] {
        &[("later", "it comes later")]
    }
    fn sink(&self, _: &FactoryContext<'_>) -> Option<Result<Arc<dyn TableSink>, ConnectorError>> {
        Some(Ok(Arc::new(FakeSink)))
    }
}

fn sink_error(options: &[(&str, &str)]) -> String {
    let mut registry = ConnectorRegistry::default();
    registry.register_table(Arc::new(Fake)).unwrap();
    let schema = ResolvedSchema::physical([("a".to_owned(), LogicalType::from(TypeKind::Int))]);
    let options = options
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    let table = CatalogTable {
        schema,
        options: options.collect(),
        ..CatalogTable::default()
    };
    let request = TableRequest {
        path: &ObjectPath::new("c", "d", "t"),
        table: &table,
        hints: &[],
        session: &Configuration::default(),
        batch: false,
    };
    match registry.create_sink(&request) {
        Ok(_) => "ok".to_owned(),
        Err(error) => error.message,
    }
}

#[test]
fn what_is_wrong_with_a_with_clause_is_named() {
    assert!(sink_error(&[]).contains("do not contain an option key 'connector'"));
    let unknown = sink_error(&[("connector", "fak")]);
    assert!(unknown.contains("Could not find any factory for identifier 'fak'"));
    assert!(unknown.contains("Did you mean 'fake'?"));
    let missing = sink_error(&[("connector", "fake")]);
    assert!(missing.contains("One or more required options are missing."));
    assert!(missing.ends_with("path"));
    let extra = sink_error(&[("connector", "fake"), ("path", "x"), ("sped", "1")]);
    assert!(extra.contains("Unsupported options found for 'fake'. Did you mean 'speed'?"));
    let bad = sink_error(&[("connector", "fake"), ("path", "x"), ("speed", "fast")]);
    assert!(bad.contains("Could not parse value 'fast' for key 'speed'"));
    let later = sink_error(&[("connector", "fake"), ("path", "x"), ("later", "1")]);
    assert!(later.contains("Option 'later' of connector 'fake' is not supported: it comes later."));
}

#[test]
fn a_hash_stands_for_a_column_or_a_path_into_one() {
    let with = |key| sink_error(&[("connector", "fake"), ("path", "x"), (key, "1")]);
    assert_eq!(with("fields.a.min"), "ok");
    assert_eq!(with("fields.a.b.min"), "ok");
    assert!(with("fields.a.max").contains("Unsupported options"));
    assert!(with("fields.min").contains("Unsupported options"));
}
