//! `java.time.format.DateTimeFormatter` of a pattern, in English, with the SMART resolver.

use std::fmt::Write;

use super::date_pattern::{MONTHS, Token, WEEKDAYS, short, tokens, us_week};
use super::sql_date::{date_of, days_in_month, days_of, is_leap_year, iso_weekday};

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

struct Builder {
    /// The nodes of the pattern and of its open optional parts.
    open: Vec<Vec<Node>>,
    /// The number in the innermost part whose width following numbers settle.
    active: Option<usize>,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder {
            open: vec![Vec::new()],
            active: None,
        }
    }
}

impl Builder {
    fn push(&mut self, node: Node) {
        self.active = None;
        if let Some(nodes) = self.open.last_mut() {
            nodes.push(node);
        }
    }

    fn close(&mut self) -> Result<(), String> {
        if self.open.len() < 2 {
            return Err("Pattern invalid as it contains ] without previous [".to_string());
        }
        let nodes = self.open.pop().unwrap_or_default();
        self.push(Node::Optional(nodes));
        Ok(())
    }

    /// A number: of fixed width if `sign` forbids one and the widths are equal.
    fn number(&mut self, field: Field, min: usize, max: usize, sign: Sign) {
        let fixed = min == max && sign == Sign::NotNegative;
        self.adjacent(
            Node::Number {
                field,
                min,
                max,
                sign,
                subsequent: 0,
            },
            fixed.then_some(max),
        );
    }

    fn adjacent(&mut self, node: Node, fixed: Option<usize>) {
        let active = self.active;
        let Some(nodes) = self.open.last_mut() else {
            return;
        };
        nodes.push(node);
        let index = nodes.len() - 1;
        match (active, fixed) {
            (Some(active), Some(width)) => {
                if let Some(Node::Number { subsequent, .. }) = nodes.get_mut(active) {
                    *subsequent += width;
                }
            }
            _ => self.active = Some(index),
        }
    }

    fn one_or_two(&mut self, field: Field, letter: char, count: usize) -> Result<(), String> {
        match count {
            1 => self.number(field, 1, 19, Sign::Normal),
            2 => self.number(field, 2, 2, Sign::NotNegative),
            _ => return Err(format!("Too many pattern letters: {letter}")),
        }
        Ok(())
    }

    fn year(&mut self, field: Field, count: usize) {
        match count {
            2 => self.adjacent(Node::Reduced(field, 2), Some(2)),
            1 | 3 => self.number(field, count, 19, Sign::Normal),
            _ => self.number(field, count, 19, Sign::ExceedsPad),
        }
    }

    fn text_or_number(&mut self, field: Field, letter: char, count: usize) -> Result<(), String> {
        match count {
            3..=5 => {
                self.push(Node::Text(field, count));
                Ok(())
            }
            _ => self.one_or_two(field, letter, count),
        }
    }

