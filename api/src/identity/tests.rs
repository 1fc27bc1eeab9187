//! Tokens and keys as requests carry them, against a provider that shows its keys and a real Redis.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    http::{HeaderMap, HeaderName, HeaderValue},
    routing::{MethodRouter, get},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use clap::Parser;
use jsonwebtoken::{Algorithm, EncodingKey, Header, crypto::sign, encode};
use serde_json::{Value, json};
use shared::{
    api_keys::{ApiKeys, Scope},
    clock::unix_ms,
    config::{IdentityConfig, RedisConfig},
    redis::{Keys, RedisPool},
    testing::TestRedis,
};
use tokio::{sync::Notify, time::timeout};

use super::{Caller, Identity};
use crate::{extract::ClientAddress, held_places::Holder};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// A key of these tests alone (PKCS #1), and the modulus of its public half.
const RSA_KEY: &str = "\
    MIIEogIBAAKCAQEAvjXXcvH24RoQW9tKL6GxlezlAogFTVqu3x5YQ5Ad6UJ+BJ2LM5um8wZpVayUlWgGYKQQgPFtnzlmfWrXOUAGOESvaI5fFw\
    Ia+NnusKR4vFVTkbP0zn6N5Gl7kuVRPjEqqex838QOCGkt40doJZ0si4u+rjWCRFIZouzCMRCd2F3C/38CRiNmzs2MCWdDthN0nO3qL/4AQW1w\
    +jmD1nCHBV8/vS8kvk7hEpbanMfTJ3a29n+NuWGS4vLtlFsAbm9f7klP1qgfpboLoI7fbs0oze6QD+kwB1A6qIYLa+VaCKlxVtRZTNqyQjKfgN\
    2bbZzf8xnA/Ol49m1fEGFMjOWlTQIDAQABAoH/AZeeglK4IfzywPg2SW8dFY9Z9MhHn4TdMJ1R1zQk64sigDlScldGETQvjlY58OU6QyZl+RFk\
    2m3RM0xg7rGdg1RRlyGIkVY1DQLB0nHmQZvwmIBfGGjusiNQBtJ3EVyKuUKqR5exyoE/HNDEihHrrBPcb3aveXblclAXBaN1AVdbciV8+YdLV5\
    7zMwxy633YU/XeM+uJcJ9HhBVB8fwNdAsXWkGWe+yb1cCwury0Z4RAk0u3Kea42xcsDB/GmBhW4zmQmDMqyGOhYkRjDx+LR7t7y3MHheCm7Pm8\
    pYCWq+dT5uQ00v3GfN+k2i7UdBZWVLB9669v1qcrCREXyVUxAoGBAO6R47V4gxjPUBcOmIw7yh0M5jCyf+vlskr7lFJ5P9gqdAsA+jH6Vy/LVl\
    iHiElm55SQNyOerouyBSOcBjaXdOnfETaNti4KT6BfjD33KMhJwsTd7Qkc3sG/wXCTZlKRqEVuoTmJS9Nuapj0ONscR54EJidKLliUKlp9Lf1O\
    NeZjAoGBAMwbdIqnXOBgljPCHSO2DVYmtcdSMMgp66qABz8R59etS311/t6sv18gRzdnFZ6FoZuc1h/lDSM6tc0+9oWvgtJ1IE2rWykJjn0fmG\
    hu71+owJcDzYWsmRCN+Rhh37qvmwfB+WCLmMIGQl8IHZ+1juQEjj4OKTTcAfMtwoI/pnyPAoGBAKZUWKohB2W4xGIO7xR2aweuAp9ZFA7n6lKU\
    7GhD2NthXd5+I/HMVBUic2TtuXtTn4nYsljHPXJv/11AXqSZHA4iU+HxE18uGS3679AUDf72TjDreWOtGTGD+939Jo3St7sQ0p9GtfMHPJK/Ux\
    SQtu3YfrFN6tofExhbxkCg0rt5AoGAOkEnzR8hegT3OcSQbo3aVplrznzd4XNdiOdLqiuhIUSbxC42VTW21R6wVNa+K+V2D6T+1FGao1BxbSgo\
    UlWaoBi/5Isg1KCeo4WuCTiIZ6QRe8ihEyME+N2cl+HvaigOtnMdivms2svQi7EUS24VX20RcBK4nhahE9geqPAjw28CgYEAprXEk6/dRQemyQ\
    tAI4SYGCXRFZxJZdOlxTxTYo9Mv4auZ89YOB4e7BRRDTRCTo/LTxvNwFbk9KVP6bdalc4GP/EBoCZF/LfDTndZjjKLCsjmC4u2Wg3IKd65A6vx\
    601OwVOmaXBIugL6HvKi5WOSoOzab1rBGKdgtFWcDRcagHI=";
