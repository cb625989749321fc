use coset::{AsCborValue as _, CoseSign1, TaggedCborSerializable, iana};
use proptest::prelude::*;
use xiezhi_crypto::{DigestAlg, SigningKey};

use super::*;
use crate::{
    Account, Action,
    account::tests::weighted,
    genesis::tests::{check_pinned, key},
};
use xiezhi_types::{TimestampMs, canonical};

fn draft(body: Body) -> StatementDraft {
    StatementDraft {
        issuer: AccountId([7; 32]),
        ledger: LedgerId([2; 32]),
        issued_at: TimestampMs(1_800_000_000_999),
        group: Some(GroupId([0x9c; 16])),
        body,
    }
}

fn deposit() -> Body {
    let digests = vec![DigestAlg::Sha256.digest(b"x"), DigestAlg::Sm3.digest(b"x")];
    Body::Deposit(DepositBody { manifest_root: [1; 32], digests, phase: Some(3) })
}

fn signed(body: Body) -> Statement {
    draft(body).sign(&[&key(1)]).unwrap()
}

/// A COSE_Sign1 of these parts, signed by nobody.
fn raw(protected: &[u8], unprotected: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut e = Encoder::new(Vec::new());
    e.tag(minicbor::data::Tag::new(18)).unwrap().array(4).unwrap().bytes(protected).unwrap();
    e.writer_mut().extend_from_slice(unprotected);
    e.bytes(payload).unwrap().bytes(&[0; 64]).unwrap();
    e.into_writer()
}

fn header(alg: i64, content_type: &str, claims: &Claims) -> Vec<u8> {
    let ours = encode_protected(SignatureAlg::Ed25519, KeyId([3; 8]), content_type, claims);
    // The header begins a4 01 27: a map of four, label 1, algorithm -8.
    let mut e = Encoder::new(Vec::new());
    e.i64(alg).unwrap();
    [&ours[..2], &e.into_writer(), &ours[3..]].concat()
}

fn claims(subject: &str) -> Claims {
    Claims {
        issuer: AccountId([7; 32]),
        subject: subject.to_owned(),
        audience: Some(LedgerId([2; 32])),
        issued_at: Some(1_800_000_000),
        grantor: None,
    }
}

fn refused(bytes: &[u8], expected: &str) {
    let said = Statement::parse(bytes).unwrap_err().to_string();
    assert!(said.contains(expected), "{said}, not {expected}");
}

#[test]
fn the_encodings_are_pinned() {
    check_pinned(
        signed(deposit()).as_bytes(),
        "11b8c937f0bcefb482fab1a630da04001835ce932c533a8f1271d34b1d50a3ee",
    );
    check_pinned(
        signed(Body::Batch(BatchBody { items_root: [4; 32], items: 65_536 })).as_bytes(),
        "25c376ed8e8288548a1bc7187a5ae947e630dc662c4e038e9fdba465052b7913",
    );
    let (spec, keys) = weighted();
    let draft = StatementDraft { issuer: spec.id(), group: None, ..draft(Body::Account(spec)) };
    let statement = draft.sign(&[&keys[0], &keys[1], &keys[2]]).unwrap();
    check_pinned(statement.as_bytes(), "6607bcba7fc04c5748cc69fc2d4ffeba0fee2a9752201a9743bedf666165b1a6");
    let item = BatchItem { manifest_root: [1; 32], digests: vec![DigestAlg::Sm3.digest(b"x")] };
    check_pinned(&canonical(&item), "a0735b6c495d775397edf6f49d8bd9c33cba3a2d331ea5d15889e8c3c919deea");
}

#[test]
fn a_statement_reads_back_as_it_was_drafted() {
    for (at, body) in
        [deposit(), Body::Batch(BatchBody { items_root: [4; 32], items: 1 })].into_iter().enumerate()
    {
        for alg in SignatureAlg::ALL {
            let key = SigningKey::from_seed(alg, &[0x21; 32]).unwrap();
            let statement = draft(body.clone()).sign(&[&key]).unwrap();
            assert_eq!(Statement::parse(statement.as_bytes()), Ok(statement.clone()));
            assert_eq!(statement.body(), &body);
            assert_eq!(statement.group(), Some(GroupId([0x9c; 16])));
            assert_eq!(statement.claims().issued_at, Some(1_800_000_000));
            assert_eq!(statement.digests().len(), [2, 0][at]);
            let [signature] = statement.signatures() else { panic!("one signer") };
            signature.verify(&key.public_key()).unwrap();
            let without_signature = statement.as_bytes().len() - alg.signature_bytes();
            assert!((116..=336).contains(&without_signature), "{without_signature}");
        }
    }
    let lone = StatementDraft { group: None, ..draft(deposit()) }.sign(&[&key(1)]).unwrap();
    assert_eq!((lone.group(), lone.claims().subject.as_str()), (None, "exhibit"));
}

