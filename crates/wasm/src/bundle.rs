//! Bundles: the verdict of the `bundle` crate, with what its readers are shown beside it.

use serde_json::{Value as Json, json};
use xiezhi_bundle::{Bundle, BundleVerdict, Input, Kind, verify};
use xiezhi_evidence::{Certificate, Genesis, LocalName, Value};
use xiezhi_pki::X509Certificate;
use xiezhi_types::LedgerId;
use xiezhi_verify::{Lang, Status};

use crate::{Request, deposit::bytes};

/// The ledgers whose certificates are in the bundle, by their own names.
fn named(bundle: &Bundle) -> Vec<(LedgerId, LocalName)> {
    let ledgers = bundle.legs.iter().filter(|leg| leg.kind == Kind::Ledger);
    let genesis = |leg: &xiezhi_bundle::Leg| {
        let genesis = Certificate::parse(&leg.proof).ok()?.genesis;
        Some((Genesis::ledger_id(&genesis), Genesis::parse(&genesis).ok()?.name))
    };
    ledgers.filter_map(genesis).collect()
}

/// A root's certificate (DER) from a file of it, DER or PEM.
fn root(text: &str) -> Result<Vec<u8>, String> {
    let file = bytes("stamp_roots", text)?;
    let read = X509Certificate::from_der(&file)
        .or_else(|_| X509Certificate::from_pem(&String::from_utf8_lossy(&file)));
    read.map(|root| root.der().to_vec()).map_err(|error| format!("the request: stamp_roots: {error}"))
}

/// The verdict as `xiezhi evidence verify --json` prints it; beside it `fields`, the fields shown as pairs of name and text, `closed`, how many are
/// not, and in each leg `against`, the checks that keep it from being valid, in both languages.
pub(crate) fn judged(bundle: &[u8], request: &Request) -> Result<Json, String> {
    let parsed = Bundle::parse(bundle).ok();
    let own = parsed.as_ref().map(named).unwrap_or_default();
    let roots = request.stamp_roots.iter().map(|text| root(text)).collect::<Result<Vec<_>, _>>()?;
    let verdict = verify(&Input {
        bundle,
        anchors: &request.anchors(&own)?,
        stamp_roots: &roots,
        exhibit: &request.exhibit()?,
        record_only: request.record_only,
        declared_time: request.declared_time()?,
    });
    let mut said = verdict.to_json();
    for (at, against) in against(&verdict).into_iter().enumerate() {
        said["legs"][at]["against"] = against;
    }
    if let Some(Bundle { manifest, .. }) = parsed {
        let fields: Vec<_> = manifest.fields().map(|field| json!([field.name, text(&field.value)])).collect();
        said["closed"] = json!(manifest.entries().len() - fields.len());
        said["fields"] = fields.into();
    }
    Ok(said)
}

fn against(verdict: &BundleVerdict) -> Vec<Json> {
    let checks = |leg: &xiezhi_bundle::LegVerdict| {
        let all = leg.verdict.iter().flat_map(|verdict| &verdict.checks);
        let open = all.filter(|check| check.counts && check.status != Status::Pass);
        open.map(|check| {
            json!({ "status": check.status, "zh": check.sentence(Lang::Zh), "en": check.sentence(Lang::En) })
        })
        .collect()
    };
    verdict.legs.iter().map(checks).collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bytes(bytes) => hex::encode(bytes),
        Value::Digest(digest) => digest.to_string(),
    }
}