const RSA_MODULUS: &str = "\
    vjXXcvH24RoQW9tKL6GxlezlAogFTVqu3x5YQ5Ad6UJ-BJ2LM5um8wZpVayUlWgGYKQQgPFtnzlmfWrXOUAGOESvaI5fFwIa-NnusKR4vFVTkb\
    P0zn6N5Gl7kuVRPjEqqex838QOCGkt40doJZ0si4u-rjWCRFIZouzCMRCd2F3C_38CRiNmzs2MCWdDthN0nO3qL_4AQW1w-jmD1nCHBV8_vS8k\
    vk7hEpbanMfTJ3a29n-NuWGS4vLtlFsAbm9f7klP1qgfpboLoI7fbs0oze6QD-kwB1A6qIYLa-VaCKlxVtRZTNqyQjKfgN2bbZzf8xnA_Ol49m\
    1fEGFMjOWlTQ";

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    identity: IdentityConfig,
}

fn identity(args: &[&str], redis: RedisPool) -> Identity {
    shared::tls::install();
    let config = Cli::try_parse_from([&["api"], args].concat()).unwrap().identity;
    config.validate().unwrap();
    Identity::new(config, ApiKeys::new(redis, Keys::new("test"))).unwrap()
}

/// A Redis that nobody asks.
fn no_redis() -> RedisPool {
    RedisPool::new(&RedisConfig::new("redis://127.0.0.1:1".parse().unwrap(), "test")).unwrap()
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        (HeaderName::try_from(*name).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())
    };
    let mut headers = HeaderMap::new();
    for (name, value) in pairs.iter().map(pair) {
        headers.append(name, value);
    }
    headers
}

/// The user, or the code of the refusal.
async fn asks(identity: &Identity, pairs: &[(&str, &str)]) -> Result<String, String> {
    let caller = identity.caller(&headers(pairs)).await.and_then(|caller| caller.user());
    caller.map_err(|error| error.code().to_owned())
}

async fn with_token(identity: &Identity, token: &str) -> Result<String, String> {
    asks(identity, &[("authorization", &format!("Bearer {token}"))]).await
}

fn seconds(from_now: i64) -> i64 {
    i64::try_from(unix_ms() / 1_000).unwrap() + from_now
}

fn signed(algorithm: Algorithm, kid: Option<&str>, claims: &Value, key: &EncodingKey) -> String {
    encode(&Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) }, claims, key).unwrap()
}

fn secret() -> EncodingKey {
    EncodingKey::from_secret(SECRET.as_bytes()).unwrap()
}

fn rsa() -> EncodingKey {
    EncodingKey::from_rsa_der(&STANDARD.decode(RSA_KEY).unwrap())
}

fn good() -> Value {
    json!({"sub": "ada", "exp": seconds(600)})
}

