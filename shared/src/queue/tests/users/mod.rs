//! What is known of users, who is suspended, and what is left of one who was erased.

mod counts;
mod erase;
mod overview;
mod suspend;

use super::{
    fixture::{Echo, Fixture},
    sharing::{Poem, poem},
};
use crate::{
    job::JobId,
    queue::{Accepted, NewJob},
    users::{Activity, Users},
};

impl Fixture {
    pub(in crate::queue::tests) fn users(&self) -> Users {
        Users::new(self.queue.clone())
    }

    /// A job of the API, whose result is nobody else's.
    async fn of_user(&self, user: &str, say: &str) -> JobId {
        self.accept(&NewJob { listed: true, ..NewJob::new(Echo { say: say.to_owned() }, user) }).await
    }

    /// A job of the API, whose result others may have, too.
    async fn shared_of(&self, user: &str, say: &str) -> Accepted {
        self.queue.enqueue(&of_api(poem(user, say))).await.unwrap()
    }

    async fn activity(&self, user: &str) -> Activity {
        self.users().detail(user).await.unwrap().activity
    }
}

fn of_api(job: NewJob<Poem>) -> NewJob<Poem> {
    NewJob { listed: true, ..job }
}
