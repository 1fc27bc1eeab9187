//! Serves until told to stop.

use std::{convert::Infallible, io, net::SocketAddr, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::Request,
    response::{IntoResponse, Response},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use shared::lifecycle::Lifecycle;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_io_timeout::TimeoutStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use crate::{error::ApiError, router, state::AppState};

/// Once no request runs, connections have this long to send off their last answer. One that never sent a whole request (a
/// load balancer's spare, a slow client) would otherwise hold up the stop for ever.
const FAREWELL: Duration = Duration::from_millis(500);
/// A client that reads nothing of its answer for this long is given up.
const WRITE_PATIENCE: Duration = Duration::from_secs(30);
/// A head of more than this many bytes is refused with 431; it is as much as Node allows, so that no shipped request has more. Nor
/// does a connection read more at once: one that has sent a recording keeps a buffer of this size for as long as it waits.
/// <https://nodejs.org/api/cli.html#--max-http-header-sizesize>
const HEAD_MAX_BYTES: usize = 16 * 1024;
/// While no connection can be accepted (no file descriptor is left), it is tried again after this long.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// Serves on `listener`. On drain it takes no new connection and finishes the requests that run; on leave it returns at once.
///
/// # Errors
///
/// When the listener has no address.
pub async fn serve(listener: TcpListener, state: AppState, lifecycle: &Lifecycle) -> io::Result<()> {
    tracing::info!(port = listener.local_addr()?.port(), "Listening");
    let (drain, running, connections) = (lifecycle.drain(), TaskTracker::new(), TaskTracker::new());
    let server = Server {
        head_patience: state.config.idle_patience(),
        app: router(state),
        running: running.clone(),
        drain: drain.clone(),
    };
    drain.run_until_cancelled(server.accept(listener, &connections)).await;
    let none_runs = async {
        running.close();
        running.wait().await;
        connections.close();
        // All may have said farewell before.
        let _ = timeout(FAREWELL, connections.wait()).await;
    };
    lifecycle.leave().run_until_cancelled(none_runs).await;
    Ok(())
}

/// What every connection needs. Cheap to clone.
#[derive(Clone)]
struct Server {
    app: Router,
    head_patience: Duration,
    /// The requests that run.
    running: TaskTracker,
    drain: CancellationToken,
}

impl Server {
    async fn accept(&self, listener: TcpListener, connections: &TaskTracker) -> Infallible {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    connections.spawn(self.clone().connection(stream, peer));
                }
                // The client has gone before it was its turn.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "No connection can be accepted");
                    sleep(ACCEPT_AGAIN).await;
                }
            }
        }
    }

    async fn connection(self, stream: TcpStream, peer: SocketAddr) {
        // Answers are written in one piece: waiting to fill a packet would only delay them.
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(WRITE_PATIENCE));
        let service = service_fn(|request| Box::pin(self.answer(request, peer)));
        let mut connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.head_patience)
            .max_header_size(HEAD_MAX_BYTES)
            .max_buf_size(HEAD_MAX_BYTES)
            .serve_connection(TokioIo::new(Box::pin(stream)), service);
        let ended = tokio::select! {
            ended = std::future::poll_fn(|cx| connection.poll_without_shutdown(cx)) => ended,
            () = self.drain.cancelled() => {
                std::pin::Pin::new(&mut connection).graceful_shutdown();
                std::future::poll_fn(|cx| connection.poll_without_shutdown(cx)).await
            }
        };
        // What is wrong with a connection is the client's matter; one that was too slow is told so.
        let too_slow = ended.is_err_and(|error| error.is_timeout());
        let parts = connection.into_parts();
        let mut stream = parts.io.into_inner();
        if too_slow && !parts.read_buf.is_empty() {
            let _ = stream.write_all(&head_timeout().await).await;
        }
        let _ = stream.shutdown().await;
    }

    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Result<Response, Infallible> {
        let _running = self.running.token();
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        self.app.clone().oneshot(request).await
    }
}

/// The whole answer to a head that does not come to an end: no request has come of it that a handler could answer.
async fn head_timeout() -> Vec<u8> {
    let response = ApiError::head_timeout().into_response();
    let mut bytes = format!("HTTP/1.1 {}\r\nconnection: close\r\n", response.status()).into_bytes();
    for (name, value) in response.headers() {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    let body = axum::body::to_bytes(response.into_body(), HEAD_MAX_BYTES).await.unwrap_or_default();
    bytes.extend(format!("content-length: {}\r\n\r\n", body.len()).into_bytes());
    bytes.extend(body);
    bytes
}
