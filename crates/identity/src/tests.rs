use proptest::prelude::*;

use super::*;

#[test]
fn numbers_that_are_published_hold() {
    // The examples of GB 11643 and GB 32100, a listed company, and two LEIs.
    for (kind, number) in [
        (Kind::ResidentId, "11010519491231002X"),
        (Kind::ResidentId, "440524188001010014"),
        (Kind::CreditCode, "91350100M000100Y43"),
        (Kind::CreditCode, "9144030071526726XG"),
        (Kind::Lei, "5493001KJTIIGC8Y1R12"),
        (Kind::Lei, "529900T8BM49AURSDO55"),
    ] {
        assert_eq!(check(kind, number, Some((2026, 1, 1))), Ok(()), "{number}");
    }
}

#[test]
fn each_rule_is_named_when_it_is_broken() {
    use Kind::{CreditCode, Lei, ResidentId};
    let rows = [
        (ResidentId, "11010519491231002", Rule::Length { found: 17, needed: 18 }),
        (ResidentId, "1101051949123100２X", Rule::Character { place: 17 }),
        (ResidentId, "11010519491231002x", Rule::Character { place: 18 }),
        (ResidentId, "99010519491231002X", Rule::Province),
        (ResidentId, "11010519490231002X", Rule::Birth),
        (ResidentId, "11010519000229002X", Rule::Birth),
        (ResidentId, "11010520301231002X", Rule::Birth),
        (ResidentId, "110105194912310020", Rule::Check),
        (ResidentId, "11010519491230102X", Rule::Check),
        (CreditCode, "91350100M000100Y4O", Rule::Character { place: 18 }),
        (CreditCode, "91A50100M000100Y43", Rule::Character { place: 3 }),
        (CreditCode, "95350100M000100Y43", Rule::Authority),
        (CreditCode, "Z1350100M000100Y43", Rule::Character { place: 1 }),
        (CreditCode, "91990100M000100Y43", Rule::Province),
        (CreditCode, "91350100M000100X43", Rule::OrganisationCheck),
        (CreditCode, "91350100M000100Y44", Rule::Check),
        (Lei, "5493001KJTIIGC8Y1R1", Rule::Length { found: 19, needed: 20 }),
        (Lei, "5493001kJTIIGC8Y1R12", Rule::Character { place: 8 }),
        (Lei, "5493001KJTIIGC8Y1RA2", Rule::Character { place: 19 }),
        (Lei, "5493001KJTIIGC8Y1R21", Rule::Check),
    ];
    for (kind, number, rule) in rows {
        assert_eq!(check(kind, number, Some((2026, 1, 1))), Err(rule), "{number}");
    }
}

#[test]
fn every_wrong_digit_and_every_exchange_of_two_is_noticed() {
    // A digit in a letter's place changes the length of what MOD 97-10 divides, and can go unnoticed: the standard promises digits for digits only.
    for (kind, number) in [(Kind::ResidentId, "440524188001010014"), (Kind::Lei, "529900T8BM49AURSDO55")] {
        let bytes = number.as_bytes();
        let holds = |bytes: &[u8]| check(kind, std::str::from_utf8(bytes).unwrap(), None).is_ok();
        for at in (0..bytes.len()).filter(|at| bytes[*at].is_ascii_digit()) {
            for digit in b'0'..=b'9' {
                let mut wrong = bytes.to_vec();
                wrong[at] = digit;
                assert_eq!(holds(&wrong), digit == bytes[at], "{number}: {at} to {digit}");
            }
            if bytes.get(at + 1).is_some_and(u8::is_ascii_digit) {
                let mut exchanged = bytes.to_vec();
                exchanged.swap(at, at + 1);
                assert_eq!(holds(&exchanged), bytes[at] == bytes[at + 1], "{number}: {at}");
            }
        }
    }
}

proptest! {
    #[test]
    fn no_text_is_too_strange(text in "\\PC*") {
        for kind in Kind::ALL {
            let _ = check(kind, &text, Some((2026, 1, 1)));
        }
    }
}