    fn field(&mut self, letter: char, count: usize, padding: Option<usize>) -> Result<(), String> {
        let too_many = || Err(format!("Too many pattern letters: {letter}"));
        match letter {
            'y' => self.year(Field::YearOfEra, count),
            'u' => self.year(Field::Year, count),
            'Y' => self.year(Field::WeekBasedYear, count),
            'G' if count <= 5 => {
                let text = ["AD", "AD", "AD", "Anno Domini", "A"][count - 1];
                self.push(Node::Literal(text.to_string()));
            }
            'Q' | 'q' => self.text_or_number(Field::Quarter, letter, count)?,
            'M' | 'L' => self.text_or_number(Field::Month, letter, count)?,
            'E' if count <= 5 => self.push(Node::Text(Field::IsoWeekday, count.max(3))),
            'c' if count == 2 => return Err("Invalid pattern \"cc\"".to_string()),
            'e' | 'c' if (3..=5).contains(&count) => {
                self.push(Node::Text(Field::IsoWeekday, count));
            }
            'e' | 'c' => self.one_or_two(Field::LocalWeekday, letter, count)?,
            'w' => self.one_or_two(Field::Week, letter, count)?,
            'W' if count == 1 => self.number(Field::WeekOfMonth, 1, 1, Sign::NotNegative),
            'D' if count == 1 => self.number(Field::DayOfYear, 1, 19, Sign::Normal),
            'D' if count <= 3 => self.number(Field::DayOfYear, count, 3, Sign::NotNegative),
            'F' if count == 1 => self.number(Field::AlignedWeek, 1, 19, Sign::Normal),
            'a' if count == 1 => self.push(Node::Text(Field::HalfDay, 3)),
            'B' if count == 1 => self.push(Node::DayPeriod),
            'd' => self.one_or_two(Field::Day, letter, count)?,
            'H' => self.one_or_two(Field::Hour, letter, count)?,
            'k' => self.one_or_two(Field::ClockHour, letter, count)?,
            'K' => self.one_or_two(Field::HalfDayHour, letter, count)?,
            'h' => self.one_or_two(Field::ClockHalfDayHour, letter, count)?,
            'm' => self.one_or_two(Field::Minute, letter, count)?,
            's' => self.one_or_two(Field::Second, letter, count)?,
            'S' if count <= 9 => {
                let node = Node::Fraction {
                    min: count,
                    max: count,
                    point: false,
                };
                self.adjacent(node, Some(count));
            }
            'n' => self.number(Field::Nano, count, 19, Sign::NotNegative),
            'N' => self.number(Field::NanoOfDay, count, 19, Sign::NotNegative),
            'A' => self.number(Field::MilliOfDay, count, 19, Sign::NotNegative),
            'V' if count == 2 => self.push(Node::ZoneId),
            'V' => return Err(format!("Pattern letter count must be 2: {letter}")),
            'z' | 'v' if count <= 4 => self.push(Node::ZoneId),
            'X' | 'x' | 'Z' if count <= 5 => self.offset(letter, count),
            'D' | 'E' | 'F' | 'G' | 'S' | 'W' | 'X' | 'Z' | 'a' | 'B' | 'v' | 'x' | 'z' => {
                return too_many();
            }
            _ => return Err(format!("Unknown pattern letter: {letter}")),
        }
        if let Some(width) = padding
            && let Some(nodes) = self.open.last_mut()
            && let Some(node) = nodes.pop()
        {
            self.push(Node::Pad(width, Box::new(node)));
        }
        Ok(())
    }

    fn offset(&mut self, letter: char, count: usize) {
        self.push(Node::Offset {
            zulu: letter == 'X' || (letter == 'Z' && count == 5),
            colon: matches!((letter, count), ('Z', 5) | ('X' | 'x', 3 | 5)),
            minutes: letter == 'Z' || count > 1,
        });
    }
}

/// A date and time, taken apart.
struct Broken {
    value: DateTime,
    year: i64,
    month: i64,
    day: i64,
}

impl Broken {
    fn of(value: DateTime) -> Broken {
        let (year, month, day) = date_of(value.days);
        Broken {
            value,
            year,
            month,
            day,
        }
    }

    fn get(&self, field: Field) -> Option<i64> {
        let hour = self.value.second_of_day / 3600;
        let day_of_year = self.value.days - days_of(self.year, 1, 1) + 1;
        let weekday = iso_weekday(self.value.days);
        let week = || {
            let days_in_year = 365 + i64::from(is_leap_year(self.year));
            us_week(self.year, day_of_year, weekday, days_in_year)
        };
        Some(match field {
            Field::YearOfEra if self.year <= 0 => 1 - self.year,
            Field::YearOfEra | Field::Year => self.year,
            Field::WeekBasedYear => week().1,
            Field::Quarter => (self.month + 2) / 3,
            Field::Month => self.month,
            Field::Week => week().0,
            Field::WeekOfMonth => (self.day - 1 - weekday % 7 + 13) / 7,
            Field::DayOfYear => day_of_year,
            Field::Day => self.day,
            Field::IsoWeekday => weekday,
            Field::LocalWeekday => weekday % 7 + 1,
            Field::AlignedWeek => (self.day - 1) % 7 + 1,
            Field::HalfDay => hour / 12,
            Field::Hour => hour,
            Field::ClockHour => (hour + 23) % 24 + 1,
            Field::HalfDayHour => hour % 12,
            Field::ClockHalfDayHour => (hour + 11) % 12 + 1,
            Field::Minute => self.value.second_of_day / 60 % 60,
            Field::Second => self.value.second_of_day % 60,
            Field::Nano => self.value.nano,
            Field::MilliOfDay => self.value.second_of_day * 1000 + self.value.nano / 1_000_000,
            Field::NanoOfDay => self.value.second_of_day * 1_000_000_000 + self.value.nano,
            Field::Offset => return None,
        })
    }
}

