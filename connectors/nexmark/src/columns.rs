use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int32Array, Int64Array, StringViewArray, StructArray, TimestampMillisecondArray,
    new_null_array,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};

use crate::events::{CATEGORIES, Events, FIRST_CATEGORY, FIRST_ID, Kind, Salt};
use crate::random::{Prices, below};
use crate::schema::{EVENTS, FieldType, struct_fields};

mod text;

use text::{TextBuilder, Texts};

/// Which fields of an event column are read; none for all.
pub type Wanted = Option<Vec<String>>;

/// Makes columns of events.
pub struct Generator {
    events: Events,
    prices: Prices,
    texts: Texts,
}

/// The events of a batch: `first`, `first + stride`, ...
#[derive(Debug, Clone, Copy)]
pub struct Run {
    pub first: u64,
    pub stride: u64,
    pub len: usize,
}

impl Run {
    fn event(&self, row: usize) -> u64 {
        self.first + self.stride * row as u64
    }
}

impl Generator {
    pub fn new(events: Events) -> Generator {
        Generator {
            events,
            prices: Prices::new(),
            texts: Texts::new(),
        }
    }

    pub fn events(&self) -> &Events {
        &self.events
    }

    /// Column 0 is `event_type`, the ROW columns follow.
    pub fn column(&self, column: usize, wanted: &Wanted, run: Run) -> ArrayRef {
        match column.checked_sub(1) {
            None => {
                let types = (0..run.len).map(|row| self.events.kind(run.event(row)) as i32);
                Arc::new(Int32Array::from_iter_values(types))
            }
            Some(event) => self.event_column(event, wanted, run),
        }
    }

    /// A ROW column: NULL but for the events of its kind. Fields that nobody reads are NULL.
    fn event_column(&self, event: usize, wanted: &Wanted, run: Run) -> ArrayRef {
        let kind = [Kind::Person, Kind::Auction, Kind::Bid][event];
        let fields = EVENTS[event].1;
        let rows: Vec<(usize, u64)> = (0..run.len)
            .map(|row| (row, run.event(row)))
            .filter(|(_, event)| self.events.kind(*event) == kind)
            .collect();
        let nulls = (rows.len() < run.len).then(|| {
            let is_kind = |row| self.events.kind(run.event(row)) == kind;
            NullBuffer::new(BooleanBuffer::collect_bool(run.len, is_kind))
        });
        let arrays = fields
            .iter()
            .map(|(name, ty)| {
                let read = wanted
                    .as_ref()
                    .is_none_or(|wanted| wanted.iter().any(|w| w == name));
                if read {
                    self.field(kind, name, *ty, &rows, run.len)
                } else {
                    new_null_array(&ty.arrow(), run.len)
                }
            })
            .collect();
        Arc::new(StructArray::new(struct_fields(fields), arrays, nulls))
    }

    fn field(
        &self,
        kind: Kind,
        name: &str,
        ty: FieldType,
        rows: &[(usize, u64)],
        len: usize,
    ) -> ArrayRef {
        match ty {
            FieldType::Text => Arc::new(self.text(kind, name, rows, len)),
            FieldType::Long => Arc::new(Int64Array::from(self.numbers(kind, name, rows, len))),
            FieldType::Time => Arc::new(TimestampMillisecondArray::from(
                self.numbers(kind, name, rows, len),
            )),
        }
    }

    fn numbers(&self, kind: Kind, name: &str, rows: &[(usize, u64)], len: usize) -> Vec<i64> {
        let events = &self.events;
        let price = |event| self.prices.price(Salt::Price.bits(event));
        match (kind, name) {
            (_, "dateTime") => numbers(rows, len, |event| events.time_ms(event)),
            (Kind::Person, _) => numbers(rows, len, |event| {
                (events.newest_person(event) + FIRST_ID) as i64
            }),
            (Kind::Auction, "id") => numbers(rows, len, |event| {
                events.newest_auction(event) + FIRST_ID as i64
            }),
            (Kind::Auction, "initialBid") | (Kind::Bid, "price") => numbers(rows, len, price),
            (Kind::Auction, "reserve") => numbers(rows, len, |event| {
                price(event) + self.prices.price(Salt::Reserve.bits(event))
            }),
            (Kind::Auction, "expires") => numbers(rows, len, |event| events.expires_ms(event)),
            (Kind::Auction, "seller") => numbers(rows, len, |event| events.seller(event)),
            (Kind::Auction, _) => numbers(rows, len, |event| {
                (FIRST_CATEGORY + below(Salt::Category.bits(event), CATEGORIES)) as i64
            }),
            (Kind::Bid, "auction") => numbers(rows, len, |event| events.auction_of_bid(event)),
            (Kind::Bid, _) => numbers(rows, len, |event| events.bidder(event)),
        }
    }

    fn text(&self, kind: Kind, name: &str, rows: &[(usize, u64)], len: usize) -> StringViewArray {
        match (kind, name) {
            (Kind::Bid, "channel") => self.texts.channels(rows, len),
            (Kind::Bid, "url") => self.texts.urls(rows, len),
            (_, "extra") => self.extra(kind, rows, len),
            _ => {
                let mut builder = TextBuilder::new(len);
                let mut value = Vec::new();
                for (row, event) in rows {
                    value.clear();
                    text::write(kind, name, *event, &mut value);
                    builder.put(*row, &value);
                }
                builder.finish()
            }
        }
    }

    /// Letters that fill an event up to its size.
    fn extra(&self, kind: Kind, rows: &[(usize, u64)], len: usize) -> StringViewArray {
        let mut builder = TextBuilder::new(len);
        let mut others = Vec::new();
        for (row, event) in rows {
            let (current, average) = match kind {
                Kind::Bid => (8 * 4, self.events.bid_bytes),
                Kind::Person => {
                    others.clear();
                    for name in ["name", "emailAddress", "creditCard", "city", "state"] {
                        text::write(kind, name, *event, &mut others);
                    }
                    (8 + others.len(), self.events.person_bytes)
                }
                Kind::Auction => {
                    others.clear();
                    for name in ["itemName", "description"] {
                        text::write(kind, name, *event, &mut others);
                    }
                    (8 * 6 + others.len(), self.events.auction_bytes)
                }
            };
            let length =
                crate::random::extra_length(Salt::ExtraLength.bits(*event), current, average);
            builder.put_letters(*row, Salt::Extra as u64, *event, length);
        }
        builder.finish()
    }
}

/// One number for each of the rows, zero elsewhere.
fn numbers(rows: &[(usize, u64)], len: usize, number: impl Fn(u64) -> i64) -> Vec<i64> {
    let mut numbers = vec![0; len];
    for (row, event) in rows {
        numbers[*row] = number(*event);
    }
    numbers
}
