//! `java.time.format.DateTimeFormatter` of a pattern, in English, with the SMART resolver.

mod build;
mod read;
mod write;

use build::Builder;
pub use read::parse_or_literal;
use read::{parse_nodes, resolve};
use write::{Broken, format_nodes};

use super::date_pattern::{Token, tokens};

/// A compiled pattern.
#[derive(Debug, Clone)]
pub struct DateTimeFormatter {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    YearOfEra,
    Year,
    WeekBasedYear,
    Quarter,
    Month,
    Week,
    WeekOfMonth,
    DayOfYear,
    Day,
    IsoWeekday,
    /// 1 for Sunday.
    LocalWeekday,
    AlignedWeek,
    HalfDay,
    Hour,
    ClockHour,
    HalfDayHour,
    ClockHalfDayHour,
    Minute,
    Second,
    Nano,
    MilliOfDay,
    NanoOfDay,
    Offset,
}

const FIELDS: usize = Field::Offset as usize + 1;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Sign {
    Normal,
    NotNegative,
    ExceedsPad,
}

#[derive(Debug, Clone)]
enum Node {
    Number {
        field: Field,
        min: usize,
        max: usize,
        sign: Sign,
        /// Digits that directly following numbers of fixed width need.
        subsequent: usize,
    },
    /// Two digits of the years 2000 to 2099.
    Reduced(Field, usize),
    Text(Field, usize),
    Fraction {
        min: usize,
        max: usize,
        point: bool,
    },
    Literal(String),
    /// An offset: `Z` for zero, colons, and whether minutes follow the hours.
    Offset {
        zulu: bool,
        colon: bool,
        minutes: bool,
    },
    ZoneId,
    DayPeriod,
    Pad(usize, Box<Node>),
    Optional(Vec<Node>),
}

/// A date and time of day; nanoseconds within the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateTime {
    pub days: i64,
    pub second_of_day: i64,
    pub nano: i64,
}

impl DateTimeFormatter {
    /// `DateTimeFormatter.ofPattern`.
    pub fn new(pattern: &str) -> Result<DateTimeFormatter, String> {
        let tokens = tokens(pattern)
            .ok_or_else(|| format!("Pattern ends with an incomplete string literal: {pattern}"))?;
        let mut builder = Builder::default();
        let mut padding = None;
        for token in tokens {
            match token {
                Token::Field('p', count) => {
                    padding = Some(count);
                    continue;
                }
                Token::Field(letter, count) => builder.field(letter, count, padding.take())?,
                Token::Quoted(text) => builder.push(Node::Literal(text)),
                Token::Bare('[') => builder.open.push(Vec::new()),
                Token::Bare(']') => builder.close()?,
                Token::Bare(c @ ('{' | '}' | '#')) => {
                    return Err(format!("Pattern includes reserved character: '{c}'"));
                }
                Token::Bare(c) => builder.push(Node::Literal(c.to_string())),
            }
            if padding.is_some() {
                return Err(format!(
                    "Pad letter 'p' must be followed by valid pad pattern: {pattern}"
                ));
            }
        }
        while builder.open.len() > 1 {
            builder.close()?;
        }
        Ok(DateTimeFormatter {
            nodes: builder.open.pop().unwrap_or_default(),
        })
    }

    /// What TO_TIMESTAMP reads without a pattern: `yyyy-[M]M-[d]d[ [H]H:[m]m:[s]s[.fraction]]`.
    pub fn timestamp() -> Result<DateTimeFormatter, String> {
        let mut date = DateTimeFormatter::new("yyyy-[MM][M]-[dd][d]")?;
        let mut time = DateTimeFormatter::new(" [HH][H]:[mm][m]:[ss][s]")?;
        time.nodes.push(Node::Fraction {
            min: 0,
            max: 9,
            point: true,
        });
        date.nodes.push(Node::Optional(time.nodes));
        Ok(date)
    }

    /// Appends the text of a date and time, or says what of the pattern they lack.
    pub fn format(&self, value: DateTime, out: &mut String) -> Result<(), String> {
        let broken = Broken::of(value);
        format_nodes(&self.nodes, &broken, out)
    }

    /// Reads a whole text. The error is the place at which it stops to fit.
    pub fn parse(&self, text: &str) -> Result<DateTime, usize> {
        let mut fields = [None; FIELDS];
        let end = parse_nodes(&self.nodes, text, 0, &mut fields)?;
        if end < text.len() {
            return Err(end);
        }
        resolve(fields).ok_or(0)
    }
}

#[cfg(test)]
mod tests;
