//! What shipped apps and operators' scripts send, and what they read in the answers: a recorded set, played against two api
//! replicas behind a round-robin proxy, with workers as processes of their own.

mod shape;

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use serde_json::{Map, Value};

use self::shape::fits;
use crate::harness::{Process, RoundRobin, System, chapter, form};

const RECORDED: &str = include_str!("recorded.json");
const ADMIN_TOKEN: &str = "it-token";

/// One request and the shape of its answer. `{name}` in a text stands for what an earlier answer had there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exchange {
    /// What it shows.
    about: String,
    /// `METHOD /path`.
    request: String,
    #[serde(default)]
    headers: Map<String, Value>,
    body: Option<Value>,
    /// The fields of a form; `audio` names a file beside the tests.
    form: Option<Map<String, Value>>,
    /// A body that is not JSON.
    raw: Option<String>,
    status: u16,
    /// Headers of the answer: a text, or a shape.
    #[serde(default)]
    answer_headers: Map<String, Value>,
    /// Shape of the answer; events of a stream in their order.
    answer: Value,
    /// Fields that an answer must not have.
    #[serde(default)]
    without: Vec<String>,
    /// Repeated until the answer has this status in its body.
    until: Option<String>,
    /// Names for fields of the answer.
    #[serde(default)]
    keep: HashMap<String, String>,
}

/// The client of the set, which makes a connection for every request: so each goes to the next replica.
struct Player {
    http: reqwest::Client,
    proxy: RoundRobin,
    known: HashMap<String, String>,
    replicas: HashSet<String>,
}

async fn system() -> (System, Vec<Process>) {
    let mut system = System::new().await;
    system.set_text("ADMIN_TOKEN", ADMIN_TOKEN.to_owned());
    system.set("USER_AI_LIMIT_PER_MIN", 20);
    // All of them come from one address.
    system.set("IP_AI_LIMIT_PER_MIN", 1_000);
    system.set("USER_PRONUNCIATION_LIMIT_PER_MIN", 3);
    system.set("AZURE_SPEECH_MAX_CONCURRENT", 20);
    system.set("IP_PRONUNCIATION_LIMIT_PER_MIN", 1_000);
    system.set("IP_GENERAL_LIMIT_PER_15MIN", 1_000);
    system.set("OPENAI_RATE_WINDOW_MS", 60_000);
    system.set("OPENAI_RATE_LIMIT_RPM", 1_000);
    system.set("OPENAI_RATE_LIMIT_TPM", 10_000_000);
    let processes = vec![system.api().await, system.api().await, system.worker("a").await, system.worker("b").await];
    let speech = system.start("pronunciation-worker", &[]).await;
    let processes = processes.into_iter().chain([speech]).collect();
    (system, processes)
}

#[tokio::test]
async fn what_shipped_apps_and_scripts_know_holds_behind_a_proxy() {
    let (_system, processes) = system().await;
    let proxy = RoundRobin::before(&[&processes[0], &processes[1]]).await;
    let http = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
    let known = (1..=9).map(|n| (format!("text{n}"), chapter(n, 2)));
    let known = known.chain([("admin".to_owned(), ADMIN_TOKEN.to_owned())]).collect();
    let mut player = Player { http, proxy, known, replicas: HashSet::new() };
    let recorded: Vec<Exchange> = serde_json::from_str(RECORDED).unwrap();
    assert!(recorded.len() >= 40, "{}", recorded.len());
    for exchange in &recorded {
        player.play(exchange).await;
    }
    assert_eq!(player.replicas.len(), 2, "both replicas have answered");
}

impl Player {
    /// The text with what is known in the place of its names.
    fn fill(&self, text: &str) -> String {
        self.known.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }

    fn fill_all(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.fill(text).into(),
            Value::Array(values) => values.iter().map(|value| self.fill_all(value)).collect(),
            Value::Object(fields) => {
                Value::Object(fields.iter().map(|(name, value)| (name.clone(), self.fill_all(value))).collect())
            }
            other => other.clone(),
        }
    }

    async fn play(&mut self, exchange: &Exchange) {
        let about = &exchange.about;
        loop {
            let answer = self.send(exchange).await;
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            self.replicas.insert(headers["x-replica-id"].to_str().unwrap().to_owned());
            let text = answer.text().await.unwrap();
            assert_eq!(status, exchange.status, "{about}: {text}");
            let body = if headers["content-type"] == "text/event-stream" {
                events(&text)
            } else {
                serde_json::from_str(&text).unwrap_or(Value::String(text))
            };
            if exchange.until.as_ref().is_some_and(|status| body["status"] != status.as_str()) {
                assert!(
                    ["waiting", "active", "delayed"].contains(&body["status"].as_str().unwrap()),
                    "{about}: {body}"
                );
                continue;
            }
            let expected = self.fill_all(&exchange.answer);
            fits(&body, &expected).unwrap_or_else(|why| panic!("{about}: {why} in {body:#}"));
            for field in &exchange.without {
                assert!(body.get(field).is_none(), "{about}: `{field}` in {body:#}");
            }
            for (name, shape) in &exchange.answer_headers {
                let value = headers.get(name).unwrap_or_else(|| panic!("{about}: no {name} in {headers:?}"));
                let value = Value::String(value.to_str().unwrap().to_owned());
                fits(&value, &self.fill_all(shape)).unwrap_or_else(|why| panic!("{about}: {name}: {why}"));
            }
            for (name, pointer) in &exchange.keep {
                let value = body.pointer(pointer).and_then(Value::as_str);
                let value = value.unwrap_or_else(|| panic!("{about}: no {pointer} in {body:#}"));
                self.known.insert(name.clone(), value.to_owned());
            }
            return;
        }
    }

    async fn send(&self, exchange: &Exchange) -> reqwest::Response {
        let (method, path) = exchange.request.split_once(' ').unwrap();
        let mut request = self.http.request(method.parse().unwrap(), self.proxy.url(&self.fill(path)));
        for (name, value) in &exchange.headers {
            request = request.header(name, self.fill(value.as_str().unwrap()));
        }
        if let Some(body) = &exchange.body {
            request = request.json(&self.fill_all(body));
        }
        if let Some(fields) = &exchange.form {
            let text = |name: &str| fields.get(name).and_then(Value::as_str);
            let audio = text("audio").map(|file| std::fs::read(format!("audio/{file}")).unwrap());
            let others = fields.keys().filter(|name| *name != "audio").map(|name| (name.as_str(), text(name).unwrap()));
            request = form(request, audio.as_deref(), &others.collect::<Vec<_>>());
        }
        if let Some(raw) = &exchange.raw {
            request = request.body(raw.clone());
        }
        request.send().await.unwrap()
    }
}

/// The events of a stream that has ended, each with its name as `event`.
fn events(text: &str) -> Value {
    let event = |block: &str| {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let mut event: Value = serde_json::from_str(field("data:")?).unwrap();
        event["event"] = field("event:")?.into();
        Some(event)
    };
    text.split("\n\n").filter_map(event).collect()
}
