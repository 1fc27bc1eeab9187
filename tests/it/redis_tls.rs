//! Redis behind TLS with a private authority, and an ACL.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use shared::testing::{TestRedis, free_port};
use tempfile::TempDir;

use crate::harness::{Process, System, chapter};

/// What a URL can't hold as it is.
const PASSWORD: &str = "p:ss/w@rd#1 %";
const ENCODED: &str = "p%3Ass%2Fw%40rd%231%20%25";
/// As docs/REDIS.md lists it, for the prefix of these tests.
const RIGHTS: [&str; 9] =
    ["resetkeys", "~{it}*", "resetchannels", "&{it}*", "+@all", "-@admin", "-@dangerous", "+info", "+config|get"];

/// An authority with a certificate for this machine, in files.
struct Authority {
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
        std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        std::fs::write(folder.path().join("redis.pem"), certificate.pem()).unwrap();
        std::fs::write(folder.path().join("redis.key"), key.serialize_pem()).unwrap();
        Self { folder }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }
}

/// A system whose Redis speaks TLS on a port of its own as well: without it, only the test itself asks.
async fn system_with_tls(authority: &Authority) -> (System, String) {
    let system = System::on(TestRedis::start().await.unwrap()).await;
    let port = free_port().unwrap().to_string();
    for (setting, value) in [
        ("tls-cert-file", authority.file("redis.pem")),
        ("tls-key-file", authority.file("redis.key")),
        ("tls-ca-cert-file", authority.file("ca.pem")),
        ("tls-auth-clients", "no".to_owned()),
        ("tls-port", port.clone()),
    ] {
        let _: () = system.raw(&["CONFIG", "SET", setting, &value]).await;
    }
    (system, port)
}

async fn set_user(system: &System, rights: &[&str]) {
    let _: () = system.raw(&[&["ACL", "SETUSER", "uni", "reset", "on"], rights].concat()).await;
}

/// Resolves when the process has logged this.
async fn until_logged(system: &System, process: &Process, text: &str) {
    let asking = async {
        while !process.log().contains(text) {
            system.http.get(process.url("/api/health")).send().await.unwrap();
        }
    };
    let logged = tokio::time::timeout(crate::harness::PATIENCE, asking).await;
    assert!(logged.is_ok(), "{text:?} is not logged: {}", process.log());
}

#[tokio::test]
async fn a_job_goes_through_redis_with_tls_and_an_acl() {
    let authority = Authority::new();
    let (mut system, port) = system_with_tls(&authority).await;
    let password = format!(">{PASSWORD}");
    set_user(&system, &[&[password.as_str()], &RIGHTS[..]].concat()).await;
    system.set_text("REDIS_URL", format!("rediss://uni:{ENCODED}@localhost:{port}"));
    system.set_text("REDIS_CA_FILE", authority.file("ca.pem"));
    let (api, worker) = (system.api().await, system.worker("a").await);
    let id = system.submit(&api, &chapter(1, 2)).await;
    let job = system.end_of(&api, &id).await;
    assert_eq!(job["state"], "completed", "{job}\n{}", worker.log());
    worker.until_ready(&system.http).await;
    for process in [&api, &worker] {
        let log = process.log();
        assert!(!log.contains("Redis does not let") && !log.contains("can't be asked"), "{log}");
        assert!(!log.contains(PASSWORD) && !log.contains(ENCODED), "{log}");
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused_and_told() {
    let authority = Authority::new();
    let (system, port) = system_with_tls(&authority).await;
    let stranger = Authority::new();
    let url = format!("rediss://localhost:{port}");
    let settings = [("REDIS_URL", url.as_str()), ("REDIS_CA_FILE", &stranger.file("ca.pem"))];
    let worker = system.start("flashcard-worker", &settings).await;
    until_logged(&system, &worker, "invalid peer certificate").await;
    worker.until_not_ready(&system.http).await;
}

#[tokio::test]
async fn a_wrong_password_and_a_missing_right_are_told_once_and_mended_in_place() {
    let system = System::new().await;
    set_user(&system, &[&[">other"], &RIGHTS[..]].concat()).await;
    let url = format!("redis://uni:{ENCODED}@127.0.0.1:{}", system.redis.port());
    let worker = system.start("flashcard-worker", &[("REDIS_URL", &url)]).await;
    let (refused, forbidden) = ("Redis refuses what REDIS_URL says", "Redis does not let this user");
    until_logged(&system, &worker, refused).await;
    worker.until_not_ready(&system.http).await;

    let password = format!(">{PASSWORD}");
    set_user(&system, &[&[password.as_str()], &RIGHTS[..], &["-@scripting"]].concat()).await;
    until_logged(&system, &worker, forbidden).await;

    let _: () = system.raw(&["ACL", "SETUSER", "uni", "+@scripting"]).await;
    worker.until_ready(&system.http).await;
    let api = system.api().await;
    let id = system.submit(&api, &chapter(1, 2)).await;
    assert_eq!(system.end_of(&api, &id).await["state"], "completed");
    let log = worker.log();
    assert_eq!((log.matches(refused).count(), log.matches(forbidden).count()), (1, 1), "{log}");
    assert!(log.lines().count() < 60, "{log}");
    assert!(!log.contains(PASSWORD) && !log.contains(ENCODED), "{log}");
}

#[tokio::test]
async fn strict_processes_refuse_a_redis_that_may_lose_jobs_in_one_line() {
    let system = System::new().await;
    for program in ["api", "flashcard-worker"] {
        let mut refused = system.launch(program, &[("REDIS_STRICT", "1")]);
        assert!(!refused.ended().await.success());
        let errors: Vec<_> =
            refused.log().lines().filter(|line| line.starts_with("error: ")).map(str::to_owned).collect();
        assert!(errors.len() == 1 && errors[0].contains("appendonly"), "{}", refused.log());
        let warned = system.start(program, &[]).await;
        until_logged(&system, &warned, "Redis keeps nothing on disk").await;
    }
}
