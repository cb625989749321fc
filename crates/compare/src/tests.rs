use std::io::{Cursor, Write as _};

use image::{DynamicImage, ExtendedColorType, ImageEncoder as _, ImageFormat, Rgb, RgbImage};
use lopdf::{Dictionary, Document, Object, Stream, dictionary};
use xiezhi_crypto::DigestAlg;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::*;

/// The relation and the codes of the findings.
fn check(presented: &[u8], original: &[u8], relation: Relation, codes: &[&str]) -> Comparison {
    let comparison = compare(presented, original);
    let found: Vec<_> = comparison.findings.iter().map(|finding| finding.code).collect();
    assert_eq!((comparison.relation, &found[..]), (relation, codes), "{}", comparison.to_json());
    comparison
}

fn ranges(comparison: &Comparison) -> Vec<(&str, &str)> {
    comparison.matches.iter().map(|one| (one.presented.as_str(), one.original.as_str())).collect()
}

fn zip(entries: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn picture() -> RgbImage {
    RgbImage::from_fn(64, 48, |x, y| Rgb([(x * 4) as u8, (y * 5) as u8, (x ^ y) as u8]))
}

fn encoded(picture: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(picture.clone()).write_to(&mut out, format).unwrap();
    out.into_inner()
}

/// A PDF with one page for each text; written with its objects plain and in reverse, or compressed.
fn pdf(texts: &[&str], is_resaved: bool, change: impl FnOnce(&mut Document)) -> Vec<u8> {
    let mut document = Document::with_version("1.7");
    if is_resaved {
        // Other numbers for every object.
        for _ in 0..5 {
            document.new_object_id();
        }
    }
    let pages = document.new_object_id();
    let font = document
        .add_object(dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica" });
    let mut kids: Vec<Object> = Vec::new();
    for text in texts {
        let content = format!("BT /F1 12 Tf 72 720 Td ({text}) Tj ET");
        let content = document.add_object(Stream::new(Dictionary::new(), content.into_bytes()));
        let resources = dictionary! { "Font" => dictionary! { "F1" => font } };
        let page = dictionary! { "Type" => "Page", "Parent" => pages, "Contents" => content, "Resources" => resources };
        kids.push(document.add_object(page).into());
    }
    let count = i64::try_from(kids.len()).unwrap();
    let size: Vec<Object> = [0, 0, 595, 842].map(Into::into).to_vec();
    document.objects.insert(
        pages,
        dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => count, "MediaBox" => size }.into(),
    );
    let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => pages });
    document.trailer.set("Root", catalog);
    change(&mut document);
    if is_resaved {
        document.compress();
    }
    let mut out = Vec::new();
    document.save_to(&mut out).unwrap();
    out
}

const TEXT: &str = "租赁合同\n第一条 租金每月三千元。\n第二条 租期一年。\n\n签名\n";

#[test]
fn equal_bytes_are_identical_and_nothing_else_is() {
    check(b"", b"", Relation::Identical, &["bytes-equal"]);
    check(TEXT.as_bytes(), TEXT.as_bytes(), Relation::Identical, &["bytes-equal"]);
    assert_ne!(compare(b"a", b"b").relation, Relation::Identical);
    assert_ne!(compare(b"", b"b").relation, Relation::Identical);
}

#[test]
fn text_written_otherwise_is_equal_in_content_and_says_in_what() {
    let rows: [(Vec<u8>, &str); 6] = [
        (TEXT.replace('\n', "\r\n").into_bytes(), "line-ends"),
        ([b"\xef\xbb\xbf", TEXT.as_bytes()].concat(), "byte-order-mark"),
        (TEXT.trim_end().as_bytes().to_vec(), "final-line-end"),
        (
            TEXT.encode_utf16()
                .fold(vec![0xff, 0xfe], |out, unit| [out, unit.to_le_bytes().to_vec()].concat()),
            "encoding, byte-order-mark",
        ),
        (
            TEXT.encode_utf16()
                .fold(vec![0xfe, 0xff], |out, unit| [out, unit.to_be_bytes().to_vec()].concat()),
            "encoding, byte-order-mark",
        ),
        (format!("\u{feff}{}", TEXT.replace('\n', "\r")).into_bytes(), "byte-order-mark, line-ends"),
    ];
    for (presented, changes) in rows {
        let comparison =
            check(&presented, TEXT.as_bytes(), Relation::ContentEqual, &["bytes-differ", "text-equal"]);
        assert_eq!(comparison.findings[1].params, [("changes", changes.to_owned())]);
    }
    let comparison = check(
        "cafe\u{301}\n".as_bytes(),
        "caf\u{e9}\n".as_bytes(),
        Relation::ContentEqual,
        &["bytes-differ", "text-equal"],
    );
    assert_eq!(comparison.findings[1].params, [("changes", "normal-form".to_owned())]);
}

