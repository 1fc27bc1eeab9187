//! The whole system as processes: api replicas and workers on a Redis of their own, with the simulator as upstream.

mod alert_rules;
mod crowd;
mod form;
mod lesson;
mod load;
mod long_forms;
mod process;
mod round_robin;
mod scraped;

use std::time::Duration;

use serde_json::{Value, json};
use shared::{
    config::{ContentSharing, JobsConfig},
    limiter::vouch,
    redis::Keys,
    testing::{
        TestRedis,
        simulator::{Arrival, RunningSimulator, Simulator, SimulatorConfig},
    },
};

pub(crate) use self::{
    alert_rules::assert_raises,
    crowd::{assert_completed, p95_ms},
    form::form,
    lesson::{chapter, lesson},
    load::{Load, Submitted},
    long_forms::long_forms,
    process::{Process, path_of},
    round_robin::RoundRobin,
    scraped::Scraped,
};

/// Long enough for everything that should happen.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
/// The queue of flashcard jobs.
pub(crate) const QUEUE: &str = "ai-jobs";
const PREFIX: &str = "it";

/// A system without processes yet.
pub(crate) struct System {
    pub(crate) redis: TestRedis,
    pub(crate) simulator: RunningSimulator,
    pub(crate) keys: Keys,
    pub(crate) http: reqwest::Client,
    settings: Vec<(&'static str, String)>,
}

impl System {
    /// Short leases and backoffs, so that what must wait for them does not take long.
    pub(crate) async fn new() -> Self {
        Self::on(TestRedis::start().await.unwrap()).await
    }

    pub(crate) async fn on(redis: TestRedis) -> Self {
        shared::tls::install();
        let keys = Keys::new(PREFIX);
        // Else a Redis that is new gives no permit for a whole window.
        vouch(&redis.patient_pool(), &keys).await.unwrap();
        let simulator = Simulator::start(SimulatorConfig::default()).unwrap();
        let settings = [
            ("REDIS_URL", redis.url()),
            ("QUEUE_PREFIX", PREFIX.to_owned()),
            ("AUTH", "trust-client".to_owned()),
            ("OPENAI_BASE_URL", simulator.base_url()),
            ("OPENAI_API_KEY", "test".to_owned()),
            ("OPENAI_RATE_LIMIT_RPM", "0".to_owned()),
            ("OPENAI_RATE_LIMIT_TPM", "0".to_owned()),
            ("OPENAI_MAX_CONCURRENT", "0".to_owned()),
            // A Redis that comes back gives no permit for one window.
            ("OPENAI_RATE_WINDOW_MS", "1000".to_owned()),
            ("USER_AI_LIMIT_PER_MIN", "0".to_owned()),
            ("IP_AI_LIMIT_PER_MIN", "0".to_owned()),
            ("AZURE_SPEECH_BASE_URL", simulator.speech_url()),
            ("AZURE_SPEECH_KEY", "test".to_owned()),
            ("AZURE_SPEECH_MAX_CONCURRENT", "0".to_owned()),
            // As OPENAI_RATE_WINDOW_MS; there, the time-out is the window.
            ("AZURE_SPEECH_TIMEOUT_SECONDS", "5".to_owned()),
            ("USER_PRONUNCIATION_LIMIT_PER_MIN", "0".to_owned()),
            ("IP_PRONUNCIATION_LIMIT_PER_MIN", "0".to_owned()),
            ("IP_GENERAL_LIMIT_PER_15MIN", "0".to_owned()),
            ("LEASE_SECONDS", "2".to_owned()),
            ("JOB_RETRY_BASE_MS", "1".to_owned()),
            ("JOB_RETRY_CAP_MS", "1".to_owned()),
            ("LOG_FORMAT", "json".to_owned()),
        ];
        Self { simulator, keys, http: reqwest::Client::new(), settings: settings.into(), redis }
    }

    /// The same with one setting more for every process that is started from now on.
    pub(crate) fn set(&mut self, variable: &'static str, value: u32) {
        self.set_text(variable, value.to_string());
    }

    pub(crate) fn set_text(&mut self, variable: &'static str, value: String) {
        self.settings.push((variable, value));
    }

    /// An api replica that answers.
    pub(crate) async fn api(&self) -> Process {
        self.start("api", &[]).await
    }

    /// A flashcard worker that answers; its name in leases begins with `name`.
    pub(crate) async fn worker(&self, name: &str) -> Process {
        self.start("flashcard-worker", &[("RAILWAY_REPLICA_ID", name)]).await
    }

    pub(crate) async fn start(&self, program: &str, more: &[(&str, &str)]) -> Process {
        let process = self.launch(program, more);
        process.until_it_answers(&self.http).await;
        process
    }

