//! What a job is: its name, its state and how it may end. Pure: nothing here touches Redis or the network.

mod error;
mod id;
mod kind;
pub mod kinds;
mod language;
pub mod lesson_text;
mod priority;
mod retry;
mod state;
mod view;

pub use error::{Decision, JobError};
pub use id::{JobId, ParseJobIdError};
pub use kind::{Kind, Lane, QueueName};
pub use language::Language;
pub use priority::Priority;
pub use retry::RetryPolicy;
pub use state::JobState;
pub use view::{JobFailure, JobView};
