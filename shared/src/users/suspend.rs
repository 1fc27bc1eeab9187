//! Suspending users.

use super::Users;
use crate::redis::{LuaScript, UnavailableError, lua_script};

static SUSPEND: LuaScript = lua_script!("users/suspend");

/// Most users that are suspended at a time.
const SUSPENDED_MAX: u32 = 10_000;

/// A user may ask for no job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspension {
    /// Since when, in ms since the Unix epoch.
    pub since_ms: u64,
    /// Why, in the operator's words. The user is not told.
    pub reason: String,
}

/// Why a user was not suspended.
#[derive(Debug, thiserror::Error)]
pub enum SuspendError {
    /// As many users are suspended as can be.
    #[error("10,000 users are suspended already")]
    Full,
    /// Redis did not answer.
    #[error(transparent)]
    Unavailable(#[from] UnavailableError),
}

impl Suspension {
    /// From `<since> <reason>`, as Redis has it; `None` where nothing is there.
    pub(super) fn read(stored: &str) -> Option<Self> {
        if stored.is_empty() {
            return None;
        }
        let (since, reason) = stored.split_once(' ').unwrap_or((stored, ""));
        Some(Self { since_ms: since.parse().unwrap_or_default(), reason: reason.to_owned() })
    }
}

impl Users {
    /// Lets `user` ask for no more jobs, whichever process is asked and whatever is configured, until it is lifted. Jobs that
    /// were accepted before go on ([`Self::cancel_jobs`] ends them), and may be read. Done once more it changes the reason.
    ///
    /// # Errors
    ///
    /// When as many users are suspended as can be, or Redis does not answer.
    pub async fn suspend(&self, user: &str, reason: &str) -> Result<Suspension, SuspendError> {
        let mut call = SUSPEND.call();
        call.key(self.queue.keys.root()).arg("").arg(user).arg(1).arg(reason).arg(SUSPENDED_MAX);
        let reply: Vec<String> = self.queue.redis.run(&call).await?;
        match &reply[..] {
            [_, since, reason] => {
                Ok(Suspension { since_ms: since.parse().unwrap_or_default(), reason: reason.clone() })
            }
            _ => Err(SuspendError::Full),
        }
    }

    /// Lets `user` ask for jobs again.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn lift_suspension(&self, user: &str) -> Result<(), UnavailableError> {
        let mut call = SUSPEND.call();
        call.key(self.queue.keys.root()).arg("").arg(user).arg(0);
        self.queue.redis.run::<(String,)>(&call).await.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suspension_is_read_as_it_was_stored() {
        let read = |stored| Suspension::read(stored).map(|read| (read.since_ms, read.reason));
        assert_eq!(read("17 Too many, too fast"), Some((17, "Too many, too fast".to_owned())));
        assert_eq!(read("17 "), Some((17, String::new())));
        assert_eq!(read("damaged"), Some((0, String::new())));
        assert_eq!(read(""), None);
    }
}
