//! `up`, `init`, `node`: running nodes.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use xiezhi_alliance::{ArchiveSection, Founding, Layout, Overrides, Renewals, found, load};
use xiezhi_api::ApiConfig;
use xiezhi_client::Client;
use xiezhi_evidence::{Genesis, Limits};
use xiezhi_merkle::TileId;
use xiezhi_node::{
    Exit, Node, ObserverConfig, SnapshotSource, StampError, Stamper, Tree, Upstream, UpstreamError,
};
use xiezhi_pki::timestamp::{TimeStampRequest, TimeStampResponse};
use xiezhi_portal::Beside;
use xiezhi_types::{Height, TimestampMs};
use xiezhi_verify::Anchor;

use crate::{
    Ending, Usage,
    args::{Common, Init, NodeOptions, Observe, Renew, Up, UpOptions},
    backup,
    evidence::demonstration,
    home, office, pages,
    texts::Texts,
    trust, vault,
};

/// Sends the nodes' log lines to standard error.
pub(crate) fn start_logging(common: &Common) {
    let filter = tracing_subscriber::EnvFilter::try_new(&common.log).unwrap_or_default();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if common.log_json {
        let _ = builder.json().try_init();
    } else {
        let _ = builder.try_init();
    }
}

/// A node and its REST interface.
pub(crate) struct Running {
    pub(crate) node: Node,
    pub(crate) http: SocketAddr,
    stop: watch::Sender<bool>,
    server: JoinHandle<std::io::Result<()>>,
    /// Looks for renewed certificates; an observer has none.
    renewing: Option<JoinHandle<()>>,
}

impl Running {
    /// Starts the node that `file` configures.
    pub(crate) async fn start(file: &Path, overrides: &Overrides) -> anyhow::Result<Self> {
        let named = xiezhi_alliance::NodeFile::read(file)?;
        let runtime = tokio::runtime::Handle::current();
        let mut stampers: Vec<Arc<dyn Stamper>> = Vec::new();
        for url in named.timestamp_urls {
            stampers.push(Arc::new(HttpStamper { client: Client::new(&url)?, runtime: runtime.clone() }));
        }
        let (mut config, http) = load(file, overrides, stampers)?;
        config.upstreams = upstreams(&named.follow)?;
        let renewals = Renewals::new(file)?;
        let archive = named.archive;
        let mut running = Self::serve(http, archive, move || Node::start(config)).await?;
        running.renewing = Some(tokio::spawn(take_renewals(running.node.clone(), renewals)));
        Ok(running)
    }

    /// Starts the node by `start`, once its address is known to be free, and its REST interface.
    async fn serve(
        http: SocketAddr,
        archive: Option<ArchiveSection>,
        start: impl FnOnce() -> Result<Node, xiezhi_node::StartError> + Send + 'static,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(http).await.map_err(|error| in_use(http, error))?;
        let place = archive.as_ref().map(ArchiveSection::open).transpose()?;
        let node = tokio::task::spawn_blocking(start).await??;
        if let Some((place, archive)) = place.zip(archive) {
            node.archive(place, archive.keep)?;
        }
        let app = xiezhi_api::router(node.clone(), ApiConfig::default());
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        let (stop, mut stopped) = watch::channel(false);
        let server = tokio::spawn(async move {
            let until = async move { drop(stopped.wait_for(|stop| *stop).await) };
            axum::serve(listener, app).with_graceful_shutdown(until).await
        });
        Ok(Self { node, http, stop, server, renewing: None })
    }

    /// Stops taking requests, then the node.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        if let Some(renewing) = self.renewing {
            renewing.abort();
        }
        let patience = Duration::from_secs(2);
        // A client that holds a connection open does not hold the node open.
        let mut server = self.server;
        if tokio::time::timeout(patience, &mut server).await.is_err() {
            server.abort();
        }
        self.node.stop().await;
    }
}

/// How often the files that an institution renews are looked at.
const RENEWALS_EVERY: Duration = Duration::from_secs(5);

