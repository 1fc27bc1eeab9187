//! The only place that writes to the terminal. What can't be written (a closed pipe, say) is dropped.

use std::{
    fmt::Display,
    io::{IsTerminal, Write},
};

/// One line of the answer, to standard output. Colours are taken out where that is no terminal, or `NO_COLOR` is set.
pub(crate) fn line(text: impl Display) {
    let _ = writeln!(anstream::stdout(), "{text}");
}

/// One line about what went wrong, to standard error.
pub(crate) fn error(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Whether somebody watches: both streams are terminals.
pub(crate) fn is_terminal() -> bool {
    std::io::stdout().is_terminal() && std::io::stderr().is_terminal()
}

/// Text from elsewhere, on one line and without what could steer a terminal.
pub(crate) fn plain(text: &str) -> String {
    let visible: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn text_from_elsewhere_can_not_steer_the_terminal() {
        assert_eq!(plain(" the\n\u{1b}[31mleaf\u{7} "), "the [31mleaf");
        assert_eq!(plain("das Blattgrün"), "das Blattgrün");
    }
}
