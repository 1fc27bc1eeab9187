//! One job from its text to its cards: part after part, call after call.
//!
//! The parts are asked for one after the other, since each is told which terms and topics exist already. After every
//! call its part is recorded, so that a later attempt goes on where this one ended.

use shared::{
    job::{
        JobError,
        kinds::{Flashcard, GenerateFlashcards, GeneratedFlashcards},
    },
    openai::ChatRequest,
    tokens::estimate,
};

use super::{
    answer::{self, Seen},
    answer_size::answer_tokens,
    attempt::Attempt,
    card::CardRules,
    chunk,
    folding::key,
    goal::{Ask, Goal},
    limits::{CARDS_MAX, CallLimits},
    merge::merge,
    model::{ChatModel, CutOff, NoAnswer, TooLarge},
    own_cap::OwnCap,
    part_state::{PartState, Phase},
    plan::{Part, Topics, plan},
    prompt,
    question::Question,
    smaller_calls::SmallerCalls,
};

fn plan_parts(lesson: &GenerateFlashcards, limits: CallLimits) -> Vec<Part> {
    let ranges = chunk::split(&lesson.content, limits.chunk_tokens);
    let find_topics = lesson.topic == GenerateFlashcards::AI_SELECTION;
    plan(ranges, estimate(&lesson.content), find_topics, limits.max_output_tokens)
}

/// One attempt at a job.
pub(super) struct Generation<'a, M, A> {
    model: &'a M,
    attempt: &'a A,
    lesson: &'a GenerateFlashcards,
    limits: CallLimits,
    pub(super) parts: Vec<Part>,
    states: Vec<PartState>,
    /// Calls that this attempt has made.
    pub(super) calls: u32,
    /// Tokens of those calls.
    pub(super) spent: u64,
    /// Cards that the job's first calls ask for at least.
    pub(super) requested: usize,
}

impl<'a, M: ChatModel, A: Attempt> Generation<'a, M, A> {
    /// Plans the job; nothing is asked yet.
    pub(super) fn new(model: &'a M, attempt: &'a A, lesson: &'a GenerateFlashcards, limits: CallLimits) -> Self {
        let parts = plan_parts(lesson, limits);
        let states = vec![PartState::default(); parts.len()];
        let mut generation = Self { model, attempt, lesson, limits, parts, states, calls: 0, spent: 0, requested: 0 };
        let asked: usize = (0..generation.parts.len()).map(|part| generation.goal(part).min).sum();
        generation.requested = asked.min(CARDS_MAX);
        generation
    }

    /// Makes the calls that are missing and puts the cards together.
    pub(super) async fn run(&mut self) -> Result<GeneratedFlashcards, JobError> {
        if self.parts.is_empty() {
            return Err(JobError::fail("empty_content", "The text has no words to make cards of."));
        }
        self.restore().await?;
        self.check_limits()?;
        // The parts may be planned again, where the provider does not accept calls of their size.
        while let Some(part) = self.states.iter().position(|state| state.phase != Phase::Done) {
            self.call(part).await?;
        }
        let flashcards = self.merged()?;
        Ok(GeneratedFlashcards {
            success: true,
            requested: u32::try_from(self.requested).ok(),
            returned: u32::try_from(flashcards.len()).ok(),
            flashcards,
            token_usage: self.tokens(),
        })
    }

    /// Tokens of every call, also those of earlier attempts.
    fn tokens(&self) -> u64 {
        self.states.iter().fold(0, |sum, state| sum.saturating_add(state.tokens))
    }

    /// A call that the limiter could never let through must not wait for it.
    fn check_limits(&self) -> Result<(), JobError> {
        (0..self.parts.len()).try_for_each(|part| {
            let request = self.question(part).bare().request(String::new(), self.limits.max_output_tokens);
            prompt::check_limit(&request, self.limits)
        })
    }

    /// Takes up what earlier attempts have recorded.
    async fn restore(&mut self) -> Result<(), JobError> {
        let records = self.attempt.checkpoints().await?;
        if let Some(smaller) = records.get(SmallerCalls::NAME).and_then(|record| SmallerCalls::read(record)) {
            self.plan_smaller(smaller);
        }
        for (i, part) in self.parts.iter().enumerate() {
            let topic = Some(self.lesson.topic.as_str()).filter(|_| part.topics == Topics::Given);
            let rules = CardRules { topic, ..self.rules(i) };
            let record = records.get(&PartState::name(i, &part.range));
            if let Some(state) = record.and_then(|record| PartState::restore(record, rules, part.enough)) {
                self.states[i] = state;
            }
        }
        // Everything is there and yet it is no result: no attempt that went on with it would change that.
        if self.is_done() && self.merged().is_err() {
            for state in &mut self.states {
                *state = PartState { calls: state.calls, tokens: state.tokens, ..PartState::default() };
            }
        }
        Ok(())
    }