#[test]
fn the_id_is_the_contents_and_not_the_signatures() {
    let (spec, keys) = weighted();
    let draft = StatementDraft { issuer: spec.id(), ..draft(deposit()) };
    let one = draft.sign(&[&keys[0]]).unwrap();
    let two = draft.sign(&[&keys[0], &keys[1]]).unwrap();
    assert_eq!(one.id(), two.id());
    assert_ne!(one.as_bytes(), two.as_bytes());
    assert_ne!(one.id(), draft.sign(&[&keys[1]]).unwrap().id(), "the first signer's header is covered");
}

#[test]
fn only_the_canonical_encoding_is_read() {
    let good = signed(deposit());
    let bytes = good.as_bytes();
    refused(&[bytes, &[0]].concat(), "1 bytes follow");
    for end in 0..bytes.len() {
        assert!(Statement::parse(&bytes[..end]).is_err());
    }
    let parts = Parts::read(bytes).unwrap();
    let reassembled = raw(parts.protected, &[0xa0], parts.payload);
    Statement::parse(&reassembled).unwrap();
    // The payload's map with its first key in two bytes.
    let long = [&parts.payload[..1], &[0x18, 0x01], &parts.payload[2..]].concat();
    refused(&raw(parts.protected, &[0xa0], &long), "canonical");
    // A payload with bytes after it, and one with a key that nobody knows.
    refused(&raw(parts.protected, &[0xa0], &[parts.payload, &[0]].concat()), "canonical");
    let more = [&[parts.payload[0] + 1], &parts.payload[1..], &[0x09, 0x00]].concat();
    refused(&raw(parts.protected, &[0xa0], &more), "canonical");
    // The unprotected map in an indefinite form, and with something else in it.
    refused(&raw(parts.protected, &[0xbf, 0xff], parts.payload), "definite length");
    refused(&raw(parts.protected, &[0xa1, 0x04, 0x41, 0x00], parts.payload), "countersignatures (11) only");
    // Long-form lengths outside the protected header: tag 18, array 4, then a byte string with a length of two bytes.
    let head = [&[0xd2, 0x84, 0x59, 0x00, parts.protected.len() as u8], &bytes[4..]].concat();
    refused(&head, "canonical");
    // Another order of the protected header's labels: kid before content type.
    let mut e = Encoder::new(Vec::new());
    e.map(4).unwrap().i64(1).unwrap().i64(-8).unwrap().i64(4).unwrap().bytes(&[3; 8]).unwrap();
    e.i64(3).unwrap().str(TYPE_DEPOSIT).unwrap().i64(15).unwrap();
    let claims_at = header(-8, TYPE_DEPOSIT, &claims("exhibit"));
    let place = claims_at.windows(2).position(|pair| pair == [0x0f, 0xa4]).unwrap();
    e.writer_mut().extend_from_slice(&claims_at[place + 1..]);
    refused(&raw(&e.into_writer(), &[0xa0], parts.payload), "canonical");
}

