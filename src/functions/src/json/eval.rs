//! What a path selects of a value.

use std::cmp::Ordering;

use super::path::{Filter, Mode, Operand, Path, Step, is_definite};
use super::value::Json;
use crate::java::regex::JavaRegex;

/// What a path selects: one value, or an array of values where it isn't definite. The error is of strict mode, or of a
/// document that is null, into which Jayway doesn't look.
pub fn select(path: &Path, root: &Json) -> Result<Option<Json>, String> {
    let definite = is_definite(&path.steps);
    if *root == Json::Null {
        return Err("json object can not be null".to_string());
    }
    let mut eval = Eval {
        root,
        found: Vec::new(),
    };
    let result = eval.step(&path.steps, root, true, &mut "$".to_string());
    match (result, path.mode) {
        (Err(e), Mode::Strict) => return Err(e),
        (Err(_), Mode::Lax) if definite => return Ok(None),
        _ => {}
    }
    if definite {
        return match (eval.found.pop(), path.mode) {
            // As an exception of the path's, so that ON ERROR tells what stands for it.
            (Some(Json::Null), Mode::Strict) => Err("the path leads to null".to_string()),
            (found, _) => Ok(found),
        };
    }
    Ok(Some(Json::Array(eval.found)))
}

struct Eval<'j> {
    root: &'j Json,
    found: Vec<Json>,
}

impl<'j> Eval<'j> {
    /// `definite` says that the steps before select one value: then a missing one is an error.
    fn step(
        &mut self,
        steps: &[Step],
        value: &Json,
        definite: bool,
        place: &mut String,
    ) -> Result<(), String> {
        let Some((step, rest)) = steps.split_first() else {
            self.found.push(value.clone());
            return Ok(());
        };
        match step {
            Step::Property(name) => match value.get(name) {
                Some(inner) => {
                    let length = place.len();
                    place.push_str(&format!("['{name}']"));
                    self.step(rest, inner, definite, place)?;
                    place.truncate(length);
                    Ok(())
                }
                None if definite => Err(missing(name, value, place)),
                None => Ok(()),
            },
            Step::Properties(names) => self.properties(names, rest, value, definite, place),
            Step::Index(index) => self.index(*index, rest, value, definite, place),
            Step::Indices(indices) => {
                check_array(value, definite, place)?;
                indices
                    .iter()
                    .try_for_each(|i| self.index(*i, rest, value, false, place))
            }
            Step::Slice(from, to) => {
                check_array(value, definite, place)?;
                let Json::Array(items) = value else {
                    return Ok(());
                };
                let size = items.len() as i64;
                let at = |i: i64| if i < 0 { (size + i).max(0) } else { i.min(size) } as usize;
                let (from, to) = (at(from.unwrap_or(0)), at(to.unwrap_or(size)));
                items[from.min(to)..to]
                    .iter()
                    .try_for_each(|item| self.step(rest, item, false, place))
            }
            Step::Wildcard => children(value)
                .into_iter()
                .try_for_each(|child| self.step(rest, child, false, place)),
            Step::Deep(step) => self.deep(step, rest, value, place),
            Step::Filter(filter) => self.filter(filter, rest, value, definite, place),
            Step::Function(name, numbers) => {
                let result = function(name, numbers, value)?;
                self.step(rest, &result, definite, place)
            }
        }
    }

    fn properties(
        &mut self,
        names: &[String],
        rest: &[Step],
        value: &Json,
        definite: bool,
        place: &mut String,
    ) -> Result<(), String> {
        if !matches!(value, Json::Object(_)) {
            return match definite {
                true => Err(missing(&names.join("','"), value, place)),
                false => Ok(()),
            };
        }
        let known = names
            .iter()
            .filter_map(|n| value.get(n).map(|v| (n.clone(), v.clone())));
        if rest.is_empty() {
            self.found.push(Json::Object(known.collect()));
            return Ok(());
        }
        let known: Vec<_> = known.collect();
        known
            .iter()
            .try_for_each(|(_, v)| self.step(rest, v, false, place))
    }

    fn index(
        &mut self,
        index: i64,
        rest: &[Step],
        value: &Json,
        definite: bool,
        place: &mut String,
    ) -> Result<(), String> {
        check_array(value, definite, place)?;
        let Json::Array(items) = value else {
            return Ok(());
        };
        let at = if index < 0 {
            index + items.len() as i64
        } else {
            index
        };
        match usize::try_from(at).ok().and_then(|at| items.get(at)) {
            Some(item) => self.step(rest, item, definite, place),
            None if definite => Err(format!("No results for path: {place}[{index}]")),
            None => Ok(()),
        }
    }

