//! The text of a checkpoint.
//!
//! ```text
//! example.com/behind-the-sofa                      origin
//! 20852163                                         size, decimal without leading zeroes
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=     root, base64
//! <extension line>*                                opaque, not empty
//! ```
//!
//! C2SP tlog-checkpoint, "Note text".

use std::fmt;
use std::str::FromStr;

use crate::base64;

#[cfg(test)]
mod tests;

/// The root of a tree, 32 bytes of SHA-256.
pub type RootHash = [u8; 32];

/// What a log says when it signs: this is my root at this size.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CheckpointBody {
    origin: String,
    size: u64,
    root: RootHash,
    extensions: Vec<String>,
}

/// Why values or a text do not make a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// Every line ends in a newline, the last one too, and there are at least three.
    #[error("a checkpoint has an origin, a size and a root, each on a line")]
    MissingLine,
    /// A line is empty or has a control character; lines count from 1.
    #[error("line {line} of the checkpoint is empty or has a control character")]
    BadLine {
        /// The line, from 1.
        line: usize,
    },
    /// The size is not a decimal number of 64 bits without leading zeroes.
    #[error("the size of the checkpoint is not a decimal number")]
    BadSize,
    /// The root is not the base64 of 32 bytes.
    #[error("the root of the checkpoint is not 32 bytes in base64")]
    BadRoot,
}

impl CheckpointBody {
    /// Makes the body of a checkpoint.
    ///
    /// # Errors
    /// [`CheckpointError::BadLine`] when `origin` or an extension cannot be a line.
    pub fn new(
        origin: impl Into<String>,
        size: u64,
        root: RootHash,
        extensions: Vec<String>,
    ) -> Result<Self, CheckpointError> {
        let body = Self { origin: origin.into(), size, root, extensions };
        let extensions = body.extensions.iter().enumerate().map(|(at, line)| (at + 4, line));
        for (line, text) in [(1, &body.origin)].into_iter().chain(extensions) {
            if text.is_empty() || text.contains(|c: char| c < ' ') {
                return Err(CheckpointError::BadLine { line });
            }
        }
        Ok(body)
    }

    /// Returns the name of the log.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Returns the number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the root of the tree of that size.
    pub fn root(&self) -> &RootHash {
        &self.root
    }

    /// Returns the further lines. Witnesses vouch for none of them.
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }
}

impl fmt::Display for CheckpointBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.origin, self.size, base64::encode(&self.root))?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl FromStr for CheckpointBody {
    type Err = CheckpointError;

    /// Reads the text of a note, its last newline included. The caller bounds its length, as
    /// [`SignedNote::from_bytes`](crate::SignedNote::from_bytes) does.
    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let text = text.strip_suffix('\n').ok_or(CheckpointError::MissingLine)?;
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(CheckpointError::MissingLine);
        };
        let number: u64 = size.parse().map_err(|_| CheckpointError::BadSize)?;
        if number.to_string() != size {
            return Err(CheckpointError::BadSize);
        }
        let root =
            base64::decode(root).and_then(|root| root.try_into().ok()).ok_or(CheckpointError::BadRoot)?;
        Self::new(origin, number, root, lines.map(String::from).collect())
    }
}