fn format_nodes(nodes: &[Node], value: &Broken, out: &mut String) -> Result<(), String> {
    for node in nodes {
        match node {
            Node::Number {
                field,
                min,
                max,
                sign,
                ..
            } => format_number(value.get(*field), *min, *max, *sign, out)?,
            Node::Reduced(field, width) => {
                let year = value.get(*field).unwrap_or(0).abs() % 100;
                let _ = write!(out, "{year:0width$}");
            }
            Node::Text(field, count) => {
                let number = value.get(*field).unwrap_or(1);
                out.push_str(&text_of(*field, number, *count));
            }
            Node::Fraction { min, max, point } => {
                let digits = format!("{:09}", value.value.nano);
                let cut = &digits[..*max];
                let mut keep = cut.trim_end_matches('0').len();
                keep = keep.max(*min);
                if *point && keep > 0 {
                    out.push('.');
                }
                out.push_str(&cut[..keep]);
            }
            Node::Literal(text) => out.push_str(text),
            Node::Offset { .. } => return Err("Unsupported field: OffsetSeconds".to_string()),
            Node::ZoneId => return Err("Unable to extract ZoneId from temporal".to_string()),
            Node::DayPeriod => out.push_str(day_period(value.value.second_of_day)),
            Node::Pad(width, node) => {
                let mut text = String::new();
                format_nodes(std::slice::from_ref(node), value, &mut text)?;
                if text.len() > *width {
                    return Err(format!(
                        "Cannot print as output of {} characters exceeds pad width of {width}",
                        text.len()
                    ));
                }
                let _ = write!(out, "{text:>width$}");
            }
            Node::Optional(nodes) => {
                let mut text = String::new();
                if format_nodes(nodes, value, &mut text).is_ok() {
                    out.push_str(&text);
                }
            }
        }
    }
    Ok(())
}

fn format_number(
    value: Option<i64>,
    min: usize,
    max: usize,
    sign: Sign,
    out: &mut String,
) -> Result<(), String> {
    let value = value.ok_or("Unsupported field")?;
    let digits = value.unsigned_abs().to_string();
    if digits.len() > max {
        return Err(format!(
            "Value {value} exceeds the maximum print width of {max}"
        ));
    }
    if value < 0 {
        out.push('-');
    } else if sign == Sign::ExceedsPad && digits.len() > min {
        out.push('+');
    }
    let _ = write!(out, "{digits:0>min$}");
    Ok(())
}

fn text_of(field: Field, number: i64, count: usize) -> String {
    let name = match field {
        Field::HalfDay => return if number == 0 { "AM" } else { "PM" }.to_string(),
        Field::Quarter => {
            return match count {
                3 => format!("Q{number}"),
                4 => ["1st quarter", "2nd quarter", "3rd quarter", "4th quarter"]
                    [number as usize - 1]
                    .to_string(),
                _ => number.to_string(),
            };
        }
        Field::Month => MONTHS[number as usize - 1],
        _ => WEEKDAYS[number as usize - 1],
    };
    match count {
        3 => short(name),
        4 => name,
        _ => &name[..1],
    }
    .to_string()
}

fn day_period(second_of_day: i64) -> &'static str {
    match second_of_day {
        0..60 => "midnight",
        43_200..43_260 => "noon",
        21_600..43_200 => "in the morning",
        43_260..64_800 => "in the afternoon",
        64_800..75_600 => "in the evening",
        _ => "at night",
    }
}

type Fields = [Option<i64>; FIELDS];

