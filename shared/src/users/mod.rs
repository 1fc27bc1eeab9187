//! Users, as operators see them: what they did, who may ask for no more jobs, and how all that is kept of one is erased.
//!
//! # Redis structures
//!
//! The scripts of the queue count as they go (`track.lua`): a hash a user, an index of users by the time at which they were seen
//! last, and for each day one hash of figures and one `HyperLogLog` of users. All of these end by themselves. Only jobs of
//! the API count ([`crate::queue::NewJob::listed`]). `suspended` has no time to live: a suspension does not lapse.

mod activity;
mod detail;
mod erase;
mod name;
mod overview;
mod reset;
mod statistics;
mod suspend;

pub use activity::{Activity, Counts, LastError};
pub use detail::{SpentOnDay, UserDetail};
pub use erase::Erased;
pub use name::{UserNameError, check_claimed_user_name, check_user_name};
pub use overview::{ParseUserCursorError, SeenUser, UserCursor, UsersOverview};
pub use statistics::{DayFigures, UserStatistics};
pub use suspend::{SuspendError, Suspension};

use crate::queue::Queue;

/// Shows users, suspends them and erases them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Users {
    queue: Queue,
}

impl Users {
    /// Most days that figures are kept for, with today.
    pub const DAYS_MAX: u32 = 31;

    /// The users of the jobs in `queue`.
    #[must_use]
    pub const fn new(queue: Queue) -> Self {
        Self { queue }
    }
}
