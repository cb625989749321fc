//! Numbers by which persons and enterprises are known: the resident id of China (GB 11643), the unified social credit code (GB 32100) and
//! the LEI (ISO 17442).
//!
//! Each is checked rule by rule, in the order of [`Rule`]; the first that fails is named. A number that keeps all rules is well formed. Whether it was
//! ever given to anybody, and to whom, only its register knows.

use std::fmt;

/// Which kind of number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Resident id: 17 digits and a check character.
    ResidentId,
    /// Unified social credit code: 18 characters.
    CreditCode,
    /// Legal entity identifier: 20 characters.
    Lei,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::ResidentId, Self::CreditCode, Self::Lei];

    /// Its stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ResidentId => "resident-id",
            Self::CreditCode => "credit-code",
            Self::Lei => "lei",
        }
    }

    /// The kind with that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// How many characters it has.
    #[must_use]
    pub fn length(self) -> usize {
        match self {
            Self::ResidentId | Self::CreditCode => 18,
            Self::Lei => 20,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A rule that a number breaks, in the order in which they are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Rule {
    /// Too long or too short.
    #[error("{found} characters, {needed} are needed")]
    Length {
        /// How many there are.
        found: usize,
        /// How many there must be.
        needed: usize,
    },
    /// A character that cannot stand where it stands.
    #[error("character {place} cannot be what it is")]
    Character {
        /// Which, from 1.
        place: usize,
    },
    /// No registering authority and category of these codes (credit code).
    #[error("its first two characters name no registering authority and category")]
    Authority,
    /// No province of that code (GB/T 2260).
    #[error("its digits for the province name none")]
    Province,
    /// No such day, or one after the day asked for.
    #[error("its date of birth is no day of the past")]
    Birth,
    /// The check digit of the organisation code within does not match (GB 11714).
    #[error("the check digit of the organisation code within it does not match")]
    OrganisationCheck,
    /// The check characters do not match.
    #[error("its check characters do not match: a digit is wrong or two are exchanged")]
    Check,
}

impl Rule {
    /// Stable code for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Length { .. } => "length",
            Self::Character { .. } => "character",
            Self::Authority => "authority",
            Self::Province => "province",
            Self::Birth => "birth",
            Self::OrganisationCheck => "organisation-check",
            Self::Check => "check",
        }
    }

    /// The sentence in Chinese; the English one is its display.
    #[must_use]
    pub fn zh(self) -> String {
        match self {
            Self::Length { found, needed } => format!("有 {found} 个字符,应为 {needed} 个"),
            Self::Character { place } => format!("第 {place} 个字符不合规定"),
            Self::Authority => "前两位不是有效的登记管理部门与机构类别".to_owned(),
            Self::Province => "省级行政区划代码不存在".to_owned(),
            Self::Birth => "出生日期不存在,或在今天之后".to_owned(),
            Self::OrganisationCheck => "其中组织机构代码的校验位不符".to_owned(),
            Self::Check => "校验位不符:有一位写错,或两位颠倒".to_owned(),
        }
    }
}

/// Year, month, day.
pub type Date = (u16, u8, u8);

/// Codes of provinces (GB/T 2260), and 81 to 83 for residents from Hong Kong, Macao and Taiwan.
const PROVINCES: [u8; 35] = [
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54,
    61, 62, 63, 64, 65, 71, 81, 82, 83,
];
/// The characters of credit codes, by value: no I, O, S, V, Z.
const CREDIT: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
/// Registering authority, and the categories that it has (GB 32100, table 1, and the two authorities added to it since).
const AUTHORITIES: [(u8, &[u8]); 12] = [
    (b'1', b"1239"),
    (b'2', b"19"),
    (b'3', b"123459"),
    (b'4', b"19"),
    (b'5', b"1239"),
    (b'6', b"129"),
    (b'7', b"129"),
    (b'8', b"19"),
    (b'9', b"123"),
    (b'A', b"19"),
    (b'N', b"1239"),
    (b'Y', b"1"),
];

