//! What a document says, as plain values for the template. Nothing here is markup, and nothing is said that the verdict does not carry.

use qrcode::{EcLevel, QrCode, render::svg};
use typst::foundations::{Array, Bytes, Dict, IntoValue as _, Value, array, dict};
use xiezhi_evidence::{
    Certificate, Manifest,
    manifest::{self, names},
};
use xiezhi_verify::{Check, Lang, Outcome, Recorded, Status, Verdict, code};

use crate::{
    ATTACHMENT, Logo, Request,
    glyphs::visible,
    texts::{self, Text},
};

/// A row: what it is, and its value.
type Row = (Text, String);

/// A column's heading and its width in mm; 0 takes what is left.
type Column = (Text, i64);

/// What of a certificate is shown beside the verdict.
#[derive(Default)]
struct Shown {
    recorded: Recorded,
    manifest: Option<Manifest>,
}

/// The template's inputs.
pub(crate) fn inputs(request: &Request<'_>, verdict: &Verdict) -> Dict {
    let certificate = Certificate::parse(request.input.certificate).ok();
    let is_valid = verdict.outcome == Outcome::Valid;
    let shown = certificate.as_ref().filter(|_| is_valid).map(|certificate| shown(certificate, verdict));
    let shown = shown.unwrap_or_default();
    let code = code(request, verdict, &shown);
    let is_attached = certificate.is_some();
    let section = |lang: &Lang| {
        let logos = request.logos;
        section(&Page { verdict, shown: &shown, code: code.as_ref(), logos, is_attached, lang: *lang })
    };
    let sections: Array = request.languages.iter().map(|lang| section(lang).into_value()).collect();
    let first = request.languages.first().copied().unwrap_or(Lang::En);
    let attachment =
        if is_attached { Bytes::new(request.input.certificate.to_vec()).into_value() } else { Value::None };
    let number = verdict.facts.record_number.clone().unwrap_or_default();
    let each = |text: Text| {
        let texts: Vec<_> = request.languages.iter().map(|lang| text.of(*lang)).collect();
        texts.join("  ")
    };
    let watermark = match verdict.outcome {
        Outcome::Valid => String::new(),
        Outcome::Invalid => each(texts::INVALID),
        Outcome::Unknown => each(texts::UNKNOWN),
    };
    let document = dict! {
        "title" => format!("{} {number}", title(verdict).of(first)).trim_end(),
        "author" => "Xiezhi",
        "description" => texts::DESCRIPTION.of(first),
        "header" => each(texts::HEADER),
        "footer" => each(texts::FOOTER),
        "number" => number,
        "outcome" => outcome_word(verdict.outcome),
        "watermark" => watermark,
        "attachment" => attachment,
        "attachment-name" => ATTACHMENT,
        "attachment-description" => texts::DESCRIPTION.of(first),
        "code" => code.map_or(Value::None, |code| Bytes::from_string(code.svg).into_value()),
        "sections" => sections,
    };
    dict! { "document" => document }
}

fn title(verdict: &Verdict) -> Text {
    if verdict.outcome == Outcome::Valid { texts::TITLE_VALID } else { texts::TITLE_OTHER }
}

fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Valid => "valid",
        Outcome::Invalid => "invalid",
        Outcome::Unknown => "unknown",
    }
}

/// The recorded digests and length, and the manifest where it is the one committed to. Of a valid certificate only.
fn shown(certificate: &Certificate, verdict: &Verdict) -> Shown {
    let is_bound = verdict.checks_of(code::MANIFEST).all(|check| check.status == Status::Pass);
    Shown {
        recorded: xiezhi_verify::recorded_original(certificate),
        manifest: certificate.manifest.clone().filter(|_| is_bound),
    }
}

/// A QR code and what it leads to.
struct Code {
    svg: String,
    page: Option<String>,
}

/// The code of a valid certificate: the page's address with the record's number behind `#`, which browsers do not send; or number and digest.
fn code(request: &Request<'_>, verdict: &Verdict, shown: &Shown) -> Option<Code> {
    let number = verdict.facts.record_number.as_ref().filter(|_| verdict.outcome == Outcome::Valid)?;
    let page = request.verification_page.map(|url| format!("{url}#{number}"));
    let digest = shown.recorded.digests.first().map(ToString::to_string).unwrap_or_default();
    let text = page.clone().unwrap_or_else(|| format!("{number}\n{digest}").trim_end().to_owned());
    // 512 and 40 bytes fit every level of correction.
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let svg = code.render::<svg::Color<'_>>().quiet_zone(true).build();
    Some(Code { svg, page })
}

/// One language's part of a document.
struct Page<'a> {
    verdict: &'a Verdict,
    shown: &'a Shown,
    code: Option<&'a Code>,
    logos: &'a [Logo<'a>],
    is_attached: bool,
    lang: Lang,
}

