mod more;

use rand::Rng;
use rand::rngs::StdRng;

/// The type of a column, as far as the generator cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ty {
    Int,
    Text,
}

/// A relation: a query and its columns.
#[derive(Debug, Clone)]
struct Relation {
    sql: String,
    columns: Vec<(String, Ty)>,
}

/// Writes random queries over tables `t0`, `t1`, ...
pub struct QueryGenerator<'a> {
    rng: &'a mut StdRng,
    tables: usize,
    names: usize,
}

impl<'a> QueryGenerator<'a> {
    pub fn new(rng: &'a mut StdRng, tables: usize) -> QueryGenerator<'a> {
        QueryGenerator {
            rng,
            tables,
            names: 0,
        }
    }

    /// A query whose rows, taken together, are settled by its input.
    pub fn query(&mut self, depth: usize) -> String {
        self.relation(depth).sql
    }

    fn relation(&mut self, depth: usize) -> Relation {
        if depth == 0 {
            return self.table();
        }
        match self.rng.random_range(0..19) {
            0 => self.filter_project(depth),
            1 | 2 => self.aggregate(depth),
            3 => self.distinct(depth),
            4..=6 => self.join(depth),
            7 => self.semi_join(depth),
            8 => self.set_operation(depth),
            9 => self.top_n(depth),
            10 => self.scalar_subquery(depth),
            12.. => self.more(depth),
            _ => self.grouping_sets(depth),
        }
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("c{}", self.names)
    }

    fn pick<'c, T>(&mut self, items: &'c [T]) -> &'c T {
        &items[self.rng.random_range(0..items.len())]
    }

    fn table(&mut self) -> Relation {
        let table = self.rng.random_range(0..self.tables);
        let columns: Vec<(&str, String, Ty)> = [
            ("k", Ty::Int),
            ("a", Ty::Int),
            ("b", Ty::Int),
            ("s", Ty::Text),
        ]
        .into_iter()
        .map(|(column, ty)| (column, self.name(), ty))
        .collect();
        let list: Vec<String> = columns
            .iter()
            .map(|(column, name, _)| format!("{column} AS {name}"))
            .collect();
        Relation {
            sql: format!("SELECT {} FROM t{table}", list.join(", ")),
            columns: columns
                .into_iter()
                .map(|(_, name, ty)| (name, ty))
                .collect(),
        }
    }

    /// A column of a type, or a constant where there is none.
    fn column(&mut self, relation: &Relation, ty: Ty) -> String {
        let fit: Vec<&String> = relation
            .columns
            .iter()
            .filter(|(_, t)| *t == ty)
            .map(|(name, _)| name)
            .collect();
        if fit.is_empty() {
            return match ty {
                Ty::Int => "1".to_owned(),
                Ty::Text => "'x'".to_owned(),
            };
        }
        (*self.pick(&fit)).clone()
    }

    fn int(&mut self, relation: &Relation) -> String {
        let column = self.column(relation, Ty::Int);
        match self.rng.random_range(0..5) {
            0 => format!("{column} + {}", self.rng.random_range(-3..4)),
            1 => format!("COALESCE({column}, 0)"),
            _ => column,
        }
    }

    fn expr(&mut self, relation: &Relation, ty: Ty) -> String {
        match ty {
            Ty::Int => self.int(relation),
            Ty::Text => self.column(relation, Ty::Text),
        }
    }

    fn condition(&mut self, relation: &Relation) -> String {
        let int = self.int(relation);
        let number = self.rng.random_range(-5..6);
        match self.rng.random_range(0..6) {
            0 => format!("{int} > {number}"),
            1 => format!("{int} <= {number}"),
            2 => format!("{int} IS NOT NULL"),
            3 => {
                let text = self.column(relation, Ty::Text);
                format!("{text} IN ('x', 'yy')")
            }
            4 => {
                let other = self.int(relation);
                format!("({int} < {other} OR {int} IS NULL)")
            }
            _ => format!("{int} IS DISTINCT FROM {number}"),
        }
    }

    fn from(&mut self, relation: &Relation) -> String {
        format!("({}) AS r{}", relation.sql, self.names)
    }

    /// As `from`, with a row of NULLs: over no rows at all a streaming aggregate without keys gives no row, as Flink's,
    /// and a batch one gives one.
    fn some_rows(&mut self, relation: &Relation) -> String {
        let nulls: Vec<String> = relation
            .columns
            .iter()
            .map(|(name, ty)| match ty {
                Ty::Int => format!("CAST(NULL AS INT) AS {name}"),
                Ty::Text => format!("CAST(NULL AS STRING) AS {name}"),
            })
            .collect();
        let (sql, nulls) = (&relation.sql, nulls.join(", "));
        format!("(({sql}) UNION ALL SELECT {nulls}) AS r{}", self.names)
    }

    fn filter_project(&mut self, depth: usize) -> Relation {
        let input = self.relation(depth - 1);
        let count = self.rng.random_range(1..=3);
        let mut columns = Vec::new();
        let mut list = Vec::new();
        for _ in 0..count {
            let ty = *self.pick(&[Ty::Int, Ty::Int, Ty::Text]);
            let (expr, name) = (self.expr(&input, ty), self.name());
            list.push(format!("{expr} AS {name}"));
            columns.push((name, ty));
        }
        let condition = self.condition(&input);
        Relation {
            sql: format!(
                "SELECT {} FROM {} WHERE {condition}",
                list.join(", "),
                self.from(&input)
            ),
            columns,
        }
    }

    fn aggregate_call(&mut self, input: &Relation) -> (String, Ty) {
        let int = self.int(input);
        let filter = if self.rng.random_bool(0.2) {
            format!(" FILTER (WHERE {})", self.condition(input))
        } else {
            String::new()
        };
        let text = self.column(input, Ty::Text);
        let (call, ty) = match self.rng.random_range(0..16) {
            0 => ("COUNT(*)".to_owned(), Ty::Int),
            1 => (format!("COUNT({int})"), Ty::Int),
            2 | 3 => (format!("SUM({int})"), Ty::Int),
            4 => (format!("MIN({int})"), Ty::Int),
            5 => (format!("MAX({int})"), Ty::Int),
            6 => (format!("COUNT(DISTINCT {text})"), Ty::Int),
            7 => (format!("SUM(DISTINCT {int})"), Ty::Int),
            8 => (format!("MAX({text})"), Ty::Text),
            9 => (format!("MIN({text})"), Ty::Text),
            // What of these doesn't depend on the order of arrival.
            11 => (format!("CHAR_LENGTH(LISTAGG({text}))"), Ty::Int),
            12 => (format!("CARDINALITY(ARRAY_AGG({int}))"), Ty::Int),
            13 => (format!("CARDINALITY(ARRAY_AGG(DISTINCT {int}))"), Ty::Int),
            14 => (format!("COUNT(DISTINCT {int})"), Ty::Int),
            15 => (format!("AVG(DISTINCT {int})"), Ty::Int),
            _ => (format!("AVG({int})"), Ty::Int),
        };
        // A FILTER follows the aggregate, not what is made of it.
        let call = match call
            .strip_suffix("))")
            .filter(|c| c.starts_with("CHAR_") || c.starts_with("CARD"))
        {
            Some(inner) => format!("{inner}){filter})"),
            None => call + &filter,
        };
        (call, ty)
    }

    fn aggregate(&mut self, depth: usize) -> Relation {
        let input = self.relation(depth - 1);
        let mut list = Vec::new();
        let mut columns = Vec::new();
        let mut keys = Vec::new();
        for _ in 0..self.rng.random_range(0..=2) {
            let ty = *self.pick(&[Ty::Int, Ty::Text]);
            let key = match self.column(&input, ty) {
                key if key.starts_with('c') => key,
                _ => continue,
            };
            if keys.contains(&key) {
                continue;
            }
            let name = self.name();
            list.push(format!("{key} AS {name}"));
            columns.push((name, ty));
            keys.push(key);
        }
        for _ in 0..self.rng.random_range(1..=3) {
            let ((call, ty), name) = (self.aggregate_call(&input), self.name());
            list.push(format!("{call} AS {name}"));
            columns.push((name, ty));
        }
        let from = match keys.is_empty() {
            true => self.some_rows(&input),
            false => self.from(&input),
        };
        let mut sql = format!("SELECT {} FROM {from}", list.join(", "));
        if !keys.is_empty() {
            sql += &format!(" GROUP BY {}", keys.join(", "));
            if self.rng.random_bool(0.3) {
                sql += &format!(" HAVING COUNT(*) > {}", self.rng.random_range(0..3));
            }
        }
        Relation { sql, columns }
    }

    fn grouping_sets(&mut self, depth: usize) -> Relation {
        let input = self.relation(depth - 1);
        let (one, two) = (self.column(&input, Ty::Int), self.column(&input, Ty::Text));
        if !one.starts_with('c') || !two.starts_with('c') {
            return input;
        }
        let (call, ty) = self.aggregate_call(&input);
        let names = [self.name(), self.name(), self.name()];
        let sets = *self.pick(&[
            "ROLLUP (#1, #2)",
            "CUBE (#1, #2)",
            "GROUPING SETS ((#1), (#2))",
        ]);
        let sets = sets.replace("#1", &one).replace("#2", &two);
        let sql = format!(
            "SELECT {one} AS {}, {two} AS {}, {call} AS {} FROM {} GROUP BY {sets}",
            names[0],
            names[1],
            names[2],
            self.from(&input)
        );
        let types = [Ty::Int, Ty::Text, ty];
        Relation {
            sql,
            columns: names.into_iter().zip(types).collect(),
        }
    }

    fn distinct(&mut self, depth: usize) -> Relation {
        let input = self.relation(depth - 1);
        let ty = *self.pick(&[Ty::Int, Ty::Text]);
        let (expr, name) = (self.expr(&input, ty), self.name());
        let sql = format!(
            "SELECT DISTINCT {expr} AS {name} FROM {}",
            self.from(&input)
        );
        Relation {
            sql,
            columns: vec![(name, ty)],
        }
    }

    fn join(&mut self, depth: usize) -> Relation {
        let left = self.relation(depth - 1);
        let right = self.relation(depth.saturating_sub(2));
        let kind = *self.pick(&[
            "INNER JOIN",
            "INNER JOIN",
            "LEFT JOIN",
            "RIGHT JOIN",
            "FULL JOIN",
        ]);
        let ty = *self.pick(&[Ty::Int, Ty::Int, Ty::Text]);
        let (one, two) = (self.column(&left, ty), self.column(&right, ty));
        let mut on = format!("{one} = {two}");
        if self.rng.random_bool(0.3) {
            let (a, b) = (self.int(&left), self.int(&right));
            on += &format!(" AND {a} <= {b}");
        }
        let both: Vec<(String, Ty)> = left.columns.iter().chain(&right.columns).cloned().collect();
        let kept: Vec<(String, Ty)> = both
            .iter()
            .filter(|_| self.rng.random_bool(0.6))
            .cloned()
            .collect();
        let kept = if kept.is_empty() { both } else { kept };
        let list: Vec<&str> = kept.iter().map(|(name, _)| name.as_str()).collect();
        let (left, right) = (
            format!("({}) AS l{}", left.sql, self.names),
            self.from(&right),
        );
        Relation {
            sql: format!(
                "SELECT {} FROM {left} {kind} {right} ON {on}",
                list.join(", ")
            ),
            columns: kept,
        }
    }

    fn semi_join(&mut self, depth: usize) -> Relation {
        let left = self.relation(depth - 1);
        let right = self.relation(depth.saturating_sub(2));
        let ty = *self.pick(&[Ty::Int, Ty::Text]);
        let (one, two) = (self.column(&left, ty), self.column(&right, ty));
        let not = *self.pick(&["", "NOT "]);
        let inner = self.from(&right);
        let condition = match self.rng.random_range(0..3) {
            0 => format!("{one} {not}IN (SELECT {two} FROM {inner})"),
            1 => format!("{not}EXISTS (SELECT 1 FROM {inner} WHERE {two} = {one})"),
            _ => {
                let (a, b) = (self.int(&left), self.int(&right));
                format!("{not}EXISTS (SELECT 1 FROM {inner} WHERE {two} = {one} AND {b} > {a})")
            }
        };
        let left_from = format!("({}) AS l{}", left.sql, self.names);
        Relation {
            sql: format!("SELECT * FROM {left_from} WHERE {condition}"),
            columns: left.columns,
        }
    }

    fn set_operation(&mut self, depth: usize) -> Relation {
        let left = self.relation(depth - 1);
        let right = self.relation(depth.saturating_sub(2));
        let operation = *self.pick(&[
            "UNION",
            "UNION ALL",
            "INTERSECT",
            "INTERSECT ALL",
            "EXCEPT",
            "EXCEPT ALL",
        ]);
        let types = [Ty::Int, Ty::Text];
        let names = [self.name(), self.name()];
        let side = |generator: &mut QueryGenerator<'_>, relation: &Relation| {
            let (a, b) = (
                generator.column(relation, Ty::Int),
                generator.column(relation, Ty::Text),
            );
            let from = format!("({}) AS u{}", relation.sql, generator.names);
            format!(
                "SELECT CAST({a} AS BIGINT) AS {}, CAST({b} AS STRING) AS {} FROM {from}",
                names[0], names[1]
            )
        };
        let (one, two) = (side(self, &left), side(self, &right));
        let list = names.join(", ");
        Relation {
            sql: format!("SELECT {list} FROM ({one} {operation} {two})"),
            columns: names.into_iter().zip(types).collect(),
        }
    }

    /// The order names every column, so that ties are between equal rows.
    fn top_n(&mut self, depth: usize) -> Relation {
        let input = self.relation(depth - 1);
        let partition = if self.rng.random_bool(0.7) {
            let ty = *self.pick(&[Ty::Int, Ty::Text]);
            format!("PARTITION BY {} ", self.column(&input, ty))
        } else {
            String::new()
        };
        let mut order: Vec<String> = input.columns.iter().map(|(name, _)| name.clone()).collect();
        let rotate = self.rng.random_range(0..order.len());
        order.rotate_left(rotate);
        if self.rng.random_bool(0.5) {
            order[0] += " DESC";
        }
        let function = *self.pick(&["ROW_NUMBER", "ROW_NUMBER", "RANK"]);
        let number = self.name();
        let most = self.rng.random_range(1..4);
        let list: Vec<&str> = input
            .columns
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        let list = list.join(", ");
        let with_number = self.rng.random_bool(0.5);
        let shown = if with_number {
            format!("{list}, {number}")
        } else {
            list.clone()
        };
        let sql = format!(
            "SELECT {shown} FROM (SELECT {list}, {function}() OVER ({partition}ORDER BY {}) AS {number} FROM {}) WHERE {number} <= {most}",
            order.join(", "),
            self.from(&input)
        );
        let mut columns = input.columns;
        if with_number {
            columns.push((number, Ty::Int));
        }
        Relation { sql, columns }
    }

    fn scalar_subquery(&mut self, depth: usize) -> Relation {
        let left = self.relation(depth - 1);
        let right = self.relation(depth.saturating_sub(2));
        let (a, b, c) = (
            self.int(&left),
            self.int(&right),
            self.column(&right, Ty::Int),
        );
        let function = *self.pick(&["MAX", "MIN", "COUNT", "SUM"]);
        let left_from = format!("({}) AS l{}", left.sql, self.names);
        if self.rng.random_bool(0.5) {
            let inner = self.some_rows(&right);
            return Relation {
                sql: format!(
                    "SELECT * FROM {left_from} WHERE {a} >= (SELECT {function}({b}) FROM {inner})"
                ),
                columns: left.columns,
            };
        }
        let inner = self.from(&right);
        let name = self.name();
        let key = self.column(&left, Ty::Int);
        let list: Vec<&str> = left.columns.iter().map(|(name, _)| name.as_str()).collect();
        let subquery = format!("(SELECT {function}({b}) FROM {inner} WHERE {c} = {key})");
        // Streams count nothing of no rows, as Flink's do, where the subquery reads nothing of the query around it.
        let value = match function == "COUNT" && !key.starts_with('c') {
            true => format!("COALESCE({subquery}, 0)"),
            false => subquery,
        };
        let sql = format!(
            "SELECT {}, {value} AS {name} FROM {left_from}",
            list.join(", ")
        );
        let mut columns = left.columns;
        columns.push((name, Ty::Int));
        Relation { sql, columns }
    }
}
