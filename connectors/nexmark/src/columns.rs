use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int32Array, Int64Array, StringViewArray, StructArray, TimestampMillisecondArray,
    new_null_array,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};

use crate::events::{CATEGORIES, Event, Events, FIRST_CATEGORY, FIRST_ID, Kind, Salt};
use crate::random::{Prices, below, extra_lengths};
use crate::schema::{EVENTS, FieldType, struct_fields};

mod text;

use text::{Letters, TextBuilder, Texts};

/// Which fields of an event column are read; none for all.
pub type Wanted = Option<Vec<String>>;

/// Makes columns of events.
pub struct Generator {
    events: Events,
    prices: Prices,
    texts: Texts,
    letters: Letters,
    unread: Unread,
}

/// The events of a batch: `first`, `first + stride`, ...
#[derive(Debug, Clone, Copy)]
pub struct Run {
    pub first: u64,
    pub stride: u64,
    pub len: usize,
}

/// The events of a batch by their kinds.
struct Batch {
    len: usize,
    kinds: Vec<Kind>,
    /// Rows and their events, by kind.
    rows: [Vec<(usize, Event)>; 3],
}

impl Generator {
    pub fn new(events: Events) -> Generator {
        let sizes = [events.person_bytes, events.auction_bytes, events.bid_bytes];
        let longest = sizes.map(|average| extra_lengths(0, average).1);
        Generator {
            events,
            prices: Prices::new(),
            texts: Texts::new(),
            letters: Letters::new(longest.into_iter().max().unwrap_or_default()),
            unread: Unread::default(),
        }
    }

    pub fn events(&self) -> &Events {
        &self.events
    }

    /// Column 0 is `event_type`, the ROW columns follow.
    pub fn columns(&mut self, columns: &[(usize, Wanted)], run: Run) -> Vec<ArrayRef> {
        let batch = self.batch(run);
        let column = |(column, wanted): &(usize, Wanted)| match column.checked_sub(1) {
            None => {
                let types = batch.kinds.iter().map(|kind| *kind as i32);
                Arc::new(Int32Array::from_iter_values(types)) as ArrayRef
            }
            Some(event) => self.event_column(event, wanted, &batch),
        };
        columns.iter().map(column).collect()
    }

    fn batch(&self, run: Run) -> Batch {
        let mut kinds = Vec::with_capacity(run.len);
        let mut rows = [const { Vec::new() }; 3];
        let events = self.events.from(run.first, run.stride);
        for (row, event) in (0..run.len).zip(events) {
            let kind = self.events.kind(event);
            kinds.push(kind);
            rows[kind as usize].push((row, event));
        }
        Batch {
            len: run.len,
            kinds,
            rows,
        }
    }

