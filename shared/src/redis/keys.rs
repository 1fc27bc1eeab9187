//! Every key.
/// Keys.
#[derive(Debug, Clone)]
pub struct Keys;
