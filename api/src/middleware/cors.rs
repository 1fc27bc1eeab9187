//! Web pages of other origins: <https://fetch.spec.whatwg.org/#http-cors-protocol>

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use shared::config::ConfigError;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Browsers need not ask again for this long.
const REMEMBERED: Duration = Duration::from_hours(1);

/// What pages of `origins` may send and read. Without any, pages of other origins may do nothing: nothing has to be said for that.
pub(crate) fn cors(origins: &[String]) -> Result<Option<CorsLayer>, ConfigError> {
    let origins = origins.iter().map(|origin| origin.trim()).filter(|origin| !origin.is_empty()).map(checked);
    let origins = origins.collect::<Result<Vec<_>, _>>()?;
    Ok((!origins.is_empty()).then(|| layer(origins)))
}

fn layer(origins: Vec<HeaderValue>) -> CorsLayer {
    let custom = |name| HeaderName::from_static(name);
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CACHE_CONTROL,
            header::CONTENT_TYPE,
            custom("idempotency-key"),
            custom("last-event-id"),
            custom("prefer"),
            custom("user-id"),
            custom("x-request-id"),
        ])
        .expose_headers([
            header::LOCATION,
            header::RETRY_AFTER,
            custom("preference-applied"),
            custom("ratelimit"),
            custom("ratelimit-policy"),
            custom("x-ratelimit-limit"),
            custom("x-ratelimit-remaining"),
            custom("x-ratelimit-reset"),
            custom("x-request-id"),
        ])
        .max_age(REMEMBERED)
}

/// An origin as a browser sends it: scheme, host and port, and no more. `*` is none: whoever may name any page can be anybody's.
fn checked(origin: &str) -> Result<HeaderValue, ConfigError> {
    let wrong =
        || ConfigError::new(format!("CORS_ALLOWED_ORIGINS: {origin:?} is no origin such as https://app.example.com"));
    let url = reqwest::Url::parse(origin).map_err(|_| wrong())?;
    if !matches!(url.scheme(), "http" | "https") || url.origin().ascii_serialization() != origin {
        return Err(wrong());
    }
    HeaderValue::try_from(origin).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::{
        body::Body,
        http::{Request, Response},
    };
    use tower::{Layer, ServiceExt};

    use super::*;

    #[tokio::test]
    async fn a_page_may_go_on_with_a_stream_where_it_broke_off() {
        let layer = cors(&["https://app.example.com".to_owned()]).unwrap().unwrap();
        let unreachable = tower::service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::empty())));
        let preflight = Request::builder()
            .method(Method::OPTIONS)
            .header("origin", "https://app.example.com")
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "last-event-id");
        let answer = layer.layer(unreachable).oneshot(preflight.body(Body::empty()).unwrap()).await.unwrap();
        let allowed = answer.headers()["access-control-allow-headers"].to_str().unwrap();
        assert!(allowed.split(',').any(|name| name == "last-event-id"), "{allowed}");
    }

    #[test]
    fn an_origin_is_what_a_browser_sends() {
        for origin in ["https://app.example.com", "http://localhost:5173", " https://a.example "] {
            assert!(cors(&[origin.to_owned()]).is_ok(), "{origin}");
        }
        for origin in [
            "*",
            "app.example.com",
            "https://app.example.com/",
            "https://app.example.com/x",
            "file://x",
            "https://A.example",
        ] {
            let error = cors(&[origin.to_owned()]).unwrap_err().to_string();
            assert!(error.contains("CORS_ALLOWED_ORIGINS"), "{origin}: {error}");
        }
    }
}
