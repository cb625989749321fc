//! The certificate's checkpoint beside checkpoints that the verifying person already has.

use xiezhi_evidence::Checkpoint;
use xiezhi_merkle::{Hash, Sha256, Sm3, TreeHash, verify_consistency};

use crate::{Check, KnownCheckpoint, Status, code, examination::Record, finding as f, finding::Finding};

/// One check per checkpoint known, and one that says so where there is none. An unknown here never keeps a verdict from being valid.
pub(crate) fn consistency(r: &Record<'_>) -> Vec<Check> {
    let known = r.input.known_checkpoints;
    if known.is_empty() {
        return vec![Check::new(code::CONSISTENCY, &f::CONSISTENCY_NONE).informational()];
    }
    let check = |known: &KnownCheckpoint| {
        let check = Check::new(code::CONSISTENCY, compare(&r.certificate.checkpoint, known));
        let check = check.with("size", known.checkpoint.size);
        if check.status == Status::Unknown { check.informational() } else { check }
    };
    known.iter().map(check).collect()
}

fn compare(own: &Checkpoint, known: &KnownCheckpoint) -> &'static Finding {
    let other = &known.checkpoint;
    if own.ledger != other.ledger {
        return &f::CONSISTENCY_OTHER;
    }
    let (older, newer) = if own.height <= other.height { (own, other) } else { (other, own) };
    let same_height = own.height == other.height;
    if (same_height && own != other) || older.size > newer.size || older.time > newer.time {
        return &f::CONSISTENCY_FORK;
    }
    if older.size == newer.size {
        let same = older.root_sha256 == newer.root_sha256 && older.root_sm3 == newer.root_sm3;
        return if same { &f::CONSISTENT } else { &f::CONSISTENCY_FORK };
    }
    if known.sha256.is_empty() && known.sm3.is_empty() && older.size.0 > 0 {
        return &f::CONSISTENCY_NO_PROOF;
    }
    let holds = connects::<Sha256>(older, newer, &known.sha256, |c| &c.root_sha256)
        && connects::<Sm3>(older, newer, &known.sm3, |c| &c.root_sm3);
    if holds { &f::CONSISTENT } else { &f::CONSISTENCY_PROOF }
}

fn connects<H: TreeHash>(
    older: &Checkpoint,
    newer: &Checkpoint,
    path: &[Hash],
    root: impl Fn(&Checkpoint) -> &Hash,
) -> bool {
    verify_consistency::<H>(older.size.0, newer.size.0, path, root(older), root(newer)).is_ok()
}
