//! What the scores mean, in words for the learner.

use shared::job::kinds::{AssessedWord, Assessment, AssessmentOutcome, Feedback, WordError, WordIssue};

/// From these scores on a level begins, the best first; the last level has the rest.
const LEVELS: [f64; 3] = [90.0, 75.0, 60.0];
/// A word below it needs practice, whatever is wrong with it.
const GOOD_ENOUGH: f64 = 60.0;

const OVERALL: [&str; 4] = [
    "Excellent! You would be understood everywhere.",
    "Good. A little polish, and it is excellent.",
    "Understandable. Practise the words below, then read it again.",
    "Not there yet. Listen to the sentence once more and read it slowly.",
];
const ACCURACY: [&str; 4] = [
    "Your sounds are clear and correct.",
    "Most sounds are correct; a few could be clearer.",
    "Several sounds differ from what was expected.",
    "Many sounds differ from what was expected. Take it word by word.",
];
const FLUENCY: [&str; 4] = [
    "You speak smoothly, with pauses where they belong.",
    "You speak fairly smoothly; a few pauses are out of place.",
    "There are noticeable pauses. Try to link the words.",
    "It comes haltingly. Read the sentence to yourself first, then say it in one go.",
];

/// The words for what a recording came to.
pub(super) fn of(assessment: &Assessment) -> Feedback {
    if assessment.outcome == AssessmentOutcome::NoSpeech {
        return Feedback {
            overall: "No speech was heard. Hold the phone closer and speak after the tone.".to_owned(),
            accuracy: "There was nothing to assess.".to_owned(),
            fluency: "There was nothing to assess.".to_owned(),
            word_issues: Vec::new(),
        };
    }
    Feedback {
        overall: OVERALL[level(assessment.pronunciation_score)].to_owned(),
        accuracy: ACCURACY[level(assessment.accuracy_score)].to_owned(),
        fluency: FLUENCY[level(assessment.fluency_score)].to_owned(),
        word_issues: assessment.words.iter().filter_map(issue).collect(),
    }
}

fn level(score: f64) -> usize {
    LEVELS.iter().position(|least| score >= *least).unwrap_or(LEVELS.len())
}

fn issue(word: &AssessedWord) -> Option<WordIssue> {
    let said = &word.word;
    let (issue, suggestion) = match word.error_type {
        WordError::Omission => ("Omission", format!("You left out \"{said}\". Say every word of the sentence.")),
        WordError::Insertion => ("Insertion", format!("\"{said}\" is not in the sentence. Read just what is written.")),
        WordError::Mispronunciation => {
            ("Mispronunciation", format!("Listen to \"{said}\" again and repeat it sound by sound."))
        }
        WordError::None if word.accuracy_score < GOOD_ENOUGH => {
            ("Low score", format!("Say \"{said}\" more slowly and clearly."))
        }
        WordError::None => return None,
    };
    Some(WordIssue { word: said.clone(), issue: issue.to_owned(), score: word.accuracy_score, suggestion })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_score_has_four_levels() {
        for (score, expected) in
            [(100.0, 0), (90.0, 0), (89.9, 1), (75.0, 1), (74.9, 2), (60.0, 2), (59.9, 3), (0.0, 3)]
        {
            assert_eq!(level(score), expected, "{score}");
        }
        for texts in [OVERALL, ACCURACY, FLUENCY] {
            let different: std::collections::HashSet<_> = texts.into_iter().collect();
            assert_eq!(different.len(), 4);
        }
    }

    #[test]
    fn a_word_is_an_issue_by_its_error_or_its_score() {
        let word = |error_type, accuracy_score| AssessedWord {
            word: "leaf".to_owned(),
            accuracy_score,
            error_type,
            prosody_issue: None,
            offset_ms: None,
            duration_ms: None,
            phonemes: Vec::new(),
        };
        for (error_type, score, expected) in [
            (WordError::None, 60.0, None),
            (WordError::None, 59.9, Some("Low score")),
            (WordError::Omission, 0.0, Some("Omission")),
            (WordError::Insertion, 95.0, Some("Insertion")),
            (WordError::Mispronunciation, 70.0, Some("Mispronunciation")),
        ] {
            let found = issue(&word(error_type, score));
            assert_eq!(found.as_ref().map(|issue| &*issue.issue), expected, "{error_type:?}, {score}");
            assert!(found.is_none_or(|issue| issue.suggestion.contains("leaf")));
        }
    }
}
