//! One file under examination: its parts read once, the checks run in order, the facts gathered.

use std::collections::BTreeSet;

use xiezhi_evidence::{
    BatchItem, Body, Certificate, CertifiedSeal, Checkpoint, Genesis, Statement, TimeStamp,
    account::TYPE_ACCOUNT_CHANGE,
    alliance::Suites,
    governance::TYPE_GOVERNANCE,
    statement::{TYPE_ACCOUNT, TYPE_BATCH, TYPE_DEPOSIT},
};
use xiezhi_types::{InstitutionId, LedgerId, RecordNumber, TimestampMs};

use crate::{
    Anchor, Check, Facts, Input, Name, SealFact, StampFact,
    checks::{consistency, history, keys, ledger, original, record, seals, stamps, times},
    code,
    verdict::Name as LocalName,
};

/// A checkpoint and what witnesses it: a certificate's, a link's, or that of the proof of an account.
#[derive(Clone, Copy)]
pub(crate) struct Witnessed<'a> {
    pub(crate) checkpoint: &'a Checkpoint,
    pub(crate) seals: &'a [CertifiedSeal],
    pub(crate) timestamps: &'a [TimeStamp],
    pub(crate) revocations: &'a [Vec<u8>],
}

/// A witnessed checkpoint under examination.
pub(crate) struct Examination<'a> {
    pub(crate) declared_time: TimestampMs,
    /// Hash of the genesis in the file.
    pub(crate) ledger: LedgerId,
    pub(crate) anchor: Option<&'a Anchor>,
    /// The genesis; with a history, members and policy are those of the term that it leads to.
    pub(crate) genesis: Option<Genesis>,
    /// The suites of that term, where there is one.
    pub(crate) suites: Option<Suites>,
    /// The checks of the history's links.
    pub(crate) history: Vec<Check>,
    pub(crate) witnessed: Witnessed<'a>,
    /// When the statement that it is about says it was signed, in unix seconds.
    pub(crate) issued_at: Option<u64>,
}

/// A certificate under examination: its parts, each read or not.
pub(crate) struct Record<'a> {
    pub(crate) x: Examination<'a>,
    pub(crate) input: &'a Input<'a>,
    pub(crate) certificate: &'a Certificate,
    pub(crate) statement: Option<Statement>,
    /// The batch item, where the certificate has a place in a batch: read, or not readable.
    pub(crate) item: Option<Option<BatchItem>>,
}

impl<'a> Record<'a> {
    pub(crate) fn new(input: &'a Input<'a>, certificate: &'a Certificate) -> Self {
        let statement = Statement::parse(&certificate.statement).ok();
        let witnessed = Witnessed {
            checkpoint: &certificate.checkpoint,
            seals: &certificate.seals,
            timestamps: &certificate.timestamps,
            revocations: &certificate.revocations,
        };
        let issued_at = statement.as_ref().and_then(|statement| statement.claims().issued_at);
        Self {
            x: Examination::new(input, &certificate.genesis, &certificate.history, witnessed, issued_at),
            input,
            certificate,
            statement,
            item: certificate.batch.as_ref().map(|place| BatchItem::parse(&place.item).ok()),
        }
    }

    pub(crate) fn run(&self) -> (Vec<Check>, Facts) {
        let mut checks = vec![Check::new(code::CERTIFICATE, &crate::finding::CERTIFICATE_READ)];
        checks.push(ledger::ledger(&self.x));
        checks.push(record::statement(self));
        checks.push(original::original(self));
        checks.push(original::manifest(self));
        checks.extend(record::batch_place(self));
        checks.push(record::signatures(self));
        checks.extend(record::delegation(self));
        checks.extend(record::inclusion(self));
        checks.push(ledger::statement_ledger(self));
        checks.push(ledger::checkpoint_ledger(&self.x));
        let mut facts = self.x.witnesses(&mut checks);
        checks.extend(consistency::consistency(self));
        self.add_facts(&mut facts);
        (checks, facts)
    }

    fn add_facts(&self, facts: &mut Facts) {
        let (certificate, item) =
            (self.certificate, self.certificate.batch.as_ref().map(|place| place.index));
        facts.record_number = Some(RecordNumber::new(&self.x.ledger, certificate.index, item).to_string());
        facts.index = Some(certificate.index.to_string());
        facts.item = item;
        let Some(statement) = &self.statement else { return };
        let claims = statement.claims();
        facts.statement = Some(statement.id().to_string());
        facts.issuer = Some(claims.issuer.to_string());
        facts.grantor = claims.grantor.map(|grantor| grantor.to_string());
        facts.issued_at = claims.issued_at.map(|at| TimestampMs(at.saturating_mul(1000)).rfc3339());
        facts.group = statement.group().map(|group| group.to_string());
        facts.content_type = Some(content_type(statement.body()).to_owned());
        if let Body::Deposit(body) = statement.body() {
            facts.phase = body.phase;
        }
    }
}