    /// At a container first, then at what it contains.
    fn deep(
        &mut self,
        step: &Step,
        rest: &[Step],
        value: &Json,
        place: &mut String,
    ) -> Result<(), String> {
        let applies = match (step, value) {
            (Step::Property(name), value) => value.get(name).is_some(),
            (Step::Index(_) | Step::Indices(_) | Step::Slice(..), Json::Array(_)) => true,
            (Step::Wildcard | Step::Filter(_), Json::Array(_) | Json::Object(_)) => true,
            (Step::Properties(_), Json::Object(_)) => true,
            _ => false,
        };
        if applies {
            let mut steps = vec![step.clone()];
            steps.extend_from_slice(rest);
            self.step(&steps, value, false, place)?;
        }
        children(value)
            .into_iter()
            .try_for_each(|child| self.deep(step, rest, child, place))
    }

    fn filter(
        &mut self,
        filter: &Filter,
        rest: &[Step],
        value: &Json,
        definite: bool,
        place: &mut String,
    ) -> Result<(), String> {
        match value {
            Json::Array(items) => items
                .iter()
                .filter(|item| self.holds(filter, item))
                .collect::<Vec<_>>()
                .into_iter()
                .try_for_each(|item| self.step(rest, item, false, place)),
            Json::Object(_) if self.holds(filter, value) => self.step(rest, value, false, place),
            Json::Object(_) => Ok(()),
            _ if definite => Err(format!(
                "Filter: [?] can not be applied to primitives. Current context is: {value:?}"
            )),
            _ => Ok(()),
        }
    }

    fn holds(&self, filter: &Filter, item: &Json) -> bool {
        match filter {
            Filter::Or(parts) => parts.iter().any(|p| self.holds(p, item)),
            Filter::And(parts) => parts.iter().all(|p| self.holds(p, item)),
            Filter::Not(inner) => !self.holds(inner, item),
            Filter::Exists(operand) => self.value_of(operand, item).is_some(),
            Filter::Compare(left, operator, right) => {
                let left = self.value_of(left, item);
                if let Operand::Regex {
                    pattern,
                    ignore_case,
                } = right
                {
                    let pattern = if *ignore_case {
                        format!("(?i){pattern}")
                    } else {
                        pattern.clone()
                    };
                    return *operator == "=~"
                        && matches!(left, Some(Json::String(text))
                            if JavaRegex::full(&pattern).is_ok_and(|r| r.is_match(&text)));
                }
                compare(left.as_ref(), operator, self.value_of(right, item).as_ref())
            }
        }
    }

    fn value_of(&self, operand: &Operand, item: &Json) -> Option<Json> {
        match operand {
            Operand::Value(value) => Some(value.clone()),
            Operand::Regex { .. } => None,
            Operand::Path { from_root, steps } => {
                let path = Path {
                    mode: Mode::Lax,
                    steps: steps.clone(),
                };
                let root = if *from_root { self.root } else { item };
                select(&path, root).ok().flatten()
            }
        }
    }
}

fn missing(name: &str, value: &Json, place: &str) -> String {
    match value {
        Json::Object(_) => format!("No results for path: {place}['{name}']"),
        _ => format!("Expected to find an object with property ['{name}'] in path {place}"),
    }
}

fn check_array(value: &Json, definite: bool, place: &str) -> Result<(), String> {
    match value {
        Json::Array(_) => Ok(()),
        _ if definite => Err(format!(
            "Filter: an index can only be applied to arrays, in path {place}"
        )),
        _ => Ok(()),
    }
}

fn children(value: &Json) -> Vec<&Json> {
    match value {
        Json::Array(items) => items.iter().collect(),
        Json::Object(fields) => fields.iter().map(|(_, v)| v).collect(),
        _ => Vec::new(),
    }
}

fn number(value: &Json) -> Option<f64> {
    match value {
        Json::Number(text) => text.parse().ok(),
        _ => None,
    }
}

