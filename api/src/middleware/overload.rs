//! More requests at once than the process can hold.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::ApiError;

/// Room for so many requests at once.
#[derive(Debug, Clone)]
pub(crate) struct Room(pub(crate) Option<Arc<Semaphore>>);

impl Room {
    /// Room for `most`; 0 is no limit.
    pub(crate) fn of(most: u32) -> Self {
        Self((most > 0).then(|| Arc::new(Semaphore::new(most as usize))))
    }

    /// A place for as long as the answer lives, or 503 where there is none.
    pub(crate) fn enter(&self) -> Result<Option<OwnedSemaphorePermit>, ApiError> {
        let place = self.0.as_ref().map(|room| Arc::clone(room).try_acquire_owned());
        place.transpose().map_err(|_| ApiError::overloaded())
    }
}

/// Refuses at once what would only make everything slower. A request that is held for its job has its place, too: it has a
/// connection and memory.
pub(crate) async fn overload(State(Room(room)): State<Room>, request: Request, next: Next) -> Response {
    let Some(room) = room else { return next.run(request).await };
    match room.try_acquire() {
        Ok(_place) => next.run(request).await,
        Err(_) => ApiError::overloaded().into_response(),
    }
}
