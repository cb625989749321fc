//! Verdicts on this node's word, for those who cannot run the verifier themselves.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{Json, body::Body, extract::State};
use http::HeaderMap;
use xiezhi_client::wire;
use xiezhi_crypto::Digest;
use xiezhi_evidence::certificate::CERTIFICATE_BYTES_MAX;
use xiezhi_types::TimestampMs;
use xiezhi_verify::{Anchor, Exhibit, Input, verify};

use crate::{
    app::App,
    document::Problems,
    problem::{Problem, kinds},
    request::{read_body, read_json, require_media_type},
};

/// Longest body, in bytes: the longest certificate in base64, and room for the rest.
const BODY_BYTES_MAX: usize = CERTIFICATE_BYTES_MAX / 3 * 4 + (64 << 10);
/// Most digests of one original.
const DIGESTS_MAX: usize = 16;

const NOTICE_EN: &str = "A verdict asked of a node is that node's word, given under the ledger it belongs to. The proof is the certificate \
    itself, verified offline with an anchor from elsewhere.";
const NOTICE_ZH: &str = "向节点查询所得的核验结论,仅为该节点就其所属链作出的陈述。证明在于凭证本身:请使用另行取得的信任锚离线核验。";

/// Judges a certificate, under this node's own ledger and no other.
///
/// The answer is this node's word. The proof is the certificate, verified offline by software and with an anchor from elsewhere.
#[utoipa::path(
    post, path = "/v1/verify", tag = "records",
    request_body(content = wire::VerifyRequest, description = "The certificate, and what is known of the original."),
    responses((status = 200, description = "The verdict, whatever it is", body = wire::VerifyAnswer), Problems)
)]
pub(crate) async fn verify_certificate(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<wire::VerifyAnswer>, Problem> {
    require_media_type(&headers, "application/json")?;
    let body = read_body(&headers, body, BODY_BYTES_MAX, app.config.body_timeout).await?;
    let request: wire::VerifyRequest = read_json(&body)?;
    drop(body);
    let exhibit = read_exhibit(&request)?;
    let declared_time = read_time(request.declared_time.as_deref())?;
    let name = app.node.genesis().name.clone();
    let anchors = [Anchor { ledger: app.ledger, name }];
    // Some milliseconds of signature checks.
    let judged = tokio::task::spawn_blocking(move || {
        let certificate = &request.certificate.0;
        let record_only = request.record_only;
        let known_checkpoints = &[];
        verify(&Input {
            certificate,
            anchors: &anchors,
            exhibit: &exhibit,
            record_only,
            declared_time,
            known_checkpoints,
        })
        .to_json()
    });
    let internal = |_| Problem::new(&kinds::INTERNAL, "the verifier failed");
    let json = judged.await.map_err(internal)?;
    let verdict =
        serde_json::from_str(&json).map_err(|_| Problem::new(&kinds::INTERNAL, "the verdict is not JSON"))?;
    let notice = wire::Names { zh: NOTICE_ZH.to_owned(), en: NOTICE_EN.to_owned() };
    Ok(Json(wire::VerifyAnswer { ledger: app.ledger.to_string(), notice, verdict }))
}

fn read_exhibit(request: &wire::VerifyRequest) -> Result<Exhibit, Problem> {
    if request.digests.is_empty() {
        return match request.size {
            Some(_) => Err(Problem::parameter("size", "without a digest it says nothing")),
            None => Ok(Exhibit::None),
        };
    }
    if request.digests.len() > DIGESTS_MAX {
        return Err(Problem::parameter(
            "digests",
            format!("{}, at most {DIGESTS_MAX}", request.digests.len()),
        ));
    }
    let read = |text: &String| text.parse::<Digest>().map_err(|e| Problem::parameter("digests", e));
    let digests = request.digests.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Exhibit::Digests { size: request.size.map(|size| size.0), digests })
}

/// The declared time, or this machine's: the only clock that the API reads for an answer.
fn read_time(text: Option<&str>) -> Result<TimestampMs, Problem> {
    let Some(text) = text else {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        return Ok(TimestampMs(u64::try_from(now.as_millis()).unwrap_or(u64::MAX)));
    };
    let wrong = || Problem::parameter("declared_time", "RFC 3339 in UTC is needed, as 2026-11-22T08:09:10Z");
    TimestampMs::parse_rfc3339(text).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> wire::VerifyRequest {
        wire::VerifyRequest {
            certificate: wire::Base64(Vec::new()),
            digests: Vec::new(),
            size: None,
            declared_time: None,
            record_only: false,
        }
    }

    #[test]
    fn an_original_is_known_by_digests_and_a_wrong_one_is_named() {
        let digest = format!("sm3:{}", "ab".repeat(32));
        assert_eq!(read_exhibit(&request()).unwrap(), Exhibit::None);
        let given =
            wire::VerifyRequest { digests: vec![digest.clone()], size: Some(wire::U64(7)), ..request() };
        let expected = Exhibit::Digests { size: Some(7), digests: vec![digest.parse().unwrap()] };
        assert_eq!(read_exhibit(&given).unwrap(), expected);
        let wrong = wire::VerifyRequest { digests: vec!["md5:00".to_owned()], ..request() };
        assert_eq!(read_exhibit(&wrong).unwrap_err().field.as_deref(), Some("digests"));
        let wrong = wire::VerifyRequest { digests: vec![digest; DIGESTS_MAX + 1], ..request() };
        assert_eq!(read_exhibit(&wrong).unwrap_err().field.as_deref(), Some("digests"));
        let wrong = wire::VerifyRequest { size: Some(wire::U64(7)), ..request() };
        assert_eq!(read_exhibit(&wrong).unwrap_err().field.as_deref(), Some("size"));
    }

    #[test]
    fn a_declared_time_is_rfc_3339() {
        assert_eq!(read_time(Some("1970-01-01T00:00:01Z")).unwrap(), TimestampMs(1000));
        assert!(read_time(None).unwrap() > TimestampMs(1_700_000_000_000));
        assert_eq!(read_time(Some("yesterday")).unwrap_err().field.as_deref(), Some("declared_time"));
    }

    #[test]
    fn the_longest_certificate_fits() {
        assert!(BODY_BYTES_MAX > CERTIFICATE_BYTES_MAX.div_ceil(3) * 4 + 8192);
    }
}
