//! The published backend.

use std::time::Duration;

use apalis::prelude::{Data, TaskSink, WorkerBuilder, WorkerContext};
use apalis_core::{
    error::{BoxDynError, RetryAfterError},
    task::builder::TaskBuilder,
};
use apalis_redis::{Config, RedisStorage};
use shared::{job::JobId, testing::TestRedis};

use super::subject::{Behaviour, Echo, End, MAX_ATTEMPTS, Running, Script, Subject};

pub(super) struct ApalisRedis {
    client: redis::Client,
    storage: RedisStorage<Echo>,
    config: Config,
}

impl Subject for ApalisRedis {
    const PATIENCE: Duration = Duration::from_secs(6);

    async fn new(redis: &TestRedis, config: Config) -> Self {
        let config = config.queue("conformance");
        let connection = apalis_redis::connect(redis.url()).await.unwrap();
        let storage = RedisStorage::new(connection).with_config(config.clone());
        Self { client: redis::Client::open(redis.url()).unwrap(), storage, config }
    }

    fn redis(&self) -> &redis::Client {
        &self.client
    }

    async fn push(&mut self, say: &str) {
        let task = TaskBuilder::new(Echo { say: say.to_owned() }).max_attempts(MAX_ATTEMPTS as usize).build();
        self.storage.push_task(task).await.unwrap();
    }

    async fn push_many(&mut self, count: usize) {
        let jobs = vec![Echo { say: "one of many".to_owned() }; 500];
        for _ in 0..count / jobs.len() {
            self.storage.push_bulk(jobs.clone()).await.unwrap();
        }
    }

    async fn push_garbage(&mut self) {
        self.push("garbage").await;
        let mut connection = self.client.get_multiplexed_async_connection().await.unwrap();
        let data = self.config.job_data_hash();
        let (ids,): (Vec<String>,) = redis::pipe().hkeys(&data).query_async(&mut connection).await.unwrap();
        redis::pipe().hset(&data, &ids[0], "not JSON").exec_async(&mut connection).await.unwrap();
    }

    fn start(&self, behaviour: Behaviour) -> Running {
        let storage = self.storage.clone();
        Running::start(Self::PATIENCE, behaviour, |script, stop| async move {
            let context = WorkerContext::new(&format!("theirs-{}", JobId::new()));
            let worker = WorkerBuilder::new(context.clone()).backend(storage).data(script).build(play).run();
            tokio::pin!(worker);
            tokio::select! {
                ended = &mut worker => return format!("{ended:?}"),
                () = stop.asked.cancelled() => context.stop().expect("it runs"),
            }
            stop.heard.cancel();
            format!("{:?}", worker.await)
        })
    }

    fn make_heartbeats_rare(&mut self) {
        self.config = self.config.clone().heartbeat_interval(Self::PATIENCE * 4);
        self.storage = self.storage.clone().with_config(self.config.clone());
    }

    fn count_done(&self) -> redis::Cmd {
        redis::Cmd::scard(self.config.done_jobs_set())
    }

    fn count_dead(&self) -> redis::Cmd {
        redis::Cmd::scard(self.config.dead_jobs_set())
    }
}

async fn play(echo: Echo, script: Data<Script>) -> Result<(), BoxDynError> {
    match script.play(echo.say).await {
        End::Well => Ok(()),
        End::Badly => Err("as it was told".into()),
        End::BadlyFor(delay) => Err(RetryAfterError::new("as it was told", delay).into()),
    }
}
