use ed25519_zebra::{Signature, SigningKey, VerificationKey};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::{Algorithm, CheckpointBody};

/// From the tests of golang.org/x/mod/sumdb/note.
const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const PETER_SEED: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const ENOCH: &str = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
const TEXT: &str = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n";
const PETER_LINE: &str = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";
const ENOCH_LINE: &str = "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=";

/// How many signatures of `vkey` there are, or `None` when one of them does not verify.
fn verified(note: &str, vkey: &str) -> Option<usize> {
    let key: VerifierKey = vkey.parse().expect("a key");
    let note = SignedNote::from_bytes(note.as_bytes()).ok()?;
    let point = VerificationKey::try_from(*key.public_key()).expect("a point");
    note.signatures_by(&key)
        .map(|by| {
            Some(
                point.verify(&Signature::from_bytes(by.signature().try_into().ok()?), note.text().as_bytes()),
            )
        })
        .map(|checked| checked?.ok())
        .try_fold(0, |count, checked| checked.map(|()| count + 1))
}

#[test]
fn published_notes_verify() {
    let note = format!("{TEXT}\n{PETER_LINE}\n{ENOCH_LINE}\n");
    assert_eq!((verified(&note, PETER), verified(&note, ENOCH)), (Some(1), Some(1)));

    // From C2SP signed-note.
    let note = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlT\
                gK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    let key = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    assert_eq!((verified(note, key), verified(note, PETER)), (Some(1), Some(0)));
}

#[test]
fn a_real_checkpoint_verifies() {
    // The example of C2SP tlog-checkpoint under its own origin: a checkpoint of the Go checksum database.
    let note = "go.sum database tree\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
                — sum.golang.org Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeM\
                cTOAYQ8=\n";
    let key = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
    assert_eq!(verified(note, key), Some(1));
    let note = SignedNote::from_bytes(note.as_bytes()).expect("a note");
    let body: CheckpointBody = note.text().parse().expect("a checkpoint");
    assert_eq!((body.size(), body.to_string().as_str()), (20_852_163, note.text()));
}

#[test]
fn what_is_signed_here_is_what_go_signs() {
    let seed = crate::base64::decode(PETER_SEED).expect("base64");
    let signer = SigningKey::try_from(&seed[1..]).expect("a seed");
    let public_key = signer.verification_key().into();
    let key = VerifierKey::new("PeterNeumann", Algorithm::Ed25519, public_key).expect("a name");
    assert_eq!(key.to_string(), PETER);
    let signature = signer.sign(TEXT.as_bytes()).to_bytes();
    let note = SignedNote::new(TEXT, vec![NoteSignature::by(&key, signature).expect("a signature")]);
    assert_eq!(note.expect("a note").to_string(), format!("{TEXT}\n{PETER_LINE}\n"));
}

#[test]
fn every_flipped_bit_fails() {
    let note = format!("{TEXT}\n{PETER_LINE}\n");
    assert_eq!(verified(&note, PETER), Some(1));
    for at in 0..note.len() {
        for bit in 0..8 {
            let mut mangled = note.clone().into_bytes();
            mangled[at] ^= 1 << bit;
            let Ok(mangled) = String::from_utf8(mangled) else { continue };
            let result = verified(&mangled, PETER);
            assert!(matches!(result, None | Some(0)), "{mangled}");
        }
    }
}

#[test]
fn malformed_notes_are_refused() {
    let check = |note: &str, expected| {
        assert_eq!(SignedNote::from_bytes(note.as_bytes()).map(|_| ()), Err(expected), "{note:?}");
    };
    let line = |signature| NoteError::BadSignatureLine { signature };
    check("", NoteError::Unsigned);
    check("\n\n", NoteError::Unsigned);
    check("\n\n\n", NoteError::Unsigned);
    check(TEXT, NoteError::Unsigned);
    check(&format!("{TEXT}\n"), NoteError::Unsigned);
    check(&format!("{TEXT}\n{PETER_LINE}"), NoteError::Unsigned);
    check(&format!("{TEXT}{PETER_LINE}\n"), NoteError::Unsigned);
    check(&format!("{TEXT}\n{PETER_LINE}\n\n"), NoteError::Unsigned);
    check(&format!("\u{1}{TEXT}\n{PETER_LINE}\n"), NoteError::BadText);
    check(&format!("{TEXT}\r\n\n{PETER_LINE}\n"), NoteError::BadText);
    check(&format!("{TEXT}\n{PETER_LINE}\nUnexpected line.\n"), line(1));
    check(&format!("{TEXT}\n{}\n", PETER_LINE.replace("Peter", "Peter ")), line(0));
    check(&format!("{TEXT}\n{}\n", PETER_LINE.replace("Peter", "Peter+")), line(0));
    check(&format!("{TEXT}\n{}\n", PETER_LINE.replace('—', "-")), line(0));
    check(&format!("{TEXT}\n{}\n", PETER_LINE.replace("AM=", "AN=")), line(0));
    check(&format!("{TEXT}\n{}\n", PETER_LINE.replace("AM=", "AM")), line(0));
    check(&format!("{TEXT}\n{PETER_LINE}\r\n"), line(0));
    check(&format!("{TEXT}\n{PETER_LINE} \n"), line(0));
    check(&format!("{TEXT}\n— PeterNeumann x08gow==\n"), line(0));
    check(&format!("{TEXT}\n— PeterNeumann x08g\n"), line(0));
    check(&format!("{TEXT}\n— PeterNeumann \n"), line(0));
    let not_utf8 = [b"\xff", format!("{TEXT}\n{PETER_LINE}\n").as_bytes()].concat();
    assert_eq!(SignedNote::from_bytes(&not_utf8), Err(NoteError::NotUtf8));
}