    /// Starts it without waiting for anything.
    pub(crate) fn launch(&self, program: &str, more: &[(&str, &str)]) -> Process {
        Process::start(program, self.settings().chain(more.iter().copied()))
    }

    /// What every process is started with.
    pub(crate) fn settings(&self) -> impl Iterator<Item = (&str, &str)> {
        self.settings.iter().map(|(variable, value)| (*variable, value.as_str()))
    }

    /// Submits `content` through v1; the job's id.
    pub(crate) async fn submit(&self, api: &Process, content: &str) -> String {
        let answer = self.http.post(api.url("/api/v1/flashcards")).json(&lesson(content)).send().await.unwrap();
        assert_eq!(answer.status(), 202, "{}", answer.text().await.unwrap());
        let accepted: Value = answer.json().await.unwrap();
        accepted["id"].as_str().unwrap().to_owned()
    }

    /// The job when it has ended, through v1.
    pub(crate) async fn end_of(&self, api: &Process, id: &str) -> Value {
        let url = api.url(&format!("/api/v1/jobs/{id}?wait=60"));
        let job: Value = self.http.get(url).send().await.unwrap().json().await.unwrap();
        assert!(["completed", "failed", "cancelled"].iter().any(|end| job["state"] == *end), "{job}");
        job
    }

    /// The same for a job of `user`.
    pub(crate) async fn end_of_user(&self, api: &Process, user: &str, id: &str) -> Value {
        let request = self.http.get(api.url(&format!("/api/v1/jobs/{id}?wait=60"))).header("user-id", user);
        let job: Value = request.send().await.unwrap().json().await.unwrap();
        assert!(["completed", "failed", "cancelled"].iter().any(|end| job["state"] == *end), "{job}");
        job
    }

    /// The job as it stands, through v1.
    pub(crate) async fn job(&self, api: &Process, id: &str) -> Value {
        self.http.get(api.url(&format!("/api/v1/jobs/{id}"))).send().await.unwrap().json().await.unwrap()
    }

    /// The answer to one raw command.
    pub(crate) async fn raw<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = redis::Cmd::new();
        command.arg(words).query_async(&mut self.redis.patient_pool().connection()).await.unwrap()
    }

    /// Asks until the answer is as wanted.
    pub(crate) async fn until(&self, what: &str, words: &[&str], wanted: impl Fn(i64) -> bool) {
        let asking = async { while !wanted(self.raw::<i64>(words).await) {} };
        tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{what}: never so"));
    }
}

/// The most calls of the log in any window.
pub(crate) fn fullest(calls: &[Arrival], window_ms: u32) -> usize {
    let inside =
        |start: f64| calls.iter().filter(move |call| call.t_ms >= start && call.t_ms < start + f64::from(window_ms));
    calls.iter().map(|call| inside(call.t_ms).count()).max().unwrap_or(0)
}

/// The cards of a completed job.
pub(crate) fn cards(job: &Value) -> &Vec<Value> {
    job["result"]["flashcards"].as_array().unwrap_or_else(|| panic!("no cards: {job}"))
}

/// Whether the cards are as the app expects them.
pub(crate) fn assert_good_cards(cards: &[Value]) {
    assert!((10..=40).contains(&cards.len()), "{} cards", cards.len());
    let mut fronts = std::collections::HashSet::new();
    for card in cards {
        let text = |field: &str| card[field].as_str().unwrap_or_else(|| panic!("{field} of {card}")).to_owned();
        assert!(text("example").contains(&text("front")), "{card}");
        assert!(fronts.insert(text("front").to_lowercase()), "twice: {card}");
        assert!(!text("back").is_empty() && !text("topic").is_empty(), "{card}");
        assert!(["beginner", "intermediate", "expert"].contains(&text("difficulty").as_str()), "{card}");
    }
}

/// The legacy body with the same lesson.
pub(crate) fn legacy(content: &str) -> Value {
    let mut body = lesson(content);
    body["userId"] = json!("ada");
    body
}

/// What a queue client in a test promises.
pub(crate) fn jobs_config() -> JobsConfig {
    JobsConfig {
        job_max_attempts: 3,
        job_max_crashes: 3,
        job_retry_base_ms: 1,
        job_retry_cap_ms: 1,
        job_deadline_seconds: 3_600,
        completed_ttl_seconds: 600,
        dead_ttl_seconds: 600,
        content_cache_ttl_seconds: 600,
        cache_max_bytes: 1_000_000,
        content_sharing: ContentSharing::Shared,
        queue_max_waiting: 1_000,
        queue_max_bytes: 100_000_000,
    }
}
