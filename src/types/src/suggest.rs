/// The candidate nearest to `name`, when one is near enough to be what a typist meant. Case is ignored.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    let (distance, best) = candidates
        .into_iter()
        .map(|c| (strsim::damerau_levenshtein(&wanted, &c.to_lowercase()), c))
        .min_by_key(|(distance, _)| *distance)?;
    let allowed = (wanted.chars().count() / 3).clamp(1, 4);
    // A word of which every letter differs is another word.
    let shared = distance < wanted.chars().count().max(best.chars().count());
    (distance <= allowed && shared).then_some(best)
}

/// ` Did you mean 'x'?`, or nothing where no candidate is near.
pub fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, candidates).map_or_else(String::new, |n| format!(" Did you mean '{n}'?"))
}

/// A message and what might help, as sentences: on lines of their own where the message has several.
pub fn hinted(message: &str, hint: Option<&str>) -> String {
    let Some(hint) = hint else {
        return message.to_owned();
    };
    if message.contains('\n') {
        return format!("{message}\n{hint}");
    }
    let stop = if message.ends_with(['.', '?', '!', ':']) {
        ""
    } else {
        "."
    };
    format!("{message}{stop} {hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_near_names_only() {
        assert_eq!(nearest("ordres", ["orders", "users"]), Some("orders"));
        assert_eq!(nearest("PRINTT", ["print", "filesystem"]), Some("print"));
        assert_eq!(nearest("kafka", ["print", "filesystem"]), None);
    }

    #[test]
    fn a_hint_is_a_sentence_of_its_own() {
        assert_eq!(
            hinted("No x", Some("Did you mean y?")),
            "No x. Did you mean y?"
        );
        assert_eq!(
            hinted("No x.", Some("Did you mean y?")),
            "No x. Did you mean y?"
        );
        assert_eq!(hinted("a\nb", Some("c")), "a\nb\nc");
        assert_eq!(hinted("No x", None), "No x");
    }
}