    /// Asks once for a part and records what came of it.
    async fn call(&mut self, part: usize) -> Result<(), JobError> {
        self.calls += 1;
        let id = format!("{}.{}.{}", self.attempt.job_id(), self.attempt.number(), self.calls);
        let request = self.request(part, id);
        let cap = request.max_output_tokens;
        let permit = self.attempt.permit(prompt::call_tokens(&request));
        let answer = match self.model.ask(request, permit).await {
            Ok(answer) => answer,
            Err(NoAnswer { too_large: Some(too_large), error, .. }) => {
                return self.shrink(part, too_large, error).await;
            }
            Err(no_answer) => {
                if let Some(what) = no_answer.cut_off {
                    self.make_room(part, what, cap);
                }
                return Err(self.pay_for_nothing(part, no_answer).await);
            }
        };
        self.spent = self.spent.saturating_add(answer.tokens);

        let mut seen = Seen::of(self.states.iter().flat_map(|state| &state.cards));
        let (cards, problems) = answer::read(&answer.content, self.rules(part), &mut seen);
        let goal = self.goal(part);
        let others = self.states.iter().enumerate().any(|(i, state)| i != part && !state.cards.is_empty());
        let state = &mut self.states[part];
        state.calls += 1;
        state.tokens = state.tokens.saturating_add(answer.tokens);
        let outcome = state.take(cards, &problems, &goal, others);
        if state.short {
            tracing::info!(
                job.id = %self.attempt.job_id(),
                chunk = part,
                cards = state.cards.len(),
                enough = goal.enough,
                problems = %state.problems,
                "Fewer cards than asked for, after a repair"
            );
        }
        let record = state.record();
        let name = PartState::name(part, &self.parts[part].range);
        let recorded = self.attempt.checkpoint(&name, &record, self.progress()).await;
        // The last call needs no record when its result comes right after: that Redis is away must not cost it.
        if !self.is_done() {
            recorded?;
        }
        outcome
    }

    /// The provider accepts only smaller calls: plans the parts again, for this and later attempts. What was made of larger parts
    /// is lost. `error` where a call can't be smaller.
    async fn shrink(&mut self, part: usize, too_large: TooLarge, error: JobError) -> Result<(), JobError> {
        let text = estimate(&self.lesson.content[self.parts[part].range.clone()]);
        let Some(smaller) = SmallerCalls::than(self.limits, text, too_large) else { return Err(error) };
        tracing::info!(
            job.id = %self.attempt.job_id(),
            chunk_tokens = smaller.chunk_tokens,
            max_output_tokens = smaller.max_output_tokens,
            "The provider accepts only smaller calls: the text is cut again"
        );
        self.attempt.checkpoint(SmallerCalls::NAME, &smaller.record(), self.progress()).await?;
        self.plan_smaller(smaller);
        self.check_limits()
    }

    fn plan_smaller(&mut self, smaller: SmallerCalls) {
        self.limits = smaller.within(self.limits);
        self.parts = plan_parts(self.lesson, self.limits);
        self.states = vec![PartState::default(); self.parts.len()];
    }

    /// The answer did not fit: the next call for the part is another one.
    fn make_room(&mut self, part: usize, what: CutOff, cap: u32) {
        let (asked, bound) = (self.question(part).ask().max_cards, self.limits.max_output_tokens);
        let state = &mut self.states[part];
        state.cut_off(what, (cap, bound), asked);
        tracing::info!(
            job.id = %self.attempt.job_id(),
            chunk = part,
            max_output_tokens = cap,
            next_max_output_tokens = state.cap.unwrap_or(cap),
            next_max_cards = state.most_cards.unwrap_or(asked),
            thoughts = what == CutOff::Thoughts,
            "An answer did not fit its cap"
        );
    }

