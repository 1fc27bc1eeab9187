//! A body that has to keep coming: one that stands still or trickles would hold a place and memory for ever.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, BodyDataStream, Bytes},
    extract::Request,
};
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, Sleep, sleep_until};

use super::ClientAddress;
use crate::{
    error::ApiError,
    held_places::{HeldPlace, HeldPlaces, Holder},
    state::AppState,
};

/// A phone that changes networks is silent for a few seconds.
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// From here on the average counts.
const START: Duration = Duration::from_secs(10);
/// What a body has to bring on average after its start, in bytes a second. The slowest mobile networks (EDGE) bring more.
const RATE_MIN: u64 = 8_000;
const TOTAL_MAX: Duration = Duration::from_mins(2);

/// Why a body could not be read to its end.
#[derive(Debug)]
pub(super) enum BodyError {
    TooSlow,
    BrokenOff,
    /// The caller keeps as many requests open as it may.
    TooMany(Box<ApiError>),
}

/// The pieces of a body, for as long as they come fast enough.
pub(super) struct PacedBody {
    stream: BodyDataStream,
    began: Option<Instant>,
    received: u64,
    /// Made when a piece has to be waited for the first time.
    timer: Option<Pin<Box<Sleep>>>,
    place: Place,
}

/// A body that is there at once takes no place.
enum Place {
    Free,
    ToTake(HeldPlaces, Holder),
    Taken { _place: HeldPlace },
}

/// The places, and the caller of this request, whose body takes one.
pub(super) fn places_of(request: &mut Request, state: &AppState) -> (HeldPlaces, Holder) {
    let holder = match request.extensions_mut().remove::<Holder>() {
        Some(holder) => holder,
        None => ClientAddress::of(request, state).into(),
    };
    (state.held.clone(), holder)
}

impl PacedBody {
    pub(super) fn new(body: Body, (places, holder): (HeldPlaces, Holder)) -> Self {
        let place = Place::ToTake(places, holder);
        Self { stream: body.into_data_stream(), began: None, received: 0, timer: None, place }
    }

    /// The pieces that are left, however slowly they come. The place of the body stays taken.
    pub(super) fn rest(&mut self) -> &mut BodyDataStream {
        &mut self.stream
    }

    /// When the next piece has to be there.
    fn deadline(&self, now: Instant, began: Instant) -> Instant {
        let earned = Duration::from_millis(self.received.saturating_mul(1_000) / RATE_MIN).min(TOTAL_MAX);
        (now + PAUSE_MAX).min(began + START + earned).min(began + TOTAL_MAX)
    }
}

impl Stream for PacedBody {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let piece = this.stream.poll_next_unpin(cx);
        if let Poll::Ready(piece) = piece {
            let Some(piece) = piece else { return Poll::Ready(None) };
            let Ok(piece) = piece else { return Poll::Ready(Some(Err(BodyError::BrokenOff))) };
            this.received += piece.len() as u64;
            if this.timer.is_some() || this.began.is_none() {
                let now = Instant::now();
                let began = *this.began.get_or_insert(now);
                let deadline = this.deadline(now, began);
                if let Some(timer) = &mut this.timer {
                    timer.as_mut().reset(deadline);
                }
            }
            return Poll::Ready(Some(Ok(piece)));
        }
        if this.timer.is_none() {
            if let Place::ToTake(places, holder) = std::mem::replace(&mut this.place, Place::Free) {
                match places.take(holder) {
                    Ok(place) => this.place = Place::Taken { _place: place },
                    Err(error) => return Poll::Ready(Some(Err(BodyError::TooMany(Box::new(error))))),
                }
            }
            let now = Instant::now();
            let began = *this.began.get_or_insert(now);
            this.timer = Some(Box::pin(sleep_until(this.deadline(now, began))));
        }
        match this.timer.as_mut().map(|timer| timer.as_mut().poll(cx)) {
            Some(Poll::Ready(())) => Poll::Ready(Some(Err(BodyError::TooSlow))),
            _ => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;

    use super::*;

    /// Reads a body whose `pieces` of `bytes` bytes come at the interval `every`. How it ends, and after how many seconds.
    async fn read(bytes: usize, every: Duration, pieces: usize) -> (Result<usize, BodyError>, u64) {
        let began = Instant::now();
        let pieces = stream::iter(0..pieces).then(move |n| async move {
            tokio::time::sleep(if n == 0 { Duration::ZERO } else { every }).await;
            Ok::<_, Infallible>(vec![b'x'; bytes])
        });
        let mut body = PacedBody::new(Body::from_stream(pieces), (HeldPlaces::new(0, 0), Holder::User(String::new())));
        let mut received = 0;
        let end = loop {
            match body.next().await {
                Some(Ok(piece)) => received += piece.len(),
                Some(Err(error)) => break Err(error),
                None => break Ok(received),
            }
        };
        (end, began.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_may_pause_and_be_as_slow_as_the_slowest_network() {
        let second = Duration::from_secs(1);
        assert!(matches!(read(100_000, second * 9, 3).await, (Ok(300_000), 18)));
        assert!(matches!(read(8_000, second, 100).await, (Ok(800_000), 99)));
        assert!(matches!(read(100, second * 4, 3).await, (Ok(300), 8)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stands_still_or_trickles_is_given_up() {
        let second = Duration::from_secs(1);
        assert!(matches!(read(100_000, second * 60, 2).await, (Err(BodyError::TooSlow), 10)), "it stands still");
        assert!(matches!(read(1, second * 5, 1_000).await, (Err(BodyError::TooSlow), 10)), "it trickles");
        assert!(matches!(read(4_000, second, 1_000).await, (Err(BodyError::TooSlow), 20..=21)), "half the rate");
        assert!(matches!(read(10_000, second, 1_000).await, (Err(BodyError::TooSlow), 119..=120)), "it never ends");
    }
}
