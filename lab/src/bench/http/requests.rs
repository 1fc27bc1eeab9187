//! The requests of the load: the same bytes for every system.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;
use shared::clock;

/// What tokens are signed with.
pub(super) const SECRET: &str = "a secret of this bench alone, 32+";
const CREATE: &str = "/api/ai/generate-flashcards";
const LOOK: &str = "/api/job-status/";
/// About a page of a text book.
const SENTENCE: &str = "The mitochondrion is the site of oxidative phosphorylation in the eukaryotic cell. ";
const SENTENCES: usize = 12;

#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    exp: u64,
}

/// One who asks.
#[derive(Debug)]
struct User {
    name: String,
    token: String,
}

/// Makes requests. Every one for a job has another text, and comes from the next user.
#[derive(Debug)]
pub(super) struct Requests {
    users: Vec<User>,
    text: String,
    made: AtomicU64,
}

impl Requests {
    pub(super) fn new(users: usize) -> anyhow::Result<Self> {
        anyhow::ensure!(users > 0, "--users must be at least 1");
        let key = EncodingKey::from_secret(SECRET.as_bytes())?;
        let exp = clock::unix_ms() / 1_000 + 86_400;
        let users = (0..users).map(|n| {
            let name = format!("user-{n}");
            let token = encode(&Header::new(Algorithm::HS256), &Claims { sub: &name, exp }, &key)?;
            anyhow::Ok(User { name, token })
        });
        let (users, text) = (users.collect::<Result<_, _>>()?, SENTENCE.repeat(SENTENCES));
        Ok(Self { users, text, made: AtomicU64::new(0) })
    }

    /// The user whose finished job is looked at.
    pub(super) fn token(&self) -> &str {
        &self.users[0].token
    }

    /// The body of a request for a job by the first user.
    pub(super) fn first_body(&self) -> String {
        self.body(&self.users[0], u64::MAX)
    }

    fn body(&self, user: &User, n: u64) -> String {
        // The mark tells the peer's upstream which job a call is for.
        format!(
            "{{\"content\":\"TAG:b{n} {}\",\"subject\":\"Biology\",\"topic\":\"Cells\",\"userId\":\"{}\",\
             \"nativeLanguage\":\"German\",\"targetLanguage\":\"English\"}}",
            self.text, user.name
        )
    }

    /// The next request for a job.
    pub(super) fn create(&self) -> Vec<u8> {
        let n = self.made.fetch_add(1, Relaxed);
        let user = &self.users[usize::try_from(n).unwrap_or_default() % self.users.len()];
        let body = self.body(user, n);
        format!(
            "POST {CREATE} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            user.token,
            body.len()
        )
        .into_bytes()
    }

    /// A look at a job of the first user.
    pub(super) fn look(&self, job: &str) -> Vec<u8> {
        format!("GET {LOOK}{job} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {}\r\n\r\n", self.token())
            .into_bytes()
    }
}
