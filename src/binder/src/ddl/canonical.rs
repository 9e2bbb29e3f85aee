//! SQL text as Flink's parser prints it: names in backticks and whole, keywords in upper case, a line a clause. The
//! tokens stay the user's own, so that the text means what it meant.

use filbert_sql::{Lexeme, LexemeKind, Lexer};
use filbert_types::{Location, Span};
use sqlparser::tokenizer::Token;

/// A stretch of the text that stands for something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edit {
    pub span: Span,
    pub text: String,
    /// What comes behind it, and behind the hint where one follows: an alias that the user left out.
    pub tail: String,
    /// The name after AS, which is written where the user left it out.
    pub alias: bool,
}

/// A name in backticks.
pub(crate) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// The text with its edits, canonically spaced. None when the text can't be read.
pub(crate) fn canonical(text: &str, edits: &[Edit], is_query: bool) -> Option<String> {
    let lexemes: Vec<Lexeme> = Lexer::new(text).collect::<Result<_, _>>().ok()?;
    let mut writer = Writer {
        text,
        out: String::new(),
        queries: vec![is_query],
        values: None,
        from: None,
        before: None,
    };
    let mut skip_to: Option<Location> = None;
    // What waits for the hint that comes next.
    let mut tail = String::new();
    for (index, lexeme) in lexemes.iter().enumerate() {
        if skip_to.is_some_and(|end| lexeme.span.start < end) {
            continue;
        }
        skip_to = None;
        if let Some(edit) = edits.iter().find(|e| e.span.start == lexeme.span.start) {
            skip_to = Some(edit.span.end);
            if edit.alias && writer.before.as_ref().and_then(|b| b.word.as_deref()) != Some("AS") {
                writer.word("AS", lexeme);
            }
            writer.word(&edit.text, lexeme);
            let count = lexemes[index..]
                .iter()
                .take_while(|l| l.span.start < edit.span.end)
                .count();
            let last = lexemes[index..].get(count.saturating_sub(1));
            writer.before = last.map(Previous::operand);
            let next = lexemes[index..].get(count);
            if !next.is_some_and(|l| matches!(l.kind, LexemeKind::Hint(_))) {
                writer.tail(&edit.tail);
            } else {
                tail.clone_from(&edit.tail);
            }
            continue;
        }
        if let Some((text, count)) = limit(&lexemes[index..], writer.text) {
            let last = &lexemes[index + count - 1];
            skip_to = Some(last.span.end);
            writer.out.push_str(&text);
            writer.before = Some(Previous::operand(last));
            continue;
        }
        writer.lexeme(lexeme, &lexemes[index + 1..]);
        if matches!(lexeme.kind, LexemeKind::Hint(_)) {
            writer.tail(&std::mem::take(&mut tail));
        }
    }
    Some(writer.out)
}

/// `LIMIT n [OFFSET m]` in the standard's words, and of how many lexemes it is made.
fn limit(lexemes: &[Lexeme], text: &str) -> Option<(String, usize)> {
    let source = |l: &Lexeme| &text[l.start..l.end];
    let is_number = |l: &Lexeme| matches!(l.kind, LexemeKind::Token(Token::Number(..)));
    let [limit, count, rest @ ..] = lexemes else {
        return None;
    };
    if !source(limit).eq_ignore_ascii_case("LIMIT") || !is_number(count) {
        return None;
    }
    let fetch = format!("\nFETCH NEXT {} ROWS ONLY", source(count));
    match rest {
        [offset, start, ..]
            if source(offset).eq_ignore_ascii_case("OFFSET") && is_number(start) =>
        {
            Some((format!("\nOFFSET {} ROWS{fetch}", source(start)), 4))
        }
        _ => Some((fetch, 2)),
    }
}

/// What was written last.
struct Previous {
    end: usize,
    /// It ends an operand: a minus behind it is binary.
    operand: bool,
    opens: bool,
    word: Option<String>,
}

impl Previous {
    fn operand(lexeme: &Lexeme) -> Previous {
        Previous {
            end: lexeme.end,
            operand: true,
            opens: false,
            word: None,
        }
    }
}

struct Writer<'a> {
    text: &'a str,
    out: String,
    /// For each open parenthesis, and the text itself, whether a query stands in it.
    queries: Vec<bool>,
    /// How many parentheses are open around the rows of VALUES, while they come.
    values: Option<usize>,
    /// The same of FROM and its tables.
    from: Option<usize>,
    before: Option<Previous>,
}

