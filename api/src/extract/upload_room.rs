//! The memory that uploads may take.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::error::ApiError;

/// What the uploads that are in hand may have together, in KiB.
const HELD_KIB: u32 = 16 * 1024;
/// What of them may be on its way to Redis, in KiB. Meanwhile each is in memory about five times: as arguments of a script, as its
/// call, as bytes of the protocol and in the connection's buffer.
const SENT_KIB: u32 = 4 * 1024;
/// How long an upload waits for others to be done before it is refused.
const PATIENCE: Duration = Duration::from_secs(10);

/// Room for uploads in this process: an upload is read when there is room for all of it, and sent to Redis when it is its turn.
/// So memory has a bound, and one that is read slowly keeps none that are read from being sent.
#[derive(Debug, Clone)]
pub(crate) struct UploadRoom {
    held: Arc<Semaphore>,
    sent: Arc<Semaphore>,
}

impl Default for UploadRoom {
    fn default() -> Self {
        let [held, sent] = [HELD_KIB, SENT_KIB].map(|kib| Arc::new(Semaphore::new(kib as usize)));
        Self { held, sent }
    }
}

impl UploadRoom {
    /// Waits for room for an upload of `bytes`. It is free again when the permit is dropped.
    pub(super) async fn enter(&self, bytes: usize) -> Result<OwnedSemaphorePermit, ApiError> {
        acquire(&self.held, bytes, HELD_KIB).await
    }

    /// Waits until it is the turn of a recording of `bytes` to be sent to Redis. Its turn is over when the permit is dropped.
    pub(crate) async fn turn(&self, bytes: usize) -> Result<OwnedSemaphorePermit, ApiError> {
        acquire(&self.sent, bytes, SENT_KIB).await
    }
}

/// What is larger than all of the room has all of it.
async fn acquire(room: &Arc<Semaphore>, bytes: usize, most_kib: u32) -> Result<OwnedSemaphorePermit, ApiError> {
    let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(most_kib).clamp(1, most_kib);
    let permit = timeout(PATIENCE, Arc::clone(room).acquire_many_owned(kib)).await;
    permit.ok().and_then(Result::ok).ok_or_else(ApiError::overloaded)
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

    #[tokio::test(start_paused = true)]
    async fn a_recording_is_sent_when_it_is_its_turn_and_does_not_hold_up_who_is_read() {
        let room = UploadRoom::default();
        let large = room.turn(usize::MAX).await.unwrap();
        assert!(room.enter(1).await.is_ok());
        assert_eq!(room.turn(1).await.unwrap_err().code(), "overloaded");
        drop(large);
        assert!(room.turn(1).await.is_ok());
    }
}
