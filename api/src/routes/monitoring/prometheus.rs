//! `GET /metrics`

use axum::{
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use shared::{
    scaling::Service,
    telemetry::{self, Page, metrics, show_process},
};

use crate::{
    openapi::{Problems, cases},
    patience,
    state::AppState,
};

/// Be scraped by Prometheus
///
/// What this process has counted, and figures of the whole fleet, which are the same at every replica: take their `max`, not their
/// `sum`. While Redis is away these are missing, and `unilingo_redis_up` is 0.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "scrape",
    tag = "Monitoring",
    security(("adminToken" = []), ("adminBearer" = [])),
    responses(
        (status = 200, description = "Prometheus' text format", body = String, content_type = "text/plain"),
        Problems<cases::Restricted>,
    ),
)]
pub(crate) async fn prometheus(State(state): State<AppState>) -> Response {
    let mut page = Page::default();
    show_process(&mut page, Service::Api.as_str());
    state.monitoring.http.show(&mut page);
    page.gauge(&metrics::STREAMS, f64::from(u32::try_from(state.monitoring.open_streams()).unwrap_or(u32::MAX)));
    let (answers, look) =
        tokio::join!(patience::redis(state.redis.ping()), patience::redis(state.monitoring.fleet.look()));
    page.gauge(&metrics::REDIS_UP, f64::from(u8::from(answers.is_ok())));
    state.redis.show(&mut page);
    if let Ok(look) = look {
        look.show(&mut page);
    }
    ([(CONTENT_TYPE, telemetry::CONTENT_TYPE)], page.text()).into_response()
}
