//! The alliance changes while it runs: members come, go and change their keys, nodes go over from one term to the next, and whoever was away follows.

mod place;

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use place::{
    institutions::{IDS, Institutions},
    text,
};
use xiezhi_client::{Client, Wait};
use xiezhi_crypto::{SignatureAlg, SigningKey};
use xiezhi_evidence::{
    Body, Genesis, Governance, Group, Policy, StatementDraft,
    alliance::institution_account_id,
    governance::{Change, Step, Vote},
    policy::Member,
};
use xiezhi_types::{InstitutionId, LedgerId, Role, TimestampMs};

fn id(at: usize) -> InstitutionId {
    IDS[at].parse().unwrap()
}

fn key(all: &Institutions, at: usize) -> SigningKey {
    let seed = fs::read_to_string(all.place.path(&format!("alliance/{}/keys/seal.key", IDS[at]))).unwrap();
    let seed: Vec<u8> =
        (0..32).map(|i| u8::from_str_radix(&seed.trim()[2 * i..2 * i + 2], 16).unwrap()).collect();
    SigningKey::from_seed(SignatureAlg::Ed25519, &seed.try_into().unwrap()).unwrap()
}

/// What the institution `who` says is recorded, by way of the node `by`.
fn say(all: &Institutions, by: usize, who: usize, said: Governance) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = Client::new(&all.url(by)).unwrap();
        let ledger: LedgerId = client.anchor().await.unwrap().ledger.parse().unwrap();
        let now = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
        let draft = StatementDraft {
            issuer: institution_account_id(&ledger, &id(who)),
            ledger,
            issued_at: TimestampMs(now),
            group: None,
            body: Body::Governance(said),
        };
        let statement = draft.sign(&[&key(all, who)]).unwrap();
        let wait = Wait::Recorded(Duration::from_secs(20));
        client.deposit(statement.as_bytes().to_vec(), wait).await.unwrap();
    });
}

/// A policy like the genesis', of the institutions `who`: a quorum of them, and a court or a notary.
fn policy(all: &Institutions, who: &[usize]) -> Policy {
    let genesis = Genesis::parse(&fs::read(all.place.path("alliance/genesis.cbor")).unwrap()).unwrap();
    let chosen: Vec<_> = who.iter().map(|at| genesis.institution(&id(*at)).unwrap().clone()).collect();
    let mut policy = Policy::quorum(&chosen, &[], 1);
    let judicial = [Role::Court, Role::Notary].map(Member::Role).to_vec();
    policy.seals.members.push(Member::Group(Group { threshold: 1, members: judicial }));
    policy.seals.threshold = 2;
    policy
}

/// The first of `voters` proposes `step`, and all are for it.
fn decide(all: &Institutions, number: u64, step: Step, policy: Policy, voters: &[usize]) {
    let change = Change { step, policy: Some(policy) };
    say(all, voters[0], voters[0], Governance::Propose(change));
    for voter in &voters[1..] {
        say(all, *voter, *voter, Governance::Vote(Vote { proposal: number, approve: true }));
    }
}

fn height(status: &serde_json::Value) -> u64 {
    status["height"].as_str().and_then(|height| height.parse().ok()).unwrap_or(0)
}

fn size(status: &serde_json::Value) -> u64 {
    status["size"].as_str().and_then(|size| size.parse().ok()).unwrap_or(0)
}

/// Waits until each of `who` is at least where the first is now, and has nothing in its queue. Who has no vote follows the blocks that add records.
fn wait_level(all: &Institutions, who: &[usize]) {
    let there = all.status(who[0]);
    for at in who {
        all.wait(*at, "level", |status| {
            let follows = status["voting"] == false;
            size(status) >= size(&there)
                && (follows || height(status) >= height(&there))
                && status["queued"] == "0"
        });
    }
}

fn is_valid(all: &Institutions, file: &Path) -> serde_json::Value {
    let said = all.place.expect(0, &["verify", text(file), &format!("{}.xzc", text(file)), "--json"]);
    let verdict: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(verdict["outcome"], "valid", "{said}");
    verdict
}

