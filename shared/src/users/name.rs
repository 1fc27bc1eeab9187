//! Names of users, which are compared as they are: no door changes one.

/// Most characters of a name.
const MAX_CHARS: usize = 128;
/// What the names begin with that this system gives: those of server keys, of visitors without a name, and of apps
/// without a token.
const RESERVED_PREFIXES: [&str; 3] = ["key:", "anonymous-", "app:"];

/// Why a text is nobody's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UserNameError {
    /// It is empty, or nothing but white space.
    #[error("must not be blank")]
    Blank,
    /// It begins or ends with white space. Cutting it off would make one user of two.
    #[error("must not begin or end with white space")]
    Padded,
    /// It has too many characters.
    #[error("has more than {MAX_CHARS} characters")]
    TooLong,
    /// It would spoil logs.
    #[error("must not contain control characters")]
    ControlCharacters,
    /// It is one of those that this system gives.
    #[error("must not begin with `key:`, `anonymous-` or `app:`: those names are given here")]
    Reserved,
}

/// Checks the name of a user, as operators write it: it may be one that this system has given.
///
/// # Errors
///
/// What is wrong with it.
pub fn check_user_name(name: &str) -> Result<(), UserNameError> {
    if name.trim().is_empty() {
        return Err(UserNameError::Blank);
    }
    // `char::is_control` is Unicode's Cc, C1 included.
    if name.chars().any(char::is_control) {
        return Err(UserNameError::ControlCharacters);
    }
    if name.trim() != name {
        return Err(UserNameError::Padded);
    }
    if name.chars().count() > MAX_CHARS {
        return Err(UserNameError::TooLong);
    }
    Ok(())
}

/// Checks the name that a caller claims: by a token, a header or a field.
///
/// # Errors
///
/// What is wrong with it.
pub fn check_claimed_user_name(name: &str) -> Result<(), UserNameError> {
    check_user_name(name)?;
    if RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        return Err(UserNameError::Reserved);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_be_of_any_script() {
        for name in ["ada", "Zoë", "a b", "key", "app", "Key:1", "anonymous", &*"語".repeat(MAX_CHARS)] {
            assert_eq!(check_claimed_user_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn a_name_that_could_be_taken_for_another_or_would_spoil_logs_is_refused() {
        for (name, error) in [
            ("", UserNameError::Blank),
            (" \u{a0}\t", UserNameError::Blank),
            (" alice", UserNameError::Padded),
            ("alice\u{a0}", UserNameError::Padded),
            ("\u{3000}alice", UserNameError::Padded),
            ("alice\u{2028}", UserNameError::Padded),
            ("alice\n", UserNameError::ControlCharacters),
            ("\talice", UserNameError::ControlCharacters),
            ("a\0b", UserNameError::ControlCharacters),
            ("a\u{85}b", UserNameError::ControlCharacters),
            (&"x".repeat(MAX_CHARS + 1), UserNameError::TooLong),
        ] {
            assert_eq!(check_user_name(name), Err(error), "{name:?}");
            assert_eq!(check_claimed_user_name(name), Err(error), "{name:?}");
        }
    }

    #[test]
    fn only_operators_write_the_names_that_are_given() {
        for name in ["key:0123456789abcdef", "anonymous-203.0.113.7", "app:7"] {
            assert_eq!((check_user_name(name), check_claimed_user_name(name)), (Ok(()), Err(UserNameError::Reserved)));
        }
    }
}