/// Gives the node whatever has been renewed, for ever. What cannot be used is said, and what was in use stays.
async fn take_renewals(node: Node, mut renewals: Renewals) {
    let mut said = String::new();
    loop {
        tokio::time::sleep(RENEWALS_EVERY).await;
        let node = node.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let taken = match renewals.changed() {
                Ok(None) => Ok(()),
                Ok(Some(renewal)) => node.renew(renewal).map_err(|error| {
                    renewals.look_again();
                    error.to_string()
                }),
                Err(error) => Err(error.to_string()),
            };
            (renewals, taken)
        });
        let Ok((back, taken)) = looked.await else { return };
        renewals = back;
        match taken {
            Err(reason) if reason != said => {
                tracing::error!(reason, "renewed files are not taken into use");
                said = reason;
            }
            Err(_) => {}
            Ok(()) => said.clear(),
        }
    }
}

fn in_use(address: SocketAddr, error: std::io::Error) -> anyhow::Error {
    if error.kind() == std::io::ErrorKind::AddrInUse {
        return Usage(format!(
            "{address} is in use: another alliance or program runs there; choose another --base-port"
        ))
        .into();
    }
    anyhow::Error::new(error).context(format!("cannot listen at {address}"))
}

/// An RFC 3161 authority reached over HTTP.
struct HttpStamper {
    client: Client,
    runtime: tokio::runtime::Handle,
}

impl Stamper for HttpStamper {
    fn stamp(&self, imprint: &[u8; 32]) -> Result<Vec<u8>, StampError> {
        let failed = |e: &dyn std::fmt::Display| StampError { reason: e.to_string() };
        let nonce = home::random::<8>().map_err(|e| failed(&e))?;
        let request = TimeStampRequest::sha256(imprint, Some(u64::from_be_bytes(nonce) >> 1)).to_der();
        let reply = self.runtime.block_on(self.client.timestamp(request)).map_err(|e| failed(&e))?;
        let response = TimeStampResponse::from_der(&reply).map_err(|e| failed(&e))?;
        response.token.ok_or_else(|| failed(&"refused"))
    }
}

/// A node that an observer follows, over HTTP.
struct HttpUpstream {
    client: Client,
    url: String,
    runtime: tokio::runtime::Handle,
}

impl Upstream for HttpUpstream {
    fn name(&self) -> String {
        self.url.clone()
    }

    fn sealed_blocks(&self, after: Height) -> Result<Vec<u8>, UpstreamError> {
        let answer = self.runtime.block_on(self.client.sealed_blocks(after));
        answer.map_err(|error| UpstreamError { reason: error.to_string() })
    }
}

/// A node from which an observer has its snapshot, over HTTP.
impl SnapshotSource for HttpUpstream {
    fn name(&self) -> String {
        self.url.clone()
    }

    fn snapshot(&self) -> Result<Vec<u8>, UpstreamError> {
        let answer = self.runtime.block_on(self.client.snapshot());
        answer.map_err(|error| UpstreamError { reason: error.to_string() })
    }

    fn state_entries(&self, height: Height, from: [u8; 32]) -> Result<Vec<u8>, UpstreamError> {
        let answer = self.runtime.block_on(self.client.state_entries(height, &hex::encode(from)));
        answer.map_err(|error| UpstreamError { reason: error.to_string() })
    }

    fn tile(&self, tree: Tree, id: TileId) -> Result<Vec<u8>, UpstreamError> {
        let tree = match tree {
            Tree::Sha256 => xiezhi_client::Tree::Sha256,
            Tree::Sm3 => xiezhi_client::Tree::Sm3,
        };
        let answer = self.runtime.block_on(self.client.tile(tree, &id.to_string()));
        answer.map_err(|error| UpstreamError { reason: error.to_string() })
    }
}

fn upstreams(urls: &[String]) -> anyhow::Result<Vec<Arc<dyn Upstream>>> {
    let mut upstreams: Vec<Arc<dyn Upstream>> = Vec::new();
    for url in urls {
        let (client, url) = (Client::new(url)?, url.clone());
        upstreams.push(Arc::new(HttpUpstream { client, url, runtime: tokio::runtime::Handle::current() }));
    }
    Ok(upstreams)
}

