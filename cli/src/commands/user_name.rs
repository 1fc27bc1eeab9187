//! The name of a user, as an argument.

use shared::users::{UserNameError, check_user_name};

/// Takes the name as it is: operators also name the users that the system has named.
pub(super) fn user_name(text: &str) -> Result<String, UserNameError> {
    check_user_name(text).map(|()| text.to_owned())
}
