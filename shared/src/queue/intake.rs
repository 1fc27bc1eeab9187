//! Requests for jobs on their way to Redis: those that have to wait for it go together.
//!
//! Half of what `enqueue.lua` reads and writes is the same for every job: one call for many of them asks Redis for it once. A
//! request goes at once while fewer than [`CALLS`] calls are out, and waits for the next one otherwise, with all that come
//! meanwhile. So a busy process sends few calls with many requests, and waits for nothing but Redis.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

use super::Queue;
use crate::{
    job::QueueName,
    redis::{LuaScript, UnavailableError, lua_script, millis},
    request_limits::{LimitKinds, RequestLimit},
};

static ENQUEUE: LuaScript = lua_script!("queue/enqueue");

/// An idempotency key is remembered for this long: a client that repeats a request after a day means a new one.
const IDEMPOTENCY_TTL: Duration = Duration::from_hours(24);

/// Calls of one process and queue that may be out at once: while Redis is at one, the next is on its way.
pub(super) const CALLS: usize = 2;
/// Most requests of one call, and about how many bytes they have: Redis does nothing else meanwhile.
const CALL_REQUESTS: usize = 32;
const CALL_BYTES: usize = 1 << 18;

/// One request, as `enqueue.lua` reads it.
#[derive(Default)]
pub(super) struct Request {
    /// All arguments but the recording, one behind the other, and where each ends.
    args: Vec<u8>,
    ends: Vec<usize>,
    recording: Bytes,
    limits: Vec<RequestLimit>,
}

impl Request {
    /// With room for `bytes` of arguments.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self { args: Vec::with_capacity(bytes), ends: Vec::with_capacity(16), ..Self::default() }
    }

    pub(super) fn arg(&mut self, arg: impl AsRef<[u8]>) -> &mut Self {
        self.args.extend_from_slice(arg.as_ref());
        self.ends.push(self.args.len());
        self
    }

    pub(super) fn number(&mut self, number: impl itoa::Integer) -> &mut Self {
        self.arg(itoa::Buffer::new().format(number))
    }

    /// The last two that are said of it: its recording, which is not copied, and what it counts against.
    pub(super) fn with(mut self, recording: Option<&Bytes>, limits: &[RequestLimit]) -> Self {
        self.recording = recording.cloned().unwrap_or_default();
        self.limits = limits.to_vec();
        self
    }

    fn args(&self) -> impl Iterator<Item = &[u8]> {
        let mut from = 0;
        self.ends.iter().map(move |end| &self.args[std::mem::replace(&mut from, *end)..*end])
    }

    fn bytes(&self) -> usize {
        self.args.len() + self.recording.len()
    }
}

/// What `enqueue.lua` answers to a request.
type Answer = Result<String, UnavailableError>;

struct Waiting {
    request: Request,
    answer: oneshot::Sender<Answer>,
}

/// The requests for one queue that wait for a call, and the calls that are out.
#[derive(Default)]
struct Line {
    waiting: VecDeque<Waiting>,
    calls: usize,
}

impl Line {
    /// What the next call takes along: at least one request, where one waits whose caller is still there.
    fn next_call(&mut self) -> Vec<Waiting> {
        let (mut call, mut bytes) = (Vec::new(), 0);
        while let Some(next) = self.waiting.pop_front() {
            if next.answer.is_closed() {
                continue;
            }
            bytes += next.request.bytes();
            if !call.is_empty() && bytes > CALL_BYTES {
                self.waiting.push_front(next);
                break;
            }
            call.push(next);
            if call.len() == CALL_REQUESTS {
                break;
            }
        }
        call
    }
}

/// The way of requests to Redis, which all clones of a [`Queue`] share.
#[derive(Clone, Default)]
pub(super) struct Intake(Arc<[Mutex<Line>; QueueName::ALL.len()]>);

impl fmt::Debug for Intake {
    /// Without the requests: they hold learners' texts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intake").finish_non_exhaustive()
    }
}