/// An alliance whose nodes all run in this process.
pub(crate) struct RunningAlliance {
    pub(crate) nodes: Vec<Running>,
    pub(crate) anchor: Anchor,
    pub(crate) founded: bool,
}

impl RunningAlliance {
    /// Takes up the alliance in `dir`, or founds one there first.
    pub(crate) async fn start(dir: &Path, up: &Up) -> anyhow::Result<Self> {
        let layout = Layout { dir: dir.to_owned() };
        let founded = !layout.genesis().exists();
        if founded {
            let founding = Founding {
                dir: dir.to_owned(),
                institutions: up.institutions,
                base_port: up.base_port,
                host: "127.0.0.1".to_owned(),
                now: home::now(),
                limits: Limits::default(),
            };
            if let Some(parent) = dir.parent() {
                std::fs::create_dir_all(parent)
                    .with_context(|| format!("cannot create {}", parent.display()))?;
            }
            found(&founding)?;
        }
        let files = layout.node_files()?;
        if files.is_empty() {
            bail!(Usage(format!("{}: no institution's node.toml", dir.display())));
        }
        let mut nodes = Vec::new();
        for file in files {
            match Running::start(&file, &Overrides::default()).await {
                Ok(node) => nodes.push(node),
                Err(error) => {
                    for node in nodes {
                        node.stop().await;
                    }
                    return Err(error.context(format!("starting {}", file.display())));
                }
            }
        }
        let first = &nodes[0].node;
        let anchor = Anchor { ledger: first.ledger(), name: first.genesis().name.clone() };
        Ok(Self { nodes, anchor, founded })
    }

    /// Addresses of the nodes.
    pub(crate) fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(|running| format!("http://{}", running.http)).collect()
    }

    /// Stops every node.
    pub(crate) async fn stop(self) {
        let stopping = self.nodes.into_iter().map(Running::stop);
        futures::future::join_all(stopping).await;
    }
}

/// Prints who runs and where.
pub(crate) fn introduce(alliance: &RunningAlliance, dir: &Path, texts: &Texts) {
    let name = texts.pick(&alliance.anchor.name.zh, &alliance.anchor.name.en);
    println!(
        "{}",
        texts.get("up-ledger", &[("name", &name), ("ledger", &trust::fingerprint(&alliance.anchor.ledger))])
    );
    println!(
        "{}",
        texts.get(if alliance.founded { "up-founded" } else { "up-resumed" }, &[("dir", &dir.display())])
    );
    for running in &alliance.nodes {
        let genesis = running.node.genesis();
        let id = running.node.institution();
        let name = genesis.institution(id).map(|i| texts.pick(&i.name.zh, &i.name.en)).unwrap_or_default();
        println!("  http://{}  {:<12} {name}", running.http, id.as_str());
    }
}

