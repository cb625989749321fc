//! Copying all originals to another place, as they lie: sealed, unopened.

use super::{
    Audited, Finding, Kept, Vault, VaultError,
    originals::{Originals, PART_SEGMENTS},
};

impl Vault {
    /// Copies every original to `other`, also what there is of uploads, each part read back; what is there already is compared only, so that it goes on
    /// after a break. Gives which there are, and which cannot be copied because they are not whole here.
    ///
    /// Meanwhile nobody may write to this vault: an upload would be cut off at the other place.
    ///
    /// # Errors
    /// [`VaultError::Place`] where `other` is another vault's; [`VaultError::Store`], [`VaultError::Disk`].
    pub async fn copy_to(&self, other: &Originals) -> Result<Vec<Audited>, VaultError> {
        other.claim(&self.anchor.ledger.to_string(), true).await?;
        let sql = "SELECT id FROM vault_exhibits WHERE state IN ('whole', 'uploading') AND id > $1 ORDER BY id LIMIT 100";
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let rows = self.database.query(sql, vec![after.as_str().into()]).await?;
            if rows.is_empty() {
                return Ok(found);
            }
            for row in rows {
                after = row.text(0)?.to_owned();
                let row = self.row(&after).await?;
                found.push(Audited { finding: self.copy(&row, other).await?, exhibit: row.id });
            }
        }
    }

    async fn copy(&self, row: &Kept, other: &Originals) -> Result<Finding, VaultError> {
        for first in (0..row.segments).step_by(PART_SEGMENTS as usize) {
            let until = row.segments.min(first + PART_SEGMENTS);
            let here = match self.originals.read(&row.id, row.size, row.segments, first..until).await? {
                Ok(here) => here,
                Err(finding) => return Ok(finding),
            };
            let there = async || other.read(&row.id, row.size, until, first..until).await;
            if there().await?.is_ok_and(|there| there == here) {
                continue;
            }
            let mut writer = other.append(&row.id, row.size, first).await?;
            writer.write(&here).await?;
            writer.keep().await?;
            if there().await? != Ok(here) {
                return Err(VaultError::Place { rule: "what was copied there reads back as something else" });
            }
        }
        Ok(Finding::Well)
    }
}
