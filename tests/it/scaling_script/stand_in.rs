//! A backend of two processes as many are: jobs are shared, and each process counts users and calls for itself.

use std::{
    collections::HashSet,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The limit of each user.
const LIMIT: usize = 20;

/// It ends with this value.
pub(super) struct StandIn {
    port: u16,
    stop: CancellationToken,
}

/// What one process knows.
#[derive(Default)]
struct Process {
    /// The bodies of requests for cards, in the order in which they came.
    asked: Vec<String>,
}

impl StandIn {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let processes = [("one", Arc::default()), ("two", Arc::default())];
        let connections = tasks.clone();
        tasks.spawn(stop.clone().run_until_cancelled_owned(async move {
            for (name, process) in processes.iter().cycle() {
                let (client, _) = listener.accept().await.unwrap();
                connections.spawn(answer(client, name, Arc::clone(process)));
            }
        }));
        Self { port, stop }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn answer(mut client: TcpStream, name: &str, process: Arc<Mutex<Process>>) {
    let request = read(&mut client).await;
    let (status, more, body) = process.lock().unwrap().answer(&request);
    let head = format!(
        "HTTP/1.1 {status} x\r\nx-replica-id: {name}\r\n{more}connection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    client.write_all((head + &body).as_bytes()).await.unwrap();
}

/// A request with its body.
async fn read(client: &mut TcpStream) -> String {
    let mut request = String::new();
    let mut piece = [0; 4096];
    loop {
        let length = client.read(&mut piece).await.unwrap();
        request.push_str(std::str::from_utf8(&piece[..length]).unwrap());
        let Some((head, body)) = request.split_once("\r\n\r\n") else { continue };
        let announced =
            head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if length == 0 || body.len() >= announced.unwrap_or(0) {
            return request;
        }
    }
}

impl Process {
    fn answer(&mut self, request: &str) -> (u16, String, String) {
        let path = request.split(' ').nth(1).unwrap();
        if path.starts_with("/api/ai/generate-flashcards") {
            self.asked.push(request.split_once("\r\n\r\n").unwrap().1.to_owned());
            let left = LIMIT - self.asked.len();
            let limits =
                format!("ratelimit: \"user-ai\";r={left};t=60\r\nratelimit-policy: \"user-ai\";q={LIMIT};w=60\r\n");
            return (202, limits, r#"{"success":true,"jobId":"a-job"}"#.to_owned());
        }
        let body = if path.starts_with("/api/ai/status") {
            // One call for each text, whoever asks for it.
            let texts = self.asked.iter().map(|body| body.split_once(r#","subject""#).unwrap().0);
            let calls = texts.collect::<HashSet<_>>().len();
            format!(r#"{{"requestsThisMinute":{calls},"requestsPerMinute":50,"tokensPerMinute":90000}}"#)
        } else if path.starts_with("/api/job-status/") {
            r#"{"success":true,"status":"completed"}"#.to_owned()
        } else {
            "{}".to_owned()
        };
        (200, String::new(), body)
    }
}
