//! What the font can show, and what is written in the place of what it cannot.

use std::fmt::Write as _;

use crate::typesetting::font;

/// Most characters of a value that are shown.
const SHOWN_MAX: usize = 1000;

/// Width of a run without a space after which a line may break; a digest fits.
const RUN_MAX: usize = 72;

/// From here on lines break between any two characters.
const CJK: u32 = 0x2e80;

/// Allows a line to break; shows nothing.
const BREAK: char = '\u{200b}';

/// Whether the font shows `c`, and nothing can be hidden by it.
pub(crate) fn is_shown(c: char) -> bool {
    let hides = c.is_control()
        || matches!(u32::from(c), 0x00ad | 0x2000..=0x200f | 0x2028..=0x202f | 0x205f..=0x206f | 0xfe00..=0xfe0f | 0xfeff);
    !hides && font().info().coverage.contains(u32::from(c))
}

/// `text` as it can be shown: other characters as `[U+XXXX]`, spaces that would be lost as such too, long runs with places to break, and
/// what is too long cut, which is said.
pub(crate) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut run, mut last) = (0, None);
    for (at, c) in text.chars().enumerate() {
        if at == SHOWN_MAX {
            out.push_str(" […]");
            break;
        }
        let lost = c == ' ' && last.is_none_or(|last| last == ' ');
        if !is_shown(c) || lost {
            let _ = write!(out, "[U+{:04X}]", u32::from(c));
            run += RUN_MAX / 2;
        } else {
            out.push(c);
            run = match c {
                ' ' => 0,
                _ if u32::from(c) >= CJK => 0,
                _ if c.is_ascii_hexdigit() => run + 1,
                _ => run + 3,
            };
        }
        if run >= RUN_MAX {
            out.push(BREAK);
            run = 0;
        }
        last = Some(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(visible(text).replace(BREAK, ""), expected);
    }

    #[test]
    fn what_the_font_has_stays() {
        check("租赁合同 Lease (2027).pdf", "租赁合同 Lease (2027).pdf");
        check("", "");
    }

    #[test]
    fn what_the_font_lacks_is_named_by_its_code_point() {
        check("𠮷野家", "[U+20BB7]野家");
        check("a\u{1f600}", "a[U+1F600]");
    }

    #[test]
    fn nothing_can_hide_or_reorder_text() {
        check("fdp.\u{202e}exe", "fdp.[U+202E]exe");
        check("a\nb\u{200b}\u{0}", "a[U+000A]b[U+200B][U+0000]");
        check(" a  b", "[U+0020]a [U+0020]b");
    }

    #[test]
    fn a_digest_has_no_place_to_break_and_a_long_name_has() {
        let digest = "0123456789abcdef".repeat(4);
        assert_eq!(visible(&digest), digest);
        assert_eq!(visible(&"w".repeat(300)).matches(BREAK).count(), 12);
        assert!(!visible(&"证".repeat(300)).contains(BREAK));
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        let shown = visible(&"长".repeat(5_000));
        assert!(shown.ends_with("[…]"), "{shown}");
        assert_eq!(shown.chars().filter(|c| *c == '长').count(), SHOWN_MAX);
    }
}
