use super::*;
use crate::{
    Outcome,
    fixtures::{DECLARED, Fixture, Plan},
};

/// What becomes of files that are wrong otherwise is in the vectors.
#[test]
fn no_changed_byte_is_still_valid() {
    let fixture = Fixture::new();
    for file in fixture.account_proofs(&fixture.certificate(&Plan::default())) {
        let bytes = file.encode();
        for at in (0..bytes.len()).step_by(31) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            let (verdict, read) = verify_account(&changed, &[fixture.anchor()], DECLARED);
            // The absence of one account is that of every other whose place would be the same.
            let same = read
                .is_some_and(|read| ProvenAccount { id: file.id, ..read } == file && file.account.is_none());
            assert!(verdict.outcome != Outcome::Valid || same, "byte {at}");
        }
    }
}