#[tokio::test]
async fn a_signed_token_names_the_user() {
    let identity = identity(&["--auth", "jwt", "--jwt-secret", SECRET], no_redis());
    let token = signed(Algorithm::HS256, None, &good(), &secret());
    assert_eq!(with_token(&identity, &token).await.as_deref(), Ok("ada"));
    let bearer = format!("bearer {token}");
    assert_eq!(asks(&identity, &[("authorization", &bearer), ("user-id", "ada")]).await.as_deref(), Ok("ada"));
    let other = asks(&identity, &[("authorization", &bearer), ("user-id", "bob")]).await;
    assert_eq!(other.unwrap_err(), "user_mismatch");
    for pairs in [&[][..], &[("user-id", "ada")], &[("authorization", "Basic YTpi")], &[("x-api-key", "ulk_1_2")]] {
        assert_eq!(asks(&identity, pairs).await.unwrap_err(), "unauthenticated", "{pairs:?}");
    }
    let twice = asks(&identity, &[("authorization", &bearer), ("authorization", &bearer)]).await;
    assert_eq!(twice.unwrap_err(), "invalid_token");
}

#[tokio::test]
async fn a_token_that_is_not_quite_right_is_refused() {
    let args = ["--auth", "jwt", "--jwt-secret", SECRET, "--jwt-audience", "app", "--jwt-issuer", "us"];
    let identity = identity(&args, no_redis());
    let claims = |changes: Value| {
        let mut claims = json!({"sub": "ada", "exp": seconds(600), "aud": "app", "iss": "us"});
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims
    };
    let token = |changes| signed(Algorithm::HS256, None, &claims(changes), &secret());
    assert_eq!(with_token(&identity, &token(json!({}))).await.as_deref(), Ok("ada"));
    assert_eq!(with_token(&identity, &token(json!({"aud": ["web", "app"]}))).await.as_deref(), Ok("ada"));

    let good = token(json!({}));
    let (body, signature) = good.rsplit_once('.').unwrap();
    let claims_of = |text: &str| text.split('.').nth(1).unwrap().to_owned();
    let unsigned =
        |alg: &str| format!("{}.{}.", URL_SAFE_NO_PAD.encode(json!({"alg": alg}).to_string()), claims_of(&good));
    let foreign = signed(Algorithm::HS256, None, &claims(json!({})), &EncodingKey::from_secret(&[7; 32]).unwrap());
    let stronger = signed(Algorithm::HS512, None, &claims(json!({})), &secret());
    let by_key = signed(Algorithm::RS256, None, &claims(json!({})), &rsa());
    let bob =
        signed(Algorithm::HS256, None, &claims(json!({"sub": "bob"})), &EncodingKey::from_secret(&[7; 32]).unwrap());
    let swapped = format!("{}.{}.{signature}", body.split('.').next().unwrap(), claims_of(&bob));
    let long = "x".repeat(9_000);
    let critical = json!({"alg": "HS256", "crit": ["https://example.com/ext"], "https://example.com/ext": 1});
    let critical = format!("{}.{}", URL_SAFE_NO_PAD.encode(critical.to_string()), claims_of(&good));
    let critical = format!("{critical}.{}", sign(critical.as_bytes(), &secret(), Algorithm::HS256).unwrap());
    for (what, token) in [
        ("expired", token(json!({"exp": seconds(-31)}))),
        ("without an end", token(json!({"exp": null}))),
        ("an end that is no number", token(json!({"exp": "never"}))),
        ("not valid yet", token(json!({"nbf": seconds(60)}))),
        ("another audience", token(json!({"aud": "web"}))),
        ("no audience", token(json!({"aud": null}))),
        ("another issuer", token(json!({"iss": "them"}))),
        ("no issuer", token(json!({"iss": null}))),
        ("nobody", token(json!({"sub": null}))),
        ("a blank user", token(json!({"sub": " "}))),
        ("a blank before the user", token(json!({"sub": " ada"}))),
        ("a line end after the user", token(json!({"sub": "ada\n"}))),
        ("another blank after the user", token(json!({"sub": "ada\u{a0}"}))),
        ("the name of a server's key", token(json!({"sub": "key:0123456789abcdef"}))),
        ("the name of a visitor", token(json!({"sub": "anonymous-203.0.113.7"}))),
        ("the name of an app's user", token(json!({"sub": "app:ada"}))),
        ("a start that is text", token(json!({"nbf": "0"}))),
        ("a start that is text, far ahead", token(json!({"nbf": seconds(600).to_string()}))),
        ("an extension that must be understood", critical),
        ("a user that spoils keys", token(json!({"sub": "a\u{0}b"}))),
        ("a user that is a number", token(json!({"sub": 7}))),
        ("unsigned", unsigned("none")),
        ("unsigned in capitals", unsigned("NONE")),
        ("no signature", format!("{body}.")),
        ("half a signature", format!("{body}.{}", &signature[..20])),
        ("another secret", foreign),
        ("other claims under the signature", swapped),
        ("an algorithm that is not accepted", stronger),
        ("a key where there are none", by_key),
        ("no token", "a.b.c".to_owned()),
        ("nothing", String::new()),
        ("too long", long),
    ] {
        assert_eq!(with_token(&identity, &token).await.unwrap_err(), "invalid_token", "{what}");
    }
}