#[test]
fn a_changed_line_is_never_equal_content_and_the_others_are_named() {
    let presented = TEXT.replace("三千", "五千");
    let comparison = check(
        presented.as_bytes(),
        TEXT.as_bytes(),
        Relation::PartlyMatching,
        &["bytes-differ", "text-lines-partly"],
    );
    assert_eq!(ranges(&comparison), [("1-1", "1-1"), ("3-5", "3-5")]);
    check(b"one\n\n", b"two\n\n", Relation::Different, &["bytes-differ", "text-lines-none"]);
    // A space more is another text.
    assert_eq!(compare(b"a  b", b"a b").relation, Relation::Different);
    assert_eq!(
        compare("ａ".as_bytes(), b"a").relation,
        Relation::Different,
        "a compatibility form is another character"
    );
}

#[test]
fn moved_and_added_lines_are_found_in_order() {
    let comparison = compare(b"x\na\nb\nc\ny\nd\n", b"a\nb\nc\nd\n");
    assert_eq!(ranges(&comparison), [("2-4", "1-3"), ("6-6", "4-4")]);
}

#[test]
fn a_repacked_archive_is_equal_in_content() {
    let entries: [(&str, &[u8]); 3] =
        [("word/document.xml", b"<a/>"), ("[Content_Types].xml", b"<t/>"), ("media/1.png", &[7; 5000])];
    let original = zip(&entries, CompressionMethod::Deflated);
    let mut other = entries;
    other.reverse();
    let presented = zip(&other, CompressionMethod::Stored);
    check(&presented, &original, Relation::ContentEqual, &["bytes-differ", "zip-entries-equal"]);
}

#[test]
fn archives_with_common_entries_match_partly() {
    let original = zip(&[("a", b"1"), ("b", b"2"), ("c", b"3"), ("empty", b"")], CompressionMethod::Deflated);
    let presented =
        zip(&[("a", b"1"), ("b", b"changed"), ("moved", b"3"), ("new", b"4")], CompressionMethod::Deflated);
    let comparison =
        check(&presented, &original, Relation::PartlyMatching, &["bytes-differ", "zip-entries-partly"]);
    assert_eq!(ranges(&comparison), [("a", "a"), ("moved", "c")]);
    let counts: Vec<_> =
        comparison.findings[1].params.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(counts, ["same=2", "changed=1", "added=1", "missing=1"]);
    let none = zip(&[("x", b"9"), ("empty", b"")], CompressionMethod::Stored);
    check(&none, &original, Relation::Different, &["bytes-differ", "zip-entries-none"]);
}

#[test]
fn an_archive_that_lists_a_name_twice_is_not_compared_by_content() {
    let original = zip(&[("a", b"1"), ("b", b"2")], CompressionMethod::Stored);
    let mut presented = original.clone();
    // The name of the second entry ends the directory.
    let end = presented.windows(4).position(|four| four == b"PK\x05\x06").unwrap();
    assert_eq!(presented[end - 1], b'b');
    presented[end - 1] = b'a';
    assert_ne!(presented, original);
    let comparison = compare(&presented, &original);
    assert_eq!(comparison.findings[1].code, "not-read", "{}", comparison.to_json());
}

#[test]
fn a_bomb_costs_no_memory_and_is_not_compared_by_content() {
    let zeros = vec![0; 1 << 20];
    let bomb = |seed: u8| {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer
            .start_file(
                "bomb",
                SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).large_file(true),
            )
            .unwrap();
        writer.write_all(&[seed]).unwrap();
        (0..1100).for_each(|_| writer.write_all(&zeros).unwrap());
        writer.finish().unwrap().into_inner()
    };
    let comparison = compare(&bomb(1), &bomb(2));
    assert_eq!(comparison.findings[1].code, "limit-reached", "{}", comparison.to_json());
    assert_ne!(comparison.relation, Relation::ContentEqual);
}

#[test]
fn a_picture_encoded_anew_without_loss_has_equal_pixels() {
    let (png, bmp) = (encoded(&picture(), ImageFormat::Png), encoded(&picture(), ImageFormat::Bmp));
    check(&bmp, &png, Relation::ContentEqual, &["bytes-differ", "image-pixels-equal"]);
    // With a note that decoders pass over.
    let at = png.len() - 12;
    let mut chunk = b"\0\0\0\x04tEXtk\0ab".to_vec();
    let crc = crc32(&chunk[4..]);
    chunk.extend(crc.to_be_bytes());
    let noted = [&png[..at], &chunk, &png[at..]].concat();
    check(&noted, &png, Relation::ContentEqual, &["bytes-differ", "image-pixels-equal"]);
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// A JPEG of the picture, with an EXIF block that gives an orientation.
fn jpeg(orientation: Option<u8>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut out, 90);
    if let Some(orientation) = orientation {
        let exif = [
            b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".as_slice(),
            &[orientation],
            b"\0\0\0\0\0\0",
        ]
        .concat();
        encoder.set_exif_metadata(exif).unwrap();
    }
    encoder.write_image(picture().as_raw(), 64, 48, ExtendedColorType::Rgb8).unwrap();
    out
}

