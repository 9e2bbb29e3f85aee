use sqlparser::tokenizer::Token;

use crate::ast::{
    ColumnDef, ColumnDefKind, CreateMode, CreateTable, Distribution, DistributionKind, Enforcement,
    Ident, KeyDef, KeyKind, LikeClause, LikeFeature, LikeOption, MergeStrategy, Statement,
    WatermarkDef,
};
use crate::cursor::Cursor;
use crate::data_type::logical_type;
use crate::error::{ParseError, Result};

/// `CREATE [OR REPLACE] [TEMPORARY] TABLE ..` or `REPLACE TABLE ..`.
pub(super) fn parse(cursor: &mut Cursor<'_, '_>) -> Result<Statement> {
    let mode = mode(cursor)?;
    let temporary = cursor.word("TEMPORARY");
    cursor.expect_word("TABLE")?;
    let if_not_exists = cursor.if_not_exists()?;
    let mut table = CreateTable {
        name: cursor.object_path()?,
        temporary,
        if_not_exists,
        mode,
        columns: Vec::new(),
        column_order: Vec::new(),
        watermarks: Vec::new(),
        constraints: Vec::new(),
        comment: None,
        distribution: None,
        partitioned_by: Vec::new(),
        options: Vec::new(),
        like: None,
        query: None,
    };
    if *cursor.peek() == Token::LParen {
        elements(cursor, &mut table)?;
    }
    table.comment = cursor.comment()?;
    if cursor.word("DISTRIBUTED") {
        table.distribution = Some(distribution(cursor)?);
    }
    if cursor.words(&["PARTITIONED", "BY"]) {
        table.partitioned_by = cursor.ident_list()?;
    }
    table.options = cursor.with_options()?;
    if cursor.word("LIKE") {
        table.like = Some(like(cursor)?);
    } else if cursor.word("AS") {
        table.query = Some(cursor.query()?);
    }
    if !cursor.at_end() {
        return Err(cursor.unexpected("COMMENT, DISTRIBUTED, PARTITIONED BY, WITH, LIKE, AS (in this order) or the end of the statement"));
    }
    check(&table)?;
    Ok(Statement::CreateTable(Box::new(table)))
}

fn mode(cursor: &mut Cursor<'_, '_>) -> Result<CreateMode> {
    if cursor.word("REPLACE") {
        return Ok(CreateMode::Replace);
    }
    cursor.expect_word("CREATE")?;
    Ok(if cursor.words(&["OR", "REPLACE"]) {
        CreateMode::CreateOrReplace
    } else {
        CreateMode::Create
    })
}

fn check(table: &CreateTable) -> Result<()> {
    if table.mode == CreateMode::Replace && table.query.is_none() {
        return Err(ParseError::new(
            "REPLACE TABLE needs AS and a query.",
            table.name.span,
        ));
    }
    if table.mode != CreateMode::Create && table.if_not_exists {
        return Err(ParseError::new(
            "CREATE OR REPLACE TABLE does not take IF NOT EXISTS: a table that exists is replaced.",
            table.name.span,
        ));
    }
    if table.temporary && table.query.is_some() {
        return Err(ParseError::new(
            "CREATE TABLE AS can't create a temporary table.",
            table.name.span,
        ));
    }
    if let (Some(first), None) = (table.column_order.first(), &table.query) {
        return Err(ParseError::new(
            format!("The column '{}' has no type.", first.value),
            first.span,
        )
        .with_hint("Only CREATE TABLE .. AS takes names alone."));
    }
    if let (Some(first), false) = (table.column_order.first(), table.columns.is_empty()) {
        return Err(ParseError::new(
            format!("The column '{}' has no type, others have one.", first.value),
            first.span,
        )
        .with_hint("Before AS, either all columns have a type or none has."));
    }
    if let [_, second, ..] = table.watermarks.as_slice() {
        return Err(ParseError::new(
            "Multiple WATERMARK declarations are not supported yet.",
            second.span,
        ));
    }
    Ok(())
}

fn elements(cursor: &mut Cursor<'_, '_>, table: &mut CreateTable) -> Result<()> {
    cursor.expect(&Token::LParen)?;
    if *cursor.peek() == Token::RParen {
        return Err(cursor.unexpected("a column"));
    }
    loop {
        let what = element(cursor, table)?;
        if cursor.token(&Token::RParen) {
            return Ok(());
        }
        if !cursor.token(&Token::Comma) {
            return Err(cursor.unexpected(&format!("',' or ')' after {what}")));
        }
    }
}

/// Adds one element and says what it was.
fn element(cursor: &mut Cursor<'_, '_>, table: &mut CreateTable) -> Result<String> {
    if cursor.peek_word("WATERMARK") {
        table.watermarks.push(watermark(cursor)?);
        return Ok("the watermark".to_string());
    }
    if begins_key(cursor) {
        table.constraints.push(table_key(cursor)?);
        return Ok("the constraint".to_string());
    }
    let name = cursor.ident()?;
    let what = format!("the column '{}'", name.value);
    if matches!(cursor.peek(), Token::Comma | Token::RParen) {
        table.column_order.push(name);
    } else {
        table.columns.push(column(cursor, name)?);
    }
    Ok(what)
}

pub(super) fn begins_key(cursor: &Cursor<'_, '_>) -> bool {
    ["CONSTRAINT", "PRIMARY", "UNIQUE"]
        .iter()
        .any(|w| cursor.peek_word(w))
}

/// What follows a column's name.
pub(super) fn column(cursor: &mut Cursor<'_, '_>, name: Ident) -> Result<ColumnDef> {
    let start = cursor.index() - 1;
    let kind = if cursor.word("AS") {
        ColumnDefKind::Computed(cursor.scalar()?)
    } else {
        typed_column(cursor, &name)?
    };
    let comment = cursor.comment()?;
    Ok(ColumnDef {
        name,
        kind,
        comment,
        span: cursor.span_since(start),
    })
}

