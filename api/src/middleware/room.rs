//! More requests at once than the process can hold.

use std::sync::Arc;

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

    /// A place for as long as the answer lives, or 503 where there is none: what would only make everything slower is refused
    /// at once.
    pub(crate) fn enter(&self) -> Result<Option<OwnedSemaphorePermit>, ApiError> {
        let place = self.0.as_ref().map(|room| Arc::clone(room).try_acquire_owned());
        place.transpose().map_err(|_| ApiError::overloaded())
    }
}
