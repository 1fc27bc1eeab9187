//! What one client keeps open takes nothing from others, and a proven user does not share the limits of an address.

use std::time::Duration;

use futures_util::{StreamExt, future::join_all, stream::FuturesUnordered};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::Command,
    time::timeout,
};

use crate::{
    harness::{PATIENCE, Process, System, chapter, path_of},
    identity::{SECRET, nobodys, token},
};

/// What one user may keep open.
const HELD: u32 = 5;
/// What one replica has in hand at most.
const ROOM: u32 = 20;

async fn with_tokens(system: &mut System, auth: &str) -> Process {
    system.set_text("AUTH", auth.to_owned());
    system.set_text("JWT_SECRET", SECRET.to_owned());
    system.api().await
}

/// Begins a request and sends one byte of its body; the status, should there be one.
async fn slow_body(api: &Process, user: &str) -> String {
    let url = api.url("/api/v1/flashcards").parse::<reqwest::Url>().unwrap();
    let address = (url.host_str().unwrap(), url.port().unwrap());
    let mut connection = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /api/v1/flashcards HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         content-length: 1000\r\n\r\n{{",
        token(user)
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut status = [0; 12];
    connection.read_exact(&mut status).await.unwrap();
    String::from_utf8_lossy(&status[9..]).into_owned()
}

#[tokio::test]
async fn one_users_slow_bodies_and_waits_leave_room_for_others() {
    let mut system = System::new().await;
    system.set("API_MAX_CONCURRENT", ROOM);
    system.set("API_MAX_HELD_PER_USER", HELD);
    let api = with_tokens(&mut system, "jwt").await;
    let submit = |user: &'static str, number: usize| {
        let request = system.http.post(api.url("/api/v1/flashcards")).bearer_auth(token(user));
        request.json(&nobodys(&chapter(number, 1))).send()
    };
    let accepted: Value = submit("mallory", 1).await.unwrap().json().await.unwrap();

    let mut slow: FuturesUnordered<_> = (0..3 * ROOM).map(|_| slow_body(&api, "mallory")).collect();
    for _ in HELD..3 * ROOM {
        let refused = timeout(PATIENCE, slow.next()).await.expect("an answer to what is too many");
        assert_eq!(refused.as_deref(), Some("429"));
    }
    // The rest is still on its way.
    let url = api.url(&format!("/api/v1/jobs/{}?wait=60", accepted["id"].as_str().unwrap()));
    let wait = system.http.get(url).bearer_auth(token("mallory")).send().await.unwrap();
    assert_eq!((wait.status(), wait.headers()["retry-after"].to_str().unwrap()), (StatusCode::TOO_MANY_REQUESTS, "5"));
    let problem: Value = wait.json().await.unwrap();
    assert_eq!(problem["code"], "too_many_held_requests", "{problem}");
    for number in 2..12 {
        assert_eq!(submit("ada", number).await.unwrap().status(), 202);
    }
    assert!(timeout(Duration::ZERO, slow.next()).await.is_err(), "those within the limit are not answered yet");
    drop(slow);
}

#[tokio::test]
async fn proven_users_behind_one_address_do_not_share_its_limits() {
    let mut system = System::new().await;
    system.set("IP_AI_LIMIT_PER_MIN", 3);
    system.set("IP_GENERAL_LIMIT_PER_15MIN", 3);
    let api = with_tokens(&mut system, "jwt,api-key,trust-client").await;
    let pupils = join_all((0..40).map(async |number| {
        let user = format!("pupil-{number}");
        let body = nobodys(&chapter(number, 1));
        let asked = system.asks(&api, Method::POST, "/api/v1/flashcards", &user).json(&body).send().await.unwrap();
        let list = system.asks(&api, Method::GET, "/api/v1/jobs", &user).send().await.unwrap();
        (asked.status().as_u16(), list.status().as_u16())
    }));
    assert!(pupils.await.iter().all(|statuses| *statuses == (202, 200)));

    let mut command = Command::new(path_of("unilingo"));
    command.args(["keys", "create", "--name", "partner", "--scope", "submit", "--json"]).envs(system.settings());
    let created: Value = serde_json::from_slice(&command.output().await.unwrap().stdout).unwrap();
    for number in 100..110 {
        let request =
            system.http.post(api.url("/api/v1/flashcards")).header("x-api-key", created["text"].as_str().unwrap());
        assert_eq!(request.json(&nobodys(&chapter(number, 1))).send().await.unwrap().status(), 202);
    }

    let mut statuses = Vec::new();
    for number in 200..204 {
        let request = system.http.post(api.url("/api/v1/flashcards")).header("user-id", format!("user-{number}"));
        statuses.push(request.json(&nobodys(&chapter(number, 1))).send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [202, 202, 202, 429], "whom nothing proves has the limits of the address");
    for _ in 0..4 {
        let nonsense = system.asks(&api, Method::POST, "/api/v1/flashcards", "pupil-0").json(&json!({}));
        assert_eq!(nonsense.send().await.unwrap().status(), 400, "what is refused is no matter of the address either");
    }
}
