//! `GeneralizedTime` as time-stamp tokens write it: with fractions of a second.

use std::time::Duration;

use der::{DateTime, DecodeValue, EncodeValue, FixedTag, Header, Length, Reader, Tag, Writer};

const NANOS: u32 = 1_000_000_000;
/// `YYYYMMDDhhmmss`.
const WHOLE_BYTES: usize = 14;
/// Whole, full stop, nine digits, `Z`.
const BYTES_MAX: usize = WHOLE_BYTES + 1 + 9 + 1;

/// A moment as a time-stamp token states it, to the nanosecond, 1970 to 9999.
///
/// `YYYYMMDDhhmmss[.f]Z` with one to nine digits and no trailing zero (RFC 3161, section 2.4.2): one moment, one encoding. Leap seconds
/// (`60`) are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GenTime {
    seconds: u64,
    nanos: u32,
}

impl GenTime {
    /// A whole second.
    ///
    /// `None` after 9999.
    #[must_use]
    pub fn from_unix(seconds: u64) -> Option<Self> {
        DateTime::from_unix_duration(Duration::from_secs(seconds)).ok()?;
        Some(Self { seconds, nanos: 0 })
    }

    /// A millisecond.
    ///
    /// `None` after 9999.
    #[must_use]
    pub fn from_unix_ms(ms: u64) -> Option<Self> {
        let whole = Self::from_unix(ms / 1000)?;
        let nanos = u32::try_from(ms % 1000).ok()? * 1_000_000;
        Some(Self { nanos, ..whole })
    }

    /// Unix seconds, rounded down.
    #[must_use]
    pub fn unix(self) -> u64 {
        self.seconds
    }

    /// Unix milliseconds, rounded down.
    #[must_use]
    pub fn unix_ms(self) -> u64 {
        self.seconds * 1000 + u64::from(self.nanos / 1_000_000)
    }

    fn text(self) -> der::Result<String> {
        let date = DateTime::from_unix_duration(Duration::from_secs(self.seconds))?;
        let mut text = format!(
            "{:04}{:02}{:02}{:02}{:02}{:02}",
            date.year(),
            date.month(),
            date.day(),
            date.hour(),
            date.minutes(),
            date.seconds()
        );
        if self.nanos > 0 {
            text.push_str(format!(".{:09}", self.nanos).trim_end_matches('0'));
        }
        text.push('Z');
        Ok(text)
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.strip_suffix('Z')?;
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (text, None),
        };
        if whole.len() != WHOLE_BYTES || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let two = |at: usize| whole[at..at + 2].parse::<u8>().ok();
        let year = whole[..4].parse().ok()?;
        let date = DateTime::new(year, two(4)?, two(6)?, two(8)?, two(10)?, two(12)?).ok()?;
        let nanos = match fraction {
            None => 0,
            Some(digits) => nanos(digits)?,
        };
        Some(Self { seconds: date.unix_duration().as_secs(), nanos })
    }
}

fn nanos(digits: &str) -> Option<u32> {
    let honest = (1..=9).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !honest || digits.ends_with('0') {
        return None;
    }
    let scale = 10_u32.pow(u32::try_from(digits.len()).ok()?);
    Some(digits.parse::<u32>().ok()? * (NANOS / scale))
}

impl FixedTag for GenTime {
    const TAG: Tag = Tag::GeneralizedTime;
}

impl<'a> DecodeValue<'a> for GenTime {
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        if usize::try_from(header.length())? > BYTES_MAX {
            return Err(Self::TAG.length_error().into());
        }
        let bytes = reader.read_slice(header.length())?;
        let time = std::str::from_utf8(bytes).ok().and_then(Self::parse);
        time.ok_or_else(|| Self::TAG.value_error().into())
    }
}

impl EncodeValue for GenTime {
    fn value_len(&self) -> der::Result<Length> {
        self.text()?.len().try_into()
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        writer.write(self.text()?.as_bytes())
    }
}

#[cfg(test)]
mod tests;