#[test]
fn each_field_out_of_its_bounds_is_named() {
    let payload = |body: &DepositBody| canonical(body);
    let body = DepositBody { manifest_root: [1; 32], digests: vec![], phase: None };
    let deposit = |subject: &str, body: &DepositBody| {
        raw(&header(-8, TYPE_DEPOSIT, &claims(subject)), &[0xa0], &payload(body))
    };
    Statement::parse(&deposit("exhibit", &body)).unwrap();
    refused(&deposit("something", &body), "sub");
    refused(&deposit("9C9C9C9C9C9C9C9C9C9C9C9C9C9C9C9C", &body), "sub");
    let digest = |bytes: &[u8]| DigestAlg::Sha256.digest(bytes);
    let (low, high) = (digest(b"a").min(digest(b"b")), digest(b"a").max(digest(b"b")));
    let of = |digests: Vec<Digest>| DepositBody { digests, ..body.clone() };
    refused(&deposit("exhibit", &of(vec![high, low])), "sorted");
    refused(&deposit("exhibit", &of(vec![low, low])), "repetition");
    let mut many: Vec<_> = (0..17u8).map(|i| digest(&[i])).collect();
    many.sort();
    refused(&deposit("exhibit", &of(many)), "17 digests");
    refused(&raw(&header(-37, TYPE_DEPOSIT, &claims("exhibit")), &[0xa0], &payload(&body)), "algorithm -37");
    // Digests of an unknown algorithm, and of a wrong length: [-43, h'..'] and 31 bytes.
    let with_digest = |digest: &[u8]| {
        let mut bytes = vec![0xa2, 0x01, 0x58, 32];
        bytes.extend([[1; 32].as_slice(), &[0x02, 0x81], digest].concat());
        raw(&header(-8, TYPE_DEPOSIT, &claims("exhibit")), &[0xa0], &bytes)
    };
    refused(&with_digest(&[&[0x82, 0x38, 42, 0x58, 32], [0; 32].as_slice()].concat()), "algorithm -43");
    refused(&with_digest(&[&[0x82, 0x2f, 0x58, 31], [0; 31].as_slice()].concat()), "32 bytes, not 31");
    let batch = |items| {
        let body = canonical(&BatchBody { items_root: [0; 32], items });
        raw(&header(-8, TYPE_BATCH, &claims("exhibit")), &[0xa0], &body)
    };
    Statement::parse(&batch(BATCH_ITEMS_MAX)).unwrap();
    refused(&batch(0), "items");
    refused(&batch(BATCH_ITEMS_MAX + 1), "items");
    let without = |claims: Claims| raw(&header(-8, TYPE_DEPOSIT, &claims), &[0xa0], &payload(&body));
    refused(&without(Claims { audience: None, ..claims("exhibit") }), "aud");
    refused(&without(Claims { issued_at: None, ..claims("exhibit") }), "iat");
    refused(&[0; STATEMENT_BYTES_MAX + 1], "at most 65535");
}

#[test]
fn a_further_signature_is_the_one_that_all_at_once_would_have_made() {
    let (_, keys) = weighted();
    let draft = StatementDraft {
        issuer: xiezhi_types::AccountId([1; 32]),
        ledger: xiezhi_types::LedgerId([2; 32]),
        issued_at: TimestampMs(1_800_000_000_000),
        group: None,
        body: Body::Deposit(DepositBody { manifest_root: [1; 32], digests: Vec::new(), phase: None }),
    };
    let one = draft.sign(&[&keys[0]]).unwrap();
    let three = one.countersigned(&keys[1]).unwrap().countersigned(&keys[2]).unwrap();
    assert_eq!(three.as_bytes(), draft.sign(&[&keys[0], &keys[1], &keys[2]]).unwrap().as_bytes());
    assert_eq!(three.id(), one.id(), "it is the same statement");
    let full = (0..15).try_fold(one, |statement, _| statement.countersigned(&keys[1]));
    assert_eq!(
        full.unwrap().countersigned(&keys[1]).unwrap_err().to_string(),
        "keys: at most 16 keys can sign"
    );
}

#[test]
fn an_account_statement_is_by_the_account_it_creates() {
    let (spec, keys) = weighted();
    let own = StatementDraft { issuer: spec.id(), group: None, ..draft(Body::Account(spec.clone())) };
    let statement = own.sign(&[&keys[0], &keys[1], &keys[2]]).unwrap();
    assert_eq!(statement.claims().subject, "account");
    let account = Account::create(&spec, xiezhi_types::Height(1));
    assert_eq!(account.verify(Action::Manage, statement.signatures()), Ok(()));
    let other = StatementDraft { issuer: AccountId([1; 32]), ..own.clone() };
    assert!(other.sign(&[&keys[0]]).unwrap_err().to_string().contains("iss"));
    let mut unsorted = spec;
    unsorted.keys.reverse();
    let issuer = unsorted.id();
    let unsorted = StatementDraft { issuer, body: Body::Account(unsorted), ..own };
    assert!(unsorted.sign(&[&keys[0]]).unwrap_err().to_string().contains("sorted"));
}

