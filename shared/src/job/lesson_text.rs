//! The normal form of a lesson's text, in which it is compared, cut and sent.
//!
//! The same text arrives with other line ends, decomposed accents or no-break spaces; each spelling
//! would be paid for as work of its own. Pasted images and other data teach nothing and cost more
//! tokens than the text.

use std::sync::LazyLock;

use icu_properties::{CodePointMapData, props::Script};
use regex::Regex;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Longest run of characters without white space that is kept: longer than any word or address.
const LONGEST_RUN: usize = 500;

/// A `data:` URI (RFC 2397), with the tag of HTML or the image of Markdown around it.
static DATA_URI: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let head = r#"data:(?:[a-z]+/[a-z0-9.+-]+(?:;[^,;\s"'<>()]*)*|(?:;[^,;\s"'<>()]+)+),"#;
    // Base64 may be wrapped. The last line is shorter; it needs padding or a digit, since it could
    // be a word.
    let line = r"\s+[a-z0-9+/]{60,}={0,2}";
    let last_line = r"\s+(?:[a-z0-9+/]+={1,2}|[a-z0-9+/]*[0-9+/][a-z0-9+/]{6,}(?mR:$))";
    let data = format!(r#"(?:[a-z0-9+/=%_-]+(?:(?:{line})+(?:{last_line})?)?)?(?:<svg\b.*?</svg>)?[^\s"'<>()]*"#);
    let uri = format!(r"\b{head}{data}");
    Regex::new(&format!(r"(?is)<[a-z]+\b[^<>]*?{uri}[^<>]*>|!\[[^\]\n]*\]\(\s*{uri}[^()\n]*\)|{uri}")).ok()
});

/// The text in NFC, with `\n` line ends and ordinary spaces, without byte order marks, surrounding
/// white space, `data:` URIs and runs that are too long to be words. Empty if nothing else is left.
#[must_use]
pub fn normalize(text: &str) -> String {
    if is_plain(text) { text.trim().to_owned() } else { normalize_any(text) }
}

/// Whether nothing but surrounding white space can have to go: most texts are ASCII, and one look tells it.
fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut run = 0;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b' ' | b'\n' | b'\t' => run = 0,
            b'\r' | 0xb | 0xc | 0x80.. => return false,
            b':' if bytes[..at].last_chunk::<4>().is_some_and(|word| word.eq_ignore_ascii_case(b"data")) => {
                return false;
            }
            _ => run += 1,
        }
        if run > LONGEST_RUN {
            return false;
        }
    }
    true
}

fn normalize_any(text: &str) -> String {
    let text = without_data(&text.replace('\u{feff}', ""));
    // A run has the same length in every spelling.
    let text = without_runs(&composed(with_plain_blanks(&text)));
    composed(text.trim().to_owned())
}

fn composed(text: String) -> String {
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => text,
        _ => text.nfc().collect(),
    }
}

fn without_data(text: &str) -> String {
    match &*DATA_URI {
        Some(uri) if text.as_bytes().windows(5).any(|word| word.eq_ignore_ascii_case(b"data:")) => {
            uri.replace_all(text, "").into_owned()
        }
        _ => text.to_owned(),
    }
}

fn with_plain_blanks(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut last = '\n';
    while let Some(c) = chars.next() {
        let within_a_word = last.is_alphabetic() && chars.peek().is_some_and(|next| next.is_alphabetic());
        last = c;
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            // Line ends of all systems: <https://www.unicode.org/reports/tr14/#BK>.
            '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => plain.push('\n'),
            '\u{a0}' => plain.push(' '),
            // Mongolian needs it within words.
            '\u{202f}' if !within_a_word => plain.push(' '),
            c => plain.push(c),
        }
    }
    plain
}

/// The text without runs that are too long. Characters of scripts without blanks between words end
/// a run.
fn without_runs(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let (mut run, mut length) = (0, 0);
    for (at, c) in text.char_indices() {
        if c.is_whitespace() || has_no_blanks(c) {
            if length <= LONGEST_RUN {
                kept.push_str(&text[run..at]);
            }
            kept.push(c);
            (run, length) = (at + c.len_utf8(), 0);
        } else {
            length += 1;
        }
    }
    if length <= LONGEST_RUN {
        kept.push_str(&text[run..]);
    }
    kept
}

