use filbert_types::{Field, RowKind, TypeKind};

use super::{Row, Tableau};

fn row(cells: &[Option<&str>]) -> Row {
    Row {
        kind: RowKind::Insert,
        cells: cells.iter().map(|c| c.map(str::to_owned)).collect(),
    }
}

/// The layout that Flink's SQL client prints for these types.
#[test]
fn a_changelog_is_as_wide_as_its_types() {
    let fields = [
        Field::new("a", TypeKind::Int.into()),
        Field::new("c", TypeKind::STRING.into()),
        Field::new("d", TypeKind::timestamp(3).into()),
    ];
    let tableau = Tableau::by_types(&fields, 30);
    let mut out = Vec::new();
    tableau.header(&mut out).unwrap();
    tableau
        .row(
            &row(&[Some("1"), Some("x"), Some("2020-01-01 00:00:00.123")]),
            &mut out,
        )
        .unwrap();
    tableau.border(&mut out).unwrap();
    let expected = "\
+----+-------------+--------------------------------+-------------------------+
| op |           a |                              c |                       d |
+----+-------------+--------------------------------+-------------------------+
| +I |           1 |                              x | 2020-01-01 00:00:00.123 |
+----+-------------+--------------------------------+-------------------------+
";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn data_decides_the_width_up_to_the_limit() {
    let fields = [Field::new("name", TypeKind::STRING.into())];
    let rows = [row(&[Some("a long text")]), row(&[None])];
    let mut out = Vec::new();
    assert_eq!(Tableau::write_all(&fields, &rows, 8, &mut out).unwrap(), 2);
    let expected = "\
+----------+
|     name |
+----------+
| a lon... |
|   <NULL> |
+----------+
";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}
