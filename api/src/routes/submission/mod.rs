//! What is answered to a request for a job, whatever its kind.

mod accepted;
mod held;
mod pace;
mod queued;

pub(crate) use accepted::{Waiting, answer};
pub(crate) use held::{choose_wait, ended, tell_preference};
pub(crate) use pace::Pace;
pub(crate) use queued::Queued;
