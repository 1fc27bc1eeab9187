//! Leased jobs between the fetcher and apalis.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use futures_util::task::AtomicWaker;

use super::Lease;

/// Jobs that wait for apalis to poll them: never more than the worker has slots. Shared, so that a stopping fetcher can give
/// back what apalis did not get to.
#[derive(Debug, Default)]
pub(super) struct Ready {
    leases: Mutex<VecDeque<Lease>>,
    waker: AtomicWaker,
}

impl Ready {
    pub(super) fn push(&self, leases: impl IntoIterator<Item = Lease>) {
        self.lock().extend(leases);
        self.waker.wake();
    }

    pub(super) fn poll_next(&self, cx: &Context<'_>) -> Poll<Lease> {
        // Registered before the look, so that a push in between is not missed.
        self.waker.register(cx.waker());
        self.lock().pop_front().map_or(Poll::Pending, Poll::Ready)
    }

    pub(super) fn drain(&self) -> Vec<Lease> {
        self.lock().drain(..).collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Lease>> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
