use coset::{CoseSign1, TaggedCborSerializable as _};
use xiezhi_merkle::{Sha256, Tree, TreeHash};
use xiezhi_types::canonical;

use super::*;
use crate::{
    checkpoint,
    genesis::tests::{check_pinned, key},
};

const ORIGIN: &str = "log.example/ledger";
const TIME: u64 = 1_800_000_001;

fn court() -> InstitutionId {
    "court".parse().unwrap()
}

pub(crate) fn sample(checkpoint: &Checkpoint) -> Seal {
    Seal::sign(checkpoint, ORIGIN, &court(), TIME, &key(2)).unwrap()
}

#[test]
fn the_encodings_are_pinned() {
    let checkpoint = checkpoint::tests::sample();
    check_pinned(
        &canonical(&sample(&checkpoint)),
        "1f699493483bdccd4fd2c438a47c050264edcdc0c7024372debc88217718a89f",
    );
    check_pinned(
        &receipt_header(&checkpoint, &court(), TIME, KeyId([6; 8])),
        "0217522355862eba86aa4f9f7e4b302b94fd16d773e858f7e6f493cc7f84b177",
    );
    check_pinned(
        &sample(&checkpoint).receipt(&checkpoint, KeyId([6; 8]), 3, &[[1; 32], [2; 32]]),
        "bd0c47265196a86129a10a8b07adcba9b75e4f06555ed2e82a21369bdee3ca61",
    );
}

#[test]
fn a_seal_holds_for_its_checkpoint_origin_institution_time_and_key_only() {
    let checkpoint = checkpoint::tests::sample();
    let (seal, public) = (sample(&checkpoint), key(2).public_key());
    seal.verify(&checkpoint, ORIGIN, &public).unwrap();
    assert!(seal.verify(&checkpoint, "log.example/other", &public).is_err());
    assert!(seal.verify(&checkpoint, ORIGIN, &key(3).public_key()).is_err());
    let other = Seal { institution: "notary".parse().unwrap(), ..seal.clone() };
    assert!(other.verify(&checkpoint, ORIGIN, &public).is_err());
    assert!(Seal { time: TIME + 1, ..seal.clone() }.verify(&checkpoint, ORIGIN, &public).is_err());
    assert!(Seal { time: u64::MAX, ..seal.clone() }.verify(&checkpoint, ORIGIN, &public).is_err());
    let changes: [fn(&mut Checkpoint); 7] = [
        |c| c.ledger.0[0] ^= 1,
        |c| c.height.0 += 1,
        |c| c.time.0 += 1,
        |c| c.size.0 += 1,
        |c| c.root_sha256[0] ^= 1,
        |c| c.root_sm3[0] ^= 1,
        |c| c.state_root[0] ^= 1,
    ];
    for change in changes {
        let mut changed = checkpoint.clone();
        change(&mut changed);
        let said = seal.verify(&changed, ORIGIN, &public).unwrap_err();
        assert!(matches!(said, SealError::Signature { form: "receipt", .. }), "{said}");
    }
}

#[test]
fn each_of_the_three_signatures_is_checked() {
    let checkpoint = checkpoint::tests::sample();
    let good = sample(&checkpoint);
    let check = |change: fn(&mut Seal), expected: &str| {
        let mut seal = good.clone();
        change(&mut seal);
        let said = seal.verify(&checkpoint, ORIGIN, &key(2).public_key()).unwrap_err().to_string();
        assert!(said.contains(expected), "{said}");
    };
    check(|s| s.receipt[0] ^= 1, "receipt");
    check(|s| s.log[0] ^= 1, "log signature");
    check(|s| s.cosignature[0] ^= 1, "cosignature");
}

#[test]
fn only_ed25519_keys_seal() {
    let checkpoint = checkpoint::tests::sample();
    for alg in [SignatureAlg::Es256, SignatureAlg::Sm2] {
        let key = xiezhi_crypto::SigningKey::from_seed(alg, &[3; 32]).unwrap();
        assert_eq!(Seal::sign(&checkpoint, ORIGIN, &court(), TIME, &key), Err(SealError::Suite { alg }));
        assert_eq!(
            sample(&checkpoint).verify(&checkpoint, ORIGIN, &key.public_key()),
            Err(SealError::Suite { alg })
        );
    }
}

#[test]
fn another_cose_library_verifies_the_receipt_over_the_root() {
    let leaves: Vec<_> = (0..5u8).map(|i| Sha256::leaf(&[i])).collect();
    let tree = Tree::<Sha256>::new(&leaves);
    let checkpoint = Checkpoint {
        root_sha256: tree.root(),
        size: xiezhi_types::TreeSize(5),
        ..checkpoint::tests::sample()
    };
    let public = key(2).public_key();
    let receipt = sample(&checkpoint).receipt(&checkpoint, public.id(), 3, &tree.inclusion(3).unwrap());
    let read = CoseSign1::from_tagged_slice(&receipt).unwrap();
    assert_eq!(read.payload, None, "detached");
    read.verify_detached_signature(&tree.root(), &[], |signature, message| public.verify(message, signature))
        .unwrap();
    let labels: Vec<_> = read.protected.header.rest.iter().map(|(label, _)| label.clone()).collect();
    let numbers = [LABEL_CLAIMS, LABEL_VDS, LABEL_CHECKPOINT];
    assert_eq!(labels, numbers.map(coset::Label::Int));
    assert_eq!(read.clone().to_tagged_vec().unwrap(), receipt);
    assert_eq!(read.unprotected.rest.len(), 1);
}

#[test]
fn log_and_witness_have_keys_of_their_own_name() {
    let (log, witness) = note_keys("log.example/x", &court(), [7; 32]).unwrap();
    assert_eq!((log.name(), witness.name()), ("log.example/x", "log.example/x/court"));
    assert_ne!(log.key_id(), witness.key_id());
    assert!(note_keys("with space", &court(), [7; 32]).is_none());
}