/// Sets a field, which must not have another value already.
fn set(fields: &mut Fields, field: Field, value: i64) -> Option<()> {
    let slot = &mut fields[field as usize];
    match slot {
        Some(old) if *old != value => None,
        _ => {
            *slot = Some(value);
            Some(())
        }
    }
}

/// Reads a text from `at` on; where that ends, or where it fails.
fn parse_nodes(nodes: &[Node], text: &str, at: usize, fields: &mut Fields) -> Result<usize, usize> {
    let mut at = at;
    for node in nodes {
        at = parse_node(node, text, at, fields)?;
    }
    Ok(at)
}

fn parse_node(node: &Node, text: &str, at: usize, fields: &mut Fields) -> Result<usize, usize> {
    let rest = &text[at..];
    match node {
        Node::Number {
            field,
            min,
            max,
            sign,
            subsequent,
        } => {
            let (value, length) = parse_number(rest, *min, *max, *sign, *subsequent).ok_or(at)?;
            set(fields, *field, value).ok_or(at)?;
            Ok(at + length)
        }
        Node::Reduced(field, width) => {
            let (value, length) =
                parse_number(rest, *width, *width, Sign::NotNegative, 0).ok_or(at)?;
            set(fields, *field, 2000 + value).ok_or(at)?;
            Ok(at + length)
        }
        Node::Text(field, count) => {
            let (value, length) = parse_name(rest, *field, *count).ok_or(at)?;
            set(fields, *field, value).ok_or(at)?;
            Ok(at + length)
        }
        Node::Fraction { min, max, point } => parse_fraction(rest, *min, *max, *point, fields)
            .map(|l| at + l)
            .ok_or(at),
        Node::Literal(literal) => rest
            .starts_with(literal.as_str())
            .then(|| at + literal.len())
            .ok_or(at),
        Node::Offset {
            zulu,
            colon,
            minutes,
        } => {
            if *zulu && rest.starts_with('Z') {
                return Ok(at + 1);
            }
            parse_offset(rest, *colon, *minutes)
                .map(|l| at + l)
                .ok_or(at)
        }
        Node::ZoneId => {
            let length = rest
                .find(|c: char| !c.is_ascii_alphanumeric() && !"/_+-:".contains(c))
                .unwrap_or(rest.len());
            super::zone::zone_id(&rest[..length])
                .map(|_| at + length)
                .ok_or(at)
        }
        Node::DayPeriod => Err(at),
        Node::Pad(width, node) => parse_padded(*width, node, text, at, fields),
        Node::Optional(nodes) => {
            let mut tried = *fields;
            match parse_nodes(nodes, text, at, &mut tried) {
                Ok(end) => {
                    *fields = tried;
                    Ok(end)
                }
                Err(_) => Ok(at),
            }
        }
    }
}

/// The number of the name with which a text begins, and the name's length.
fn parse_name(text: &str, field: Field, count: usize) -> Option<(i64, usize)> {
    let mut numbers = match field {
        Field::HalfDay => 0..=1,
        Field::Quarter => 1..=4,
        Field::Month => 1..=12,
        _ => 1..=7,
    };
    numbers.find_map(|number| {
        let name = text_of(field, number, count);
        text.starts_with(&name).then_some((number, name.len()))
    })
}

/// A node within so many characters, behind blanks.
fn parse_padded(
    width: usize,
    node: &Node,
    text: &str,
    at: usize,
    fields: &mut Fields,
) -> Result<usize, usize> {
    let window = text[at..].get(..width).ok_or(at)?;
    let blanks = window.len() - window.trim_start_matches(' ').len();
    let end = at + width;
    match parse_node(node, &text[..end], at + blanks, fields)? {
        e if e == end => Ok(end),
        _ => Err(at + blanks),
    }
}