#[test]
fn countersigners_are_bounded_and_in_one_form() {
    let keys: Vec<_> = (1..=17).map(key).collect();
    let all: Vec<_> = keys.iter().collect();
    assert_eq!(draft(deposit()).sign(&all[..16]).unwrap().signatures().len(), 16);
    assert!(draft(deposit()).sign(&all).is_err());
    assert!(draft(deposit()).sign(&all[..0]).is_err());
    let good = draft(deposit()).sign(&all[..2]).unwrap();
    let parts = Parts::read(good.as_bytes()).unwrap();
    let of = |signer: &[u8], unprotected: u8, count: u8| {
        let mut bytes = vec![0xa1, 0x0b, 0x80 | count];
        for _ in 0..count {
            bytes.extend(
                [&[0x83, 0x40 | signer.len() as u8], signer, &[unprotected, 0x58, 64], &[0; 64]].concat(),
            );
        }
        raw(parts.protected, &bytes, parts.payload)
    };
    let signer = signer_header(-8, KeyId([1; 8]));
    Statement::parse(&of(&signer, 0xa0, 1)).unwrap();
    refused(&of(&signer, 0xa0, 0), "1 to 15");
    refused(&of(&signer, 0xa0, 16), "1 to 15");
    refused(&of(&signer, 0xa1, 1), "must be empty");
    refused(&of(&[0xa0], 0xa0, 1), "alg and kid");
    let long = [&[0xa2, 0x01, 0x38, 0x07], &signer[3..]].concat();
    refused(&of(&long, 0xa0, 1), "not canonical");
}

#[test]
fn a_general_statement_is_kept_as_it_came() {
    let claims = Claims { audience: None, issued_at: None, ..claims("urn:example:thing") };
    let bytes = raw(&header(-8, "application/spdx+json", &claims), &[0xa0], b"{}");
    let statement = Statement::parse(&bytes).unwrap();
    assert_eq!(statement.as_bytes(), bytes);
    assert_eq!(statement.digests(), [DigestAlg::Sha256.digest(b"{}")]);
    assert_eq!(statement.group(), None);
    let body = Body::General { content_type: String::new(), digest: DigestAlg::Sha256.digest(b"") };
    assert!(draft(body).sign(&[&key(1)]).is_err());
    // A header label twice, and a critical label.
    let twice = [0xa2, 0x01, 0x27, 0x01, 0x27];
    refused(&raw(&twice, &[0xa0], b""), "twice");
    refused(&raw(&[0xa1, 0x02, 0x81, 0x0f], &[0xa0], b""), "crit");
    refused(&raw(&[0xa1, 0x01, 0x27], &[0xa0], b""), "kid");
    // A claim twice, a nested key twice, a long form, another order of labels.
    let protected = header(-8, "application/spdx+json", &claims);
    let place = protected.windows(2).position(|pair| pair == [0x0f, 0xa2]).unwrap();
    let of = |more: &[u8]| [&[0xa5], &protected[1..place], more, &protected[place..]].concat();
    let read = |more: &[u8]| Statement::parse(&raw(&of(more), &[0xa0], b"{}"));
    assert!(read(&[0x18, 0x64, 0x00]).is_ok() && read(&[0x09, 0x00]).is_ok());
    let sub_twice =
        [&[0xa4], &protected[1..=place], &[0xa3, 0x02, 0x61, 0x61], &protected[place + 2..]].concat();
    refused(&raw(&sub_twice, &[0xa0], b"{}"), "twice");
    refused(&raw(&of(&[0x09, 0xa2, 0x01, 0x00, 0x01, 0x00]), &[0xa0], b"{}"), "twice");
    refused(&raw(&of(&[0x18, 0x09, 0x00]), &[0xa0], b"{}"), "shortest");
    refused(&raw(&of(&[0x09, 0x9f, 0xff]), &[0xa0], b"{}"), "well formed");
    refused(&[&[0xd8, 0x12], &bytes[1..]].concat(), "shortest");
}

#[test]
fn the_items_beside_a_batch_are_those_it_commits_to() {
    let item = |i: u8| canonical(&BatchItem { manifest_root: [i; 32], digests: vec![] });
    let items: Vec<_> = (0..5).map(item).collect();
    let leaves: Vec<_> = items.iter().map(|item| BatchItem::leaf(item)).collect();
    let items_root = xiezhi_merkle::root_of::<Sha256>(&leaves);
    let batch = signed(Body::Batch(BatchBody { items_root, items: 5 }));
    let check = |statement: &Statement, items: &[Vec<u8>]| {
        let mut read = Vec::new();
        statement.check_items(items.iter().map(Vec::as_slice), |at, item| read.push((at, item)))?;
        Ok::<_, StatementError>(read)
    };
    let read = check(&batch, &items).unwrap();
    assert!(
        (0..).zip(&items).eq(read
            .iter()
            .map(|(at, item)| (*at, canonical(item)))
            .collect::<Vec<_>>()
            .iter()
            .map(|(at, item)| (*at, item)))
    );
    assert!(check(&batch, &items[..4]).is_err());
    let mut swapped = items.clone();
    swapped.swap(0, 1);
    assert!(check(&batch, &swapped).is_err());
    let mut malformed = items.clone();
    malformed[2].push(0);
    assert!(check(&batch, &malformed).unwrap_err().to_string().contains("item 2"));
    assert!(check(&signed(deposit()), &items).is_err());
    check(&signed(deposit()), &[]).unwrap();
}

