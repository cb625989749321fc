//! Files that are compiled in: style, scripts, the mark, the verifier. Their addresses change with their content, so that browsers keep them.

use std::{io::Write as _, sync::LazyLock};

use axum::{
    extract::Path,
    response::{IntoResponse as _, Response},
};
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, header};

use crate::{offline, page::Trouble};

struct Asset {
    name: &'static str,
    media_type: &'static str,
    content: Vec<u8>,
    compressed: Vec<u8>,
    version: String,
}

static ASSETS: LazyLock<[Asset; 12]> = LazyLock::new(|| {
    let asset = |name, media_type, content: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        // Into memory: never fails.
        let _ = encoder.write_all(content);
        let compressed = encoder.finish().unwrap_or_default();
        let version = hex::encode(&xiezhi_crypto::sha256(content)[..6]);
        Asset { name, media_type, content: content.to_vec(), compressed, version }
    };
    /// The offline page's style, so that both look the same, then what only these pages have.
    const STYLE: &str =
        concat!(include_str!("../../wasm/page/style.css"), include_str!("../assets/site.css"));
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    [
        asset("site.css", "text/css; charset=utf-8", STYLE.as_bytes()),
        asset("site.js", SCRIPT, include_bytes!("../assets/site.js")),
        asset("verify.js", SCRIPT, offline::VERIFY.as_bytes()),
        asset("deposit.js", SCRIPT, offline::DEPOSIT.as_bytes()),
        asset("mine.js", SCRIPT, offline::MINE.as_bytes()),
        asset("start.js", SCRIPT, offline::START.as_bytes()),
        asset("consistency.js", SCRIPT, offline::CONSISTENCY.as_bytes()),
        asset("bind.js", SCRIPT, offline::BIND.as_bytes()),
        asset("entry.js", SCRIPT, offline::ENTRY.as_bytes()),
        asset("passkey.js", SCRIPT, include_bytes!("../assets/passkey.js")),
        asset("mark.svg", "image/svg+xml", include_bytes!("../assets/mark.svg")),
        asset("verifier.wasm", "application/wasm", offline::VERIFIER),
    ]
});

/// The address of the file `name`.
pub(crate) fn address(name: &str) -> String {
    let version = ASSETS.iter().find(|asset| asset.name == name).map(|asset| asset.version.as_str());
    format!("/static/{name}?v={}", version.unwrap_or_default())
}

pub(crate) async fn get_asset(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Trouble> {
    let asset = ASSETS.iter().find(|asset| asset.name == name).ok_or(Trouble::NotFound)?;
    let accepted =
        headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kept = [
        (header::CONTENT_TYPE, asset.media_type),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::VARY, "accept-encoding"),
    ];
    // As bodies of known, fixed length; they live as long as the program.
    Ok(if accepted.split(',').any(|encoding| encoding.trim().starts_with("gzip")) {
        (kept, [(header::CONTENT_ENCODING, "gzip")], asset.compressed.as_slice()).into_response()
    } else {
        (kept, asset.content.as_slice()).into_response()
    })
}
