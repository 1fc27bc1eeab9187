//! One HTTP exchange: one request, one answer of bounded size, and no second try.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::OpenAiError;
use crate::http_call::{Doorway, read_up_to};

/// Largest answer that is read. A full answer of 4,096 tokens is about 20 KB.
const ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// As much of an error as is worth reading.
const ERROR_BYTES: usize = 64 * 1024;

/// What came back, of any status.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Sends the request once, its body through the doorway. The client's own time-out covers all of it, the last byte of the answer included.
pub(super) async fn send(
    http: &reqwest::Client,
    mut request: reqwest::Request,
    doorway: Option<Doorway>,
) -> Result<Reply, OpenAiError> {
    let bytes = request.body().and_then(reqwest::Body::as_bytes).map(Bytes::copy_from_slice);
    if let (Some(doorway), Some(bytes)) = (doorway, bytes) {
        *request.body_mut() = Some(doorway.body(bytes));
    }
    let mut response = http.execute(request).await?;
    let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
    let body = if status.is_success() {
        let (body, whole) = read_up_to(&mut response, ANSWER_BYTES).await?;
        whole.then_some(body).ok_or(OpenAiError::TooLarge)?
    } else {
        // The status is known, and says enough when the rest does not arrive.
        read_up_to(&mut response, ERROR_BYTES).await.map(|(body, _)| body).unwrap_or_default()
    };
    Ok(Reply { status, headers, body })
}
