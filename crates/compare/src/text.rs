//! Text: the same but for its encoding, line ends and normal form; or which lines are the same.

use unicode_normalization::UnicodeNormalization as _;

use crate::{
    Comparison, Finding, Match, Relation, Unit, Unread,
    finding::{LINES_NONE, LINES_PARTLY, TEXT_EQUAL, new},
};

/// Longest text that is compared, in bytes.
const TEXT_BYTES_MAX: usize = 16 << 20;
/// Most steps of the search for common lines: pairs of lines.
const PAIRS_MAX: usize = 4_000_000;

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// UTF-8 or marked UTF-16 without NUL characters.
pub(crate) fn is_text(bytes: &[u8]) -> bool {
    let is_wide = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    let bytes = bytes.get(..TEXT_BYTES_MAX).unwrap_or(bytes);
    is_wide || (!bytes.contains(&0) && std::str::from_utf8(bytes).is_ok_or_cut())
}

trait OrCut {
    /// Fine, or fine but for a character that the end cuts.
    fn is_ok_or_cut(&self) -> bool;
}

impl OrCut for Result<&str, std::str::Utf8Error> {
    fn is_ok_or_cut(&self) -> bool {
        self.is_ok() || self.as_ref().is_err_and(|error| error.error_len().is_none())
    }
}

/// A text, and how it was written.
struct Written {
    text: String,
    encoding: &'static str,
    is_marked: bool,
}

fn read(bytes: &[u8]) -> Option<Written> {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16, encoding| {
        let units: Vec<u16> =
            bytes.chunks(2).map(|pair| pair.try_into().map(unit)).collect::<Result<_, _>>().ok()?;
        Some(Written { text: String::from_utf16(&units).ok()?, encoding, is_marked: true })
    };
    let written = if let Some(rest) = bytes.strip_prefix(b"\xff\xfe") {
        wide(rest, u16::from_le_bytes, "UTF-16LE")?
    } else if let Some(rest) = bytes.strip_prefix(b"\xfe\xff") {
        wide(rest, u16::from_be_bytes, "UTF-16BE")?
    } else {
        let rest = bytes.strip_prefix(UTF8_MARK).unwrap_or(bytes);
        let text = std::str::from_utf8(rest).ok()?.to_owned();
        Written { text, encoding: "UTF-8", is_marked: rest.len() < bytes.len() }
    };
    (!written.text.contains('\0')).then_some(written)
}

pub(crate) fn compare(presented: &[u8], original: &[u8]) -> Result<Comparison, Finding> {
    if presented.len().max(original.len()) > TEXT_BYTES_MAX {
        return Err(Unread::Limit("text").finding("files"));
    }
    let unread = |which| Unread::Form("text").finding(which);
    let presented = read(presented).ok_or_else(|| unread("presented"))?;
    let original = read(original).ok_or_else(|| unread("original"))?;
    Ok(match changes(&presented, &original) {
        Some(changes) => {
            let finding = new(&TEXT_EQUAL).with("changes", changes.join(", "));
            Comparison::new(Relation::ContentEqual, vec![finding])
        }
        None => lines(&presented.text, &original.text),
    })
}

/// What differs in how the same text is written; none when the texts differ.
fn changes(presented: &Written, original: &Written) -> Option<Vec<&'static str>> {
    let mut changes = Vec::new();
    if presented.encoding != original.encoding {
        changes.push("encoding");
    }
    if presented.is_marked != original.is_marked {
        changes.push("byte-order-mark");
    }
    let unified = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n");
    let (left, right) = (unified(&presented.text), unified(&original.text));
    let (a, b) = (without_last_end(&left), without_last_end(&right));
    if !a.nfc().eq(b.nfc()) {
        return None;
    }
    if line_ends(without_last_end(&presented.text)) != line_ends(without_last_end(&original.text)) {
        changes.push("line-ends");
    }
    if a != b {
        changes.push("normal-form");
    }
    if left.ends_with('\n') != right.ends_with('\n') {
        changes.push("final-line-end");
    }
    Some(changes)
}

fn without_last_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// How many lines end in CR LF, in CR, in LF.
fn line_ends(text: &str) -> [usize; 3] {
    let both = text.matches("\r\n").count();
    [both, text.matches('\r').count() - both, text.matches('\n').count() - both]
}

/// Which lines are the same, line ends and normal form set aside.
fn lines(presented: &str, original: &str) -> Comparison {
    let normal = |text: &str| -> Vec<String> {
        let text: String = text.nfc().collect();
        text.lines().map(|line| line.trim_end_matches('\r').to_owned()).collect()
    };
    let (a, b) = (normal(presented), normal(original));
    let ranges = common(&a, &b);
    // Empty lines are the same everywhere: alone they are no match.
    let same: usize = ranges
        .iter()
        .map(|(at, _, n)| a[*at..at + n].iter().filter(|line| !line.trim().is_empty()).count())
        .sum();
    if same == 0 {
        return Comparison::new(Relation::Different, vec![new(&LINES_NONE)]);
    }
    let total: usize = ranges.iter().map(|(_, _, n)| n).sum();
    let finding = new(&LINES_PARTLY).with("lines", total).with("of", a.len());
    let matches =
        ranges.iter().map(|(x, y, n)| Match::range(Unit::Line, *x as u64 + 1, *y as u64 + 1, *n as u64));
    Comparison::new(Relation::PartlyMatching, vec![finding]).with(matches.collect())
}

/// Common lines in order, as `(in a, in b, how many)`: the common beginning and end; between them the longest common subsequence, or when that is
/// more than [`PAIRS_MAX`] pairs of lines, nothing.
fn common(a: &[String], b: &[String]) -> Vec<(usize, usize, usize)> {
    let head = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let tail = a[head..].iter().rev().zip(b[head..].iter().rev()).take_while(|(x, y)| x == y).count();
    let (middle_a, middle_b) = (&a[head..a.len() - tail], &b[head..b.len() - tail]);
    let mut ranges = Vec::new();
    push(&mut ranges, 0, 0, head);
    if middle_a.len().saturating_mul(middle_b.len()) <= PAIRS_MAX {
        for (x, y) in subsequence(middle_a, middle_b) {
            push(&mut ranges, head + x, head + y, 1);
        }
    }
    push(&mut ranges, a.len() - tail, b.len() - tail, tail);
    ranges
}

fn push(ranges: &mut Vec<(usize, usize, usize)>, x: usize, y: usize, n: usize) {
    match ranges.last_mut() {
        _ if n == 0 => {}
        Some((at, other, length)) if *at + *length == x && *other + *length == y => *length += n,
        _ => ranges.push((x, y, n)),
    }
}

/// The pairs of a longest common subsequence. Wagner and Fischer, 1974.
fn subsequence(a: &[String], b: &[String]) -> Vec<(usize, usize)> {
    let width = b.len() + 1;
    let mut longest = vec![0u32; (a.len() + 1) * width];
    for x in (0..a.len()).rev() {
        for y in (0..b.len()).rev() {
            longest[x * width + y] = if a[x] == b[y] {
                longest[(x + 1) * width + y + 1] + 1
            } else {
                longest[(x + 1) * width + y].max(longest[x * width + y + 1])
            };
        }
    }
    let (mut x, mut y, mut pairs) = (0, 0, Vec::new());
    while x < a.len() && y < b.len() {
        if a[x] == b[y] {
            pairs.push((x, y));
            (x, y) = (x + 1, y + 1);
        } else if longest[(x + 1) * width + y] >= longest[x * width + y + 1] {
            x += 1;
        } else {
            y += 1;
        }
    }
    pairs
}
