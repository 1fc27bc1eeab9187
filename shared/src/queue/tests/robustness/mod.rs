//! Lost answers and stored jobs that nobody of ours wrote.

mod damage;
mod dead_letters;
mod every_field;
mod fuzz;
mod patient;

use super::fixture::{Echo, Fixture, QUEUE};
use crate::{
    job::{JobId, JobState, Kind, Priority},
    queue::{Meeting, take::Taken},
};

#[tokio::test]
async fn a_take_whose_answer_was_lost_gives_the_same_jobs_again() {
    let f = Fixture::start().await;
    for n in 0..3 {
        f.enqueue(&n.to_string()).await;
    }
    let first = f.take_as("request-1", 2, &f.settings).await;
    let again = f.take_as("request-1", 2, &f.settings).await;
    assert_eq!(first, again);
    let Taken::Jobs(jobs, _) = first else { panic!("jobs wait") };
    assert_eq!(jobs.len(), 2);
    assert_eq!(f.view(jobs[0].id).await.attempts, 1, "asking again starts nothing");

    f.complete(&jobs[0]).await;
    let Taken::Jobs(still_held, _) = f.take_as("request-1", 2, &f.settings).await else { panic!("one is held") };
    assert_eq!(still_held, jobs[1..]);
    let Taken::Jobs(next, _) = f.take_as("request-10", 2, &f.settings).await else { panic!("one waits") };
    assert_eq!(next.len(), 1, "another request is another take");
}

#[tokio::test]
async fn jobs_that_nobody_can_read_are_buried_and_stand_in_nobodys_way() {
    let f = Fixture::start().await;
    let damage: [&[&str]; 5] =
        [&["DEL"], &["SET", "a string"], &["HSET", "attempts", "many"], &["HDEL", "fence"], &["HDEL", "max"]];
    let mut damaged = Vec::new();
    for words in damage {
        let id = f.enqueue("damaged").await;
        let key = f.keys.job(id);
        let command: Vec<&str> = [words[0], &key].into_iter().chain(words[1..].iter().copied()).collect();
        f.raw::<redis::Value>(&command).await;
        damaged.push(id);
    }
    let healthy = f.enqueue("healthy").await;
    let mut taken = Vec::new();
    for _ in 0..damage.len() {
        taken.extend(f.take(2).await.into_iter().map(|job| job.id));
    }
    assert_eq!(taken, [healthy]);
    assert_eq!(f.raw::<u64>(&["ZCARD", &f.keys.deadlines(QUEUE)]).await, 1, "only the healthy one is unfinished");
    let dead: Vec<String> = f.raw(&["ZRANGE", &f.keys.dead(QUEUE), "0", "-1"]).await;
    assert_eq!(dead.len(), 4, "all but the one that was deleted");
    for id in &damaged[2..] {
        let view = f.view(*id).await;
        assert_eq!((view.state, view.failure.unwrap().code.as_str()), (JobState::Failed, "corrupt_job"));
    }
    let aside: String = f.raw(&["GET", &format!("{{test}}:corrupt:{}", damaged[1])]).await;
    assert_eq!(aside, "a string");
}

#[tokio::test]
async fn a_missing_payload_is_handed_out_empty_for_the_handler_to_refuse() {
    let f = Fixture::start().await;
    let id = f.enqueue("x").await;
    f.raw::<u64>(&["HDEL", &f.keys.job(id), "payload"]).await;
    let job = f.take_one().await;
    assert!(job.payload.is_empty());
}

#[tokio::test]
async fn unknown_and_unreadable_jobs_are_not_known() {
    let f = Fixture::start().await;
    assert!(f.queue.job(JobId::new()).await.unwrap().is_none());
    let id = f.enqueue("x").await;
    f.raw::<u64>(&["HSET", &f.keys.job(id), "state", "elsewhere"]).await;
    assert!(f.queue.job(id).await.unwrap().is_none());
    f.raw::<String>(&["SET", &f.keys.job(id), "a string"]).await;
    assert!(f.queue.job(id).await.unwrap().is_none());
}

#[tokio::test]
async fn an_ended_job_that_stands_in_line_does_not_run_again() {
    let f = Fixture::start().await;
    let id = f.enqueue("x").await;
    let job = f.take_one().await;
    f.complete(&job).await;
    let line = f.keys.waiting(QUEUE, &Echo::lane(), Priority::Interactive);
    f.raw::<u64>(&["ZADD", &line, "0", &id.to_string()]).await;
    assert!(f.take(1).await.is_empty());
    assert_eq!((f.view(id).await.state, f.count(&line).await), (JobState::Completed, 0));
}

#[tokio::test]
async fn keys_of_another_type_stand_in_nobodys_way() {
    let f = Fixture::start().await;
    let leader = f.lead("ada", "spring").await;
    let follower = f.follow("bob", "spring").await;
    let spoil = async |pattern: &str| {
        for key in f.keys_like(pattern).await {
            f.raw::<u64>(&["DEL", &key]).await;
            f.raw::<u64>(&["SADD", &key, "other"]).await;
        }
    };
    let answer = f.keys_like("*:leader:*").await[0].replace(":leader:", ":answer:");
    f.raw::<u64>(&["SADD", &answer, "other"]).await;
    spoil("*:leader:*").await;
    spoil("*:repeat:*").await;
    let job = f.take_one().await;
    assert_eq!(job.id, leader);
    f.complete_with(&job, "leaves").await;
    assert_eq!(f.result_of(follower).await, "leaves");
    spoil("*:repeat:*").await;
    assert_eq!(f.ask_poem("ada", "spring").await.meeting, Meeting::Cached);
}
