use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// From C2SP tlog-checkpoint.
const EXAMPLE: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

fn parse(text: &str) -> Result<CheckpointBody, CheckpointError> {
    text.parse()
}

#[test]
fn the_example_of_the_specification_is_read_and_written() {
    let body = parse(EXAMPLE).expect("a checkpoint");
    assert_eq!(
        (body.origin(), body.size(), body.extensions().len()),
        ("example.com/behind-the-sofa", 20_852_163, 0)
    );
    assert_eq!(body.root()[..4], [0x0a, 0xc5, 0x18, 0x6a]);
    assert_eq!(body.to_string(), EXAMPLE);
}

#[test]
fn extension_lines_are_kept_as_they_are() {
    let text = format!("{EXAMPLE}sm3 CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n 证据链 = 1 \n");
    let body = parse(&text).expect("a checkpoint");
    assert_eq!(body.extensions()[1], " 证据链 = 1 ");
    assert_eq!(body.to_string(), text);
}

#[test]
fn every_other_spelling_is_refused() {
    let check = |text: &str, expected| assert_eq!(parse(text), Err(expected), "{text:?}");
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    let sized = |size: &str| format!("a\n{size}\n{root}\n");
    let rooted = |root: &str| format!("a\n1\n{root}\n");
    for text in ["", "\n", "\n\n", "a\n", "a\n1\n", &format!("a\n1\n{root}")] {
        assert!(parse(text).is_err(), "{text:?}");
    }
    for size in ["", "01", "00", "+1", "-1", " 1", "1 ", "1.0", "0x1", "１", "18446744073709551616"] {
        check(&sized(size), CheckpointError::BadSize);
    }
    assert_eq!(parse(&sized("0")).map(|body| body.size()), Ok(0));
    assert_eq!(parse(&sized("18446744073709551615")).map(|body| body.size()), Ok(u64::MAX));
    check(&rooted(&root[..43]), CheckpointError::BadRoot);
    check(&rooted(&root[..40]), CheckpointError::BadRoot);
    check(&rooted(&format!("{root} ")), CheckpointError::BadRoot);
    check(&rooted(&format!("AAAA{root}")), CheckpointError::BadRoot);
    // The two last bits do not belong to the hash.
    check(&rooted(&root.replace("2I=", "2J=")), CheckpointError::BadRoot);
    check(&rooted(&root.replace('/', "_")), CheckpointError::BadRoot);
    check(&format!("\n1\n{root}\n"), CheckpointError::BadLine { line: 1 });
    check(&format!("a\r\n1\n{root}\n"), CheckpointError::BadLine { line: 1 });
    check(&format!("{EXAMPLE}\n"), CheckpointError::BadLine { line: 4 });
    check(&format!("{EXAMPLE}x\n\ty\n"), CheckpointError::BadLine { line: 5 });
    check(&format!("{EXAMPLE}x\n\ny\n"), CheckpointError::BadLine { line: 5 });
}

#[test]
fn a_body_that_would_read_differently_is_not_made() {
    let new = |origin: &str, extension: &str| CheckpointBody::new(origin, 1, [0; 32], vec![extension.into()]);
    assert_eq!(new("", "x"), Err(CheckpointError::BadLine { line: 1 }));
    assert_eq!(new("a\nb", "x"), Err(CheckpointError::BadLine { line: 1 }));
    assert_eq!(new("a", ""), Err(CheckpointError::BadLine { line: 4 }));
    assert_eq!(new("a", "x\n\n— b AAAA"), Err(CheckpointError::BadLine { line: 4 }));
}

proptest! {
    #[test]
    fn a_body_comes_back(
        origin in "[^\\x00-\\x1f]{1,30}", size: u64, root: [u8; 32], extensions in vec("[^\\x00-\\x1f]{1,30}", 0..4),
    ) {
        let body = CheckpointBody::new(origin, size, root, extensions).expect("proper lines");
        prop_assert_eq!(parse(&body.to_string()), Ok(body));
    }

    #[test]
    fn what_parses_is_written_the_same(text in "(a\n|1\n|A{43}=\n|.|\n){1,6}") {
        if let Ok(body) = parse(&text) {
            prop_assert_eq!(body.to_string(), text);
        }
    }
}