#[test]
fn a_member_is_suspended_and_readmitted_while_another_is_away() {
    let mut all = Institutions::found(5);
    all.start(&[0, 1, 2, 3, 4]);
    all.wait_live(&[0, 1, 2, 3, 4]);
    let file = |name: &str| all.place.file(name, name.as_bytes());
    let [first, second, third, fourth] = ["1.txt", "2.txt", "3.txt", "4.txt"].map(file);
    all.deposit(0, 0, &first);
    wait_level(&all, &[0, 1, 2, 3, 4]);

    // The notary is away while the technology provider is suspended.
    all.kill(&[1]);
    decide(&all, 1, Step::Suspend(id(4)), policy(&all, &[0, 1, 2, 3]), &[0, 2, 3, 4]);
    all.wait(0, "the next term", |status| height(status) > 34);
    all.start(&[1]);
    all.deposit(0, 2, &second);
    wait_level(&all, &[2, 0, 1, 3, 4]);
    all.wait(1, "votes", |status| status["voting"] == true);
    all.wait(4, "votes no more", |status| status["voting"] == false);

    // Four members bear the loss of one: the notary takes part.
    all.kill(&[3]);
    all.place.run(&["deposit", text(&third), "--url", &all.url(0), "--timeout", "5"]);
    all.start(&[3]);
    let pending = format!("{}.xzc.pending", text(&third));
    if Path::new(&pending).exists() {
        all.place.expect(0, &["collect", &pending, "--url", &all.url(0), "--timeout", "60"]);
    }

    decide(&all, 2, Step::Readmit(id(4)), policy(&all, &[0, 1, 2, 3, 4]), &[0, 1, 2]);
    all.wait(4, "votes again", |status| status["voting"] == true);
    all.deposit(0, 4, &fourth);
    wait_level(&all, &[4, 0, 1, 2, 3]);
    all.kill(&[0, 1, 2, 3, 4]);
    all.place.expect(0, &["trust", "add", text(&all.place.path("alliance/genesis.cbor")), "--yes"]);
    for file in [&first, &second, &third, &fourth] {
        is_valid(&all, file);
    }
}

/// What `xiezhi member` prints.
fn member(all: &Institutions, args: &[&str]) -> String {
    let dir = all.place.path("alliance");
    all.place.expect(0, &[&["--data-dir", text(&dir), "member"], args].concat())
}

