//! The memory that uploads may take.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::{error::ApiError, held_places::Holder};

/// What the uploads that are in hand may have together, in KiB.
const HELD_KIB: u32 = 16 * 1024;
/// What those of one holder may have together, in KiB.
const SHARE_KIB: u32 = HELD_KIB / 2;
/// What of them may be on its way to Redis, in KiB. Meanwhile each is in memory about five times: as arguments of a script, as its
/// call, as bytes of the protocol and in the connection's buffer.
const SENT_KIB: u32 = 4 * 1024;
/// How long an upload waits for others to be done before it is refused.
const PATIENCE: Duration = Duration::from_secs(10);

/// Room for uploads in this process: an upload is read when there is room for all of it, and sent to Redis when it is its turn.
/// So memory has a bound, and one that is read slowly keeps none that are read from being sent. One holder has at most half of
/// the room, or one upload that is larger: however many and however slow its uploads are, others find the rest.
#[derive(Debug, Clone)]
pub(crate) struct UploadRoom {
    held: Arc<Semaphore>,
    sent: Arc<Semaphore>,
    shares: Arc<Mutex<HashMap<Holder, Arc<Semaphore>>>>,
}

impl Default for UploadRoom {
    fn default() -> Self {
        let [held, sent] = [HELD_KIB, SENT_KIB].map(|kib| Arc::new(Semaphore::new(kib as usize)));
        Self { held, sent, shares: Arc::default() }
    }
}

/// Room for one upload. It is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct UploadPlace {
    _room: OwnedSemaphorePermit,
    _share: Share,
}

/// What an upload has of its holder's share.
#[derive(Debug)]
struct Share {
    shares: Arc<Mutex<HashMap<Holder, Arc<Semaphore>>>>,
    holder: Holder,
    semaphore: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        self.permit = None;
        // That of the map, and this one; a permit would be one more.
        if Arc::strong_count(&self.semaphore) <= 2 {
            shares.remove(&self.holder);
        }
    }
}

impl UploadRoom {
    /// Waits for room for an upload of `bytes`.
    pub(super) async fn enter(&self, holder: Holder, bytes: usize) -> Result<UploadPlace, ApiError> {
        let mut share = self.share(holder);
        let entering = async move {
            share.permit = Some(acquire(&share.semaphore, bytes, SHARE_KIB).await?);
            let room = acquire(&self.held, bytes, HELD_KIB).await?;
            Ok(UploadPlace { _room: room, _share: share })
        };
        timeout(PATIENCE, entering).await.unwrap_or_else(|_| Err(ApiError::overloaded()))
    }

    /// Waits until it is the turn of a recording of `bytes` to be sent to Redis. Its turn is over when the permit is dropped.
    pub(crate) async fn turn(&self, bytes: usize) -> Result<OwnedSemaphorePermit, ApiError> {
        let turn = timeout(PATIENCE, acquire(&self.sent, bytes, SENT_KIB)).await;
        turn.unwrap_or_else(|_| Err(ApiError::overloaded()))
    }

    fn share(&self, holder: Holder) -> Share {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Semaphore::new(SHARE_KIB as usize));
        let semaphore = Arc::clone(shares.entry(holder.clone()).or_insert_with(new));
        Share { shares: Arc::clone(&self.shares), holder, semaphore, permit: None }
    }
}

/// What is larger than all of the room has all of it.
async fn acquire(room: &Arc<Semaphore>, bytes: usize, most_kib: u32) -> Result<OwnedSemaphorePermit, ApiError> {
    let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(most_kib).clamp(1, most_kib);
    Arc::clone(room).acquire_many_owned(kib).await.map_err(|_| ApiError::overloaded())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of half of the room.
    const HALF: usize = SHARE_KIB as usize * 1_024;

    fn user(name: &str) -> Holder {
        Holder::User(name.to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_room_is_told_to_come_back() {
        let room = UploadRoom::default();
        let all = [room.enter(user("ada"), HALF).await.unwrap(), room.enter(user("bob"), HALF).await.unwrap()];
        assert_eq!(room.enter(user("eve"), 1).await.unwrap_err().code(), "overloaded");
        drop(all);
        assert!(room.enter(user("eve"), 1).await.is_ok());
        assert!(room.shares.lock().unwrap().is_empty(), "nothing is kept of who sends nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn the_uploads_of_one_leave_room_for_others() {
        let room = UploadRoom::default();
        let mut slow = Vec::new();
        for _ in 0..2 {
            slow.push(room.enter(user("mallory"), HALF / 2).await.unwrap());
        }
        let (refused, others) = tokio::join!(room.enter(user("mallory"), 1), async {
            let began = tokio::time::Instant::now();
            let uploads = [room.enter(user("ada"), HALF / 2).await, room.enter(user("bob"), HALF / 2).await];
            (uploads.map(|upload| upload.is_ok()), began.elapsed())
        });
        assert_eq!(refused.unwrap_err().code(), "overloaded");
        assert_eq!(others, ([true, true], Duration::ZERO));
        drop(slow);
        assert!(room.enter(user("mallory"), 1).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_recording_is_sent_when_it_is_its_turn_and_does_not_hold_up_who_is_read() {
        let room = UploadRoom::default();
        let large = room.turn(usize::MAX).await.unwrap();
        assert!(room.enter(user("ada"), 1).await.is_ok());
        assert_eq!(room.turn(1).await.unwrap_err().code(), "overloaded");
        drop(large);
        assert!(room.turn(1).await.is_ok());
    }
}
