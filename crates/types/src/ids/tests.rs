use super::*;
use crate::{canonical, from_canonical};

#[test]
fn an_id_reads_back_from_its_text_and_its_bytes() {
    let id = AccountId([0xab; 32]);
    assert_eq!(id.to_string().parse(), Ok(id));
    assert_eq!(AccountId::from_uri(&id.uri()), Ok(id));
    assert_eq!(id.uri().len(), 46);
    assert_eq!(from_canonical::<AccountId>("id", &canonical(&id)), Ok(id));
}

#[test]
fn other_spellings_of_an_id_are_refused() {
    let id = AccountId([0xab; 32]);
    assert!(id.to_string().to_uppercase().parse::<AccountId>().is_err());
    assert!("".parse::<AccountId>().is_err());
    assert!("ab".parse::<GroupId>().is_err());
    assert!(AccountId::from_uri(&format!("{}=", id.uri())).is_err());
    assert!(AccountId::from_uri(&id.to_string()).is_err());
    // The last character carries two unused bits, which must be zero.
    let mut uri = AccountId([0; 32]).uri();
    uri.pop();
    uri.push('B');
    assert!(AccountId::from_uri(&uri).is_err());
}

#[test]
fn an_institutions_name_is_short_lower_case_ascii() {
    for good in ["court", "notary-2", "a"] {
        assert!(good.parse::<InstitutionId>().is_ok(), "{good}");
    }
    for bad in ["", "Court", "-a", "a-", "法院", "a b", &"a".repeat(33)] {
        assert!(bad.parse::<InstitutionId>().is_err(), "{bad}");
    }
}

#[test]
fn trailing_bytes_and_long_integers_are_refused() {
    let mut bytes = canonical(&GroupId([7; 16]));
    bytes.push(0);
    assert!(from_canonical::<GroupId>("id", &bytes).is_err());
    assert!(from_canonical::<crate::Height>("height", &[0x18, 0x05]).is_err());
    assert_eq!(from_canonical::<crate::Height>("height", &[0x05]), Ok(crate::Height(5)));
}
