//! - `objects`: what the catalog keeps.

mod objects;

use super::*;
use crate::ast::*;
use crate::{Completeness, Statements, completeness, parse_statements};

fn one(text: &str) -> Statement {
    let mut statements = parse_statements(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    assert_eq!(statements.len(), 1, "{text}");
    statements.remove(0).statement
}

fn error(text: &str) -> ParseError {
    parse_statements(text).expect_err(text)
}

fn table(text: &str) -> CreateTable {
    match one(text) {
        Statement::CreateTable(table) => *table,
        other => panic!("{other:?}"),
    }
}

fn names(idents: &[Ident]) -> Vec<&str> {
    idents.iter().map(|i| i.value.as_str()).collect()
}

#[test]
fn show_and_describe() {
    assert!(matches!(one("SHOW TABLES FROM c.d NOT LIKE 'a%'"),
        Statement::Show(Show::Tables { from: Some(f), like: Some(l) }) if f.parts.len() == 2 && l.negated));
    assert!(matches!(one("SHOW DATABASES IN c ILIKE 'a%'"),
        Statement::Show(Show::Databases { like: Some(l), .. }) if l.case_insensitive));
    assert!(error("SHOW TABLES ILIKE 'a'").message.contains("LIKE only"));
    assert_eq!(
        one("SHOW CURRENT CATALOG"),
        Statement::Show(Show::CurrentCatalog)
    );
    assert_eq!(one("SHOW JOBS"), Statement::Show(Show::Jobs));
    assert!(matches!(
        one("SHOW USER FUNCTIONS"),
        Statement::Show(Show::Functions { user: true, .. })
    ));
    assert!(matches!(
        one("SHOW COLUMNS FROM t LIKE 'a'"),
        Statement::Show(Show::Columns { like: Some(_), .. })
    ));
    assert!(matches!(
        one("SHOW CREATE VIEW v"),
        Statement::Show(Show::CreateView(_))
    ));
    assert!(matches!(
        one("SHOW PARTITIONS t PARTITION (a = 1)"),
        Statement::Show(Show::Partitions { spec: Some(_), .. })
    ));
    assert!(error("SHOW TABELS").hint.unwrap().contains("TABLES"));
    assert!(matches!(
        one("DESC EXTENDED t"),
        Statement::Describe(Describe::Table { extended: true, .. })
    ));
    assert!(matches!(
        one("DESCRIBE CATALOG EXTENDED c"),
        Statement::Describe(Describe::Catalog { extended: true, .. })
    ));
    assert!(matches!(
        one("DESCRIBE FUNCTION f"),
        Statement::Describe(Describe::Function { .. })
    ));
    assert!(matches!(
        one("DESCRIBE JOB 'x'"),
        Statement::Describe(Describe::Job { .. })
    ));
    assert!(matches!(
        one("DESCRIBE catalog"),
        Statement::Describe(Describe::Table { .. })
    ));
}

#[test]
fn set_reset_and_jobs() {
    assert!(matches!(one("SET 'a' = 'b'"), Statement::Set(Some(e)) if e.value.value == "b"));
    assert_eq!(one("SET"), Statement::Set(None));
    assert!(matches!(one("RESET 'a'"), Statement::Reset(Some(_))));
    assert_eq!(one("RESET"), Statement::Reset(None));
    assert!(error("SET a = b").hint.unwrap().contains("single quotes"));
    assert!(
        matches!(one("STOP JOB 'x' WITH SAVEPOINT WITH DRAIN"), Statement::StopJob(s) if s.savepoint && s.drain)
    );
}

#[test]
fn inserts() {
    let Statement::Insert(insert) = one(
        "INSERT INTO t /*+ OPTIONS('a' = 'b') */ PARTITION (p = 'x', q) (a, b.c) SELECT 1, 2 ON CONFLICT DO DEDUPLICATE",
    ) else {
        panic!()
    };
    assert_eq!(insert.options[0].value.value, "b");
    assert_eq!(insert.partition.unwrap().entries.len(), 2);
    assert_eq!(insert.columns[1].to_string(), "b.c");
    assert_eq!(insert.on_conflict, Some(ConflictStrategy::Deduplicate));
    assert_eq!(insert.query.text, "SELECT 1, 2");
    assert!(
        matches!(one("INSERT OVERWRITE t VALUES (1), (2)"), Statement::Insert(i) if i.overwrite)
    );
    assert!(
        matches!(one("INSERT INTO t (SELECT 1)"), Statement::Insert(i) if i.columns.is_empty())
    );
    assert!(matches!(
        one("EXECUTE INSERT INTO t SELECT 1"),
        Statement::Insert(_)
    ));
}

#[test]
fn statement_sets() {
    let text = "EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT CASE WHEN x THEN 1 END; INSERT INTO b SELECT 2; END;";
    assert!(matches!(one(text), Statement::StatementSet(inserts) if inserts.len() == 2));
    let statements = parse_statements("BEGIN STATEMENT SET; INSERT INTO a SELECT 1; END;").unwrap();
    assert_eq!(statements.len(), 3);
    assert_eq!(statements[0].statement, Statement::BeginStatementSet);
    assert_eq!(statements[2].statement, Statement::EndStatementSet);
    let Statement::Explain(explain) = one(
        "EXPLAIN CHANGELOG_MODE, JSON_EXECUTION_PLAN STATEMENT SET BEGIN INSERT INTO a SELECT 1; END",
    ) else {
        panic!()
    };
    assert_eq!(explain.details.len(), 2);
    assert!(matches!(*explain.statement, Statement::StatementSet(_)));
    assert!(
        error("EXECUTE STATEMENT SET BEGIN END")
            .message
            .contains("at least one")
    );
}

#[test]
fn explain() {
    assert!(
        matches!(one("EXPLAIN PLAN FOR SELECT 1"), Statement::Explain(e) if e.text == "SELECT 1")
    );
    assert!(
        error("EXPLAIN CREATE TABLE t (a INT)")
            .message
            .contains("only with AS")
    );
    assert!(error("EXPLAIN DROP TABLE t").message.contains("a query"));
}

#[test]
fn statements_not_here_yet_are_named() {
    for (text, name) in [
        ("UPDATE t SET a = 1", "UPDATE"),
        (
            "CREATE OR ALTER MATERIALIZED TABLE m AS SELECT 1",
            "CREATE OR ALTER MATERIALIZED TABLE",
        ),
        ("CALL p(1)", "CALL"),
        ("ADD JAR 'x'", "ADD JAR"),
        ("SHOW PROCEDURES", "SHOW PROCEDURES"),
        ("ANALYZE TABLE t COMPUTE STATISTICS", "ANALYZE TABLE"),
    ] {
        assert!(
            matches!(one(text), Statement::Unsupported(u) if u.name == name),
            "{text}"
        );
    }
}

#[test]
fn a_broken_statement_leaves_the_others_alone() {
    let text = "SELECT 1;\n-- two\nSELCT 2; SELECT \"x\"; SELECT 'a;b';";
    let results: Vec<_> = Statements::new(text).collect();
    assert_eq!(results.len(), 4);
    let first = results[0].as_ref().unwrap();
    assert_eq!(
        (first.text.as_str(), first.offset, first.terminated),
        ("SELECT 1", 0, true)
    );
    let error = results[1].as_ref().unwrap_err();
    assert_eq!((error.span.start.line, error.span.start.column), (3, 1));
    assert!(results[2].is_err());
    let last = results[3].as_ref().unwrap();
    assert_eq!(
        &text[last.offset..last.offset + last.text.len()],
        "SELECT 'a;b'"
    );
}

#[test]
fn plans_are_compiled_and_executed() {
    let Statement::CompilePlan(plan) = one(
        "COMPILE PLAN '/tmp/x.json' IF NOT EXISTS FOR STATEMENT SET BEGIN INSERT INTO a SELECT 1; INSERT INTO b SELECT 2; END",
    ) else {
        panic!("not a COMPILE PLAN");
    };
    assert_eq!(plan.path.value, "/tmp/x.json");
    assert!(plan.if_not_exists && !plan.execute);
    assert_eq!(plan.inserts.len(), 2);
    assert!(matches!(
        one("COMPILE AND EXECUTE PLAN 'x' FOR INSERT INTO a SELECT 1"),
        Statement::CompilePlan(p) if p.execute && p.inserts.len() == 1
    ));
    assert!(matches!(one("EXECUTE PLAN 'x'"), Statement::ExecutePlan(p) if p.value == "x"));
    assert!(
        error("COMPILE PLAN 'x' FOR SELECT 1")
            .message
            .contains("an INSERT or a STATEMENT SET")
    );
}

#[test]
fn completeness_for_a_shell() {
    for (text, expected) in [
        ("", Completeness::Empty),
        ("-- nothing\n;;", Completeness::Empty),
        ("SELECT 1", Completeness::Incomplete),
        ("SELECT 1;", Completeness::Complete),
        ("SELECT 1; -- done", Completeness::Complete),
        ("SELECT ';", Completeness::Incomplete),
        ("SELECT 1; SELECT", Completeness::Incomplete),
        (
            "EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1;",
            Completeness::Incomplete,
        ),
        (
            "EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1; END;",
            Completeness::Complete,
        ),
        ("SELECT 1; /* open", Completeness::Incomplete),
        ("SELCT;", Completeness::Complete),
    ] {
        assert_eq!(completeness(text), expected, "{text}");
    }
    assert!(error("SELECT 1 +").incomplete);
    assert!(!error("SELECT 1 +;").incomplete);
    assert!(!error("SELECT 1 1").incomplete);
}
