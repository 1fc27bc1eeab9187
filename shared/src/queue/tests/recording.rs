//! Recordings beside jobs: kept with the job, counted, and dropped with its end.

use bytes::Bytes;

use super::{
    fixture::{Fixture, jobs_config},
    sharing::{Poem, poem},
};
use crate::{
    budget::{Budget, Limits},
    config::JobsConfig,
    dead_letter::{DeadLetters, Letter, Requeue, Requeued},
    job::{Decision, JobError, JobId, JobState, QueueName, kinds::AssessPronunciation},
    queue::{EnqueueError, Meeting, NewJob},
};

/// More than what is not counted.
const LENGTH: usize = 1_000;

fn spoken(user: &str, say: &str) -> NewJob<Poem> {
    // No text: it has a NUL and is no UTF-8.
    NewJob { recording: Some(Bytes::from([b"\0\xff\r\n".as_slice(), &[7; LENGTH - 4]].concat())), ..poem(user, say) }
}

impl Fixture {
    async fn recordings(&self) -> usize {
        self.keys_like("*:recording:*").await.len()
    }

    async fn speak(&self, user: &str, say: &str, meeting: Meeting) -> JobId {
        let accepted = self.queue.enqueue(&spoken(user, say)).await.unwrap();
        assert_eq!(accepted.meeting, meeting, "{user}: {say}");
        accepted.id
    }

    async fn nothing_is_left(&self, what: &str) {
        assert_eq!((self.recordings().await, self.bytes().await.0), (0, 0), "{what}");
    }
}

#[tokio::test]
async fn the_worker_reads_what_came_with_the_job() {
    let f = Fixture::start().await;
    let id = f.speak("ada", "spring", Meeting::New).await;
    let job = f.take_one().await;
    assert_eq!(Some(f.context(&job).recording().await.unwrap()), spoken("ada", "spring").recording);
    let ttl: i64 = f.raw(&["PTTL", &f.keys.recording(id)]).await;
    let deadline = i64::try_from(jobs_config().deadline().as_millis()).unwrap();
    assert!((1..=deadline).contains(&ttl), "{ttl}");
}

#[tokio::test]
async fn a_recording_is_counted_like_a_payload() {
    let most = LENGTH as u64 + 500;
    let f = Fixture::with_jobs(JobsConfig { queue_max_bytes: most, ..jobs_config() }).await;
    f.speak("ada", "spring", Meeting::New).await;
    let counted = f.bytes().await.0;
    assert!((LENGTH as u64..most).contains(&counted), "{counted}");
    let refused = f.queue.enqueue(&spoken("ada", "summer")).await;
    assert!(matches!(refused, Err(EnqueueError::Full { .. })), "{refused:?}");
    assert_eq!((f.recordings().await, f.bytes().await.0), (1, counted), "what is refused leaves nothing");
}

#[tokio::test]
async fn whatever_the_end_the_recording_goes_with_it() {
    let f = Fixture::start().await;
    for small in [false, true] {
        let say = |what: &str| {
            let job = spoken("ada", &format!("{what}, {small}"));
            // So small that it is not counted.
            if small { NewJob { recording: Some(Bytes::from_static(b"short")), ..job } } else { job }
        };
        f.queue.enqueue(&say("well")).await.unwrap();
        let job = f.take_one().await;
        f.end(&job, &JobError::retry("again", "No")).await;
        assert_eq!(f.recordings().await, 1, "an attempt is no end");
        let job = f.take_one().await;
        f.complete(&job).await;
        f.nothing_is_left("completed").await;

        f.queue.enqueue(&say("badly")).await.unwrap();
        let job = f.take_one().await;
        f.end(&job, &JobError::fail("no", "No")).await;
        f.nothing_is_left("failed").await;
        let gone = f.context(&job).recording().await.unwrap_err();
        assert_eq!((gone.decision(), gone.code()), (Decision::Fail, "recording_gone"));

        let letters = DeadLetters::new(f.queue.clone());
        let letter = Letter { id: job.id, ended_at_ms: None };
        let put_back = letters.requeue(QueueName::Ai, &[letter], Requeue::default()).await.unwrap();
        assert_eq!(put_back, [Requeued::Unrecorded], "it could only fail again");

        let id = f.queue.enqueue(&say("by request")).await.unwrap().id;
        f.queue.cancel(QueueName::Ai, id).await.unwrap();
        f.nothing_is_left("cancelled").await;

        let id = f.queue.enqueue(&say("too late")).await.unwrap().id;
        f.pass_deadline(id).await;
        assert!(f.take(1).await.is_empty());
        f.nothing_is_left("past its deadline").await;
    }
    let lost = f.speak("ada", "lost", Meeting::New).await;
    f.raw::<u64>(&["DEL", &f.keys.job(lost)]).await;
    assert!(f.take(1).await.is_empty());
    assert_eq!(f.recordings().await, 0, "a job whose hash was lost");
}

#[tokio::test]
async fn only_who_may_do_the_work_keeps_a_recording() {
    let f = Fixture::start().await;
    let leader = f.speak("ada", "spring", Meeting::New).await;
    f.speak("ada", "spring", Meeting::Known).await;
    assert_eq!(f.recordings().await, 1, "a repeat");
    let follower = f.speak("bob", "spring", Meeting::Joined).await;
    assert_eq!(f.recordings().await, 2, "a follower may have to take over");
    f.queue.cancel(QueueName::Ai, leader).await.unwrap();
    let job = f.take_one().await;
    assert_eq!(job.id, follower);
    assert_eq!(f.context(&job).recording().await.unwrap().len(), LENGTH);
    let last = f.speak("eve", "spring", Meeting::Joined).await;
    f.complete(&job).await;
    assert_eq!(f.view(last).await.state, JobState::Completed);
    f.nothing_is_left("leader and follower are done").await;
    f.speak("joe", "spring", Meeting::Cached).await;
    f.nothing_is_left("an earlier result").await;
}

#[tokio::test]
async fn the_kill_switch_stops_what_is_paid_without_tokens() {
    let f = Fixture::start().await;
    let budget = Budget::new(f.pool.clone(), f.keys.clone(), Limits::default());
    budget.set_kill_switch(Some("the bill")).await.unwrap();
    let payload = AssessPronunciation {
        reference_text: "the leaf".to_owned(),
        language: "en-US".to_owned(),
        prosody: false,
        recording_sha256: "x".to_owned(),
    };
    let job = NewJob::new(payload, "ada");
    let refused = f.queue.enqueue(&job).await;
    assert!(matches!(&refused, Err(EnqueueError::Killed { reason }) if reason == "the bill"), "{refused:?}");
    budget.set_kill_switch(None).await.unwrap();
    f.accept(&job).await;
    assert_eq!(f.keys_like("*:spend:*").await, [""; 0], "a job without tokens is held to none");
}
