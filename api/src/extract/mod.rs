//! What handlers read from a request. A rejection is an [`crate::error::ApiError`] that names the field.

mod client_address;
mod idempotency_key;
mod job_path;
mod json_body;
mod list_query;
mod no_cache;
mod optional_json_body;
mod paced_body;
mod prefer;
mod query_pairs;
mod read_body;
mod upload;
mod upload_room;
mod user_path;
mod wait_query;

pub(crate) use client_address::{ClientAddress, is_forwarded};
pub(crate) use idempotency_key::IdempotencyKey;
pub(crate) use job_path::JobPath;
pub(crate) use json_body::JsonBody;
pub(crate) use list_query::ListQuery;
pub(crate) use no_cache::NoCache;
pub(crate) use optional_json_body::OptionalJsonBody;
pub(crate) use prefer::Prefer;
pub(crate) use query_pairs::QueryPairs;
pub(crate) use upload::Upload;
pub(crate) use upload_room::{UploadPlace, UploadRoom};
pub(crate) use user_path::UserPath;
pub(crate) use wait_query::WaitQuery;
