//! Sentences, and the part of one that shows a term.

/// Longest example, in bytes; a longer sentence is cut around the term.
const LONGEST: usize = 240;

/// The sentences of a text, as slices of it. A line break ends one where a paragraph or a list item ends, not where a
/// line was merely wrapped.
pub(super) fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        if rest.is_empty() {
            return None;
        }
        let (sentence, after) = rest.split_at(end_of_first(rest));
        rest = after;
        Some(sentence.trim_end())
    })
}

fn end_of_first(text: &str) -> usize {
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|&(_, next)| next);
        let after = at + c.len_utf8();
        let ends = match c {
            '.' | '!' | '?' => next.is_none_or(char::is_whitespace),
            '。' | '！' | '？' | '।' => true,
            '\n' => !text[after..].trim_start_matches([' ', '\t']).starts_with(char::is_alphanumeric),
            _ => false,
        };
        if ends {
            return after;
        }
    }
    text.len()
}

/// The sentence on one line, cut at words around `term` where it is long. `term` is in it and holds no line break.
pub(super) fn excerpt(sentence: &str, term: &str) -> String {
    let mut line = String::with_capacity(sentence.len());
    for word in sentence.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if line.len() <= LONGEST {
        return line;
    }
    let at = line.find(term).unwrap_or(0);
    let room = LONGEST.saturating_sub(term.len()) / 2;
    let from = line.floor_char_boundary(at.saturating_sub(room));
    let to = line.ceil_char_boundary((at + term.len() + room).min(line.len()));
    let from = if from == 0 { 0 } else { line[from..at].find(' ').map_or(at, |space| from + space + 1) };
    let last_space = line[at + term.len()..to].rfind(' ').map_or(at + term.len(), |space| at + term.len() + space);
    let to = if to == line.len() { to } else { last_space };
    line[from..to].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapped_lines_stay_together_and_paragraphs_do_not() {
        let text = "Title of it\n\nWater rises\nthrough 3.5 m of stem! Is it so?\n- one item\n- another";
        let found: Vec<&str> = sentences(text).collect();
        let expected = ["Title of it", "Water rises\nthrough 3.5 m of stem!", "Is it so?", "- one item", "- another"];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_long_sentence_is_cut_around_the_term() {
        let filler = "wörter über wörter ".repeat(40);
        let sentence = format!("{filler}chlorophyll\n{filler}");
        let example = excerpt(&sentence, "chlorophyll");
        assert!(example.contains(" chlorophyll wörter") && example.len() <= LONGEST, "{example}");
        assert!(example.starts_with("wörter") || example.starts_with("über"), "cut at a word: {example}");
    }

    #[test]
    fn the_term_survives_wherever_it_stands() {
        let long = "x".repeat(300);
        for sentence in [format!("term {long}"), format!("{long} term"), format!("{long}\n{long} term {long}")] {
            assert!(excerpt(&sentence, "term").contains("term"));
        }
    }
}
