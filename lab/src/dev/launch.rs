//! Starts the programs, each when what it needs answers.

use shared::{limiter::vouch, redis::Keys};
use tokio::process::Command;
use unilingo::output;

use super::{
    DevArgs,
    client::Api,
    folder::Folder,
    ports::Ports,
    redis,
    stack::{Role, Stack},
};

/// Where Redis and the simulator listen if nobody else does. Not Redis' own 6379: a Redis there is not ours.
const REDIS_PORT: u16 = 6390;
const SIMULATOR_PORT: u16 = 3090;
/// Who may read monitoring: this machine.
const LOOPBACK: &str = "127.0.0.0/8,::1";

/// Where everything is.
#[derive(Debug)]
pub(super) struct Addresses {
    pub(super) api: String,
    pub(super) workers: Vec<String>,
    pub(super) simulator: Option<String>,
    pub(super) redis: String,
}

/// Starts all of it.
pub(super) async fn launch(args: &DevArgs, folder: &Folder, stack: &mut Stack) -> anyhow::Result<Addresses> {
    let mut ports = Ports::default();
    let redis = start_redis(args, folder, stack, pick(&mut ports, "Redis", REDIS_PORT)?).await?;
    let api_port = pick(&mut ports, "the api", args.port)?;
    let mut worker_ports = Vec::new();
    for index in 1..=args.workers {
        worker_ports.push(pick(&mut ports, &worker(index), api_port.saturating_add(index))?);
    }
    let speech_port = pick(&mut ports, SPEECH_WORKER, api_port.saturating_add(args.workers).saturating_add(1))?;
    let simulator = if args.simulated() || args.speech_simulated() {
        Some(start_simulator(stack, pick(&mut ports, "the simulator", SIMULATOR_PORT)?, &args.log_format).await?)
    } else {
        None
    };

    let shared = Shared { args, redis: &redis, simulator: simulator.as_deref() };
    let mut workers = Vec::new();
    for (index, port) in (1..).zip(worker_ports) {
        let program = shared.configure(stack.program("flashcard-worker")?, port);
        stack.start(Role::Worker, &worker(index), program)?;
        workers.push(local(port));
    }
    let program = shared.configure(stack.program(SPEECH_WORKER)?, speech_port);
    stack.start(Role::Worker, SPEECH_WORKER, program)?;
    workers.push(local(speech_port));
    let mut program = shared.configure(stack.program("api")?, api_port);
    program.env("AUTH", "trust-client").env("LEGACY_WAIT_SECONDS", &args.legacy_wait_seconds);
    program.env("MONITORING_ALLOWED_IPS", LOOPBACK);
    stack.start(Role::Api, "api", program)?;

    let names = (1..=args.workers).map(worker).chain([SPEECH_WORKER.to_owned()]);
    for (name, base) in names.zip(&workers) {
        until_answers(stack, &name, base, "/api/health").await?;
    }
    let api = local(api_port);
    until_answers(stack, "api", &api, "/api/ready").await?;
    Ok(Addresses { api, workers, simulator, redis })
}

const SPEECH_WORKER: &str = "pronunciation-worker";

fn worker(index: u16) -> String {
    format!("flashcard-worker-{index}")
}

fn local(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// A port, with a line about it when it is not the wanted one.
fn pick(ports: &mut Ports, whose: &str, wanted: u16) -> anyhow::Result<u16> {
    let port = ports.pick(wanted)?;
    if port != wanted {
        output::line(format_args!("Port {wanted} is taken: {whose} is on {port}."));
    }
    Ok(port)
}

async fn until_answers(stack: &mut Stack, name: &str, base: &str, path: &str) -> anyhow::Result<()> {
    let server = Api::new(base.to_owned())?;
    stack.ready(name, async || server.answers(path).await).await
}

async fn start_redis(args: &DevArgs, folder: &Folder, stack: &mut Stack, port: u16) -> anyhow::Result<String> {
    let server = redis::find(args.redis_server.as_deref()).await?;
    stack.start(Role::Redis, "redis", redis::command(&server, port, &folder.redis()))?;
    let pool = redis::pool(port)?;
    stack.ready("redis", async || pool.ping().await.is_ok()).await?;
    // A Redis without data is new, and to the simulator no call counts: nothing was lost that would have to be waited for.
    if args.simulated() || redis::is_empty(&pool).await? {
        vouch(&pool, &Keys::new(redis::PREFIX)).await?;
    }
    Ok(redis::url(port))
}

async fn start_simulator(stack: &mut Stack, port: u16, log_format: &str) -> anyhow::Result<String> {
    let mut program = stack.program("upstream-simulator")?;
    program.env("SIMULATOR_PORT", port.to_string()).env("LOG_FORMAT", log_format);
    stack.start(Role::Simulator, "upstream-simulator", program)?;
    let base = local(port);
    until_answers(stack, "upstream-simulator", &base, "/_sim/health").await?;
    Ok(base)
}

/// What the api and the workers are told alike.
struct Shared<'a> {
    args: &'a DevArgs,
    redis: &'a str,
    simulator: Option<&'a str>,
}

impl Shared<'_> {
    /// A program with its settings; what is not set here it has from our own environment.
    fn configure(&self, mut program: Command, port: u16) -> Command {
        let args = self.args;
        program.env("PORT", port.to_string()).env("REDIS_URL", self.redis).env("LOG_FORMAT", &args.log_format);
        let simulator = self.simulator.unwrap_or_default();
        // The simulator wants some key, as OpenAI and Azure do.
        if args.simulated() {
            set(&mut program, "OPENAI_BASE_URL", &format!("{simulator}/v1"));
            set(&mut program, "OPENAI_API_KEY", "simulated");
        } else {
            set(&mut program, "OPENAI_BASE_URL", &args.openai_base_url);
            set(&mut program, "OPENAI_API_KEY", &args.openai_api_key);
        }
        if args.speech_simulated() {
            set(&mut program, "AZURE_SPEECH_BASE_URL", simulator);
            set(&mut program, "AZURE_SPEECH_KEY", "simulated");
        } else {
            set(&mut program, "AZURE_SPEECH_BASE_URL", &args.azure_speech_base_url);
            set(&mut program, "AZURE_SPEECH_KEY", &args.azure_speech_key);
            set(&mut program, "AZURE_SPEECH_REGION", &args.azure_speech_region);
        }
        program
    }
}

/// Sets a variable; one without a value is not set at all, since an empty address would be an error.
fn set(program: &mut Command, name: &str, value: &str) {
    if value.is_empty() {
        program.env_remove(name);
    } else {
        program.env(name, value);
    }
}
