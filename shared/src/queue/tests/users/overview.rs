//! The list of users.

use super::super::fixture::Fixture;

/// Not yet: what lies long back is forgotten.
const SOON: u64 = 4_000_000_000_000;

impl Fixture {
    async fn seen_at(&self, user: &str, at_ms: u64) {
        self.of_user(user, user).await;
        self.raw::<u64>(&["ZADD", &self.keys.users(), &at_ms.to_string(), user]).await;
    }
}

#[tokio::test]
async fn the_list_goes_on_where_it_stopped_whatever_the_names_are() {
    let f = Fixture::start().await;
    let mut names = vec!["ada", "Zoë", "a.b", "用户", "z z", "17.x", "{x}:y"];
    for name in &names {
        // All in the same millisecond, but for two.
        let at = match *name {
            "ada" => 3_000,
            "17.x" => 1_000,
            _ => 2_000,
        };
        f.seen_at(name, SOON + at).await;
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = f.users().overview(after.as_ref(), 2).await.unwrap();
        assert_eq!((page.known, page.today.unique_users, page.today.counts.accepted), (7, 7, 7));
        seen.extend(page.users.into_iter().map(|user| user.user));
        let Some(next) = page.next else { break };
        after = Some(next.to_string().parse().unwrap());
    }
    assert_eq!((seen[0].as_str(), seen[6].as_str()), ("ada", "17.x"));
    seen.sort_unstable();
    names.sort_unstable();
    assert_eq!(seen, names);
}

#[tokio::test]
async fn who_is_forgotten_leaves_the_list() {
    let f = Fixture::start().await;
    f.seen_at("ada", SOON).await;
    f.seen_at("bob", SOON + 1).await;
    f.raw::<u64>(&["DEL", &f.keys.user("ada")]).await;
    let page = f.users().overview(None, 10).await.unwrap();
    assert_eq!(page.users.iter().map(|user| user.user.as_str()).collect::<Vec<_>>(), ["bob"]);
    assert_eq!(f.count(&f.keys.users()).await, 1);
}

#[tokio::test]
async fn the_list_is_bounded_by_number_and_by_age() {
    let f = Fixture::start().await;
    f.seen_at("of long ago", 1).await;
    let fill = "for i = 1, 100000 do redis.call('ZADD', KEYS[1], 4000000000000 + i, 'user' .. i) end";
    f.raw::<redis::Value>(&["EVAL", fill, "1", &f.keys.users()]).await;
    f.of_user("ada", "1").await;
    assert_eq!(f.count(&f.keys.users()).await, 100_000);
    assert_eq!(f.raw::<Option<u64>>(&["ZSCORE", &f.keys.users(), "of long ago"]).await, None);
    // The clock of the test stands before those: Ada is the one of whom nothing was heard for longest.
    assert_eq!(f.raw::<Option<u64>>(&["ZSCORE", &f.keys.users(), "ada"]).await, None);
    assert_eq!(f.raw::<u64>(&["EXISTS", &f.keys.user("ada")]).await, 0);
}
