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

/// The part of a line that a screen shows, `width` columns from column `left` on.
pub fn columns(line: &str, left: usize, width: usize) -> &str {
    let mut at = 0;
    let (mut start, mut end) = (line.len(), line.len());
    for (index, c) in line.char_indices() {
        let next = at + c.width().unwrap_or(0);
        if at >= left && start == line.len() {
            start = index;
        }
        if next > left + width {
            end = index;
            break;
        }
        at = next;
    }
    line.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_shows_whole_characters() {
        assert_eq!(columns("abcdef", 1, 3), "bcd");
        assert_eq!(columns("abc", 5, 3), "");
        assert_eq!(columns("a中文b", 0, 4), "a中");
        assert_eq!(columns("a中文b", 2, 9), "文b");
    }

    #[test]
    fn wide_characters_count_two_when_a_text_is_cut() {
        assert_eq!(truncated("abcdef", 6), "abcdef");
        assert_eq!(truncated("abcdefg", 6), "abc...");
        assert_eq!(truncated("中文字符", 7), "中文...");
        assert_eq!(display_width("中文字符"), 8);
    }
}
