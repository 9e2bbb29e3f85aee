//! CREATE, ALTER and DROP of what the catalog keeps.

use super::*;

#[test]
fn create_table_with_everything() {
    let table = table(
        "CREATE TEMPORARY TABLE IF NOT EXISTS c.d.t (
           `user` BIGINT NOT NULL COMMENT 'who',
           ts TIMESTAMP(3) METADATA FROM 'timestamp' VIRTUAL COMMENT 'when',
           cost AS `user` * 2 COMMENT 'computed',
           id INT CONSTRAINT k PRIMARY KEY NOT ENFORCED,
           WATERMARK FOR ts AS ts - INTERVAL '5' SECOND,
           CONSTRAINT pk PRIMARY KEY (`user`, id) NOT ENFORCED
         ) COMMENT 'a table'
         DISTRIBUTED BY HASH(id) INTO 4 BUCKETS
         PARTITIONED BY (id)
         WITH ('connector' = 'x', 'a' = 'b')
         LIKE other (INCLUDING ALL EXCLUDING OPTIONS OVERWRITING WATERMARKS)",
    );
    assert!(table.temporary && table.if_not_exists);
    assert_eq!(table.name.to_string(), "c.d.t");
    assert_eq!(table.columns.len(), 4);
    assert!(
        matches!(&table.columns[0].kind, ColumnDefKind::Physical { ty, key: None }
        if ty.to_string() == "BIGINT NOT NULL")
    );
    assert!(
        matches!(&table.columns[1].kind, ColumnDefKind::Metadata { key: Some(k), is_virtual: true, .. }
        if k.value == "timestamp")
    );
    assert!(matches!(&table.columns[2].kind, ColumnDefKind::Computed(e) if e.text == "`user` * 2"));
    assert!(
        matches!(&table.columns[3].kind, ColumnDefKind::Physical { key: Some(k), .. }
        if k.columns[0].value == "id" && k.name.as_ref().unwrap().value == "k")
    );
    assert_eq!(table.columns[2].comment.as_ref().unwrap().value, "computed");
    assert_eq!(table.watermarks[0].expr.text, "ts - INTERVAL '5' SECOND");
    assert_eq!(names(&table.constraints[0].columns), ["user", "id"]);
    assert_eq!(table.constraints[0].enforcement, Enforcement::NotEnforced);
    let distribution = table.distribution.unwrap();
    assert_eq!(
        (distribution.kind, distribution.buckets),
        (DistributionKind::Hash, Some(4))
    );
    assert_eq!(names(&table.partitioned_by), ["id"]);
    assert_eq!(table.options[1].key.value, "a");
    let like = table.like.unwrap();
    assert_eq!(like.options.len(), 3);
    assert_eq!(like.options[1].strategy, MergeStrategy::Excluding);
    assert_eq!(like.options[1].feature, LikeFeature::Options);
}

#[test]
fn create_table_as() {
    let ctas = table("CREATE OR REPLACE TABLE t (b, a) WITH ('x' = 'y') AS SELECT a, b FROM s");
    assert_eq!(ctas.mode, CreateMode::CreateOrReplace);
    assert_eq!(names(&ctas.column_order), ["b", "a"]);
    assert_eq!(ctas.query.unwrap().text, "SELECT a, b FROM s");
    assert!(
        error("REPLACE TABLE t (a INT)")
            .message
            .contains("needs AS")
    );
    assert!(
        error("CREATE TABLE t (a)")
            .hint
            .unwrap()
            .contains("AS takes names")
    );
    assert!(
        error("CREATE TABLE t (a INT, b) AS SELECT 1")
            .message
            .contains("no type")
    );
    assert!(
        error("CREATE TEMPORARY TABLE t AS SELECT 1")
            .message
            .contains("temporary")
    );
}

