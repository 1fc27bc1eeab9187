//! What is logged of a panic.

use std::panic::PanicHookInfo;

/// Logs where a panic happened, and not what it said: the standard library's messages quote the text at hand ("byte index 1
/// is not a char boundary; it is inside…"), and a learner's text must not reach the logs.
pub(super) fn hide_messages() {
    std::panic::set_hook(Box::new(log_place));
}

fn log_place(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(panic.location = place, "A panic: this is a bug");
}

#[cfg(test)]
mod tests {
    use std::{io::Read, sync::Arc};

    use super::*;

    #[test]
    fn the_place_of_a_panic_is_logged_and_its_message_is_not() {
        let (mut log, writer) = std::io::pipe().unwrap();
        let subscriber = tracing_subscriber::fmt().with_writer(Arc::new(writer)).with_ansi(false).finish();
        // The hook runs in the thread that panics, and so does this subscriber.
        tracing::subscriber::with_default(subscriber, || {
            let before = std::panic::take_hook();
            hide_messages();
            let outcome = std::panic::catch_unwind(|| panic!("a learner's text"));
            std::panic::set_hook(before);
            outcome.unwrap_err();
        });
        let mut text = String::new();
        log.read_to_string(&mut text).unwrap();
        assert!(text.contains("panics.rs:") && !text.contains("learner"), "{text}");
    }
}
