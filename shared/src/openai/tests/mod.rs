//! The client against servers that say exactly what a test wants, byte for byte.

mod cases;
mod replies;
mod transport;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use clap::Parser;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::{ChatAnswer, ChatRequest, Door, OpenAi, OpenAiError};
use crate::config::OpenAiConfig;

/// What the server does after its reply.
#[derive(Clone, Copy)]
enum Then {
    Close,
    Stall,
}

/// A server that gives every request the same reply; it ends with the test.
struct Upstream {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl Upstream {
    async fn start(reply: impl Into<Vec<u8>>, then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (reply, seen) = (Arc::<[u8]>::from(reply.into()), requests.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (mut connection, _) = listener.accept().await.unwrap();
                let (reply, seen) = (reply.clone(), seen.clone());
                connections.spawn(async move {
                    let request = read_request(&mut connection).await;
                    seen.lock().unwrap().push(request);
                    // The client hangs up on a reply that is too large.
                    let _ = connection.write_all(&reply).await;
                    if matches!(then, Then::Stall) {
                        std::future::pending::<()>().await;
                    }
                });
            }
        });
        Self { address, requests, _tasks: tasks }
    }

    /// A call that has all the time in the world, on a busy machine too.
    async fn ask(&self) -> Result<ChatAnswer, OpenAiError> {
        self.ask_within(Duration::from_mins(1)).await
    }

    async fn ask_within(&self, timeout: Duration) -> Result<ChatAnswer, OpenAiError> {
        let client = client(&format!("http://{}/v1/", self.address), timeout);
        sendable(client.chat(&question(), open())).await
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// A door that lets every call go.
fn open() -> Door {
    Box::pin(std::future::ready(Ok(())))
}

/// A worker moves a call between its threads.
fn sendable<T: Send>(future: T) -> T {
    future
}

async fn read_request(connection: &mut TcpStream) -> String {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if body.len() == length.parse::<usize>().unwrap() {
                return text.into_owned();
            }
        }
        assert_ne!(connection.read_buf(&mut request).await.unwrap(), 0, "half a request");
    }
}

#[derive(Parser)]
struct Settings {
    #[command(flatten)]
    openai: OpenAiConfig,
}

fn settings(base: &str, key: &str) -> OpenAiConfig {
    Settings::parse_from(["test", "--openai-base-url", base, "--openai-api-key", key, "--openai-model", "m"]).openai
}

fn client(base: &str, timeout: Duration) -> OpenAi {
    OpenAi::with_timeout(&settings(base, "sk-test"), timeout).unwrap()
}

fn question() -> ChatRequest {
    ChatRequest {
        request_id: "job-1.2".into(),
        system: "Make cards.".into(),
        user: "A text of a learner.".into(),
        schema_name: "flashcards",
        schema: json!({"type": "object"}),
        max_output_tokens: 100,
    }
}

fn reply(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}
