use super::*;
use crate::parse_query;
use sqlparser::ast::SetExpr;

fn matched(text: &str) -> (Query, MatchRecognize) {
    let query = parse_query(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    let SetExpr::Select(select) = &*query.ast.body else {
        panic!()
    };
    let found = query
        .match_recognize(&select.from[0].relation)
        .unwrap()
        .clone();
    (query, found)
}

fn pattern(text: &str) -> Pattern {
    matched(&format!(
        "SELECT * FROM t MATCH_RECOGNIZE (ORDER BY ts PATTERN ({text}) DEFINE A AS TRUE)"
    ))
    .1
    .pattern
}

#[test]
fn every_clause_is_kept() {
    let (query, found) = matched(
        "SELECT m.x FROM db.t MATCH_RECOGNIZE (
           PARTITION BY a, b ORDER BY ts
           MEASURES FINAL LAST(B.x) AS x, COUNT(A.y) AS n
           ONE ROW PER MATCH AFTER MATCH SKIP TO LAST B
           PATTERN (A B+? C{2,4}) WITHIN INTERVAL '1' HOUR
           SUBSET AB = (A, B)
           DEFINE A AS A.x > 1, B AS LAST(B.x, 1) < B.x
         ) AS m WHERE m.n > 1",
    );
    assert_eq!((found.partition_by.len(), found.order_by.len()), (2, 1));
    assert_eq!(found.measures[1].name.value, "n");
    assert!(matches!(&found.after_match, AfterMatch::ToLast(v) if v.value == "B"));
    assert!(found.within.is_some());
    assert_eq!(found.subsets[0].variables.len(), 2);
    assert_eq!(found.define.len(), 2);
    let SetExpr::Select(select) = &*query.ast.body else {
        panic!()
    };
    assert!(
        matches!(&select.from[0].relation, TableFactor::MatchRecognize { alias: Some(a), table, .. }
        if a.name.value == "m" && table.to_string() == "db.t")
    );
}

#[test]
fn quantifiers() {
    for (text, min, max, reluctant) in [
        ("A*", Some(0), None, false),
        ("A+?", Some(1), None, true),
        ("A?", Some(0), Some(1), false),
        ("A??", Some(0), Some(1), true),
        ("A{3}", Some(3), Some(3), false),
        ("A{2,}", Some(2), None, false),
        ("A{,4}?", None, Some(4), true),
        ("A{2,4}", Some(2), Some(4), false),
    ] {
        let Pattern::Repeat { quantifier, .. } = pattern(text) else {
            panic!("{text}")
        };
        assert_eq!(
            quantifier,
            Quantifier {
                min,
                max,
                reluctant
            },
            "{text}"
        );
    }
}

#[test]
fn what_flink_refuses_is_still_read() {
    assert!(matches!(pattern("A | B"), Pattern::Alternation(b) if b.len() == 2));
    assert!(
        matches!(pattern("(A B)+"), Pattern::Repeat { pattern, .. } if matches!(*pattern, Pattern::Group(_)))
    );
    assert!(matches!(pattern("PERMUTE(A, B)"), Pattern::Permute(p) if p.len() == 2));
    assert!(
        matches!(pattern("A {- B -}"), Pattern::Concat(p) if matches!(p[1], Pattern::Exclude(_)))
    );
    let (_, found) = matched(
        "SELECT * FROM t MATCH_RECOGNIZE (ORDER BY ts ALL ROWS PER MATCH PATTERN (^ A $) DEFINE A AS TRUE)",
    );
    assert_eq!(found.rows_per_match, RowsPerMatch::All(EmptyMatches::Show));
    assert!(found.anchored_start && found.anchored_end);
}

#[test]
fn a_query_before_it_keeps_its_form() {
    let (query, _) = matched(
        "SELECT * FROM (SELECT a, ts FROM t) MATCH_RECOGNIZE (ORDER BY ts PATTERN (A) DEFINE A AS a > 1) AS m",
    );
    let SetExpr::Select(select) = &*query.ast.body else {
        panic!()
    };
    let TableFactor::MatchRecognize { table, .. } = &select.from[0].relation else {
        panic!()
    };
    assert!(matches!(**table, TableFactor::Derived { .. }));
    assert!(!query.ast.to_string().contains(DERIVED));
}

#[test]
fn errors_inside_have_their_place() {
    let text = "SELECT * FROM t MATCH_RECOGNIZE (ORDER BY ts\nPATTRN (A) DEFINE A AS TRUE)";
    let error = parse_query(text).unwrap_err();
    assert_eq!((error.span.start.line, error.span.start.column), (2, 1));
    assert!(error.hint.unwrap().contains("PATTERN"));
    let text = format!(
        "SELECT * FROM t MATCH_RECOGNIZE (ORDER BY ts PATTERN ({}A{}) DEFINE A AS TRUE)",
        "(".repeat(5000),
        ")".repeat(5000)
    );
    assert!(
        parse_query(&text)
            .unwrap_err()
            .message
            .contains("too deeply")
    );
}
