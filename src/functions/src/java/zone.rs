//! Time zones by the names that Java knows.

use chrono::{NaiveDateTime, Offset, TimeZone, offset::LocalResult};
use chrono_tz::{OffsetComponents, OffsetName, Tz};

/// A region, or a fixed offset in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Zone {
    Region(Tz),
    Fixed(i32),
}

impl From<filbert_types::TimeZone> for Zone {
    fn from(zone: filbert_types::TimeZone) -> Zone {
        match zone {
            filbert_types::TimeZone::Region(region) => Zone::Region(region),
            filbert_types::TimeZone::Fixed(offset) => Zone::Fixed(offset),
        }
    }
}

pub const UTC: Zone = Zone::Fixed(0);

/// Java's three-letter names that mean a region.
const SHORT_NAMES: &[(&str, &str)] = &[
    ("ACT", "Australia/Darwin"),
    ("AET", "Australia/Sydney"),
    ("AGT", "America/Argentina/Buenos_Aires"),
    ("ART", "Africa/Cairo"),
    ("AST", "America/Anchorage"),
    ("BET", "America/Sao_Paulo"),
    ("BST", "Asia/Dhaka"),
    ("CAT", "Africa/Harare"),
    ("CNT", "America/St_Johns"),
    ("CST", "America/Chicago"),
    ("CTT", "Asia/Shanghai"),
    ("EAT", "Africa/Addis_Ababa"),
    ("ECT", "Europe/Paris"),
    ("IET", "America/Indiana/Indianapolis"),
    ("IST", "Asia/Kolkata"),
    ("JST", "Asia/Tokyo"),
    ("MIT", "Pacific/Apia"),
    ("NET", "Asia/Yerevan"),
    ("NST", "Pacific/Auckland"),
    ("PLT", "Asia/Karachi"),
    ("PNT", "America/Phoenix"),
    ("PRT", "America/Puerto_Rico"),
    ("PST", "America/Los_Angeles"),
    ("SST", "Pacific/Guadalcanal"),
    ("VST", "Asia/Ho_Chi_Minh"),
];

/// `TimeZone.getTimeZone(id)`: what it doesn't know is GMT.
pub fn time_zone(id: &str) -> Zone {
    if let Some((_, region)) = SHORT_NAMES.iter().find(|(name, _)| *name == id) {
        return region.parse().map_or(UTC, Zone::Region);
    }
    if let Ok(zone) = id.parse::<Tz>() {
        return Zone::Region(zone);
    }
    id.strip_prefix("GMT")
        .and_then(custom_offset)
        .map_or(UTC, Zone::Fixed)
}

/// `+h`, `+hh`, `+hmm`, `+hhmm`, `+h:mm` or `+hh:mm` in seconds.
fn custom_offset(text: &str) -> Option<i32> {
    let sign = match text.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let digits = &text[1..];
    let (hours, minutes) = match digits.split_once(':') {
        Some((h, m)) if m.len() == 2 && (1..=2).contains(&h.len()) => (h, m),
        Some(_) => return None,
        None if digits.len() <= 2 => (digits, "0"),
        None if digits.len() <= 4 => digits.split_at_checked(digits.len() - 2)?,
        None => return None,
    };
    let number = |t: &str| -> Option<i32> {
        t.bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| t.parse().ok())?
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// `ZoneId.of(id)`: a region, `Z`, an offset, or an offset behind UTC, GMT or UT.
pub fn zone_id(id: &str) -> Option<Zone> {
    if matches!(id, "Z" | "UTC" | "GMT" | "UT") {
        return Some(UTC);
    }
    let offset = ["UTC", "GMT", "UT"]
        .iter()
        .find_map(|prefix| id.strip_prefix(prefix))
        .unwrap_or(id);
    if offset.starts_with(['+', '-']) {
        return iso_offset(offset).map(Zone::Fixed);
    }
    id.parse().ok().map(Zone::Region)
}

/// `+h`, `+hh`, `+hh:mm`, `+hhmm`, `+hh:mm:ss`, `+hhmmss` in seconds, to 18 hours.
fn iso_offset(text: &str) -> Option<i32> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits: Vec<&str> = match text[1..].split(':').collect::<Vec<_>>()[..] {
        [all] => match all.len() {
            1 | 2 => vec![all],
            4 | 6 => (0..all.len())
                .step_by(2)
                .map(|i| all.get(i..i + 2))
                .collect::<Option<_>>()?,
            _ => return None,
        },
        ref parts if parts.len() <= 3 && parts.iter().all(|p| p.len() == 2) => parts.to_vec(),
        _ => return None,
    };
    let mut seconds = 0;
    let mut unit = 3600;
    for part in digits {
        if !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let value: i32 = part.parse().ok()?;
        if unit < 3600 && value > 59 {
            return None;
        }
        seconds += value * unit;
        unit /= 60;
    }
    (seconds <= 18 * 3600).then_some(sign * seconds)
}

/// A moment that chrono can hold; offsets don't change beyond.
fn naive(seconds: i64) -> NaiveDateTime {
    let seconds = seconds.clamp(-8_000_000_000_000, 8_000_000_000_000);
    chrono::DateTime::from_timestamp(seconds, 0)
        .unwrap_or_default()
        .naive_utc()
}

