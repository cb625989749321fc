//! Writes the fixtures' certificate as a document, and says how long one takes: `cargo run --release --example timing -p xiezhi-document -- FILE.pdf`.

use std::time::Instant;

use xiezhi_document::{Request, render};
use xiezhi_verify::{
    Input, Lang,
    fixtures::{DECLARED, Fixture, ORIGINAL, Plan, exhibit},
};

fn main() {
    let fixture = Fixture::new();
    let (bytes, exhibit, anchors) =
        (fixture.certificate(&Plan::default()).encode(), exhibit(ORIGINAL), [fixture.anchor()]);
    let mut input = Input {
        certificate: &bytes,
        anchors: &anchors,
        exhibit: &exhibit,
        record_only: false,
        declared_time: DECLARED,
        known_checkpoints: &[],
    };
    let one = |input: Input<'_>| {
        let page = Some("https://verify.example/certificate");
        render(&Request {
            input,
            languages: &[Lang::Zh, Lang::En],
            verification_page: page,
            logos: &[],
            only_valid: false,
        })
        .expect("a document")
    };
    let start = Instant::now();
    let document = one(input);
    println!("first: {:?}, {} bytes", start.elapsed(), document.pdf.len());
    const TIMES: u64 = 20;
    let start = Instant::now();
    for at in 1..=TIMES {
        input.declared_time.0 = DECLARED.0 + at * 1000;
        one(input);
    }
    println!("then: {:?} each", start.elapsed() / u32::try_from(TIMES).expect("small"));
    if let Some(path) = std::env::args().nth(1) {
        std::fs::write(path, document.pdf).expect("the file can be written");
    }
}
