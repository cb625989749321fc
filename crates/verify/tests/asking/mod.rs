//! Questions to the verifier, and what to expect of its answer.

use xiezhi_evidence::Certificate;
use xiezhi_types::TimestampMs;
use xiezhi_verify::{
    Anchor, Check, Exhibit, Input, KnownCheckpoint, Outcome, PROVES_NOTHING, Status, Verdict,
    fixtures::{DECLARED, Fixture, ORIGINAL, Plan, exhibit},
    verify,
};

pub(crate) struct Question {
    pub(crate) certificate: Vec<u8>,
    pub(crate) anchors: Vec<Anchor>,
    pub(crate) exhibit: Exhibit,
    pub(crate) record_only: bool,
    pub(crate) declared: TimestampMs,
    pub(crate) known: Vec<KnownCheckpoint>,
}

impl Question {
    pub(crate) fn of(certificate: &Certificate, fixture: &Fixture) -> Self {
        Self {
            certificate: certificate.encode(),
            anchors: vec![fixture.anchor()],
            exhibit: exhibit(ORIGINAL),
            record_only: false,
            declared: DECLARED,
            known: Vec::new(),
        }
    }

    pub(crate) fn ask(&self) -> Verdict {
        verify(&Input {
            certificate: &self.certificate,
            anchors: &self.anchors,
            exhibit: &self.exhibit,
            record_only: self.record_only,
            declared_time: self.declared,
            known_checkpoints: &self.known,
        })
    }
}

pub(crate) fn ask(fixture: &Fixture, certificate: &Certificate) -> Verdict {
    Question::of(certificate, fixture).ask()
}

pub(crate) fn find<'a>(verdict: &'a Verdict, code: &str) -> &'a Check {
    let mut found = verdict.checks.iter().filter(|check| check.code == code);
    let worst = found.clone().find(|check| check.status != Status::Pass);
    worst.or_else(|| found.next()).unwrap_or_else(|| panic!("no check {code}"))
}

/// Checks the outcome, that `code` says `reason`, and that no other check fails but those in `also`.
pub(crate) fn check_only(verdict: &Verdict, outcome: Outcome, code: &str, reason: &str, also: &[&str]) {
    let found = find(verdict, code);
    let bad: Vec<_> = verdict
        .checks
        .iter()
        .filter(|c| c.status != Status::Pass && c.counts)
        .map(|c| (c.code, c.reason))
        .collect();
    assert_eq!(found.reason, reason, "{bad:?}");
    assert_eq!(verdict.outcome, outcome, "{bad:?}");
    for (other, reason) in &bad {
        assert!(*other == code || also.contains(other), "{other} says {reason}: {bad:?}");
    }
    assert_eq!(verdict.proves, PROVES_NOTHING);
}

pub(crate) fn check_plan(plan: &Plan, outcome: Outcome, code: &str, reason: &str, also: &[&str]) {
    let fixture = Fixture::new();
    check_only(&ask(&fixture, &fixture.certificate(plan)), outcome, code, reason, also);
}
