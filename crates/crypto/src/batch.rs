//! Many signatures at once: Ed25519 in one equation, the other suites one by one.

use rand_core::{TryCryptoRng, TryRng};

use crate::{
    digest::sha256_parts,
    keys::{PublicKey, SignatureAlg},
};

/// One signature to check.
#[derive(Debug, Clone, Copy)]
pub struct BatchItem<'a> {
    /// The key that is said to have signed.
    pub key: &'a PublicKey,
    /// What was signed.
    pub message: &'a [u8],
    /// The signature's bytes.
    pub signature: &'a [u8],
}

/// Says of each item whether its signature holds; the same answers as [`PublicKey::verify`] gives, for less.
///
/// `entropy` must be unpredictable to whoever chose the items: with known entropy, false signatures that cancel out can be made. When the
/// joint equation fails, the Ed25519 items are checked one by one, so a sender of bad signatures costs no more than without batching plus
/// one batch.
#[must_use]
pub fn verify_all(items: &[BatchItem<'_>], entropy: [u8; 32]) -> Vec<bool> {
    let mut joint = ed25519_zebra::batch::Verifier::new();
    let mut queued = 0;
    let mut singles = Vec::new();
    for (at, item) in items.iter().enumerate() {
        match (
            item.key.alg(),
            <[u8; 32]>::try_from(item.key.as_bytes()),
            <[u8; 64]>::try_from(item.signature),
        ) {
            (SignatureAlg::Ed25519, Ok(key), Ok(signature)) => {
                let key: ed25519_zebra::VerificationKeyBytes = key.into();
                joint.queue((key, signature.into(), item.message));
                queued += 1;
            }
            _ => singles.push(at),
        }
    }
    if queued > 1 && joint.verify(Stream { entropy, block: 0, used: 32, buffer: [0; 32] }).is_ok() {
        let mut answers = vec![true; items.len()];
        for at in singles {
            answers[at] = holds(&items[at]);
        }
        return answers;
    }
    items.iter().map(holds).collect()
}

fn holds(item: &BatchItem<'_>) -> bool {
    item.key.verify(item.message, item.signature).is_ok()
}

/// SHA-256 in counter mode over the caller's entropy.
struct Stream {
    entropy: [u8; 32],
    block: u64,
    used: usize,
    buffer: [u8; 32],
}

impl TryRng for Stream {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        for byte in out {
            if self.used == self.buffer.len() {
                self.buffer = sha256_parts(&[&self.entropy, &self.block.to_le_bytes()]);
                self.block += 1;
                self.used = 0;
            }
            *byte = self.buffer[self.used];
            self.used += 1;
        }
        Ok(())
    }
}

impl TryCryptoRng for Stream {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::SigningKey;

    #[test]
    fn a_batch_answers_item_by_item_whatever_is_wrong_in_it() {
        let keys: Vec<SigningKey> = (1..=9u8)
            .map(|i| SigningKey::from_seed(SignatureAlg::ALL[usize::from(i) % 3], &[i; 32]).unwrap())
            .collect();
        let public: Vec<_> = keys.iter().map(SigningKey::public_key).collect();
        let signatures: Vec<_> = keys.iter().map(|k| k.sign(b"message").to_vec()).collect();
        for wrong in (0..9).map(Some).chain([None]) {
            let items: Vec<_> = (0..9)
                .map(|i| BatchItem {
                    key: &public[i],
                    message: if Some(i) == wrong { b"other" } else { b"message" },
                    signature: &signatures[i],
                })
                .collect();
            let answers = verify_all(&items, [3; 32]);
            for (i, answer) in answers.into_iter().enumerate() {
                assert_eq!(answer, Some(i) != wrong);
            }
        }
        let short = BatchItem { key: &public[2], message: b"message", signature: &[0; 10] };
        assert_eq!(verify_all(&[short], [0; 32]), [false]);
        assert!(verify_all(&[], [0; 32]).is_empty());
    }
}
