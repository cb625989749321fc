//! A node put together and not yet running: what [`crate::Node`] gives threads to, and a simulation steps through.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        mpsc::{Receiver, sync_channel},
    },
};

use tokio::sync::mpsc;
use xiezhi_consensus::{Config, Peer, Timings};
use xiezhi_evidence::Genesis;
use xiezhi_ledger::BlockBody;
use xiezhi_pki::X509Certificate;
use xiezhi_store::Store;
use xiezhi_types::{InstitutionId, LedgerId};

use crate::{
    StartError,
    admission::{ARRIVALS_MAX, Arrival},
    chain::Ledger,
    config::NodeConfig,
    core::Core,
    follow::consensus_dir,
    machine::Machine,
    sealing::{self, Sealer, Sealing, TASKS_MAX, Task},
    witness::Judge,
};

/// Room in a message for a whole block and its envelope, in bytes.
const MESSAGE_SLACK: usize = 1 << 20;

/// What a node consists of.
pub(crate) struct Parts {
    pub(crate) core: Arc<Core>,
    /// For the engine.
    pub(crate) application: Ledger,
    /// For admission.
    pub(crate) arriving: mpsc::Receiver<Arrival>,
    pub(crate) sealer: Sealer,
    /// For the sealer.
    pub(crate) tasks: Receiver<Task>,
    pub(crate) engine: Config,
}

impl Parts {
    /// Checks the configuration and opens the store; asks nothing but `machine` for time and chance from then on.
    ///
    /// # Errors
    /// [`StartError`].
    pub(crate) fn open(config: NodeConfig, machine: Arc<dyn Machine>) -> Result<Self, StartError> {
        let genesis = Genesis::parse(&config.genesis)?;
        let ledger = Genesis::ledger_id(&config.genesis);
        check(&genesis, &config)?;
        let store = Store::open(&config.data_dir.join("store"), &genesis, ledger, config.cache_bytes)?;
        let engine = engine_config(&genesis, ledger, &config)?;
        let sealing = Sealing::new(config.revocations);
        let uptime = machine.uptime();
        let core = Core::new(machine, genesis, config.genesis, ledger, config.institution, store, sealing);
        let core = Arc::new(core);
        let (arrivals, arriving) = mpsc::channel(ARRIVALS_MAX);
        let (sender, tasks) = sync_channel(TASKS_MAX);
        let (timestamps, stands_in_for) = config.timestamps.map(|t| (t.authority, t.stands_in_for)).unzip();
        core.sealing.use_own(&core.institution, &config.seal_chain, timestamps);
        let stampers = config.stampers.into_iter();
        let sealer = Sealer {
            core: Arc::clone(&core),
            key: config.seal_key,
            chain: config.seal_chain,
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
        let application = Ledger { core: Arc::clone(&core), arrivals, sealing: sender };
        Ok(Self { core, application, arriving, sealer, tasks, engine })
    }
}

/// Checks that the keys are the ones that genesis names.
fn check(genesis: &Genesis, config: &NodeConfig) -> Result<(), StartError> {
    let wrong = |field, reason: String| Err(StartError::Config { field, reason });
    let Some(own) = genesis.institution(&config.institution) else {
        return wrong("institution", format!("{} is not in the genesis", config.institution));
    };
    if xiezhi_consensus::public_key(&config.consensus_seed) != own.consensus_key {
        return wrong("consensus key", format!("is not the one that the genesis names for {}", own.id));
    }
    if config.seal_key.public_key().as_bytes() != own.seal_key {
        return wrong("seal key", format!("is not the one that the genesis names for {}", own.id));
    }
    check_chain(genesis, &own.id, &config.seal_chain)
}

/// Checks that the first certificate of `chain` is for the seal key of `institution`; whether it counts is judged when sealing.
pub(crate) fn check_chain(
    genesis: &Genesis,
    institution: &InstitutionId,
    chain: &[Vec<u8>],
) -> Result<(), StartError> {
    let wrong = |reason: String| Err(StartError::Config { field: "seal certificate", reason });
    let Some(leaf) = chain.first().and_then(|der| X509Certificate::from_der(der).ok()) else {
        return wrong("is none".to_owned());
    };
    let key = genesis.institution(institution).map(|i| xiezhi_pki::PublicKey::Ed25519(i.seal_key));
    if leaf.institution().as_ref() != Some(institution) || Some(leaf.public_key()) != key {
        return wrong(format!("is not for {institution} and the seal key that the genesis names for it"));
    }
    Ok(())
}

fn engine_config(genesis: &Genesis, ledger: LedgerId, config: &NodeConfig) -> Result<Config, StartError> {
    let mut peers = Vec::new();
    for one in &genesis.institutions {
        let listed = config.peers.iter().find(|(id, _)| *id == one.id).map(|(_, address)| *address);
        let address = if one.id == config.institution { Some(config.listen) } else { listed };
        let missing = || StartError::Config { field: "peers", reason: format!("no address for {}", one.id) };
        peers.push(Peer { public_key: one.consensus_key, address: address.ok_or_else(missing)? });
    }
    let genesis_block = BlockBody { time: genesis.created, transactions: Vec::new() };
    let block_bytes_max = genesis.limits.block_bytes_max as usize;
    Ok(Config {
        namespace: ledger.0.to_vec(),
        signing_seed: config.consensus_seed,
        listen: config.listen,
        peers,
        storage_dir: consensus_dir(&config.data_dir),
        genesis_payload: genesis_block.encode().into(),
        block_bytes_max,
        message_bytes_max: block_bytes_max + MESSAGE_SLACK,
        timings: Timings::default(),
        worker_threads: config.worker_threads,
    })
}
