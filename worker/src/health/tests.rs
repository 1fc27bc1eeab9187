//! Over real sockets, with a Redis that is away, one that hangs and one that answers.

use clap::Parser;
use serde_json::Value;
use shared::{config::RedisConfig, listen::listen};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::task::TaskTracker;

use super::*;

#[derive(Parser)]
struct Settings {
    #[command(flatten)]
    redis: RedisConfig,
}

/// A worker's health server whose Redis is at this port.
fn server(redis_port: u16) -> (u16, Lifecycle) {
    let url = format!("--redis-url=redis://127.0.0.1:{redis_port}");
    let redis = RedisPool::new(&Settings::parse_from(["test", &url]).redis).unwrap();
    let lifecycle = Lifecycle::new();
    let health = Health::new(redis, Arc::default(), Service::FlashcardWorker, &lifecycle);
    let listener = listen(0).unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = lifecycle.clone();
    lifecycle.tasks().spawn(async move { serve(listener, health, &serving).await });
    (port, lifecycle)
}

/// A Redis that says `reply` to every command, each of which begins with an asterisk.
async fn redis_that_says(reply: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let tasks = TaskTracker::new();
    tasks.clone().spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tasks.spawn(async move {
                let mut commands = [0; 4_096];
                while let Ok(length @ 1..) = connection.read(&mut commands).await {
                    let count = commands[..length].split(|byte| *byte == b'*').count() - 1;
                    connection.write_all(&reply.repeat(count)).await.unwrap();
                }
            });
        }
    });
    port
}

async fn get(port: u16, path: &str) -> (u16, Value) {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
}

#[tokio::test]
async fn without_redis_it_is_degraded_and_not_ready() {
    // Nothing listens on a port that was given out a moment ago.
    let away = listen(0).unwrap().local_addr().unwrap().port();
    for redis_port in [away, redis_that_says(b"").await] {
        let (port, lifecycle) = server(redis_port);
        let (status, body) = tokio::time::timeout(Duration::from_secs(1), get(port, "/api/health")).await.unwrap();
        assert_eq!((status, &body["status"], &body["service"]), (200, &"degraded".into(), &"worker".into()));
        let (status, body) = get(port, "/api/ready").await;
        assert_eq!((status, &body["ready"]), (503, &false.into()));
        lifecycle.finish().await;
    }
}

#[tokio::test]
async fn with_redis_it_is_healthy_and_ready_until_it_drains() {
    let (port, lifecycle) = server(redis_that_says(b"+PONG\r\n").await);
    let (status, body) = get(port, "/api/health").await;
    assert_eq!((status, &body["status"], &body["pid"]), (200, &"healthy".into(), &std::process::id().into()));
    assert!(body["uptime"].is_number() && body["timestamp"].as_str().unwrap().ends_with('Z'), "{body}");
    for name in ["processed", "succeeded", "failed", "currentlyProcessing", "peakConcurrency"] {
        assert_eq!(body["stats"][name], 0, "{name}");
    }
    assert_eq!(get(port, "/api/ready").await.0, 200);
    lifecycle.drain().cancel();
    assert_eq!(get(port, "/api/ready").await.0, 503);
    assert_eq!(get(port, "/api/health").await.0, 200);
    lifecycle.finish().await;
}

#[test]
fn the_success_rate_is_a_percentage() {
    for (succeeded, failed, rate) in [(0, 0, 100.0), (1, 0, 100.0), (2, 1, 66.67), (0, 5, 0.0)] {
        assert!((success_rate(succeeded, failed) - rate).abs() < 1e-9, "{succeeded} {failed}");
    }
}
