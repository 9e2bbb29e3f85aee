//! TPC-H's queries bind, and DataFusion's rules decorrelate and optimize them.

use std::path::Path;

use datafusion::optimizer::{Optimizer, OptimizerContext};

use crate::harness::TestCatalog;

fn catalog() -> TestCatalog {
    let folder = folder();
    let schema = std::fs::read_to_string(folder.join("schema.sql")).unwrap();
    let tables: Vec<String> = filbert_sql::parse_statements(&schema)
        .unwrap()
        .into_iter()
        .map(|s| s.text)
        .collect();
    tables
        .iter()
        .fold(TestCatalog::batch(), |catalog, sql| catalog.create(sql))
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches/tpch")
}

#[test]
fn queries_bind_and_optimize() {
    let catalog = catalog();
    let mut wrong = Vec::new();
    for number in 1..=22 {
        let sql = std::fs::read_to_string(folder().join(format!("q{number:02}.sql"))).unwrap();
        for statement in filbert_sql::parse_statements(&sql).unwrap() {
            let filbert_sql::Statement::Query(query) = statement.statement else {
                continue;
            };
            match filbert_binder::bind_query(catalog.context(), &query) {
                Err(error) => wrong.push(format!("q{number}: {error}")),
                Ok(bound) => {
                    let context = OptimizerContext::new();
                    match Optimizer::new().optimize(bound.plan, &context, |_, _| {}) {
                        Err(error) => wrong.push(format!("q{number}: {error}")),
                        Ok(plan) => {
                            let text = plan.display_indent().to_string();
                            if text.contains("outer_ref(") {
                                wrong.push(format!("q{number} stays correlated: {text}"));
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
