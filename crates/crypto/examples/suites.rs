//! What a signature costs under each suite, in microseconds of one thread: `cargo run --release -p xiezhi-crypto --example suites`.
//!
//! A message of 300 bytes, about what a deposit's signature covers. Batched: 512 signatures of 512 keys at once, as a node checks what waits at its door.

use std::time::Instant;

use xiezhi_crypto::{BatchItem, PublicKey, SignatureAlg, SigningKey, verify_all};

const KEYS: usize = 512;
const MESSAGE_BYTES: usize = 300;
const ROUNDS: usize = 8;

/// Microseconds for each of `count`, the best of [`ROUNDS`].
fn micros(count: usize, mut work: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        work();
        best = best.min(begun.elapsed().as_secs_f64() * 1e6 / count as f64);
    }
    best
}

fn main() {
    println!("{:<10} {:>10} {:>10} {:>10} {:>10}", "suite", "sign", "verify", "batched", "ratio");
    let mut first = None;
    for alg in SignatureAlg::ALL {
        let key = |number: usize| {
            let mut seed = [0x21; 32];
            seed[..8].copy_from_slice(&(number as u64).to_be_bytes());
            SigningKey::from_seed(alg, &seed).expect("a seed")
        };
        let message = vec![0x5a; MESSAGE_BYTES];
        let keys: Vec<SigningKey> = (0..KEYS).map(key).collect();
        let mut signatures: Vec<Vec<u8>> = Vec::new();
        let sign = micros(KEYS, || signatures = keys.iter().map(|key| key.sign(&message)).collect());
        let public: Vec<PublicKey> = keys.iter().map(SigningKey::public_key).collect();
        let pairs = || public.iter().zip(&signatures);
        let verify = micros(KEYS, || {
            assert!(pairs().all(|(key, signature)| key.verify(&message, signature).is_ok()));
        });
        let items: Vec<_> =
            pairs().map(|(key, signature)| BatchItem { key, message: &message, signature }).collect();
        let batched = micros(KEYS, || assert!(verify_all(&items, [7; 32]).into_iter().all(|held| held)));
        let ratio = batched / *first.get_or_insert(batched);
        println!("{:<10} {sign:>10.1} {verify:>10.1} {batched:>10.1} {ratio:>10.1}", alg.name());
    }
}
