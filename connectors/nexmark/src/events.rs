use crate::random::{below, bits};

/// Ids start here, so that queries find matches in small data.
pub const FIRST_ID: u64 = 1000;
pub const FIRST_CATEGORY: u64 = 10;
pub const CATEGORIES: u64 = 5;
/// Ids not made yet that auctions and bids may refer to already.
const ID_LEAD: u64 = 10;
/// The hot ones are the first of so many.
const HOT_BATCH: u64 = 100;
const AUCTIONS_IN_FLIGHT: u64 = 100;
const ACTIVE_PEOPLE: u64 = 1000;

/// The shape of the stream.
#[derive(Debug, Clone)]
pub struct Events {
    pub base_time_ms: i64,
    /// Events a second.
    pub rate: u64,
    pub people: u64,
    pub auctions: u64,
    pub bids: u64,
    pub person_bytes: usize,
    pub auction_bytes: usize,
    pub bid_bytes: usize,
    pub hot_auctions: u64,
    pub hot_bidders: u64,
    pub hot_sellers: u64,
}

/// What an event is; the number is `event_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Person = 0,
    Auction = 1,
    Bid = 2,
}

/// Tells the random choices of an event apart.
#[derive(Debug, Clone, Copy)]
pub enum Salt {
    HotAuction = 1,
    Auction,
    HotBidder,
    Bidder,
    HotSeller,
    Seller,
    Length,
    Category,
    Price,
    Reserve,
    Channel,
    Name,
    Description,
    ExtraLength,
    Extra,
    Email,
    Host,
    Card,
    City,
    State,
}

impl Salt {
    #[inline]
    pub fn bits(self, event: u64) -> u64 {
        bits(self as u64, event)
    }
}

/// An event, and where it stands: people, auctions and bids alternate in epochs of the same shape.
#[derive(Debug, Clone, Copy)]
pub struct Event {
    pub number: u64,
    epoch: u64,
    place: u64,
}

impl Events {
    pub fn total(&self) -> u64 {
        self.people + self.auctions + self.bids
    }

    /// The events `first`, `first + stride`, ...
    pub fn from(&self, first: u64, stride: u64) -> impl Iterator<Item = Event> + use<> {
        let total = self.total();
        let (epochs, places) = (stride / total, stride % total);
        let first = Event {
            number: first,
            epoch: first / total,
            place: first % total,
        };
        std::iter::successors(Some(first), move |event| {
            let (mut epoch, mut place) = (event.epoch + epochs, event.place + places);
            if place >= total {
                place -= total;
                epoch += 1;
            }
            Some(Event {
                number: event.number.wrapping_add(stride),
                epoch,
                place,
            })
        })
    }

    #[inline]
    pub fn kind(&self, event: Event) -> Kind {
        if event.place < self.people {
            Kind::Person
        } else if event.place < self.people + self.auctions {
            Kind::Auction
        } else {
            Kind::Bid
        }
    }

    /// Milliseconds since 1970.
    #[inline]
    pub fn time_ms(&self, number: u64) -> i64 {
        let micros = (number as f64 * (1_000_000.0 / self.rate as f64)) as i64;
        self.base_time_ms.saturating_add(micros / 1000)
    }

    /// The newest person at this event, counted from 0.
    #[inline]
    pub fn newest_person(&self, event: Event) -> u64 {
        event.epoch * self.people + event.place.min(self.people - 1)
    }

    /// The newest auction at this event, counted from 0; -1 before the first.
    #[inline]
    pub fn newest_auction(&self, event: Event) -> i64 {
        let before = (event.epoch * self.auctions) as i64;
        match event.place.checked_sub(self.people) {
            None => before - 1,
            Some(place) => before + place.min(self.auctions - 1) as i64,
        }
    }

    pub fn auction_of_bid(&self, event: Event) -> i64 {
        let newest = self.newest_auction(event);
        let auction = if below(Salt::HotAuction.bits(event.number), self.hot_auctions) > 0 {
            newest / HOT_BATCH as i64 * HOT_BATCH as i64
        } else {
            let oldest = (newest - AUCTIONS_IN_FLIGHT as i64).max(0);
            let choices = (newest - oldest + 1) as u64 + ID_LEAD;
            oldest + below(Salt::Auction.bits(event.number), choices) as i64
        };
        auction + FIRST_ID as i64
    }

    pub fn bidder(&self, event: Event) -> i64 {
        let bidder = if below(Salt::HotBidder.bits(event.number), self.hot_bidders) > 0 {
            // The second of the batch, so that hot bidders and hot sellers differ.
            self.newest_person(event) / HOT_BATCH * HOT_BATCH + 1
        } else {
            self.some_person(event, Salt::Bidder)
        };
        (bidder + FIRST_ID) as i64
    }

    pub fn seller(&self, event: Event) -> i64 {
        let seller = if below(Salt::HotSeller.bits(event.number), self.hot_sellers) > 0 {
            self.newest_person(event) / HOT_BATCH * HOT_BATCH
        } else {
            self.some_person(event, Salt::Seller)
        };
        (seller + FIRST_ID) as i64
    }

    /// When an auction ends: on average when as many more are there as are in flight.
    pub fn expires_ms(&self, event: Event) -> i64 {
        let ahead = AUCTIONS_IN_FLIGHT * self.total() / self.auctions;
        let now = self.time_ms(event.number);
        let horizon = self.time_ms(event.number.saturating_add(ahead)) - now;
        let longest = (horizon * 2).max(1) as u64;
        now + 1 + below(Salt::Length.bits(event.number), longest) as i64
    }

    fn some_person(&self, event: Event, salt: Salt) -> u64 {
        let people = self.newest_person(event) + 1;
        let active = people.min(ACTIVE_PEOPLE);
        people - active + below(salt.bits(event.number), active + ID_LEAD)
    }
}
