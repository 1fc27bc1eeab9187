//! Keys in a real Redis.

use std::collections::BTreeSet;

use super::{ApiKeys, CreateKeyError, Scope};
use crate::{redis::Keys, testing::TestRedis};

fn keys(redis: &TestRedis) -> ApiKeys {
    ApiKeys::new(redis.pool(), Keys::new("test"))
}

#[tokio::test]
async fn a_key_is_found_by_its_text_until_it_is_revoked() {
    let redis = TestRedis::start().await.unwrap();
    let keys = keys(&redis);
    let scopes = BTreeSet::from([Scope::Submit, Scope::ActAs]);
    let created = keys.create(" school ", scopes.clone()).await.unwrap();
    let other = keys.create("other", BTreeSet::new()).await.unwrap();
    assert_eq!((created.key.name.as_str(), &created.key.scopes), ("school", &scopes));
    assert!(ApiKeys::looks_like_one(&created.text));
    assert_eq!(keys.find(&created.text).await.unwrap().as_ref(), Some(&created.key));
    let listed = keys.list().await.unwrap();
    assert_eq!(listed.len(), 2);
    assert!(listed.contains(&created.key) && listed.contains(&other.key), "{listed:?}");

    assert!(keys.revoke(&created.key.id).await.unwrap());
    assert!(!keys.revoke(&created.key.id).await.unwrap());
    assert_eq!(keys.find(&created.text).await.unwrap(), None);
    assert_eq!(keys.list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_not_quite_a_key_is_none() {
    let redis = TestRedis::start().await.unwrap();
    let keys = keys(&redis);
    let text = keys.create("school", BTreeSet::new()).await.unwrap().text;
    let (head, secret) = text.rsplit_once('_').unwrap();
    for wrong in [
        "",
        "ulk_",
        "ulk__",
        "x",
        &text[1..],
        head,
        &format!("{head}_"),
        &format!("{text}x"),
        &text[..text.len() - 1],
        &format!("ulk_{}_{secret}", "0".repeat(16)),
        &format!("ulk_a:b\r\nc_{secret}"),
    ] {
        assert_eq!(keys.find(wrong).await.unwrap(), None, "{wrong:?}");
    }
}

#[tokio::test]
async fn redis_never_has_the_text() {
    let redis = TestRedis::start().await.unwrap();
    let keys = keys(&redis);
    let text = keys.create("school", BTreeSet::new()).await.unwrap().text;
    let (_, secret) = text.rsplit_once('_').unwrap();
    let mut read = redis::pipe();
    read.hvals(format!("{{test}}:api_key:{}", &text[4..20]));
    let (values,): (Vec<String>,) = redis.pool().query(&read).await.unwrap();
    assert_eq!(values.len(), 4);
    assert!(values.iter().all(|value| !value.contains(secret)), "{values:?}");
}

#[tokio::test]
async fn a_key_has_a_name() {
    let redis = TestRedis::start().await.unwrap();
    let keys = keys(&redis);
    for name in ["", " ", "a\nb", &"x".repeat(101)] {
        assert!(matches!(keys.create(name, BTreeSet::new()).await, Err(CreateKeyError::Name)), "{name:?}");
    }
}