#[test]
fn another_cose_library_reads_a_statement_the_same_way() {
    let statement = signed(deposit());
    let read = CoseSign1::from_tagged_slice(statement.as_bytes()).unwrap();
    let header = &read.protected.header;
    assert_eq!(header.alg, Some(coset::Algorithm::Assigned(iana::Algorithm::EdDSA)));
    assert_eq!(header.key_id, key(1).public_key().id().0);
    assert_eq!(header.content_type, Some(coset::ContentType::Text(TYPE_DEPOSIT.to_owned())));
    assert_eq!(header.rest.len(), 1, "the claims");
    assert_eq!(read.tbs_data(&[]), statement.signatures()[0].message);
    read.verify_signature(&[], |signature, message| key(1).public_key().verify(message, signature)).unwrap();
    assert_eq!(read.clone().to_tagged_vec().unwrap(), statement.as_bytes());
    let claims = coset::cwt::ClaimsSet::from_cbor_value(header.rest[0].1.clone()).unwrap();
    assert_eq!(claims.issuer, Some(AccountId([7; 32]).uri()));
    assert_eq!(claims.audience, Some(AccountId([2; 32]).uri()));
    assert_eq!(claims.issued_at, Some(coset::cwt::Timestamp::WholeSeconds(1_800_000_000)));
}

proptest! {
    /// Two ways of reading give the same of an item, and of one with a changed, missing or additional byte.
    #[test]
    fn an_item_is_read_the_same_by_either_way(
        root in any::<[u8; 32]>(),
        values in proptest::collection::btree_set((any::<bool>(), any::<[u8; 32]>()), 0..=16),
        (at, flip, cut) in (any::<proptest::sample::Index>(), any::<u8>(), 0..4_u8),
    ) {
        let alg = |is_sm3: bool| if is_sm3 { DigestAlg::Sm3 } else { DigestAlg::Sha256 };
        let only_sha256 = values.len() % 2 == 0;
        let values = values.into_iter().map(|(sm3, value)| Digest { alg: alg(sm3 && !only_sha256), value });
        let digests: Vec<_> = values.collect::<std::collections::BTreeSet<_>>().into_iter().collect();
        let item = BatchItem { manifest_root: root, digests };
        let mut bytes = canonical(&item);
        prop_assert_eq!(BatchItem::parse(&bytes).unwrap(), item);
        let place = at.index(bytes.len());
        match cut {
            0 => drop(bytes.remove(place)),
            1 => bytes.insert(place, flip),
            2 => bytes[place] ^= flip,
            // Heads are few among so many bytes of content.
            _ => bytes[place.min(3)] ^= flip,
        }
        let slow = xiezhi_types::from_canonical::<BatchItem>("a batch item", &bytes);
        let slow = slow.ok().filter(|item| super::digests_bounded(&item.digests).is_ok());
        prop_assert_eq!(BatchItem::parse(&bytes).ok(), slow);
    }

    #[test]
    fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Statement::parse(&bytes);
    }

    #[test]
    fn a_changed_byte_is_refused_or_breaks_a_signature(at in 0usize..1000, mask in 1u8..) {
        let (spec, keys) = weighted();
        let account = Account::create(&spec, xiezhi_types::Height(1));
        let draft = StatementDraft { issuer: spec.id(), ..draft(deposit()) };
        let mut bytes = draft.sign(&[&keys[0], &keys[2]]).unwrap().as_bytes().to_vec();
        let at = at % bytes.len();
        bytes[at] ^= mask;
        if let Ok(changed) = Statement::parse(&bytes) {
            prop_assert!(account.verify(Action::Deposit, changed.signatures()).is_err());
        }
    }
}

