//! Reads an answer, which is not trusted: scores are brought into their range, and lengths are bounded.

use serde::Deserialize;

use super::{Assessment, AzureError, ErrorType, Heard, NoSpeech, Phoneme, Word};

/// Most words of an answer: half a minute of the fastest speech is 150, and those left out come on top.
const WORDS: usize = 2_000;
const PHONEMES: usize = 200;
/// Longest texts that are kept, in characters.
const TEXT_CHARS: usize = 8_000;
const WORD_CHARS: usize = 200;
/// The service counts in 100 ns.
const TICKS_PER_MS: f64 = 10_000.0;
/// Later than anything in a recording.
const LATEST_MS: f64 = 600_000.0;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    recognition_status: String,
    display_text: Option<String>,
    offset: Option<f64>,
    duration: Option<f64>,
    #[serde(rename = "NBest")]
    n_best: Option<Vec<Best>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Best {
    display: Option<String>,
    #[serde(flatten)]
    flat: Scores,
    #[serde(rename = "PronunciationAssessment")]
    nested: Option<Scores>,
    words: Option<Vec<RawWord>>,
}

/// Over REST they are beside the rest, from the SDK below a name of their own.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Scores {
    accuracy_score: Option<f64>,
    fluency_score: Option<f64>,
    completeness_score: Option<f64>,
    pron_score: Option<f64>,
    prosody_score: Option<f64>,
    error_type: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawWord {
    word: String,
    offset: Option<f64>,
    duration: Option<f64>,
    #[serde(flatten)]
    flat: Scores,
    #[serde(rename = "PronunciationAssessment")]
    nested: Option<Scores>,
    phonemes: Option<Vec<RawPhoneme>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawPhoneme {
    phoneme: String,
    offset: Option<f64>,
    duration: Option<f64>,
    #[serde(flatten)]
    flat: Scores,
    #[serde(rename = "PronunciationAssessment")]
    nested: Option<Scores>,
}

const fn malformed(what: &'static str) -> AzureError {
    AzureError::Malformed { what }
}

/// Reads the body of an answer with a good status.
pub(super) fn read(body: &[u8]) -> Result<Heard, AzureError> {
    // The text of serde's error could quote the learner's.
    let body: Body = serde_json::from_slice(body).map_err(|_| malformed("it is no recognition result"))?;
    let no_speech = |why| Ok(Heard::NoSpeech { why });
    match body.recognition_status.as_str() {
        "Success" => Ok(Heard::Assessed(assessment(body)?)),
        "NoMatch" => no_speech(NoSpeech::NoMatch),
        "InitialSilenceTimeout" => no_speech(NoSpeech::InitialSilence),
        "BabbleTimeout" => no_speech(NoSpeech::Babble),
        "Error" => Err(AzureError::RecognitionFailed),
        _ => Err(malformed("its status is unknown")),
    }
}

fn assessment(body: Body) -> Result<Assessment, AzureError> {
    let best = body.n_best.unwrap_or_default().into_iter().next().ok_or(malformed("it has no best result"))?;
    let scores = merged(best.flat, best.nested);
    let needed = |value: Option<f64>| value.map(score).ok_or(malformed("a score is missing"));
    let words = best.words.unwrap_or_default();
    if words.len() > WORDS {
        return Err(malformed("it has too many words"));
    }
    let text = body.display_text.or(best.display).unwrap_or_default();
    Ok(Assessment {
        recognized_text: cut(&text, TEXT_CHARS),
        accuracy: needed(scores.accuracy_score)?,
        fluency: needed(scores.fluency_score)?,
        completeness: needed(scores.completeness_score)?,
        pronunciation: needed(scores.pron_score)?,
        prosody: scores.prosody_score.map(score),
        offset_ms: body.offset.map_or(0, ms),
        duration_ms: body.duration.map_or(0, ms),
        words: words.into_iter().map(word).collect::<Result<_, _>>()?,
    })
}

fn word(raw: RawWord) -> Result<Word, AzureError> {
    let scores = merged(raw.flat, raw.nested);
    let error_type = error_type(scores.error_type.as_deref());
    let left_out = error_type == ErrorType::Omission;
    let accuracy = match scores.accuracy_score {
        Some(accuracy) => score(accuracy),
        None if left_out => 0.0,
        None => return Err(malformed("a word has no score")),
    };
    let phonemes = raw.phonemes.unwrap_or_default();
    if phonemes.len() > PHONEMES {
        return Err(malformed("a word has too many sounds"));
    }
    // What was left out has no place, whatever is written there.
    let place = |ticks: Option<f64>| ticks.filter(|_| !left_out).map(ms);
    Ok(Word {
        word: cut(&raw.word, WORD_CHARS),
        accuracy,
        error_type,
        offset_ms: place(raw.offset),
        duration_ms: place(raw.duration),
        phonemes: phonemes.into_iter().filter_map(phoneme).collect(),
    })
}

/// A sound without a score says nothing.
fn phoneme(raw: RawPhoneme) -> Option<Phoneme> {
    Some(Phoneme {
        phoneme: cut(&raw.phoneme, WORD_CHARS),
        accuracy: score(merged(raw.flat, raw.nested).accuracy_score?),
        offset_ms: raw.offset.map(ms),
        duration_ms: raw.duration.map(ms),
    })
}

fn merged(flat: Scores, nested: Option<Scores>) -> Scores {
    let nested = nested.unwrap_or_default();
    Scores {
        accuracy_score: flat.accuracy_score.or(nested.accuracy_score),
        fluency_score: flat.fluency_score.or(nested.fluency_score),
        completeness_score: flat.completeness_score.or(nested.completeness_score),
        pron_score: flat.pron_score.or(nested.pron_score),
        prosody_score: flat.prosody_score.or(nested.prosody_score),
        error_type: flat.error_type.or(nested.error_type),
    }
}

/// A kind that is not known yet is none: the score still tells.
fn error_type(name: Option<&str>) -> ErrorType {
    const ALL: [ErrorType; 6] = [
        ErrorType::Omission,
        ErrorType::Insertion,
        ErrorType::Mispronunciation,
        ErrorType::UnexpectedBreak,
        ErrorType::MissingBreak,
        ErrorType::Monotone,
    ];
    ALL.into_iter().find(|known| Some(known.as_str()) == name).unwrap_or(ErrorType::None)
}

fn score(value: f64) -> f64 {
    value.clamp(0.0, 100.0)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is within bounds")]
fn ms(ticks: f64) -> u32 {
    (ticks / TICKS_PER_MS).clamp(0.0, LATEST_MS) as u32
}

fn cut(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn flat() -> Value {
        json!({"RecognitionStatus": "Success", "Offset": 400_000, "Duration": 11_000_000, "DisplayText": "Good morning.",
            "NBest": [{"Confidence": 0.97, "Lexical": "good morning", "Display": "Good morning.",
                "AccuracyScore": 94, "FluencyScore": 88.5, "ProsodyScore": 71.2, "CompletenessScore": 100.0, "PronScore": 89.6,
                "Words": [
                    {"Word": "good", "Offset": 500_000, "Duration": 2_700_000, "AccuracyScore": 95.0, "ErrorType": "None",
                        "Phonemes": [{"Phoneme": "g", "AccuracyScore": 99.0, "Offset": 500_000, "Duration": 900_000}]},
                    {"Word": "morning", "ErrorType": "Omission"}]}]})
    }

    fn read_json(body: &Value) -> Result<Heard, AzureError> {
        read(body.to_string().as_bytes())
    }

    fn assessed(body: &Value) -> Assessment {
        match read_json(body).unwrap() {
            Heard::Assessed(assessment) => assessment,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn both_shapes_say_the_same() {
        let read = assessed(&flat());
        assert_eq!((read.accuracy, read.fluency, read.completeness), (94.0, 88.5, 100.0));
        assert_eq!((read.pronunciation, read.prosody), (89.6, Some(71.2)));
        assert_eq!((read.recognized_text.as_str(), read.offset_ms, read.duration_ms), ("Good morning.", 40, 1_100));
        let [good, morning] = &read.words[..] else { panic!("{read:?}") };
        assert_eq!(
            (good.accuracy, good.error_type, good.offset_ms, good.duration_ms),
            (95.0, ErrorType::None, Some(50), Some(270))
        );
        assert_eq!((good.phonemes[0].phoneme.as_str(), good.phonemes[0].accuracy), ("g", 99.0));
        assert_eq!((morning.accuracy, morning.error_type, morning.offset_ms), (0.0, ErrorType::Omission, None));

        let mut nested = flat();
        let below = |of: &mut Value| {
            let object = of.as_object_mut().unwrap();
            let names: Vec<String> =
                object.keys().filter(|name| name.ends_with("Score") || *name == "ErrorType").cloned().collect();
            let scores: serde_json::Map<_, _> =
                names.into_iter().map(|name| (name.clone(), object.remove(&name).unwrap())).collect();
            object.insert("PronunciationAssessment".into(), scores.into());
        };
        let best = &mut nested["NBest"][0];
        below(best);
        for word in best["Words"].as_array_mut().unwrap() {
            below(word);
            word["Phonemes"].as_array_mut().into_iter().flatten().for_each(below);
        }
        assert_eq!(assessed(&nested), read);
        // And as it is kept.
        let kept = serde_json::to_string(&Heard::Assessed(read.clone())).unwrap();
        assert_eq!(serde_json::from_str::<Heard>(&kept).unwrap(), Heard::Assessed(read));
    }

    #[test]
    fn that_nobody_was_heard_is_a_result() {
        for (status, why) in [
            ("NoMatch", NoSpeech::NoMatch),
            ("InitialSilenceTimeout", NoSpeech::InitialSilence),
            ("BabbleTimeout", NoSpeech::Babble),
        ] {
            let body = json!({"RecognitionStatus": status, "Offset": 0, "Duration": 0});
            assert_eq!(read_json(&body).unwrap(), Heard::NoSpeech { why });
        }
        let error = read_json(&json!({"RecognitionStatus": "Error"}));
        assert!(matches!(error, Err(AzureError::RecognitionFailed)));
    }

    #[test]
    fn scores_stay_in_their_range_and_texts_in_theirs() {
        let mut body = flat();
        body["NBest"][0]["AccuracyScore"] = json!(1e300);
        body["NBest"][0]["PronScore"] = json!(-5);
        body["NBest"][0]["Words"][0]["Offset"] = json!(-1);
        body["NBest"][0]["Words"][0]["Duration"] = json!(1e300);
        body["NBest"][0]["Words"][0]["Word"] = json!("ж".repeat(1_000));
        body["NBest"][0]["Words"][0]["ErrorType"] = json!("Whispered");
        let read = assessed(&body);
        assert_eq!((read.accuracy, read.pronunciation), (100.0, 0.0));
        let word = &read.words[0];
        assert_eq!((word.offset_ms, word.duration_ms, word.word.chars().count()), (Some(0), Some(600_000), 200));
        assert_eq!(word.error_type, ErrorType::None);
    }

    #[test]
    fn what_is_no_assessment_is_malformed() {
        let changed = |change: fn(&mut Value)| {
            let mut body = flat();
            change(&mut body);
            body
        };
        for body in [
            json!(null),
            json!({}),
            json!({"RecognitionStatus": "Success"}),
            json!({"RecognitionStatus": "Maybe"}),
            changed(|body| body["NBest"] = json!([])),
            changed(|body| body["NBest"][0]["FluencyScore"] = json!(null)),
            changed(|body| body["NBest"][0]["FluencyScore"] = json!("many")),
            changed(|body| body["NBest"][0]["Words"][0]["AccuracyScore"] = json!(null)),
            changed(|body| body["NBest"][0]["Words"] = json!(vec![body["NBest"][0]["Words"][1].clone(); 2_001])),
        ] {
            assert!(matches!(read_json(&body), Err(AzureError::Malformed { .. })), "{body}");
        }
        assert!(matches!(read(b"<html>"), Err(AzureError::Malformed { .. })));
    }
}
