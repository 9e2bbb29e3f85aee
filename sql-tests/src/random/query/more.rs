//! What SQL has beside the clauses of every day: several joins in a row, subqueries as values, QUALIFY, OVER, UNNEST,
//! LATERAL, every form of Top-N.

use rand::Rng;

use super::{QueryGenerator, Relation, Ty};

impl QueryGenerator<'_> {
    pub(super) fn more(&mut self, depth: usize) -> Relation {
        match self.rng.random_range(0..9) {
            0 => self.joins_in_a_row(depth),
            1 => self.mark(depth),
            2 => self.qualify(depth),
            3 => self.over(depth),
            4 => self.unnest(depth),
            5 => self.lateral(depth),
            6 => self.ranks(depth),
            7 => self.sort_limit(depth),
            _ => self.quantified(depth),
        }
    }

    fn listed(relation: &Relation) -> String {
        let names: Vec<&str> = relation.columns.iter().map(|(n, _)| n.as_str()).collect();
        names.join(", ")
    }

    /// Three sides, joined one after the other or the last two first.
    fn joins_in_a_row(&mut self, depth: usize) -> Relation {
        let sides: Vec<Relation> = (0..3)
            .map(|i| self.relation(if i == 0 { depth - 1 } else { 0 }))
            .collect();
        let froms: Vec<String> = sides
            .iter()
            .map(|side| {
                self.names += 1;
                self.from(side)
            })
            .collect();
        let kinds = ["JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"];
        let (one, two) = (*self.pick(&kinds), *self.pick(&kinds));
        let on = |generator: &mut Self, left: &Relation, right: &Relation| {
            let ty = *generator.pick(&[Ty::Int, Ty::Int, Ty::Text]);
            let (a, b) = (generator.column(left, ty), generator.column(right, ty));
            format!("{a} = {b}")
        };
        let middle = self.rng.random_range(0..2);
        let (first, last) = (
            on(self, &sides[0], &sides[1]),
            on(self, &sides[middle], &sides[2]),
        );
        let inner = on(self, &sides[1], &sides[2]);
        let from = if self.rng.random_bool(0.7) {
            format!(
                "{} {one} {} ON {first} {two} {} ON {last}",
                froms[0], froms[1], froms[2]
            )
        } else {
            format!(
                "{} {one} ({} {two} {} ON {inner}) ON {first}",
                froms[0], froms[1], froms[2]
            )
        };
        let columns: Vec<(String, Ty)> = sides
            .iter()
            .flat_map(|side| side.columns.iter().take(2).cloned())
            .collect();
        let list: Vec<&str> = columns.iter().map(|(n, _)| n.as_str()).collect();
        Relation {
            sql: format!("SELECT {} FROM {from}", list.join(", ")),
            columns,
        }
    }

    /// A subquery as a truth value, in the list or beside another condition.
    fn mark(&mut self, depth: usize) -> Relation {
        let left = self.relation(depth - 1);
        let right = self.relation(depth.saturating_sub(2));
        let ty = *self.pick(&[Ty::Int, Ty::Text]);
        let (one, two) = (self.column(&left, ty), self.column(&right, ty));
        let not = *self.pick(&["", "NOT "]);
        self.names += 1;
        let inner = self.from(&right);
        let mark = match self.rng.random_range(0..2) {
            0 => format!("{one} {not}IN (SELECT {two} FROM {inner})"),
            _ => format!("{not}EXISTS (SELECT 1 FROM {inner} WHERE {two} = {one})"),
        };
        let from = format!("({}) AS l{}", left.sql, self.names);
        if self.rng.random_bool(0.5) {
            let other = self.condition(&left);
            return Relation {
                sql: format!("SELECT * FROM {from} WHERE {mark} OR {other}"),
                columns: left.columns,
            };
        }
        let name = self.name();
        let list = Self::listed(&left);
        let mut columns = left.columns;
        columns.push((name.clone(), Ty::Int));
        Relation {
            sql: format!("SELECT {list}, CASE WHEN {mark} THEN 1 ELSE 0 END AS {name} FROM {from}"),
            columns,
        }
    }

    /// All columns in some order, so that ties are between equal rows.
    fn whole_order(&mut self, relation: &Relation) -> String {
        let mut order: Vec<String> = relation.columns.iter().map(|(n, _)| n.clone()).collect();
        let rotate = self.rng.random_range(0..order.len());
        order.rotate_left(rotate);
        if self.rng.random_bool(0.5) {
            order[0] += *self.pick(&[" DESC", " DESC NULLS LAST", " ASC NULLS LAST"]);
        }
        order.join(", ")
    }

    fn partition(&mut self, relation: &Relation) -> String {
        if self.rng.random_bool(0.3) {
            return String::new();
        }
        let ty = *self.pick(&[Ty::Int, Ty::Text]);
        format!("PARTITION BY {} ", self.column(relation, ty))
    }

    fn qualify(&mut self, depth: usize) -> Relation {
        let input = self.relation(depth - 1);
        let (partition, order) = (self.partition(&input), self.whole_order(&input));
        let most = self.rng.random_range(1..4);
        let from = self.from(&input);
        let list = Self::listed(&input);
        Relation {
            sql: format!(
                "SELECT {list} FROM {from} QUALIFY ROW_NUMBER() OVER ({partition}ORDER BY {order}) <= {most}"
            ),
            columns: input.columns,
        }
    }

    /// OVER by an ordinary column: equal rows have one result.
    fn over(&mut self, depth: usize) -> Relation {
        let input = self.relation(depth - 1);
        let partition = self.partition(&input);
        let (order, int) = (self.column(&input, Ty::Int), self.column(&input, Ty::Int));
        if !order.starts_with('c') {
            return input;
        }
        let function = *self.pick(&["SUM", "COUNT", "MIN", "MAX", "AVG"]);
        let direction = "";
        let name = self.name();
        let from = self.from(&input);
        let list = Self::listed(&input);
        let mut columns = input.columns;
        columns.push((name.clone(), Ty::Int));
        Relation {
            sql: format!(
                "SELECT {list}, {function}({int}) OVER ({partition}ORDER BY {order}{direction}) AS {name} FROM {from}"
            ),
            columns,
        }
    }

    fn unnest(&mut self, depth: usize) -> Relation {
        let input = self.relation(depth - 1);
        let (a, b) = (self.int(&input), self.int(&input));
        let name = self.name();
        let from = self.from(&input);
        let list = Self::listed(&input);
        let array = match self.rng.random_range(0..2) {
            0 => format!("ARRAY[{a}, {b}]"),
            _ => format!("CASE WHEN {a} > 0 THEN ARRAY[{a}, {b}, 1] END"),
        };
        let join = match self.rng.random_range(0..3) {
            0 => format!("CROSS JOIN UNNEST({array}) AS n{name} ({name})"),
            1 => format!("LEFT JOIN UNNEST({array}) AS n{name} ({name}) ON {name} > {b}"),
            _ => format!("LEFT JOIN UNNEST({array}) AS n{name} ({name}) ON TRUE"),
        };
        let mut columns = input.columns;
        columns.push((name.clone(), Ty::Int));
        Relation {
            sql: format!("SELECT {list}, {name} FROM {from} {join}"),
            columns,
        }
    }

    /// For each row of the left side a query of its own.
    fn lateral(&mut self, depth: usize) -> Relation {
        let left = self.relation(depth - 1);
        let right = self.relation(depth.saturating_sub(2));
        let (one, two) = (self.column(&left, Ty::Int), self.column(&right, Ty::Int));
        if !one.starts_with('c') {
            return left;
        }
        self.names += 1;
        let inner = self.from(&right);
        let value = self.column(&right, Ty::Int);
        let name = self.name();
        let query = match self.rng.random_range(0..4) {
            0 => format!("SELECT {value} AS {name} FROM {inner} WHERE {two} = {one}"),
            1 => format!("SELECT MAX({value}) AS {name} FROM {inner} WHERE {two} = {one}"),
            2 => format!("SELECT COUNT(*) AS {name} FROM {inner} WHERE {two} >= {one}"),
            _ => {
                let order = self.whole_order(&right);
                let most = self.rng.random_range(1..3);
                format!(
                    "SELECT {value} AS {name} FROM {inner} WHERE {two} = {one} ORDER BY {order} LIMIT {most}"
                )
            }
        };
        let join = match self.rng.random_range(0..2) {
            0 => format!("CROSS JOIN LATERAL ({query}) AS q{name}"),
            _ => format!("LEFT JOIN LATERAL ({query}) AS q{name} ON TRUE"),
        };
        let list = Self::listed(&left);
        let mut columns = left.columns;
        columns.push((name.clone(), Ty::Int));
        Relation {
            sql: format!(
                "SELECT {list}, {name} FROM ({}) AS l{name} {join}",
                left.sql
            ),
            columns,
        }
    }

    /// RANK and DENSE_RANK by some columns, and every form of bounds.
    fn ranks(&mut self, depth: usize) -> Relation {
        let input = self.relation(depth - 1);
        let partition = self.partition(&input);
        let function = *self.pick(&["ROW_NUMBER", "RANK", "DENSE_RANK"]);
        let order = match function {
            "ROW_NUMBER" => self.whole_order(&input),
            _ => {
                let column = self.column(&input, Ty::Int);
                match column.starts_with('c') {
                    true => format!("{column}{}", *self.pick(&["", " DESC"])),
                    false => self.whole_order(&input),
                }
            }
        };
        let number = self.name();
        let bound = match self.rng.random_range(0..6) {
            0 => format!("{number} = {}", self.rng.random_range(1..4)),
            1 => format!("{number} BETWEEN 2 AND 3"),
            2 => format!("{number} > {}", self.rng.random_range(1..3)),
            3 => format!("{number} < 3 AND {}", self.condition(&input)),
            4 => format!("{number} <= 2 AND {number} >= 2"),
            _ => format!("{number} <= {}", self.rng.random_range(1..4)),
        };
        let list = Self::listed(&input);
        let from = self.from(&input);
        let shown = match self.rng.random_bool(0.5) {
            true => format!("{list}, {number}"),
            false => list.clone(),
        };
        let mut columns = input.columns;
        if shown != list {
            columns.push((number.clone(), Ty::Int));
        }
        Relation {
            sql: format!(
                "SELECT {shown} FROM (SELECT {list}, {function}() OVER ({partition}ORDER BY {order}) AS {number} FROM {from}) WHERE {bound}"
            ),
            columns,
        }
    }

    fn sort_limit(&mut self, depth: usize) -> Relation {
        let input = self.relation(depth - 1);
        let order = self.whole_order(&input);
        let limit = self.rng.random_range(1..5);
        let offset = match self.rng.random_bool(0.4) {
            true => format!(" OFFSET {}", self.rng.random_range(1..3)),
            false => String::new(),
        };
        let list = Self::listed(&input);
        let from = self.from(&input);
        Relation {
            sql: format!("SELECT {list} FROM {from} ORDER BY {order} LIMIT {limit}{offset}"),
            columns: input.columns,
        }
    }

    /// ANY, SOME and ALL.
    fn quantified(&mut self, depth: usize) -> Relation {
        let left = self.relation(depth - 1);
        let right = self.relation(depth.saturating_sub(2));
        let (one, two) = (self.int(&left), self.column(&right, Ty::Int));
        let op = *self.pick(&["<", "<=", ">", ">=", "=", "<>"]);
        let quantifier = match op {
            "=" => "ANY",
            "<>" => "ALL",
            _ => *self.pick(&["ALL", "SOME"]),
        };
        self.names += 1;
        let inner = self.some_rows(&right);
        let condition = match self.rng.random_bool(0.5) {
            true => format!(" WHERE {two} IS NOT NULL"),
            false => String::new(),
        };
        let list = Self::listed(&left);
        let from = format!("({}) AS l{}", left.sql, self.names);
        Relation {
            sql: format!(
                "SELECT {list} FROM {from} WHERE {one} {op} {quantifier} (SELECT {two} FROM {inner}{condition})"
            ),
            columns: left.columns,
        }
    }
}
