//! What a node collects for its checkpoints: the institutions' seals, time stamps, and what of the policy is still missing.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;
use xiezhi_evidence::{CertifiedSeal, Checkpoint, TimeStamp, policy::Missing};
use xiezhi_pki::timestamp::TimeStampAuthority;
use xiezhi_store::StoredCheckpoint;
use xiezhi_types::{Height, InstitutionId};

use crate::{
    core::{Core, lock},
    expiry::{ExpiryKind, Known, first_expiry, own_authority},
    lists::Lists,
    witness::missing,
};

/// A checkpoint whose seals are being collected, or have been a moment ago.
pub(crate) struct Open {
    pub(crate) stored: StoredCheckpoint,
    pub(crate) digest: [u8; 32],
    /// Uptime at which it was opened, and last asked for.
    pub(crate) since: Duration,
    pub(crate) asked: Option<Duration>,
    pub(crate) seals: BTreeMap<InstitutionId, CertifiedSeal>,
    pub(crate) stamps: BTreeMap<[u8; 32], TimeStamp>,
    pub(crate) met: watch::Sender<bool>,
}

/// What is collected; shared with those who ask.
#[derive(Default)]
pub(crate) struct Sealing {
    pub(crate) open: Mutex<BTreeMap<Height, Open>>,
    pub(crate) lists: Lists,
    pub(crate) latest: Mutex<Option<Checkpoint>>,
    pub(crate) sealed_by: Mutex<HashMap<InstitutionId, Height>>,
    /// When the certificates expire that were seen at work.
    pub(crate) known: Mutex<Known>,
    /// Why this institution's seal would not count now, if so.
    pub(crate) problem: Mutex<Option<String>>,
    /// The time-stamp authority run here, if any.
    authority: RwLock<Option<Arc<TimeStampAuthority>>>,
    /// Every checkpoint up to this height is open, or was. What peers send for later ones waits: the store may know a checkpoint a moment
    /// before it is open, and a seal kept in that moment would be missing here.
    pub(crate) opened: AtomicU64,
}

/// What has been collected for a checkpoint.
#[derive(Debug, Clone)]
pub(crate) struct Collection {
    pub(crate) stored: StoredCheckpoint,
    pub(crate) seals: Vec<CertifiedSeal>,
    pub(crate) stamps: Vec<TimeStamp>,
    pub(crate) missing: Missing,
}

impl Sealing {
    pub(crate) fn new(lists: Lists) -> Self {
        Self { lists, ..Self::default() }
    }

    /// Why this institution's seal would not count now, if so.
    pub(crate) fn problem(&self) -> Option<String> {
        lock(&self.problem).clone()
    }

    /// The time-stamp authority run here, if any.
    pub(crate) fn authority(&self) -> Option<Arc<TimeStampAuthority>> {
        self.authority.read().unwrap_or_else(|e| e.into_inner()).clone()
    }

    /// Takes `authority` and the `chain` of the own seal certificate into use.
    pub(crate) fn use_own(
        &self,
        institution: &InstitutionId,
        chain: &[Vec<u8>],
        authority: Option<TimeStampAuthority>,
    ) {
        let mut known = lock(&self.known);
        if let Some(until) = first_expiry(chain) {
            known.own(ExpiryKind::SealCertificate, institution.as_str(), until);
        }
        if let Some((name, until)) = authority.as_ref().map(own_authority) {
            known.own(ExpiryKind::TimeStampAuthority, &name, until);
        }
        *self.authority.write().unwrap_or_else(|e| e.into_inner()) = authority.map(Arc::new);
    }

    /// The newest checkpoint that is sealed to policy.
    pub(crate) fn latest(&self) -> Option<Checkpoint> {
        lock(&self.latest).clone()
    }

    /// Height of the last checkpoint that `institution` is known to have sealed.
    pub(crate) fn sealed_height(&self, institution: &InstitutionId) -> Height {
        lock(&self.sealed_by).get(institution).copied().unwrap_or_default()
    }

    /// How many checkpoints wait for seals or stamps.
    pub(crate) fn waiting(&self) -> usize {
        lock(&self.open).values().filter(|open| !*open.met.borrow()).count()
    }

