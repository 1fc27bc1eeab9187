//! Answers that don't fit their cap.

use shared::job::{Decision, JobError};

use super::{
    super::testing::{Asked, FakeJob, FakeModel, content, lesson},
    *,
};

/// A model whose cards take so many tokens each, and whose answers are cut off where they don't fit.
fn verbose(tokens_per_card: u32) -> FakeModel {
    FakeModel::new(move |model, asked: &Asked| {
        let cards = u32::try_from(asked.number("max_cards").unwrap()).unwrap();
        if cards * tokens_per_card > asked.max_output_tokens {
            return Err(JobError::retry("openai_cut_off", "cut off"));
        }
        Ok(content(&model.cards(asked)))
    })
}

#[tokio::test]
async fn the_cap_fits_the_cards_that_are_asked_for() {
    let (outcome, model) = attempt(verbose(80), &FakeJob::new(), &lesson("Food")).await;
    assert!(outcome.unwrap().flashcards.len() >= 10);
    let asked = model.asked();
    assert!(asked.len() == 1 && (960..1_400).contains(&asked[0].max_output_tokens), "{asked:?}");
}

#[tokio::test]
async fn an_answer_that_was_cut_off_gets_more_room_and_then_fewer_cards() {
    let (mut job, mut caps) = (FakeJob::new(), Vec::new());
    let limits = CallLimits { max_output_tokens: 2_000, ..LIMITS };
    for attempt in 0..5 {
        let (outcome, model) = attempt_within(limits, verbose(240), &job, &lesson("Food")).await;
        let asked = model.asked();
        caps.push((asked[0].max_output_tokens, asked[0].number("max_cards").unwrap()));
        match outcome {
            Ok(result) => {
                assert!(result.flashcards.len() >= 10 && attempt == 3, "{caps:?}");
                break;
            }
            Err(error) => assert_eq!((error.code(), error.decision()), ("openai_cut_off", Decision::Retry)),
        }
        job.again();
    }
    assert!(caps.windows(2).all(|pair| pair[0] != pair[1]), "the same call again: {caps:?}");
    assert_eq!(caps.iter().map(|(_, cards)| *cards).collect::<Vec<_>>(), [12, 12, 12, 8], "{caps:?}");
    assert_eq!(caps[1].0, (caps[0].0 + caps[0].0.div_ceil(2)).min(2_000));
}

#[tokio::test]
async fn a_model_that_thinks_for_nobody_knows_how_long_has_all_the_room() {
    let limits = CallLimits { reasoning: None, ..LIMITS };
    let (_, model) = attempt_within(limits, FakeModel::obedient(), &FakeJob::new(), &lesson("Food")).await;
    assert_eq!(model.asked()[0].max_output_tokens, 4_096);
    let limits = CallLimits { reasoning: Some(1_000), ..LIMITS };
    let (_, model) = attempt_within(limits, FakeModel::obedient(), &FakeJob::new(), &lesson("Food")).await;
    assert!((2_000..2_500).contains(&model.asked()[0].max_output_tokens));
}
