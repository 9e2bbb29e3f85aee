use filbert_connector_api::ConnectorError;
use filbert_connector_api::options::TableOptions;
use filbert_types::ConfigOption;
use filbert_types::config::ConfigType;

use crate::events::Events;

const FIRST_EVENT_RATE: ConfigOption = ConfigOption::new(
    "first-event.rate",
    ConfigType::Long,
    "Events a second of event time.",
)
.default("10000");
const NEXT_EVENT_RATE: ConfigOption = ConfigOption::new(
    "next-event.rate",
    ConfigType::Long,
    "As 'first-event.rate', and equal to it: a changing rate is not supported.",
)
.default("10000");
const RATE_SHAPE: ConfigOption = ConfigOption::new(
    "rate.shape",
    ConfigType::Enum(&["SQUARE", "SINE"]),
    "How the rate goes from the first to the next; they are equal, so it makes no difference.",
)
.default("SQUARE");
const RATE_PERIOD: ConfigOption = ConfigOption::new(
    "rate.period",
    ConfigType::Duration,
    "How long a change of the rate takes; it does not change.",
)
.default("600 s");
const RATE_LIMITED: ConfigOption = ConfigOption::new(
    "rate.limited",
    ConfigType::Boolean,
    "Emits events no faster than their event time goes.",
)
.default("false");
const EVENTS_NUM: ConfigOption = ConfigOption::new(
    "events.num",
    ConfigType::Long,
    "Events in all; 0 for a source that never ends.",
)
.default("0");
const BASE_TIME: ConfigOption = ConfigOption::new(
    "base-time",
    ConfigType::Long,
    "The first event's time, in milliseconds since 1970.",
)
.default("1436918400000");
const PERSON_PROPORTION: ConfigOption = ConfigOption::new(
    "person.proportion",
    ConfigType::Long,
    "People among so many events as the proportions sum up to.",
)
.default("1");
const AUCTION_PROPORTION: ConfigOption = ConfigOption::new(
    "auction.proportion",
    ConfigType::Long,
    "Auctions among so many events.",
)
.default("3");
const BID_PROPORTION: ConfigOption = ConfigOption::new(
    "bid.proportion",
    ConfigType::Long,
    "Bids among so many events.",
)
.default("46");
const PERSON_AVG_SIZE: ConfigOption = ConfigOption::new(
    "person.avg-size",
    ConfigType::MemorySize,
    "Average size of a person, which 'extra' fills up.",
)
.default("200 b");
const AUCTION_AVG_SIZE: ConfigOption = ConfigOption::new(
    "auction.avg-size",
    ConfigType::MemorySize,
    "Average size of an auction, which 'extra' fills up.",
)
.default("500 b");
const BID_AVG_SIZE: ConfigOption = ConfigOption::new(
    "bid.avg-size",
    ConfigType::MemorySize,
    "Average size of a bid, which 'extra' fills up.",
)
.default("100 b");
const HOT_AUCTIONS: ConfigOption = ConfigOption::new(
    "bid.hot-ratio.auctions",
    ConfigType::Long,
    "All but one of so many bids go to the hot auction.",
)
.default("2");
const HOT_BIDDERS: ConfigOption = ConfigOption::new(
    "bid.hot-ratio.bidders",
    ConfigType::Long,
    "All but one of so many bids are by the hot bidder.",
)
.default("4");
const HOT_SELLERS: ConfigOption = ConfigOption::new(
    "auction.hot-ratio.sellers",
    ConfigType::Long,
    "All but one of so many auctions are by the hot seller.",
)
.default("4");

pub const OPTIONS: &[ConfigOption] = &[
    FIRST_EVENT_RATE,
    NEXT_EVENT_RATE,
    RATE_SHAPE,
    RATE_PERIOD,
    RATE_LIMITED,
    EVENTS_NUM,
    BASE_TIME,
    PERSON_PROPORTION,
    AUCTION_PROPORTION,
    BID_PROPORTION,
    PERSON_AVG_SIZE,
    AUCTION_AVG_SIZE,
    BID_AVG_SIZE,
    HOT_AUCTIONS,
    HOT_BIDDERS,
    HOT_SELLERS,
];

/// What the options say.
#[derive(Debug, Clone)]
pub struct Parsed {
    pub events: Events,
    /// How many events there are; none without end.
    pub count: Option<u64>,
    pub rate_limited: bool,
}

/// # Errors
/// When a value is out of its range.
pub fn parse(options: &TableOptions) -> Result<Parsed, ConnectorError> {
    let rate = at_least(options, &FIRST_EVENT_RATE, 1)?;
    let next_rate = options
        .raw(NEXT_EVENT_RATE.key)
        .map(|_| at_least(options, &NEXT_EVENT_RATE, 1));
    if let Some(next_rate) = next_rate.transpose()?
        && next_rate != rate
    {
        return Err(ConnectorError::user(format!(
            "'next-event.rate' ({next_rate}) differs from 'first-event.rate' ({rate}): a changing rate is not supported."
        )));
    }
    let events = Events {
        base_time_ms: options.get_i64(&BASE_TIME)?.unwrap_or_default(),
        rate,
        people: at_least(options, &PERSON_PROPORTION, 0)?,
        auctions: at_least(options, &AUCTION_PROPORTION, 0)?,
        bids: at_least(options, &BID_PROPORTION, 0)?,
        person_bytes: bytes(options, &PERSON_AVG_SIZE)?,
        auction_bytes: bytes(options, &AUCTION_AVG_SIZE)?,
        bid_bytes: bytes(options, &BID_AVG_SIZE)?,
        hot_auctions: at_least(options, &HOT_AUCTIONS, 1)?,
        hot_bidders: at_least(options, &HOT_BIDDERS, 1)?,
        hot_sellers: at_least(options, &HOT_SELLERS, 1)?,
    };
    // Ids of one kind are found from the event's number by the proportion of that kind.
    if events.people == 0 || events.auctions == 0 {
        return Err(ConnectorError::user(
            "'person.proportion' and 'auction.proportion' must be above zero: bids refer to people and auctions.",
        ));
    }
    Ok(Parsed {
        events,
        count: Some(at_least(options, &EVENTS_NUM, 0)?).filter(|count| *count > 0),
        rate_limited: options.get_bool(&RATE_LIMITED)?,
    })
}

fn at_least(
    options: &TableOptions,
    option: &ConfigOption,
    least: u64,
) -> Result<u64, ConnectorError> {
    let value = options.get_i64(option)?.unwrap_or_default();
    let most = i64::from(u32::MAX).max(if option.key == EVENTS_NUM.key {
        i64::MAX
    } else {
        0
    });
    u64::try_from(value)
        .ok()
        .filter(|v| *v >= least && value <= most)
        .ok_or_else(|| {
            ConnectorError::user(format!(
                "Option '{}' must lie between {least} and {most}: {value}",
                option.key
            ))
        })
}

fn bytes(options: &TableOptions, option: &ConfigOption) -> Result<usize, ConnectorError> {
    const MOST: u64 = 1 << 20;
    let bytes = options.get_memory_bytes(option)?.unwrap_or_default();
    if bytes > MOST {
        return Err(ConnectorError::user(format!(
            "Option '{}' must not be above 1 mb: {bytes} bytes",
            option.key
        )));
    }
    Ok(bytes as usize)
}