/// An identity provider that shows these keys, and how often it was asked.
async fn provider(keys: Value) -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let shown = get(move || {
        counted.fetch_add(1, Relaxed);
        std::future::ready(Json(json!({"keys": keys})))
    });
    (served(shown).await, asked)
}

/// The address at which this is shown.
async fn served(shown: MethodRouter) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks", listener.local_addr().unwrap());
    #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
    tokio::spawn(axum::serve(listener, Router::new().route("/jwks", shown)).into_future());
    url
}

/// A fresh key for ES256, and how a provider shows it.
fn elliptic(kid: &str) -> (EncodingKey, Value) {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    // An uncompressed point: a mark, and two coordinates.
    let point = pair.public_key_raw();
    let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
    let shown = json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": x, "y": y});
    (EncodingKey::from_ec_der(&pair.serialize_der()), shown)
}

fn rsa_shown() -> Value {
    json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "rsa", "n": RSA_MODULUS, "e": "AQAB"})
}

#[tokio::test]
async fn public_keys_of_the_provider_check_tokens() {
    let (key, shown) = elliptic("ec");
    let unknown_kind = json!({"kty": "XYZ", "kid": "x"});
    let (url, asked) = provider(json!([unknown_kind, rsa_shown(), shown])).await;
    let identity = identity(&["--auth", "jwt", "--jwks-url", &url], no_redis());
    for token in [
        signed(Algorithm::ES256, Some("ec"), &good(), &key),
        signed(Algorithm::RS256, Some("rsa"), &good(), &rsa()),
        signed(Algorithm::ES256, None, &good(), &key),
    ] {
        assert_eq!(with_token(&identity, &token).await.as_deref(), Ok("ada"));
    }
    assert_eq!(asked.load(Relaxed), 1, "keys are kept");

    // The public key is known to everybody: who takes it for a shared secret believes everybody.
    let public = EncodingKey::from_secret(&URL_SAFE_NO_PAD.decode(RSA_MODULUS).unwrap()).unwrap();
    let (stranger, _) = elliptic("ec");
    for (what, token) in [
        ("the public key as a secret", signed(Algorithm::HS256, Some("rsa"), &good(), &public)),
        ("the secret of nobody", signed(Algorithm::HS256, None, &good(), &secret())),
        ("a key of another kind", signed(Algorithm::RS256, Some("ec"), &good(), &rsa())),
        ("a key that nobody knows", signed(Algorithm::ES256, Some("new"), &good(), &key)),
        ("a stranger's key", signed(Algorithm::ES256, Some("ec"), &good(), &stranger)),
    ] {
        assert_eq!(with_token(&identity, &token).await.unwrap_err(), "invalid_token", "{what}");
    }
    assert_eq!(asked.load(Relaxed), 1, "no token makes us ask as often as its sender likes");
}