    /// The cap of the next answer for a part: what its cards need, and more where that was too little.
    fn cap(&self, part: usize) -> u32 {
        let Ask { min_cards, max_cards, .. } = self.question(part).ask();
        let needed = self.limits.cap(answer_tokens(min_cards, max_cards, self.lesson));
        needed.max(self.states[part].cap.unwrap_or(0)).min(self.limits.max_output_tokens)
    }

    /// Puts a call on record that cost something and brought nothing.
    async fn pay_for_nothing(&mut self, part: usize, no_answer: NoAnswer) -> JobError {
        let NoAnswer { error, tokens, max_output_tokens, .. } = no_answer;
        if tokens > 0 {
            self.spent = self.spent.saturating_add(tokens);
            let state = &mut self.states[part];
            state.calls += 1;
            state.tokens = state.tokens.saturating_add(tokens);
            let record = state.record();
            let name = PartState::name(part, &self.parts[part].range);
            // Where the record fails, the job still ends as the call did.
            let _ = self.attempt.checkpoint(&name, &record, self.progress()).await;
        }
        match max_output_tokens {
            Some(tokens) => OwnCap::lower(self.attempt, tokens, self.progress()).await.err().unwrap_or(error),
            None => error,
        }
    }

    fn is_done(&self) -> bool {
        self.states.iter().all(|state| state.phase == Phase::Done)
    }

    /// Calls made of calls that are known to be needed, in percent: each call brings it forward, also one that makes
    /// another one needed. 100 is for the queue to say.
    fn progress(&self) -> u8 {
        let made = self.states.iter().fold(0_u32, |sum, state| sum.saturating_add(state.calls));
        let missing = self.states.iter().filter(|state| state.phase != Phase::Done).count();
        let percent = u64::from(made) * 100 / (u64::from(made) + missing as u64).max(1);
        u8::try_from(percent.min(99)).unwrap_or(99)
    }

    /// The call for a part, without what is merely helpful where that would be over the limit.
    fn request(&self, part: usize, id: String) -> ChatRequest {
        let (question, cap) = (self.question(part), self.cap(part));
        let request = question.prompt().request(id, cap);
        if prompt::check_limit(&request, self.limits).is_ok() {
            return request;
        }
        question.bare().request(request.request_id, cap)
    }

    fn question(&self, part: usize) -> Question<'_> {
        Question {
            lesson: self.lesson,
            text: &self.lesson.content[self.parts[part].range.clone()],
            topic: self.rules(part).topic.unwrap_or(&self.lesson.topic),
            goal: self.goal(part),
            state: &self.states[part],
            others: self.states.iter().enumerate().filter(|(i, _)| *i != part).map(|(_, state)| state).collect(),
        }
    }

    fn goal(&self, part: usize) -> Goal {
        let Part { enough, min, max, topics, .. } = self.parts[part];
        let Topics::Find { shared_by } = topics else { return Goal { enough, min, max, find: None } };
        let done = self.states.iter().filter(|state| state.phase == Phase::Done).flat_map(|state| &state.cards);
        let known = done.map(|card| key(&card.topic)).collect();
        let finds = |(part, state): &(&Part, &PartState)| {
            matches!(part.topics, Topics::Find { .. }) && state.phase != Phase::Done
        };
        let finders = self.parts.iter().zip(&self.states).filter(finds).count();
        Goal { enough, min, max, find: None }.with_topics(known, finders, shared_by)
    }

    fn rules(&self, part: usize) -> CardRules<'_> {
        let topic = match self.parts[part].topics {
            Topics::Given => Some(self.lesson.topic.as_str()),
            Topics::Find { .. } => None,
            Topics::Of(first) => self.poorest_topic(first),
        };
        CardRules {
            topic,
            target_language: &self.lesson.target_language,
            native_language: &self.lesson.native_language,
        }
    }

    /// Of the topics that a part found, the one that needs cards most.
    fn poorest_topic(&self, part: usize) -> Option<&str> {
        let all = || self.states.iter().flat_map(|state| &state.cards);
        let size = |topic: &str| all().filter(|card| card.topic == topic).count();
        self.states[part].cards.iter().map(|card| card.topic.as_str()).min_by_key(|topic| size(topic))
    }

    fn merged(&self) -> Result<Vec<Flashcard>, JobError> {
        let parts: Vec<&[Flashcard]> = self.states.iter().map(|state| state.cards.as_slice()).collect();
        merge(&parts, self.lesson.topic == GenerateFlashcards::AI_SELECTION)
    }
}
