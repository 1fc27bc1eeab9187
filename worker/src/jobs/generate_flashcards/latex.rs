//! LaTeX in JSON. A model that writes `\frac` with one backslash has written a form feed and `rac`;
//! `\alpha` is an invalid escape. If the result is the name of a LaTeX command, the backslash was
//! meant.

use std::borrow::Cow;

use super::problem::Problem;

/// Commands that school texts use.
const COMMANDS: &str = "\
    Delta Gamma Lambda Leftarrow Leftrightarrow Omega Phi Pi Psi Rightarrow Sigma Theta Upsilon \
    Xi aleph alpha angle approx arccos arcsin arctan ast backslash bar because begin beta big \
    bigcap bigcup bigg binom bmatrix bmod boldsymbol bot boxed bullet cap cases cdot cdots ce \
    chi circ cline colon complement cong coprod cos cosh cot csc cup dagger ddot deg degree \
    delta det dfrac diamond dim displaystyle div dot dots downarrow ell emptyset end epsilon \
    equiv eta exists exp fbox flat forall frac frown gamma gcd geq ge gg hat hbar hline hspace \
    iff iint imath implies in inf infty int iota jmath kappa ker lambda langle lbrace lceil \
    ldots le left leftarrow leftrightarrow leq lfloor lim limits ll ln log longrightarrow mapsto \
    mathbb mathbf mathcal mathit mathrm mathsf max mid min mod mp mu nabla natural ne nearrow \
    neg neq newline nexists ngeq ni nleq nmid nolimits not notin nparallel nsubseteq nu nwarrow \
    oint omega ominus oplus oslash otimes overline overrightarrow parallel partial perp phi pi \
    pm pmod prec prime prod propto psi qquad quad rangle rbrace rbrack rceil ref rfloor rho \
    right rightarrow rightharpoonup rightleftharpoons rm root searrow sec setminus sigma sim \
    simeq sin sinh space sqrt square star subset subseteq succ sum sup supset supseteq swarrow \
    tag tan tanh tau text textbf textit textrm tfrac therefore theta tilde times tiny to top \
    triangle tt underbrace underline uparrow updownarrow uplus upsilon varepsilon varphi vdots \
    vec vee vert wedge widehat xi xrightarrow zeta \
    ";

/// Without their `n` these are words, so a line break before one is more likely than a command.
const WORDS_AFTER_A_LINE_BREAK: [&str; 4] = ["not", "neg", "nmid", "nexists"];

/// Whether LaTeX has a command of this name.
pub(super) fn is_command(name: &str) -> bool {
    !name.is_empty() && COMMANDS.split_ascii_whitespace().any(|command| command == name)
}

/// The letters that a text begins with: the whole name of a command.
pub(super) fn name_at(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    &text[..end]
}

/// The text without control characters: backslashes where a command was meant, blanks for line
/// breaks and tabs.
///
/// # Errors
///
/// [`Problem::ControlCharacter`] for any other control character.
pub(super) fn without_controls(text: &str) -> Result<Cow<'_, str>, Problem> {
    if !text.contains(is_control) {
        return Ok(Cow::Borrowed(text));
    }
    let formula = text.contains(['$', '\\', '\u{8}', '\u{c}']);
    let mut fixed = String::with_capacity(text.len() + 8);
    for (at, c) in text.char_indices() {
        if !is_control(c) {
            fixed.push(c);
            continue;
        }
        let rest = &text[at + c.len_utf8()..];
        match command_at(c, rest) {
            Some((letter, certain)) if certain || formula || is_math(fixed.chars().last(), rest) => {
                fixed.extend(['\\', letter]);
            }
            _ if c.is_whitespace() && !matches!(c, '\u{b}' | '\u{c}') => fixed.push(' '),
            _ => return Err(Problem::ControlCharacter),
        }
    }
    Ok(Cow::Owned(fixed))
}

/// Control characters, and the two separators that break lines as well.
fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// If letter and `rest` make a command: the letter that became this control character, and whether
/// the command is certain.
fn command_at(control: char, rest: &str) -> Option<(char, bool)> {
    let letter = match control {
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{c}' => 'f',
        '\r' => 'r',
        _ => return None,
    };
    let name = format!("{letter}{}", name_at(rest));
    let word = control.is_whitespace() && name.len() == 2
        || control == '\n' && WORDS_AFTER_A_LINE_BREAK.contains(&name.as_str());
    is_command(&name).then_some((letter, !word))
}

/// Whether the characters around a command belong to a formula.
fn is_math(before: Option<char>, rest: &str) -> bool {
    let sign = |c: Option<char>| c.is_some_and(|c| "{}^_=+<>".contains(c));
    sign(before) || sign(rest[name_at(rest).len()..].chars().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_was_read_as_an_escape_is_restored() {
        for (written, meant) in [
            ("$\u{c}rac{1}{2}$", r"$\frac{1}{2}$"),
            ("\u{8}eta", r"\beta"),
            ("3 \times 4", r"3 \times 4"),
            ("a \neq b", r"a \neq b"),
            ("$\nu$", r"$\nu$"),
            ("x\ne_1", r"x\ne_1"),
            ("\rho und \tau", r"\rho und \tau"),
            ("\u{8}inom{n}{k}", r"\binom{n}{k}"),
            (r"\sum \not x".replace("\\n", "\n").as_str(), r"\sum \not x"),
        ] {
            assert_eq!(without_controls(written).as_deref(), Ok(meant), "{written:?}");
        }
    }

    #[test]
    fn line_breaks_and_tabs_are_blanks() {
        for (written, meant) in [
            ("pane\ne vino", "pane e vino"),
            ("one\r\ntwo", "one  two"),
            ("to be\tor\nnot to be", "to be or not to be"),
            ("a\u{85}b\u{2028}c\u{2029}d", "a b c d"),
            ("tab\to", "tab o"),
        ] {
            assert_eq!(without_controls(written).as_deref(), Ok(meant), "{written:?}");
        }
    }

    #[test]
    fn other_control_characters_are_refused() {
        for written in ["\u{c}ractal", "\u{8}", "a\u{0}b", "\u{1b}[1m", "\u{7f}", "\u{9d}", "\u{b}"] {
            assert_eq!(without_controls(written), Err(Problem::ControlCharacter), "{written:?}");
        }
        assert!(matches!(without_controls("Blatt"), Ok(Cow::Borrowed("Blatt"))));
    }
}
