use sqlparser::tokenizer::Token;

use super::create_table::{begins_key, column, distribution, table_key, watermark};
use super::insert::partition_spec;
use crate::ast::{
    AlterTable, AlterTableAction, ColumnPosition, PartitionWithOptions, PositionedColumn,
    SchemaChange, Statement,
};
use crate::cursor::Cursor;
use crate::error::Result;

/// What follows `ALTER TABLE`.
pub(super) fn parse(cursor: &mut Cursor<'_, '_>) -> Result<Statement> {
    let if_exists = cursor.if_exists()?;
    let name = cursor.object_path()?;
    let action = match cursor.expect_one_of(&["ADD", "MODIFY", "DROP", "RENAME", "SET", "RESET"])? {
        "ADD" if cursor.peek_word("PARTITION") || cursor.peek_word("IF") => add_partitions(cursor)?,
        "ADD" => AlterTableAction::Add(change(cursor)?),
        "MODIFY" => AlterTableAction::Modify(change(cursor)?),
        "DROP" => drop(cursor)?,
        "RENAME" => rename(cursor)?,
        "SET" => AlterTableAction::SetOptions(cursor.options()?),
        _ => AlterTableAction::ResetOptions(cursor.option_keys()?),
    };
    Ok(Statement::AlterTable(AlterTable {
        name,
        if_exists,
        action,
    }))
}

fn add_partitions(cursor: &mut Cursor<'_, '_>) -> Result<AlterTableAction> {
    let if_not_exists = cursor.if_not_exists()?;
    let mut partitions = Vec::new();
    cursor.expect_word("PARTITION")?;
    loop {
        let spec = partition_spec(cursor)?;
        let options = cursor.with_options()?;
        partitions.push(PartitionWithOptions { spec, options });
        if !cursor.word("PARTITION") {
            return Ok(AlterTableAction::AddPartitions {
                if_not_exists,
                partitions,
            });
        }
    }
}

fn change(cursor: &mut Cursor<'_, '_>) -> Result<SchemaChange> {
    let mut change = SchemaChange::default();
    if cursor.word("DISTRIBUTION") {
        change.distribution = Some(distribution(cursor)?);
        return Ok(change);
    }
    if !cursor.token(&Token::LParen) {
        change_element(cursor, &mut change)?;
        return Ok(change);
    }
    loop {
        change_element(cursor, &mut change)?;
        if cursor.token(&Token::RParen) {
            return Ok(change);
        }
        if !cursor.token(&Token::Comma) {
            return Err(cursor.unexpected("',' or ')'"));
        }
    }
}

fn change_element(cursor: &mut Cursor<'_, '_>, change: &mut SchemaChange) -> Result<()> {
    if cursor.peek_word("WATERMARK") {
        change.watermarks.push(watermark(cursor)?);
    } else if begins_key(cursor) {
        change.constraints.push(table_key(cursor)?);
    } else {
        let name = cursor.ident()?;
        let column = column(cursor, name)?;
        let position = if cursor.word("FIRST") {
            Some(ColumnPosition::First)
        } else if cursor.word("AFTER") {
            Some(ColumnPosition::After(cursor.ident()?))
        } else {
            None
        };
        change.columns.push(PositionedColumn { column, position });
    }
    Ok(())
}

fn drop(cursor: &mut Cursor<'_, '_>) -> Result<AlterTableAction> {
    if cursor.words(&["PRIMARY", "KEY"]) {
        return Ok(AlterTableAction::DropPrimaryKey);
    }
    if cursor.word("CONSTRAINT") {
        return cursor.ident().map(AlterTableAction::DropConstraint);
    }
    if cursor.word("WATERMARK") {
        return Ok(AlterTableAction::DropWatermark);
    }
    if cursor.word("DISTRIBUTION") {
        return Ok(AlterTableAction::DropDistribution);
    }
    if cursor.peek_word("PARTITION") || cursor.peek_word("IF") {
        let if_exists = cursor.if_exists()?;
        let partitions = cursor.comma_separated(|c| {
            c.expect_word("PARTITION")?;
            partition_spec(c)
        })?;
        return Ok(AlterTableAction::DropPartitions {
            if_exists,
            partitions,
        });
    }
    if *cursor.peek() == Token::LParen {
        return cursor
            .parenthesized(Cursor::object_name)
            .map(AlterTableAction::DropColumns);
    }
    Ok(AlterTableAction::DropColumns(vec![cursor.object_name()?]))
}

fn rename(cursor: &mut Cursor<'_, '_>) -> Result<AlterTableAction> {
    if cursor.word("TO") {
        return cursor.object_path().map(AlterTableAction::RenameTable);
    }
    let from = cursor.object_name()?;
    cursor.expect_word("TO")?;
    let to = cursor.ident()?;
    Ok(AlterTableAction::RenameColumn { from, to })
}
