use ed25519_zebra::{Signature, SigningKey, VerificationKey};
use proptest::prelude::*;

use super::*;
use crate::{Algorithm, NoteSignature, SignedNote, VerifierKey};

/// From C2SP tlog-cosignature.
const CHECKPOINT: &str =
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
const TIME_S: u64 = 1_679_315_147;
const LOG_LINE: &str = "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1g\
                        GzGku9nTo+zyWE+xeMcTOAYQ8=";
const WITNESS_LINE: &str = "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2o\
                            yin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==";

#[test]
fn the_example_of_the_specification_is_read_and_written() {
    let text = format!("{CHECKPOINT}\n{LOG_LINE}\n{WITNESS_LINE}\n");
    let note = SignedNote::from_bytes(text.as_bytes()).expect("a note");
    assert_eq!(note.to_string(), text);
    let witness = &note.signatures()[1];
    assert_eq!((witness.name(), witness.key_id()), ("witness.example.com/w1", [0x8d, 0x66, 0xcf, 0x3f]));
    let cosignature = Cosignature::from_bytes(witness.signature()).expect("a cosignature");
    assert_eq!(cosignature.time_s(), TIME_S);
    assert_eq!(cosignature.to_bytes(), witness.signature());

    let message = Cosignature::message(TIME_S, note.text()).expect("a time");
    assert_eq!(message, format!("cosignature/v1\ntime 1679315147\n{CHECKPOINT}").into_bytes());
}

/// A witness signs `text`; then `mangle` has its way with the line, and the signature is checked against `text`.
fn verifies(text: &str, mangle: impl FnOnce(&mut Vec<u8>)) -> bool {
    let signer = SigningKey::from([7; 32]);
    let public_key = signer.verification_key().into();
    let key = VerifierKey::new("witness.example/w1", Algorithm::CosignatureV1, public_key).expect("a name");
    let message = Cosignature::message(TIME_S, CHECKPOINT).expect("a time");
    let cosignature = Cosignature::new(TIME_S, signer.sign(&message).to_bytes()).expect("a time");
    let mut blob = cosignature.to_bytes().to_vec();
    mangle(&mut blob);

    let line = NoteSignature::by(&key, blob).expect("a signature");
    let note = SignedNote::new(text, vec![line]).expect("a note");
    let Ok(found) = Cosignature::from_bytes(note.signatures_by(&key).next().expect("its own").signature())
    else {
        return false;
    };
    let message = Cosignature::message(found.time_s(), note.text()).expect("a time that was parsed");
    let point = VerificationKey::try_from(*key.public_key()).expect("a point");
    point.verify(&Signature::from_bytes(found.signature()), &message).is_ok()
}

#[test]
fn a_cosignature_binds_the_time_and_every_line() {
    assert!(verifies(CHECKPOINT, |_| ()));
    assert!(!verifies(&format!("{CHECKPOINT}extension\n"), |_| ()));
    assert!(!verifies(&CHECKPOINT.replace("20852163", "20852164"), |_| ()));
    for bit in 0..8 * Cosignature::BYTES {
        assert!(!verifies(CHECKPOINT, |blob| blob[bit / 8] ^= 1 << (bit % 8)), "bit {bit}");
    }
    assert!(!verifies(CHECKPOINT, |blob| blob.truncate(71)));
    assert!(!verifies(CHECKPOINT, |blob| blob.push(0)));
}

#[test]
fn a_time_is_a_positive_signed_number() {
    let error = Err(CosignatureError::TimeOutside { time_s: 1 << 63 });
    assert_eq!(Cosignature::new(1 << 63, [0; 64]), error);
    assert_eq!(Cosignature::message(1 << 63, CHECKPOINT).map(|_| ()), error.clone().map(|_| ()));
    assert!(Cosignature::new((1 << 63) - 1, [0; 64]).is_ok());
    let mut bytes = [0; 72];
    bytes[0] = 0x80;
    assert_eq!(Cosignature::from_bytes(&bytes), error);
    for bytes in (0..200).filter(|bytes| *bytes != 72) {
        assert_eq!(Cosignature::from_bytes(&vec![0; bytes]), Err(CosignatureError::WrongLength { bytes }));
    }
}

proptest! {
    #[test]
    fn a_cosignature_comes_back(time_s in 0..=TIME_S_MAX, signature: [[u8; 32]; 2]) {
        let signature = *signature.as_flattened().first_chunk().expect("64 bytes");
        let cosignature = Cosignature::new(time_s, signature).expect("a time");
        prop_assert_eq!(Cosignature::from_bytes(&cosignature.to_bytes()), Ok(cosignature));
    }
}