fn has_no_blanks(c: char) -> bool {
    !c.is_ascii()
        && matches!(
            CodePointMapData::<Script>::new().get(c),
            Script::Han
                | Script::Hiragana
                | Script::Katakana
                | Script::Bopomofo
                | Script::Yi
                | Script::Thai
                | Script::Lao
                | Script::Khmer
                | Script::Myanmar
                | Script::Tibetan
                | Script::Javanese
                | Script::Balinese
                | Script::TaiLe
                | Script::NewTaiLue
                | Script::TaiTham
                | Script::TaiViet
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Où es-tu ?\nJe vais à l’école « des Lilas » : c’est là !";

    fn base64(length: usize) -> String {
        "iVBORw0KGgoAAAANSUhEUgAA/8+".chars().cycle().take(length).collect()
    }

    #[test]
    fn plain_texts_are_told_by_one_look_and_come_out_alike() {
        let run = "x".repeat(LONGEST_RUN);
        for text in
            ["", " \n", "The leaf.\n\tIt is green: yes.\n", "metadata : x", &run, &format!("{run} {run}\n{run}")]
        {
            assert!(is_plain(text), "{text:?}");
            assert_eq!(text.trim(), normalize_any(text), "{text:?}");
        }
        for text in ["a\r\nb", "a\u{b}b", "École", "see data:,x", "DATA:x", "data:", &format!("{run}y")] {
            assert!(!is_plain(text), "{text:?}");
        }
    }

    #[test]
    fn spellings_of_one_text_are_one_text() {
        assert_eq!(normalize(TEXT), TEXT);
        for spelling in [
            TEXT.replace('\n', "\r\n"),
            TEXT.replace('\n', "\r"),
            TEXT.replace('\n', "\u{2028}"),
            format!("{TEXT}\n"),
            format!(" \t\n{TEXT}\r\n\u{3000}"),
            TEXT.nfd().collect(),
            TEXT.replace(" ?", "\u{a0}?"),
            TEXT.replace(" ?", "\u{202f}?").replace("« ", "«\u{202f}").replace(" »", "\u{a0}»"),
            format!("\u{feff}{TEXT}"),
            format!(" \u{feff}\n{}", TEXT.replace("es-tu", "es\u{feff}-tu")),
        ] {
            assert_eq!(normalize(&spelling), TEXT, "{spelling:?}");
        }
        for other in [TEXT.to_uppercase(), TEXT.replace('’', "'"), TEXT.replace('\n', "\n\n")] {
            assert_ne!(normalize(&other), TEXT, "{other:?}");
        }
    }

    #[test]
    fn what_is_pasted_along_is_no_text() {
        let blob = base64(110_000);
        let lines: Vec<String> =
            blob.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        let (lines, crlf) = (lines.join("\n"), lines.join("\r\n"));
        for pasted in [
            format!("data:image/png;base64,{blob}"),
            format!("data:image/png;base64,{lines}"),
            format!("data:image/png;base64,{crlf}"),
            format!("DATA:image/svg+xml;charset=utf-8;base64,{}==", base64(40)),
            format!("![a leaf](data:image/png;base64,{blob})"),
            format!("![](data:image/png;base64,{blob} \"title\")"),
            format!("<img alt='leaf' src=\"data:image/jpeg;base64,{blob}\" width=\"3\">"),
            "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%3E".replace('\'', "%27"),
            "data:image/svg+xml;utf8,<svg width='1'>\n<path d='M0 0'/></svg>".to_owned(),
            "data:;base64,AAAA".to_owned(),
            blob.clone(),
            "x".repeat(501),
        ] {
            assert_eq!(normalize(&pasted), "", "{}", &pasted[..40.min(pasted.len())]);
            assert_eq!(normalize(&format!("Ein Blatt.\n{pasted}\nUnd Licht.")), "Ein Blatt.\n\nUnd Licht.");
        }
        // Within a text without blanks.
        assert_eq!(normalize(&format!("叶子{blob}是绿色的。")), "叶子是绿色的。");
    }

    #[test]
    fn texts_stay_as_they_are() {
        let texts = [
            "a".repeat(500),
            "é".repeat(500),
            "叶子是绿色的，它用光制造糖。".repeat(100),
            "葉っぱは緑色です。光から糖を作ります！".repeat(100),
            "ใบไม้เป็นสีเขียวมันสร้างน้ำตาลจากแสง".repeat(100),
            "ໃບໄມ້ເປັນສີຂຽວ".repeat(100),
            "ស្លឹកឈើមានពណ៌បៃតង".repeat(100),
            "သစ်ရွက်သည်အစိမ်းရောင်ရှိသည်။".repeat(100),
            "ལོ་མ་ནི་ལྗང་ཁུ་ཡིན།".repeat(100),
            "The data: a, b, and c. Big data:image or not, data:text was, metadata:x/y,z too.".to_owned(),
            "See https://example.org/a,b;c and data: text/plain.".to_owned(),
            "ᠮᠣᠩᠭᠣᠯ\u{202f}ᠤᠨ".to_owned(),
            "잎은 녹색입니다.".to_owned(),
        ];
        for text in texts {
            assert_eq!(normalize(&text), text);
            assert_eq!(normalize(&text.nfd().collect::<String>()), text);
        }
    }

    #[test]
    fn a_normal_text_is_normal() {
        for text in ["", " \n\u{feff}", "e\u{301} \u{1100}\u{1161}", "a\r\r\n\nb", "ক\u{9cb}\u{a0}"] {
            let normal = normalize(text);
            assert_eq!(normalize(&normal), normal, "{text:?}");
        }
    }
}
