//! Heights, indices, sizes and times: all `u64`, none exchangeable.

use std::fmt;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, minicbor::Encode, minicbor::Decode)]
        #[cbor(transparent)]
        pub struct $name(#[n(0)] pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// Height of a block: genesis is 0.
    Height
}
number! {
    /// Place of a record in the evidence log, from 0; given once and never again.
    LogIndex
}
number! {
    /// Number of records in the evidence log.
    TreeSize
}
number! {
    /// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
    TimestampMs
}

impl Height {
    /// The height of the next block.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl TimestampMs {
    /// Whole seconds since 1970, rounded down.
    #[must_use]
    pub fn seconds(self) -> u64 {
        self.0 / 1000
    }

    /// RFC 3339 in UTC with milliseconds, as `2026-11-22T08:09:10.123Z`.
    ///
    /// Civil date by the proleptic Gregorian calendar; years past 9999 are printed with more digits.
    #[must_use]
    pub fn rfc3339(self) -> String {
        let (days, second) = (self.seconds() / 86_400, self.seconds() % 86_400);
        // Days from civil, inverted: eras of 400 years starting 0000-03-01.
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_index = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_index + 2) / 5 + 1;
        let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        format!(
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
            second / 3600,
            second / 60 % 60,
            second % 60,
            self.0 % 1000
        )
    }

    /// Reads RFC 3339 in UTC (`Z`), with or without a fraction of a second; `None` for anything else.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let rest = text.strip_suffix('Z')?;
        let (whole, fraction) = rest.split_once('.').unwrap_or((rest, "0"));
        if fraction.is_empty() || fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let b = whole.as_bytes();
        let punctuated =
            b.len() == 19 && b[4] == b'-' && b[7] == b'-' && b[10] == b'T' && b[13] == b':' && b[16] == b':';
        let number = |range: std::ops::Range<usize>| -> Option<u64> {
            let digits = whole.get(range)?;
            digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
        };
        if !punctuated {
            return None;
        }
        let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
        let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
        if year < 1970 || !(1..=12).contains(&month) || day == 0 || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let month_days = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        if day > month_days[month as usize - 1] {
            return None;
        }
        let shifted_year = year - u64::from(month <= 2);
        let (era, year_of_era) = (shifted_year / 400, shifted_year % 400);
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let days =
            era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
        let millis: u64 = format!("{fraction:0<3}")[..3].parse().ok()?;
        Some(Self((days * 86_400 + hour * 3600 + minute * 60 + second) * 1000 + millis))
    }
}

#[cfg(test)]
mod tests;