impl Writer<'_> {
    fn lexeme(&mut self, lexeme: &Lexeme, rest: &[Lexeme]) {
        let source = &self.text[lexeme.start..lexeme.end];
        let LexemeKind::Token(token) = &lexeme.kind else {
            if matches!(lexeme.kind, LexemeKind::Hint(_)) {
                self.space();
                self.out.push_str(source);
                self.set(lexeme, false, false, None);
            }
            return;
        };
        match token {
            Token::Word(word) if word.quote_style.is_none() => {
                self.plain_word(source, lexeme, rest);
            }
            Token::LParen | Token::LBracket => {
                let adjacent = self.before.as_ref().is_some_and(|b| b.end == lexeme.start);
                let is_row = *token == Token::LParen && self.in_values();
                if !adjacent || is_row {
                    self.space();
                }
                if is_row {
                    self.out.push_str("ROW");
                }
                self.out.push_str(source);
                if *token == Token::LParen {
                    self.queries.push(starts_query(rest));
                }
                self.set(lexeme, false, true, None);
            }
            Token::RParen | Token::RBracket => {
                if *token == Token::RParen && self.queries.len() > 1 {
                    self.queries.pop();
                    self.values = self.values.filter(|depth| *depth <= self.queries.len());
                    self.from = self.from.filter(|depth| *depth <= self.queries.len());
                }
                self.out.push_str(source);
                self.set(lexeme, true, false, None);
            }
            Token::Comma if self.in_values() || self.from == Some(self.queries.len()) => {
                self.out.push_str(",\n");
                self.before = None;
            }
            Token::Comma => {
                self.out.push_str(source);
                self.set(lexeme, false, false, None);
            }
            Token::Period => {
                self.out.push_str(source);
                self.set(lexeme, false, true, None);
            }
            Token::Minus | Token::Plus if !self.after_operand() => {
                self.space();
                self.out.push_str(source);
                self.set(lexeme, false, true, None);
            }
            _ => {
                self.space();
                self.out.push_str(source);
                let operand = matches!(
                    token,
                    Token::Number(..)
                        | Token::SingleQuotedString(_)
                        | Token::HexStringLiteral(_)
                        | Token::Word(_)
                );
                self.set(lexeme, operand, false, None);
            }
        }
    }

    fn plain_word(&mut self, source: &str, lexeme: &Lexeme, rest: &[Lexeme]) {
        let upper = source.to_uppercase();
        let call = matches!(
            rest.first(),
            Some(Lexeme { kind: LexemeKind::Token(Token::LParen), start, .. }) if *start == lexeme.end
        );
        let text = if filbert_sql::is_reserved(&upper) || (call && is_function(&upper)) {
            upper.clone()
        } else if call || (is_keyword(&upper) && !PLAIN_NAMES.contains(&upper.as_str())) {
            source.to_string()
        } else {
            quoted(source)
        };
        self.clause(&upper, rest);
        if upper == "VALUES" {
            self.values = Some(self.queries.len());
        } else if self.in_values() {
            self.values = None;
        }
        let before = self.before.as_ref().and_then(|b| b.word.as_deref());
        // `AS t(a)`: a name with its columns, no call.
        let names_columns = call && before == Some("AS") && !is_keyword(&upper);
        let symmetry = upper == "BETWEEN"
            && !matches!(before, Some("ROWS" | "RANGE"))
            && !["SYMMETRIC", "ASYMMETRIC"]
                .iter()
                .any(|word| next_is(self.text, rest, word));
        if names_columns {
            self.word(&quoted(source), lexeme);
        } else if symmetry {
            self.word("BETWEEN ASYMMETRIC", lexeme);
        } else {
            self.word(&text, lexeme);
        }
        let operand = !filbert_sql::is_reserved(&upper) || upper == "END" || upper == "NULL";
        self.set(lexeme, operand, false, Some(upper));
        if names_columns && let Some(before) = &mut self.before {
            // Apart from the parenthesis that follows.
            before.end = usize::MAX;
        }
    }

    fn tail(&mut self, text: &str) {
        if !text.is_empty() {
            self.space();
            self.out.push_str(text);
        }
    }

    fn word(&mut self, text: &str, _lexeme: &Lexeme) {
        self.space();
        self.out.push_str(text);
    }

    /// A query's clauses begin on lines of their own.
    fn clause(&mut self, upper: &str, rest: &[Lexeme]) {
        if self.queries.last() != Some(&true) || self.out.is_empty() {
            return;
        }
        let before = self.before.as_ref().and_then(|b| b.word.as_deref());
        let next = rest.first().map(|l| &self.text[l.start..l.end]);
        let next_is = |word: &str| next.is_some_and(|n| n.eq_ignore_ascii_case(word));
        let begins = match upper {
            "FROM" => before != Some("DISTINCT"),
            "WHERE" | "HAVING" | "QUALIFY" | "UNION" | "INTERSECT" | "EXCEPT" | "MINUS" => true,
            "GROUP" | "ORDER" => next_is("BY"),
            "INNER" | "LEFT" | "RIGHT" | "FULL" | "CROSS" | "NATURAL" => {
                next_is("JOIN") || next_is("OUTER")
            }
            "JOIN" => !matches!(
                before,
                Some("INNER" | "LEFT" | "RIGHT" | "FULL" | "CROSS" | "NATURAL" | "OUTER")
            ),
            "SELECT" => matches!(
                before,
                Some("UNION" | "ALL" | "INTERSECT" | "EXCEPT" | "MINUS")
            ),
            _ => false,
        };
        if begins {
            if upper == "FROM" {
                self.from = Some(self.queries.len());
            } else if !is_join(upper) {
                self.from = None;
            }
            self.out.push('\n');
            if upper == "JOIN" {
                self.out.push_str("INNER ");
            }
            self.before = None;
        }
    }

    /// Between the rows of VALUES.
    fn in_values(&self) -> bool {
        self.values == Some(self.queries.len())
    }

    fn after_operand(&self) -> bool {
        self.before.as_ref().is_some_and(|b| b.operand)
    }

    fn space(&mut self) {
        if self.before.as_ref().is_some_and(|b| !b.opens) {
            self.out.push(' ');
        }
    }

    fn set(&mut self, lexeme: &Lexeme, operand: bool, opens: bool, word: Option<String>) {
        self.before = Some(Previous {
            end: lexeme.end,
            operand,
            opens,
            word,
        });
    }
}