/// The node `at` is in the term `number`.
fn wait_term(all: &Institutions, at: usize, number: &str) {
    let begun = std::time::Instant::now();
    let said = || all.place.expect(0, &["member", "list", "--json", "--url", &all.url(at)]);
    let term =
        |said: &str| serde_json::from_str::<serde_json::Value>(said).unwrap()["term"]["number"].clone();
    while term(&said()) != number {
        assert!(begun.elapsed() < Duration::from_secs(180), "term {number}: {}", said());
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn an_institution_joins_keys_change_and_it_leaves_by_the_tool_alone() {
    let mut all = Institutions::found(4);
    all.place.token = all.place.make_token("notary");
    all.start(&[0, 1, 2, 3]);
    all.wait_live(&[0, 1, 2, 3]);
    let file = |name: &str| all.place.file(name, name.as_bytes());
    let files = ["1.txt", "2.txt", "3.txt", "4.txt", "5.txt"].map(file);
    all.deposit(0, 0, &files[0]);

    // The invitation.
    let invitation = all.place.path("technology.invitation");
    let named =
        ["--role", "technology", "--name-zh", "示范技术服务商", "--name-en", "Demonstration Provider"];
    let rest = ["--out", text(&invitation), "--as", "court"];
    let said = member(&all, &[&["invite", "technology"][..], &named, &rest].concat());
    let code = said.lines().find_map(|line| line.trim().strip_prefix("Its code: ")).unwrap();
    for voter in ["notary", "forensic"] {
        member(&all, &["vote", "1", "--approve", "--as", voter]);
    }
    // The folder, the certificate, the node that follows.
    let folder = all.place.path("alliance/technology");
    let port = |more: u16| format!("127.0.0.1:{}", all.place.base_port + more);
    let (listen, http) = (port(104), port(4));
    let prepare = ["prepare", text(&invitation), text(&folder), "--listen", &listen, "--http", &http];
    let refused = all.place.expect(2, &[&["member"], &prepare[..]].concat());
    assert_eq!(refused.lines().count(), 1, "the ledger's id is shown, and nothing is made: {refused}");
    member(&all, &[&prepare[..], &["--yes"]].concat());
    let (own, ca) = (all.config("technology"), all.config("ca"));
    all.place.expect(2, &["member", "join", &own, "--code", code]);
    member(&all, &["certify", &ca, text(&folder.join("pki/seal.pem.request"))]);
    all.nodes.push(None);
    all.start(&[4]);
    all.wait(4, "follows", |status| height(status) > 0);
    all.place.expect(1, &["member", "join", &own, "--code", "0000-0000-0000-0000-0000-0000-0000-0000"]);
    member(&all, &["join", &own, "--code", code]);
    all.wait(4, "votes", |status| status["voting"] == true);
    all.deposit(0, 4, &files[1]);

    // The new member counts: with another away, all others are needed.
    all.kill(&[0]);
    all.deposit(0, 1, &files[2]);
    all.start(&[0]);
    all.wait_live(&[0]);

    // The notary's keys change; the seal key is kept in a token from then on, where there is one.
    let rotate = ["rotate", "--as", "notary"];
    let key_place = all
        .place
        .token
        .as_ref()
        .map(|token| format!("pkcs11:token=notary;object=seal?module-path={}", token.module));
    let kept_at = key_place.as_deref().map_or(vec![], |place| vec!["--seal-kept-at", place]);
    member(&all, &[&rotate[..], &kept_at].concat());
    let request = all.place.path("alliance/notary/pki/seal.pem.next.request");
    let dir = all.place.path("alliance");
    all.place.expect(2, &[&["--data-dir", text(&dir), "member"], &rotate[..]].concat());
    member(&all, &["certify", &ca, text(&request)]);
    let said = member(&all, &rotate);
    assert!(said.contains("DECIDED: term 2"), "{said}");
    wait_term(&all, 1, "2");
    all.wait(1, "votes", |status| status["voting"] == true);
    assert!(member(&all, &rotate).contains("in use"));
    if let Some(place) = &key_place {
        let kept = fs::read_to_string(all.place.path("alliance/notary/keys/seal.key")).unwrap();
        assert_eq!(kept.trim(), place, "the file names the key");
    }
    all.kill(&[1, 3]);
    all.start(&[1, 3]);
    all.wait(1, "votes", |status| status["voting"] == true);
    all.wait_live(&[1, 3]);
    all.deposit(0, 1, &files[3]);

    // The policy names every member, so that the others vote on who leaves.
    let said = member(&all, &["leave", "--as", "technology"]);
    assert!(said.contains("Proposal 2 of technology: remove technology"), "{said}");
    for voter in ["court", "notary", "ca"] {
        member(&all, &["vote", "2", "--approve", "--as", voter]);
    }
    wait_term(&all, 0, "3");
    all.kill(&[4]);
    all.deposit(0, 0, &files[4]);
    let terms = member(&all, &["list", "--terms", "--json", "--url", &all.url(0)]);
    let terms: serde_json::Value = serde_json::from_str(&terms).unwrap();
    let members = terms.as_array().unwrap().iter().map(|term| term["members"].as_array().unwrap().len());
    assert_eq!(members.collect::<Vec<_>>(), [4, 5, 5, 4]);

    // What an honest node says in a later term contradicts no certificate of an earlier one.
    let certificate = format!("{}.xzc", text(&files[0]));
    all.place.expect(1, &["equivocation", "prove", &certificate, "--out", "none.cbor", "--url", &all.url(0)]);

    all.kill(&[0, 1, 2, 3]);
    all.place.expect(0, &["trust", "add", text(&all.place.path("alliance/genesis.cbor")), "--yes"]);
    for file in &files {
        is_valid(&all, file);
    }
}
