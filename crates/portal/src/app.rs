//! What every handler shares: the nodes, and what of their answers is kept for a moment.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{Mutex, OnceCell};
use xiezhi_client::{
    Client, ClientError,
    wire::{Anchor, Names},
};

use crate::{Beside, statistics::Known, texts::Texts};

/// How long institutions' names are kept: they change with a term.
const NAMES_KEPT: Duration = Duration::from_secs(10);

/// The state of the router.
pub(crate) struct App {
    pub(crate) client: Client,
    pub(crate) office: Option<Arc<xiezhi_office::Service>>,
    pub(crate) evidence: Option<Arc<xiezhi_service::Service>>,
    /// Whether a vault answers at `/vault` of the same origin.
    pub(crate) vault: bool,
    /// Sizes of the log at past hours and days, which never change.
    pub(crate) known: Mutex<Known>,
    anchor: OnceCell<Anchor>,
    institutions: Mutex<Option<(Instant, Arc<Institutions>)>>,
}

impl App {
    pub(crate) fn new(client: Client, beside: Beside) -> Self {
        let Beside { office, evidence, vault } = beside;
        Self {
            client,
            office,
            evidence,
            vault,
            known: Mutex::default(),
            anchor: OnceCell::new(),
            institutions: Mutex::new(None),
        }
    }

    /// What the nodes say their ledger is; asked once.
    pub(crate) async fn anchor(&self) -> Result<&Anchor, ClientError> {
        self.anchor.get_or_try_init(|| self.client.anchor()).await
    }

    /// Everybody who is or was in the alliance.
    pub(crate) async fn institutions(&self) -> Result<Arc<Institutions>, ClientError> {
        let mut kept = self.institutions.lock().await;
        if let Some((since, institutions)) = &*kept
            && since.elapsed() < NAMES_KEPT
        {
            return Ok(institutions.clone());
        }
        let terms = self.client.terms().await?;
        let members = terms.into_iter().flat_map(|term| term.members);
        let named = members.map(|member| (member.id, (member.role, member.name))).collect();
        let institutions = Arc::new(Institutions(named));
        *kept = Some((Instant::now(), institutions.clone()));
        Ok(institutions)
    }
}

/// Roles and names of institutions by their short names.
pub(crate) struct Institutions(HashMap<String, (String, Names)>);

impl Institutions {
    /// The full name of `id`; `id` where it is not known.
    pub(crate) fn name(&self, id: &str, t: &Texts) -> String {
        self.0.get(id).map_or_else(|| id.to_owned(), |(_, names)| t.pick(names).to_owned())
    }

    /// The role of `id` in words; empty where it is not known.
    pub(crate) fn role(&self, id: &str, t: &Texts) -> String {
        self.0.get(id).map(|(role, _)| t.word("role", role)).unwrap_or_default()
    }
}