fn parse_number(
    text: &str,
    min: usize,
    max: usize,
    sign: Sign,
    subsequent: usize,
) -> Option<(i64, usize)> {
    let negative = text.starts_with('-');
    let positive = text.starts_with('+');
    match sign {
        Sign::Normal if positive => return None,
        Sign::NotNegative if positive || negative => return None,
        _ => {}
    }
    let signs = usize::from(negative || positive);
    let digits = &text[signs..];
    let available = digits
        .bytes()
        .take(max + subsequent)
        .take_while(u8::is_ascii_digit)
        .count();
    let width = if subsequent > 0 {
        available.saturating_sub(subsequent).max(min).min(available)
    } else {
        available
    };
    if width < min || width > 18 {
        return None;
    }
    let value: i64 = digits[..width].parse().ok()?;
    if negative && value == 0 {
        return None;
    }
    if !negative && sign == Sign::ExceedsPad && (positive != (width > min)) {
        return None;
    }
    Some((if negative { -value } else { value }, signs + width))
}

fn parse_fraction(
    text: &str,
    min: usize,
    max: usize,
    point: bool,
    fields: &mut Fields,
) -> Option<usize> {
    let mut digits = text;
    if point {
        match text.strip_prefix('.') {
            Some(rest) => digits = rest,
            None => return (min == 0).then_some(0),
        }
    }
    let width = digits
        .bytes()
        .take(max)
        .take_while(u8::is_ascii_digit)
        .count();
    if width < min {
        return None;
    }
    let mut nano: i64 = if width == 0 {
        0
    } else {
        digits[..width].parse().ok()?
    };
    (width..9).for_each(|_| nano *= 10);
    if width > 0 {
        set(fields, Field::Nano, nano)?;
    }
    Some(text.len() - digits.len() + width)
}

fn parse_offset(text: &str, colon: bool, minutes: bool) -> Option<usize> {
    if !text.starts_with(['+', '-']) {
        return None;
    }
    let two_digits = |t: &str| t.len() >= 2 && t.as_bytes()[..2].iter().all(u8::is_ascii_digit);
    let mut rest = &text[1..];
    if !two_digits(rest) {
        return None;
    }
    rest = &rest[2..];
    if minutes {
        if colon {
            rest = rest.strip_prefix(':')?;
        }
        if !two_digits(rest) {
            return None;
        }
        rest = &rest[2..];
    }
    Some(text.len() - rest.len())
}

/// The date and time that the fields mean: what is missing is of 1970-01-01 00:00.
fn resolve(fields: Fields) -> Option<DateTime> {
    let get = |field: Field| fields[field as usize];
    let in_range =
        |field: Field, low: i64, high: i64| get(field).is_none_or(|v| (low..=high).contains(&v));
    let valid = in_range(Field::Month, 1, 12)
        && in_range(Field::Day, 1, 31)
        && in_range(Field::DayOfYear, 1, 366)
        && in_range(Field::Hour, 0, 24)
        && in_range(Field::ClockHour, 1, 24)
        && in_range(Field::HalfDayHour, 0, 11)
        && in_range(Field::ClockHalfDayHour, 1, 12)
        && in_range(Field::Minute, 0, 59)
        && in_range(Field::Second, 0, 59)
        && in_range(Field::MilliOfDay, 0, 86_399_999)
        && in_range(Field::NanoOfDay, 0, 86_399_999_999_999)
        && in_range(Field::Year, -999_999_999, 999_999_999)
        && in_range(Field::YearOfEra, 1, 999_999_999);
    if !valid {
        return None;
    }
    let (second_of_day, nano, extra_day) = resolve_time(&get)?;
    // Without a date there is nothing that 24:00 would move on.
    let dated = get(Field::Day).is_some() || get(Field::DayOfYear).is_some();
    Some(DateTime {
        days: resolve_date(&get)? + if dated { extra_day } else { 0 },
        second_of_day,
        nano,
    })
}

