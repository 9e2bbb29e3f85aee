use encoding_rs::Encoding;

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
    /// With a byte order mark when written, as `x-UTF-16LE-BOM`.
    Utf16LeBom,
    Utf32,
    Utf32Le,
    Gbk,
    /// One of the web's.
    Web(&'static Encoding),
}

/// Java's names and aliases of the sets that the web has too, in upper case, each list with the set's own name first.
const WEB: &[(&Encoding, &[&str])] = &[
    (
        encoding_rs::SHIFT_JIS,
        &[
            "SHIFT_JIS",
            "X-SJIS",
            "SJIS",
            "SHIFT-JIS",
            "MS_KANJI",
            "CSSHIFTJIS",
        ],
    ),
    (
        encoding_rs::SHIFT_JIS,
        &["WINDOWS-31J", "MS932", "WINDOWS-932", "CSWINDOWS31J"],
    ),
    (
        encoding_rs::EUC_JP,
        &[
            "EUC-JP",
            "X-EUC-JP",
            "EUCJIS",
            "EUC_JP",
            "EUCJP",
            "X-EUCJP",
            "CSEUCPKDFMTJAPANESE",
        ],
    ),
    (encoding_rs::GB18030, &["GB18030", "GB18030-2022"]),
    (encoding_rs::BIG5, &["BIG5", "CSBIG5"]),
    (
        encoding_rs::EUC_KR,
        &[
            "X-WINDOWS-949",
            "MS949",
            "WINDOWS-949",
            "WINDOWS949",
            "MS_949",
        ],
    ),
    (
        encoding_rs::KOI8_R,
        &["KOI8-R", "KOI8_R", "KOI8", "CSKOI8R"],
    ),
    (encoding_rs::KOI8_U, &["KOI8-U", "KOI8_U"]),
    (
        encoding_rs::IBM866,
        &["IBM866", "866", "IBM-866", "CSIBM866", "CP866"],
    ),
    (encoding_rs::MACINTOSH, &["X-MACROMAN", "MACROMAN"]),
    (
        encoding_rs::WINDOWS_1250,
        &["WINDOWS-1250", "CP1250", "CP5346"],
    ),
    (
        encoding_rs::WINDOWS_1251,
        &["WINDOWS-1251", "CP1251", "CP5347", "ANSI-1251"],
    ),
    (
        encoding_rs::WINDOWS_1253,
        &["WINDOWS-1253", "CP1253", "CP5349"],
    ),
    (
        encoding_rs::WINDOWS_1254,
        &["WINDOWS-1254", "CP1254", "CP5350"],
    ),
    (encoding_rs::WINDOWS_1255, &["WINDOWS-1255", "CP1255"]),
    (encoding_rs::WINDOWS_1256, &["WINDOWS-1256", "CP1256"]),
    (
        encoding_rs::WINDOWS_1257,
        &["WINDOWS-1257", "CP1257", "CP5353"],
    ),
    (encoding_rs::WINDOWS_1258, &["WINDOWS-1258", "CP1258"]),
    (
        encoding_rs::WINDOWS_874,
        &["X-WINDOWS-874", "WINDOWS-874", "MS874", "MS-874"],
    ),
    (
        encoding_rs::ISO_8859_2,
        &[
            "ISO-8859-2",
            "ISO8859-2",
            "ISO8859_2",
            "8859_2",
            "L2",
            "LATIN2",
            "ISO_8859-2",
            "CSISOLATIN2",
        ],
    ),
    (
        encoding_rs::ISO_8859_3,
        &[
            "ISO-8859-3",
            "ISO8859-3",
            "ISO8859_3",
            "8859_3",
            "L3",
            "LATIN3",
            "ISO_8859-3",
            "CSISOLATIN3",
        ],
    ),
    (
        encoding_rs::ISO_8859_4,
        &[
            "ISO-8859-4",
            "ISO8859-4",
            "ISO8859_4",
            "8859_4",
            "L4",
            "LATIN4",
            "ISO_8859-4",
            "CSISOLATIN4",
        ],
    ),
    (
        encoding_rs::ISO_8859_5,
        &[
            "ISO-8859-5",
            "ISO8859-5",
            "ISO8859_5",
            "8859_5",
            "CYRILLIC",
            "ISO_8859-5",
            "CSISOLATINCYRILLIC",
        ],
    ),
    (
        encoding_rs::ISO_8859_6,
        &[
            "ISO-8859-6",
            "ISO8859-6",
            "ISO8859_6",
            "8859_6",
            "ARABIC",
            "ASMO-708",
            "ISO_8859-6",
        ],
    ),
    (
        encoding_rs::ISO_8859_7,
        &[
            "ISO-8859-7",
            "ISO8859-7",
            "ISO8859_7",
            "8859_7",
            "GREEK",
            "ISO_8859-7",
        ],
    ),
    (
        encoding_rs::ISO_8859_8,
        &[
            "ISO-8859-8",
            "ISO8859-8",
            "ISO8859_8",
            "8859_8",
            "HEBREW",
            "ISO_8859-8",
        ],
    ),
    (
        encoding_rs::ISO_8859_13,
        &[
            "ISO-8859-13",
            "ISO8859-13",
            "ISO8859_13",
            "8859_13",
            "ISO_8859-13",
        ],
    ),
    (
        encoding_rs::ISO_8859_15,
        &[
            "ISO-8859-15",
            "ISO8859-15",
            "ISO8859_15",
            "8859_15",
            "L9",
            "LATIN9",
            "LATIN-9",
            "LATIN0",
            "ISO_8859-15",
        ],
    ),
];

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
            "X-UTF-16LE-BOM" | "UNICODELITTLE" => Charset::Utf16LeBom,
            "UTF-32" | "UTF32" | "UTF_32" | "UTF-32BE" | "UTF_32BE" | "X-UTF-32BE" => {
                Charset::Utf32
            }
            "UTF-32LE" | "UTF_32LE" | "X-UTF-32LE" => Charset::Utf32Le,
            "GBK" | "CP936" | "WINDOWS-936" => Charset::Gbk,
            upper => {
                let (encoding, _) = WEB.iter().find(|(_, names)| names.contains(&upper))?;
                Charset::Web(encoding)
            }
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
            Charset::Utf16LeBom => {
                if !text.is_empty() {
                    out.extend([0xFF, 0xFE]);
                }
                out.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
            }
            Charset::Utf32 => out.extend(text.chars().flat_map(|c| u32::from(c).to_be_bytes())),
            Charset::Utf32Le => out.extend(text.chars().flat_map(|c| u32::from(c).to_le_bytes())),
            // It is what GB18030 writes in two bytes.
            Charset::Gbk => encode_web(encoding_rs::GB18030, 2, text, out),
            Charset::Web(encoding) => encode_web(encoding, 4, text, out),
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
            Charset::Utf16LeBom => match bytes {
                [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes, out),
                [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes, out),
                bytes => utf16(bytes, u16::from_le_bytes, out),
            },
            Charset::Gbk => out.push_str(&encoding_rs::GBK.decode_without_bom_handling(bytes).0),
            Charset::Web(encoding) => {
                out.push_str(&encoding.decode_without_bom_handling(bytes).0);
            }
            Charset::Utf16 => match bytes {
                [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes, out),
                [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes, out),
                bytes => utf16(bytes, u16::from_be_bytes, out),
            },
            Charset::Utf16Be => utf16(bytes, u16::from_be_bytes, out),
            Charset::Utf16Le => utf16(bytes, u16::from_le_bytes, out),
            Charset::Utf32 => utf32(bytes, u32::from_be_bytes, out),
            Charset::Utf32Le => utf32(bytes, u32::from_le_bytes, out),
        }
    }
}

