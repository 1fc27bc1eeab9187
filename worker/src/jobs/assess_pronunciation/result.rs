//! The service's scores as the app reads them.

use shared::{
    azure::{self, ErrorType, Heard},
    job::kinds::{
        AssessPronunciation, AssessedPhoneme, AssessedPronunciation, AssessedWord, Assessment, AssessmentOutcome,
        ProsodyIssue, WordError,
    },
};

use super::feedback;

/// From this pronunciation score on, the text counts as read well.
const PASSED: f64 = 60.0;

/// What the learner gets of a recording of `duration_ms`.
pub(super) fn of(heard: Heard, asked: &AssessPronunciation, duration_ms: u32) -> AssessedPronunciation {
    let assessment = match heard {
        Heard::Assessed(scores) => assessed(scores, asked, duration_ms),
        Heard::NoSpeech { .. } => no_speech(asked, duration_ms),
    };
    AssessedPronunciation { success: true, feedback: feedback::of(&assessment), assessment }
}

fn assessed(scores: azure::Assessment, asked: &AssessPronunciation, duration_ms: u32) -> Assessment {
    Assessment {
        outcome: AssessmentOutcome::Assessed,
        accuracy_score: scores.accuracy,
        fluency_score: scores.fluency,
        completeness_score: scores.completeness,
        pronunciation_score: scores.pronunciation,
        prosody_score: scores.prosody,
        recognized_text: scores.recognized_text,
        passed: scores.pronunciation >= PASSED,
        words: scores.words.into_iter().map(word).collect(),
        ..no_speech(asked, duration_ms)
    }
}

fn no_speech(asked: &AssessPronunciation, duration_ms: u32) -> Assessment {
    Assessment {
        outcome: AssessmentOutcome::NoSpeech,
        accuracy_score: 0.0,
        fluency_score: 0.0,
        completeness_score: 0.0,
        pronunciation_score: 0.0,
        prosody_score: None,
        recognized_text: String::new(),
        reference_text: asked.reference_text.clone(),
        language: asked.language.clone(),
        passed: false,
        duration_ms,
        words: Vec::new(),
    }
}

fn word(heard: azure::Word) -> AssessedWord {
    let (error_type, prosody_issue) = match heard.error_type {
        ErrorType::None => (WordError::None, None),
        ErrorType::Omission => (WordError::Omission, None),
        ErrorType::Insertion => (WordError::Insertion, None),
        ErrorType::Mispronunciation => (WordError::Mispronunciation, None),
        // The app knows no such errors of a word: its sounds are right.
        ErrorType::UnexpectedBreak => (WordError::None, Some(ProsodyIssue::UnexpectedBreak)),
        ErrorType::MissingBreak => (WordError::None, Some(ProsodyIssue::MissingBreak)),
        ErrorType::Monotone => (WordError::None, Some(ProsodyIssue::Monotone)),
    };
    let phonemes = heard.phonemes.into_iter();
    AssessedWord {
        word: heard.word,
        accuracy_score: heard.accuracy,
        error_type,
        prosody_issue,
        offset_ms: heard.offset_ms,
        duration_ms: heard.duration_ms,
        phonemes: phonemes
            .map(|sound| AssessedPhoneme {
                phoneme: sound.phoneme,
                accuracy_score: sound.accuracy,
                offset_ms: sound.offset_ms,
                duration_ms: sound.duration_ms,
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::azure::NoSpeech;

    use super::*;

    fn asked() -> AssessPronunciation {
        AssessPronunciation {
            reference_text: "the leaf".to_owned(),
            language: "en-US".to_owned(),
            prosody: true,
            recording_sha256: String::new(),
        }
    }

    fn heard(pronunciation: f64, error_type: ErrorType) -> Heard {
        Heard::Assessed(azure::Assessment {
            recognized_text: "The leaf.".to_owned(),
            accuracy: 81.0,
            fluency: 92.0,
            completeness: 100.0,
            pronunciation,
            prosody: Some(70.5),
            offset_ms: 100,
            duration_ms: 900,
            words: vec![azure::Word {
                word: "leaf".to_owned(),
                accuracy: 72.0,
                error_type,
                offset_ms: Some(300),
                duration_ms: Some(400),
                phonemes: vec![azure::Phoneme {
                    phoneme: "iy".to_owned(),
                    accuracy: 64.0,
                    offset_ms: None,
                    duration_ms: None,
                }],
            }],
        })
    }

    #[test]
    fn it_has_the_shape_that_the_app_reads_and_more() {
        let result = serde_json::to_value(of(heard(60.0, ErrorType::Mispronunciation), &asked(), 1_200)).unwrap();
        let expected = json!({
            "outcome": "assessed", "accuracyScore": 81.0, "fluencyScore": 92.0, "completenessScore": 100.0,
            "pronunciationScore": 60.0, "prosodyScore": 70.5, "recognizedText": "The leaf.", "referenceText": "the leaf",
            "language": "en-US", "passed": true, "durationMs": 1_200,
            "words": [{
                "word": "leaf", "accuracyScore": 72.0, "errorType": "Mispronunciation", "offsetMs": 300, "durationMs": 400,
                "phonemes": [{ "phoneme": "iy", "accuracyScore": 64.0 }],
            }],
        });
        assert_eq!((&result["success"], &result["assessment"]), (&json!(true), &expected));
        assert!(!of(heard(59.9, ErrorType::None), &asked(), 1_200).assessment.passed);
    }

    #[test]
    fn a_pause_in_the_wrong_place_is_no_wrong_sound() {
        let word = &of(heard(90.0, ErrorType::UnexpectedBreak), &asked(), 1_200).assessment.words[0];
        assert_eq!((word.error_type, word.prosody_issue), (WordError::None, Some(ProsodyIssue::UnexpectedBreak)));
    }

    #[test]
    fn silence_is_a_result_that_says_so() {
        let result = of(Heard::NoSpeech { why: NoSpeech::InitialSilence }, &asked(), 3_000);
        assert_eq!(result.assessment.outcome, AssessmentOutcome::NoSpeech);
        assert_eq!(result.assessment.reference_text, "the leaf");
        assert!(!result.assessment.passed && result.feedback.word_issues.is_empty());
        assert!(result.feedback.overall.contains("No speech"), "{:?}", result.feedback);
    }
}
