//! The committed file for browsers, run in an interpreter: what it answers is what the native verifier answers, vector by vector.

use std::{fs, path::Path};

use serde_json::Value;
use wasmi::{Engine, Instance, Linker, Memory, Module, Store};

struct Browser {
    store: Store<()>,
    instance: Instance,
    memory: Memory,
}

impl Browser {
    fn new() -> Self {
        let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("built/verifier.wasm");
        let engine = Engine::default();
        let module = Module::new(&engine, &fs::read(built).unwrap()[..]).unwrap();
        assert_eq!(module.imports().count(), 0, "it asks its surroundings for nothing");
        let mut store = Store::new(&engine, ());
        let instance = Linker::new(&engine).instantiate_and_start(&mut store, &module).unwrap();
        let memory = instance.get_memory(&store, "memory").unwrap();
        Self { store, instance, memory }
    }

    fn give(&mut self, bytes: &[u8]) {
        let room = self.instance.get_typed_func::<i32, i32>(&self.store, "room").unwrap();
        let at = room.call(&mut self.store, i32::try_from(bytes.len()).unwrap()).unwrap();
        self.memory.write(&mut self.store, usize::try_from(at).unwrap(), bytes).unwrap();
    }

    fn call(&mut self, name: &str) {
        self.instance.get_typed_func::<(), ()>(&self.store, name).unwrap().call(&mut self.store, ()).unwrap();
    }

    fn number(&mut self, name: &str) -> usize {
        let function = self.instance.get_typed_func::<(), i32>(&self.store, name).unwrap();
        usize::try_from(function.call(&mut self.store, ()).unwrap()).unwrap()
    }