pub(crate) async fn up(common: &Common, options: &UpOptions, texts: &Texts) -> anyhow::Result<Ending> {
    let dir = home::data_dir(common)?;
    // Before anything starts: an address in use is said at once.
    let usual = SocketAddr::from(([127, 0, 0, 1], options.up.base_port.saturating_sub(10)));
    let listener = match options.no_pages {
        true => None,
        false => Some(listen(options.pages.unwrap_or(usual), "--pages or --no-pages", texts).await?),
    };
    let alliance = RunningAlliance::start(&dir, &options.up).await?;
    trust::add(&alliance.anchor)?;
    introduce(&alliance, &dir, texts);
    let serving = match listener {
        None => None,
        Some(listener) => {
            let client = home::client_at(&alliance.urls(), texts)?;
            // By its name: browsers keep passkeys for names only.
            let url = format!("http://localhost:{}", listener.local_addr()?.port());
            let anchor = &alliance.anchor;
            // An alliance whose owner sealed their secrets runs without them.
            let closed = |what| move |error: &anyhow::Error| tracing::warn!(%error, "the demonstration's {what} stays closed");
            let vault = vault::demonstration(
                &dir.join("vault"),
                format!("{url}/vault"),
                client.clone(),
                anchor.clone(),
            )
            .await;
            let vault = vault.inspect_err(closed("vault")).ok();
            let place = format!("{url}/evidence");
            let office =
                office::demonstration(&dir.join("office"), url, client.clone(), anchor.clone()).await;
            let office = office.inspect_err(closed("office")).ok();
            let own = dir.join("evidence");
            let layout = Layout { dir: dir.clone() };
            let evidence = demonstration::open(&own, &place, client.clone(), &alliance, &layout).await;
            let evidence = evidence.inspect_err(closed("evidence service")).ok();
            let beside = Beside {
                office,
                evidence: evidence.as_ref().map(|evidence| evidence.service.clone()),
                vault: vault.is_some(),
            };
            let mut router = xiezhi_portal::router(client, beside);
            let mut upkeep: Vec<JoinHandle<()>> = Vec::new();
            if let Some(vault) = vault {
                router = router.nest_service("/vault", vault.router);
                upkeep.extend(vault.upkeep);
            }
            if let Some(evidence) = evidence {
                router = evidence.beside(router);
                upkeep.push(evidence.upkeep);
                let key = demonstration::key(&own);
                println!(
                    "{}",
                    texts.get("evidence-demonstration", &[("url", &place), ("key", &key.display())])
                );
            }
            Some((pages::serve(listener, router, texts)?, upkeep))
        }
    };
    println!("\n{}", texts.get("up-next", &[]));
    let why = wait_for_end(&alliance.nodes.iter().map(|r| r.node.clone()).collect::<Vec<_>>()).await;
    println!("{}", texts.get("up-stopping", &[]));
    if let Some((pages, upkeep)) = serving {
        pages.abort();
        upkeep.iter().for_each(JoinHandle::abort);
    }
    alliance.stop().await;
    match why {
        None => Ok(Ending::Done),
        Some(reason) => bail!(reason),
    }
}

/// Waits until it is asked to stop, or for a node that cannot go on; gives the reason in the last case.
async fn wait_for_end(nodes: &[Node]) -> Option<String> {
    let mut ended: Vec<_> = Vec::new();
    for node in nodes {
        let node = node.clone();
        ended.push(Box::pin(async move {
            match node.ended().await {
                Exit::Failed { reason } => format!("{}: {reason}", node.institution()),
                exit => format!("{}: {exit:?}", node.institution()),
            }
        }));
    }
    tokio::select! {
        () = told_to_stop() => None,
        (reason, ..) = futures::future::select_all(ended) => Some(reason),
    }
}

/// Takes the address at which something is served; `change` names the option that changes it.
pub(crate) async fn listen(address: SocketAddr, change: &str, texts: &Texts) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let values: [(&str, &dyn std::fmt::Display); 3] =
            [("address", &address), ("reason", &error), ("change", &change)];
        Usage(texts.get("listen-failed", &values)).into()
    })
}

/// Waits for Ctrl-C or a termination signal.
pub(crate) async fn told_to_stop() {
    #[cfg(unix)]
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
}

pub(crate) fn init(options: &Init, texts: &Texts) -> anyhow::Result<Ending> {
    let founding = Founding {
        dir: options.dir.clone(),
        institutions: options.institutions,
        base_port: options.base_port,
        host: options.host.clone(),
        now: home::now(),
        limits: Limits { statement_window_s: options.statement_window, ..Limits::default() },
    };
    let (layout, ledger) = found(&founding)?;
    println!("{}", texts.get("init-done", &[("dir", &layout.dir.display())]));
    println!("{}", texts.get("trust-fingerprint", &[("fingerprint", &trust::fingerprint(&ledger))]));
    for file in layout.node_files()? {
        println!("  xiezhi node --config {}", file.display());
    }
    println!("{}", texts.get("init-next", &[]));
    Ok(Ending::Done)
}