/// Words of Flink's grammar that stand in no expression's syntax: where one stands, it is a name.
const PLAIN_NAMES: &[&str] = &[
    "A", "C", "CATALOG", "COMMENT", "G", "K", "LABEL", "M", "NAME", "SCHEMA", "SERVER", "SOURCE",
    "STATE", "TYPE", "VERSION",
];

fn is_join(upper: &str) -> bool {
    matches!(
        upper,
        "JOIN" | "INNER" | "LEFT" | "RIGHT" | "FULL" | "CROSS" | "NATURAL"
    )
}

fn next_is(text: &str, rest: &[Lexeme], word: &str) -> bool {
    rest.first()
        .is_some_and(|l| text[l.start..l.end].eq_ignore_ascii_case(word))
}

fn is_keyword(upper: &str) -> bool {
    filbert_sql::keywords().any(|k| k == upper)
}

fn is_function(upper: &str) -> bool {
    filbert_functions::registry::built_in(upper).is_some()
        || filbert_functions::aggregate::aggregate(upper).is_some()
}

fn starts_query(rest: &[Lexeme]) -> bool {
    matches!(
        rest.iter().find(|l| l.kind != LexemeKind::Comment),
        Some(Lexeme { kind: LexemeKind::Token(Token::Word(word)), .. })
            if word.quote_style.is_none()
                && ["SELECT", "WITH", "VALUES"]
                    .iter()
                    .any(|k| word.value.eq_ignore_ascii_case(k))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_spaced_as_flink_spaces_them() {
        let text = canonical("id*2 -  -1+upper( Name )", &[], false).unwrap();
        assert_eq!(text, "`id` * 2 - -1 + UPPER(`Name`)");
        let text = canonical("ts - interval '5' second", &[], false).unwrap();
        assert_eq!(text, "`ts` - INTERVAL '5' SECOND");
    }

    #[test]
    fn clauses_begin_lines() {
        let text = canonical(
            "select a from t join u on t.x=u.x where a in (select b from v) order by a",
            &[],
            true,
        )
        .unwrap();
        assert_eq!(
            text,
            "SELECT `a`\nFROM `t`\nINNER JOIN `u` ON `t`.`x` = `u`.`x`\nWHERE `a` IN (SELECT `b`\nFROM `v`)\nORDER BY `a`"
        );
    }

    #[test]
    fn a_hint_stands_between_a_table_and_its_alias() {
        let at = |column| Location { line: 1, column };
        let edits = [Edit {
            span: Span {
                start: at(15),
                end: at(16),
            },
            text: "`d`.`t`".to_string(),
            tail: "AS `t`".to_string(),
            alias: false,
        }];
        let text = canonical("select a from t /*+ H('k') */ where a > 1", &edits, true).unwrap();
        assert_eq!(
            text,
            "SELECT `a`\nFROM `d`.`t` /*+ H('k') */ AS `t`\nWHERE `a` > 1"
        );
        let text = canonical("select a from t", &edits, true).unwrap();
        assert_eq!(text, "SELECT `a`\nFROM `d`.`t` AS `t`");
    }

    #[test]
    fn rows_and_limits_are_written_out() {
        let text = canonical(
            "select a from (values (1, 'p'), (2, 'q')) as x(a, b) where a between 1 and 2 limit 3 offset 1",
            &[],
            true,
        )
        .unwrap();
        assert_eq!(
            text,
            "SELECT `a`\nFROM (VALUES ROW(1, 'p'),\nROW(2, 'q')) AS `x` (`a`, `b`)\nWHERE `a` BETWEEN ASYMMETRIC 1 AND 2\nOFFSET 1 ROWS\nFETCH NEXT 3 ROWS ONLY"
        );
    }
}
