//! Beginning anew to count what a user does.

use super::Users;
use crate::redis::UnavailableError;

impl Users {
    /// Forgets what was counted of `user`. Jobs, suspension and what was spent stay. Whether there was something.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn reset_tracking(&self, user: &str) -> Result<bool, UnavailableError> {
        let keys = &self.queue.keys;
        let mut reset = redis::pipe();
        reset.atomic().del(keys.user(user)).zrem(keys.users(), user);
        let (known, _): (u64, u64) = self.queue.redis.query(&reset).await?;
        Ok(known > 0)
    }
}
