//! What the patterns of `SimpleDateFormat` and `DateTimeFormatter` share: their letters, quotes and English names.

/// A piece of a date pattern.
#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    /// A letter and how often it stands there.
    Field(char, usize),
    /// A character that is no letter, outside quotes.
    Bare(char),
    /// Quoted text.
    Quoted(String),
}

/// Cuts a pattern into pieces; none where a quote isn't closed.
pub fn tokens(pattern: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\'' {
            if chars.next_if_eq(&'\'').is_some() {
                tokens.push(Token::Quoted("'".to_string()));
                continue;
            }
            let mut text = String::new();
            loop {
                match chars.next()? {
                    '\'' if chars.next_if_eq(&'\'').is_some() => text.push('\''),
                    '\'' => break,
                    c => text.push(c),
                }
            }
            tokens.push(Token::Quoted(text));
        } else if c.is_ascii_alphabetic() {
            let mut count = 1;
            while chars.next_if_eq(&c).is_some() {
                count += 1;
            }
            tokens.push(Token::Field(c, count));
        } else {
            tokens.push(Token::Bare(c));
        }
    }
    Some(tokens)
}

pub const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// From Monday.
pub const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// `Jan`, `Mon`.
pub fn short(name: &str) -> &str {
    &name[..3]
}

/// The number (from 0) and the length of the longest of the names, in full or short, with which a text begins in any
/// case.
pub fn name_prefix(text: &str, names: &[&str]) -> Option<(usize, usize)> {
    let begins = |name: &str| {
        text.get(..name.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(name))
    };
    let full = names.iter().position(|n| begins(n));
    match full {
        Some(i) => Some((i, names[i].len())),
        None => names.iter().position(|n| begins(short(n))).map(|i| (i, 3)),
    }
}

/// The week of the year and the year it belongs to, where weeks begin on Sunday and the first holds January 1.
pub fn us_week(year: i64, day_of_year: i64, iso_weekday: i64, days_in_year: i64) -> (i64, i64) {
    let from_sunday = iso_weekday % 7;
    let week = (day_of_year - 1 - from_sunday + 7 + 6) / 7;
    let last_weekday = (from_sunday + days_in_year - day_of_year) % 7;
    let days_left = days_in_year - day_of_year;
    if last_weekday < 6 && days_left <= last_weekday {
        return (1, year + 1);
    }
    (week, year)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_cut() {
        assert_eq!(
            tokens("yyyy'T''x'-''d").unwrap(),
            [
                Token::Field('y', 4),
                Token::Quoted("T'x".into()),
                Token::Bare('-'),
                Token::Quoted("'".into()),
                Token::Field('d', 1)
            ]
        );
        assert_eq!(tokens("yyyy 'open"), None);
    }

    #[test]
    fn weeks_begin_on_sunday() {
        // 2024-01-01 was a Monday, 2024-12-29 a Sunday, whose week holds January 1.
        assert_eq!(us_week(2024, 1, 1, 366), (1, 2024));
        assert_eq!(us_week(2024, 7, 7, 366), (2, 2024));
        assert_eq!(us_week(2024, 60, 4, 366), (9, 2024));
        assert_eq!(us_week(2024, 363, 6, 366), (52, 2024));
        assert_eq!(us_week(2024, 364, 7, 366), (1, 2025));
    }
}
