//! Users, as operators see, suspend and erase them over HTTP.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Process, QUEUE, System, cards, chapter, lesson};

const TOKEN: &str = "it-token";
const GONE: &str = "gone@example.org";

async fn system() -> System {
    let mut system = System::new().await;
    system.set_text("ADMIN_TOKEN", TOKEN.to_owned());
    system.set("USER_AI_LIMIT_PER_MIN", 100);
    system
}

impl System {
    async fn admin(&self, api: &Process, verb: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let url = api.url(&format!("/api/admin/users/{path}"));
        let request = if verb == "GET" { self.http.get(url) } else { self.http.post(url) };
        let request = request.header("x-admin-token", TOKEN);
        let request = if let Some(body) = body { request.json(&body) } else { request };
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn posts_for(&self, api: &Process, path: &str, user: &str, content: &str, key: &str) -> (u16, Value) {
        let mut body = lesson(content);
        body["userId"] = json!(user);
        let request = self.http.post(api.url(path)).json(&body).header("idempotency-key", key);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// A job of `user` for one of the chapters; its id.
    async fn job_of(&self, api: &Process, user: &str, number: usize) -> String {
        let key = format!("tap-{number}");
        let (status, body) = self.posts_for(api, "/api/v1/flashcards", user, &chapter(number, 2), &key).await;
        assert!(status == 202 || status == 200, "{status} {body}");
        body["id"].as_str().unwrap().to_owned()
    }

    async fn end_for(&self, api: &Process, user: &str, id: &str) -> Value {
        let url = api.url(&format!("/api/v1/jobs/{id}?wait=60"));
        self.http.get(url).header("user-id", user.as_bytes()).send().await.unwrap().json().await.unwrap()
    }
}

#[tokio::test]
async fn a_suspended_user_is_refused_everywhere_and_may_read_and_come_back() {
    let system = system().await;
    let (one, other, _worker) = (system.api().await, system.api().await, system.worker("a").await);
    let id = system.job_of(&one, "ada", 1).await;
    let why = json!({ "reason": "Sells the cards" });
    let (status, body) = system.admin(&one, "POST", "ada/suspend", Some(why)).await;
    assert_eq!((status, &body["user"]["suspended"]), (200, &json!(true)), "{body}");

    for api in [&one, &other] {
        let (status, problem) = system.posts_for(api, "/api/v1/flashcards", "ada", &chapter(2, 2), "new").await;
        assert_eq!((status, &problem["code"]), (403, &json!("user_suspended")), "{problem}");
        let (status, problem) =
            system.posts_for(api, "/api/ai/generate-flashcards", "ada", &chapter(2, 2), "new").await;
        assert_eq!((status, &problem["code"]), (403, &json!("USER_SUSPENDED")), "{problem}");
        assert!(!problem.to_string().contains("Sells"), "{problem}");
    }
    let (status, again) = system.posts_for(&other, "/api/v1/flashcards", "ada", &chapter(1, 2), "tap-1").await;
    assert!(status < 300 && again["id"] == json!(id), "{again}");
    assert_eq!(system.end_for(&other, "ada", &id).await["state"], "completed");
    let (_, shown) = system.admin(&other, "GET", "ada/detailed", None).await;
    let user = &shown["user"];
    assert_eq!(user["suspension"]["reason"], "Sells the cards", "{shown}");
    assert_eq!((&user["counts"]["refused"], &user["lastRefusal"]["code"]), (&json!(4), &json!("suspended")));
    assert_eq!(user["rateLimits"]["ai"]["remaining"], 99, "refusals use up nothing: {shown}");

    let (_, body) = system.admin(&other, "POST", "ada/suspend", Some(json!({ "suspended": false }))).await;
    assert_eq!(body["user"]["suspension"], Value::Null, "{body}");
    system.job_of(&one, "ada", 2).await;
}

#[tokio::test]
async fn what_users_did_is_the_same_at_every_replica() {
    let system = system().await;
    let (one, other, _worker) = (system.api().await, system.api().await, system.worker("a").await);
    for (n, user) in ["ada", "Zoë & co", "ada"].into_iter().enumerate() {
        let id = system.job_of(&one, user, n).await;
        assert_eq!(system.end_for(&other, user, &id).await["state"], "completed");
    }
    let (_, first) = system.admin(&one, "GET", "overview?limit=1", None).await;
    let overview = &first["overview"];
    assert_eq!((&overview["knownUsers"], &overview["uniqueUsersToday"]), (&json!(2), &json!(2)), "{first}");
    assert_eq!(overview["uniqueUsersLast7Days"], 2);
    let mut next = reqwest::Url::parse(&other.url("/api/admin/users/overview")).unwrap();
    next.query_pairs_mut().append_pair("cursor", overview["nextCursor"].as_str().unwrap());
    let second = system.http.get(next).header("x-admin-token", TOKEN).send().await.unwrap();
    let second: Value = second.json().await.unwrap();
    let named = |page: &Value| page["overview"]["users"][0]["userId"].as_str().unwrap().to_owned();
    let mut seen = [named(&first), named(&second)];
    seen.sort_unstable();
    assert_eq!(seen, ["Zoë & co", "ada"]);
    assert_eq!(second["overview"].get("nextCursor"), None);

    let (_, shown) = system.admin(&other, "GET", "ada/detailed", None).await;
    let user = &shown["user"];
    assert_eq!((&user["counts"]["accepted"], &user["counts"]["completed"]), (&json!(2), &json!(2)), "{shown}");
    assert!(user["spentToday"]["tokens"].as_u64().unwrap() > 0 && user["spentToday"]["heldTokens"] == 0, "{shown}");
    let (_, shown) = system.admin(&other, "GET", "Zo%C3%AB%20&%20co/detailed", None).await;
    assert_eq!(shown["user"]["counts"]["completed"], 1, "{shown}");
    let (_, shown) = system.admin(&one, "GET", "statistics?days=2", None).await;
    let today = &shown["statistics"]["days"][0];
    assert_eq!((&today["uniqueUsers"], &today["counts"]["completed"]), (&json!(2), &json!(3)), "{shown}");
    assert!(today["tokens"].as_u64().unwrap() > 0 && today["usd"].as_f64().unwrap() > 0.0, "{shown}");

    let (_, reset) = system.admin(&one, "POST", "ada/reset-tracking", None).await;
    assert_eq!(reset["reset"], json!({ "userId": "ada", "tracked": true }));
    let (_, shown) = system.admin(&other, "GET", "ada/detailed", None).await;
    assert_eq!((&shown["user"]["firstSeen"], &shown["user"]["listedJobs"]), (&Value::Null, &json!(2)), "{shown}");
}

#[tokio::test]
async fn who_is_erased_while_a_worker_is_at_it_is_gone_and_others_are_served() {
    let system = system().await;
    let (api, _worker) = (system.api().await, system.worker("a").await);
    let done = system.job_of(&api, GONE, 1).await;
    assert_eq!(system.end_for(&api, GONE, &done).await["state"], "completed");
    let cached = system.job_of(&api, "bob", 1).await;
    system.simulator.clear_arrivals();
    system.simulator.hold();
    system.job_of(&api, GONE, 2).await;
    let shared = system.job_of(&api, "bob", 2).await;
    system.simulator.wait_for_calls(1).await;

    let (status, body) = system.admin(&api, "POST", &format!("{GONE}/erase"), None).await;
    let erased = &body["erased"];
    assert_eq!((status, &erased["jobs"], &erased["cancelled"]), (200, &json!(2), &json!(1)), "{body}");
    assert_eq!((&erased["results"], &erased["resultsKept"]), (&json!(0), &json!(1)), "{body}");
    system.simulator.release();
    let job = system.end_for(&api, "bob", &shared).await;
    assert_eq!((&job["state"], cards(&job).is_empty()), (&json!("completed"), false), "{job}");
    assert_eq!(system.end_for(&api, "bob", &cached).await["state"], "completed");
    assert_eq!(system.end_for(&api, GONE, &done).await["code"], "job_not_found");
    system.until("nothing is held", &["ZCARD", &system.keys.leases(QUEUE)], |held| held == 0).await;

    let keys: Vec<String> = system.raw(&["KEYS", "*"]).await;
    let left: Vec<_> = keys.iter().filter(|key| key.contains(GONE)).collect();
    let [spent] = &left[..] else { panic!("{left:?}") };
    assert!(spent.starts_with("{it}:spend:user:"), "{left:?}");
    let ttl: u64 = system.raw(&["PTTL", spent]).await;
    assert!(Duration::from_millis(ttl) <= Duration::from_hours(24), "{ttl}");
}
