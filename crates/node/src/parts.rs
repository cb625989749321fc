//! A node put together and not yet running: what [`crate::Node`] gives threads to, and a simulation steps through.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        mpsc::{Receiver, sync_channel},
    },
};

use tokio::sync::mpsc;
use xiezhi_evidence::Genesis;
use xiezhi_pki::X509Certificate;
use xiezhi_store::Store;
use xiezhi_types::InstitutionId;

use crate::{
    StartError,
    admission::{ARRIVALS_MAX, Arrival},
    collection::Sealing,
    config::{NodeConfig, NodeKeys},
    core::Core,
    eras::{Eras, active},
    lists::Lists,
    machine::Machine,
    recover,
    sealing::{self, Sealer, TASKS_MAX, Task},
    witness::Judge,
};

/// What a node consists of.
pub(crate) struct Parts {
    pub(crate) core: Arc<Core>,
    /// For admission.
    pub(crate) arriving: mpsc::Receiver<Arrival>,
    pub(crate) sealer: Sealer,
    /// For the sealer.
    pub(crate) tasks: Receiver<Task>,
    /// For consensus.
    pub(crate) eras: Eras,
}

impl Parts {
    /// Checks the configuration and opens the store; asks nothing but `machine` for time and chance from then on.
    ///
    /// # Errors
    /// [`StartError`].
    pub(crate) fn open(config: NodeConfig, machine: Arc<dyn Machine>) -> Result<Self, StartError> {
        let genesis = Genesis::parse(&config.genesis)?;
        let ledger = Genesis::ledger_id(&config.genesis);
        check_keys(&config.institution, &config.keys)?;
        let store = Store::open(&config.data_dir.join("store"), &genesis, ledger, config.cache_bytes)?;
        check_seat(&store, &config)?;
        let sealing = Sealing::new(Lists::open(&config.data_dir, &config.revocations));
        let uptime = machine.uptime();
        let restart = recover::last_restart(&config.data_dir, &store, genesis.created)?;
        let mut core =
            Core::new(machine, genesis, config.genesis, ledger, config.institution, store, sealing);
        core.restart = restart;
        let core = Arc::new(core);
        core.use_keys(config.keys);
        let (arrivals, arriving) = mpsc::channel(ARRIVALS_MAX);
        let (sender, tasks) = sync_channel(TASKS_MAX);
        let (timestamps, stands_in_for) = config.timestamps.map(|t| (t.authority, t.stands_in_for)).unzip();
        let stampers = config.stampers.into_iter();
        let sealer = Sealer {
            core: Arc::clone(&core),
            stands_in_for: stands_in_for.flatten(),
            authority: config.authority.map(|a| a.authority),
            stampers: stampers.map(|s| sealing::start_stamper(s, sender.clone())).collect(),
            judge: Judge::default(),
            cannot_stamp: false,
            early: BTreeMap::new(),
            ticked: uptime,
            said_hello: uptime,
            sent_lists: None,
        };
        core.sealing.use_own(&core.institution, &sealer.chain(), timestamps);
        let eras = Eras {
            core: Arc::clone(&core),
            listen: config.listen,
            peers: config.peers,
            data_dir: config.data_dir,
            worker_threads: config.worker_threads,
            upstreams: config.upstreams,
            arrivals,
            sealing: sender,
        };
        Ok(Self { core, arriving, sealer, tasks, eras })
    }
}

/// Checks that an institution with a seat has its keys at hand: those of the current term, or of the decided one.
fn check_seat(store: &Store, config: &NodeConfig) -> Result<(), StartError> {
    let alliance = store.alliance();
    let terms = [Some(&alliance.term), alliance.next.as_ref()];
    let mut seats =
        terms.into_iter().flatten().filter_map(|term| active(term, &config.institution)).peekable();
    if seats.peek().is_none() {
        return Ok(());
    }
    let wrong = |field| {
        let reason = format!("is not the one that the ledger names for {}", config.institution);
        StartError::Config { field, reason }
    };
    let mut field = "consensus key";
    for seat in seats {
        let of_consensus = |keys: &&NodeKeys| keys.consensus_key() == seat.institution.consensus_key;
        if let Some(keys) = config.keys.iter().find(of_consensus) {
            if keys.seals_as(&seat.institution.seal_key) {
                return Ok(());
            }
            field = "seal key";
        }
    }
    Err(wrong(field))
}

/// Checks that there are keys, and that each certificate is for its seal key and `institution`; whether it counts is judged when sealing.
pub(crate) fn check_keys(institution: &InstitutionId, keys: &[NodeKeys]) -> Result<(), StartError> {
    let wrong = |field, reason: String| Err(StartError::Config { field, reason });
    if keys.is_empty() {
        return wrong("keys", "there are none".to_owned());
    }
    for keys in keys {
        let Some(first) = keys.seal_chain.first() else { continue };
        let Ok(leaf) = X509Certificate::from_der(first) else {
            return wrong("seal certificate", "is none".to_owned());
        };
        let is_for_key = match leaf.public_key() {
            xiezhi_pki::PublicKey::Ed25519(key) => keys.seals_as(&key),
            _ => false,
        };
        if leaf.institution().as_ref() != Some(institution) || !is_for_key {
            return wrong("seal certificate", format!("is not for {institution} and its seal key"));
        }
    }
    Ok(())
}