/// Characters one by one, since what a set lacks becomes `?` and not a reference to it.
fn encode_web(encoding: &'static Encoding, bytes_max: usize, text: &str, out: &mut Vec<u8>) {
    let mut buffer = [0; 4];
    for c in text.chars() {
        let (bytes, _, replaced) = encoding.encode(c.encode_utf8(&mut buffer));
        match replaced || bytes.len() > bytes_max {
            true => out.push(b'?'),
            false => out.extend_from_slice(&bytes),
        }
    }
}

fn utf32(bytes: &[u8], unit: fn([u8; 4]) -> u32, out: &mut String) {
    out.extend(bytes.chunks(4).map(|chunk| {
        let code = <[u8; 4]>::try_from(chunk).map(unit);
        code.ok().and_then(char::from_u32).unwrap_or('\u{fffd}')
    }));
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

    /// The bytes are what Java 17's `getBytes` gave, which ENCODE calls.
    #[test]
    fn the_webs_sets_are_javas() {
        let text = "aé€ß日本Приветעם한국ğ±";
        let cases = [
            (
                "Shift_JIS",
                "613F3F3F93FA967B8450848284798472847584843F3F3F3F3F817D",
            ),
            (
                "GBK",
                "61A8A6A2E33FC8D5B1BEA7B1A7E2A7DAA7D3A7D6A7E43F3F3F3F3FA1C0",
            ),
            (
                "GB18030",
                "61A8A6A2E381308938C8D5B1BEA7B1A7E2A7DAA7D3A7D6A7E48130FB308130FA35833684338237F43081308E36A1C0",
            ),
            ("koi8-r", "613F3F3F3F3FF0D2C9D7C5D43F3F3F3F3F3F"),
            ("windows-1250", "61E980DF3F3F3F3F3F3F3F3F3F3F3F3F3FB1"),
            ("Cp1251", "613F883F3F3FCFF0E8E2E5F23F3F3F3F3FB1"),
            ("windows-1254", "61E980DF3F3F3F3F3F3F3F3F3F3F3F3FF0B1"),
            ("windows-1255", "613F803F3F3F3F3F3F3F3F3FF2ED3F3F3FB1"),
            ("ISO-8859-3", "61E93FDF3F3F3F3F3F3F3F3F3F3F3F3FBB3F"),
            ("ISO-8859-5", "613F3F3F3F3FBFE0D8D2D5E23F3F3F3F3F3F"),
            ("latin-9", "61E9A4DF3F3F3F3F3F3F3F3F3F3F3F3F3FB1"),
            ("IBM866", "613F3F3F3F3F8FE0A8A2A5E23F3F3F3F3F3F"),
            ("x-MacRoman", "618EDBA73F3F3F3F3F3F3F3F3F3F3F3F3FB1"),
        ];
        for (name, expected) in cases {
            let mut bytes = Vec::new();
            Charset::named(name).unwrap().encode(text, &mut bytes);
            let hex: String = bytes.iter().map(|b| format!("{b:02X}")).collect();
            assert_eq!(hex, expected, "{name}");
        }
        let mut decoded = String::new();
        let sjis = Charset::named("SJIS").unwrap();
        sjis.decode(&[0x93, 0xFA, 0x96, 0x7B], &mut decoded);
        assert_eq!(decoded, "日本");
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
