//! Four nodes of one alliance, each behind the API, in a thread of their own; started once for all tests.

pub(crate) mod witness;

use std::{
    io::Write as _,
    net::{SocketAddr, TcpListener},
    sync::{LazyLock, mpsc},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http_body_util::{BodyExt as _, Full};
use hyper_util::{client::legacy::Client as Http, rt::TokioExecutor};
use xiezhi_alliance::{Founding, Overrides, found, load};
use xiezhi_api::{ApiConfig, router};
use xiezhi_client::{Client, Wait};
use xiezhi_crypto::{DigestAlg, SignatureAlg, SigningKey};
use xiezhi_evidence::{AccountSpec, BatchBody, BatchItem, Body, DepositBody, StatementDraft};
use xiezhi_merkle::{Frontier, Sha256};
use xiezhi_node::Node;
use xiezhi_types::{AccountId, GroupId, LedgerId, TimestampMs};

pub(crate) struct Alliance {
    pub(crate) urls: Vec<String>,
    ledger: LedgerId,
}

impl Alliance {
    pub(crate) fn client(&self) -> Client {
        self.client_of(0)
    }

    pub(crate) fn client_of(&self, node: usize) -> Client {
        Client::new(&self.urls[node]).unwrap()
    }
}

pub(crate) fn alliance() -> &'static Alliance {
    static ALLIANCE: LazyLock<Alliance> = LazyLock::new(start);
    &ALLIANCE
}

/// Says what was not tested, past the capture of a passing test's output.
pub(crate) fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "\nSKIPPED: {why}");
}

pub(crate) fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// A base port whose consensus ports are free at this moment.
fn free_ports() -> u16 {
    // Below the range from which the system takes ports for outgoing connections.
    let first = 20_000 + u16::try_from(std::process::id() % 7_000).unwrap();
    let free = |base: &u16| (100..110).all(|at| TcpListener::bind(("127.0.0.1", base + at)).is_ok());
    (first..first + 5_000).step_by(200).find(free).expect("some ports are free")
}

fn start() -> Alliance {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let dir = tempfile::tempdir().unwrap();
            let founding = Founding {
                dir: dir.path().join("alliance"),
                institutions: 4,
                base_port: free_ports(),
                host: "127.0.0.1".to_owned(),
                now: TimestampMs(now_ms()),
                limits: xiezhi_evidence::Limits::default(),
            };
            let (layout, ledger) = found(&founding).unwrap();
            let mut urls = Vec::new();
            for file in layout.node_files().unwrap() {
                let (config, _) = load(&file, &Overrides::default(), Vec::new()).unwrap();
                let node = Node::start(config).unwrap();
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                urls.push(format!("http://{}", listener.local_addr().unwrap()));
                let service =
                    router(node, ApiConfig::default()).into_make_service_with_connect_info::<SocketAddr>();
                tokio::spawn(async move { axum::serve(listener, service).await });
            }
            sender.send(Alliance { urls, ledger }).unwrap();
            std::future::pending::<()>().await;
            drop(dir);
        });
    });
    receiver.recv_timeout(Duration::from_secs(120)).unwrap()
}

/// An account with one key.
pub(crate) struct Depositor {
    pub(crate) id: AccountId,
    key: SigningKey,
    spec: AccountSpec,
    created_ms: u64,
}

impl Depositor {
    /// An account that the ledger does not know.
    pub(crate) fn unknown(seed: u8) -> Self {
        let key = SigningKey::from_seed(SignatureAlg::Ed25519, &[seed; 32]).unwrap();
        let spec = AccountSpec::single([seed; 16], key.public_key());
        Self { id: spec.id(), key, spec, created_ms: now_ms() }
    }

    /// An account on the ledger.
    pub(crate) async fn new(seed: u8) -> Self {
        let depositor = Self::unknown(seed);
        let wait = Wait::Recorded(Duration::from_secs(60));
        let created = alliance().client().deposit(depositor.creation(), wait).await.unwrap();
        assert!(!created.known);
        depositor
    }

    fn sign(&self, issued_ms: u64, group: Option<[u8; 16]>, body: Body) -> Vec<u8> {
        let draft = StatementDraft {
            issuer: self.id,
            ledger: alliance().ledger,
            issued_at: TimestampMs(issued_ms),
            group: group.map(GroupId),
            body,
        };
        draft.sign(&[&self.key]).unwrap().as_bytes().to_vec()
    }

    /// The statement that creates the account.
    pub(crate) fn creation(&self) -> Vec<u8> {
        self.sign(self.created_ms, None, Body::Account(self.spec.clone()))
    }

    /// Another statement that would create it.
    pub(crate) fn creation_again(&self) -> Vec<u8> {
        self.sign(self.created_ms - 5_000, None, Body::Account(self.spec.clone()))
    }

    pub(crate) fn deposit(&self, original: &[u8], group: Option<[u8; 16]>) -> Vec<u8> {
        let body = DepositBody {
            manifest_root: [0; 32],
            digests: vec![DigestAlg::Sha256.digest(original)],
            phase: group.map(|_| u32::from(original[0])),
        };
        self.sign(now_ms(), group, Body::Deposit(body))
    }

    pub(crate) fn deposit_at(&self, original: &[u8], issued_ms: u64) -> Vec<u8> {
        let digests = vec![DigestAlg::Sha256.digest(original)];
        self.sign(
            issued_ms,
            None,
            Body::Deposit(DepositBody { manifest_root: [0; 32], digests, phase: None }),
        )
    }

    pub(crate) fn batch(&self, originals: &[Vec<u8>]) -> (Vec<u8>, Vec<Vec<u8>>) {
        let item = |original: &Vec<u8>| {
            let digests = vec![DigestAlg::Sha256.digest(original)];
            xiezhi_types::canonical(&BatchItem { manifest_root: [1; 32], digests })
        };
        let items: Vec<_> = originals.iter().map(item).collect();
        let mut frontier = Frontier::<Sha256>::new();
        items.iter().for_each(|item| {
            frontier.append(BatchItem::leaf(item));
        });
        let body = BatchBody { items_root: frontier.root(), items: u32::try_from(items.len()).unwrap() };
        (self.sign(now_ms(), None, Body::Batch(body)), items)
    }
}

/// An answer as it came.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// One request to any server.
pub(crate) async fn send(method: &str, url: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    let http: Http<_, Full<bytes::Bytes>> = Http::builder(TokioExecutor::new()).build_http();
    let mut request = http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (parts, body) = http.request(request.body(Full::from(body)).unwrap()).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes().into();
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}

pub(crate) async fn get(target: &str, headers: &[(&str, &str)]) -> Answer {
    send("GET", &format!("{}{target}", alliance().urls[0]), headers, Vec::new()).await
}

pub(crate) async fn post(target: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    send("POST", &format!("{}{target}", alliance().urls[0]), headers, body).await
}
