use super::*;

fn tokens(text: &str) -> Vec<Token> {
    Lexer::new(text)
        .filter_map(|l| match l.unwrap().kind {
            LexemeKind::Token(token) => Some(token),
            _ => None,
        })
        .collect()
}

fn string(text: &str) -> Token {
    Token::SingleQuotedString(text.to_string())
}

fn error(text: &str) -> ParseError {
    Lexer::new(text).find_map(std::result::Result::err).unwrap()
}

#[test]
fn strings_resolve_their_escapes() {
    assert_eq!(tokens("'it''s'"), [string("it's")]);
    assert_eq!(tokens("'a' -- first\n 'b'"), [string("ab")]);
    assert_eq!(tokens(r"E'a\nb\u0041\x41\101\''''"), [string("a\nbAAA''")]);
}

#[test]
fn unicode_literals() {
    assert_eq!(tokens(r"U&'\0041\+0000e9z\\'"), [string("Aéz\\")]);
    assert_eq!(tokens("u&'d!0061t!0061' UESCAPE '!'"), [string("data")]);
    assert!(error("U&'\\00'").message.contains("escape"));
    assert!(error("U&'a' UESCAPE '+'").message.contains("UESCAPE"));
}

#[test]
fn binary_and_introduced_literals() {
    assert_eq!(
        tokens("X'0aFF'"),
        [Token::HexStringLiteral("0aFF".to_string())]
    );
    assert_eq!(tokens("_UTF8'x', N'y'")[..1], [string("x")]);
    assert_eq!(tokens("N'y'"), [string("y")]);
    assert!(error("X'0'").message.contains("even number"));
    assert!(error("X'zz'").message.contains("'z'"));
    assert!(error("_KLINGON'x'").message.contains("KLINGON"));
}

#[test]
fn literals_on_one_line_are_not_joined() {
    let error = error("SELECT 'a' 'b'");
    assert_eq!(error.message, "String literal continued on same line.");
    assert_eq!(
        error.span.start,
        Location {
            line: 1,
            column: 12
        }
    );
    assert_eq!(
        error.span.end,
        Location {
            line: 1,
            column: 15
        }
    );
}

#[test]
fn numbers_and_words() {
    let number = |s: &str| Token::Number(s.to_string(), false);
    assert_eq!(
        tokens("1.e2 .5 1. 3e-4"),
        ["1.e2", ".5", "1.", "3e-4"].map(number)
    );
    // As Flink's lexer: a number ends where its digits end.
    assert_eq!(tokens("1a"), [number("1"), word("a")]);
    assert_eq!(tokens("a$b _c é"), ["a$b", "_c", "é"].map(word));
    assert_eq!(
        tokens("`a``b`"),
        [Token::Word(Word {
            value: "a`b".to_string(),
            quote_style: Some('`'),
            keyword: Keyword::NoKeyword,
        })]
    );
}

#[test]
fn keywords_of_other_databases_are_names() {
    for name in ["TOP", "PREWHERE", "SAMPLE", "DIV"] {
        let Token::Word(found) = word(name) else {
            unreachable!()
        };
        assert_eq!(found.keyword, Keyword::NoKeyword, "{name}");
    }
}

#[test]
fn comments_and_hints_are_kept_apart() {
    let kinds: Vec<LexemeKind> = Lexer::new("/* a */ -- b\n//c\n/*+ H(x) */")
        .map(|l| l.unwrap().kind)
        .collect();
    assert_eq!(
        kinds,
        [
            LexemeKind::Comment,
            LexemeKind::Comment,
            LexemeKind::Comment,
            LexemeKind::Hint(" H(x) ".to_string())
        ]
    );
}

#[test]
fn open_ends_are_incomplete() {
    for text in ["'a", "`a", "/* a", "/*+ a", "X'00", "E'\\'"] {
        assert!(error(text).incomplete, "{text}");
    }
    assert!(!error("a != b").incomplete);
}

#[test]
fn foreign_operators_are_refused_with_a_hint() {
    for (text, hint) in [
        ("a != b", "<>"),
        ("a == b", "'='"),
        ("a::INT", "CAST"),
        ("\"a\"", "backticks"),
        ("a && b", "AND"),
        ("!a", "NOT"),
    ] {
        assert!(error(text).hint.unwrap().contains(hint), "{text}");
    }
}

#[test]
fn places_count_characters_from_one() {
    let spans: Vec<Span> = Lexer::new("é, b\n  c").map(|l| l.unwrap().span).collect();
    let at = |line, column| Location { line, column };
    assert_eq!(spans[1].start, at(1, 2));
    assert_eq!(spans[2].start, at(1, 4));
    assert_eq!((spans[3].start, spans[3].end), (at(2, 3), at(2, 4)));
}