fn resolve_date(get: &impl Fn(Field) -> Option<i64>) -> Option<i64> {
    let year = get(Field::Year).or(get(Field::YearOfEra));
    let days = if let Some(week_year) = get(Field::WeekBasedYear)
        && let Some(week) = get(Field::Week)
        && let Some(weekday) =
            get(Field::LocalWeekday).or(get(Field::IsoWeekday).map(|d| d % 7 + 1))
    {
        let new_year = days_of(week_year, 1, 1);
        new_year - iso_weekday(new_year) % 7 + (week - 1) * 7 + weekday - 1
    } else if let Some(day_of_year) = get(Field::DayOfYear)
        && let Some(year) = year
        && get(Field::Month).is_none()
    {
        if day_of_year == 366 && !is_leap_year(year) {
            return None;
        }
        days_of(year, 1, 1) + day_of_year - 1
    } else {
        let month = get(Field::Month).unwrap_or(1);
        let mut day = get(Field::Day).unwrap_or(1);
        let length = days_in_month(year.unwrap_or(1970), month);
        if day > length {
            if year.is_none() || get(Field::Month).is_none() {
                return None;
            }
            day = length;
        }
        days_of(year.unwrap_or(1970), month, day)
    };
    let complete = year.is_some() && get(Field::Month).is_some() && get(Field::Day).is_some();
    let contradicted = complete
        && (get(Field::IsoWeekday).is_some_and(|d| d != iso_weekday(days))
            || get(Field::LocalWeekday).is_some_and(|d| d != iso_weekday(days) % 7 + 1)
            || get(Field::Quarter)
                .is_some_and(|q| get(Field::Month).is_some_and(|m| (m + 2) / 3 != q)));
    (!contradicted).then_some(days)
}

/// Seconds of the day, nanoseconds, and one more day for 24:00.
fn resolve_time(get: &impl Fn(Field) -> Option<i64>) -> Option<(i64, i64, i64)> {
    if let Some(milli) = get(Field::MilliOfDay) {
        return Some((milli / 1000, milli % 1000 * 1_000_000, 0));
    }
    if let Some(nano) = get(Field::NanoOfDay) {
        return Some((nano / 1_000_000_000, nano % 1_000_000_000, 0));
    }
    let half_day_hour = get(Field::HalfDayHour).or(get(Field::ClockHalfDayHour).map(|h| h % 12));
    let hour = match (get(Field::Hour), get(Field::ClockHour)) {
        (Some(hour), _) => hour,
        (None, Some(hour)) => hour % 24,
        (None, None) => match (half_day_hour, get(Field::HalfDay)) {
            (Some(hour), Some(half)) => hour + half * 12,
            _ => 0,
        },
    };
    let minute = get(Field::Minute).unwrap_or(0);
    let second = get(Field::Second).unwrap_or(0);
    let nano = get(Field::Nano).unwrap_or(0);
    if hour == 24 {
        return (minute == 0 && second == 0 && nano == 0).then_some((0, 0, 1));
    }
    Some((hour * 3600 + minute * 60 + second, nano, 0))
}

/// Reads a text by a pattern, as `DateTimeUtils.parseTimestampData` does: where the pattern doesn't fit, as a literal of
/// `java.sql.Timestamp` or `java.sql.Date`.
pub fn parse_or_literal(formatter: &DateTimeFormatter, text: &str) -> Option<DateTime> {
    if let Ok(value) = formatter.parse(text) {
        return Some(value);
    }
    let text = text.trim_matches(|c: char| c <= ' ');
    let (date, time) = match text.split_once(' ') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let number = |t: &str, most: usize| -> Option<i64> {
        let valid = !t.is_empty() && t.len() <= most && t.bytes().all(|b| b.is_ascii_digit());
        valid.then(|| t.parse().ok())?
    };
    let [year, month, day] = date.split('-').collect::<Vec<_>>()[..] else {
        return None;
    };
    if year.len() != 4 {
        return None;
    }
    let (year, month, day) = (number(year, 4)?, number(month, 2)?, number(day, 2)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let days = days_of(year, month, day);
    let Some(time) = time else {
        return Some(DateTime {
            days,
            second_of_day: 0,
            nano: 0,
        });
    };
    let [hour, minute, second] = time.split(':').collect::<Vec<_>>()[..] else {
        return None;
    };
    let (second, fraction) = second.split_once('.').unwrap_or((second, "0"));
    let (hour, minute, second) = (number(hour, 2)?, number(minute, 2)?, number(second, 2)?);
    let nano = number(fraction, 9)? * 10_i64.pow(9 - fraction.len() as u32);
    (hour < 24 && minute < 60 && second < 60).then_some(DateTime {
        days,
        second_of_day: hour * 3600 + minute * 60 + second,
        nano,
    })
}

#[cfg(test)]
mod tests;