#[test]
fn a_photo_without_its_exif_has_equal_pixels_and_says_what_is_missing() {
    let codes = ["bytes-differ", "image-pixels-equal", "image-metadata-differs"];
    let comparison = check(&jpeg(None), &jpeg(Some(1)), Relation::ContentEqual, &codes);
    assert_eq!(comparison.findings[2].params, [("parts", "exif".to_owned())]);
}

#[test]
fn a_photo_shown_another_way_up_is_not_equal_in_content() {
    let codes = ["bytes-differ", "image-pixels-equal", "image-metadata-differs", "image-shown-differently"];
    check(&jpeg(Some(6)), &jpeg(Some(1)), Relation::PartlyMatching, &codes);
}

#[test]
fn one_changed_pixel_makes_a_picture_different() {
    let mut changed = picture();
    changed.get_pixel_mut(10, 10).0[1] ^= 1;
    let comparison = check(
        &encoded(&changed, ImageFormat::Png),
        &encoded(&picture(), ImageFormat::Png),
        Relation::Different,
        &["bytes-differ", "image-pixels-differ"],
    );
    assert_eq!(comparison.findings[1].params[0], ("differ", "1".to_owned()));
    let lossy = jpeg(None);
    check(
        &lossy,
        &encoded(&picture(), ImageFormat::Png),
        Relation::Different,
        &["bytes-differ", "image-pixels-differ"],
    );
    let cropped = image::imageops::crop_imm(&picture(), 0, 0, 32, 48).to_image();
    check(
        &encoded(&cropped, ImageFormat::Png),
        &encoded(&picture(), ImageFormat::Png),
        Relation::Different,
        &["bytes-differ", "image-size-differs"],
    );
}

#[test]
fn a_picture_that_claims_to_be_huge_is_not_decoded() {
    let png = encoded(&picture(), ImageFormat::Png);
    let mut huge = png.clone();
    huge[16..24].copy_from_slice(&[0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]);
    let crc = crc32(&huge[12..29]);
    huge[29..33].copy_from_slice(&crc.to_be_bytes());
    let comparison = compare(&huge, &png);
    assert_eq!(comparison.findings[1].code, "limit-reached", "{}", comparison.to_json());
}

#[test]
fn a_pdf_saved_anew_has_equal_pages() {
    let texts = ["one", "two", "three"];
    let original = pdf(&texts, false, |_| {});
    let presented = pdf(&texts, true, |_| {});
    let comparison =
        check(&presented, &original, Relation::ContentEqual, &["bytes-differ", "pdf-pages-equal"]);
    assert_eq!(ranges(&comparison), [("1-3", "1-3")]);
    let titled = pdf(&texts, true, |document| {
        let info = document.add_object(dictionary! { "Title" => Object::string_literal("t") });
        document.trailer.set("Info", info);
    });
    check(
        &titled,
        &original,
        Relation::ContentEqual,
        &["bytes-differ", "pdf-pages-equal", "pdf-metadata-differs"],
    );
}

#[test]
fn a_changed_page_is_named_and_the_others_match() {
    let original = pdf(&["one", "two", "three", "four"], false, |_| {});
    let presented = pdf(&["one", "2", "three", "four"], true, |_| {});
    let comparison =
        check(&presented, &original, Relation::PartlyMatching, &["bytes-differ", "pdf-pages-partly"]);
    assert_eq!(ranges(&comparison), [("1-1", "1-1"), ("3-4", "3-4")]);
    let swapped = pdf(&["four", "one"], true, |_| {});
    assert_eq!(ranges(&compare(&swapped, &original)), [("1-1", "4-4"), ("2-2", "1-1")]);
    let other = pdf(&["other"], false, |_| {});
    check(&other, &original, Relation::Different, &["bytes-differ", "pdf-pages-none"]);
}

#[test]
fn another_font_or_size_of_the_paper_is_another_page() {
    let original = pdf(&["one"], false, |_| {});
    let font = pdf(&["one"], false, |document| {
        for object in document.objects.values_mut() {
            if let Ok(dictionary) = object.as_dict_mut()
                && dictionary.has(b"BaseFont")
            {
                dictionary.set("BaseFont", "Courier");
            }
        }
    });
    check(&font, &original, Relation::Different, &["bytes-differ", "pdf-pages-none"]);
    let paper = pdf(&["one"], false, |document| {
        for object in document.objects.values_mut() {
            if let Ok(dictionary) = object.as_dict_mut()
                && dictionary.has(b"MediaBox")
            {
                let size: Vec<Object> = [0, 0, 595, 421].map(Into::into).to_vec();
                dictionary.set("MediaBox", size);
            }
        }
    });
    check(&paper, &original, Relation::Different, &["bytes-differ", "pdf-pages-none"]);
}

