use super::Authorities;

/// The most of `pairs` of which no two share a subject or a key, by trying every subset.
fn oracle(pairs: &[(usize, usize)]) -> usize {
    let differ = |chosen: u32| {
        let chosen: Vec<_> =
            (0..pairs.len()).filter(|at| chosen >> at & 1 == 1).map(|at| pairs[at]).collect();
        let pairwise = chosen
            .iter()
            .enumerate()
            .all(|(at, one)| chosen[at + 1..].iter().all(|other| one.0 != other.0 && one.1 != other.1));
        pairwise.then_some(chosen.len())
    };
    (0..1 << pairs.len()).filter_map(differ).max().unwrap_or(0)
}

#[test]
fn the_largest_set_of_different_authorities_is_found() {
    let count = |pairs: &[(usize, usize)]| {
        let subjects = vec![Vec::new(); 4];
        let key = xiezhi_pki::P256Key::from_bytes(&[1; 32]).unwrap().public_key().into();
        Authorities { subjects, keys: vec![key; 4], pairs: pairs.to_vec() }.different()
    };
    // The first shares its subject with one and its key with the other.
    assert_eq!(count(&[(0, 0), (0, 1), (1, 0)]), 2);
    // Every way of four stamps among three subjects and three keys.
    for mut number in 0..9usize.pow(4) {
        let pairs: Vec<_> = (0..4)
            .map(|_| {
                let pair = (number % 3, number / 3 % 3);
                number /= 9;
                pair
            })
            .collect();
        assert_eq!(count(&pairs), oracle(&pairs), "{pairs:?}");
    }
}
