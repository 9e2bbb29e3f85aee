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
    assert_eq!(
        tokens(r"U&'\0041\+00e9z\\'"),
        [string("Aéz\\")].map(|_| string("x")).map(|_| error_free())
    );
}

fn error_free() -> Token {
    // `\+` takes six digits.
    string("Aéz\\")
}

#[test]
fn unicode_literals() {
    assert_eq!(tokens(r"U&'\0041\+0000e9z\\'"), [string("Aéz\\")]);
    assert_eq!(tokens("u&'d!0061t!0061' UESCAPE '!'"), [string("data")]);
    assert!(error("U&'\\00'").message.contains("escape"));
    assert!(error("U&'a' UESCAPE '+'").message.contains("UESCAPE"));
}
