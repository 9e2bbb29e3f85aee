use crate::harness::TestCatalog;

#[test]
fn names() {
    let c = TestCatalog::streaming();
    insta::assert_snapshot!(c.error("SELECT nam FROM emp"), @"[nam] Column 'nam' not found in any table. Did you mean 'name'?");
    insta::assert_snapshot!(c.error("SELECT ID FROM emp"), @"[ID] Column 'ID' not found in any table. Did you mean 'id'?");
    insta::assert_snapshot!(c.error("SELECT e.nope FROM emp e"), @"[e.nope] Column 'nope' not found in table 'e'. Available columns: 'id', 'name', 'dept', 'salary', 'boss'.");
    insta::assert_snapshot!(c.error("SELECT x.id FROM emp e"), @"[x.id] Table 'x' not found. Available tables: 'e'.");
    insta::assert_snapshot!(c.error("SELECT id FROM emps"), @"[emps] Object 'emps' not found within 'cat.db'. Did you mean 'emp'?");
    insta::assert_snapshot!(c.error("SELECT id FROM emp a, emp b"), @"[id] Column 'id' is ambiguous. It could be 'a.id' or 'b.id'.");
    insta::assert_snapshot!(c.error("SELECT 1 FROM emp, emp"), @"[emp] Duplicate relation name 'emp' in FROM clause. Give one of them an alias: `table AS name`.");
    insta::assert_snapshot!(c.error("SELECT nested.r.nope FROM nested"), @"[nope] Column 'nested.r.nope' not found: the row has no field 'nope'. Available fields: 'x', 'y'.");
    insta::assert_snapshot!(c.error("SELECT id AS k FROM emp WHERE k > 3"), @"[k] Column 'k' not found in any table. Available columns: 'id', 'name', 'dept', 'salary', 'boss'.");
    insta::assert_snapshot!(c.error("SELECT UPER(name) FROM emp"), @"[UPER] No match found for function signature UPER(<VARCHAR(2147483647)>). Did you mean 'UPPER'?");
    insta::assert_snapshot!(c.error("SELECT z.* FROM emp"), @"[z.*] Unknown identifier 'z'. Available tables: 'emp'.");
}

#[test]
fn types() {
    let c = TestCatalog::streaming();
    insta::assert_snapshot!(c.error("SELECT id FROM emp WHERE id = name"), @"[id = name] implicit type conversion between INTEGER and VARCHAR is not supported now");
    insta::assert_snapshot!(c.error("SELECT id FROM emp WHERE id"), @"[id] WHERE clause must be a condition, but is of type INT NOT NULL");
    insta::assert_snapshot!(c.error("SELECT id FROM emp UNION ALL SELECT name FROM emp"), @"[SELECT name FROM emp] Type mismatch in column 1 of UNION ALL: INT NOT NULL, STRING");
    insta::assert_snapshot!(c.error("SELECT id FROM emp UNION SELECT id, name FROM emp"), @"[SELECT id, name FROM emp] Column count mismatch in UNION: 1 and 2");
    insta::assert_snapshot!(c.error("SELECT NULL FROM emp"), @"[NULL] Illegal use of 'NULL'. Give it a type: CAST(NULL AS INT).");
    insta::assert_snapshot!(c.error("SELECT id FROM emp ORDER BY 2"), @"[2] Ordinal out of range. The select list has 1 items.");
}

#[test]
fn insert() {
    let c = TestCatalog::streaming();
    insta::assert_snapshot!(c.insert_error("INSERT INTO dept SELECT name, name, id FROM emp"), @r#"
    [name] Column types of query result and sink for 'cat.db.dept' do not match.
    Cause: Incompatible types for sink column 'level' at position 1.

    Query schema: [name: STRING, name: STRING, id: INT NOT NULL]
    Sink schema:  [dept: STRING, level: INT, head: INT]. CAST the expression, or name the target columns in the order of the query: INSERT INTO t (b, a) SELECT ...
    "#);
    insta::assert_snapshot!(c.insert_error("INSERT INTO dept (dept, flor) VALUES ('a', 1)"), @"[flor] Unknown target column 'flor'. Available columns: 'dept', 'level', 'head'.");
    insta::assert_snapshot!(c.insert_error("INSERT INTO dept VALUES ('a', 1)"), @r#"
    [VALUES ('a', 1)] Column types of query result and sink for 'cat.db.dept' do not match.
    Cause: Different number of columns.

    Query schema: [EXPR$0: CHAR(1) NOT NULL, EXPR$1: INT NOT NULL]
    Sink schema:  [dept: STRING, level: INT, head: INT]
    "#);
    insta::assert_snapshot!(c.insert_error("INSERT INTO emp (name) VALUES ('a')"), @"[emp] Column 'id' has no default value and does not allow NULLs");
    insta::assert_snapshot!(c.insert_error("INSERT INTO rich VALUES (1, 'a')"), @"[rich] '`cat`.`db`.`rich`' is a view, and only tables can be written to.");
}

#[test]
fn refused_by_name() {
    let c = TestCatalog::streaming();
    insta::assert_snapshot!(c.error("SELECT * FROM NOPE(TABLE emp)"), @"[NOPE] No match found for table function 'NOPE'. Available table functions: 'TUMBLE', 'HOP', 'CUMULATE', 'SESSION', 'TO_CHANGELOG', 'FROM_CHANGELOG', 'UNNEST'.");
}

#[test]
fn deep_nesting_is_no_crash() {
    let c = TestCatalog::streaming();
    let sum = vec!["1"; 200].join(" + ");
    assert!(c.bind(&format!("SELECT {sum}")).is_ok());
}

#[test]
fn grouping() {
    let c = TestCatalog::streaming();
    insta::assert_snapshot!(c.error("SELECT name FROM emp GROUP BY dept"), @"[name] Expression 'name' is not being grouped. Add it to GROUP BY, or put it into an aggregate function.");
    insta::assert_snapshot!(c.error("SELECT id FROM emp WHERE COUNT(*) > 1"), @"[COUNT] Aggregate expression is illegal in WHERE clause");
    insta::assert_snapshot!(c.error("SELECT SUM(COUNT(*)) FROM emp"), @"[COUNT] Aggregate expressions cannot be nested");
    insta::assert_snapshot!(c.error("SELECT SUM(name) FROM emp"), @r#"
    [SUM(name] Cannot apply 'SUM' to arguments of type 'SUM(<VARCHAR(2147483647)>)'.
    Supported form(s): SUM([DISTINCT] <NUMERIC>)
    "#);
    insta::assert_snapshot!(c.error("SELECT id FROM emp QUALIFY id > 3"), @"[id > 3] QUALIFY expression 'id > 3' must contain a window function");
    insta::assert_snapshot!(c.error("SELECT dept, GROUPING(id) FROM emp GROUP BY dept"), @"[id] Argument to GROUPING operator must be a grouped expression");
}
