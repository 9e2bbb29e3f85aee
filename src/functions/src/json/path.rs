//! SQL/JSON paths in Jayway's dialect: `lax $.a.b[0]['c'][*]..d[1:3][?(@.x > 1)].length()`.

use crate::json::value::Json;

/// What a path does where the value has another shape than it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Selects nothing.
    Lax,
    /// Fails.
    Strict,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    pub mode: Mode,
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    Property(String),
    Properties(Vec<String>),
    /// Negative from the end.
    Index(i64),
    Indices(Vec<i64>),
    Slice(Option<i64>, Option<i64>),
    Wildcard,
    /// `..` before a step: at every depth.
    Deep(Box<Step>),
    Filter(Filter),
    Function(String, Vec<i64>),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    Or(Vec<Filter>),
    And(Vec<Filter>),
    Not(Box<Filter>),
    Exists(Operand),
    Compare(Operand, &'static str, Operand),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// A path from the element (`@`) or from the root (`$`).
    Path {
        from_root: bool,
        steps: Vec<Step>,
    },
    Value(Json),
    Regex {
        pattern: String,
        ignore_case: bool,
    },
}

const OPERATORS: [&str; 12] = [
    "==", "!=", "<=", ">=", "=~", "<", ">", "nin", "in", "contains", "size", "empty",
];
const DEPTH_MAX: usize = 64;

impl Path {
    /// Reads a path, with `lax` or `strict` before it or neither, which is strict.
    pub fn parse(text: &str) -> Result<Path, String> {
        let (mode, spec) = split_mode(text);
        let spec = spec.trim();
        if spec.is_empty() {
            return Err("json can not be null or empty".to_string());
        }
        let spec = if spec.starts_with(['$', '@']) {
            spec.to_string()
        } else {
            format!("$.{spec}")
        };
        if spec.ends_with('.') {
            return Err("Path must not end with a '.' or '..'".to_string());
        }
        let mut reader = Reader {
            chars: spec.chars().collect(),
            at: 1,
            depth: 0,
        };
        let steps = reader.steps(true)?;
        if reader.at < reader.chars.len() {
            return Err(reader.fail("Could not parse token"));
        }
        Ok(Path { mode, steps })
    }
}

fn split_mode(text: &str) -> (Mode, &str) {
    let trimmed = text.trim_start();
    for (word, mode) in [("lax", Mode::Lax), ("strict", Mode::Strict)] {
        if let Some(start) = trimmed.get(..word.len())
            && start.eq_ignore_ascii_case(word)
            && trimmed[word.len()..].starts_with(char::is_whitespace)
        {
            return (mode, &trimmed[word.len()..]);
        }
    }
    (Mode::Strict, text)
}

