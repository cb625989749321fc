use xiezhi_crypto::DigestAlg;
use xiezhi_types::{Height, InstitutionId};

use super::*;
use crate::{
    account, checkpoint,
    genesis::{self, tests::check_pinned},
    manifest, seal,
};

fn sample() -> Certificate {
    let checkpoint = checkpoint::tests::sample();
    let account = Account::create(&account::tests::weighted().0, Height(3));
    let item =
        canonical(&crate::BatchItem { manifest_root: [1; 32], digests: vec![DigestAlg::Sm3.digest(b"x")] });
    Certificate {
        version: 1,
        genesis: genesis::tests::sample().encode(),
        history: Vec::new(),
        index: LogIndex(4),
        statement: vec![0xd2, 0x84],
        batch: Some(BatchPlace { index: 2, item, path: vec![[8; 32]] }),
        manifest: Some(manifest::tests::sample().disclose(&["size"])),
        account: AccountProof { account, proof: StateProof { siblings: vec![[9; 32]], other: None } },
        path_sha256: vec![[10; 32], [11; 32]],
        path_sm3: vec![[12; 32], [13; 32]],
        seals: vec![CertifiedSeal {
            seal: seal::tests::sample(&checkpoint),
            chain: vec![vec![0x30, 0], vec![0x30, 1]],
        }],
        timestamps: vec![TimeStamp { token: vec![0x30, 2] }],
        revocations: vec![vec![0x30, 3]],
        checkpoint,
        grantor: None,
    }
}

#[test]
fn the_encoding_is_pinned_and_reads_back() {
    let bytes = sample().encode();
    check_pinned(&bytes, "45c576724552aa229b1fbb9e4782f6e1db7af629cc4fc9c8f10ee9bfafe2cd4a");
    assert_eq!(Certificate::parse(&bytes), Ok(sample()));
    let grantor = Some(sample().account);
    for history in [vec![], vec![vec![1]]] {
        let made = Certificate { version: 3, history, grantor: grantor.clone(), ..sample() };
        assert_eq!(Certificate::parse(&made.encode()), Ok(made));
    }
    let bare = Certificate { batch: None, manifest: None, ..sample() };
    assert_eq!(Certificate::parse(&bare.encode()), Ok(bare));
}

#[test]
fn only_the_one_encoding_is_read() {
    let bytes = sample().encode();
    assert_eq!(Certificate::parse(&bytes[3..]), Err(CertificateError::Magic));
    let longer = [bytes.as_slice(), &[0]].concat();
    assert!(matches!(
        Certificate::parse(&longer),
        Err(CertificateError::Cbor(CborError::NotCanonical { .. }))
    ));
    let long_form = [&bytes[..5], &[0x18, 0x01], &bytes[6..]].concat();
    assert!(matches!(
        Certificate::parse(&long_form),
        Err(CertificateError::Cbor(CborError::NotCanonical { .. }))
    ));
    // A key that is not listed, in its place; a key twice.
    let more = [&bytes[..3], &[bytes[3] + 1], &bytes[4..], &[0x10, 0x00]].concat();
    assert!(matches!(Certificate::parse(&more), Err(CertificateError::Cbor(CborError::Malformed { .. }))));
    let twice = [&bytes[..3], &[bytes[3] + 1, 0x01, 0x01], &bytes[4..]].concat();
    assert!(matches!(
        Certificate::parse(&twice),
        Err(CertificateError::Cbor(CborError::NotCanonical { .. }))
    ));
    // Another version may have any shape, and be any number.
    let later = [&MAGIC, [0xa1, 0x01, 0x1b].as_slice(), &[0xff; 8]].concat();
    assert_eq!(Certificate::parse(&later), Err(CertificateError::Version { found: u64::MAX }));
    for end in 0..bytes.len() {
        assert!(Certificate::parse(&bytes[..end]).is_err());
    }
    let bytes = [MAGIC.as_slice(), &vec![0; CERTIFICATE_BYTES_MAX - 2]].concat();
    assert_eq!(Certificate::parse(&bytes), Err(CertificateError::TooLong { bytes: bytes.len() }));
}