#[test]
fn the_limits_are_kept() {
    let of = |count: usize| format!("{TEXT}\n{}", format!("{PETER_LINE}\n").repeat(count));
    assert_eq!(verified(&of(64), PETER), Some(64));
    let too_many = NoteError::TooManySignatures { signatures: 65 };
    assert_eq!(SignedNote::from_bytes(of(65).as_bytes()), Err(too_many.clone()));

    let signature = |at: u8| NoteSignature::new("a", [at; 4], [at]).expect("a signature");
    let mut note = SignedNote::new(TEXT, (0..64).map(signature).collect()).expect("as many as may be");
    assert_eq!(note.add(signature(3)), Ok(()));
    assert_eq!((note.add(signature(64)), note.signatures().len()), (Err(too_many), 64));

    let rest = format!("\n{PETER_LINE}\n");
    let text = "x".repeat(NOTE_BYTES_MAX - rest.len() - 1);
    assert!(SignedNote::from_bytes(format!("{text}\n{rest}").as_bytes()).is_ok());
    let bytes = NOTE_BYTES_MAX + 1;
    assert_eq!(
        SignedNote::from_bytes(format!("{text}x\n{rest}").as_bytes()),
        Err(NoteError::TooLong { bytes })
    );
    let peter = NoteSignature::from_line(PETER_LINE).expect("a signature");
    assert_eq!(SignedNote::new(format!("{text}x\n"), vec![peter]), Err(NoteError::TooLong { bytes }));

    assert_eq!(NoteSignature::new("a", [0; 4], []), Err(NoteError::BadSignature));
    assert_eq!(NoteSignature::new("a b", [0; 4], [1]), Err(NoteError::BadSignature));
    let too_long = vec![0; SIGNATURE_BYTES_MAX + 1];
    assert_eq!(NoteSignature::new("a", [0; 4], too_long), Err(NoteError::BadSignature));
    assert_eq!(SignedNote::new(TEXT, vec![]), Err(NoteError::Unsigned));
    assert_eq!(SignedNote::new("no newline", vec![signature(1)]), Err(NoteError::BadText));
}

#[test]
fn a_key_of_the_same_name_or_the_same_id_is_another_key() {
    let key: VerifierKey = PETER.parse().expect("a key");
    let line = |name: &str, key_id| NoteSignature::new(name, key_id, [1]).expect("a signature");
    let mine = line("PeterNeumann", key.key_id());
    let others = [line("PeterNeumann", [0; 4]), line("Peter", key.key_id())];
    let note =
        SignedNote::new(TEXT, [others.as_slice(), std::slice::from_ref(&mine)].concat()).expect("a note");
    assert_eq!(note.signatures_by(&key).collect::<Vec<_>>(), [&mine]);
}

#[test]
fn the_last_empty_line_separates() {
    let note = format!("one\n\n— two AAAAAAA=\n\n{PETER_LINE}\n");
    let parsed = SignedNote::from_bytes(note.as_bytes()).expect("a note");
    assert_eq!(parsed.text(), "one\n\n— two AAAAAAA=\n");
    assert_eq!((parsed.signatures().len(), parsed.to_string()), (1, note));
}

fn any_signature() -> impl Strategy<Value = NoteSignature> {
    ("[^+\\s\\x00-\\x1f]{1,12}", any::<[u8; 4]>(), vec(any::<u8>(), 1..80)).prop_map(
        |(name, key_id, signature)| NoteSignature::new(name, key_id, signature).expect("a proper line"),
    )
}

proptest! {
    #[test]
    fn a_note_comes_back(lines in vec("[^\\x00-\\x1f]{0,20}", 1..5), signatures in vec(any_signature(), 1..6)) {
        let note = SignedNote::new(lines.join("\n") + "\n", signatures).expect("a note");
        prop_assert_eq!(SignedNote::from_bytes(note.to_string().as_bytes()), Ok(note));
    }

    #[test]
    fn what_parses_is_written_the_same(note in "(\n|a|\u{1}|— |— a AAAAAAA=\n|— b AAAAAAAB\n){1,12}") {
        if let Ok(parsed) = SignedNote::from_bytes(note.as_bytes()) {
            prop_assert_eq!(parsed.to_string(), note);
        }
    }

    #[test]
    fn any_bytes_are_read_without_panic(note in vec(any::<u8>(), 0..200)) {
        SignedNote::from_bytes(&note).ok();
    }
}
