//! Audits: every original is read back and compared with its record; what was found is reported under a root that goes on the ledger.

use serde::Serialize;
use utoipa::ToSchema;
use xiezhi_crypto::{Digest, DigestAlg, DigestHasher};
use xiezhi_merkle::{Hash, Sha256, Tree, TreeHash as _};
use xiezhi_types::{AccountId, TimestampMs};
use xiezhi_vault_log::AuditProof;

use super::{
    Audited, Finding, Vault, VaultError,
    originals::{Originals, PART_SEGMENTS},
    signed, unsigned,
};
use crate::{
    entry::tree,
    envelope::{Envelope, OVERHEAD_BYTES, segments},
};

/// Most audits of an answer.
const AUDITS_MAX: i64 = 10;

/// What the last audit found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AuditSummary {
    /// When it began; RFC 3339.
    pub time: String,
    /// Originals that were read back.
    pub originals: u64,
    /// Those that are not there.
    pub lost: u64,
    /// Those that are not what was recorded.
    pub damaged: u64,
}

/// What a report says; its SHA-256 is the digest of a deposit by the vault's account.
fn report(vault: &AccountId, time: TimestampMs, counts: [u64; 3], root: &Hash) -> String {
    let [originals, lost, damaged] = counts;
    let (time, root) = (time.rfc3339(), hex::encode(root));
    format!("xiezhi vault audit v1\n{vault}\n{time}\n{originals} {lost} {damaged}\n{root}\n")
}

impl Vault {
    /// Reads every original back and compares it with its record.
    ///
    /// # Errors
    /// [`VaultError`] when the audit itself cannot be done.
    pub async fn audit(&self, now: TimestampMs) -> Result<Vec<Audited>, VaultError> {
        let mut found = Vec::new();
        let mut after = String::new();
        loop {
            let sql = "SELECT id FROM vault_exhibits WHERE state = 'whole' AND id > $1 ORDER BY id LIMIT 100";
            let rows = self.database.query(sql, vec![after.as_str().into()]).await?;
            if rows.is_empty() {
                return Ok(found);
            }
            for row in rows {
                after = row.text(0)?.to_owned();
                let row = self.row(&after).await?;
                let finding = match self.compare(&row, now).await {
                    Ok((finding, ..)) => finding,
                    // Erased meanwhile.
                    Err(VaultError::Erased) => continue,
                    Err(VaultError::Keys(_)) => Finding::Lost,
                    Err(error) => return Err(error),
                };
                found.push(Audited { exhibit: row.id, finding });
            }
        }
    }

    /// Keeps what an audit that began at `now` found, in the order of the exhibits' ids.
    ///
    /// # Errors
    /// [`VaultError::Database`].
    pub async fn keep_audit(
        &self,
        vault: &AccountId,
        found: &[Audited],
        now: TimestampMs,
    ) -> Result<(), VaultError> {
        let lines: Vec<_> = found.iter().map(|one| format!("{} {}", one.exhibit, one.finding)).collect();
        let count = |finding| found.iter().filter(|one| one.finding == finding).count() as u64;
        let counts = [found.len() as u64, count(Finding::Lost), count(Finding::Damaged)];
        let report = report(vault, now, counts, &tree(lines.iter().map(String::as_bytes)).root());
        let sql = "INSERT INTO vault_audits (number, time_ms, originals, lost, damaged, lines, report) \
            SELECT COALESCE(MAX(number), 0) + 1, $1, $2, $3, $4, $5, $6 FROM vault_audits";
        let [originals, lost, damaged] = counts.map(|count| signed(count).into());
        let (lines, report) = (lines.join("\n").into_bytes().into(), report.into_bytes().into());
        self.database
            .execute(sql, vec![signed(now.0).into(), originals, lost, damaged, lines, report])
            .await?;
        Ok(())
    }

    /// Reports that are not on the ledger yet, by their numbers.
    ///
    /// # Errors
    /// [`VaultError::Database`].
    pub async fn unsealed_audits(&self) -> Result<Vec<(i64, Vec<u8>)>, VaultError> {
        let sql =
            "SELECT number, report FROM vault_audits WHERE certificate IS NULL ORDER BY number LIMIT 100";
        let rows = self.database.query(sql, Vec::new()).await?;
        rows.iter().map(|row| Ok((row.int(0)?, row.bytes(1)?.to_vec()))).collect()
    }

