//! Serves until told to stop.

use std::{io, net::SocketAddr, time::Duration};

use axum::{
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
    serve::ListenerExt,
};
use shared::lifecycle::Lifecycle;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::{router, state::AppState};

/// Once no request runs, connections have this long to send off their last answer. One that never sent a whole request (a
/// load balancer's spare, a slow client) would otherwise hold up the stop for ever.
const FAREWELL: Duration = Duration::from_millis(500);

/// Serves on `listener`. On drain it takes no new connection and finishes the requests that run; on leave it returns at once.
///
/// # Errors
///
/// When the listener has no address.
pub async fn serve(listener: TcpListener, state: AppState, lifecycle: &Lifecycle) -> io::Result<()> {
    tracing::info!(port = listener.local_addr()?.port(), "Listening");
    // Answers are written in one piece: waiting to fill a packet would only delay them.
    let listener = listener.tap_io(|connection| {
        let _ = connection.set_nodelay(true);
    });
    let running = TaskTracker::new();
    let app = router(state).layer(from_fn_with_state(running.clone(), count));
    let drain = lifecycle.drain().clone().cancelled_owned();
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, app).with_graceful_shutdown(drain);
    let none_runs = async {
        lifecycle.drain().cancelled().await;
        running.close();
        running.wait().await;
        tokio::time::sleep(FAREWELL).await;
    };
    tokio::select! {
        result = server => result,
        () = none_runs => Ok(()),
        () = lifecycle.leave().cancelled() => Ok(()),
    }
}

/// Counts the request for as long as it runs.
async fn count(State(running): State<TaskTracker>, request: Request, next: Next) -> Response {
    let _running = running.token();
    next.run(request).await
}
