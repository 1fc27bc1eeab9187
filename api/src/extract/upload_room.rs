//! The memory that uploads may take.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::error::ApiError;

/// What the uploads that are in hand may have together, in KiB. Each is twice in memory while it is sent to Redis.
const ROOM_KIB: u32 = 24 * 1024;
/// How long an upload waits for others to be done before it is refused.
const PATIENCE: Duration = Duration::from_secs(10);

/// Room for uploads in this process: an upload is read when there is room for all of it.
#[derive(Debug, Clone)]
pub(crate) struct UploadRoom(Arc<Semaphore>);

impl Default for UploadRoom {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ROOM_KIB as usize)))
    }
}

impl UploadRoom {
    /// Waits for room for `bytes`. It is free again when the permit is dropped.
    pub(super) async fn enter(&self, bytes: usize) -> Result<OwnedSemaphorePermit, ApiError> {
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(ROOM_KIB).clamp(1, ROOM_KIB);
        let room = timeout(PATIENCE, Arc::clone(&self.0).acquire_many_owned(kib)).await;
        room.ok().and_then(Result::ok).ok_or_else(ApiError::overloaded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_room_is_told_to_come_back() {
        let room = UploadRoom::default();
        let all = room.enter(usize::MAX).await.unwrap();
        assert_eq!(room.enter(1).await.unwrap_err().code(), "overloaded");
        drop(all);
        assert!(room.enter(1).await.is_ok());
    }
}