    /// A ROW column: NULL but for the events of its kind. Fields that nobody reads are NULL.
    fn event_column(&mut self, event: usize, wanted: &Wanted, batch: &Batch) -> ArrayRef {
        let kind = [Kind::Person, Kind::Auction, Kind::Bid][event];
        let fields = EVENTS[event].1;
        let rows = &batch.rows[event];
        let nulls = (rows.len() < batch.len).then(|| {
            let is_kind = |row: usize| batch.kinds[row] == kind;
            NullBuffer::new(BooleanBuffer::collect_bool(batch.len, is_kind))
        });
        let arrays = fields
            .iter()
            .map(|(name, ty)| {
                let read = wanted
                    .as_ref()
                    .is_none_or(|wanted| wanted.iter().any(|w| w == name));
                if read {
                    self.field(kind, name, *ty, rows, batch.len)
                } else {
                    self.unread.column(*ty, batch.len)
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
        rows: &[(usize, Event)],
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

    fn numbers(&self, kind: Kind, name: &str, rows: &[(usize, Event)], len: usize) -> Vec<i64> {
        let events = &self.events;
        let price = |event: Event| self.prices.price(Salt::Price.bits(event.number));
        match (kind, name) {
            (_, "dateTime") => numbers(rows, len, |event| events.time_ms(event.number)),
            (Kind::Person, _) => numbers(rows, len, |event| {
                (events.newest_person(event) + FIRST_ID) as i64
            }),
            (Kind::Auction, "id") => numbers(rows, len, |event| {
                events.newest_auction(event) + FIRST_ID as i64
            }),
            (Kind::Auction, "initialBid") | (Kind::Bid, "price") => numbers(rows, len, price),
            (Kind::Auction, "reserve") => numbers(rows, len, |event| {
                price(event) + self.prices.price(Salt::Reserve.bits(event.number))
            }),
            (Kind::Auction, "expires") => numbers(rows, len, |event| events.expires_ms(event)),
            (Kind::Auction, "seller") => numbers(rows, len, |event| events.seller(event)),
            (Kind::Auction, _) => numbers(rows, len, |event| {
                (FIRST_CATEGORY + below(Salt::Category.bits(event.number), CATEGORIES)) as i64
            }),
            (Kind::Bid, "auction") => numbers(rows, len, |event| events.auction_of_bid(event)),
            (Kind::Bid, _) => numbers(rows, len, |event| events.bidder(event)),
        }
    }

    fn text(&self, kind: Kind, name: &str, rows: &[(usize, Event)], len: usize) -> StringViewArray {
        match (kind, name) {
            (Kind::Bid, "channel") => self.texts.channels(rows, len),
            (Kind::Bid, "url") => self.texts.urls(rows, len),
            (_, "extra") => self.extra(kind, rows, len),
            _ => {
                let mut builder = TextBuilder::new(len);
                let mut value = Vec::new();
                for (row, event) in rows {
                    value.clear();
                    text::write(kind, name, event.number, &mut value);
                    builder.put(*row, &value);
                }
                builder.finish()
            }
        }
    }

    /// Letters that fill an event up to its size.
    fn extra(&self, kind: Kind, rows: &[(usize, Event)], len: usize) -> StringViewArray {
        let (numbers, texts, average): (_, &[&str], _) = match kind {
            Kind::Bid => (4, &[], self.events.bid_bytes),
            Kind::Person => {
                let texts = &["name", "emailAddress", "creditCard", "city", "state"];
                (1, texts, self.events.person_bytes)
            }
            Kind::Auction => (6, &["itemName", "description"], self.events.auction_bytes),
        };
        let mut views = vec![0; len];
        let mut others = Vec::new();
        for (row, event) in rows {
            others.clear();
            for name in texts {
                text::write(kind, name, event.number, &mut others);
            }
            let (least, below_that) = extra_lengths(8 * numbers + others.len(), average);
            let more = below(
                Salt::ExtraLength.bits(event.number),
                (below_that - least) as u64,
            );
            let start = Salt::Extra.bits(event.number);
            views[*row] = self.letters.cut(start, least + more as usize);
        }
        self.letters.column(views)
    }
}

/// Columns of NULLs for fields that nobody reads, made once.
#[derive(Default)]
struct Unread {
    columns: Vec<(FieldType, ArrayRef)>,
}

impl Unread {
    fn column(&mut self, ty: FieldType, len: usize) -> ArrayRef {
        let known = self.columns.iter().find(|(known, _)| *known == ty);
        if let Some((_, column)) = known
            && column.len() >= len
        {
            return column.slice(0, len);
        }
        let column = new_null_array(&ty.arrow(), len);
        self.columns.retain(|(known, _)| *known != ty);
        self.columns.push((ty, Arc::clone(&column)));
        column
    }
}

/// One number for each of the rows, zero elsewhere.
fn numbers(rows: &[(usize, Event)], len: usize, number: impl Fn(Event) -> i64) -> Vec<i64> {
    let mut numbers = vec![0; len];
    for (row, event) in rows {
        numbers[*row] = number(*event);
    }
    numbers
}