    /// Begins to collect for a checkpoint that this node has just made; `seals` and `stamps` are in the store already.
    pub(crate) fn open(
        &self,
        core: &Core,
        checkpoint: Checkpoint,
        seals: &[CertifiedSeal],
        stamps: Vec<([u8; 32], TimeStamp)>,
    ) {
        let state = core.store.tip().state;
        let height = checkpoint.height;
        let since = core.machine.uptime();
        let seals = seals.iter().map(|one| (one.seal.institution.clone(), one.clone())).collect();
        self.insert(StoredCheckpoint { checkpoint, state }, since, seals, stamps.into_iter().collect());
        self.opened.fetch_max(height.0, Ordering::Release);
    }

    pub(crate) fn insert(
        &self,
        stored: StoredCheckpoint,
        since: Duration,
        seals: BTreeMap<InstitutionId, CertifiedSeal>,
        stamps: BTreeMap<[u8; 32], TimeStamp>,
    ) {
        let (digest, met) = (stored.checkpoint.digest(), watch::Sender::new(false));
        let height = stored.checkpoint.height;
        lock(&self.open).entry(height).or_insert(Open {
            stored,
            digest,
            since,
            asked: None,
            seals,
            stamps,
            met,
        });
    }

    /// What is collected for the checkpoint at `height`, from memory or from the store.
    pub(crate) fn collection(
        &self,
        core: &Core,
        height: Height,
    ) -> Result<Option<Collection>, xiezhi_store::StoreError> {
        if let Some(open) = lock(&self.open).get(&height) {
            return Ok(Some(Collection {
                stored: open.stored.clone(),
                seals: open.seals.values().cloned().collect(),
                stamps: open.stamps.values().cloned().collect(),
                missing: missing(core, height, open.seals.keys(), open.stamps.len()),
            }));
        }
        let Some(stored) = core.store.checkpoint(height)? else { return Ok(None) };
        let seals = core.store.seals(height)?;
        let stamps: Vec<_> = core.store.stamps(height)?.into_iter().map(|(_, stamp)| stamp).collect();
        let missing = missing(core, height, seals.iter().map(|s| &s.seal.institution), stamps.len());
        Ok(Some(Collection { stored, seals, stamps, missing }))
    }

    /// Who has sealed, how many have stamped, what is missing: without copying the seals.
    pub(crate) fn progress(
        &self,
        core: &Core,
        height: Height,
    ) -> Result<Option<(Vec<InstitutionId>, u32, Missing)>, xiezhi_store::StoreError> {
        if let Some(open) = lock(&self.open).get(&height) {
            let who: Vec<_> = open.seals.keys().cloned().collect();
            let missing = missing(core, height, who.iter(), open.stamps.len());
            return Ok(Some((who, missing.timestamps.0, missing)));
        }
        let Some(collection) = self.collection(core, height)? else { return Ok(None) };
        let who = collection.seals.into_iter().map(|s| s.seal.institution).collect();
        Ok(Some((who, collection.missing.timestamps.0, collection.missing)))
    }

    /// What an observer's store holds is sealed: its last checkpoint is the latest.
    pub(crate) fn resume_followed(&self, core: &Core) -> Result<(), xiezhi_store::StoreError> {
        if let Some(stored) = core.store.checkpoint_at_most(core.store.tip().height)? {
            let seals = core.store.seals(stored.checkpoint.height)?;
            self.followed(stored.checkpoint, seals.into_iter().map(|certified| certified.seal.institution));
        }
        Ok(())
    }

    /// Notes a checkpoint that came with its seals, complete.
    pub(crate) fn followed(&self, checkpoint: Checkpoint, sealed: impl Iterator<Item = InstitutionId>) {
        let mut sealed_by = lock(&self.sealed_by);
        sealed_by.extend(sealed.map(|institution| (institution, checkpoint.height)));
        *lock(&self.latest) = Some(checkpoint);
    }

    /// A receiver that turns true when the checkpoint at `height` is sealed to policy; `None` when it is no longer collected for.
    pub(crate) fn watch(&self, height: Height) -> Option<watch::Receiver<bool>> {
        lock(&self.open).get(&height).map(|open| open.met.subscribe())
    }
}