/// Whether a path selects at most one value, so that it isn't wrapped in an array.
pub fn is_definite(steps: &[Step]) -> bool {
    steps.iter().enumerate().all(|(i, step)| match step {
        Step::Property(_) | Step::Index(_) | Step::Function(..) => true,
        Step::Properties(_) => i + 1 == steps.len(),
        _ => false,
    }) || matches!(steps.last(), Some(Step::Function(..)))
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    depth: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn eat(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        self.at += usize::from(found);
        found
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn fail(&self, what: &str) -> String {
        format!("{what} at position {}", self.at)
    }

    /// The steps from here on; within a filter they end where something else begins.
    fn steps(&mut self, whole: bool) -> Result<Vec<Step>, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.fail("The path is nested too deeply"));
        }
        let mut steps = Vec::new();
        while let Some(c) = self.peek() {
            match c {
                '.' => {
                    self.at += 1;
                    let deep = self.eat('.');
                    let step = if self.peek() == Some('[') {
                        self.bracket()?
                    } else {
                        self.name(whole)?
                    };
                    steps.push(if deep {
                        Step::Deep(Box::new(step))
                    } else {
                        step
                    });
                }
                // Jayway takes a last character that would begin another step for the end.
                '[' if whole && self.at + 1 == self.chars.len() && !steps.is_empty() => {
                    self.at += 1;
                }
                '[' => steps.push(self.bracket()?),
                _ if whole => return Err(self.fail("Illegal character")),
                _ => break,
            }
        }
        self.depth -= 1;
        Ok(steps)
    }

    /// `name`, `*` or `function()` behind a dot.
    fn name(&mut self, whole: bool) -> Result<Step, String> {
        if self.eat('*') {
            return Ok(Step::Wildcard);
        }
        let begin = self.at;
        while let Some(c) = self.peek() {
            let ends = matches!(c, '.' | '[' | '(')
                || (!whole && (c.is_whitespace() || ")&|=!<>,".contains(c)));
            if ends {
                break;
            }
            self.at += 1;
        }
        let name: String = self.chars[begin..self.at].iter().collect();
        if name.is_empty() {
            return Err(self.fail("Empty property"));
        }
        if !self.eat('(') {
            return Ok(Step::Property(name));
        }
        let mut numbers = Vec::new();
        self.blanks();
        while !self.eat(')') {
            numbers.push(
                self.integer()
                    .ok_or_else(|| self.fail("Expected a number"))?,
            );
            self.blanks();
            self.eat(',');
            self.blanks();
        }
        Ok(Step::Function(name, numbers))
    }

    fn bracket(&mut self) -> Result<Step, String> {
        self.at += 1;
        self.blanks();
        let step = match self.peek() {
            Some('*') => {
                self.at += 1;
                Step::Wildcard
            }
            Some('?') => {
                self.at += 1;
                self.blanks();
                if !self.eat('(') {
                    return Err(self.fail("Expected '('"));
                }
                let filter = self.or()?;
                self.blanks();
                if !self.eat(')') {
                    return Err(self.fail("Expected ')'"));
                }
                Step::Filter(filter)
            }
            Some('\'' | '"') => {
                let mut names = vec![self.quoted()?];
                self.blanks();
                while self.eat(',') {
                    self.blanks();
                    names.push(self.quoted()?);
                    self.blanks();
                }
                match names.len() {
                    1 => Step::Property(names.remove(0)),
                    _ => Step::Properties(names),
                }
            }
            _ => self.numbers()?,
        };
        self.blanks();
        if !self.eat(']') {
            return Err(self.fail("Expected ']'"));
        }
        Ok(step)
    }

    fn numbers(&mut self) -> Result<Step, String> {
        let first = self.integer();
        self.blanks();
        if self.eat(':') {
            self.blanks();
            return Ok(Step::Slice(first, self.integer()));
        }
        let first = first.ok_or_else(|| self.fail("Could not parse token"))?;
        let mut numbers = vec![first];
        while self.eat(',') {
            self.blanks();
            numbers.push(
                self.integer()
                    .ok_or_else(|| self.fail("Expected a number"))?,
            );
            self.blanks();
        }
        Ok(match numbers[..] {
            [only] => Step::Index(only),
            _ => Step::Indices(numbers),
        })
    }

    fn integer(&mut self) -> Option<i64> {
        let begin = self.at;
        self.eat('-');
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        let text: String = self.chars[begin..self.at].iter().collect();
        let number = text.parse().ok();
        if number.is_none() {
            self.at = begin;
        }
        number
    }

    fn quoted(&mut self) -> Result<String, String> {
        let quote = match self.peek() {
            Some(c @ ('\'' | '"')) => c,
            _ => return Err(self.fail("Expected a quoted name")),
        };
        self.at += 1;
        let mut text = String::new();
        while let Some(c) = self.peek() {
            self.at += 1;
            match c {
                '\\' => {
                    text.extend(self.peek());
                    self.at += 1;
                }
                c if c == quote => return Ok(text),
                c => text.push(c),
            }
        }
        Err(self.fail("Property has not been closed - missing closing quote"))
    }

    fn or(&mut self) -> Result<Filter, String> {
        let mut parts = vec![self.and()?];
        while self.eat_text("||") {
            parts.push(self.and()?);
        }
        Ok(match parts.len() {
            1 => parts.remove(0),
            _ => Filter::Or(parts),
        })
    }

    fn and(&mut self) -> Result<Filter, String> {
        let mut parts = vec![self.test()?];
        while self.eat_text("&&") {
            parts.push(self.test()?);
        }
        Ok(match parts.len() {
            1 => parts.remove(0),
            _ => Filter::And(parts),
        })
    }

    fn eat_text(&mut self, text: &str) -> bool {
        self.blanks();
        let length = text.chars().count();
        let found = self.chars[self.at..]
            .iter()
            .take(length)
            .copied()
            .eq(text.chars());
        self.at += if found { length } else { 0 };
        found
    }

    fn test(&mut self) -> Result<Filter, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.fail("The filter is nested too deeply"));
        }
        let result = self.test_within();
        self.depth -= 1;
        result
    }

    fn test_within(&mut self) -> Result<Filter, String> {
        self.blanks();
        if self.eat('!') {
            return Ok(Filter::Not(Box::new(self.test()?)));
        }
        if self.eat('(') {
            let inner = self.or()?;
            self.blanks();
            return match self.eat(')') {
                true => Ok(inner),
                false => Err(self.fail("Expected ')'")),
            };
        }
        let left = self.operand()?;
        let Some(operator) = OPERATORS.into_iter().find(|op| self.eat_text(op)) else {
            return match left {
                Operand::Path { .. } => Ok(Filter::Exists(left)),
                _ => Err(self.fail("Expected an operator")),
            };
        };
        Ok(Filter::Compare(left, operator, self.operand()?))
    }

    fn operand(&mut self) -> Result<Operand, String> {
        self.blanks();
        match self.peek() {
            Some(c @ ('@' | '$')) => {
                self.at += 1;
                let steps = self.steps(false)?;
                Ok(Operand::Path {
                    from_root: c == '$',
                    steps,
                })
            }
            Some('\'' | '"') => Ok(Operand::Value(Json::String(self.quoted()?))),
            Some('/') => {
                self.at += 1;
                let mut pattern = String::new();
                while let Some(c) = self.peek() {
                    self.at += 1;
                    if c == '/' {
                        let ignore_case = self.eat('i');
                        return Ok(Operand::Regex {
                            pattern,
                            ignore_case,
                        });
                    }
                    pattern.push(c);
                }
                Err(self.fail("Expected '/'"))
            }
            _ => {
                let begin = self.at;
                let mut brackets = 0;
                while let Some(c) = self.peek() {
                    match c {
                        '[' | '{' => brackets += 1,
                        ']' | '}' if brackets > 0 => brackets -= 1,
                        ')' | ']' | '&' | '|' | '=' | '!' | '<' | '>' | ' ' if brackets == 0 => {
                            break;
                        }
                        _ => {}
                    }
                    self.at += 1;
                }
                let text: String = self.chars[begin..self.at].iter().collect();
                let text = text.replace('\'', "\"");
                Json::parse(&text).map(Operand::Value)
            }
        }
    }
}
