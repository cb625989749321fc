//! `certificate pdf`: a certificate as a document for people, signed if asked.

use std::path::Path;

use anyhow::{Context as _, bail};
use xiezhi_document::{Document, DocumentError, Logo, Request, render, signature::Signing};
use xiezhi_evidence::{Certificate, Genesis};
use xiezhi_pki::{
    DocumentSigner, P256Key, RevocationPolicy, Trust, X509Certificate,
    timestamp::{TimeStampRequest, verify_response},
};
use xiezhi_types::TimestampMs;
use xiezhi_verify::{Anchor, Exhibit, Input, Lang};

use crate::{
    Ending, Usage,
    args::{Common, Look, PdfOptions},
    certificate::judging,
    files::Hashed,
    home, secret,
    texts::Texts,
    verify::{self, hash_quietly, read_certificate},
};

/// What a document is about.
pub(super) struct Asked<'a> {
    pub(super) certificate: &'a [u8],
    pub(super) original: Option<&'a Path>,
    pub(super) anchors: &'a [Anchor],
    pub(super) time: TimestampMs,
    pub(super) only_valid: bool,
}

pub(super) async fn run(common: &Common, options: &PdfOptions, texts: &Texts) -> anyhow::Result<Ending> {
    let certificate = read_certificate(&options.certificate)?;
    let (anchors, time) = judging(&options.judging, texts)?;
    let asked = Asked {
        certificate: &certificate,
        original: options.original.as_deref(),
        anchors: &anchors,
        time,
        only_valid: options.only_valid,
    };
    let document = make(common, &asked, &options.look, texts).await?;
    let out = options.out.clone().unwrap_or_else(|| options.certificate.with_added_extension("pdf"));
    home::write_whole(&out, &document.pdf, false)?;
    let ending = verify::ending(&document.verdict);
    let id = match ending {
        Ending::Done => "document-valid",
        Ending::Invalid => "document-invalid",
        _ => "document-unknown",
    };
    println!("{}", texts.get(id, &[("file", &out.display())]));
    Ok(ending)
}

pub(super) async fn make(
    common: &Common,
    asked: &Asked<'_>,
    look: &Look,
    texts: &Texts,
) -> anyhow::Result<Document> {
    let exhibit = match asked.original {
        None => Exhibit::None,
        Some(path) => {
            let Hashed { size, digests } = hash_quietly(path)?;
            Exhibit::Digests { size: Some(size), digests }
        }
    };
    let pictures = match &look.logos {
        None => Vec::new(),
        Some(dir) => logos(dir)?,
    };
    let logos: Vec<_> = pictures.iter().map(|(institution, png)| Logo { institution, png }).collect();
    let languages: Vec<Lang> = look.languages.iter().map(|language| (*language).into()).collect();
    let made = render(&Request {
        input: Input {
            certificate: asked.certificate,
            anchors: asked.anchors,
            exhibit: &exhibit,
            record_only: asked.original.is_none(),
            declared_time: asked.time,
            known_checkpoints: &[],
        },
        languages: &languages,
        verification_page: look.page.as_deref(),
        logos: &logos,
        only_valid: asked.only_valid,
    });
    let mut document = match made {
        Err(DocumentError::NotValid { .. }) => bail!(texts.get("document-refused", &[])),
        Err(DocumentError::VerificationPage) => bail!(Usage(texts.get("document-page", &[]))),
        made => made?,
    };
    if let Some((key, chain)) = look.sign_key.as_deref().zip(look.sign_certificate.as_deref()) {
        let signing = Signing::new(&document.pdf, &signer(key, chain)?, asked.time)?;
        let token = match look.sign_timestamp {
            true => Some(stamp(common, asked.certificate, &signing.imprint(), texts).await?),
            false => None,
        };
        document.pdf = signing.finish(token.as_deref())?;
    }
    Ok(document)
}

/// The pictures in `dir`: files called `INSTITUTION.png`.
fn logos(dir: &Path) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let named = || dir.display().to_string();
    let mut logos = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(named)? {
        let path = entry.with_context(named)?.path();
        let institution = path.file_stem().and_then(|stem| stem.to_str());
        if let Some(institution) = institution.filter(|_| path.extension().is_some_and(|end| end == "png")) {
            logos.push((
                institution.to_owned(),
                std::fs::read(&path).with_context(|| path.display().to_string())?,
            ));
        }
    }
    Ok(logos)
}

fn signer(key: &Path, chain: &Path) -> anyhow::Result<DocumentSigner> {
    let secret = secret::read(key)?;
    let pem = std::str::from_utf8(&secret).with_context(|| key.display().to_string())?;
    let key = P256Key::from_pkcs8_pem(pem.trim()).with_context(|| key.display().to_string())?;
    let certificates = xiezhi_alliance::pems(chain, X509Certificate::from_pem)?;
    let certificates: Vec<_> = certificates.iter().map(|one| one.der().to_vec()).collect();
    Ok(DocumentSigner::new(key, &certificates)?)
}

/// A token over `imprint` from the authority of a node, by the time-stamp roots of the certificate's ledger.
async fn stamp(
    common: &Common,
    certificate: &[u8],
    imprint: &[u8; 32],
    texts: &Texts,
) -> anyhow::Result<Vec<u8>> {
    let genesis = Genesis::parse(&Certificate::parse(certificate)?.genesis)?;
    let nonce = u64::from_be_bytes(home::random::<8>()?);
    let request = TimeStampRequest::sha256(imprint, Some(nonce));
    let answer = home::client(common, texts)?.timestamp(request.to_der()).await?;
    let mut refused = anyhow::anyhow!("the ledger knows no time-stamp authority");
    for root_der in &genesis.timestamp_roots {
        let trust =
            Trust { root_der, intermediates: &[], crls: &[], revocation: RevocationPolicy::IF_PRESENT };
        match verify_response(&answer, &request, &trust, None) {
            Ok((token, _)) => return Ok(token),
            Err(error) => refused = error.into(),
        }
    }
    Err(refused.context("the time-stamp authority's answer does not hold"))
}
