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

proptest! {
    #[test]
    fn one_wrong_character_and_two_exchanged_are_noticed(kind in 0usize..2, at in 0usize..17, to in 0u8..10) {
        let (kind, number) =
            [(Kind::ResidentId, "11010519491231002X"), (Kind::Lei, "5493001KJTIIGC8Y1R12")][kind];
        let mut wrong = number.as_bytes().to_vec();
        wrong[at] = b'0' + to;
        prop_assert_eq!(check(kind, std::str::from_utf8(&wrong).unwrap(), None).is_ok(), wrong == number.as_bytes());
        let mut exchanged = number.as_bytes().to_vec();
        exchanged.swap(at, at + 1);
        let held = check(kind, std::str::from_utf8(&exchanged).unwrap(), None).is_ok();
        prop_assert_eq!(held, exchanged == number.as_bytes());
    }

    #[test]
    fn no_text_is_too_strange(text in "\\PC*") {
        for kind in Kind::ALL {
            let _ = check(kind, &text, Some((2026, 1, 1)));
        }
    }
}
