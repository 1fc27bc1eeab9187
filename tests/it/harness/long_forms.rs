//! Whether tests that have a long form run it.

/// `./check --full` sets this variable.
pub(crate) fn long_forms() -> bool {
    std::env::var_os("LONG_FORMS").is_some_and(|value| !value.is_empty())
}