#[test]
fn a_script_beside_equal_pages_is_not_passed_over() {
    let original = pdf(&["one"], false, |_| {});
    let presented = pdf(&["one"], false, |document| {
        let action = dictionary! { "S" => "JavaScript", "JS" => Object::string_literal("app.alert(1)") };
        document.catalog_mut().unwrap().set("OpenAction", action);
    });
    let comparison = check(
        &presented,
        &original,
        Relation::PartlyMatching,
        &["bytes-differ", "pdf-pages-equal", "pdf-parts-differ"],
    );
    assert_eq!(comparison.findings[2].params, [("parts", "OpenAction".to_owned())]);
}

#[test]
fn kinds_that_differ_are_compared_by_bytes_only() {
    let text = TEXT.repeat(100);
    let inside = zip(&[("a.txt", text.as_bytes())], CompressionMethod::Stored);
    check(
        &inside,
        text.as_bytes(),
        Relation::PartlyMatching,
        &["bytes-differ", "kinds-differ", "byte-ranges-equal"],
    );
}

#[test]
fn a_damaged_file_of_a_known_kind_is_compared_by_bytes_only() {
    for (good, kind) in [
        (zip(&[("a", &[3; 6000])], CompressionMethod::Stored), "ZIP"),
        (pdf(&["one"], false, |_| {}), "PDF"),
        (encoded(&picture(), ImageFormat::Png), "picture"),
    ] {
        let bad = &good[..good.len() / 2];
        let comparison = compare(bad, &good);
        assert_ne!(comparison.relation, Relation::ContentEqual, "{kind}");
        let codes: Vec<_> = comparison.findings.iter().map(|one| one.code).collect();
        assert!(
            codes.contains(&"not-read") || codes.iter().any(|code| code.ends_with("-none")),
            "{kind}: {codes:?}"
        );
    }
}

#[test]
fn with_digests_alone_there_are_two_answers_and_what_is_missing() {
    let (same, other) =
        (DigestAlg::ALL.map(|alg| alg.digest(b"a")), DigestAlg::ALL.map(|alg| alg.digest(b"b")));
    assert_eq!(compare_record(&same, 1, &same, Some(1)).relation, Relation::Identical);
    let differs = compare_record(&other, 1, &same, Some(1));
    assert_eq!(differs.relation, Relation::NotIdentical);
    let codes: Vec<_> = differs.findings.iter().map(|one| one.code).collect();
    assert_eq!(codes, ["record-digest-differs", "record-needs-original"]);
    assert_eq!(compare_record(&same, 1, &[], Some(1)).relation, Relation::Unknown);
    assert_eq!(compare_record(&same, 1, &[], Some(2)).relation, Relation::NotIdentical);
    assert_eq!(compare_record(&same[..1], 1, &same[1..], None).relation, Relation::Unknown);
    assert_eq!(compare_record(&same[..1], 1, &[other[0], same[1]], None).relation, Relation::NotIdentical);
}

#[test]
fn long_files_are_identical_or_not() {
    assert_eq!(compare_long(None, 9, 9).relation, Relation::Identical);
    assert_eq!(compare_long(Some(3), 9, 9).relation, Relation::NotIdentical);
}

#[test]
fn the_json_has_its_form() {
    let comparison = compare(b"a\nx\n", b"a\ny\n");
    let expected = concat!(
        r#"{"format":"xiezhi-comparison/1","relation":"partly-matching","findings":[{"code":"bytes-differ","params":{"at":"2","presented":"4","#,
        r#""original":"4"}},{"code":"text-lines-partly","params":{"lines":"1","of":"2"}}],"matches":[{"unit":"line","presented":"1-1","#,
        r#""original":"1-1"}],"matches_left_out":"0"}"#
    );
    assert_eq!(comparison.to_json(), expected);
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Whatever bytes do to a file, the answer is no panic, and identical for equal bytes only.
        #[test]
        fn changed_bytes_are_never_identical(kind in 0usize..4, changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
            let original = match kind {
                0 => zip(&[("a", b"some text"), ("b", &[5; 300])], CompressionMethod::Deflated),
                1 => pdf(&["one", "two"], true, |_| {}),
                2 => encoded(&picture(), ImageFormat::Png),
                _ => jpeg(Some(1)),
            };
            let mut presented = original.clone();
            for (at, byte) in changes {
                let at = at.index(presented.len());
                presented[at] = byte;
            }
            let comparison = compare(&presented, &original);
            prop_assert_eq!(comparison.relation == Relation::Identical, presented == original);
        }
    }
}
