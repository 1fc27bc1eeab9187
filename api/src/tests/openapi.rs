//! The document is the one that is committed, and it names every path that the router knows, and no other.

use std::{collections::BTreeSet, fs, path::Path};

use axum::{body::Body, http::Request};
use serde_json::Value;
use shared::{config::AuthMode, telemetry::Label};
use tower::ServiceExt;

use super::app::App;
use crate::{
    error::Refusal,
    openapi::{Deployment, ROUTES},
    router,
};

/// The page for operators and the files that pages load, which the document leaves out. Each answers GET.
const PAGES: [&str; 4] = ["/api/docs/{file}", "/monitoring", "/monitoring/page.css", "/monitoring/page.js"];
/// Methods that need no words of their own: HEAD is GET without a body.
const IMPLIED: [&str; 1] = ["HEAD"];

/// The document of a deployment that knows all ways to say who asks.
fn pretty() -> String {
    let auth = vec![AuthMode::Jwt, AuthMode::ApiKey, AuthMode::TrustClient];
    let deployment = Deployment { content_max: 200_000, auth };
    deployment.document().to_pretty_json().unwrap() + "\n"
}

fn parsed() -> Value {
    serde_json::from_str(&pretty()).unwrap()
}

#[test]
fn the_committed_document_is_the_one_that_is_served() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let generated = pretty();
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&committed, &generated).unwrap();
    }
    let same = fs::read_to_string(&committed).is_ok_and(|text| text == generated);
    assert!(
        same,
        "docs/openapi.json is not what the code says. If the change is meant, renew it and look at its difference:\n\
         UPDATE_SNAPSHOTS=1 cargo nextest run -p api --features shared/testing the_committed_document"
    );
}

/// The paths that `router.rs` registers.
fn registered() -> BTreeSet<&'static str> {
    let parts = include_str!("../router.rs").split(".route(").skip(1);
    let paths: BTreeSet<_> = parts.filter_map(|part| part.split('"').nth(1)).collect();
    assert!(paths.len() > 20, "{paths:?}");
    paths
}

/// What the router itself says that a path can do, when it is asked for something that no path can.
async fn methods(app: &App, path: &str) -> BTreeSet<String> {
    let path = path.replace(['{', '}'], "");
    let request = Request::builder().method("TRACE").uri(&path).header("x-admin-token", "a-token");
    let response = router(app.state.clone()).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 405, "{path}");
    let allow = response.headers()["allow"].to_str().unwrap().split(',');
    allow.filter(|method| !IMPLIED.contains(method)).map(str::to_owned).collect()
}

#[tokio::test]
async fn every_path_is_in_the_document_with_every_method() {
    let app = App::without_redis_but(&["--admin-token", "a-token"]).await;
    let document = parsed();
    let documented = document["paths"].as_object().unwrap();
    let mut known = registered();
    assert!(PAGES.iter().all(|page| known.remove(page)));
    assert_eq!(documented.keys().map(String::as_str).collect::<BTreeSet<_>>(), known);
    for (path, operations) in documented {
        let told: BTreeSet<_> = operations.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        assert_eq!(told, methods(&app, path).await, "{path}");
        let counted = ROUTES.iter().filter(|(route, _)| route == path);
        assert_eq!(told, counted.map(|(_, method)| (*method).to_owned()).collect(), "{path}");
    }
    let counted: BTreeSet<_> = ROUTES.iter().map(|(route, _)| *route).collect();
    assert_eq!(counted, documented.keys().map(String::as_str).chain(PAGES).collect());
}

#[test]
fn every_429_and_503_is_a_refusal_that_is_counted() {
    let document = parsed();
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    let mut codes = BTreeSet::new();
    for responses in operations.map(|operation| &operation["responses"]) {
        collect_codes(&responses["429"], &mut codes);
        collect_codes(&responses["503"], &mut codes);
    }
    let known = Refusal::values();
    // What shipped apps read is a translation, in upper case, of the same errors.
    codes.retain(|code| code.chars().all(|letter| !letter.is_uppercase()));
    let missing: Vec<_> = codes.iter().filter(|code| !known.contains(&code.as_str().into())).collect();
    assert!(codes.len() > 3 && missing.is_empty(), "{missing:?} of {codes:?}");
}

#[test]
fn every_code_is_in_the_table_of_errors() {
    let table = include_str!("../../../docs/API.md");
    let document = parsed();
    let mut codes = BTreeSet::new();
    collect_codes(&document["paths"], &mut codes);
    let known = |code: &str| table.contains(&format!("`{code}`")) || table.contains(&format!("\"{code}\""));
    let missing: Vec<_> = codes.iter().filter(|code| !known(code) && !known(&code.to_lowercase())).collect();
    assert!(codes.len() > 30 && missing.is_empty(), "docs/API.md lacks {missing:?}");
}

fn collect_codes(value: &Value, codes: &mut BTreeSet<String>) {
    if let Some(listed) = value["properties"]["code"]["enum"].as_array() {
        codes.extend(listed.iter().filter_map(Value::as_str).map(str::to_owned));
    }
    match value {
        Value::Object(members) => members.values().for_each(|value| collect_codes(value, codes)),
        Value::Array(values) => values.iter().for_each(|value| collect_codes(value, codes)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = parsed();
    let mut references = BTreeSet::new();
    collect_references(&document, &mut references);
    for reference in references {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}

fn collect_references(value: &Value, references: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            references.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|value| collect_references(value, references));
        }
        Value::Array(values) => values.iter().for_each(|value| collect_references(value, references)),
        _ => {}
    }
}
