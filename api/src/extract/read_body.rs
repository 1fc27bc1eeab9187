//! Reads a body within limits of size and time.

use std::time::Duration;

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::header::EXPECT,
};
use futures_util::{Stream, StreamExt};
use tokio::time::timeout;

use super::paced_body::{BodyError, PacedBody};
use crate::{
    error::ApiError,
    held_places::{HeldPlaces, Holder},
};

/// How much of a body that is too large is read and dropped: a client that is still writing when the connection closes
/// sees a reset and never reads the 413.
const DISCARD_BYTES: usize = 16 * 1024 * 1024;
/// How long that may take.
const DISCARD_PATIENCE: Duration = Duration::from_secs(2);

/// The whole body, of at most `max` bytes.
pub(super) async fn read_body(request: Request, max: usize, places: (HeldPlaces, Holder)) -> Result<Vec<u8>, ApiError> {
    // A client that waits for leave to send its body has not begun to write, and gets none.
    let writing = !request.headers().contains_key(EXPECT);
    let body = request.into_body();
    if announced(&body) > max as u64 {
        let (places, holder) = places;
        let _place = places.take(holder)?;
        if writing {
            discard(body.into_data_stream()).await;
        }
        return Err(ApiError::body_too_large(max));
    }
    collect(PacedBody::new(body, places), max).await
}

/// The length by the client's own account.
fn announced(body: &Body) -> u64 {
    body.size_hint().lower()
}

async fn collect(mut body: PacedBody, max: usize) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| match error {
            BodyError::TooSlow => ApiError::body_timeout(),
            BodyError::TooMany(error) => *error,
            BodyError::BrokenOff => ApiError::bad_field("body", "unreadable_body", "The body broke off"),
        })?;
        if bytes.len() + chunk.len() > max {
            drop(bytes);
            discard(body.rest()).await;
            return Err(ApiError::body_too_large(max));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Reads on and drops what comes, for a while, so that the client reads the answer.
pub(super) async fn discard(mut stream: impl Stream<Item = Result<Bytes, axum::Error>> + Unpin) {
    let reading = async {
        let mut read = 0;
        while let Some(Ok(chunk)) = stream.next().await {
            read += chunk.len();
            if read > DISCARD_BYTES {
                break;
            }
        }
    };
    // Whether all of it came does not matter: the answer is the same.
    let _ = timeout(DISCARD_PATIENCE, reading).await;
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;

    use super::*;

    fn chunks(sizes: &'static [usize]) -> Request {
        let chunks = stream::iter(sizes.iter().map(|size| Ok::<_, Infallible>(vec![b'x'; *size])));
        Request::new(Body::from_stream(chunks))
    }

    async fn read(request: Request) -> Result<Vec<u8>, ApiError> {
        read_body(request, 7, (HeldPlaces::new(0, 0), Holder::User(String::new()))).await
    }

    #[tokio::test]
    async fn the_limit_counts_what_arrives_and_not_what_was_announced() {
        assert_eq!(read(chunks(&[3, 4])).await.unwrap(), b"xxxxxxx");
        assert_eq!(read(chunks(&[3, 5])).await.unwrap_err().code(), "body_too_large");
    }

    #[tokio::test]
    async fn an_announced_length_is_refused_without_reading() {
        let request = Request::new(Body::from(vec![b'x'; 8]));
        assert_eq!(read(request).await.unwrap_err().code(), "body_too_large");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_given_up() {
        let request = Request::new(Body::from_stream(stream::pending::<Result<Vec<u8>, Infallible>>()));
        assert_eq!(read(request).await.unwrap_err().code(), "body_timeout");
    }
}
