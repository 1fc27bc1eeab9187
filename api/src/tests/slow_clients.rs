//! Clients that are slow, endless or make no sense, on real sockets: each hears what is wrong, and its connection ends.

use std::time::Duration;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::app::App;
use crate::serve;

/// More than all of this takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Serves for as long as `client` takes, which gets the port.
async fn serving<T>(settings: &[&str], client: impl AsyncFnOnce(u16) -> T) -> T {
    let app = App::without_redis_but(settings).await;
    let listener = shared::listen::listen(0).unwrap();
    let port = listener.local_addr().unwrap().port();
    let client = async {
        let result = timeout(PATIENCE, client(port)).await.expect("no answer comes");
        app.lifecycle.drain().cancel();
        result
    };
    let (served, result) = tokio::join!(serve(listener, app.state.clone(), &app.lifecycle), client);
    served.unwrap();
    result
}

/// Everything that the server says until it closes the connection.
async fn exchange(port: u16, bytes: &[u8]) -> String {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    connection.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_head_that_does_not_end_is_answered_with_408() {
    let answer = serving(&["--api-idle-seconds", "1"], async |port| {
        exchange(port, b"GET /api/health HTTP/1.1\r\nhost: x\r\nx-slow: ").await
    })
    .await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{head}");
    assert!(head.contains("content-type: application/problem+json") && head.contains("connection: close"), "{head}");
    let problem: Value = serde_json::from_str(body).unwrap();
    assert_eq!((&problem["code"], &problem["field"]), (&"head_timeout".into(), &"headers".into()));
}

#[tokio::test]
async fn an_idle_connection_is_closed_without_a_word() {
    let nothing = serving(&["--api-idle-seconds", "1"], async |port| exchange(port, b"").await).await;
    assert_eq!(nothing, "");
    let answer = serving(&["--api-idle-seconds", "1"], async |port| {
        exchange(port, b"GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n").await
    })
    .await;
    assert!(answer.starts_with("HTTP/1.1 404 ") && !answer.contains("408"), "{answer}");
}

#[tokio::test]
async fn heads_that_are_none_are_refused() {
    let many = "x-n: y\r\n".repeat(200);
    let large = format!("x-large: {}\r\n", "y".repeat(100_000));
    for (head, status) in [
        ("\0\x01\x02\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/9.9\r\nhost: x\r\n\r\n".to_owned(), "400"),
        ("GE T / HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n".to_owned(), "400"),
        ("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n".to_owned(), "400"),
        ("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n".to_owned(), "400"),
        (format!("GET / HTTP/1.1\r\nhost: x\r\n{many}\r\n"), "431"),
        (format!("GET / HTTP/1.1\r\nhost: x\r\n{large}\r\n"), "431"),
        (format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "y".repeat(100_000)), "431"),
    ] {
        let answer = serving(&[], async |port| exchange(port, head.as_bytes()).await).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{status} for {head:.60}: {answer}");
    }
}

#[tokio::test]
async fn a_body_in_endless_chunks_ends_at_its_limit() {
    let answer = serving(&[], async |port| {
        let connection = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let (mut reading, mut writing) = connection.into_split();
        let head = "POST /api/v1/flashcards HTTP/1.1\r\nhost: x\r\nuser-id: u\r\ncontent-type: application/json\r\n\
            transfer-encoding: chunked\r\n\r\n";
        let writes = async {
            let chunk = [&b"1000\r\n"[..], &[b' '; 0x1000], b"\r\n"].concat();
            let mut written = writing.write_all(head.as_bytes()).await;
            // Until the server closes the connection.
            while written.is_ok() {
                written = writing.write_all(&chunk).await;
            }
        };
        let mut status = [0; 12];
        let (read, ()) = tokio::join!(reading.read_exact(&mut status), writes);
        read.unwrap();
        String::from_utf8_lossy(&status).into_owned()
    })
    .await;
    assert_eq!(answer, "HTTP/1.1 413");
}

#[tokio::test]
async fn a_body_that_breaks_off_or_is_no_chunk_is_a_400() {
    let head = "POST /api/v1/flashcards HTTP/1.1\r\nhost: x\r\nuser-id: u\r\ncontent-type: application/json\r\n";
    let chunks = format!("{head}transfer-encoding: chunked\r\n\r\nnonsense\r\n");
    let answer = serving(&[], async |port| exchange(port, chunks.as_bytes()).await).await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("unreadable_body"), "{answer}");
    let answer = serving(&[], async |port| {
        let mut connection = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        connection.write_all(format!("{head}content-length: 100\r\n\r\n{{").as_bytes()).await.unwrap();
        connection.shutdown().await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        answer
    })
    .await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("unreadable_body"), "{answer}");
}
