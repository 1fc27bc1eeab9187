//! What can be wrong with Redis, read from its errors.

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// What is wrong with Redis, where an error says more than that one command was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It can't be reached, or does not answer in time.
    Away,
    /// The server of this connection takes no writes: since a failover it follows another one.
    Demoted,
    /// A cluster's node that does not serve our slot: it names the one that does.
    Moved,
    /// Sentinel names another primary than the server of this connection, which may still take writes.
    Replaced,
    /// It is there and serves nobody now: it loads, a script blocks it, its cluster is down, it can't save.
    Unwell,
    /// It does not accept what `REDIS_URL` says.
    Refused,
    /// The user may not do what is needed. The connection is good.
    Forbidden,
    /// It has no memory left for writes. The connection is good.
    Full,
}

impl Trouble {
    /// `None`: the error is a matter of one command or key, and Redis is well.
    pub(super) fn of(error: &RedisError) -> Option<Self> {
        match error.kind() {
            // Of a connection that could not be made, too: TLS that does not come about is a client's error.
            ErrorKind::Io | ErrorKind::Client | ErrorKind::InvalidClientConfig => Some(Self::Away),
            ErrorKind::AuthenticationFailed => Some(Self::Refused),
            _ => codes(error).iter().find_map(|code| Self::of_code(code)),
        }
    }

    fn of_code(code: &str) -> Option<Self> {
        Some(match code {
            "READONLY" | "UNBLOCKED" => Self::Demoted,
            "MOVED" => Self::Moved,
            "LOADING" | "BUSY" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "ASK" | "MISCONF" | "NOREPLICAS"
            | MAX_CLIENTS => Self::Unwell,
            "NOAUTH" | "WRONGPASS" | "DENIED" | NO_SUCH_DATABASE => Self::Refused,
            "NOPERM" => Self::Forbidden,
            "OOM" => Self::Full,
            _ => return None,
        })
    }

    /// Whether another connection may help.
    pub(super) const fn is_of_connection(self) -> bool {
        !matches!(self, Self::Forbidden | Self::Full)
    }

    /// Whether a person has to see to it: time alone does not mend it.
    pub(super) const fn needs_a_person(self) -> bool {
        matches!(self, Self::Refused | Self::Forbidden | Self::Full)
    }

    /// One line that says what to do, where something can be done.
    pub(super) const fn line(self) -> &'static str {
        match self {
            Self::Away => "Redis is away: connecting again until it answers",
            Self::Demoted => {
                "Redis takes no writes, it follows another server: connecting again until a master answers"
            }
            Self::Moved => "Redis Cluster: another node serves our slot: connecting to it",
            Self::Replaced => "Sentinel names another primary: connecting to it",
            Self::Unwell => "Redis is there and does not serve yet: asking again until it does",
            Self::Refused => {
                "Redis refuses what REDIS_URL says: set the right user, password and database, here or in its ACL"
            }
            Self::Forbidden => "Redis does not let this user do what is needed: give its ACL what docs/REDIS.md lists",
            Self::Full => "Redis is out of memory and takes no writes: raise maxmemory, or give it a larger machine",
        }
    }
}

/// Errors without a code of their own.
const MAX_CLIENTS: &str = "max number of clients reached";
const NO_SUCH_DATABASE: &str = "refused to switch database";

/// The codes in an error: one for each command of a pipeline that failed.
pub(super) fn codes(error: &RedisError) -> Vec<String> {
    let Some(errors) = error.clone().into_server_errors() else {
        // Made by the client while it connected.
        let database = error.kind() == ErrorKind::Server(ServerErrorKind::ResponseError);
        return if database && error.to_string().contains(NO_SUCH_DATABASE) {
            vec![NO_SUCH_DATABASE.to_owned()]
        } else {
            error.code().map(str::to_owned).into_iter().collect()
        };
    };
    let code = |error: &redis::ServerError| match (error.code(), error.details()) {
        ("ERR", Some(details)) if details.starts_with(MAX_CLIENTS) => MAX_CLIENTS.to_owned(),
        ("ERR", Some(details)) => of_script(details).unwrap_or("ERR").to_owned(),
        (code, _) => code.to_owned(),
    };
    errors.iter().map(|(_, error)| code(error)).collect()
}

/// Before Redis 7 the error of a command within a script is `ERR` with the code in the text: `Error running script (call to
/// f_…): @user_script:1: @user_script: 1: -READONLY You can't write…`.
fn of_script(details: &str) -> Option<&str> {
    let (_, error) = details.strip_prefix("Error running script")?.split_once(": -")?;
    error.split(' ').next()
}

#[cfg(test)]
mod tests {
    use redis::make_extension_error;

    use super::*;

    #[test]
    fn errors_of_a_server_that_can_not_serve_are_told_from_those_of_a_command() {
        for (code, trouble) in [
            ("READONLY", Some(Trouble::Demoted)),
            ("LOADING", Some(Trouble::Unwell)),
            ("MASTERDOWN", Some(Trouble::Unwell)),
            ("BUSY", Some(Trouble::Unwell)),
            ("TRYAGAIN", Some(Trouble::Unwell)),
            ("CLUSTERDOWN", Some(Trouble::Unwell)),
            ("NOAUTH", Some(Trouble::Refused)),
            ("NOPERM", Some(Trouble::Forbidden)),
            ("OOM", Some(Trouble::Full)),
            ("WRONGTYPE", None),
            ("NOSCRIPT", None),
            ("ERR", None),
        ] {
            assert_eq!(Trouble::of(&make_extension_error(code.to_owned(), None)), trouble, "{code}");
        }
    }

    #[test]
    fn the_code_of_a_command_within_a_script_counts() {
        let old = "Error running script (call to f_12): @user_script:1: @user_script: 1: -READONLY You can't write";
        let error = make_extension_error("ERR".to_owned(), Some(old.to_owned()));
        assert_eq!(Trouble::of(&error), Some(Trouble::Demoted));
        let text = make_extension_error("ERR".to_owned(), Some("a text: -READONLY of no script".to_owned()));
        assert_eq!(Trouble::of(&text), None);
    }

    #[test]
    fn a_connection_that_fails_is_away_and_one_without_a_right_is_not() {
        let closed = RedisError::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        assert_eq!(Trouble::of(&closed), Some(Trouble::Away));
        let wrong = RedisError::from((ErrorKind::AuthenticationFailed, "Password authentication failed"));
        assert_eq!(Trouble::of(&wrong), Some(Trouble::Refused));
    }
}
