//! The statements that run, as data for the reference page.

/// A statement: its name, its grammar, and what it does.
#[derive(Debug, Clone, Copy)]
pub struct StatementDoc {
    pub name: &'static str,
    pub syntax: &'static str,
    pub doc: &'static str,
}

const fn statement(name: &'static str, syntax: &'static str, doc: &'static str) -> StatementDoc {
    StatementDoc { name, syntax, doc }
}

/// Every statement that runs, in the order of the page.
pub const STATEMENTS: &[StatementDoc] = &[
    statement(
        "SELECT",
        "[WITH name AS (query), ...] SELECT ... [FROM ...] [WHERE ...] [GROUP BY ...] [HAVING ...] [QUALIFY ...]\n\
         [ORDER BY ...] [LIMIT n] [OFFSET n]",
        "Runs a query and shows its rows: final rows in batch mode, a changelog in streaming mode.",
    ),
    statement(
        "VALUES",
        "VALUES (expr, ...), ...",
        "Rows given in the text.",
    ),
    statement(
        "INSERT",
        "INSERT { INTO | OVERWRITE } table [/*+ OPTIONS(...) */] [PARTITION (k = 'v', ...)] [(columns)] query\n\
         [ON CONFLICT DO { ERROR | NOTHING | DEDUPLICATE }]",
        "Submits a job that writes a query's rows into a table. OVERWRITE replaces what is there, in batch mode.",
    ),
    statement(
        "EXECUTE STATEMENT SET",
        "EXECUTE STATEMENT SET BEGIN insert; ... END",
        "Several INSERTs as one job, which reads a common source once.",
    ),
    statement(
        "BEGIN STATEMENT SET",
        "BEGIN STATEMENT SET; insert; ... END;",
        "The same, statement by statement, in the shell and in scripts.",
    ),
    statement(
        "CREATE TABLE",
        "CREATE [TEMPORARY] TABLE [IF NOT EXISTS] name (\n  \
         column type [NOT NULL] [PRIMARY KEY NOT ENFORCED] [COMMENT '...'],\n  \
         column type METADATA [FROM 'key'] [VIRTUAL],\n  \
         column AS expression,\n  \
         WATERMARK FOR column AS expression,\n  \
         PRIMARY KEY (columns) NOT ENFORCED\n\
         ) [COMMENT '...'] [PARTITIONED BY (columns)] WITH ('key' = 'value', ...)\n\
         [LIKE table [({ INCLUDING | EXCLUDING | OVERWRITING } { ALL | CONSTRAINTS | GENERATED | METADATA | OPTIONS | PARTITIONS | WATERMARKS } ...)]]\n\
         [AS query]",
        "Declares a table of a connector. Options are checked when the table is first used.",
    ),
    statement(
        "ALTER TABLE",
        "ALTER TABLE [IF EXISTS] name { ADD | MODIFY | DROP | RENAME | SET | RESET } ...",
        "Changes columns, keys, the watermark, options or the name.",
    ),
    statement(
        "DROP TABLE",
        "DROP [TEMPORARY] TABLE [IF EXISTS] name",
        "Forgets a table; its data stays.",
    ),
    statement(
        "CREATE VIEW",
        "CREATE [TEMPORARY] VIEW [IF NOT EXISTS] name [(columns)] [COMMENT '...'] AS query",
        "Names a query.",
    ),
    statement(
        "ALTER VIEW",
        "ALTER VIEW name { RENAME TO name | AS query }",
        "Changes a view.",
    ),
    statement(
        "DROP VIEW",
        "DROP [TEMPORARY] VIEW [IF EXISTS] name",
        "Forgets a view.",
    ),
    statement(
        "CREATE CATALOG",
        "CREATE CATALOG [IF NOT EXISTS] name WITH ('type' = '...')",
        "Adds a catalog.",
    ),
    statement(
        "DROP CATALOG",
        "DROP CATALOG [IF EXISTS] name",
        "Forgets a catalog.",
    ),
    statement(
        "CREATE DATABASE",
        "CREATE DATABASE [IF NOT EXISTS] [catalog.]name [COMMENT '...'] [WITH (...)]",
        "Adds a database.",
    ),
    statement(
        "ALTER DATABASE",
        "ALTER DATABASE name SET ('key' = 'value', ...)",
        "Sets a database's properties.",
    ),
    statement(
        "DROP DATABASE",
        "DROP DATABASE [IF EXISTS] name [RESTRICT | CASCADE]",
        "Drops a database.",
    ),
    statement(
        "USE",
        "USE [catalog.]database; USE CATALOG name",
        "Makes a database or catalog the current one.",
    ),
    statement(
        "SHOW",
        "SHOW { CATALOGS | DATABASES | TABLES | VIEWS | FUNCTIONS | COLUMNS FROM table | JOBS | CURRENT CATALOG |\n\
         CURRENT DATABASE | CREATE TABLE name | CREATE VIEW name } [{ FROM | IN } ...] [[NOT] { LIKE | ILIKE } 'pattern']",
        "Lists what exists.",
    ),
    statement(
        "DESCRIBE",
        "{ DESCRIBE | DESC } table; DESCRIBE CATALOG name; DESCRIBE FUNCTION [EXTENDED] name; DESCRIBE JOB 'id'",
        "Shows columns, properties, signatures or a job's state.",
    ),
    statement(
        "EXPLAIN",
        "EXPLAIN [CHANGELOG_MODE, JSON_EXECUTION_PLAN, ...] statement",
        "Shows the logical plan, the optimized plan, and the job's vertices with their chains.",
    ),
    statement(
        "COMPILE PLAN",
        "COMPILE [AND EXECUTE] PLAN 'path' [IF NOT EXISTS] FOR { insert | STATEMENT SET BEGIN insert; ... END }",
        "Writes the plan of a streaming job to a file, with table.plan.force-recompile over the one that is there.",
    ),
    statement(
        "EXECUTE PLAN",
        "EXECUTE PLAN 'path'",
        "Runs a plan that COMPILE PLAN wrote, in this or another process; the tables need not exist in its catalog.",
    ),
    statement(
        "SET",
        "SET; SET 'key' = 'value'",
        "Shows or sets the session's options.",
    ),
    statement(
        "RESET",
        "RESET; RESET 'key'",
        "Puts options back to their defaults.",
    ),
    statement("STOP JOB", "STOP JOB 'id'", "Ends a job in order."),
];
