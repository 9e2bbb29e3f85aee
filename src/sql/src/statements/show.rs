use crate::ast::{Describe, LikeFilter, ObjectName, Show, Statement};
use crate::cursor::Cursor;
use crate::error::{ParseError, Result};
use sqlparser::tokenizer::Token;

use super::catalog::database_name;
use super::insert::partition_spec;

/// A SHOW statement.
pub(super) fn parse(cursor: &mut Cursor<'_, '_>) -> Result<Statement> {
    if let Some(statement) = super::unsupported(cursor) {
        return Ok(statement);
    }
    cursor.expect_word("SHOW")?;
    show(cursor).map(Statement::Show)
}

fn show(cursor: &mut Cursor<'_, '_>) -> Result<Show> {
    if cursor.words(&["USER", "FUNCTIONS"]) {
        return functions(cursor, true);
    }
    if cursor.words(&["FULL", "MODULES"]) {
        return Ok(Show::Modules { full: true });
    }
    let what = cursor.expect_one_of(&[
        "TABLES",
        "VIEWS",
        "COLUMNS",
        "CREATE",
        "CATALOGS",
        "DATABASES",
        "FUNCTIONS",
        "JOBS",
        "CURRENT",
        "PARTITIONS",
        "MODULES",
        "JARS",
        "MODELS",
        "MATERIALIZED",
    ])?;
    Ok(match what {
        "TABLES" => Show::Tables {
            from: from(cursor)?,
            like: like(cursor, false)?,
        },
        "VIEWS" => Show::Views {
            from: from(cursor)?,
            like: like(cursor, false)?,
        },
        "COLUMNS" => {
            cursor.expect_one_of(&["FROM", "IN"])?;
            Show::Columns {
                table: cursor.object_path()?,
                like: like(cursor, false)?,
            }
        }
        "MODELS" => Show::Models {
            from: from(cursor)?,
            like: like(cursor, false)?,
        },
        "MATERIALIZED" => materialized(cursor)?,
        "CREATE" => create(cursor)?,
        "CATALOGS" => Show::Catalogs {
            like: like(cursor, true)?,
        },
        "DATABASES" => Show::Databases {
            from: from(cursor)?,
            like: like(cursor, true)?,
        },
        "FUNCTIONS" => functions(cursor, false)?,
        "JOBS" => Show::Jobs,
        "CURRENT" => match cursor.expect_one_of(&["CATALOG", "DATABASE"])? {
            "CATALOG" => Show::CurrentCatalog,
            _ => Show::CurrentDatabase,
        },
        "PARTITIONS" => {
            let table = cursor.object_path()?;
            let spec = if cursor.word("PARTITION") {
                Some(partition_spec(cursor)?)
            } else {
                None
            };
            Show::Partitions { table, spec }
        }
        "MODULES" => Show::Modules { full: false },
        _ => Show::Jars,
    })
}

fn create(cursor: &mut Cursor<'_, '_>) -> Result<Show> {
    let kind = cursor.expect_one_of(&["TABLE", "VIEW", "CATALOG", "MODEL"])?;
    let name = cursor.object_path()?;
    Ok(match kind {
        "TABLE" => Show::CreateTable(name),
        "VIEW" => Show::CreateView(name),
        "MODEL" => Show::CreateModel(name),
        _ => Show::CreateCatalog(name),
    })
}

fn materialized(cursor: &mut Cursor<'_, '_>) -> Result<Show> {
    cursor.expect_word("TABLES")?;
    Ok(Show::MaterializedTables {
        from: from(cursor)?,
        like: like(cursor, false)?,
    })
}

fn functions(cursor: &mut Cursor<'_, '_>, user: bool) -> Result<Show> {
    Ok(Show::Functions {
        user,
        from: from(cursor)?,
        like: like(cursor, true)?,
    })
}

/// `FROM` or `IN` a database.
fn from(cursor: &mut Cursor<'_, '_>) -> Result<Option<ObjectName>> {
    match cursor.one_of(&["FROM", "IN"]) {
        Some(_) => database_name(cursor).map(Some),
        None => Ok(None),
    }
}

fn like(cursor: &mut Cursor<'_, '_>, with_ilike: bool) -> Result<Option<LikeFilter>> {
    let negated = cursor.word("NOT");
    let at = cursor.peek_span();
    let case_insensitive = match cursor.one_of(&["LIKE", "ILIKE"]) {
        None if negated => return Err(cursor.unexpected("LIKE")),
        None => return Ok(None),
        Some("ILIKE") if !with_ilike => {
            return Err(ParseError::new(
                "This SHOW statement takes LIKE only, not ILIKE.",
                at,
            ));
        }
        Some(word) => word == "ILIKE",
    };
    let pattern = cursor.string("a pattern in single quotes")?;
    Ok(Some(LikeFilter {
        negated,
        case_insensitive,
        pattern,
    }))
}

/// A DESCRIBE statement.
pub(super) fn describe(cursor: &mut Cursor<'_, '_>) -> Result<Statement> {
    if let Some(statement) = super::unsupported(cursor) {
        return Ok(statement);
    }
    cursor.expect_one_of(&["DESCRIBE", "DESC"])?;
    // CATALOG, FUNCTION and JOB are names too: `DESCRIBE catalog` is a table's.
    let named = !matches!(
        cursor.parser.peek_nth_token_ref(1).token,
        Token::EOF | Token::Period
    );
    if named && cursor.word("CATALOG") {
        let extended = cursor.word("EXTENDED");
        return Ok(Statement::Describe(Describe::Catalog {
            name: cursor.ident()?,
            extended,
        }));
    }
    if named && cursor.word("FUNCTION") {
        let extended = cursor.word("EXTENDED");
        return Ok(Statement::Describe(Describe::Function {
            name: cursor.object_path()?,
            extended,
        }));
    }
    if named && cursor.word("MODEL") {
        let extended = cursor.word("EXTENDED");
        return Ok(Statement::Describe(Describe::Model {
            name: cursor.object_path()?,
            extended,
        }));
    }
    if named && cursor.word("JOB") {
        let id = cursor.string("the job's id in single quotes")?;
        return Ok(Statement::Describe(Describe::Job { id }));
    }
    let extended = cursor.word("EXTENDED");
    Ok(Statement::Describe(Describe::Table {
        name: cursor.object_path()?,
        extended,
    }))
}