#[test]
fn errors_in_create_table() {
    for (text, expected) in [
        (
            "CREATE TABLE t (a INT b INT)",
            "Is a comma missing before 'b'?",
        ),
        ("CREATE TABLE t (a INT", "This '(' is never closed."),
        ("CREATE TABLE t (a INT, value INT)", "`value`"),
        ("CREATE TABLE t (a INTT)", "Did you mean INT?"),
        (
            "CREATE TABLE t (a INT) WIHT ('a' = 'b')",
            "Did you mean WITH",
        ),
        ("CREATE TABLE t (a INT) WITH (a = 'b')", "in single quotes"),
        (
            "CREATE TABLE t (a INT) WITH ('a' = 1)",
            "value of option 'a'",
        ),
        ("CREATE TABLE t (a INT,)", "one too many"),
        ("CREATE TABLE t ()", "a column"),
        (
            "CREATE TABLE t (a INT, WATERMARK FOR a AS a, WATERMARK FOR a AS a)",
            "Multiple WATERMARK",
        ),
        ("CREATE TABEL t (a INT)", "Did you mean TABLE?"),
        ("CRAETE TABLE t (a INT)", "Did you mean CREATE?"),
        ("CREATE TABLE a.b.c.d (a INT)", "4 parts"),
    ] {
        let error = error(text).to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn alter_table() {
    let action = |text: &str| match one(text) {
        Statement::AlterTable(alter) => alter.action,
        other => panic!("{other:?}"),
    };
    let AlterTableAction::Add(change) = action(
        "ALTER TABLE IF EXISTS t ADD (a INT FIRST, b INT AFTER a, PRIMARY KEY (a) NOT ENFORCED, \
         WATERMARK FOR ts AS ts)",
    ) else {
        panic!()
    };
    assert_eq!(change.columns[0].position, Some(ColumnPosition::First));
    assert!(
        matches!(&change.columns[1].position, Some(ColumnPosition::After(i)) if i.value == "a")
    );
    assert_eq!((change.constraints.len(), change.watermarks.len()), (1, 1));
    assert!(
        matches!(action("ALTER TABLE t MODIFY DISTRIBUTION INTO 3 BUCKETS"),
        AlterTableAction::Modify(SchemaChange { distribution: Some(d), .. }) if d.buckets == Some(3))
    );
    assert!(
        matches!(action("ALTER TABLE t DROP (a, b)"), AlterTableAction::DropColumns(c) if c.len() == 2)
    );
    assert_eq!(
        action("ALTER TABLE t DROP PRIMARY KEY"),
        AlterTableAction::DropPrimaryKey
    );
    assert_eq!(
        action("ALTER TABLE t DROP WATERMARK"),
        AlterTableAction::DropWatermark
    );
    assert!(
        matches!(action("ALTER TABLE t RENAME TO u"), AlterTableAction::RenameTable(n) if n.to_string() == "u")
    );
    assert!(
        matches!(action("ALTER TABLE t RENAME a TO b"), AlterTableAction::RenameColumn { to, .. }
        if to.value == "b")
    );
    assert!(
        matches!(action("ALTER TABLE t SET ('a' = 'b')"), AlterTableAction::SetOptions(o) if o.len() == 1)
    );
    assert!(
        matches!(action("ALTER TABLE t RESET ('a', 'b')"), AlterTableAction::ResetOptions(k) if k.len() == 2)
    );
    assert!(
        matches!(action("ALTER TABLE t ADD IF NOT EXISTS PARTITION (a = 'x', b = 1) WITH ('k' = 'v') PARTITION (a = 'y')"),
        AlterTableAction::AddPartitions { if_not_exists: true, partitions } if partitions.len() == 2)
    );
    assert!(
        matches!(action("ALTER TABLE t DROP IF EXISTS PARTITION (a = 'x'), PARTITION (a = 'y')"),
        AlterTableAction::DropPartitions { if_exists: true, partitions } if partitions.len() == 2)
    );
}

#[test]
fn views() {
    let Statement::CreateView(view) =
        one("CREATE TEMPORARY VIEW IF NOT EXISTS v (a, b) COMMENT 'x' AS SELECT 1, 2 -- end")
    else {
        panic!()
    };
    assert!(view.temporary && view.if_not_exists);
    assert_eq!(view.columns.len(), 2);
    assert_eq!(view.query.text, "SELECT 1, 2");
    assert!(
        matches!(one("ALTER VIEW v RENAME TO w"), Statement::AlterView(a)
        if matches!(a.action, AlterViewAction::Rename(_)))
    );
    assert!(
        matches!(one("ALTER VIEW v AS SELECT 1"), Statement::AlterView(a)
        if matches!(a.action, AlterViewAction::Query(_)))
    );
    assert!(
        matches!(one("DROP TEMPORARY VIEW IF EXISTS v"), Statement::DropView(d) if d.temporary && d.if_exists)
    );
}

#[test]
fn catalogs_and_databases() {
    assert!(
        matches!(one("CREATE CATALOG IF NOT EXISTS c COMMENT 'x' WITH ('type' = 'y')"),
        Statement::CreateCatalog(c) if c.if_not_exists && c.options.len() == 1 && c.comment.is_some())
    );
    assert!(
        matches!(one("ALTER CATALOG c COMMENT 'x'"), Statement::AlterCatalog(a)
        if matches!(a.action, AlterCatalogAction::Comment(_)))
    );
    assert!(matches!(one("USE CATALOG c"), Statement::UseCatalog(c) if c.value == "c"));
    assert!(
        matches!(one("CREATE DATABASE c.d WITH ('a' = 'b')"), Statement::CreateDatabase(d)
        if d.name.parts.len() == 2)
    );
    assert!(matches!(
        one("ALTER DATABASE d SET ('a' = 'b')"),
        Statement::AlterDatabase(_)
    ));
    assert!(
        matches!(one("DROP DATABASE IF EXISTS d CASCADE"), Statement::DropDatabase(d) if d.cascade && d.if_exists)
    );
    assert!(matches!(one("USE c.d"), Statement::UseDatabase(d) if d.to_string() == "c.d"));
    assert!(error("USE a.b.c").message.contains("no name of a database"));
}

#[test]
fn functions() {
    let Statement::CreateFunction(function) = one(
        "CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS f AS 'a.B' LANGUAGE PYTHON USING JAR 'x', ARTIFACT 'y' \
         WITH ('a' = 'b')",
    ) else {
        panic!()
    };
    assert_eq!(function.scope, FunctionScope::TemporarySystem);
    assert_eq!(function.language.unwrap().value, "PYTHON");
    assert_eq!(function.resources[1].kind, ResourceKind::Artifact);
    assert!(
        error("CREATE TEMPORARY SYSTEM FUNCTION a.f AS 'x'")
            .message
            .contains("system function")
    );
    assert!(
        error("CREATE FUNCTION f AS 'x' LANGUAGE RUBY")
            .hint
            .unwrap()
            .contains("PYTHON")
    );
    assert!(
        matches!(one("ALTER TEMPORARY FUNCTION f AS 'x'"), Statement::AlterFunction(f)
        if f.scope == FunctionScope::Temporary)
    );
    assert!(
        matches!(one("DROP FUNCTION IF EXISTS c.d.f"), Statement::DropFunction(f) if f.if_exists)
    );
}

#[test]
fn models_and_modules() {
    let Statement::CreateModel(model) = one(
        "CREATE TEMPORARY MODEL IF NOT EXISTS m INPUT (a INT, b STRING COMMENT 'x') OUTPUT (c DOUBLE) \
         COMMENT 'y' WITH ('provider' = 'p')",
    ) else {
        panic!("no model");
    };
    assert!(model.temporary && model.if_not_exists && model.comment.is_some());
    assert_eq!((model.input.len(), model.output.len()), (2, 1));
    assert!(
        matches!(one("ALTER MODEL IF EXISTS m RESET ('a', 'b')"), Statement::AlterModel(a)
        if a.if_exists && matches!(&a.action, AlterModelAction::ResetOptions(k) if k.len() == 2))
    );
    assert!(
        matches!(one("DROP TEMPORARY MODEL IF EXISTS m"), Statement::DropModel(d) if d.temporary)
    );
    assert!(matches!(
        one("SHOW MODELS IN d NOT LIKE 'a%'"),
        Statement::Show(Show::Models {
            from: Some(_),
            like: Some(_)
        })
    ));
    assert!(matches!(
        one("DESC MODEL EXTENDED d.m"),
        Statement::Describe(Describe::Model { extended: true, .. })
    ));
    assert!(matches!(one("USE MODULES a, b"), Statement::UseModules(m) if m.len() == 2));
    assert!(matches!(
        one("LOAD MODULE hive WITH ('hive-version' = '3')"),
        Statement::LoadModule(m) if m.options.len() == 1
    ));
}
