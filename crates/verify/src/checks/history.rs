//! The history: from the genesis's members and policy, link by link, to those that count for the record.

use xiezhi_evidence::{
    Genesis, Term, TermLink,
    alliance::{STATE_KEY, Suites},
};

use super::{keys, seals, stamps, times};
use crate::{
    Check, Status, code,
    examination::{Examination, Witnessed},
    finding as f,
};

/// Walks `links` from the genesis's own term: the genesis with the members and the policy of the last term reached in place of its
/// own, that term's suites, and the checks. A link that fails ends the walk.
pub(crate) fn walk(
    x: &Examination<'_>,
    genesis: &Genesis,
    links: &[Vec<u8>],
) -> (Genesis, Suites, Vec<Check>) {
    let (mut term, mut current) = (Term::at_genesis(genesis), genesis.clone());
    let mut suites = term.suites(genesis);
    let mut checks: Vec<Check> = Vec::new();
    for (number, bytes) in links.iter().enumerate() {
        if checks.last().is_some_and(|before| before.status == Status::Fail) {
            checks.push(Check::not_evaluated(code::HISTORY, code::HISTORY).with("link", number));
            continue;
        }
        let judged = judge(x, &current, &term, bytes);
        let check = |finding| Check::new(code::HISTORY, finding).with("link", number);
        match judged {
            Err((finding, because)) => {
                checks.push(check(finding).with("because", because));
            }
            Ok((next, undecided)) => {
                checks.push(match undecided {
                    Some(because) => check(&f::LINK_UNDECIDED).with("because", because),
                    None => check(&f::LINK_HOLDS).with("term", next.number).with("from", next.from),
                });
                current.institutions = next.institutions();
                current.policy = next.policy.clone();
                suites = next.suites(genesis);
                term = next;
            }
        }
    }
    (current, suites, checks)
}

type Refused = (&'static f::Finding, &'static str);

/// The term to which a link leads, and the check that is undecided, if one is; or why it leads to none.
fn judge(
    x: &Examination<'_>,
    current: &Genesis,
    term: &Term,
    bytes: &[u8],
) -> Result<(Term, Option<&'static str>), Refused> {
    let refused = |finding| Err((finding, ""));
    let Ok(link) = TermLink::parse(bytes) else { return refused(&f::LINK_MALFORMED) };
    let checkpoint = &link.checkpoint;
    if checkpoint.ledger != x.ledger {
        return refused(&f::LINK_OTHER_LEDGER);
    }
    let value = link.alliance.encode();
    if link.alliance.version != xiezhi_evidence::alliance::VERSION
        || link.proof.verify_present(&checkpoint.state_root, STATE_KEY, &value).is_err()
    {
        return refused(&f::LINK_PROOF);
    }
    if link.alliance.term != *term || checkpoint.height < term.from {
        return refused(&f::LINK_OTHER_TERM);
    }
    let Some(next) = link.alliance.next.clone() else { return refused(&f::LINK_NO_TERM) };
    if next.number != term.number + 1 || next.from <= checkpoint.height || next.check().is_err() {
        return refused(&f::LINK_NOT_ALLOWED);
    }
    if x.witnessed.checkpoint.height < next.from {
        return refused(&f::LINK_LATER);
    }
    let undecided = witnessed(x, current, &link)?;
    Ok((next, undecided))
}

/// Whether the link's checkpoint is sealed and stamped as a certificate's must be, by the members and the policy of `current`.
fn witnessed(
    x: &Examination<'_>,
    current: &Genesis,
    link: &TermLink,
) -> Result<Option<&'static str>, Refused> {
    let x = Examination {
        declared_time: x.declared_time,
        ledger: x.ledger,
        anchor: x.anchor,
        genesis: Some(current.clone()),
        suites: None,
        history: Vec::new(),
        witnessed: Witnessed {
            checkpoint: &link.checkpoint,
            seals: &link.seals,
            timestamps: &link.timestamps,
            revocations: &link.revocations,
        },
        issued_at: None,
    };
    let lists = keys::Lists::read(&link.revocations);
    let (seals, stamps) = (seals::examine(&x, &lists), stamps::examine(&x, &lists));
    let mut checks = vec![
        seals::policy(&x, &seals),
        stamps::policy(&x, &stamps),
        keys::revocation_lists(&x, &lists, &seals, &stamps),
        times::times(&x, &lists),
    ];
    checks.extend(seals.into_iter().flat_map(|seal| [seal.check, seal.status]));
    checks.extend(stamps.into_iter().flat_map(|stamp| [stamp.check, stamp.status]));
    let first = |status| {
        code::ALL.into_iter().find(|code| checks.iter().any(|c| c.code == *code && c.status == status))
    };
    match first(Status::Fail) {
        Some(because) => Err((&f::LINK_NOT_SEALED, because)),
        None => Ok(first(Status::Unknown)),
    }
}