#[tokio::test]
async fn a_token_whose_key_nobody_knows_keeps_no_other_one_waiting() {
    let (key, shown) = elliptic("ec");
    // It answers once, and then never again.
    let (held, asked) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
    let (on_hold, counted) = (Arc::clone(&held), Arc::clone(&asked));
    let shown = get(move || {
        let (is_first, on_hold, keys) = (counted.fetch_add(1, Relaxed) == 0, Arc::clone(&on_hold), json!([shown]));
        async move {
            if !is_first {
                on_hold.notify_one();
                std::future::pending::<()>().await;
            }
            Json(json!({"keys": keys}))
        }
    });
    let identity = identity(&["--auth", "jwt", "--jwks-url", &served(shown).await], no_redis());
    let good_token = signed(Algorithm::ES256, Some("ec"), &good(), &key);
    assert_eq!(with_token(&identity, &good_token).await.as_deref(), Ok("ada"));
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(11)).await;
    tokio::time::resume();

    let made_up = signed(Algorithm::ES256, Some("made-up"), &good(), &key);
    let waiting = async { with_token(&identity, &made_up).await };
    let others = async {
        held.notified().await;
        for _ in 0..10 {
            assert_eq!(with_token(&identity, &good_token).await.as_deref(), Ok("ada"));
        }
    };
    tokio::select! {
        biased;
        () = others => {}
        refused = waiting => panic!("the provider is still asked: {refused:?}"),
    }
    assert_eq!(asked.load(Relaxed), 2);
}

/// A provider that shows these keys once, and then answers nobody until it is told to.
struct StallingProvider {
    url: String,
    asked: Arc<AtomicUsize>,
    released: Arc<Notify>,
    /// How many have stopped waiting for an answer.
    left: Arc<AtomicUsize>,
}

impl StallingProvider {
    async fn start(keys: Value) -> Self {
        let (asked, released) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let left = Arc::new(AtomicUsize::new(0));
        let (counted, waits, leaving) = (Arc::clone(&asked), Arc::clone(&released), Arc::clone(&left));
        let shown = get(async move || {
            if counted.fetch_add(1, Relaxed) > 0 {
                let leaves = CountOnDrop(Arc::clone(&leaving));
                waits.notified().await;
                std::mem::forget(leaves);
            }
            Json(json!({"keys": keys}))
        });
        Self { url: served(shown).await, asked, released, left }
    }
}

struct CountOnDrop(Arc<AtomicUsize>);

impl Drop for CountOnDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
    }
}

