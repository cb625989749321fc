use proptest::prelude::*;
use xiezhi_crypto::{SignatureAlg, SigningKey};
use xiezhi_evidence::{StatementDraft, WeightedKey, manifest::Entry};
use xiezhi_types::{GroupId, Height};

use super::*;
use crate::applicant::tests::{enterprise, person};

const AT: TimestampMs = TimestampMs(1_800_000_000_000);

fn salts() -> impl FnMut() -> Salt {
    let mut n = 0_u8;
    move || {
        n += 1;
        [n; 16]
    }
}

fn manifest(applicant: &Applicant) -> Manifest {
    let account = AccountId([7; 32]);
    let binding = Binding { applicant, account, office: "ca", provider: "manual", approved_at: AT };
    binding.manifest(salts()).unwrap()
}

#[test]
fn a_disclosure_shows_what_was_named_and_has_the_same_root() {
    let whole = manifest(&enterprise());
    let shown = disclose(&whole, &["subject.number"]).unwrap();
    assert_eq!(shown.root(), whole.root());
    let read = Shown::of(&shown).unwrap();
    assert_eq!(
        (read.account, read.office.as_str(), read.provider.as_str()),
        (AccountId([7; 32]), "ca", "manual")
    );
    let expected = [("subject.number", "91350100M000100Y43"), ("subject.number-kind", "credit-code")];
    assert_eq!(read.fields, expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
    assert_eq!(read.closed, whole.entries().len() - 7);
    let bytes = xiezhi_types::canonical(&shown);
    for hidden in [enterprise().name.as_bytes(), b"11010519491231002X"] {
        assert!(!bytes.windows(hidden.len()).any(|window| window == hidden));
    }
    let none = disclose(&whole, &["subject.birthday"]).unwrap_err();
    assert!(none.to_string().contains("there are: binding.account"), "{none}");
    assert!(disclose(&shown, &["subject.name"]).is_err(), "what is closed cannot be opened");
}

#[test]
fn without_its_core_a_disclosure_counts_for_nothing() {
    let whole = manifest(&person());
    for field in CORE {
        let names: Vec<_> = whole.fields().map(|f| f.name.clone()).filter(|name| name != field).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        assert_eq!(Shown::of(&whole.disclose(&names)), Err(BindingError::Closed { field }));
    }
    let other = Manifest::new([("title".to_owned(), Value::Text("a file".to_owned()))], salts()).unwrap();
    assert_eq!(Shown::of(&other), Err(BindingError::Format));
    let revoked = revocation(&Revocation::by_holder(), "07", "ca", AT, salts()).unwrap();
    assert_eq!(Shown::of(&revoked), Err(BindingError::Format));
}

#[test]
fn nothing_of_a_person_is_in_what_goes_on_the_ledger() {
    for demonstration in [false, true] {
        let bytes = xiezhi_types::canonical(&deposit(&manifest(&person()), Some(PHASE_BOUND), demonstration));
        for hidden in
            [person().name.as_bytes(), person().number.as_bytes(), &sha256(person().number.as_bytes())]
        {
            assert!(!bytes.windows(hidden.len()).any(|window| window == hidden));
        }
        let mark = demonstration_mark().value;
        assert_eq!(bytes.windows(32).any(|window| window == mark), demonstration);
    }
}

fn key(n: u8) -> SigningKey {
    SigningKey::from_seed(SignatureAlg::ALL[usize::from(n) % 3], &[n; 32]).unwrap()
}

fn account(weights: &[(u8, u32)], manage_threshold: u32) -> Account {
    let mut keys: Vec<_> = weights
        .iter()
        .map(|(n, weight)| WeightedKey { key: key(*n).public_key(), weight: *weight })
        .collect();
    keys.sort_by_key(|one| one.key.id());
    Account {
        id: AccountId([7; 32]),
        keys,
        deposit_threshold: 1,
        manage_threshold,
        recovery_key: None,
        recovered_at: None,
        encryption_key: None,
        status: AccountStatus::Normal,
        created: Height(1),
        recovery_delay_s: None,
        reset: None,
        freezings: Vec::new(),
        successor: None,
        keys_changed: None,
        before: None,
        delegations: Vec::new(),
    }
}

#[test]
fn only_phase_two_of_the_same_group_by_the_same_account_revokes() {
    let make = |issuer: u8, ledger: u8, group: Option<u8>, phase: Option<u32>| {
        let manifest_root = manifest(&person()).root();
        let draft = StatementDraft {
            issuer: AccountId([issuer; 32]),
            ledger: LedgerId([ledger; 32]),
            issued_at: AT,
            group: group.map(|n| GroupId([n; 16])),
            body: Body::Deposit(DepositBody { manifest_root, digests: Vec::new(), phase }),
        };
        draft.sign(&[&key(1)]).unwrap()
    };
    let binding = make(1, 1, Some(1), Some(PHASE_BOUND));
    assert!(revokes(&make(1, 1, Some(1), Some(PHASE_REVOKED)), &binding));
    for other in [
        make(2, 1, Some(1), Some(PHASE_REVOKED)),
        make(1, 2, Some(1), Some(PHASE_REVOKED)),
        make(1, 1, Some(2), Some(PHASE_REVOKED)),
        make(1, 1, None, Some(PHASE_REVOKED)),
        make(1, 1, Some(1), Some(PHASE_BOUND)),
        make(1, 1, Some(1), None),
    ] {
        assert!(!revokes(&other, &binding));
    }
}

fn challenge() -> Challenge {
    Challenge {
        ledger: LedgerId([1; 32]),
        office: AccountId([2; 32]),
        application: "a1".to_owned(),
        account: AccountId([7; 32]),
        expires: AT,
        nonce: [9; 16],
    }
}

fn sign(message: &str, n: u8) -> (String, Vec<u8>) {
    (key(n).public_key().id().to_string(), key(n).sign(message.as_bytes()).to_vec())
}

#[test]
fn who_can_change_an_account_can_bind_it() {
    let (account, message) = (account(&[(1, 1), (2, 1), (3, 2)], 3), challenge().message());
    let by = |ns: &[u8]| {
        check_possession(&account, &message, &ns.iter().map(|n| sign(&message, *n)).collect::<Vec<_>>())
    };
    assert_eq!(by(&[1, 3]), Ok(()));
    assert_eq!(by(&[3, 2, 1]), Ok(()));
    assert_eq!(by(&[1, 2]), Err(PossessionError::Threshold { sum: 2, needed: 3 }));
    assert_eq!(by(&[]), Err(PossessionError::Threshold { sum: 0, needed: 3 }));
    assert_eq!(by(&[3, 3]), Err(PossessionError::RepeatedKey { key: key(3).public_key().id() }));
    assert!(matches!(by(&[3, 4]), Err(PossessionError::UnknownKey { .. })));
    let other = Challenge { nonce: [8; 16], ..challenge() }.message();
    assert!(matches!(
        check_possession(&account, &other, &[sign(&message, 3)]),
        Err(PossessionError::Signature { .. })
    ));
    for status in [AccountStatus::Frozen, AccountStatus::Recovering, AccountStatus::Transferred] {
        let account = Account { status, ..account.clone() };
        assert!(matches!(
            check_possession(&account, &message, &[sign(&message, 3)]),
            Err(PossessionError::Status { .. })
        ));
    }
}

#[test]
fn every_part_of_a_challenge_is_signed() {
    let message = challenge().message();
    let others = [
        Challenge { ledger: LedgerId([3; 32]), ..challenge() },
        Challenge { office: AccountId([3; 32]), ..challenge() },
        Challenge { application: "a2".to_owned(), ..challenge() },
        Challenge { account: AccountId([3; 32]), ..challenge() },
        Challenge { expires: TimestampMs(AT.0 + 1), ..challenge() },
        Challenge { nonce: [3; 16], ..challenge() },
    ];
    for other in others {
        assert_ne!(other.message(), message);
    }
    assert!(message.starts_with("xiezhi identity binding v1\n"));
}

proptest! {
    #[test]
    fn any_choice_of_fields_opens_these_and_the_core_and_nothing_else(mask in any::<u16>(), is_enterprise in any::<bool>()) {
        let whole = manifest(&if is_enterprise { enterprise() } else { person() });
        let names: Vec<_> = whole.fields().map(|field| field.name.clone()).collect();
        let chosen: Vec<&str> = names.iter().enumerate().filter(|(at, _)| mask >> at & 1 == 1).map(|(_, name)| name.as_str()).collect();
        let shown = disclose(&whole, &chosen).unwrap();
        prop_assert_eq!(shown.root(), whole.root());
        for (name, entry) in names.iter().zip(shown.entries()) {
            let kind_of_chosen = name.strip_suffix("-kind").is_some_and(|number| chosen.contains(&number));
            let expected = CORE.contains(&name.as_str()) || chosen.contains(&name.as_str()) || kind_of_chosen;
            prop_assert_eq!(matches!(entry, Entry::Open(_)), expected, "{}", name);
        }
    }
}