    /// Keeps the certificate of a report that is on the ledger.
    ///
    /// # Errors
    /// [`VaultError::Database`].
    pub async fn seal_audit(&self, number: i64, certificate: &[u8]) -> Result<(), VaultError> {
        let sql = "UPDATE vault_audits SET certificate = $1 WHERE number = $2";
        self.database.execute(sql, vec![certificate.into(), number.into()]).await?;
        Ok(())
    }

    /// What the last audit found, if there was one.
    ///
    /// # Errors
    /// [`VaultError::Database`].
    pub async fn last_audit(&self) -> Result<Option<AuditSummary>, VaultError> {
        let sql = "SELECT time_ms, originals, lost, damaged FROM vault_audits ORDER BY number DESC LIMIT 1";
        let rows = self.database.query(sql, Vec::new()).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(AuditSummary {
            time: TimestampMs(unsigned(row.int(0)?)).rfc3339(),
            originals: unsigned(row.int(1)?),
            lost: unsigned(row.int(2)?),
            damaged: unsigned(row.int(3)?),
        }))
    }

    /// What the last audits found of `id`, the newest first; for its owner.
    ///
    /// # Errors
    /// [`VaultError::NotFound`].
    pub async fn audits(&self, owner: &AccountId, id: &str) -> Result<Vec<AuditProof>, VaultError> {
        self.owned(id, owner).await?;
        let sql = "SELECT lines, report, certificate FROM vault_audits ORDER BY number DESC LIMIT $1";
        let mut found = Vec::new();
        for row in self.database.query(sql, vec![AUDITS_MAX.into()]).await? {
            let lines: Vec<&[u8]> = row.bytes(0)?.split(|byte| *byte == b'\n').collect();
            let Some(at) = lines.iter().position(|line| line.starts_with(id.as_bytes())) else { continue };
            let tree = tree(lines.iter().copied());
            let path = tree.inclusion(at as u64).ok_or(VaultError::Internal("a line without a path"))?;
            found.push(AuditProof {
                leaf: String::from_utf8_lossy(lines[at]).into_owned(),
                position: at as u64,
                size: lines.len() as u64,
                path: path.iter().map(hex::encode).collect(),
                report: String::from_utf8_lossy(row.bytes(1)?).into_owned(),
                certificate: row.optional_bytes(2)?.map(hex::encode),
            });
        }
        Ok(found)
    }
}

/// The digests of the original `id`, and the root over its sealed segments. Blocks.
pub(super) fn read_back(
    originals: &Originals,
    id: &str,
    envelope: &Envelope,
    size: u64,
) -> Result<Result<(Vec<Digest>, Hash), Finding>, VaultError> {
    let mut hasher = DigestHasher::new(&DigestAlg::ALL);
    let mut is_damaged = false;
    let leaves = each_segment(originals, id, envelope, size, |number, sealed| {
        match envelope.open(number, sealed) {
            Ok(plain) => hasher.update(&plain),
            Err(_) => is_damaged = true,
        }
        !is_damaged
    })?;
    Ok(match leaves {
        Ok(_) if is_damaged => Err(Finding::Damaged),
        Ok(leaves) => Ok((hasher.finish().1, Tree::<Sha256>::new(&leaves).root())),
        Err(finding) => Err(finding),
    })
}

/// The leaf hashes of the sealed segments of `id`, in their order; `look` sees each, until it says no. Blocks: for a thread that a runtime made for it.
pub(super) fn each_segment(
    originals: &Originals,
    id: &str,
    envelope: &Envelope,
    size: u64,
    mut look: impl FnMut(u64, &[u8]) -> bool,
) -> Result<Result<Vec<Hash>, Finding>, VaultError> {
    let runtime = tokio::runtime::Handle::current();
    let total = segments(size);
    let mut leaves = Vec::new();
    for part in 0..total.div_ceil(PART_SEGMENTS) {
        let numbers = part * PART_SEGMENTS..total.min((part + 1) * PART_SEGMENTS);
        let read = match runtime.block_on(originals.read(id, size, total, numbers.clone()))? {
            Ok(read) => read,
            Err(finding) => return Ok(Err(finding)),
        };
        let mut left = &read[..];
        for number in numbers {
            let (sealed, more) = left.split_at(envelope.plain_bytes(number) + OVERHEAD_BYTES);
            left = more;
            leaves.push(Sha256::leaf(sealed));
            if !look(number, sealed) {
                return Ok(Ok(leaves));
            }
        }
    }
    Ok(Ok(leaves))
}