fn section(page: &Page<'_>) -> Dict {
    let lang = page.lang;
    let (word, sentence) = match page.verdict.outcome {
        Outcome::Valid => (texts::VALID, texts::VALID_SENTENCE),
        Outcome::Invalid => (texts::INVALID, texts::INVALID_SENTENCE),
        Outcome::Unknown => (texts::UNKNOWN, texts::UNKNOWN_SENTENCE),
    };
    let sentence = sentence.of(lang).replace("{time}", &page.verdict.declared_time.rfc3339());
    let (lang_tag, region) = match lang {
        Lang::Zh => ("zh", "cn"),
        Lang::En => ("en", "gb"),
    };
    dict! {
        "lang" => lang_tag,
        "region" => region,
        "title" => title(page.verdict).of(lang),
        "outcome" => word.of(lang),
        "sentence" => sentence,
        "parts" => parts(page),
    }
}

fn parts(page: &Page<'_>) -> Array {
    let lang = page.lang;
    let verdict = page.verdict;
    let paragraph = |heading: Text, text: &xiezhi_verify::Paragraph| {
        let body = match lang {
            Lang::Zh => text.zh,
            Lang::En => text.en,
        };
        text_part(page, heading, body.to_owned())
    };
    let mut parts = vec![record(page)];
    parts.push(paragraph(texts::PROVES, &verdict.proves));
    parts.push(paragraph(texts::DOES_NOT_PROVE, &verdict.does_not_prove));
    if verdict.outcome == Outcome::Valid {
        parts.extend([seals(page), stamps(page)]);
        parts.extend(description(page));
    }
    parts.push(checks(page));
    let body = if page.is_attached { texts::VERIFY_BODY } else { texts::VERIFY_DETACHED }.of(lang);
    match page.code {
        None => parts.push(text_part(page, texts::VERIFY, body.to_owned())),
        Some(code) => parts.push(code_part(page, code, body)),
    }
    parts.into_iter().map(|part| part.into_value()).collect()
}

fn part(page: &Page<'_>, kind: &str, heading: Text, note: &str) -> Dict {
    dict! { "kind" => kind, "heading" => heading.of(page.lang), "note" => note }
}

fn text_part(page: &Page<'_>, heading: Text, body: String) -> Dict {
    let mut part = part(page, "text", heading, "");
    part.insert("body".into(), body.into_value());
    part
}

fn rows_part(page: &Page<'_>, heading: Text, note: &str, rows: Vec<(String, String)>) -> Dict {
    let mut part = part(page, "rows", heading, note);
    let rows: Array = rows.into_iter().map(|(label, value)| array![label, value].into_value()).collect();
    part.insert("rows".into(), rows.into_value());
    part
}

fn table_part(page: &Page<'_>, heading: Text, columns: &[Column], rows: Vec<Vec<String>>) -> Dict {
    let mut part = part(page, "table", heading, "");
    let head: Array = columns.iter().map(|(text, _)| text.of(page.lang).into_value()).collect();
    let widths: Array = columns.iter().map(|(_, width)| width.into_value()).collect();
    let row =
        |row: Vec<String>| row.into_iter().map(|cell| cell.into_value()).collect::<Array>().into_value();
    part.insert("head".into(), head.into_value());
    part.insert("widths".into(), widths.into_value());
    part.insert("rows".into(), rows.into_iter().map(row).collect::<Array>().into_value());
    // What stands before each row's first cell.
    part.insert("logos".into(), Array::new().into_value());
    part
}

fn code_part(page: &Page<'_>, code: &Code, body: &str) -> Dict {
    let caption = match &code.page {
        Some(url) => texts::CODE_PAGE.of(page.lang).replace("{url}", &visible(url)),
        None => texts::CODE_RECORD.of(page.lang).to_owned(),
    };
    let mut part = part(page, "code", texts::VERIFY, "");
    part.insert("alt".into(), texts::CODE_ALT.of(page.lang).into_value());
    part.insert("lines".into(), array![body, caption].into_value());
    part
}

