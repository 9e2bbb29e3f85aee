//! The LIKE of SHOW statements.

use filbert_sql::LikeFilter;

/// Keeps the names that pass the filter.
pub(crate) fn retain(names: &mut Vec<String>, filter: Option<&LikeFilter>) {
    if let Some(filter) = filter {
        names.retain(|name| passes(name, filter));
    }
}

/// True when the name passes the filter.
pub(crate) fn passes(name: &str, filter: &LikeFilter) -> bool {
    let pattern = &filter.pattern.value;
    let matched = if filter.case_insensitive {
        like(&name.to_lowercase(), &pattern.to_lowercase())
    } else {
        like(name, pattern)
    };
    matched != filter.negated
}

/// SQL's LIKE: `%` is any text, `_` any character, a backslash takes the next one as it is.
fn like(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let pattern = elements(pattern);
    // The last `%` seen and how much of the text it has swallowed: where to go on after a mismatch.
    let mut retry: Option<(usize, usize)> = None;
    let (mut at, mut element) = (0, 0);
    while at < text.len() {
        match pattern.get(element) {
            Some(Element::Any) => {
                retry = Some((element, at));
                element += 1;
            }
            Some(Element::One) => {
                at += 1;
                element += 1;
            }
            Some(Element::Char(c)) if *c == text[at] => {
                at += 1;
                element += 1;
            }
            _ => match retry {
                Some((any, swallowed)) => {
                    retry = Some((any, swallowed + 1));
                    at = swallowed + 1;
                    element = any + 1;
                }
                None => return false,
            },
        }
    }
    pattern[element..].iter().all(|e| matches!(e, Element::Any))
}

enum Element {
    Any,
    One,
    Char(char),
}

fn elements(pattern: &str) -> Vec<Element> {
    let mut chars = pattern.chars();
    let mut elements = Vec::new();
    while let Some(c) = chars.next() {
        elements.push(match c {
            '%' => Element::Any,
            '_' => Element::One,
            '\\' => Element::Char(chars.next().unwrap_or('\\')),
            other => Element::Char(other),
        });
    }
    elements
}

#[cfg(test)]
mod tests {
    use super::like;

    #[test]
    fn matches_as_sql_does() {
        for (text, pattern, expected) in [
            ("cat1", "cat_", true),
            ("cat", "cat_", false),
            ("like_all", "like\\_%", true),
            ("likeXall", "like\\_%", false),
            ("abcabd", "%ab_", true),
            ("aXbYc", "a%b%c", true),
            ("aXbY", "a%b%c", false),
            ("", "%", true),
            ("", "_", false),
        ] {
            assert_eq!(like(text, pattern), expected, "{text} LIKE {pattern}");
        }
    }
}
