//! Who may do what, over HTTP: signed tokens, servers' keys, and jobs of others.

use jsonwebtoken::{EncodingKey, Header, encode};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use shared::clock::unix_ms;
use tokio::process::Command;

use crate::harness::{Process, System, chapter, lesson, path_of};

pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";

pub(crate) fn token(user: &str) -> String {
    let claims = json!({"sub": user, "exp": unix_ms() / 1_000 + 600});
    encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes()).unwrap()).unwrap()
}

/// The lesson without a user.
pub(crate) fn nobodys(content: &str) -> Value {
    let mut body = lesson(content);
    body.as_object_mut().unwrap().remove("userId");
    body
}

impl System {
    pub(crate) fn asks(&self, api: &Process, method: Method, path: &str, user: &str) -> RequestBuilder {
        self.http.request(method, api.url(path)).bearer_auth(token(user))
    }
}

async fn answer(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn a_job_of_someone_else_is_an_unknown_one_on_every_path() {
    let mut system = System::new().await;
    system.set_text("AUTH", "jwt".to_owned());
    system.set_text("JWT_SECRET", SECRET.to_owned());
    let api = system.api().await;
    let (status, accepted) =
        answer(system.asks(&api, Method::POST, "/api/v1/flashcards", "ada").json(&nobodys(&chapter(1, 2)))).await;
    assert_eq!(status, 202, "{accepted}");
    let id = accepted["id"].as_str().unwrap();
    let unknown = "01a20d2b-61d7-70f2-9e32-a9474b61a22a";
    for (method, path) in
        [(Method::GET, "/api/v1/jobs/"), (Method::DELETE, "/api/v1/jobs/"), (Method::GET, "/api/job-status/")]
    {
        let path_of = |id: &str| format!("{path}{id}");
        let foreign = answer(system.asks(&api, method.clone(), &path_of(id), "bob")).await;
        assert_eq!(foreign, answer(system.asks(&api, method.clone(), &path_of(unknown), "bob")).await, "{path}");
        let without = answer(system.http.request(method.clone(), api.url(&path_of(id)))).await;
        assert_eq!(without.0, 401, "{path}: {}", without.1);
    }
    let list = "/api/v1/jobs";
    assert_eq!(answer(system.asks(&api, Method::GET, list, "bob")).await.1, json!({"jobs": []}));
    let mine = answer(system.asks(&api, Method::GET, list, "ada")).await.1;
    assert_eq!((&mine["jobs"][0]["id"], mine["jobs"].as_array().unwrap().len()), (&json!(id), 1));
    assert_eq!(answer(system.asks(&api, Method::GET, &format!("/api/v1/jobs/{id}"), "ada")).await.0, 200);
    assert_eq!(answer(system.asks(&api, Method::DELETE, &format!("/api/v1/jobs/{id}"), "ada")).await.0, 200);
}

#[tokio::test]
async fn a_body_may_name_only_the_user_of_its_token() {
    let mut system = System::new().await;
    system.set_text("AUTH", "jwt".to_owned());
    system.set_text("JWT_SECRET", SECRET.to_owned());
    let api = system.api().await;
    let mut body = nobodys(&chapter(1, 2));
    let legacy = |user| system.asks(&api, Method::POST, "/api/ai/generate-flashcards", user);
    let (status, first) = answer(legacy("ada").json(&body)).await;
    assert_eq!(status, 202, "the token says it: {first}");
    body["userId"] = json!("ada");
    assert_eq!(answer(legacy("ada").json(&body)).await.1["jobId"], first["jobId"]);
    let (status, refused) = answer(legacy("bob").json(&body)).await;
    assert_eq!((status, &refused["code"], &refused["success"]), (403, &json!("USER_MISMATCH"), &json!(false)));
    let (status, refused) = answer(system.http.post(api.url("/api/v1/flashcards")).json(&body)).await;
    assert_eq!((status, &refused["code"]), (401, &json!("unauthenticated")));
}

#[tokio::test]
async fn a_servers_key_acts_for_users_until_it_is_revoked() {
    let mut system = System::new().await;
    system.set_text("AUTH", "api-key".to_owned());
    let api = system.api().await;
    let unilingo = async |words: &[&str]| {
        let mut command = Command::new(path_of("unilingo"));
        command.arg("keys").args(words).arg("--json");
        let output = command.env("REDIS_URL", system.redis.url()).env("QUEUE_PREFIX", "it").output().await.unwrap();
        assert!(output.status.success(), "{words:?}: {output:?}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let created = unilingo(&["create", "--name", "portal", "--scope", "submit,read,act-as"]).await;
    let (key, id) = (created["text"].as_str().unwrap(), created["id"].as_str().unwrap());
    let submit = |user: &str| {
        let request = system.http.post(api.url("/api/v1/flashcards")).header("x-api-key", key);
        request.header("user-id", user).json(&nobodys(&chapter(1, 2)))
    };
    let (status, accepted) = answer(submit("ada")).await;
    assert_eq!(status, 202, "{accepted}");
    let job = system.http.get(api.url(accepted["statusUrl"].as_str().unwrap())).header("x-api-key", key);
    assert_eq!(answer(job.try_clone().unwrap()).await.0, 404, "it is ada's");
    assert_eq!(answer(job.header("user-id", "ada")).await.0, 200);

    assert_eq!(unilingo(&["list"]).await[0]["name"], "portal");
    unilingo(&["revoke", id]).await;
    let (status, refused) = answer(submit("ada")).await;
    assert_eq!((status, &refused["code"]), (401, &json!("invalid_api_key")));
}
