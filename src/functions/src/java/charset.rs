/// A character set that ENCODE and DECODE know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    Utf8,
    Ascii,
    Latin1,
    Windows1252,
    /// With a byte order mark when written; big-endian.
    Utf16,
    Utf16Be,
    Utf16Le,
    Utf32,
}

/// Windows-1252's characters from 0x80 to 0x9F; U+FFFD where it has none.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{fffd}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{fffd}', 'Ž',
    '\u{fffd}', '\u{fffd}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{fffd}',
    'ž', 'Ÿ',
];

impl Charset {
    /// The character set of a name, in any case, with Java's aliases.
    pub fn named(name: &str) -> Option<Charset> {
        Some(match name.to_ascii_uppercase().as_str() {
            "UTF-8" | "UTF8" | "UNICODE-1-1-UTF-8" => Charset::Utf8,
            "US-ASCII" | "ASCII" | "ISO646-US" | "ANSI_X3.4-1968" | "646" | "CP367" => {
                Charset::Ascii
            }
            "ISO-8859-1" | "ISO8859_1" | "ISO8859-1" | "ISO_8859-1" | "ISO_8859_1" | "LATIN1"
            | "L1" | "CP819" | "8859_1" => Charset::Latin1,
            "WINDOWS-1252" | "CP1252" => Charset::Windows1252,
            "UTF-16" | "UTF16" | "UTF_16" | "UNICODE" => Charset::Utf16,
            "UTF-16BE" | "UTF_16BE" | "UNICODEBIGUNMARKED" => Charset::Utf16Be,
            "UTF-16LE" | "UTF_16LE" | "UNICODELITTLEUNMARKED" => Charset::Utf16Le,
            "UTF-32" | "UTF32" | "UTF_32" => Charset::Utf32,
            _ => return None,
        })
    }

    /// Appends a text's bytes; what the set lacks becomes `?`.
    pub fn encode(self, text: &str, out: &mut Vec<u8>) {
        let single = |out: &mut Vec<u8>, f: &dyn Fn(char) -> Option<u8>| {
            out.extend(text.chars().map(|c| f(c).unwrap_or(b'?')));
        };
        match self {
            Charset::Utf8 => out.extend_from_slice(text.as_bytes()),
            Charset::Ascii => single(out, &|c| c.is_ascii().then_some(c as u8)),
            Charset::Latin1 => single(out, &|c| u8::try_from(u32::from(c)).ok()),
            Charset::Windows1252 => single(out, &|c| match u32::from(c) {
                0..0x80 | 0xA0..0x100 => Some(c as u8),
                _ => WINDOWS_1252
                    .iter()
                    .position(|w| *w == c)
                    .map(|at| at as u8 + 0x80),
            }),
            Charset::Utf16 => {
                if !text.is_empty() {
                    out.extend([0xFE, 0xFF]);
                }
                out.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
            }
            Charset::Utf16Be => out.extend(text.encode_utf16().flat_map(u16::to_be_bytes)),
            Charset::Utf16Le => out.extend(text.encode_utf16().flat_map(u16::to_le_bytes)),
            Charset::Utf32 => out.extend(text.chars().flat_map(|c| u32::from(c).to_be_bytes())),
        }
    }

    /// Appends the text of bytes; what they don't spell becomes U+FFFD.
    pub fn decode(self, bytes: &[u8], out: &mut String) {
        match self {
            Charset::Utf8 => out.push_str(&String::from_utf8_lossy(bytes)),
            Charset::Ascii => out.extend(bytes.iter().map(|b| {
                if b.is_ascii() {
                    char::from(*b)
                } else {
                    '\u{fffd}'
                }
            })),
            Charset::Latin1 => out.extend(bytes.iter().map(|b| char::from(*b))),
            Charset::Windows1252 => out.extend(bytes.iter().map(|b| match b {
                0x80..0xA0 => WINDOWS_1252[usize::from(b - 0x80)],
                b => char::from(*b),
            })),
            Charset::Utf16 => match bytes {
                [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes, out),
                [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes, out),
                bytes => utf16(bytes, u16::from_be_bytes, out),
            },
            Charset::Utf16Be => utf16(bytes, u16::from_be_bytes, out),
            Charset::Utf16Le => utf16(bytes, u16::from_le_bytes, out),
            Charset::Utf32 => out.extend(bytes.chunks(4).map(|chunk| {
                let code = <[u8; 4]>::try_from(chunk).map(u32::from_be_bytes);
                code.ok().and_then(char::from_u32).unwrap_or('\u{fffd}')
            })),
        }
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16, out: &mut String) {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| unit(*pair));
    out.extend(char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}')));
    if !rest.is_empty() {
        out.push('\u{fffd}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes are what Flink's ENCODE answered.
    #[test]
    fn bytes_are_javas() {
        let encoded = |name: &str, text: &str| {
            let mut out = vec![];
            Charset::named(name).unwrap().encode(text, &mut out);
            out
        };
        assert_eq!(encoded("utf-16", "aé"), [0xFE, 0xFF, 0, 0x61, 0, 0xE9]);
        assert!(encoded("UTF-16", "").is_empty());
        assert_eq!(encoded("windows-1252", "€"), [0x80]);
        assert_eq!(encoded("latin1", "é日"), [0xE9, b'?']);
        assert_eq!(encoded("UTF-32", "a"), [0, 0, 0, 0x61]);
        assert_eq!(Charset::named("no-such-charset"), None);
    }

    #[test]
    fn what_is_malformed_is_replaced() {
        let decoded = |charset: Charset, bytes: &[u8]| {
            let mut out = String::new();
            charset.decode(bytes, &mut out);
            out
        };
        assert_eq!(decoded(Charset::Utf16, &[0xFF, 0xFE, 0x61, 0]), "a");
        assert_eq!(decoded(Charset::Utf16Be, &[0xD8, 0x3D]), "\u{fffd}");
        assert_eq!(decoded(Charset::Ascii, &[0x61, 0xFF]), "a\u{fffd}");
    }
}
