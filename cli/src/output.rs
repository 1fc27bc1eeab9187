//! The only place that writes to the terminal. What can't be written (a closed pipe, say) is dropped.

use std::{
    fmt::Display,
    io::{IsTerminal, Write},
};

/// One line of the answer, to standard output. Colours are taken out where that is no terminal, or `NO_COLOR` is set.
pub fn line(text: impl Display) {
    let _ = writeln!(anstream::stdout(), "{text}");
}

/// One line about what went wrong, to standard error.
pub fn error(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Whether somebody watches: both streams are terminals.
#[must_use]
pub fn is_terminal() -> bool {
    std::io::stdout().is_terminal() && std::io::stderr().is_terminal()
}

/// Whether progress can be shown: what goes to standard error is seen as it comes.
#[must_use]
pub fn shows_progress() -> bool {
    std::io::stderr().is_terminal()
}

/// Asks somebody at the terminal; `None` where there is nobody to ask.
pub fn ask(question: impl Display) -> Option<String> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return None;
    }
    let mut error = std::io::stderr();
    let _ = write!(error, "{question}");
    let _ = error.flush();
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).ok()?;
    Some(answer)
}

/// Text from elsewhere, on one line and without what could steer a terminal.
#[must_use]
pub fn plain(text: &str) -> String {
    let visible: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How wide a column is with `head` above `cells`, as [`plain`] shows these.
pub fn width<'a>(head: &str, cells: impl Iterator<Item = &'a str>) -> usize {
    cells.map(|cell| plain(cell).chars().count()).max().unwrap_or_default().max(head.len())
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
