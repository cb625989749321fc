//! A split view, from two certificates to the institutions' names.

mod place;

use place::{Place, text};
use xiezhi_verify::fixtures::{Fixture, Plan};

#[test]
fn two_certificates_of_a_split_view_make_a_proof_that_anyone_can_check() {
    let place = Place::new();
    let fixture = Fixture::new();
    let certificate =
        |name: &str, plan: &Plan| text(&place.file(name, &fixture.certificate(plan).encode())).to_owned();
    let first = certificate("first.xzc", &Plan::default());
    let second = certificate("second.xzc", &Plan { after: 7, sealers: vec![1, 3], ..Plan::default() });
    let genesis = text(&place.file("genesis.cbor", &fixture.genesis.encode())).to_owned();

    place.expect(1, &["equivocation", "prove", &first, &first, "--out", "none.cbor"]);
    assert!(!place.path("none.cbor").exists());
    place.expect(0, &["equivocation", "prove", &first, &second, "--out", "proof.cbor"]);
    place.expect(5, &["equivocation", "check", "proof.cbor"]);
    let said = place.expect(0, &["equivocation", "check", "proof.cbor", "--trust", &genesis]);
    assert!(said.contains("same-height") && said.contains("court, notary"), "{said}");
    let said = place.expect(0, &["equivocation", "check", "proof.cbor", "--trust", &genesis, "--json"]);
    assert!(said.contains("\"proven\""), "{said}");
    place.expect(1, &["equivocation", "check", &first, "--trust", &genesis]);
}
