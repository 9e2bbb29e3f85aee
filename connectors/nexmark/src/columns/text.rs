use arrow::array::{StringViewArray, make_view};
use arrow::buffer::{Buffer, ScalarBuffer};

use crate::events::{Event, Kind, Salt};
use crate::random::{below, bits, letters, name};

const FIRST_NAMES: [&str; 11] = [
    "Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter",
];
const LAST_NAMES: [&str; 9] = [
    "Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris",
];
const CITIES: [&str; 10] = [
    "Phoenix",
    "Los Angeles",
    "San Francisco",
    "Boise",
    "Portland",
    "Bend",
    "Redmond",
    "Seattle",
    "Kent",
    "Cheyenne",
];
const STATES: [&str; 6] = ["AZ", "CA", "ID", "OR", "WA", "WY"];
const HOT_CHANNELS: [&str; 4] = ["Google", "Facebook", "Baidu", "Apple"];
const CHANNELS: u64 = 10_000;

/// Builds a column of strings, any row at any time; rows without a string hold the empty one.
pub struct TextBuilder {
    views: Vec<u128>,
    bytes: Vec<u8>,
}

impl TextBuilder {
    pub fn new(len: usize) -> TextBuilder {
        TextBuilder {
            views: vec![0; len],
            bytes: Vec::new(),
        }
    }

    pub fn put(&mut self, row: usize, text: &[u8]) {
        let offset = self.bytes.len() as u32;
        if text.len() > 12 {
            self.bytes.extend_from_slice(text);
        }
        self.views[row] = make_view(text, 0, offset);
    }

    pub fn finish(self) -> StringViewArray {
        view_array(self.views, Buffer::from_vec(self.bytes))
    }
}

fn view_array(views: Vec<u128>, bytes: Buffer) -> StringViewArray {
    // SAFETY: every view was made by `make_view` of ASCII bytes at its offset of this buffer, or is zero.
    unsafe { StringViewArray::new_unchecked(ScalarBuffer::from(views), vec![bytes], None) }
}

/// Random letters, of which texts that mean nothing are cuts.
pub struct Letters {
    bytes: Buffer,
    /// As many places where a text can begin.
    starts: u64,
}

const LETTER_STARTS: u64 = 1 << 18;

impl Letters {
    /// Letters for texts up to this length.
    pub fn new(longest: usize) -> Letters {
        let mut bytes = vec![0; LETTER_STARTS as usize + longest];
        letters(Salt::Extra as u64, 0, &mut bytes);
        Letters {
            bytes: Buffer::from_vec(bytes),
            starts: LETTER_STARTS,
        }
    }

    #[inline]
    pub fn cut(&self, random: u64, length: usize) -> u128 {
        let start = below(random, self.starts) as usize;
        make_view(&self.bytes[start..start + length], 0, start as u32)
    }

    pub fn column(&self, views: Vec<u128>) -> StringViewArray {
        view_array(views, self.bytes.clone())
    }
}

/// The texts that bids share: channels and their pages.
pub struct Texts {
    channels: Vec<u128>,
    channel_bytes: Buffer,
    urls: Vec<u128>,
    url_bytes: Buffer,
}

impl Texts {
    pub fn new() -> Texts {
        let all = HOT_CHANNELS.len() as u64 + CHANNELS;
        let mut channels = TextBuilder::new(all as usize);
        let mut urls = TextBuilder::new(all as usize);
        let mut text = Vec::new();
        for (row, number) in (0..all).enumerate() {
            let cold = number.checked_sub(HOT_CHANNELS.len() as u64);
            text.clear();
            match cold {
                None => text.extend_from_slice(HOT_CHANNELS[row].as_bytes()),
                Some(cold) => text.extend_from_slice(format!("channel-{cold}").as_bytes()),
            }
            channels.put(row, &text);
            text.clear();
            write_url(number, cold, &mut text);
            urls.put(row, &text);
        }
        Texts {
            channels: channels.views,
            channel_bytes: Buffer::from_vec(channels.bytes),
            urls: urls.views,
            url_bytes: Buffer::from_vec(urls.bytes),
        }
    }

    pub fn channels(&self, rows: &[(usize, Event)], len: usize) -> StringViewArray {
        view_array(pick(&self.channels, rows, len), self.channel_bytes.clone())
    }

    pub fn urls(&self, rows: &[(usize, Event)], len: usize) -> StringViewArray {
        view_array(pick(&self.urls, rows, len), self.url_bytes.clone())
    }
}

/// Half of the bids come through the hot channels, the others through any.
fn pick(views: &[u128], rows: &[(usize, Event)], len: usize) -> Vec<u128> {
    let mut picked = vec![0; len];
    for (row, event) in rows {
        let random = Salt::Channel.bits(event.number);
        let hot = HOT_CHANNELS.len() as u64;
        let channel = match random & 1 {
            1 => (random >> 1) % hot,
            _ => hot + below(random, CHANNELS),
        };
        picked[*row] = views[channel as usize];
    }
    picked
}

fn write_url(number: u64, cold: Option<u64>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"https://www.nexmark.com/");
    for part in 0..3 {
        name(0xCAFE + part, number, 5, b'_', out);
        out.push(b'/');
    }
    out.extend_from_slice(b"item.htm?query=1");
    if let Some(cold) = cold
        && below(bits(0xBEEF, number), 10) > 0
    {
        let id = i64::from((cold as i32).reverse_bits()).abs();
        out.extend_from_slice(format!("&channel_id={id}").as_bytes());
    }
}

/// Writes a text of a person or an auction.
pub fn write(kind: Kind, field: &str, event: u64, out: &mut Vec<u8>) {
    match (kind, field) {
        (Kind::Person, "name") => {
            let random = Salt::Name.bits(event);
            out.extend_from_slice(one_of(&FIRST_NAMES, random));
            out.push(b' ');
            out.extend_from_slice(one_of(&LAST_NAMES, random.rotate_left(32)));
        }
        (Kind::Person, "emailAddress") => {
            name(Salt::Email as u64, event, 7, b' ', out);
            out.push(b'@');
            name(Salt::Host as u64, event, 5, b' ', out);
            out.extend_from_slice(b".com");
        }
        (Kind::Person, "creditCard") => write_card(Salt::Card.bits(event), out),
        (Kind::Person, "city") => out.extend_from_slice(one_of(&CITIES, Salt::City.bits(event))),
        (Kind::Person, _) => out.extend_from_slice(one_of(&STATES, Salt::State.bits(event))),
        (_, "itemName") => name(Salt::Name as u64, event, 20, b' ', out),
        _ => name(Salt::Description as u64, event, 100, b' ', out),
    }
}

fn one_of<'a>(texts: &[&'a str], random: u64) -> &'a [u8] {
    texts[below(random, texts.len() as u64) as usize].as_bytes()
}

/// `1234 5678 9012 3456`
fn write_card(random: u64, out: &mut Vec<u8>) {
    for part in 0..4 {
        if part > 0 {
            out.push(b' ');
        }
        let mut number = (random >> (16 * part)) as u16 % 10_000;
        let start = out.len();
        out.extend_from_slice(b"0000");
        for digit in out[start..].iter_mut().rev() {
            *digit += (number % 10) as u8;
            number /= 10;
        }
    }
}
