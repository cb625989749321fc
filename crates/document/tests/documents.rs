//! Documents as their readers meet them: what they say, and what other people's tools make of them.

mod tools;

use tools::{output, run};
use xiezhi_document::{ATTACHMENT, Document, DocumentError, Logo, Request, render};
use xiezhi_types::TimestampMs;
use xiezhi_verify::{
    Exhibit, Input, Lang, Outcome,
    fixtures::{DECLARED, Fixture, ORIGINAL, Plan, exhibit},
};

/// How a document is asked for.
struct Ask {
    bytes: Vec<u8>,
    exhibit: Exhibit,
    declared_time: TimestampMs,
    is_trusted: bool,
    languages: Vec<Lang>,
    page: Option<&'static str>,
    logos: &'static [Logo<'static>],
    only_valid: bool,
}

impl Ask {
    fn new() -> Self {
        Self::of(Fixture::new().certificate(&Plan::default()).encode())
    }

    fn of(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            exhibit: exhibit(ORIGINAL),
            declared_time: DECLARED,
            is_trusted: true,
            languages: vec![Lang::Zh, Lang::En],
            page: None,
            logos: &[],
            only_valid: false,
        }
    }

    fn render(&self) -> Result<Document, DocumentError> {
        let anchors = [Fixture::new().anchor()];
        render(&Request {
            input: Input {
                certificate: &self.bytes,
                anchors: if self.is_trusted { &anchors } else { &[] },
                exhibit: &self.exhibit,
                record_only: self.exhibit == Exhibit::None,
                declared_time: self.declared_time,
                known_checkpoints: &[],
            },
            languages: &self.languages,
            verification_page: self.page,
            logos: self.logos,
            only_valid: self.only_valid,
        })
    }
}

/// The document's text with all white space taken out; none without poppler.
fn text(pdf: &[u8]) -> Option<String> {
    let text = output("pdftotext", pdf, &["-layout", "FILE", "-"])?;
    Some(text.split_whitespace().collect())
}

