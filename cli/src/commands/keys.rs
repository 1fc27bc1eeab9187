//! `unilingo keys`: servers' keys for the API.

use std::{fmt, process::ExitCode};

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;
use shared::{
    api_keys::{ApiKey, ApiKeys, Scope},
    timestamp::rfc3339,
};

use super::system::SystemArgs;
use crate::output::plain;

const EXAMPLES: &str = "\
Examples:
  unilingo keys create --name school-portal                      may ask for jobs and see its own
  unilingo keys create --name gateway --scope submit,read,act-as may name a user (`user-id`)
  unilingo keys list
  unilingo keys revoke 3567976a6e10454e                          at once, in every replica";

/// What is done with servers' keys. The api takes them where AUTH names api-key.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum KeysCommand {
    /// Make a key and show its text, this once
    #[command(after_help = EXAMPLES)]
    Create(CreateArgs),
    /// List the keys, without their texts, which nobody has
    #[command(after_help = EXAMPLES)]
    List(ListArgs),
    /// End a key
    #[command(after_help = EXAMPLES)]
    Revoke(RevokeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// What the key is for
    #[arg(long)]
    name: String,

    /// What its holder may do
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["submit", "read"])]
    scope: Vec<ScopeName>,

    #[command(flatten)]
    system: SystemArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    system: SystemArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    /// The id that `keys list` shows
    id: String,

    #[command(flatten)]
    system: SystemArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ScopeName {
    /// Ask for jobs and cancel them
    Submit,
    /// See jobs
    Read,
    /// Do these for any user that a request names
    ActAs,
}

impl From<ScopeName> for Scope {
    fn from(name: ScopeName) -> Self {
        match name {
            ScopeName::Submit => Self::Submit,
            ScopeName::Read => Self::Read,
            ScopeName::ActAs => Self::ActAs,
        }
    }
}

impl KeysCommand {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let system = match &self {
            Self::Create(args) => &args.system,
            Self::List(args) => &args.system,
            Self::Revoke(args) => &args.system,
        };
        let keys = ApiKeys::new(system.redis()?, system.keys());
        match &self {
            Self::Create(args) => {
                let scopes = args.scope.iter().copied().map(Scope::from).collect();
                let created = keys.create(&args.name, scopes).await?;
                let shown = Created { text: created.text, key: Shown::from(&created.key) };
                system.answer(&shown, &shown)
            }
            Self::List(_) => {
                let listed = Listed(keys.list().await?.iter().map(Shown::from).collect());
                system.answer(&listed, &listed)
            }
            Self::Revoke(args) => {
                anyhow::ensure!(
                    keys.revoke(&args.id).await?,
                    "there is no key {}: see `unilingo keys list`",
                    plain(&args.id)
                );
                let revoked = Revoked { revoked: args.id.clone() };
                system.answer(&revoked, &revoked)
            }
        }
    }
}

/// A key as it is shown.
#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    name: String,
    scopes: Vec<&'static str>,
    created: String,
}

impl From<&ApiKey> for Shown {
    fn from(key: &ApiKey) -> Self {
        Self {
            id: key.id.clone(),
            name: key.name.clone(),
            scopes: key.scopes.iter().map(|scope| scope.as_str()).collect(),
            created: rfc3339(key.created_at_ms),
        }
    }
}

#[derive(Debug, Serialize)]
struct Created {
    /// What the server sends.
    text: String,
    #[serde(flatten)]
    key: Shown,
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Listed(Vec<Shown>);

#[derive(Debug, Serialize)]
struct Revoked {
    revoked: String,
}

impl fmt::Display for Created {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        writeln!(f, "Send it as `x-api-key`. It is not shown again: keep it where secrets are kept.")?;
        write!(f, "id {}, scopes {}", self.key.id, self.key.scopes.join(","))
    }
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return write!(f, "There are no keys: unilingo keys create --name NAME");
        }
        write!(f, "{:<18}{:<26}{:<22}name", "id", "created", "scopes")?;
        for key in &self.0 {
            write!(f, "\n{:<18}{:<26}{:<22}{}", key.id, key.created, key.scopes.join(","), plain(&key.name))?;
        }
        Ok(())
    }
}

impl fmt::Display for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is revoked: requests with it are refused from now on", self.revoked)
    }
}
