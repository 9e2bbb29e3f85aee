//! `java.net.URL`'s parts, and form encoding.

/// What `java.net.URL` makes of a text.
#[derive(Debug, Default, PartialEq)]
pub struct JavaUrl<'t> {
    pub protocol: String,
    pub authority: Option<&'t str>,
    pub user_info: Option<&'t str>,
    pub host: &'t str,
    pub path: &'t str,
    pub query: Option<&'t str>,
    pub reference: Option<&'t str>,
    /// Path and query.
    pub file: &'t str,
}

const PROTOCOLS: &[&str] = &[
    "http", "https", "ftp", "file", "jar", "mailto", "jmod", "jrt",
];

impl<'t> JavaUrl<'t> {
    /// The parts of a URL of a protocol that Java knows; none where it throws.
    pub fn parse(text: &'t str) -> Option<JavaUrl<'t>> {
        let text = text.trim_matches(|c: char| c <= ' ');
        let text = match text.get(..4) {
            Some(start) if start.eq_ignore_ascii_case("url:") => &text[4..],
            _ => text,
        };
        let colon = text
            .find([':', '/'])
            .filter(|at| text[*at..].starts_with(':'))?;
        let protocol = text[..colon].to_ascii_lowercase();
        if !PROTOCOLS.contains(&protocol.as_str()) {
            return None;
        }
        let rest = &text[colon + 1..];
        let (rest, reference) = match rest.split_once('#') {
            Some((rest, reference)) => (rest, Some(reference)),
            None => (rest, None),
        };
        let mut url = JavaUrl {
            protocol,
            reference,
            ..JavaUrl::default()
        };
        let mut file = rest;
        if let Some(after) = rest.strip_prefix("//")
            && url.protocol != "jar"
            && url.protocol != "mailto"
        {
            let end = after.find(['/', '?']).unwrap_or(after.len());
            url.set_authority(&after[..end])?;
            file = &after[end..];
        }
        url.file = file;
        match file.rsplit_once('?').filter(|_| url.protocol != "mailto") {
            Some(_) => {
                let (path, query) = file.split_once('?').unwrap_or((file, ""));
                url.path = path;
                url.query = Some(query);
            }
            None => url.path = file,
        }
        Some(url)
    }

    fn set_authority(&mut self, authority: &'t str) -> Option<()> {
        self.authority = Some(authority);
        let mut host = authority;
        if let Some((user, rest)) = authority.rsplit_once('@') {
            self.user_info = Some(user);
            host = rest;
        }
        let (name, port) = if host.starts_with('[') {
            let end = host.find(']')? + 1;
            (&host[..end], host[end..].strip_prefix(':'))
        } else {
            match host.split_once(':') {
                Some((name, port)) => (name, Some(port)),
                None => (host, None),
            }
        };
        if port.is_some_and(|p| !p.is_empty() && p.parse::<i32>().is_err()) {
            return None;
        }
        self.host = name;
        Some(())
    }

    /// The value of the first `key=value` in the query.
    pub fn query_value(&self, key: &str) -> Option<&'t str> {
        self.query?.split('&').find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            (name == key).then_some(value)
        })
    }
}

/// `URLEncoder.encode` in UTF-8.
pub fn encode(text: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            byte => {
                out.push('%');
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
}

/// `URLDecoder.decode` in UTF-8; none where an escape is broken.
pub fn decode(text: &str, out: &mut String) -> Option<()> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let (digits, after) = rest.split_at_checked(2)?;
                let digit = |b: u8| char::from(b).to_digit(16);
                bytes.push((digit(digits[0])? * 16 + digit(digits[1])?) as u8);
                rest = after;
            }
            byte => bytes.push(*byte),
        }
    }
    out.push_str(&String::from_utf8_lossy(&bytes));
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Parts<'a> = (
        &'a str,
        &'a str,
        Option<&'a str>,
        Option<&'a str>,
        Option<&'a str>,
        Option<&'a str>,
    );

    /// Host, path, query, reference, authority and user of what Flink's PARSE_URL answered.
    #[test]
    fn parts_are_javas() {
        let parts = |text| -> Option<Parts<'_>> {
            let u = JavaUrl::parse(text)?;
            Some((
                u.host,
                u.path,
                u.query,
                u.reference,
                u.authority,
                u.user_info,
            ))
        };
        for (text, expected) in [
            (
                "http://h?q=1",
                ("h", "", Some("q=1"), None, Some("h"), None),
            ),
            (
                "HTTP://H:99/a b?c=%20d#e f",
                ("H", "/a b", Some("c=%20d"), Some("e f"), Some("H:99"), None),
            ),
            (
                "file:///etc/passwd",
                ("", "/etc/passwd", None, None, Some(""), None),
            ),
            ("mailto:a@b.c", ("", "a@b.c", None, None, None, None)),
            ("http:/a/b", ("", "/a/b", None, None, None, None)),
            (
                "http://[::1]:80/x",
                ("[::1]", "/x", None, None, Some("[::1]:80"), None),
            ),
            ("http://h:/p", ("h", "/p", None, None, Some("h:"), None)),
            (
                "http://u@h/p/../q/./r?",
                ("h", "/p/../q/./r", Some(""), None, Some("u@h"), Some("u")),
            ),
            ("url:http://h/p", ("h", "/p", None, None, Some("h"), None)),
            (
                "http://h/p;x=1?a=b&a=c#f#g",
                ("h", "/p;x=1", Some("a=b&a=c"), Some("f#g"), Some("h"), None),
            ),
            ("http://?a=1", ("", "", Some("a=1"), None, Some(""), None)),
        ] {
            assert_eq!(parts(text), Some(expected), "{text}");
        }
        for bad in [
            "jdbc:mysql://h/d",
            "http://h:bad/",
            "//h/p",
            "ws://h/p",
            "",
            "not a url",
        ] {
            assert_eq!(parts(bad), None, "{bad}");
        }
    }

    #[test]
    fn forms_are_coded() {
        let mut out = String::new();
        encode("é x=~!*", &mut out);
        assert_eq!(out, "%C3%A9+x%3D%7E%21*");
        let mut back = String::new();
        decode(&out, &mut back).unwrap();
        assert_eq!(back, "é x=~!*");
        for bad in ["%zz", "%", "a%2", "%-1"] {
            assert_eq!(decode(bad, &mut String::new()), None, "{bad}");
        }
    }
}