#[tokio::test]
async fn keys_that_are_due_to_be_asked_for_again_answer_at_once() {
    let (key, shown) = elliptic("ec");
    let provider = StallingProvider::start(json!([shown])).await;
    let identity = identity(&["--auth", "jwt", "--jwks-url", &provider.url], no_redis());
    let valid = signed(Algorithm::ES256, Some("ec"), &good(), &key);
    assert_eq!(with_token(&identity, &valid).await.as_deref(), Ok("ada"));
    tokio::time::pause();
    tokio::time::advance(Duration::from_mins(11)).await;
    tokio::time::resume();
    assert_eq!(with_token(&identity, &valid).await.as_deref(), Ok("ada"));
    assert_eq!(provider.left.load(Relaxed), 0, "the token did not wait until the provider was given up");
    let asked_again = async {
        while provider.asked.load(Relaxed) < 2 {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(5), asked_again).await.expect("the keys are asked for again");
}

#[tokio::test]
async fn who_leaves_does_not_end_the_question_of_others() {
    let (key, shown) = elliptic("ec");
    let provider = StallingProvider::start(json!([shown])).await;
    let identity = identity(&["--auth", "jwt", "--jwks-url", &provider.url], no_redis());
    let token = signed(Algorithm::ES256, Some("ec"), &good(), &key);
    provider.asked.store(1, Relaxed);
    let leaves = async {
        while provider.asked.load(Relaxed) < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        answer = with_token(&identity, &token) => panic!("{answer:?}"),
        () = leaves => {}
    }
    provider.released.notify_one();
    let answer = timeout(Duration::from_secs(8), with_token(&identity, &token)).await.unwrap();
    assert_eq!(answer.as_deref(), Ok("ada"));
    assert_eq!(provider.asked.load(Relaxed), 2);
}

#[tokio::test]
async fn without_the_providers_keys_nobody_is_believed() {
    let identity = identity(&["--auth", "jwt", "--jwks-url", "http://127.0.0.1:1/jwks"], no_redis());
    let token = signed(Algorithm::RS256, Some("rsa"), &good(), &rsa());
    assert_eq!(with_token(&identity, &token).await.unwrap_err(), "service_unavailable");
}

#[tokio::test]
async fn a_servers_key_names_a_user_only_where_it_may() {
    let redis = TestRedis::start().await.unwrap();
    let identity = identity(&["--auth", "api-key"], redis.pool());
    let keys = ApiKeys::new(redis.pool(), Keys::new("test"));
    let plain = keys.create("plain", BTreeSet::from([Scope::Read])).await.unwrap();
    let acting = keys.create("acting", BTreeSet::from([Scope::Submit, Scope::ActAs])).await.unwrap();
    let own = plain.key.user();

    let bearer = format!("Bearer {}", plain.text);
    for pairs in [
        &[("x-api-key", &*plain.text)][..],
        &[("authorization", &bearer)],
        &[("x-api-key", &plain.text), ("user-id", &own)],
    ] {
        assert_eq!(asks(&identity, pairs).await.as_deref(), Ok(&*own), "{pairs:?}");
    }
    let named = asks(&identity, &[("x-api-key", &plain.text), ("user-id", "ada")]).await;
    assert_eq!(named.unwrap_err(), "scope_missing");
    let other = asks(&identity, &[("x-api-key", &acting.text), ("user-id", &own)]).await;
    assert_eq!(other.unwrap_err(), "reserved_user", "another key's name");
    let named = asks(&identity, &[("x-api-key", &acting.text), ("user-id", "ada")]).await;
    assert_eq!(named.as_deref(), Ok("ada"));

    // The places of a user are taken by whoever may act for the user, and by no other.
    let address = ClientAddress { ip: "203.0.113.7".parse().unwrap(), by_proxy: false };
    let holder = async |text: &str| {
        identity.caller(&headers(&[("x-api-key", text), ("user-id", "ada")])).await.unwrap().holder(address)
    };
    assert_eq!(holder(&plain.text).await, Holder::Server(own.clone()));
    assert_eq!(holder(&acting.text).await, Holder::User("ada".to_owned()));

    let caller = identity.caller(&headers(&[("x-api-key", &plain.text)])).await.unwrap();
    caller.needs(Scope::Read).unwrap();
    assert_eq!(caller.needs(Scope::Submit).unwrap_err().code(), "scope_missing");
    assert_eq!(caller.clone().user_in_body(Some("ada".to_owned())).unwrap_err().code(), "scope_missing");
    assert_eq!(caller.user_in_body(None).unwrap(), own);

    keys.revoke(&plain.key.id).await.unwrap();
    for text in [&*plain.text, "ulk_", "ulk_0123456789abcdef_x"] {
        assert_eq!(asks(&identity, &[("x-api-key", text)]).await.unwrap_err(), "invalid_api_key", "{text}");
    }
    assert_eq!(asks(&identity, &[]).await.unwrap_err(), "unauthenticated");
}

#[tokio::test]
async fn a_client_is_believed_only_where_that_is_chosen() {
    let both = identity(&["--auth", "jwt,trust-client", "--jwt-secret", SECRET], no_redis());
    assert_eq!(asks(&both, &[("user-id", "ada")]).await.as_deref(), Ok("ada"));
    assert!(matches!(both.caller(&headers(&[])).await, Ok(Caller::Claimed(None))));
    // A token that is wrong is no reason to believe the header.
    let wrong = asks(&both, &[("authorization", "Bearer a.b.c"), ("user-id", "ada")]).await;
    assert_eq!(wrong.unwrap_err(), "invalid_token");
    assert_eq!(asks(&both, &[("user-id", "a\u{85}b")]).await.unwrap_err(), "invalid_characters");
    for (user, code) in [
        ("", "missing_field"),
        ("ada\u{a0}", "invalid_characters"),
        ("key:0123456789abcdef", "reserved_user"),
        ("anonymous-203.0.113.7", "reserved_user"),
        ("app:ada", "reserved_user"),
    ] {
        assert_eq!(asks(&both, &[("user-id", user)]).await.unwrap_err(), code, "{user:?}");
    }
}