impl Intake {
    fn line(&self, name: QueueName) -> MutexGuard<'_, Line> {
        self.0[name as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many requests wait for a call.
    #[cfg(test)]
    pub(super) fn waiting(&self, name: QueueName) -> usize {
        self.line(name).waiting.len()
    }

    /// What `enqueue.lua` answers to a request. One whose caller leaves before it was sent is not sent.
    pub(super) async fn submit(&self, queue: &Queue, name: QueueName, request: Request) -> Answer {
        let (answer, answered) = oneshot::channel();
        let begins = {
            let mut line = self.line(name);
            line.waiting.push_back(Waiting { request, answer });
            let begins = line.calls < CALLS;
            line.calls += usize::from(begins);
            begins
        };
        if begins {
            // In a task of its own: it has the requests of others, too, and this caller may leave. A stop waits for those who wait
            // for it.
            let calls = Calls { queue: queue.clone(), name, out: true };
            TaskTracker::new().spawn(calls.send());
        }
        answered.await.unwrap_or_else(|_| Err(UnavailableError::unanswered()))
    }
}

/// Calls that are made one after another, as long as requests wait.
struct Calls {
    queue: Queue,
    name: QueueName,
    /// They count among those that are out.
    out: bool,
}

impl Calls {
    async fn send(mut self) {
        loop {
            let call = self.next();
            if call.is_empty() {
                return;
            }
            let (requests, answers): (Vec<_>, Vec<_>) =
                call.into_iter().map(|waiting| (waiting.request, waiting.answer)).unzip();
            let mut replies = self.queue.enqueue_all(self.name, &requests).await;
            for (n, answer) in answers.into_iter().enumerate() {
                let reply = match &mut replies {
                    Ok(replies) => replies.get_mut(n).map(std::mem::take).ok_or_else(UnavailableError::unanswered),
                    Err(error) => Err(error.clone()),
                };
                // Whoever has left does not want to know.
                let _ = answer.send(reply.and_then(read));
            }
        }
    }

    /// The next call. Where there is none, these end in the same moment: whoever comes later begins anew.
    fn next(&mut self) -> Vec<Waiting> {
        let mut line = self.queue.intake.line(self.name);
        let call = line.next_call();
        if call.is_empty() {
            line.calls -= 1;
            self.out = false;
        }
        call
    }
}

impl Drop for Calls {
    fn drop(&mut self) {
        if self.out {
            self.queue.intake.line(self.name).calls -= 1;
        }
    }
}

/// What Redis said of one request alone is an error.
fn read(reply: String) -> Answer {
    match reply.strip_prefix("error\n") {
        Some(said) => Err(UnavailableError::of_script(said)),
        None => Ok(reply),
    }
}

impl Queue {
    /// Sends requests in one call; the answers come in their order.
    pub(super) async fn enqueue_all(
        &self,
        name: QueueName,
        requests: &[Request],
    ) -> Result<Vec<String>, UnavailableError> {
        let mut call = ENQUEUE.call();
        call.key(self.keys.root())
            .arg(name.as_str())
            .arg(millis(self.jobs.deadline()))
            .arg(self.jobs.job_max_attempts)
            .arg(self.jobs.queue_max_waiting)
            .arg(self.jobs.queue_max_bytes)
            .arg(millis(self.jobs.completed_ttl()))
            .arg(millis(IDEMPOTENCY_TTL))
            .arg(&self.allowance.limits.in_order());
        let kinds = LimitKinds::of(requests.iter().flat_map(|request| &request.limits));
        kinds.tell(&mut call);
        for request in requests {
            for arg in request.args() {
                call.arg(arg);
            }
            call.arg(&*request.recording).arg(request.limits.len());
            kinds.tell_subjects(&mut call, &request.limits);
        }
        let (_, replies): (String, Vec<String>) = self.redis.run(&call).await?;
        Ok(replies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line of requests of these sizes, and those who wait for their answers.
    fn line(sizes: &[usize]) -> (Line, Vec<oneshot::Receiver<Answer>>) {
        let mut line = Line::default();
        let waiting = sizes.iter().map(|size| {
            let (answer, answered) = oneshot::channel();
            line.waiting.push_back(Waiting { request: Request { args: vec![0; *size], ..Request::default() }, answer });
            answered
        });
        let waiting = waiting.collect();
        (line, waiting)
    }

    fn calls(mut line: Line) -> Vec<usize> {
        std::iter::from_fn(|| Some(line.next_call().len()).filter(|requests| *requests > 0)).collect()
    }

    #[test]
    fn a_call_has_so_many_requests_and_bytes_at_most_and_a_larger_one_goes_alone() {
        let (many, _all) = line(&[10; 2 * CALL_REQUESTS + 1]);
        assert_eq!(calls(many), [CALL_REQUESTS, CALL_REQUESTS, 1]);
        let half = CALL_BYTES / 2;
        let (large, _all) = line(&[half, half, half, 3 * CALL_BYTES, half]);
        assert_eq!(calls(large), [2, 1, 1, 1]);
    }

    #[test]
    fn who_has_left_takes_no_room() {
        let (all, mut waiting) = line(&[CALL_BYTES, 10, 10]);
        waiting.remove(0);
        assert_eq!(calls(all), [2]);
    }
}
