use futures::TryStreamExt as _;

use super::*;
use crate::fixtures::S3;

/// What holds in a directory and in a bucket alike.
async fn check(objects: &Objects) {
    objects.probe().await.unwrap();
    assert_eq!(objects.get("tile/0/000", 10).await.unwrap(), None);
    assert_eq!(objects.size("tile/0/000").await.unwrap(), None);
    assert_eq!(objects.get_range("tile/0/000", 0..1).await.unwrap(), None);
    objects.delete("tile/0/000").await.unwrap();

    objects.put("tile/0/000", Bytes::from_static(b"first")).await.unwrap();
    objects.put("tile/0/000", Bytes::from_static(b"second")).await.unwrap();
    assert_eq!(objects.get("tile/0/000", 6).await.unwrap().unwrap(), "second");
    assert_eq!(objects.size("tile/0/000").await.unwrap(), Some(6));
    assert_eq!(objects.get_range("tile/0/000", 1..4).await.unwrap().unwrap(), "eco");
    let long = objects.get("tile/0/000", 5).await.unwrap_err();
    assert!(matches!(long, ObjectsError::TooLong { bytes: 6, bytes_max: 5, .. }), "{long}");

    assert!(!objects.put_if_absent("tile/0/000", Bytes::from_static(b"third")).await.unwrap());
    assert!(objects.put_if_absent("tile/0/001", Bytes::from_static(b"third")).await.unwrap());
    assert_eq!(objects.get("tile/0/000", 6).await.unwrap().unwrap(), "second");

    let mut long = objects.upload("tile-of-parts").await.unwrap();
    let piece: Vec<u8> = (0..PART_BYTES / 2 + 1).map(|n| n as u8).collect();
    for _ in 0..3 {
        long.write(&piece).await.unwrap();
    }
    assert_eq!(objects.size("tile-of-parts").await.unwrap(), None, "not whole yet");
    long.finish().await.unwrap();
    let whole = objects.get("tile-of-parts", u64::MAX).await.unwrap().unwrap();
    assert!(whole == piece.repeat(3), "the parts in their order");
    let mut dropped = objects.upload("dropped").await.unwrap();
    dropped.write(b"a little").await.unwrap();
    dropped.abort().await.unwrap();
    assert_eq!(objects.size("dropped").await.unwrap(), None);

    let list = async |folder: &str| {
        let mut found: Vec<_> = objects.list(folder).unwrap().try_collect().await.unwrap();
        found.sort_by(|a: &Listed, b| a.name.cmp(&b.name));
        found.into_iter().map(|one| (one.name, one.bytes)).collect::<Vec<_>>()
    };
    let tiles = [("tile/0/000".to_owned(), 6), ("tile/0/001".to_owned(), 5)];
    assert_eq!(list("tile").await, tiles, "a folder is not what merely begins with its letters");
    assert_eq!(list("tile/1").await, []);
    assert_eq!(list("").await.len(), 3);

    objects.delete("tile/0/000").await.unwrap();
    assert_eq!(list("tile").await, tiles[1..]);
}

#[tokio::test]
async fn a_directory_keeps_objects() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("file://{}", dir.path().display());
    check(&Objects::open(&url, &Access::default()).unwrap()).await;
}

#[tokio::test]
async fn a_bucket_keeps_objects() {
    let Some(service) = S3::start() else { return };
    let other = Objects::open("s3://evidence/other", &service.access()).unwrap();
    other.put("tile/0/000", Bytes::from_static(b"of another ledger")).await.unwrap();
    check(&Objects::open("s3://evidence/a/b/", &service.access()).unwrap()).await;
    assert_eq!(other.get("tile/0/000", 100).await.unwrap().unwrap(), "of another ledger");

    let missing = Objects::open("s3://no-such-bucket", &service.access()).unwrap();
    let refused = missing.put("a", Bytes::from_static(b"1")).await.unwrap_err();
    assert!(refused.is_passing() && refused.to_string().contains("no-such-bucket/a"), "{refused}");
    assert!(!refused.to_string().contains("very secret"), "{refused}");
    missing.probe().await.unwrap_err();
}

#[tokio::test]
async fn a_service_that_is_not_there_is_named() {
    let access = Access {
        endpoint: Some("http://127.0.0.1:1".to_owned()),
        key_id: Some("test".to_owned()),
        secret: Some("very secret".to_owned()),
        plain_http: true,
        ..Access::default()
    };
    assert!(!format!("{access:?}").contains("secret"));
    let refused = Objects::open("s3://evidence", &access).unwrap().get("a", 1).await.unwrap_err();
    assert!(matches!(&refused, ObjectsError::Failed { name, what: "read", .. } if name == "a"), "{refused}");
    assert!(!refused.to_string().contains("very secret"), "{refused}");
}

#[test]
fn places_that_cannot_be_are_refused() {
    let refused = |url: &str, access: &Access| Objects::open(url, access).err().unwrap();
    for url in [
        "",
        "archive",
        "/archive",
        "http://example.com",
        "file://archive",
        "s3://",
        "s3:///prefix",
        "s3://b/a//c",
    ] {
        assert!(matches!(refused(url, &Access::default()), ObjectsError::Url { .. }), "{url}");
    }
    let dir = tempfile::tempdir().unwrap();
    let missing = format!("file://{}/unmounted", dir.path().display());
    assert!(matches!(refused(&missing, &Access::default()), ObjectsError::Url { .. }));
    assert!(!dir.path().join("unmounted").exists());
    let plain = Access { endpoint: Some("http://example.com".to_owned()), ..Access::default() };
    assert!(matches!(refused("s3://evidence", &plain), ObjectsError::PlainHttp { .. }));
    let half = Access { key_id: Some("test".to_owned()), ..Access::default() };
    assert!(matches!(refused("s3://evidence", &half), ObjectsError::Url { .. }));
}

#[tokio::test]
async fn names_that_climb_out_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("file://{}", dir.path().display());
    let objects = Objects::open(&url, &Access::default()).unwrap();
    for name in ["", "..", "a/../b", "/a", "a/", "a//b", ".", "a b", "a%2fb", "a#1", "证"] {
        let refused = objects.put(name, Bytes::new()).await.unwrap_err();
        assert!(matches!(refused, ObjectsError::Name { .. }), "{name}");
    }
}
