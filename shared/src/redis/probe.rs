//! Whether Redis takes writes.

use redis::{Cmd, RedisError, RedisResult, aio::ConnectionLike};

use super::trouble::Trouble;

/// Asks by a write that changes nothing: it deletes `key`, which never exists. A `PING` would not do, since a replica answers that
/// as well as a master. A user who may not delete is told elsewhere what is missing: the server is well.
pub(super) async fn probe(connection: &mut impl ConnectionLike, key: &str) -> RedisResult<()> {
    let mut delete = Cmd::new();
    delete.arg("DEL").arg(key);
    let answered: Result<redis::Value, RedisError> = delete.query_async(connection).await;
    match answered {
        Err(error) if Trouble::of(&error).is_none_or(Trouble::is_of_connection) => Err(error),
        _ => Ok(()),
    }
}