/// Of a valid certificate what was recorded; of another what the file says it is.
fn record(page: &Page<'_>) -> Dict {
    let facts = &page.verdict.facts;
    let is_valid = page.verdict.outcome == Outcome::Valid;
    let name = facts.ledger_name.as_ref().map(|name| match page.lang {
        Lang::Zh => visible(&name.zh),
        Lang::En => visible(&name.en),
    });
    let digests = page.shown.recorded.digests.iter().map(|digest| (texts::DIGEST, Some(digest.to_string())));
    let size =
        page.shown.recorded.size.map(|size| texts::BYTES.of(page.lang).replace("{n}", &size.to_string()));
    let mut rows = vec![(texts::NUMBER, facts.record_number.clone())];
    if is_valid {
        let compared = page.verdict.checks_of(code::ORIGINAL).any(|check| check.status == Status::Pass);
        let original = if compared { texts::COMPARED } else { texts::NOT_COMPARED };
        rows.push((texts::SINCE, facts.exists_since.clone()));
        rows.extend(digests);
        rows.push((texts::SIZE, size));
        rows.push((texts::ORIGINAL, Some(original.of(page.lang).to_owned())));
    }
    rows.push((texts::ISSUER, facts.issuer.clone()));
    if is_valid {
        rows.push((texts::LEDGER_NAME, name));
    }
    rows.extend([
        (texts::LEDGER, facts.ledger.clone()),
        (texts::INDEX, facts.index.clone()),
        (texts::ITEM, facts.item.map(|item| item.to_string())),
        (texts::HEIGHT, facts.height.clone()),
        (texts::STATEMENT, facts.statement.clone()),
        (texts::GROUP, facts.group.clone()),
        (texts::PHASE, facts.phase.map(|phase| phase.to_string())),
        (texts::CERTIFICATE, Some(hex::encode(page.verdict.certificate))),
    ]);
    let rows: Vec<Row> = rows.into_iter().filter_map(|(label, value)| Some((label, value?))).collect();
    let rows = rows.into_iter().map(|(label, value)| (label.of(page.lang).to_owned(), value)).collect();
    rows_part(page, if is_valid { texts::RECORD } else { texts::CLAIMED }, "", rows)
}

fn seals(page: &Page<'_>) -> Dict {
    let columns = [(texts::INSTITUTION, 0), (texts::ROLE, 35), (texts::SEAL_TIME, 50)];
    let row = |seal: &xiezhi_verify::SealFact| {
        let name = match page.lang {
            Lang::Zh => &seal.name.zh,
            Lang::En => &seal.name.en,
        };
        let name = format!("{} ({})", visible(name), seal.institution);
        vec![name, texts::role(seal.role).of(page.lang).to_owned(), seal.time.clone()]
    };
    let seals = &page.verdict.facts.seals;
    let mut part = table_part(page, texts::SEALS, &columns, seals.iter().map(row).collect());
    let logo = |seal: &xiezhi_verify::SealFact| {
        let logo = page.logos.iter().find(|logo| logo.institution == seal.institution.as_str());
        logo.map_or(Value::None, |logo| Bytes::new(logo.png.to_vec()).into_value())
    };
    let logos: Vec<_> = seals.iter().map(logo).collect();
    if logos.iter().any(|logo| *logo != Value::None) {
        part.insert("note".into(), texts::LOGOS_NOTE.of(page.lang).into_value());
        part.insert("logos".into(), logos.into_iter().collect::<Array>().into_value());
    }
    part
}

fn stamps(page: &Page<'_>) -> Dict {
    let columns = [(texts::AUTHORITY, 0), (texts::STAMP_TIME, 50)];
    let row = |stamp: &xiezhi_verify::StampFact| vec![visible(&stamp.authority), stamp.time.clone()];
    table_part(page, texts::STAMPS, &columns, page.verdict.facts.time_stamps.iter().map(row).collect())
}

/// The open fields of the manifest, digests of the exhibit and its length apart, which stand above.
fn description(page: &Page<'_>) -> Option<Dict> {
    let manifest = page.shown.manifest.as_ref()?;
    let above = [names::DIGEST_SHA256, names::DIGEST_SM3, names::SIZE];
    let fields = manifest.fields().filter(|field| !above.contains(&field.name.as_str()));
    let value = |field: &manifest::Field| match &field.value {
        manifest::Value::Text(text) => visible(text),
        manifest::Value::Number(number) if field.name == names::HASHED_AT => {
            xiezhi_types::TimestampMs(*number).rfc3339()
        }
        manifest::Value::Number(number) => number.to_string(),
        manifest::Value::Bytes(bytes) => visible(&hex::encode(bytes)),
        manifest::Value::Digest(digest) => digest.to_string(),
    };
    let rows: Vec<_> = fields.map(|field| (visible(&field.name), value(field))).collect();
    let closed = manifest.entries().len() - manifest.fields().count();
    let mut note = texts::DESCRIBED_NOTE.of(page.lang).to_owned();
    if closed > 0 {
        note.push(' ');
        note.push_str(&texts::CLOSED.of(page.lang).replace("{n}", &closed.to_string()));
    }
    (!rows.is_empty() || closed > 0).then(|| rows_part(page, texts::DESCRIBED, &note, rows))
}

fn checks(page: &Page<'_>) -> Dict {
    let columns = [(texts::RESULT, 22), (texts::CHECK, 32), (texts::FINDING, 0)];
    let row = |check: &Check| {
        let result = match check.status {
            Status::Pass => texts::PASS,
            Status::Fail => texts::FAIL,
            Status::Unknown if check.counts => texts::UNDECIDED,
            Status::Unknown => texts::UNDECIDED_ASIDE,
        };
        vec![result.of(page.lang).to_owned(), check.code.to_owned(), visible(&check.sentence(page.lang))]
    };
    table_part(page, texts::CHECKS, &columns, page.verdict.checks.iter().map(row).collect())
}
