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
        "REPLACE TABLE AS",
        "{ CREATE OR REPLACE | REPLACE } TABLE name [(...)] [COMMENT '...'] [PARTITIONED BY (columns)] WITH (...) AS query",
        "Declares a table in the place of one that exists, and fills it. REPLACE asks that there is one; what the old one has \
         written stays.",
    ),
    statement(
        "ALTER TABLE",
        "ALTER TABLE [IF EXISTS] name { ADD | MODIFY | DROP | RENAME | SET | RESET } ...\n\
         ALTER TABLE name ADD [IF NOT EXISTS] PARTITION (k = 'v', ...) [WITH (...)] ...\n\
         ALTER TABLE name DROP [IF EXISTS] PARTITION (k = 'v', ...), ...",
        "Changes columns, keys, the watermark, options, the name, or the partitions that the catalog knows of.",
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
        "CREATE FUNCTION",
        "CREATE [TEMPORARY [SYSTEM]] FUNCTION [IF NOT EXISTS] name AS 'registered name'\n\
         ALTER [TEMPORARY [SYSTEM]] FUNCTION [IF EXISTS] name AS 'registered name'\n\
         DROP [TEMPORARY [SYSTEM]] FUNCTION [IF EXISTS] name",
        "Gives a function that the embedding program has registered a name in a database or in the session.",
    ),
    statement(
        "CREATE MODEL",
        "CREATE [TEMPORARY] MODEL [IF NOT EXISTS] name INPUT (column type, ...) OUTPUT (column type, ...)\n\
         [COMMENT '...'] WITH ('provider' = '...', ...)\n\
         ALTER MODEL [IF EXISTS] name { RENAME TO name | SET (...) | RESET (...) }\n\
         DROP [TEMPORARY] MODEL [IF EXISTS] name",
        "Keeps a model's declaration in the catalog. Nothing calls models yet.",
    ),
    statement(
        "LOAD MODULE",
        "LOAD MODULE name; UNLOAD MODULE name; USE MODULES name, ...",
        "There is one module, core, whose functions can always be called.",
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
         CURRENT DATABASE | MODELS | MODULES | CREATE { TABLE | VIEW | CATALOG | MODEL } name }\n\
         [{ FROM | IN } ...] [[NOT] { LIKE | ILIKE } 'pattern']\n\
         SHOW PARTITIONS table [PARTITION (k = 'v', ...)]",
        "Lists what exists.",
    ),
    statement(
        "DESCRIBE",
        "{ DESCRIBE | DESC } table; DESCRIBE CATALOG name; DESCRIBE FUNCTION [EXTENDED] name; DESCRIBE MODEL name;\n\
         DESCRIBE JOB 'id'",
        "Shows columns, properties, signatures or a job's state.",
    ),
    statement(
        "EXPLAIN",
        "EXPLAIN [{ CHANGELOG_MODE | JSON_EXECUTION_PLAN | PLAN_ADVICE | ESTIMATED_COST }, ...] statement",
        "Shows the logical plan, the optimized plan, and the job's vertices with their chains. ESTIMATED_COST is for batch mode.",
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
    statement(
        "STOP JOB",
        "STOP JOB 'id' [WITH DRAIN]",
        "Cancels a job in order; with DRAIN ends its input instead, so that it finishes and its sinks commit.",
    ),
];
