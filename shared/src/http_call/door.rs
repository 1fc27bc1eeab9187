//! The last moment before a call is sent.
//!
//! The body of the request is the door: the HTTP client asks for it when the connection stands, so that neither a queue
//! in this process nor a slow handshake lies between the permit and the upstream.

use std::{
    fmt, io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::job::JobError;

/// Resolves when the call may be sent, at once; an error keeps it from being sent.
pub type Door = Pin<Box<dyn Future<Output = Result<(), JobError>> + Send>>;

/// A door, and where it says why it stayed closed.
pub(crate) struct Doorway {
    door: Door,
    closed: Arc<Mutex<Option<JobError>>>,
}

impl fmt::Debug for Doorway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Doorway")
    }
}

impl Doorway {
    pub(crate) fn new(door: Door, closed: Arc<Mutex<Option<JobError>>>) -> Self {
        Self { door, closed }
    }

    /// A body that is sent once the door is open.
    pub(crate) fn body(self, bytes: Bytes) -> reqwest::Body {
        reqwest::Body::wrap(Waiting { doorway: Mutex::new(self), bytes: Some(bytes) })
    }
}

struct Waiting {
    /// Locked only for `Sync`, which the client asks for.
    doorway: Mutex<Doorway>,
    bytes: Option<Bytes>,
}

impl Body for Waiting {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.bytes.is_none() {
            return Poll::Ready(None);
        }
        let doorway = self.doorway.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Err(reason) = ready!(doorway.door.as_mut().poll(cx)) {
            *doorway.closed.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
            self.bytes = None;
            return Poll::Ready(Some(Err(io::Error::other("the call was not let go"))));
        }
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
