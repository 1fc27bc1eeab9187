//! How often one may ask, all replicas together.

use reqwest::Response;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::{Process, System, chapter, legacy, lesson};

impl System {
    async fn asks_for(&self, api: &Process, path: &str, body: &Value, headers: &[(&str, &str)]) -> Response {
        let mut request = self.http.post(api.url(path)).json(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).unwrap_or_else(|| panic!("no {name}: {answer:?}")).to_str().unwrap()
}

#[tokio::test]
async fn exactly_twenty_of_two_hundred_pass_at_two_replicas() {
    let mut system = System::new().await;
    system.set("USER_AI_LIMIT_PER_MIN", 20);
    let replicas = [system.api().await, system.api().await];
    let mut asking = JoinSet::new();
    for n in 0..200 {
        let request = system.http.post(replicas[n % 2].url("/api/v1/flashcards")).json(&lesson(&chapter(n, 1)));
        asking.spawn(async move { request.send().await.unwrap().status().as_u16() });
    }
    let answers = asking.join_all().await;
    let count = |status: u16| answers.iter().filter(|answer| **answer == status).count();
    assert_eq!((count(202), count(429)), (20, 180));
    let mut other = lesson(&chapter(0, 1));
    other["userId"] = json!("someone else");
    assert_eq!(system.asks_for(&replicas[0], "/api/v1/flashcards", &other, &[]).await.status(), 202);
}

#[tokio::test]
async fn every_answer_tells_and_a_repeat_costs_nothing() {
    let mut system = System::new().await;
    system.set("USER_AI_LIMIT_PER_MIN", 2);
    system.set("IP_AI_LIMIT_PER_MIN", 100);
    let api = system.api().await;
    let path = "/api/v1/flashcards";
    let first = system.asks_for(&api, path, &lesson(&chapter(1, 1)), &[("idempotency-key", "tap")]).await;
    assert_eq!((first.status().as_u16(), header(&first, "x-ratelimit-limit")), (202, "2"));
    assert_eq!(header(&first, "ratelimit-policy"), r#""user-ai";q=2;w=60, "address-ai";q=100;w=60"#);
    assert!(header(&first, "ratelimit").starts_with(r#""user-ai";r=1;t="#), "{first:?}");
    assert!(header(&first, "x-ratelimit-reset").ends_with('Z'));
    let again = system.asks_for(&api, path, &lesson(&chapter(1, 1)), &[("idempotency-key", "tap")]).await;
    assert_eq!((again.status().as_u16(), header(&again, "x-ratelimit-remaining")), (202, "1"));
    let second = system.asks_for(&api, path, &lesson(&chapter(2, 1)), &[]).await;
    assert_eq!((second.status().as_u16(), header(&second, "x-ratelimit-remaining")), (202, "0"));

    let standing: Value =
        system.http.get(api.url("/api/v1/limits")).header("user-id", "ada").send().await.unwrap().json().await.unwrap();
    assert_eq!((&standing["limits"][0]["name"], &standing["limits"][0]["remaining"]), (&json!("user-ai"), &json!(0)));
    assert_eq!(standing["limits"][1]["remaining"], 98);

    let refused = system.asks_for(&api, path, &lesson(&chapter(3, 1)), &[]).await;
    assert_eq!((refused.status().as_u16(), header(&refused, "x-ratelimit-remaining")), (429, "0"));
    let seconds: u64 = header(&refused, "retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["type"], "https://iana.org/assignments/http-problem-types#quota-exceeded");
    assert_eq!(
        (&problem["code"], &problem["violated-policies"]),
        (&json!("user_rate_limit_exceeded"), &json!(["user-ai"]))
    );
    let again = system.asks_for(&api, path, &lesson(&chapter(1, 1)), &[("idempotency-key", "tap")]).await;
    assert_eq!(again.status(), 202, "what was accepted is answered whatever is used up");
}

#[tokio::test]
async fn shipped_apps_read_the_words_that_they_know() {
    let mut system = System::new().await;
    system.set("USER_AI_LIMIT_PER_MIN", 1);
    system.set("IP_AI_LIMIT_PER_MIN", 2);
    system.set("IP_GENERAL_LIMIT_PER_15MIN", 3);
    let api = system.api().await;
    let path = "/api/ai/generate-flashcards";
    let of = |n: usize, user: &str| {
        let mut body = legacy(&chapter(n, 1));
        body["userId"] = json!(user);
        body
    };
    let mut bodies = Vec::new();
    // A blank name is refused before limits are looked at; that counts for the address.
    for (n, user) in [(1, "ada"), (2, "ada"), (3, "bob"), (4, "eve"), (5, " "), (6, " ")] {
        let answer = system.asks_for(&api, path, &of(n, user), &[]).await;
        assert!(answer.headers().contains_key("x-ratelimit-limit"), "{answer:?}");
        bodies.push((answer.status().as_u16(), answer.json::<Value>().await.unwrap()));
    }
    let statuses: Vec<u16> = bodies.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [202, 429, 202, 429, 400, 429]);
    let user = &bodies[1].1;
    assert_eq!((&user["success"], &user["code"]), (&json!(false), &json!("ERROR_429")));
    let details = &user["details"];
    assert_eq!(details["code"], "USER_AI_RATE_LIMIT_EXCEEDED");
    assert_eq!((&details["remaining"], &details["limit"]), (&json!(0), &json!(1)));
    let reset = details["resetTime"].as_str().unwrap();
    assert_eq!(user["error"], format!("User rate limit exceeded for ai. Try again after {reset}"));
    assert!(user["timestamp"].is_string());
    assert_eq!(bodies[3].1["code"], "AI_RATE_LIMIT_EXCEEDED");
    assert_eq!(bodies[5].1["code"], "RATE_LIMIT_EXCEEDED", "the address's general limit");
    // Looking at a job is not counted.
    let id = bodies[0].1["jobId"].as_str().unwrap();
    for _ in 0..10 {
        let status = system.http.get(api.url(&format!("/api/job-status/{id}"))).send().await.unwrap().status();
        assert_eq!(status, 200);
    }
}

#[tokio::test]
async fn an_operator_sees_a_users_limits_and_resets_them() {
    let mut system = System::new().await;
    system.set("USER_AI_LIMIT_PER_MIN", 1);
    system.set_text("ADMIN_TOKEN", "an-admin".to_owned());
    let api = system.api().await;
    let remaining = async || {
        let url = api.url("/api/rate-limits/status?userId=ada");
        let shown: Value = system.http.get(url).bearer_auth("an-admin").send().await.unwrap().json().await.unwrap();
        shown["rateLimits"]["ai"]["remaining"].as_u64().unwrap_or_else(|| panic!("{shown}"))
    };
    assert_eq!((remaining().await, remaining().await), (1, 1), "looking costs nothing");
    let path = "/api/v1/flashcards";
    assert_eq!(system.asks_for(&api, path, &lesson(&chapter(1, 1)), &[]).await.status(), 202);
    assert_eq!(system.asks_for(&api, path, &lesson(&chapter(2, 1)), &[]).await.status(), 429);
    assert_eq!(remaining().await, 0);
    let reset = system.http.post(api.url("/api/admin/users/ada/reset-rate-limits"));
    assert_eq!(reset.try_clone().unwrap().send().await.unwrap().status(), 403);
    let done: Value = reset.bearer_auth("an-admin").send().await.unwrap().json().await.unwrap();
    assert_eq!(done["reset"], json!({"userId": "ada", "limits": ["user-ai"]}));
    assert_eq!(system.asks_for(&api, path, &lesson(&chapter(2, 1)), &[]).await.status(), 202);
}