    fn answer(&mut self) -> String {
        let (at, len) = (self.number("answer_at"), self.number("answer_len"));
        let mut bytes = vec![0; len];
        self.memory.read(&self.store, at, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    fn judge(&mut self, certificate: &[u8], request: &Value) -> String {
        self.give(certificate);
        self.call("certificate");
        self.give(request.to_string().as_bytes());
        self.call("judge");
        self.answer()
    }
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/certificates")
}

fn vectors() -> Vec<Value> {
    let index: Value = serde_json::from_slice(&fs::read(folder().join("vectors.json")).unwrap()).unwrap();
    index["vectors"].as_array().unwrap().clone()
}

#[test]
fn vectors_get_the_verdict_of_the_native_verifier() {
    let mut browser = Browser::new();
    let mut judged = 0;
    // Interpreted, a vector takes about a second: every eighth one, unless all are asked for.
    let step = if std::env::var_os("XIEZHI_ALL_VECTORS").is_some() { 1 } else { 8 };
    // Checkpoints already known are not for a page without a memory.
    for vector in vectors().iter().filter(|vector| vector["known"].is_null()).step_by(step) {
        let certificate = fs::read(folder().join(vector["certificate"].as_str().unwrap())).unwrap();
        // The page sees by the file what it is; being asked for the other kind is for other callers.
        let is_proof = xiezhi_evidence::account::ProvenAccount::parse(&certificate).is_ok();
        if is_proof != (vector["account"] == true) {
            continue;
        }
        let anchor = &vector["anchor"];
        let request = serde_json::json!({
            "anchors": [{"ledger": anchor, "zh": "獬豸示例司法链", "en": "Xiezhi Example Judicial Chain"}],
            "exhibit": match &vector["exhibit"] {
                Value::Null => Value::Null,
                exhibit => serde_json::json!({"size": exhibit["size"], "digests": exhibit["digests"]}),
            },
            "record_only": vector["record_only"],
            "declared_time": vector["declared_time"],
        });
        let name = &vector["name"];
        assert_eq!(browser.judge(&certificate, &request), vector["verdict"].as_str().unwrap(), "{name}");
        browser.call("sentences");
        let said: Value = serde_json::from_str(&browser.answer()).unwrap();
        let checks: Value = serde_json::from_str(vector["verdict"].as_str().unwrap()).unwrap();
        let checks = checks["checks"].as_array().unwrap().len();
        assert_eq!(
            [&said["zh"], &said["en"]].map(|all| all.as_array().unwrap().len()),
            [checks; 2],
            "{name}"
        );
        judged += 1;
    }
    assert!(judged >= 200 / step, "{judged}");
}

#[test]
fn streams_genesis_files_and_hostile_requests_are_answered() {
    let mut browser = Browser::new();
    let original = fs::read(folder().join("original.txt")).unwrap();
    browser.call("hash_begin");
    for part in original.chunks(7) {
        browser.give(part);
        browser.call("hash_more");
    }
    browser.call("hash_end");
    let hashed: Value = serde_json::from_str(&browser.answer()).unwrap();
    let vector = vectors().into_iter().find(|vector| vector["exhibit"].is_object()).unwrap();
    assert_eq!(hashed["size"], original.len().to_string());
    assert_eq!(hashed["digests"], vector["exhibit"]["digests"]);

    let certificate = fs::read(folder().join(vector["certificate"].as_str().unwrap())).unwrap();
    let genesis = xiezhi_evidence::Certificate::parse(&certificate).unwrap().genesis;
    browser.give(&genesis);
    browser.call("genesis");
    let named: Value = serde_json::from_str(&browser.answer()).unwrap();
    assert_eq!(named["ledger"], vector["anchor"]);
    browser.give(&genesis[1..]);
    browser.call("genesis");
    assert!(browser.answer().contains("error"));

    // A ledger's name comes from its genesis where none is given; a stranger's ledger is unknown.
    let request = |ledger: &Value| {
        serde_json::json!({"anchors": [{"ledger": ledger}], "exhibit": hashed, "record_only": false,
            "declared_time": vector["declared_time"]})
    };
    let verdict = browser.judge(&certificate, &request(&vector["anchor"]));
    assert_eq!(verdict, vector["verdict"].as_str().unwrap());
    let stranger = browser.judge(&certificate, &request(&hex::encode([7; 32]).into()));
    assert!(stranger.contains("\"outcome\":\"unknown\""), "{stranger}");
    for hostile in [Value::Null, serde_json::json!({}), request(&"short".into())] {
        assert!(browser.judge(&certificate, &hostile).contains("error"));
    }
    assert!(browser.judge(b"", &request(&vector["anchor"])).contains("\"outcome\":\"invalid\""));
}

#[test]
fn a_bundle_gets_the_verdict_of_the_native_crate_and_says_what_it_shows() {
    use xiezhi_bundle::{Bundle, Kind, Leg, ledger_sink, sink_fields, stamp_sink};
    use xiezhi_evidence::{Body, DepositBody, Manifest};
    use xiezhi_pki::timestamp::GenTime;
    use xiezhi_verify::{
        Exhibit,
        fixtures::{self, DECLARED, Fixture, ORIGINAL, Plan},
    };

    let mut browser = Browser::new();
    let fixture = Fixture::new();
    let root = fixture.genesis.timestamp_roots[0].clone();
    let mut fields: Vec<_> = fixtures::manifest(ORIGINAL)
        .fields()
        .map(|field| (field.name.clone(), field.value.clone()))
        .collect();
    fields.extend(sink_fields(&[ledger_sink(&fixture.ledger), stamp_sink(&root)]));
    let mut salt = 0;
    let manifest = Manifest::new(fields, || {
        salt += 1;
        [salt; 16]
    })
    .unwrap();
    let body = DepositBody { manifest_root: manifest.root(), digests: Vec::new(), phase: Some(1) };
    let statement = fixture.draft(Body::Deposit(body)).sign(&[&fixture.key]).unwrap();
    let plan = Plan { statement: Some(statement), manifest: None, ..Plan::default() };
    let leg = |kind, name: &str, proof, revocations| Leg { kind, name: name.to_owned(), proof, revocations };
    let time = GenTime::from_unix_ms(fixtures::STAMPED_MS).unwrap();
    let token = fixture.authorities[0].issue_token(&manifest.root(), 5, time, None).unwrap();
    let lists = fixture.lists(&Plan::default()).split_off(1);
    let legs = vec![
        leg(Kind::Ledger, "judicial", fixture.certificate(&plan).encode(), Vec::new()),
        leg(Kind::Stamp, "tsa", token, lists),
    ];
    let whole = Bundle::new(manifest, legs);
    let count = whole.manifest.fields().count() as u64;
    let anchor = fixture.anchor();
    for bundle in [whole.encode(), whole.disclose(&[]).encode()] {
        for (is_trusted, outcome) in [(true, "valid"), (false, "unknown")] {
            let trusted = usize::from(is_trusted);
            let native = xiezhi_bundle::verify(&xiezhi_bundle::Input {
                bundle: &bundle,
                anchors: &std::slice::from_ref(&anchor)[..trusted],
                stamp_roots: &std::slice::from_ref(&root)[..trusted],
                exhibit: &Exhibit::None,
                record_only: true,
                declared_time: DECLARED,
            });
            let ledger = serde_json::json!({"ledger": anchor.ledger.to_string()});
            let request = serde_json::json!({
                "anchors": &[ledger][..trusted], "exhibit": null, "record_only": true,
                "declared_time": DECLARED.0.to_string(), "stamp_roots": &[hex::encode(&root)][..trusted],
            });
            let mut said: Value = serde_json::from_str(&browser.judge(&bundle, &request)).unwrap();
            let shown = said["fields"].as_array().unwrap().len() as u64;
            assert_eq!(shown + said["closed"].as_u64().unwrap(), count);
            let against = said["legs"][0]["against"].as_array().unwrap();
            assert_eq!(against.is_empty(), is_trusted, "{against:?}");
            said.as_object_mut().unwrap().retain(|name, _| name != "fields" && name != "closed");
            for leg in said["legs"].as_array_mut().unwrap() {
                leg.as_object_mut().unwrap().remove("against");
            }
            assert_eq!(said, native.to_json());
            assert_eq!(said["outcome"], outcome, "{said:#}");
        }
    }
    // Roots that are none are named.
    let request = serde_json::json!({"anchors": [], "exhibit": null, "record_only": true, "declared_time": "1", "stamp_roots": ["00"]});
    assert!(browser.judge(&whole.encode(), &request).contains("stamp_roots"));
}