/// Checks `number` as one of `kind`; `today` bounds dates of birth where it is given. Letters must be capital, and nothing stands around the number.
///
/// # Errors
/// The first [`Rule`] that it breaks.
pub fn check(kind: Kind, number: &str, today: Option<Date>) -> Result<(), Rule> {
    let found = number.chars().count();
    if found != kind.length() {
        return Err(Rule::Length { found, needed: kind.length() });
    }
    let is_allowed = |at: usize, c: char| match kind {
        Kind::ResidentId => c.is_ascii_digit() || (at == 17 && c == 'X'),
        Kind::CreditCode if (2..8).contains(&at) => c.is_ascii_digit(),
        Kind::CreditCode => u8::try_from(c).is_ok_and(|c| credit_value(c).is_some()),
        Kind::Lei if at >= 18 => c.is_ascii_digit(),
        Kind::Lei => c.is_ascii_digit() || c.is_ascii_uppercase(),
    };
    if let Some(at) = number.chars().enumerate().position(|(at, c)| !is_allowed(at, c)) {
        return Err(Rule::Character { place: at + 1 });
    }
    let bytes = number.as_bytes();
    match kind {
        Kind::ResidentId => resident(bytes, today),
        Kind::CreditCode => credit(bytes),
        Kind::Lei if mod_97(bytes) == 1 => Ok(()),
        Kind::Lei => Err(Rule::Check),
    }
}

fn digit(byte: u8) -> u32 {
    u32::from(byte.saturating_sub(b'0'))
}

fn digits(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number * 10 + digit(*byte))
}

fn is_province(bytes: &[u8]) -> bool {
    PROVINCES.iter().any(|code| u32::from(*code) == digits(bytes))
}

fn resident(bytes: &[u8], today: Option<Date>) -> Result<(), Rule> {
    if !is_province(&bytes[..2]) {
        return Err(Rule::Province);
    }
    let (year, month, day) = (digits(&bytes[6..10]), digits(&bytes[10..12]), digits(&bytes[12..14]));
    let is_past =
        today.is_none_or(|(y, m, d)| (year, month, day) <= (u32::from(y), u32::from(m), u32::from(d)));
    if year < 1800 || day == 0 || day > days_of(year, month) || !is_past {
        return Err(Rule::Birth);
    }
    // ISO 7064, MOD 11-2.
    let sum = bytes[..17].iter().fold(0, |sum, byte| (sum + digit(*byte)) * 2 % 11);
    let expected = match (12 - sum) % 11 {
        10 => b'X',
        value => b'0' + u8::try_from(value).unwrap_or(0),
    };
    if bytes[17] == expected { Ok(()) } else { Err(Rule::Check) }
}

fn days_of(year: u32, month: u32) -> u32 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 0,
    }
}

fn credit_value(byte: u8) -> Option<u32> {
    CREDIT.iter().position(|known| *known == byte).and_then(|at| u32::try_from(at).ok())
}

fn credit(bytes: &[u8]) -> Result<(), Rule> {
    let authority = AUTHORITIES.iter().find(|(authority, _)| *authority == bytes[0]);
    if authority.is_none_or(|(_, categories)| !categories.contains(&bytes[1])) {
        return Err(Rule::Authority);
    }
    // 10 stands for the national authority.
    if &bytes[2..4] != b"10" && !is_province(&bytes[2..4]) {
        return Err(Rule::Province);
    }
    let organisation = &bytes[8..17];
    let value = |byte: u8| if byte.is_ascii_digit() { digit(byte) } else { u32::from(byte - b'A') + 10 };
    let weights = [3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = organisation.iter().zip(weights).map(|(byte, weight)| value(*byte) * weight).sum();
    let expected = match 11 - sum % 11 {
        10 => b'X',
        11 => b'0',
        value => b'0' + u8::try_from(value).unwrap_or(0),
    };
    if organisation[8] != expected {
        return Err(Rule::OrganisationCheck);
    }
    // Weights are the powers of 3 modulo 31.
    let weighted = |(sum, weight): (u32, u32), byte: &u8| {
        (sum + credit_value(*byte).unwrap_or(0) * weight, weight * 3 % 31)
    };
    let (sum, _) = bytes[..17].iter().fold((0, 1), weighted);
    if credit_value(bytes[17]) == Some((31 - sum % 31) % 31) { Ok(()) } else { Err(Rule::Check) }
}

/// ISO 7064, MOD 97-10: letters count as 10 to 35.
fn mod_97(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + digit(*byte)) % 97,
        letter => (rest * 100 + u32::from(letter - b'A') + 10) % 97,
    })
}

#[cfg(test)]
mod tests;
