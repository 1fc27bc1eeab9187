//! A scripted model and an attempt in memory.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use serde_json::{Value, json};
use shared::{
    job::{
        JobError, JobId,
        kinds::{Difficulty, Flashcard, GenerateFlashcards},
    },
    openai::ChatRequest,
    queue::{CallEnd, Verdict, Witness},
};

use super::{
    attempt::{Attempt, Permit},
    model::{Answer, ChatModel, CutOff, NoAnswer, TooLarge},
};

/// Tokens of every scripted answer.
pub(super) const TOKENS: u64 = 100;

/// A good card.
pub(super) fn card(front: &str, topic: &str) -> Flashcard {
    let (front, topic, back) = (front.to_owned(), topic.to_owned(), format!("what {front:?} means"));
    let example = format!("Hier steht {front} im Satz.");
    Flashcard { front, back, topic, difficulty: Difficulty::Beginner, example, pronunciation: None }
}

/// An answer with these cards.
pub(super) fn content(cards: &[Flashcard]) -> String {
    json!({"cards": cards}).to_string()
}

/// A lesson of one short text.
pub(super) fn lesson(topic: &str) -> GenerateFlashcards {
    GenerateFlashcards {
        content: "Das Blatt ist grün. Es macht Zucker aus Licht.".to_owned(),
        subject: "Biology".to_owned(),
        topic: topic.to_owned(),
        native_language: "English".to_owned(),
        target_language: "German".to_owned(),
    }
}

/// What a call asked.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) id: String,
    pub(super) message: Value,
    pub(super) max_output_tokens: u32,
}

impl Asked {
    /// A number of the message.
    pub(super) fn number(&self, key: &str) -> Option<usize> {
        self.message[key].as_u64().and_then(|number| usize::try_from(number).ok())
    }

    /// An array of the message.
    pub(super) fn list(&self, key: &str) -> Vec<&str> {
        self.message[key].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }
}

type Script = Box<dyn Fn(&FakeModel, &Asked) -> Result<String, JobError> + Send + Sync>;

/// A model that answers by script and remembers what it was asked.
pub(super) struct FakeModel {
    script: Script,
    asked: Mutex<Vec<Asked>>,
    words: AtomicUsize,
}

impl FakeModel {
    pub(super) fn new(script: impl Fn(&Self, &Asked) -> Result<String, JobError> + Send + Sync + 'static) -> Self {
        Self { script: Box::new(script), asked: Mutex::default(), words: AtomicUsize::new(0) }
    }

    /// One that does as it is told.
    pub(super) fn obedient() -> Self {
        Self::new(|model, asked| Ok(content(&model.cards(asked))))
    }

    /// As few cards as were asked for, with terms of their own; topics that are found are called by their terms.
    pub(super) fn cards(&self, asked: &Asked) -> Vec<Flashcard> {
        let count = asked.number("min_cards").unwrap();
        let first = self.words.fetch_add(count, Relaxed);
        let topics = asked.number("min_topics");
        let topic = |i: usize| match topics {
            Some(topics) => format!("Topic {}", first + i % topics),
            None => asked.message["topic"].as_str().unwrap().to_owned(),
        };
        (0..count).map(|i| card(&format!("Wort{}x", first + i), &topic(i))).collect()
    }

    /// What it was asked so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl ChatModel for FakeModel {
    async fn ask(&self, request: ChatRequest, permit: impl Permit) -> Result<Answer, NoAnswer> {
        permit.begin().await?;
        let message: Value = serde_json::from_str(&request.user).unwrap();
        let cards = &request.schema["properties"]["cards"];
        assert_eq!((&cards["minItems"], &cards["maxItems"]), (&message["min_cards"], &message["max_cards"]));
        let asked = Asked { id: request.request_id, message, max_output_tokens: request.max_output_tokens };
        self.asked.lock().unwrap().push(asked.clone());
        let content = (self.script)(self, &asked).map_err(|error| NoAnswer {
            too_large: (error.code() == "call_exceeds_token_limit").then_some(TooLarge { figures: None }),
            cut_off: (error.code() == "openai_cut_off").then_some(CutOff::Cards),
            tokens: if error.code() == "openai_cut_off" { TOKENS } else { 0 },
            ..NoAnswer::from(error)
        })?;
        Ok(Answer { content, tokens: TOKENS })
    }
}

/// The attempts at one job, whose records outlive each of them.
pub(super) struct FakeJob {
    id: JobId,
    number: u32,
    pub(super) records: Mutex<BTreeMap<String, String>>,
    pub(super) progress: Mutex<Vec<u8>>,
    /// From this record on, counted from 0, Redis is away.
    redis_lost_after: usize,
}

impl FakeJob {
    pub(super) fn new() -> Self {
        Self::losing_redis_after(usize::MAX)
    }

    pub(super) fn losing_redis_after(records: usize) -> Self {
        let id = JobId::new();
        Self { id, number: 1, records: Mutex::default(), progress: Mutex::default(), redis_lost_after: records }
    }

    /// The next attempt.
    pub(super) fn again(&mut self) {
        self.number += 1;
    }
}

/// Leave for every call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Free;

impl Permit for Free {
    async fn begin(&self) -> Result<(), JobError> {
        Ok(())
    }

    async fn end(&self, _end: CallEnd<'_>) -> Verdict {
        Verdict::Plain
    }

    async fn testify(&self, _found: Witness, _reason: &str) {}
}

impl Attempt for FakeJob {
    type Permit = Free;

    fn permit(&self, _tokens: u32) -> Free {
        Free
    }

    fn job_id(&self) -> JobId {
        self.id
    }

    fn number(&self) -> u32 {
        self.number
    }

    async fn checkpoints(&self) -> Result<BTreeMap<String, String>, JobError> {
        Ok(self.records.lock().unwrap().clone())
    }

    async fn checkpoint(&self, name: &str, value: &str, progress: u8) -> Result<(), JobError> {
        if self.progress.lock().unwrap().len() >= self.redis_lost_after {
            return Err(JobError::retry("redis_unavailable", "away"));
        }
        self.records.lock().unwrap().insert(name.to_owned(), value.to_owned());
        self.progress.lock().unwrap().push(progress);
        Ok(())
    }
}
