//! Scores as people read them.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use shared::job::kinds::{AssessedPronunciation, AssessedWord, AssessmentOutcome, WordError};

use crate::output::plain;

/// From these scores on something is good, or at least understandable.
const GOOD: f64 = 75.0;
const FAIR: f64 = 60.0;

/// The scores, the words below each other, and what they mean. Colours are taken out where nobody sees them.
pub(super) fn of(result: &AssessedPronunciation) -> String {
    let (scores, feedback) = (&result.assessment, &result.feedback);
    let mut text = String::new();
    // Writing to a string does not fail.
    if scores.outcome == AssessmentOutcome::Assessed {
        let _ = writeln!(text, "heard          {}", plain(&scores.recognized_text));
        for (name, score) in [
            ("pronunciation", Some(scores.pronunciation_score)),
            ("accuracy", Some(scores.accuracy_score)),
            ("fluency", Some(scores.fluency_score)),
            ("completeness", Some(scores.completeness_score)),
            ("prosody", scores.prosody_score),
        ] {
            let Some(score) = score else { continue };
            let _ = writeln!(text, "{name:<13}  {}", coloured(score));
        }
        let longest = scores.words.iter().map(|word| plain(&word.word).chars().count()).max().unwrap_or(0).max(4);
        let _ = writeln!(text, "\n{:<longest$}  score  {:<16}  sounds", "word", "error");
        for word in &scores.words {
            let _ = writeln!(text, "{}", row(word, longest));
        }
        text.push('\n');
    }
    let _ = write!(text, "{}", plain(&feedback.overall));
    for issue in &feedback.word_issues {
        let _ = write!(text, "\n  {}", plain(&issue.suggestion));
    }
    text
}

fn row(word: &AssessedWord, longest: usize) -> String {
    let error = match word.error_type {
        WordError::None => "",
        WordError::Omission => "Omission",
        WordError::Insertion => "Insertion",
        WordError::Mispronunciation => "Mispronunciation",
    };
    let sounds = word.phonemes.iter().map(|sound| {
        let style = style(sound.accuracy_score);
        format!("{style}{}{style:#}", plain(&sound.phoneme))
    });
    let sounds: Vec<_> = sounds.collect();
    let row = format!(
        "{:<longest$}  {}  {error:<16}  {}",
        plain(&word.word),
        coloured(word.accuracy_score),
        sounds.join(" ")
    );
    row.trim_end().to_owned()
}

fn coloured(score: f64) -> String {
    let style = style(score);
    format!("{style}{score:>5.0}{style:#}")
}

fn style(score: f64) -> Style {
    let colour = if score >= GOOD {
        AnsiColor::Green
    } else if score >= FAIR {
        AnsiColor::Yellow
    } else {
        AnsiColor::Red
    };
    Style::new().fg_color(Some(colour.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(outcome: &str) -> AssessedPronunciation {
        serde_json::from_value(serde_json::json!({
            "success": true,
            "assessment": {
                "outcome": outcome, "accuracyScore": 81.0, "fluencyScore": 92.0, "completenessScore": 50.0,
                "pronunciationScore": 58.4, "recognizedText": "The\u{1b} leaf.", "referenceText": "the leaf",
                "language": "en-US", "passed": false, "durationMs": 1200,
                "words": [
                    { "word": "the", "accuracyScore": 99.6, "errorType": "None",
                      "phonemes": [{ "phoneme": "dh", "accuracyScore": 100.0 }, { "phoneme": "ax", "accuracyScore": 61.0 }] },
                    { "word": "chlorophyll", "accuracyScore": 0.0, "errorType": "Omission", "phonemes": [] },
                ],
            },
            "feedback": {
                "overall": "Not there yet.", "accuracy": "", "fluency": "",
                "wordIssues": [{ "word": "chlorophyll", "issue": "Omission", "score": 0.0, "suggestion": "Say it." }],
            },
        }))
        .unwrap()
    }

    #[test]
    fn words_stand_below_each_other_with_their_scores() {
        let text = anstream::adapter::strip_str(&of(&result("assessed"))).to_string();
        let expected = "heard          The leaf.\n\
                        pronunciation     58\n\
                        accuracy          81\n\
                        fluency           92\n\
                        completeness      50\n\
                        \n\
                        word         score  error             sounds\n\
                        the            100                    dh ax\n\
                        chlorophyll      0  Omission\n\
                        \n\
                        Not there yet.\n  Say it.";
        let lines = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
        assert_eq!(lines(&text), lines(expected));
    }

    #[test]
    fn where_nobody_spoke_only_that_is_said() {
        assert_eq!(of(&result("no_speech")), "Not there yet.\n  Say it.");
    }
}
