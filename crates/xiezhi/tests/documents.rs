//! A certificate becomes a document and a pack; a presented file is compared with the original.

mod place;

use std::fs;

use place::{Place, text};
use xiezhi_verify::fixtures::{Fixture, ORIGINAL, Plan};

#[test]
fn a_certificate_becomes_a_pack_that_is_checked_and_unpacked_elsewhere() {
    let place = Place::new();
    let fixture = Fixture::new();
    let certificate = place.file("a.txt.xzc", &fixture.certificate(&Plan::default()).encode());
    let genesis = place.file("genesis.cbor", &fixture.genesis.encode());
    let original = place.file("a.txt", ORIGINAL);
    let changed = place.file("changed.txt", b"something else");
    let (certificate, genesis) = (text(&certificate), text(&genesis));
    let (original, changed) = (text(&original), text(&changed));
    let judged = ["--trust", genesis, "--at", "2027-01-15T08:01:00Z"];
    let with =
        |args: &[&str]| [args, &judged].concat().iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>();
    let expect = |code: i32, args: &[&str]| {
        let args = with(args);
        place.expect(code, &args.iter().map(String::as_str).collect::<Vec<_>>())
    };

    // Only what verifies is packed.
    expect(1, &["certificate", "pack", certificate, "--original", changed, "--out", "no.zip"]);
    assert!(!place.path("no.zip").exists() && !place.path("no.zip.part").exists());
    expect(0, &["certificate", "pack", certificate, "--original", original, "--out", "a.zip", "--by", "me"]);
    expect(0, &["certificate", "pack", certificate, "--original", original, "--out", "b.zip", "--by", "me"]);
    let pack = fs::read(place.path("a.zip")).unwrap();
    assert_eq!(pack, fs::read(place.path("b.zip")).unwrap(), "equal contents, equal bytes");

    // Checked by whoever gets it, with its own trust: a stranger's ledger is unknown.
    assert!(expect(0, &["certificate", "check", "a.zip"]).contains("VALID"));
    place.expect(5, &["certificate", "check", "a.zip", "--at", "2027-01-15T08:01:00Z"]);
    let at = pack.windows(ORIGINAL.len()).position(|window| window == ORIGINAL).unwrap();
    let mut altered = pack.clone();
    altered[at] ^= 1;
    place.file("altered.zip", &altered);
    expect(1, &["certificate", "check", "altered.zip"]);
    expect(0, &["certificate", "unpack", "a.zip", "--out", "unpacked"]);
    assert_eq!(fs::read(place.path("unpacked/original/a.txt")).unwrap(), ORIGINAL);
    expect(2, &["certificate", "unpack", "a.zip", "--out", "unpacked"]);

    // A document says what the verdict says; equal input, equal bytes.
    expect(0, &["certificate", "pdf", certificate, "--original", original, "--out", "a.pdf"]);
    expect(0, &["certificate", "pdf", certificate, "--original", original, "--out", "b.pdf"]);
    let document = fs::read(place.path("a.pdf")).unwrap();
    assert!(document.starts_with(b"%PDF-") && document == fs::read(place.path("b.pdf")).unwrap());
    expect(
        1,
        &["certificate", "pdf", certificate, "--original", changed, "--out", "c.pdf", "--languages", "en"],
    );
    assert!(place.path("c.pdf").exists());
    expect(1, &["certificate", "pdf", certificate, "--original", changed, "--out", "d.pdf", "--only-valid"]);
    assert!(!place.path("d.pdf").exists());

    // A presented file.
    place.expect(0, &["compare", original, original]);
    let said = place.expect(1, &["compare", changed, original, "--json"]);
    assert!(said.contains("\"different\""), "{said}");
    expect(0, &["compare", original, "--certificate", certificate]);
    let said = expect(1, &["compare", changed, "--certificate", certificate]);
    assert!(said.contains("NOT IDENTICAL"), "{said}");
}
