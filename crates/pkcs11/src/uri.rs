//! Names of keys in tokens: RFC 7512, as much of it as names one key.

use std::{fmt, path::PathBuf, str::FromStr};

/// Longest URI that is read, in bytes.
const URI_BYTES_MAX: usize = 1024;

/// A key in a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUri {
    /// The token's label.
    pub token: String,
    /// The key's label.
    pub object: String,
    /// The module's library.
    pub module: PathBuf,
}

/// Why a text names no key in a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a PKCS#11 URI: {reason}; pkcs11:token=NAME;object=LABEL?module-path=/PATH is needed")]
pub struct UriError {
    /// What is wrong.
    pub reason: String,
}

impl KeyUri {
    /// Whether `text` claims to be such a name.
    #[must_use]
    pub fn is_one(text: &str) -> bool {
        text.trim_start().starts_with("pkcs11:")
    }
}

impl FromStr for KeyUri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        let wrong = |reason: &str| UriError { reason: reason.to_owned() };
        if text.len() > URI_BYTES_MAX {
            return Err(wrong("longer than 1024 bytes"));
        }
        let rest = text.trim().strip_prefix("pkcs11:").ok_or_else(|| wrong("another scheme"))?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (mut token, mut object, mut module) = (None, None, None);
        let parts =
            path.split(';').map(|part| (false, part)).chain(query.split('&').map(|part| (true, part)));
        for (in_query, part) in parts.filter(|(_, part)| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| wrong("an attribute without a value"))?;
            let place = match (in_query, name) {
                (false, "token") => &mut token,
                (false, "object") => &mut object,
                (true, "module-path") => &mut module,
                // They could only exclude a key that the others name: what is not looked at must not be believed to be.
                _ => return Err(UriError { reason: format!("the attribute {name:?} is not known here") }),
            };
            let value = decoded(value).ok_or_else(|| wrong("a value that is not percent-encoded UTF-8"))?;
            if value.is_empty() || place.replace(value).is_some() {
                return Err(UriError { reason: format!("{name} is empty or there twice") });
            }
        }
        let missing = |name: &str| UriError { reason: format!("{name} is missing") };
        Ok(Self {
            token: token.ok_or_else(|| missing("token"))?,
            object: object.ok_or_else(|| missing("object"))?,
            module: module.ok_or_else(|| missing("module-path"))?.into(),
        })
    }
}

impl fmt::Display for KeyUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (token, object) = (encoded(&self.token), encoded(&self.object));
        write!(
            f,
            "pkcs11:token={token};object={object}?module-path={}",
            encoded(&self.module.to_string_lossy())
        )
    }
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                let digit = |byte: u8| char::from(byte).to_digit(16);
                u8::try_from(digit(digits[0])? * 16 + digit(digits[1])?).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