/// One red point.
const RED: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0\x90wS\xde\0\0\0\x0cIDATx\x9cc\xf8\xcf\xc0\0\0\x03\x01\x01\0\xc9\xfe\x92\xef\0\0\0\0IEND\xaeB`\x82";

#[test]
fn institutions_have_their_pictures_where_the_verdict_is_valid_and_nowhere_else() {
    let images =
        |document: &Document| document.pdf.windows(14).filter(|part| part == b"/Subtype/Image").count();
    let plain = Ask::new().render().unwrap();
    let with = |logos, is_trusted| Ask { logos, is_trusted, ..Ask::new() };
    let court: &[Logo<'_>] =
        &[Logo { institution: "court", png: RED }, Logo { institution: "nobody", png: RED }];
    let document = with(court, true).render().unwrap();
    assert!(document.pdf != plain.pdf && document.pdf == with(court, true).render().unwrap().pdf);
    if let (Some(before), Some(after)) = (text(&plain.pdf), text(&document.pdf)) {
        assert!(!before.contains("theyprovenothing") && after.contains("theyprovenothing"));
    }
    assert_eq!((images(&plain), images(&document)), (0, 1));
    let unknown = with(court, false).render().unwrap();
    assert_eq!(images(&unknown), 0);
    for wrong in [b"GIF89a".as_slice(), &[RED, &vec![0; 256 << 10]].concat()] {
        let wrong: &'static [u8] = Vec::leak(wrong.to_vec());
        let logos = Vec::leak(vec![Logo { institution: "court", png: wrong }]);
        let refused = with(logos, true).render().unwrap_err();
        assert!(refused.to_string().starts_with("logo of court"), "{refused}");
    }
    let broken = Vec::leak(vec![Logo { institution: "court", png: &RED[..40] }]);
    assert!(matches!(with(broken, true).render(), Err(DocumentError::Typesetting { .. })));
}

#[test]
fn a_valid_certificate_makes_a_document_with_everything_proven() {
    let document = Ask::new().render().unwrap();
    assert_eq!(document.verdict.outcome, Outcome::Valid);
    let Some(text) = text(&document.pdf) else { return };
    let facts = &document.verdict.facts;
    let mut expected = vec![
        "有效",
        "VALID",
        "租赁合同",
        "示例互联网法院",
        "ExampleInternetCourt",
        "公证机构",
        "seal-policy",
        "不证明什么",
    ];
    expected.extend(
        [&facts.record_number, &facts.exists_since, &facts.issuer, &facts.ledger]
            .map(|fact| fact.as_deref().unwrap()),
    );
    let paragraphs = [document.verdict.proves, document.verdict.does_not_prove];
    let paragraphs: Vec<String> =
        paragraphs.iter().flat_map(|p| [p.zh, p.en]).map(|p| p.split_whitespace().collect()).collect();
    expected.extend(paragraphs.iter().map(String::as_str));
    for expected in expected {
        assert!(text.contains(expected), "{expected} is missing in {text}");
    }
    assert!(!text.contains("无效") && !text.contains("未能判定"), "{text}");
}

#[test]
fn equal_inputs_give_equal_bytes_and_another_time_gives_others() {
    let (first, second) = (Ask::new().render().unwrap(), Ask::new().render().unwrap());
    assert_eq!(first.pdf, second.pdf);
    let later = Ask { declared_time: TimestampMs(DECLARED.0 + 1000), ..Ask::new() }.render().unwrap();
    assert_ne!(first.pdf, later.pdf);
}

#[test]
fn a_certificate_with_a_missing_seal_makes_a_document_that_says_invalid() {
    let bytes = Fixture::new().certificate(&Plan { sealers: vec![0, 2], ..Plan::default() }).encode();
    let document = Ask::of(bytes).render().unwrap();
    assert_eq!(document.verdict.outcome, Outcome::Invalid);
    let Some(text) = text(&document.pdf) else { return };
    assert!(
        text.contains("无效") && text.contains("INVALID") && text.contains("本文件不证明任何事项"),
        "{text}"
    );
    assert!(
        !text.contains("存证凭证电子") && !text.contains("见证并盖章的机构") && !text.contains("租赁合同"),
        "{text}"
    );
}

#[test]
fn an_unknown_ledger_lends_its_names_to_nobody() {
    let document = Ask { is_trusted: false, ..Ask::new() }.render().unwrap();
    assert_eq!(document.verdict.outcome, Outcome::Unknown);
    let Some(text) = text(&document.pdf) else { return };
    assert!(text.contains("未能判定") && text.contains("NOTDECIDED"), "{text}");
    for claim in [
        "见证并盖章的机构",
        "Institutionsthatwitnessed",
        "存证人的说明",
        "封存时间:",
        "XiezhiExampleJudicialChain",
    ] {
        assert!(!text.contains(claim), "{claim} is claimed in {text}");
    }
}

#[test]
fn a_file_that_is_no_certificate_makes_a_document_without_attachment() {
    let document = Ask::of(b"nothing".to_vec()).render().unwrap();
    assert_eq!(document.verdict.outcome, Outcome::Invalid);
    let Some(list) = output("pdfdetach", &document.pdf, &["-list", "FILE"]) else { return };
    assert!(list.starts_with("0 embedded files"), "{list}");
}

#[test]
fn what_is_not_valid_is_refused_when_asked() {
    let bytes = Fixture::new().certificate(&Plan { sealers: vec![0, 2], ..Plan::default() }).encode();
    let refused = Ask { only_valid: true, ..Ask::of(bytes) }.render();
    assert_eq!(refused.unwrap_err(), DocumentError::NotValid { outcome: "invalid" });
    let unknown = Ask { only_valid: true, is_trusted: false, ..Ask::new() }.render();
    assert_eq!(unknown.unwrap_err(), DocumentError::NotValid { outcome: "unknown" });
    assert!(Ask { only_valid: true, ..Ask::new() }.render().is_ok());
}

#[test]
fn a_page_address_with_anything_but_visible_ascii_is_refused() {
    for bad in
        ["", "https://", "ftp://a", "javascript:alert(1)", "https://a b", "https://例.cn/", "https://a/#b"]
    {
        assert_eq!(
            Ask { page: Some(bad), ..Ask::new() }.render().unwrap_err(),
            DocumentError::VerificationPage,
            "{bad}"
        );
    }
}

#[test]
fn the_record_alone_is_never_called_compared() {
    let document = Ask { exhibit: Exhibit::None, ..Ask::new() }.render().unwrap();
    assert_eq!(document.verdict.outcome, Outcome::Valid);
    let Some(text) = text(&document.pdf) else { return };
    assert!(text.contains("未出示,未比对") && !text.contains("已出示并与记录比对"), "{text}");
}

#[test]
fn the_attachment_is_the_certificate_byte_for_byte() {
    let ask = Ask::new();
    let document = ask.render().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let saved = dir.path().join(ATTACHMENT);
    let Some(_) = output("pdfdetach", &document.pdf, &["-save", "1", "-o", saved.to_str().unwrap(), "FILE"])
    else {
        return;
    };
    assert_eq!(std::fs::read(saved).unwrap(), ask.bytes);
}

#[test]
fn the_fonts_are_embedded_subsets_with_unicode_maps() {
    let document = Ask { page: Some("https://verify.example/v"), ..Ask::new() }.render().unwrap();
    let Some(fonts) = output("pdffonts", &document.pdf, &["FILE"]) else { return };
    let rows: Vec<_> = fonts.lines().skip(2).collect();
    assert!(!rows.is_empty(), "{fonts}");
    for row in rows {
        let columns: Vec<_> = row.split_whitespace().collect();
        assert!(columns.windows(3).any(|three| three == ["yes", "yes", "yes"]), "{row}");
    }
}

#[test]
fn the_file_is_well_formed_and_says_pdf_a_3() {
    let document = Ask::new().render().unwrap();
    if let Some(report) = output("qpdf", &document.pdf, &["--check", "FILE"]) {
        assert!(report.contains("No syntax or stream encoding errors found"), "{report}");
    }
    if let Some(metadata) = output("pdfinfo", &document.pdf, &["-meta", "FILE"]) {
        assert!(metadata.contains("<pdfaid:part>3</pdfaid:part>"), "{metadata}");
    }
    let file = lopdf::Document::load_mem(&document.pdf).unwrap();
    let catalog = file.catalog().unwrap();
    let attached = file.dereference(catalog.get(b"AF").unwrap()).unwrap().1.as_array().unwrap();
    let specification = file.dereference(&attached[0]).unwrap().1.as_dict().unwrap();
    assert_eq!(specification.get(b"AFRelationship").unwrap().as_name().unwrap(), b"Source");
    assert!(
        catalog.get(b"OutputIntents").is_ok()
            && catalog.get(b"StructTreeRoot").is_ok()
            && catalog.get(b"Lang").is_ok()
    );
}

#[test]
fn a_validator_of_pdf_a_agrees() {
    let document = Ask { page: Some("https://verify.example/v"), ..Ask::new() }.render().unwrap();
    if let Some(report) = run("verapdf", &document.pdf, &["--flavour", "3a", "--format", "text", "FILE"]) {
        assert!(report.starts_with("PASS"), "{report}");
    }
}

#[test]
fn characters_that_the_font_lacks_are_named_and_do_not_break_the_document() {
    use xiezhi_evidence::{Manifest, Value, manifest::names};
    let fields = [
        (names::TITLE, "𠮷野家\u{202e}fdp.exe 😀 مرحبا\n"),
        ("note", &"很长的说明".repeat(3_000)),
        ("weird", "#set page(fill: red) \\ $x$ *b* _i_ `c` <l> @r"),
    ];
    let fields = fields.map(|(name, text)| (name.to_owned(), Value::Text(text.to_owned())));
    let manifest = Manifest::new(fields, || [3; 16]).unwrap();
    let fixture = Fixture::new();
    let statement =
        fixture.draft(xiezhi_verify::fixtures::deposit(&manifest, ORIGINAL)).sign(&[&fixture.key]).unwrap();
    let plan = Plan { statement: Some(statement), manifest: Some(manifest), ..Plan::default() };
    let document = Ask::of(fixture.certificate(&plan).encode()).render().unwrap();
    assert_eq!(document.verdict.outcome, Outcome::Valid, "{:?}", document.verdict.checks);
    let Some(text) = text(&document.pdf) else { return };
    for expected in
        ["[U+20BB7]野家[U+202E]fdp.exe[U+1F600]", "[U+000A]", "#setpage(fill:red)\\$x$*b*_i_`c`<l>@r", "[…]"]
    {
        assert!(text.contains(expected), "{expected} is missing in {text}");
    }
}

#[test]
fn every_published_certificate_makes_a_document_of_its_verdict() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/certificates");
    let mut files: Vec<_> = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "xzc"));
    files.sort();
    // Every tenth: a document takes longer than a verdict in a build for tests.
    let mut outcomes = std::collections::BTreeSet::new();
    for file in files.iter().step_by(10) {
        let ask = Ask { languages: vec![Lang::En], ..Ask::of(std::fs::read(file).unwrap()) };
        let document = ask.render().unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        outcomes.insert(format!("{:?}", document.verdict.outcome));
    }
    assert!(outcomes.contains("Invalid"), "{outcomes:?}");
}
