//! What a vault does by schedule: heads and reports go on the ledger, originals are audited, an alarm is sounded.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::bail;
use http::{HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::json;
use xiezhi_client::Client;
use xiezhi_vault::{Audited, Finding, Service};

use crate::{evidence::webhook_key, home, texts::Texts};

/// Most exhibits that an alarm names.
const NAMED_MAX: usize = 100;

/// Where alarms are posted, signed as webhooks are.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Alarm {
    /// The address.
    url: String,
    /// File of the Ed25519 key; made if it is not there.
    pub(super) key: PathBuf,
}

pub(super) async fn keep_publishing(service: Arc<Service>, every_s: u64) {
    loop {
        tokio::time::sleep(Duration::from_secs(every_s.max(1))).await;
        if let Err(error) = service.publish().await {
            tracing::warn!(%error, "the vault's log and reports are not on the ledger yet");
        }
    }
}

pub(super) async fn keep_auditing(service: Arc<Service>, every_s: u64, alarm: Option<Alarm>) {
    loop {
        tokio::time::sleep(Duration::from_secs(every_s.max(1))).await;
        if let Err(error) = audit(&service, alarm.as_ref()).await {
            tracing::error!(error = format!("{error:#}"), "the audit cannot be done");
        }
    }
}

/// Audits every original, puts the report on the ledger, and sounds the alarm when one is lost or damaged.
pub(super) async fn audit(service: &Service, alarm: Option<&Alarm>) -> anyhow::Result<Vec<Audited>> {
    let found = service.audit().await?;
    if let Err(error) = service.publish().await {
        tracing::warn!(%error, "the report is not on the ledger yet");
    }
    if let Some(alarm) = alarm.filter(|_| found.iter().any(|one| one.finding != Finding::Well))
        && let Err(error) = sound(alarm, &found).await
    {
        tracing::error!(error = format!("{error:#}"), "nobody took the alarm");
    }
    Ok(found)
}

/// Prints what was found of originals.
///
/// # Errors
/// When one of them is lost or damaged.
pub(super) fn tell(found: &[Audited], json: bool, texts: &Texts) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(found)?);
    } else {
        for one in found {
            let finding = texts.get(&format!("vault-finding-{}", one.finding), &[]);
            println!("{}  {finding}", one.exhibit);
        }
    }
    if found.iter().any(|one| one.finding != Finding::Well) {
        bail!(texts.get("vault-unwell", &[]));
    }
    Ok(())
}

async fn sound(alarm: &Alarm, found: &[Audited]) -> anyhow::Result<()> {
    let named = |finding| -> Vec<&str> {
        let all = found.iter().filter(|one| one.finding == finding);
        all.map(|one| one.exhibit.as_str()).take(NAMED_MAX).collect()
    };
    let now = home::now();
    let data = json!({ "lost": named(Finding::Lost), "damaged": named(Finding::Damaged) });
    let body = json!({ "type": "originals.unwell", "timestamp": now.rfc3339(), "data": data }).to_string();
    let id = format!("msg_{}", hex::encode(home::random::<16>()?));
    let signature = xiezhi_service::signature(&webhook_key(&alarm.key)?, &id, now.seconds(), &body);
    let headers = [
        ("webhook-id", id),
        ("webhook-timestamp", now.seconds().to_string()),
        ("webhook-signature", signature),
    ];
    let headers = headers
        .into_iter()
        .map(|(name, value)| Ok((HeaderName::from_static(name), HeaderValue::from_str(&value)?)))
        .collect::<anyhow::Result<_>>()?;
    Ok(Client::new(&alarm.url)?.post_here(headers, body).await?)
}