pub(crate) async fn observe(common: &Common, options: &Observe, texts: &Texts) -> anyhow::Result<Ending> {
    let nodes = home::client(common, texts)?;
    // Kept beside the store, so that an observer starts when no node is in reach.
    let kept = options.dir.join("genesis.cbor");
    let genesis = match std::fs::read(&kept) {
        Ok(genesis) => genesis,
        Err(_) => nodes.genesis().await?,
    };
    let ledger = Genesis::ledger_id(&genesis);
    if !trust::anchors(&options.trust)?.iter().any(|anchor| anchor.ledger == ledger) {
        let fingerprint = trust::fingerprint(&ledger);
        bail!(Usage(texts.get("observe-not-trusted", &[("fingerprint", &fingerprint)])));
    }
    if !kept.exists() {
        home::write_whole(&kept, &genesis, false)?;
    }
    if options.snapshot && !options.dir.join("store").exists() {
        join(nodes.nodes(), genesis.clone(), options, texts).await?;
    }
    let upstreams = upstreams(nodes.nodes())?;
    let config = ObserverConfig {
        name: options.name.clone(),
        genesis,
        data_dir: options.dir.clone(),
        upstreams,
        cache_bytes: options.cache_mib << 20,
    };
    let archive = options.archive.clone().map(|url| ArchiveSection { url, keep: options.keep });
    let running = Running::serve(options.http, archive, move || Node::observe(config)).await?;
    let url = format!("http://{}", running.http);
    println!("{}", texts.get("observe-runs", &[("name", &options.name), ("url", &url)]));
    run_to_the_end(running).await
}

/// The nodes from which a snapshot is had.
pub(crate) fn snapshots(urls: &[String]) -> anyhow::Result<Vec<Arc<dyn SnapshotSource>>> {
    let mut sources: Vec<Arc<dyn SnapshotSource>> = Vec::new();
    for url in urls {
        let (client, url) = (Client::new(url)?, url.clone());
        sources.push(Arc::new(HttpUpstream { client, url, runtime: tokio::runtime::Handle::current() }));
    }
    Ok(sources)
}

/// Makes the observer's store from a snapshot of the nodes.
async fn join(urls: &[String], genesis: Vec<u8>, options: &Observe, texts: &Texts) -> anyhow::Result<()> {
    let sources = snapshots(urls)?;
    let (dir, cache_bytes) = (options.dir.clone(), options.cache_mib << 20);
    let bar = backup::bar(false);
    let shown = bar.clone();
    let joined = tokio::task::spawn_blocking(move || {
        xiezhi_node::join(genesis, &dir, cache_bytes, &sources, &move |done, of| {
            shown.set_length(of);
            shown.set_position(done);
        })
    });
    let joined = joined.await?;
    bar.finish_and_clear();
    let (height, size) = joined?;
    println!("{}", texts.get("observe-joined", &[("size", &size), ("height", &height)]));
    Ok(())
}

pub(crate) fn renew(options: &Renew, texts: &Texts) -> anyhow::Result<Ending> {
    let validity = xiezhi_alliance::renew(&options.ca, &options.certificate, home::now(), None)?;
    let time = TimestampMs(validity.not_after.saturating_mul(1000)).rfc3339();
    println!("{}", texts.get("renew-done", &[("file", &options.certificate.display()), ("time", &time)]));
    Ok(Ending::Done)
}

pub(crate) async fn node(options: &NodeOptions, texts: &Texts) -> anyhow::Result<Ending> {
    let overrides = Overrides {
        data_dir: options.node_data.clone(),
        listen: options.listen.map(|address| address.to_string()),
        http: options.http.map(|address| address.to_string()),
    };
    let running = Running::start(&options.config, &overrides).await?;
    let id = running.node.institution().clone();
    println!(
        "{}",
        texts.get("node-runs", &[("institution", &id), ("url", &format!("http://{}", running.http))])
    );
    run_to_the_end(running).await
}

async fn run_to_the_end(running: Running) -> anyhow::Result<Ending> {
    let why = wait_for_end(std::slice::from_ref(&running.node)).await;
    running.stop().await;
    match why {
        None => Ok(Ending::Done),
        Some(reason) => bail!(reason),
    }
}
