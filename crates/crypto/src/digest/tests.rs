use xiezhi_types::{canonical, from_canonical};

use super::*;

#[test]
fn abc_has_the_published_digests() {
    let rows = [
        (DigestAlg::Sha256, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (DigestAlg::Sm3, "sm3:66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
    ];
    let mut hasher = DigestHasher::new(&DigestAlg::ALL);
    hasher.update(b"a");
    hasher.update(b"bc");
    let (bytes, streamed) = hasher.finish();
    assert_eq!(bytes, 3);
    for ((alg, text), streamed) in rows.into_iter().zip(streamed) {
        let digest = alg.digest(b"abc");
        assert_eq!(digest.to_string(), text);
        assert_eq!(streamed, digest);
        assert_eq!(text.parse(), Ok(digest));
        assert_eq!(from_canonical("digest", &canonical(&digest)), Ok(digest));
    }
    assert_eq!(sha256_parts(&[b"a", b"", b"bc"]), sha256(b"abc"));
}

#[test]
fn a_digest_of_another_length_or_algorithm_is_refused_by_name() {
    assert_eq!(Digest::new(DigestAlg::Sm3, &[0; 31]), Err(DigestError::Length { alg: "sm3", bytes: 31 }));
    assert_eq!("md5:00".parse::<Digest>(), Err(DigestError::UnknownAlgorithm { found: "md5".into() }));
    assert_eq!("sha256".parse::<Digest>(), Err(DigestError::Text));
    assert_eq!("sha256:zz".parse::<Digest>(), Err(DigestError::Text));
    assert!(DigestAlg::from_cose(-17).is_err());
}