impl<'a> Examination<'a> {
    pub(crate) fn new(
        input: &Input<'a>,
        genesis: &[u8],
        links: &[Vec<u8>],
        witnessed: Witnessed<'a>,
        issued_at: Option<u64>,
    ) -> Self {
        let ledger = Genesis::ledger_id(genesis);
        let mut x = Self {
            declared_time: input.declared_time,
            ledger,
            anchor: input.anchors.iter().find(|anchor| anchor.ledger == ledger),
            genesis: Genesis::parse(genesis).ok(),
            suites: None,
            history: Vec::new(),
            witnessed,
            issued_at,
        };
        match &x.genesis {
            Some(genesis) => {
                let (reached, suites, checks) = history::walk(&x, genesis, links);
                (x.genesis, x.suites, x.history) = (Some(reached), Some(suites), checks);
            }
            None => {
                let check = |link| Check::not_evaluated(code::HISTORY, code::LEDGER).with("link", link);
                x.history = (0..links.len()).map(check).collect();
            }
        }
        x
    }

    /// Judges the history, the seals, the time stamps and the times, and gathers the facts.
    pub(crate) fn witnesses(&self, checks: &mut Vec<Check>) -> Facts {
        checks.extend(self.history.iter().cloned());
        let lists = keys::Lists::read(self.witnessed.revocations);
        let seals = seals::examine(self, &lists);
        let stamps = stamps::examine(self, &lists);
        let seal_policy = seals::policy(self, &seals);
        let stamp_policy = stamps::policy(self, &stamps);
        let revocation = keys::revocation_lists(self, &lists, &seals, &stamps);
        let facts = self.facts(&seals, &stamps, seal_policy.passed() && stamp_policy.passed());
        let statuses: Vec<Check> = seals
            .iter()
            .map(|seal| seal.status.clone())
            .chain(stamps.iter().map(|stamp| stamp.status.clone()))
            .collect();
        checks.extend(seals.into_iter().map(|seal| seal.check));
        checks.push(seal_policy);
        checks.extend(stamps.into_iter().map(|stamp| stamp.check));
        checks.push(stamp_policy);
        checks.extend(statuses);
        checks.push(revocation);
        checks.push(times::times(self, &lists));
        facts
    }

    /// The name of an institution in both languages; its short name where the genesis does not know it.
    pub(crate) fn institution_name(&self, id: &InstitutionId) -> Name {
        let known = self.genesis.as_ref().and_then(|genesis| genesis.institution(id));
        match known {
            Some(institution) => Name { zh: institution.name.zh.clone(), en: institution.name.en.clone() },
            None => Name { zh: id.to_string(), en: id.to_string() },
        }
    }

    fn facts(&self, seals: &[seals::Sealed], stamps: &[stamps::Stamped], met: bool) -> Facts {
        let checkpoint = self.witnessed.checkpoint;
        let own = self.genesis.as_ref().map(|genesis| &genesis.name);
        let ledger_name = self.anchor.map(|anchor| &anchor.name).or(own);
        Facts {
            ledger: Some(self.ledger.to_string()),
            ledger_name: ledger_name.map(|name| LocalName { zh: name.zh.clone(), en: name.en.clone() }),
            height: Some(checkpoint.height.to_string()),
            checkpoint_time: Some(checkpoint.time.rfc3339()),
            exists_since: met.then(|| self.exists_since(stamps)).flatten().map(TimestampMs::rfc3339),
            seals: self.seal_facts(seals),
            time_stamps: stamps.iter().filter(|stamp| stamp.is_good()).filter_map(stamp_fact).collect(),
            ..Facts::default()
        }
    }

    /// The time by which as many different authorities as the policy asks for had seen the checkpoint.
    fn exists_since(&self, stamps: &[stamps::Stamped]) -> Option<TimestampMs> {
        let genesis = self.genesis.as_ref()?;
        let checkpoint = self.witnessed.checkpoint.time;
        match usize::try_from(genesis.policy.timestamps).ok()? {
            0 => Some(checkpoint),
            needed => Some(stamps::stamped_by(stamps, needed)?.max(checkpoint)),
        }
    }

    fn seal_facts(&self, seals: &[seals::Sealed]) -> Vec<SealFact> {
        let good: BTreeSet<_> =
            seals.iter().filter(|seal| seal.is_good()).map(|seal| seal.institution.clone()).collect();
        let genesis = self.genesis.as_ref();
        let sealed = self.witnessed.seals.iter().map(|certified| &certified.seal);
        let facts = sealed.filter(|seal| good.contains(&seal.institution)).filter_map(|seal| {
            let institution = genesis?.institution(&seal.institution)?;
            Some(SealFact {
                institution: seal.institution.to_string(),
                role: institution.role.name(),
                name: self.institution_name(&seal.institution),
                time: seconds(seal.time),
            })
        });
        facts.collect()
    }
}

fn stamp_fact(stamp: &stamps::Stamped) -> Option<StampFact> {
    let info = stamp.info.as_ref()?;
    Some(StampFact {
        authority: stamps::authority(info),
        time: TimestampMs(info.gen_time.unix_ms()).rfc3339(),
    })
}

/// Content type of a statement.
pub(crate) fn content_type(body: &Body) -> &str {
    match body {
        Body::Deposit(_) => TYPE_DEPOSIT,
        Body::Batch(_) => TYPE_BATCH,
        Body::Account(_) => TYPE_ACCOUNT,
        Body::Change(_) => TYPE_ACCOUNT_CHANGE,
        Body::Governance(_) => TYPE_GOVERNANCE,
        Body::General { content_type, .. } => content_type,
    }
}

/// RFC 3339 of unix seconds, which may be hostile.
pub(crate) fn seconds(at: u64) -> String {
    TimestampMs(at.saturating_mul(1000)).rfc3339()
}
