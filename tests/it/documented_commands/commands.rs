//! The commands of a document: what its `sh` blocks have people type.

/// A command, on as many lines as it takes, without its comment.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) text: String,
    /// The number of its block in the document: a block is read from top to bottom.
    pub(super) block: usize,
}

/// All commands of the `sh` blocks of `document`.
pub(super) fn commands(document: &str) -> Vec<Command> {
    let mut commands = Vec::new();
    let blocks = document.split("```sh\n").skip(1).map(|rest| rest.split_once("\n```").expect("a block has an end").0);
    for (block, text) in blocks.enumerate() {
        let mut open = String::new();
        for line in text.lines() {
            if open.is_empty() && (line.trim().is_empty() || line.starts_with('#')) {
                continue;
            }
            open.push_str(line);
            if line.ends_with('\\') || open_quote(&open).is_some() {
                open.push('\n');
                continue;
            }
            commands.push(Command { text: without_comment(&open).trim_end().to_owned(), block });
            open.clear();
        }
        assert!(open.is_empty(), "a command without an end: {open}");
    }
    commands
}

/// The quote that is open at the end of `text`.
fn open_quote(text: &str) -> Option<char> {
    without_comment(text).chars().fold(None, |open, next| match open {
        None if next == '\'' || next == '"' => Some(next),
        Some(quote) if quote == next => None,
        open => open,
    })
}

/// `text` up to a `#` behind a space, outside of quotes.
fn without_comment(text: &str) -> &str {
    let (mut open, mut before) = (None, ' ');
    for (place, next) in text.char_indices() {
        match open {
            None if next == '#' && before == ' ' => return &text[..place],
            None if next == '\'' || next == '"' => open = Some(next),
            Some(quote) if quote == next => open = None,
            _ => {}
        }
        before = next;
    }
    text
}

#[test]
fn a_command_has_its_lines_and_not_its_comment() {
    let document =
        "```sh\n# only this\necho 'a # b\nc'   # two lines\nls \\\n  -l\n```\n```json\nno\n```\n```sh\npwd\n```\n";
    let found: Vec<(String, usize)> =
        commands(document).into_iter().map(|command| (command.text, command.block)).collect();
    let wanted = [("echo 'a # b\nc'", 0), ("ls \\\n  -l", 0), ("pwd", 1)];
    assert_eq!(found, wanted.map(|(text, block)| (text.to_owned(), block)));
}