fn order(left: &Json, right: &Json) -> Option<Ordering> {
    match (left, right) {
        (Json::Number(_), Json::Number(_)) => number(left)?.partial_cmp(&number(right)?),
        (Json::String(a), Json::String(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

fn equal(left: &Json, right: &Json) -> bool {
    match order(left, right) {
        Some(order) => order == Ordering::Equal,
        None => left == right,
    }
}

fn compare(left: Option<&Json>, operator: &str, right: Option<&Json>) -> bool {
    let (Some(left), Some(right)) = (left, right) else {
        return operator == "!=" && left.is_some() != right.is_some();
    };
    let ordered = |wanted: &[Ordering]| order(left, right).is_some_and(|o| wanted.contains(&o));
    let size = match left {
        Json::Array(items) => Some(items.len()),
        Json::String(text) => Some(text.encode_utf16().count()),
        _ => None,
    };
    let contains = |list: &Json, item: &Json| match (list, item) {
        (Json::Array(items), item) => items.iter().any(|i| equal(i, item)),
        (Json::String(text), Json::String(part)) => text.contains(part.as_str()),
        _ => false,
    };
    match operator {
        "==" => equal(left, right),
        "!=" => !equal(left, right),
        "<" => ordered(&[Ordering::Less]),
        "<=" => ordered(&[Ordering::Less, Ordering::Equal]),
        ">" => ordered(&[Ordering::Greater]),
        ">=" => ordered(&[Ordering::Greater, Ordering::Equal]),
        "in" => contains(right, left),
        "nin" => !contains(right, left),
        "contains" => contains(left, right),
        "size" => size.is_some_and(|s| number(right) == Some(s as f64)),
        "empty" => size.is_some_and(|s| *right == Json::Bool(s == 0)),
        _ => false,
    }
}

fn function(name: &str, numbers: &[i64], value: &Json) -> Result<Json, String> {
    let items: &[Json] = match value {
        Json::Array(items) => items,
        _ => &[],
    };
    let at = |index: i64| -> Json {
        let index = if index < 0 {
            index + items.len() as i64
        } else {
            index
        };
        let item = usize::try_from(index).ok().and_then(|i| items.get(i));
        item.cloned().unwrap_or(Json::Null)
    };
    let values: Vec<f64> = items.iter().filter_map(number).collect();
    let count = values.len() as f64;
    let sum: f64 = values.iter().sum();
    let statistic = |result: f64| match values.is_empty() {
        true => {
            Err("Aggregation function attempted to calculate value using empty array".to_string())
        }
        false => Ok(Json::from_double(result)),
    };
    match name {
        "length" | "size" => Ok(match value {
            Json::Array(items) => Json::Number(items.len().to_string()),
            Json::Object(fields) => Json::Number(fields.len().to_string()),
            _ => Json::Null,
        }),
        "keys" => Ok(match value {
            Json::Object(fields) => Json::Array(
                fields
                    .iter()
                    .map(|(k, _)| Json::String(k.clone()))
                    .collect(),
            ),
            _ => Json::Null,
        }),
        "first" => Ok(at(0)),
        "last" => Ok(at(-1)),
        "index" => Ok(at(numbers.first().copied().unwrap_or(0))),
        "min" => statistic(values.iter().copied().fold(f64::INFINITY, f64::min)),
        "max" => statistic(values.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
        "sum" => statistic(sum),
        "avg" => statistic(sum / count),
        "stddev" => {
            let squares: f64 = values.iter().map(|v| v * v).sum();
            statistic((squares / count - (sum * sum) / count / count).sqrt())
        }
        other => Err(format!("Function of name: {other} cannot be created")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(path: &str, text: &str) -> Option<String> {
        let value = Json::parse(text).unwrap();
        let path = Path::parse(path).ok()?;
        select(&path, &value).ok().flatten().map(|v| v.text())
    }

    /// What Flink's JSON_QUERY and JSON_VALUE answered.
    #[test]
    fn paths_are_jayways() {
        let text = r#"{"a":{"b":[10,20,{"c":3}]},"x.y":1,"l":[[1,2],[3]],"u":null}"#;
        for (path, expected) in [
            ("$.a.b[0]", "10"),
            ("$['a'][\"b\"][1]", "20"),
            ("$[\"x.y\"]", "1"),
            ("$.[\"x.y\"]", "1"),
            ("$.a.b[-2]", "20"),
            ("$.a.b[*]", r#"[10,20,{"c":3}]"#),
            ("$.l[*][0]", "[1,3]"),
            ("$..c", "[3]"),
            ("$.a.b[1:]", r#"[20,{"c":3}]"#),
            ("$.a.b[:1]", "[10]"),
            ("$.a.b[-1:]", r#"[{"c":3}]"#),
            ("$.a.b[0,2]", r#"[10,{"c":3}]"#),
            ("$.a.b.length()", "3"),
            ("lax $.q", ""),
            ("a", r#"{"b":[10,20,{"c":3}]}"#),
            ("$.l[", "[[1,2],[3]]"),
        ] {
            let expected = Some(expected.to_string()).filter(|e| !e.is_empty());
            assert_eq!(selected(path, text), expected, "{path}");
        }
        assert_eq!(
            selected("$..*", r#"{"a":{"b":[1,{"c":3}]},"l":[2]}"#).unwrap(),
            r#"[{"b":[1,{"c":3}]},[2],[1,{"c":3}],1,{"c":3},3,2]"#
        );
        for bad in ["", "$.", "$a", "$["] {
            assert!(Path::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn filters_select_elements() {
        let text = r#"[{"p":5,"n":"x"},{"p":15,"n":"y"},{"n":"xyz"}]"#;
        for (path, expected) in [
            ("$[?(@.p > 10)].n", r#"["y"]"#),
            ("$[?(@.p)].n", r#"["x","y"]"#),
            ("$[?(!@.p)].n", r#"["xyz"]"#),
            ("$[?(@.n == 'x' || @.p==15)].n", r#"["x","y"]"#),
            ("$[?(@.n =~ /X.*/i)].n", r#"["x","xyz"]"#),
            ("$[?(@.n in ['y','q'] && @.p >= 15)].p", "[15]"),
        ] {
            assert_eq!(selected(path, text).as_deref(), Some(expected), "{path}");
        }
    }
}