#[test]
fn a_governance_statement_is_signed_read_and_named() {
    let said = Body::Governance(Governance::Withdraw(7));
    let draft = StatementDraft {
        issuer: AccountId([3; 32]),
        ledger: LedgerId([4; 32]),
        issued_at: TimestampMs(1_800_000_000_000),
        group: None,
        body: said.clone(),
    };
    let statement = draft.sign(&[&crate::genesis::tests::key(1)]).unwrap();
    crate::genesis::tests::check_pinned(
        statement.as_bytes(),
        "3ed246a1e5739e9aa10471c34141257e803deee6ea843dd26f59a26c2e2d01b0",
    );
    assert_eq!(statement.body(), &said);
    assert_eq!(statement.claims().subject, "alliance");
    assert!(statement.digests().is_empty() && statement.group().is_none());
    // The last byte of the payload is the number; 24 needs two bytes.
    let bytes = statement.as_bytes();
    let at = bytes.windows(4).position(|four| four == [0x82, 2, 0x81, 7]).unwrap();
    let mut other = bytes.to_vec();
    other[at + 3] = 0x18;
    assert!(matches!(Statement::parse(&other), Err(StatementError::Field { field: "payload", .. })));
}

#[test]
fn a_deposit_in_another_s_name_says_so_in_one_encoding() {
    let grantor = AccountId([9; 32]);
    let key = key(1);
    for body in [deposit(), Body::Batch(BatchBody { items_root: [4; 32], items: 3 })] {
        let own = draft(body.clone()).sign(&[&key]).unwrap();
        let made = draft(body.clone()).sign_for(Some(grantor), &[&key]).unwrap();
        assert_eq!(Statement::parse(made.as_bytes()), Ok(made.clone()));
        assert_eq!((made.claims().issuer, made.claims().grantor), (own.claims().issuer, Some(grantor)));
        assert_eq!(made.accounts().collect::<Vec<_>>(), [made.claims().issuer, grantor]);
        assert_ne!(made.id(), own.id());
        assert_eq!(made.deposits(), if matches!(body, Body::Batch(_)) { 3 } else { 1 });
        // The claim is under the signature: a signature for one grantor is none for another.
        let other = draft(body).sign_for(Some(AccountId([10; 32])), &[&key]).unwrap();
        assert_ne!(made.signatures()[0].message, other.signatures()[0].message);
    }
    check_pinned(
        draft(deposit()).sign_for(Some(grantor), &[&key]).unwrap().as_bytes(),
        "8dc33e9e790c5605e861efc164a15bcb5e6afe17848cdef11e47ccdac099304f",
    );
    let refuse = |draft: StatementDraft, grantor, expected: &str| {
        let said = draft.sign_for(Some(grantor), &[&key]).unwrap_err().to_string();
        assert!(said.contains(expected), "{said}");
    };
    refuse(draft(deposit()), AccountId([7; 32]), "grantor: is the issuer itself");
    let (spec, _) = weighted();
    let own = StatementDraft { issuer: spec.id(), group: None, ..draft(Body::Account(spec)) };
    refuse(own, grantor, "grantor: only deposits");
    let takes = AccountChange::Revoke(AccountId([1; 32]));
    refuse(StatementDraft { group: None, ..draft(Body::Change(takes)) }, grantor, "grantor: only deposits");
    let to_itself = crate::account::Grant {
        delegate: AccountId([7; 32]),
        permissions: vec![crate::account::Permission::Deposit],
        quota: 1,
        daily: None,
        not_before: None,
        until: TimestampMs(1),
    };
    let said = StatementDraft { group: None, ..draft(Body::Change(AccountChange::Delegate(to_itself))) };
    assert!(said.sign(&[&key]).unwrap_err().to_string().contains("delegate"));
}

#[test]
fn a_general_statement_can_be_made_in_another_s_name() {
    let grantor = Some(AccountId([9; 32]));
    let claims = Claims { audience: None, issued_at: None, grantor, ..claims("urn:example:thing") };
    let bytes = raw(&header(-8, "text/plain", &claims), &[0xa0], b"payload");
    let statement = Statement::parse(&bytes).unwrap();
    assert_eq!(statement.claims().grantor, grantor);
    let own = Claims { grantor: Some(AccountId([7; 32])), ..claims };
    refused(&raw(&header(-8, "text/plain", &own), &[0xa0], b"payload"), "grantor");
}

#[test]
fn a_statement_signed_elsewhere_is_the_one_signed_here() {
    for (body, grantor) in [(deposit(), None), (deposit(), Some(AccountId([9; 32])))] {
        let (draft, key) = (draft(body), key(1));
        let unsigned = draft.unsigned(grantor, key.alg(), key.public_key().id()).unwrap();
        let signed = unsigned.signed(&key.sign(&unsigned.message())).unwrap();
        assert_eq!(signed.as_bytes(), draft.sign_for(grantor, &[&key]).unwrap().as_bytes());
    }
}