#[test]
fn each_part_out_of_its_bounds_is_named() {
    let check = |change: &dyn Fn(&mut Certificate), expected: &str| {
        let mut certificate = sample();
        change(&mut certificate);
        let said = Certificate::parse(&certificate.encode()).unwrap_err().to_string();
        assert!(said.contains(expected), "{said}");
    };
    check(&|c| c.version = 3, "version 3");
    check(&|c| c.grantor = Some(c.account.clone()), "a grantor in version 1");
    check(&|c| c.version = 2, "0 links in version 2");
    check(&|c| c.history.push(vec![]), "1 links in version 1");
    check(&|c| (c.version, c.history) = (2, vec![vec![]; HISTORY_MAX + 1]), "257 links");
    check(&|c| c.seals.push(c.seals[0].clone()), "sorted");
    check(&|c| c.seals[0].chain = vec![vec![]; 6], "seals.chain: 6");
    check(&|c| c.timestamps = vec![c.timestamps[0].clone(); 17], "timestamps: 17");
    check(&|c| c.revocations = vec![vec![]; 33], "revocations: 33");
    check(&|c| c.account.account.keys.clear(), "account.keys");
    let keyless = |c: &mut Certificate| {
        let mut grantor = c.account.clone();
        grantor.account.keys.clear();
        (c.version, c.grantor) = (3, Some(grantor));
    };
    check(&keyless, "account.keys");
    check(&|c| c.path_sha256 = vec![[0; 32]; 66], "66 hashes");
    check(&|c| c.account.proof.siblings = vec![[0; 32]; 257], "257 hashes");
    let many = |c: &mut Certificate| {
        let seal = |i: usize| {
            let mut seal = c.seals[0].clone();
            seal.seal.institution = format!("i{i:03}").parse::<InstitutionId>().unwrap();
            seal
        };
        c.seals = (0..65).map(seal).collect();
    };
    check(&many, "seals: 65");
    let reversed = |c: &mut Certificate| {
        let field = |name: &str| (name.to_owned(), crate::Value::Number(0));
        let first = crate::Manifest::new([field("b")], || [0; 16]).unwrap();
        let second = crate::Manifest::new([field("a")], || [0; 16]).unwrap();
        let entries: Vec<_> = first.entries().iter().chain(second.entries()).cloned().collect();
        c.manifest = Some(from_canonical("manifest", &canonical(&entries)).unwrap());
    };
    check(&reversed, "manifest");
}

#[test]
fn a_link_reads_back_from_its_one_encoding_only() {
    let certificate = sample();
    let link = TermLink {
        checkpoint: certificate.checkpoint.clone(),
        seals: certificate.seals.clone(),
        timestamps: certificate.timestamps.clone(),
        revocations: certificate.revocations.clone(),
        alliance: crate::alliance::tests::full(),
        proof: certificate.account.proof.clone(),
    };
    let bytes = link.encode();
    check_pinned(&bytes, "4ff062c374c6511a7c88571298e48137f46bda341e5050503836e0477c028e79");
    assert_eq!(TermLink::parse(&bytes), Ok(link.clone()));
    assert!(TermLink::parse(&[bytes.as_slice(), &[0]].concat()).is_err());
    for end in 0..bytes.len() {
        assert!(TermLink::parse(&bytes[..end]).is_err());
    }
    let twice = TermLink { seals: [link.seals.clone(), link.seals.clone()].concat(), ..link.clone() };
    assert!(TermLink::parse(&twice.encode()).unwrap_err().to_string().contains("sorted"));
    let later = Certificate { version: 2, history: vec![bytes], ..certificate };
    assert_eq!(Certificate::parse(&later.encode()), Ok(later));
}