impl Zone {
    /// Seconds to add to UTC at a moment in seconds since the epoch.
    pub fn offset_at(&self, utc_seconds: i64) -> i32 {
        match self {
            Zone::Fixed(offset) => *offset,
            Zone::Region(zone) => zone
                .offset_from_utc_datetime(&naive(utc_seconds))
                .fix()
                .local_minus_utc(),
        }
    }

    /// The offset of a local time, as `GregorianCalendar` has it: in a gap the one before, in an overlap standard time.
    pub fn offset_of_local(&self, local_seconds: i64) -> i32 {
        match self {
            Zone::Fixed(offset) => *offset,
            Zone::Region(zone) => match zone.offset_from_local_datetime(&naive(local_seconds)) {
                LocalResult::Single(offset) => offset.fix().local_minus_utc(),
                LocalResult::Ambiguous(_, later) => later.fix().local_minus_utc(),
                LocalResult::None => self.offset_at(local_seconds - 86_400),
            },
        }
    }

    /// The offset of a local time, as `java.time` has it: in a gap the one before, in an overlap the earlier.
    pub fn offset_of_local_date_time(&self, local_seconds: i64) -> i32 {
        match self {
            Zone::Fixed(offset) => *offset,
            Zone::Region(zone) => match zone.offset_from_local_datetime(&naive(local_seconds)) {
                LocalResult::Single(offset) | LocalResult::Ambiguous(offset, _) => {
                    offset.fix().local_minus_utc()
                }
                LocalResult::None => self.offset_at(local_seconds - 86_400),
            },
        }
    }

    /// `EST`, `UTC`, `GMT+05:30`.
    pub fn short_name(&self, utc_seconds: i64) -> String {
        match self {
            Zone::Fixed(0) => "UTC".to_string(),
            Zone::Fixed(offset) => fixed_name(*offset),
            Zone::Region(zone) => {
                let offset = zone.offset_from_utc_datetime(&naive(utc_seconds));
                match offset.abbreviation() {
                    Some(name) if name.starts_with(|c: char| c.is_ascii_alphabetic()) => {
                        name.to_string()
                    }
                    _ => fixed_name(offset.fix().local_minus_utc()),
                }
            }
        }
    }

    /// `Coordinated Universal Time`, `Eastern Daylight Time`; the short name where no long one is known.
    pub fn long_name(&self, utc_seconds: i64) -> String {
        let short = self.short_name(utc_seconds);
        let daylight = match self {
            Zone::Fixed(_) => false,
            Zone::Region(zone) => !zone
                .offset_from_utc_datetime(&naive(utc_seconds))
                .dst_offset()
                .is_zero(),
        };
        LONG_NAMES
            .iter()
            .find(|(name, is_daylight, _)| *name == short && *is_daylight == daylight)
            .map_or(short, |(_, _, long)| (*long).to_string())
    }
}

const LONG_NAMES: &[(&str, bool, &str)] = &[
    ("UTC", false, "Coordinated Universal Time"),
    ("GMT", false, "Greenwich Mean Time"),
    ("BST", true, "British Summer Time"),
    ("EST", false, "Eastern Standard Time"),
    ("EDT", true, "Eastern Daylight Time"),
    ("CST", false, "Central Standard Time"),
    ("CDT", true, "Central Daylight Time"),
    ("MST", false, "Mountain Standard Time"),
    ("MDT", true, "Mountain Daylight Time"),
    ("PST", false, "Pacific Standard Time"),
    ("PDT", true, "Pacific Daylight Time"),
    ("CET", false, "Central European Standard Time"),
    ("CEST", true, "Central European Summer Time"),
    ("EET", false, "Eastern European Standard Time"),
    ("EEST", true, "Eastern European Summer Time"),
    ("WET", false, "Western European Standard Time"),
    ("WEST", true, "Western European Summer Time"),
    ("JST", false, "Japan Standard Time"),
    ("KST", false, "Korean Standard Time"),
    ("IST", false, "India Standard Time"),
];

fn fixed_name(offset: i32) -> String {
    let sign = if offset < 0 { '-' } else { '+' };
    let minutes = offset.abs() / 60;
    format!("GMT{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn custom_ids() {
        assert_eq!(time_zone("GMT+05:30"), Zone::Fixed(19_800));
        assert_eq!(time_zone("GMT+5"), Zone::Fixed(18_000));
        assert_eq!(time_zone("GMT+0530"), Zone::Fixed(19_800));
        for unknown in ["GMT+25", "UTC+1", "+02:00", "nowhere"] {
            assert_eq!(time_zone(unknown), UTC, "{unknown}");
        }
        assert_eq!(zone_id("+02:00"), Some(Zone::Fixed(7200)));
        assert_eq!(zone_id("GMT+2"), Some(Zone::Fixed(7200)));
        assert_eq!(zone_id("No/Zone"), None);
    }

    #[test]
    fn gaps_and_overlaps() {
        let zone = time_zone("America/New_York");
        // 2024-03-10 02:30 does not exist; 2024-11-03 01:30 is there twice.
        assert_eq!(zone.offset_of_local(1_710_037_800), -18_000);
        assert_eq!(zone.offset_of_local(1_730_597_400), -18_000);
        assert_eq!(zone.offset_of_local_date_time(1_730_597_400), -14_400);
    }
}
