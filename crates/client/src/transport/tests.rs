use std::sync::atomic::AtomicU32;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;

/// A node that gives `answer` to every request and counts connections and requests.
async fn node(answer: &'static str) -> (String, Arc<AtomicU32>, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (connections, requests) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let counters = (connections.clone(), requests.clone());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            counters.0.fetch_add(1, Ordering::SeqCst);
            let requests = counters.1.clone();
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while stream.read(&mut buffer).await.is_ok_and(|n| n > 0) {
                    requests.fetch_add(1, Ordering::SeqCst);
                    if answer.is_empty() {
                        return;
                    }
                    let _ = stream.write_all(answer.as_bytes()).await;
                }
            });
        }
    });
    (url, connections, requests)
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
const UNAVAILABLE: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: 7\r\n\
    content-length: 106\r\n\r\n{\"type\":\"urn:xiezhi:problem:busy\",\"title\":\"Busy\",\"status\":503,\"detail\":\"3 statements wait\",\"code\":\"busy\"}  ";

async fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn only_addresses_of_nodes_are_taken() {
    for wrong in ["", "127.0.0.1:80", "ftp://a", "http://", "http://a?b", "https://"] {
        assert!(matches!(Transport::new(&[wrong]), Err(ClientError::Url { .. })), "{wrong}");
    }
    assert!(matches!(Transport::new(&[]), Err(ClientError::Url { .. })));
}

#[tokio::test]
async fn one_connection_carries_many_requests() {
    let (url, connections, requests) = node(OK).await;
    let transport = Transport::new(&[&url]).unwrap();
    for _ in 0..20 {
        transport.send(&Ask::get("/v1/status")).await.unwrap();
    }
    assert_eq!((connections.load(Ordering::SeqCst), requests.load(Ordering::SeqCst)), (1, 20));
}

#[tokio::test]
async fn a_node_that_is_down_or_says_503_is_passed_over_and_not_asked_first_again() {
    let (up, _, _) = node(OK).await;
    let (busy, _, asked) = node(UNAVAILABLE).await;
    let down = closed_port().await;
    let transport = Transport::new(&[&down, &busy, &up]).unwrap();
    for _ in 0..3 {
        assert!(transport.send(&Ask::get("/")).await.unwrap().url.starts_with(&up));
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_503_of_every_node_is_a_problem_with_its_code_and_delay() {
    let (url, _, _) = node(UNAVAILABLE).await;
    let transport = Transport::new(&[&url]).unwrap();
    let error = transport.send(&Ask::get("/")).await.err().unwrap();
    assert_eq!((error.code(), error.retry_after_s()), (Some("busy"), Some(7)), "{error}");
}

#[tokio::test]
async fn a_node_that_is_no_node_is_a_protocol_error() {
    let (url, _, _) = node("HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\n\r\nnginx").await;
    let error = Transport::new(&[&url]).unwrap().send(&Ask::get("/")).await.err().unwrap();
    assert!(matches!(&error, ClientError::Protocol { status: 404, .. }), "{error}");
}

#[tokio::test]
async fn an_unreachable_node_is_named_with_the_reason() {
    let down = closed_port().await;
    let error = Transport::new(&[&down]).unwrap().send(&Ask::get("/")).await.err().unwrap();
    let ClientError::Network { tried } = &error else { panic!("{error}") };
    assert!(tried.iter().all(|one| one.node == down && !one.timeout), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn silence_ends_in_a_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut transport = Transport::new(&[&url]).unwrap();
    transport.timeout = Duration::from_millis(50);
    let error = transport.send(&Ask::get("/")).await.err().unwrap();
    let ClientError::Network { tried } = &error else { panic!("{error}") };
    assert!(tried.len() == 1 && tried[0].timeout, "{error}");
}

#[tokio::test]
async fn a_connection_that_closes_without_an_answer_is_tried_once_more() {
    let (url, connections, _) = node("").await;
    let error = Transport::new(&[&url]).unwrap().send(&Ask::get("/")).await.err().unwrap();
    assert!(matches!(error, ClientError::Network { .. }));
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}
