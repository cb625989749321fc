use super::*;
use crate::genesis::tests::check_pinned;

pub(crate) fn sample() -> Checkpoint {
    Checkpoint {
        ledger: LedgerId([1; 32]),
        height: Height(42),
        time: TimestampMs(1_800_000_000_250),
        size: TreeSize(11),
        root_sha256: [2; 32],
        root_sm3: [3; 32],
        state_root: [4; 32],
    }
}

#[test]
fn the_encoding_is_pinned_and_reads_back() {
    let checkpoint = sample();
    check_pinned(&checkpoint.encode(), "e4a846cc2e915ce9d527b320bff0cdba16e82e397587dcea6bc113224ca3d599");
    assert_eq!(hex::encode(checkpoint.digest()), hex::encode(sha256(&checkpoint.encode())));
    assert_eq!(Checkpoint::parse(&checkpoint.encode()), Ok(checkpoint.clone()));
    assert!(Checkpoint::parse(&[checkpoint.encode().as_slice(), &[0]].concat()).is_err());
}

#[test]
fn the_note_has_three_lines() {
    let text = sample().note_body("log.example/x").unwrap().to_string();
    assert_eq!(text, "log.example/x\n11\nAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=\n");
    assert!(sample().note_body("two\nlines").is_err());
}
