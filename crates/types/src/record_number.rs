//! The number a person reads out: ledger, index and check digits, as `XZ-7f3a9c12-12345-67`.

use std::{fmt, str::FromStr};

use crate::{LedgerId, LogIndex};

/// Number of a record, printed on certificates; for a batch item also its place in the batch.
///
/// The last two digits are ISO/IEC 7064 MOD 97-10 over the rest, so a mistyped digit is noticed. The ledger is named by the first four
/// bytes of its id: a number finds a record, it proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecordNumber {
    /// First four bytes of the ledger's id.
    pub ledger: [u8; 4],
    /// The record's place in the log.
    pub index: LogIndex,
    /// The item's place in its batch, when the record is a batch.
    pub item: Option<u32>,
}

/// Why a text is no record number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordNumberError {
    /// Not of the form.
    #[error("a record number has the form XZ-<8 hex>-<index>[.<item>]-<2 digits>")]
    Form,
    /// The form fits, the check digits do not.
    #[error("the check digits do not fit: a character was mistyped")]
    CheckDigits,
}

impl RecordNumber {
    /// The number of the record at `index` of `ledger`.
    #[must_use]
    pub fn new(ledger: &LedgerId, index: LogIndex, item: Option<u32>) -> Self {
        let [a, b, c, d, ..] = ledger.0;
        Self { ledger: [a, b, c, d], index, item }
    }

    fn body(&self) -> String {
        let item = self.item.map(|item| format!(".{item}")).unwrap_or_default();
        format!("XZ-{}-{}{item}", hex::encode(self.ledger), self.index)
    }
}

/// ISO/IEC 7064 MOD 97-10: letters count from 10, a point as 36, hyphens are left out; the result is 98 minus the remainder.
fn check_digits(body: &str) -> u64 {
    let mut remainder = 0;
    for c in body.chars().filter(|c| *c != '-') {
        let value = c.to_digit(36).map_or(36, u64::from);
        remainder = if value < 10 { remainder * 10 + value } else { remainder * 100 + value } % 97;
    }
    98 - remainder * 100 % 97
}

impl fmt::Display for RecordNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = self.body();
        write!(f, "{body}-{:02}", check_digits(&body))
    }
}

impl FromStr for RecordNumber {
    type Err = RecordNumberError;

    fn from_str(text: &str) -> Result<Self, RecordNumberError> {
        let parts: Vec<&str> = text.trim().split('-').collect();
        let [prefix, ledger, place, check] = parts[..] else { return Err(RecordNumberError::Form) };
        let mut id = [0; 4];
        if !prefix.eq_ignore_ascii_case("XZ") || hex::decode_to_slice(ledger, &mut id).is_err() {
            return Err(RecordNumberError::Form);
        }
        let (index, item) = match place.split_once('.') {
            Some((index, item)) => (index, Some(item.parse().map_err(|_| RecordNumberError::Form)?)),
            None => (place, None),
        };
        let number =
            Self { ledger: id, index: LogIndex(index.parse().map_err(|_| RecordNumberError::Form)?), item };
        if check.parse() != Ok(check_digits(&number.body())) {
            return Err(RecordNumberError::CheckDigits);
        }
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_reads_back_and_a_mistyped_one_does_not() {
        for number in [
            RecordNumber { ledger: [0x7f, 0x3a, 0x9c, 0x12], index: LogIndex(12_345), item: None },
            RecordNumber { ledger: [0; 4], index: LogIndex(0), item: Some(65_535) },
            RecordNumber { ledger: [0xff; 4], index: LogIndex(u64::MAX), item: None },
        ] {
            let text = number.to_string();
            assert_eq!(text.parse(), Ok(number), "{text}");
            assert_eq!(text.to_lowercase().parse(), Ok(number), "{text}");
            for (at, old) in text.char_indices().filter(|(_, c)| c.is_ascii_digit()) {
                let new = if old == '9' { '0' } else { char::from(old as u8 + 1) };
                let mut wrong = text.clone();
                wrong.replace_range(at..=at, &new.to_string());
                assert!(wrong.parse::<RecordNumber>().is_err(), "{wrong}");
            }
        }
    }
}