fn typed_column(cursor: &mut Cursor<'_, '_>, name: &Ident) -> Result<ColumnDefKind> {
    let ty = logical_type(cursor)?;
    if cursor.word("METADATA") {
        let key = if cursor.word("FROM") {
            Some(cursor.string("the metadata key in single quotes")?)
        } else {
            None
        };
        let is_virtual = cursor.word("VIRTUAL");
        return Ok(ColumnDefKind::Metadata {
            ty,
            key,
            is_virtual,
        });
    }
    let key = if begins_key(cursor) {
        Some(column_key(cursor, name)?)
    } else {
        None
    };
    Ok(ColumnDefKind::Physical { ty, key })
}

fn column_key(cursor: &mut Cursor<'_, '_>, column: &Ident) -> Result<KeyDef> {
    let start = cursor.index();
    let (name, kind) = key_head(cursor)?;
    let enforcement = enforcement(cursor)?;
    Ok(KeyDef {
        name,
        kind,
        columns: vec![column.clone()],
        enforcement,
        span: cursor.span_since(start),
    })
}

/// `[CONSTRAINT n] PRIMARY KEY (a, b) NOT ENFORCED`.
pub(super) fn table_key(cursor: &mut Cursor<'_, '_>) -> Result<KeyDef> {
    let start = cursor.index();
    let (name, kind) = key_head(cursor)?;
    let columns = cursor.ident_list()?;
    let enforcement = enforcement(cursor)?;
    Ok(KeyDef {
        name,
        kind,
        columns,
        enforcement,
        span: cursor.span_since(start),
    })
}

fn key_head(cursor: &mut Cursor<'_, '_>) -> Result<(Option<Ident>, KeyKind)> {
    let name = if cursor.word("CONSTRAINT") {
        Some(cursor.ident()?)
    } else {
        None
    };
    let kind = match cursor.expect_one_of(&["PRIMARY", "UNIQUE"])? {
        "PRIMARY" => {
            cursor.expect_word("KEY")?;
            KeyKind::Primary
        }
        _ => KeyKind::Unique,
    };
    Ok((name, kind))
}

fn enforcement(cursor: &mut Cursor<'_, '_>) -> Result<Enforcement> {
    if cursor.word("ENFORCED") {
        return Ok(Enforcement::Enforced);
    }
    if cursor.word("NOT") {
        cursor.expect_word("ENFORCED")?;
        return Ok(Enforcement::NotEnforced);
    }
    Ok(Enforcement::Unspecified)
}

/// `WATERMARK FOR column AS expression`.
pub(super) fn watermark(cursor: &mut Cursor<'_, '_>) -> Result<WatermarkDef> {
    let start = cursor.index();
    cursor.expect_words(&["WATERMARK", "FOR"])?;
    let column = cursor.object_name()?;
    cursor.expect_word("AS")?;
    let expr = cursor.scalar()?;
    Ok(WatermarkDef {
        column,
        expr,
        span: cursor.span_since(start),
    })
}

/// What follows DISTRIBUTED.
pub(super) fn distribution(cursor: &mut Cursor<'_, '_>) -> Result<Distribution> {
    let start = cursor.index();
    let mut kind = DistributionKind::Unknown;
    let mut columns = Vec::new();
    let by = cursor.word("BY");
    if by {
        if cursor.word("HASH") {
            kind = DistributionKind::Hash;
        } else if cursor.word("RANGE") {
            kind = DistributionKind::Range;
        }
        columns = cursor.ident_list()?;
    }
    let buckets = if !by || cursor.peek_word("INTO") {
        cursor.expect_word("INTO")?;
        let buckets = cursor.uint("the number of buckets")?;
        cursor.expect_word("BUCKETS")?;
        Some(buckets)
    } else {
        None
    };
    Ok(Distribution {
        kind,
        columns,
        buckets,
        span: cursor.span_since(start),
    })
}

fn like(cursor: &mut Cursor<'_, '_>) -> Result<LikeClause> {
    let source = cursor.object_path()?;
    let mut options = Vec::new();
    if cursor.token(&Token::LParen) {
        while !cursor.token(&Token::RParen) {
            options.push(like_option(cursor)?);
        }
    }
    Ok(LikeClause { source, options })
}

fn like_option(cursor: &mut Cursor<'_, '_>) -> Result<LikeOption> {
    let start = cursor.index();
    let strategy = match cursor.expect_one_of(&["INCLUDING", "EXCLUDING", "OVERWRITING"])? {
        "INCLUDING" => MergeStrategy::Including,
        "EXCLUDING" => MergeStrategy::Excluding,
        _ => MergeStrategy::Overwriting,
    };
    let feature = match cursor.expect_one_of(&[
        "ALL",
        "CONSTRAINTS",
        "DISTRIBUTION",
        "GENERATED",
        "METADATA",
        "OPTIONS",
        "PARTITIONS",
        "WATERMARKS",
    ])? {
        "ALL" => LikeFeature::All,
        "CONSTRAINTS" => LikeFeature::Constraints,
        "DISTRIBUTION" => LikeFeature::Distribution,
        "GENERATED" => LikeFeature::Generated,
        "METADATA" => LikeFeature::Metadata,
        "OPTIONS" => LikeFeature::Options,
        "PARTITIONS" => LikeFeature::Partitions,
        _ => LikeFeature::Watermarks,
    };
    Ok(LikeOption {
        strategy,
        feature,
        span: cursor.span_since(start),
    })
}
