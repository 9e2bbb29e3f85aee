use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What stands for the rest of a cut cell.
const TRUNCATED: &str = "...";

/// Columns that a text takes on a terminal: East Asian wide characters count two.
pub fn display_width(text: &str) -> usize {
    text.width()
}

/// The text, cut to `width` columns with `...` at its end when it is wider.
pub fn truncated(text: &str, width: usize) -> Cow<'_, str> {
    if display_width(text) <= width {
        return Cow::Borrowed(text);
    }
    let room = width.saturating_sub(TRUNCATED.len());
    let mut used = 0;
    let mut cut = String::new();
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > room {
            break;
        }
        cut.push(c);
    }
    cut.push_str(TRUNCATED);
    Cow::Owned(cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_count_two_when_a_text_is_cut() {
        assert_eq!(truncated("abcdef", 6), "abcdef");
        assert_eq!(truncated("abcdefg", 6), "abc...");
        assert_eq!(truncated("中文字符", 7), "中文...");
        assert_eq!(display_width("中文字符"), 8);
    }
}
