//! How values look to people.

use xiezhi_types::RecordNumber;

/// A time of the API as people read it, to the second; as it is, where it is none.
pub(crate) fn moment(time: &str) -> String {
    match (time.get(..10), time.get(10..11), time.get(11..19)) {
        (Some(day), Some("T"), Some(second)) if time.ends_with('Z') => format!("{day} {second} UTC"),
        _ => time.to_owned(),
    }
}

/// The beginning of a long identifier or digest, for lists; whole where it is short.
pub(crate) fn short(id: &str) -> String {
    let (algorithm, digits) = id.split_once(':').map_or(("", id), |(algorithm, digits)| (algorithm, digits));
    let separator = if algorithm.is_empty() { "" } else { ":" };
    match (digits.get(..8), digits.get(digits.len().saturating_sub(4)..)) {
        (Some(begin), Some(end)) if digits.len() > 16 => format!("{algorithm}{separator}{begin}…{end}"),
        _ => id.to_owned(),
    }
}

/// The place of a record in the log; empty where `number` is no record's.
pub(crate) fn index(number: &str) -> String {
    number.parse::<RecordNumber>().map(|number| number.index.to_string()).unwrap_or_default()
}

/// Hexadecimal digits in groups of four, for people to compare.
pub(crate) fn grouped(digits: &str) -> String {
    let groups: Vec<_> = digits.as_bytes().chunks(4).map(String::from_utf8_lossy).collect();
    groups.join(" ")
}

/// A number with its thousands apart; templates give references.
pub(crate) fn thousands(n: &u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_look_as_people_read_them() {
        assert_eq!(moment("2026-11-22T08:09:10.123Z"), "2026-11-22 08:09:10 UTC");
        assert_eq!(moment("soon"), "soon");
        assert_eq!(short("sha256:9f86d081884c7d659a2feaa0c55ad015"), "sha256:9f86d081…d015");
        assert_eq!(short("court"), "court");
        assert_eq!(short("多字节的文本多字节的文本"), "多字节的文本多字节的文本");
        assert_eq!(grouped("0123456789"), "0123 4567 89");
        for (n, expected) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(&n), expected);
        }
    }
}
