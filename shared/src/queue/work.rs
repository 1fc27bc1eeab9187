//! What work a job wants: jobs that want the same work share one.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use super::{NewJob, Queue};
use crate::{config::ContentSharing, job::Kind};

/// SHA-256 over parts that can't run into each other: each is preceded by its length.
pub(super) fn digest<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    URL_SAFE_NO_PAD.encode(hash.finalize())
}

/// Names what a user has asked for under an idempotency key.
pub(super) fn idempotency_digest(user: &str, key: &str) -> String {
    digest([user.as_bytes(), key.as_bytes()])
}

impl Queue {
    /// Names the work of `job` by all that determines its result; `None` where results of its kind are nobody else's.
    pub(super) fn work<K: Kind>(&self, job: &NewJob<K>, payload: &[u8]) -> Option<String> {
        let recipe = K::RECIPE?.to_be_bytes();
        let version = K::VERSION.to_be_bytes();
        let allowance = &self.allowance;
        let (chunk, output) = (allowance.chunk_tokens.to_be_bytes(), allowance.max_output_tokens.to_be_bytes());
        let owner = match self.jobs.content_sharing {
            ContentSharing::Shared => "",
            ContentSharing::PerUser => &job.user,
        };
        // A delayed job is of its own time.
        job.delay.is_zero().then(|| {
            digest([
                K::NAME.as_bytes(),
                &version,
                &recipe,
                allowance.model.as_bytes(),
                &chunk,
                &output,
                owner.as_bytes(),
                payload,
            ])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        let digest = |parts: &[&str]| digest(parts.iter().map(|part| part.as_bytes()));
        let all = [digest(&["ab", "c"]), digest(&["a", "bc"]), digest(&["abc"]), digest(&["abc", ""]), digest(&[])];
        for (i, one) in all.iter().enumerate() {
            assert_eq!(one.len(), 43);
            assert_eq!(all.iter().position(|other| other == one), Some(i));
        }
    }
}
