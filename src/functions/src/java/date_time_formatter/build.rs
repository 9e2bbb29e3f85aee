//! From a pattern's letters to nodes.

use super::{Field, Node, Sign};

/// No number is printed wider.
const NUMBER_WIDTH_MAX: usize = 19;

pub(super) struct Builder {
    /// The nodes of the pattern and of its open optional parts.
    pub(super) open: Vec<Vec<Node>>,
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
    pub(super) fn push(&mut self, node: Node) {
        self.active = None;
        if let Some(nodes) = self.open.last_mut() {
            nodes.push(node);
        }
    }

    pub(super) fn close(&mut self) -> Result<(), String> {
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

    pub(super) fn field(
        &mut self,
        letter: char,
        count: usize,
        padding: Option<usize>,
    ) -> Result<(), String> {
        let too_many = || Err(format!("Too many pattern letters: {letter}"));
        match letter {
            'y' | 'u' | 'Y' | 'n' | 'N' | 'A' if count > NUMBER_WIDTH_MAX => return too_many(),
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
