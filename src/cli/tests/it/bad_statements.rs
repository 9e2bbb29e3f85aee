//! The mistakes that people make: each error shows the place and says what was probably meant.

use crate::process::filbert;

/// A statement, and the error that it gets, less what is said of every error. `...` stands for lists that grow.
const MISTAKES: &[(&str, &str)] = &[
    (
        "SELCT id FROM t",
        r"No statement begins with 'SELCT'. Did you mean SELECT?
5 | SELCT id FROM t
  | ^^^^^",
    ),
    (
        "SELECT id FRM t",
        r"Expected the end of the statement, found 't'. Did you mean FROM instead of 'FRM'?
5 | SELECT id FRM t
  |           ^^^",
    ),
    (
        "SELECT id FORM orders",
        r"Expected the end of the statement, found 'orders'. Did you mean FROM instead of 'FORM'?
5 | SELECT id FORM orders
  |           ^^^^",
    ),
    (
        "SELECT COUNTT(*) FROM t",
        r"No match found for function signature COUNTT(*). Did you mean 'COUNT'?
5 | SELECT COUNTT(*) FROM t
  |        ^^^^^^",
    ),
    (
        "SELECT ROW_NUMBER() FROM t",
        r"OVER clause is necessary for window functions: ROW_NUMBER(..) OVER (ORDER BY ..).
5 | SELECT ROW_NUMBER() FROM t
  |        ^^^^^^^^^^",
    ),
    (
        "SELECT id FROM default_databse.t",
        r"Object 't' not found within 'default_catalog.default_databse'. There is no database 'default_databse'. Did you mean 'default_database'?
5 | SELECT id FROM default_databse.t
  |                ^^^^^^^^^^^^^^^^^",
    ),
    (
        "CREATE TABLE q (a INT, by INT)",
        r"Expected a name, found 'by'. As a name it needs backticks: `by`.
5 | CREATE TABLE q (a INT, by INT)
  |                        ^^",
    ),
    (
        "CREATE TABLE q (a INT DEFAULT 5)",
        r"DEFAULT is not part of a column in Flink SQL. A computed column is written: name AS expression.
5 | CREATE TABLE q (a INT DEFAULT 5)
  |                       ^^^^^^^",
    ),
    (
        "SELECT id, nme FROM t",
        r"Column 'nme' not found in any table. Did you mean 'name'?
5 | SELECT id, nme FROM t
  |            ^^^",
    ),
    (
        "SELECT id FROM tt",
        r"Object 'tt' not found within 'default_catalog.default_database'. Did you mean 't'?
5 | SELECT id FROM tt
  |                ^^",
    ),
    (
        "SELECT * FROM typo",
        r"Unable to create a source for reading table 'default_catalog.default_database.typo'. Unsupported options found for 'datagen'. Did you mean 'rows-per-second'?

Unsupported options:

rows-per-secnd

Supported options:

...
5 | SELECT * FROM typo
  |               ^^^^",
    ),
    (
        "SELECT UPPR(name) FROM t",
        r"No match found for function signature UPPR(<VARCHAR(2147483647)>). Did you mean 'UPPER'?
5 | SELECT UPPR(name) FROM t
  |        ^^^^",
    ),
    (
        "SELECT id name id FROM t",
        r"Expected the end of the statement, found 'id'. Is a comma missing before 'id'?
5 | SELECT id name id FROM t
  |                ^^",
    ),
    (
        "CREATE TABLE q (a INT b STRING)",
        r"Expected ',' or ')' after the column 'a', found 'b'. Is a comma missing before 'b'?
5 | CREATE TABLE q (a INT b STRING)
  |                       ^",
    ),
    (
        "INSERT INTO s SELECT name, id FROM t",
        r"Column types of query result and sink for 'default_catalog.default_database.s' do not match.
Cause: Incompatible types for sink column 'id' at position 0.

Query schema: [name: STRING, id: INT]
Sink schema:  [id: INT, name: STRING]
CAST the expression, or name the target columns in the order of the query: INSERT INTO t (b, a) SELECT ...
5 | INSERT INTO s SELECT name, id FROM t
  |                      ^^^^",
    ),
    (
        "SELECT id + name FROM t",
        r"Cannot apply '+' to arguments of type '<INTEGER> + <VARCHAR(2147483647)>'.
Supported form(s): <NUMERIC> + <NUMERIC>
<DATETIME> + <INTERVAL>
5 | SELECT id + name FROM t
  |        ^^^^^^^^^",
    ),
    (
        "SELECT * FROM nowhere",
        r"Unable to create a source for reading table 'default_catalog.default_database.nowhere'. Table options do not contain an option key 'connector' for discovering a connector. It may be one of: blackhole, ...
5 | SELECT * FROM nowhere
  |               ^^^^^^^",
    ),
    (
        "CREATE TABLE t (a INT)",
        r"Table (or view) default_database.t already exists in Catalog default_catalog. Keep it with CREATE TABLE IF NOT EXISTS, or drop it first.
5 | CREATE TABLE t (a INT)
  |              ^",
    ),
    (
        "SELECT id FROM t JOIN s ON t.id = s.id",
        r"Column 'id' is ambiguous. It could be 't.id' or 's.id'.
5 | SELECT id FROM t JOIN s ON t.id = s.id
  |        ^^",
    ),
    (
        "SELECT t.id FROM t WHERE name = 'x",
        r"This text is never closed by a single quote. A single quote inside a text is written twice: 'it''s'.
5 | SELECT t.id FROM t WHERE name = 'x
  |                                 ^",
    ),
    (
        "INSERT INTO s (id, nam) SELECT id, name FROM t",
        r"Unknown target column 'nam'. Did you mean 'name'?
5 | INSERT INTO s (id, nam) SELECT id, name FROM t
  |                    ^^^",
    ),
    (
        "SELECT id FROM t GROUP BY name",
        r"Expression 'id' is not being grouped. Add it to GROUP BY, or put it into an aggregate function.
5 | SELECT id FROM t GROUP BY name
  |        ^^",
    ),
    (
        "SELECT id FROM t WHERE",
        r"Expected an expression, but the statement ends here.
5 | SELECT id FROM t WHERE
  |                       ^",
    ),
    (
        "CREATE TABLE q (a INTT) WITH ('connector' = 'datagen')",
        r"There is no data type 'INTT'. Did you mean INT?
5 | CREATE TABLE q (a INTT) WITH ('connector' = 'datagen')
  |                   ^^^^",
    ),
    (
        "SELECT id, FROM t",
        r"Expected an item after the comma, found 'FROM'. This comma is one too many.
5 | SELECT id, FROM t
  |          ^",
    ),
    (
        "SELECT COUNT(* FROM t",
        r"Expected ')', found 'FROM'. The '(' at line 5, column 13 is still open.
5 | SELECT COUNT(* FROM t
  |                ^^^^",
    ),
    (
        "SELECT id FROM t AS order",
        r"Expected a name, found 'order'. As a name it needs backticks: `order`.
5 | SELECT id FROM t AS order
  |                     ^^^^^",
    ),
    (
        "SELECT id FROM t WHERE name == 'x'",
        r"'==' is no operator of Flink SQL. Use '='.
5 | SELECT id FROM t WHERE name == 'x'
  |                             ^^",
    ),
    (
        "SELECT \"id\" FROM t",
        r#"Double quotes have no meaning in Flink SQL. Use backticks for names (`name`) and single quotes for text ('text').
5 | SELECT "id" FROM t
  |        ^^^^"#,
    ),
    (
        "CREATE VIEW v AS SELECT nme FROM t",
        r"Column 'nme' not found in any table. Did you mean 'name'?
5 | CREATE VIEW v AS SELECT nme FROM t
  |                         ^^^",
    ),
    (
        "ALTER TABLE t DROP nme",
        r"Failed to execute ALTER TABLE statement.
Column 'nme' does not exist in the table.
Did you mean 'name'?
5 | ALTER TABLE t DROP nme
  |                    ^^^",
    ),
    (
        "SET parallelism.default = 2",
        r"Expected an option's key in single quotes, found 'parallelism'. SET 'key' = 'value', both in single quotes.
5 | SET parallelism.default = 2
  |     ^^^^^^^^^^^",
    ),
    (
        "CREATE TABLE q (ts STRING, WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen')",
        r"Invalid data type of time field for watermark definition. The field must be of type TIMESTAMP(p) or TIMESTAMP_LTZ(p), the supported precision 'p' is from 0 to 3, but the time field type is STRING
5 | CREATE TABLE q (ts STRING, WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen')
  |                                          ^^",
    ),
    (
        "DROP TABLE tt",
        r"Table with identifier 'default_catalog.default_database.tt' does not exist. Did you mean 't'?
5 | DROP TABLE tt
  |            ^^",
    ),
];

#[test]
fn errors_show_the_place_and_what_was_meant() {
    let tables = "CREATE TABLE t (id INT, name STRING) WITH ('connector' = 'datagen', 'number-of-rows' = '1');\n\
        CREATE TABLE s (id INT, name STRING) WITH ('connector' = 'blackhole');\n\
        CREATE TABLE nowhere (id INT);\n\
        CREATE TABLE typo (id INT) WITH ('connector' = 'datagen', 'rows-per-secnd' = '1');\n";
    let mut differences = String::new();
    for (statement, expected) in MISTAKES {
        let ended = filbert(&["-e", &format!("{tables}{statement}")]);
        assert_eq!(ended.code, Some(1), "{statement}: {ended:?}");
        let told = ended.err.trim_end();
        let told = told
            .strip_prefix("[ERROR] Could not execute SQL statement. Reason:\n")
            .unwrap_or(told);
        if !matches(told, expected) {
            differences.push_str(&format!("--- {statement}\n{told}\n"));
        }
    }
    assert!(differences.is_empty(), "got:\n{differences}");
}

fn matches(told: &str, expected: &str) -> bool {
    match expected.split_once("...\n") {
        Some((head, tail)) => told.starts_with(head) && told.ends_with(tail),
        None => told == expected,
    }
}

#[test]
fn a_table_that_cannot_be_used_is_told_of_at_once() {
    for (options, expected) in [
        (
            "'connecter' = 'datagen'",
            "'connecter' is not an option of tables. Did you mean 'connector'?",
        ),
        (
            "'connector' = 'datagenn'",
            "Could not find any factory for identifier 'datagenn' among the connectors. Did you mean 'datagen'?",
        ),
        (
            "'connector' = 'datagen', 'rows-per-secnd' = '1'",
            "Unsupported options found for 'datagen'. Did you mean 'rows-per-second'? Unsupported: rows-per-secnd.",
        ),
        (
            "'connector' = 'filesystem', 'format' = 'cvs'",
            "Could not find any format factory for identifier 'cvs'. Did you mean 'csv'?",
        ),
        (
            "'connector' = 'filesystem', 'format' = 'csv', 'ignore-parse-errors' = 'true'",
            "Unsupported options found for 'filesystem'. Did you mean 'csv.ignore-parse-errors'? Unsupported: ignore-parse-errors.",
        ),
        (
            "'connector' = 'filesystem', 'format' = 'csv', 'ignore-parse-eror' = 'true'",
            "Unsupported options found for 'filesystem'. Did you mean 'csv.ignore-parse-errors'? Unsupported: ignore-parse-eror.",
        ),
        (
            "'connector' = 'memory', 'scan.mode' = 'changlog'",
            "Invalid value for option 'scan.mode'. Could not parse value 'changlog' for key 'scan.mode': expected one of snapshot, changelog.",
        ),
    ] {
        let ended = filbert(&["-e", &format!("CREATE TABLE t (a INT) WITH ({options})")]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let told = "[WARNING] Table 'default_catalog.default_database.t' can't be used as it is. ";
        assert!(
            ended.out.contains(&format!("{told}{expected}")),
            "{ended:?}"
        );
    }
    // What is missing may come later.
    let fine =
        "CREATE TABLE base (a INT); CREATE TABLE later (a INT) WITH ('connector' = 'filesystem');";
    let ended = filbert(&["-e", fine]);
    assert!(!ended.out.contains("WARNING"), "{ended:?}");
}
