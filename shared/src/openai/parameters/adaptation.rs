//! What the next call does in place of one that was refused.

use super::{CallParameters, Effort, Learned, Parameter, Refusal, learned::CAP_REFUSED};

/// Tokens that the smallest set of cards needs: ten cards of sixty. No smaller cap is learned.
const CAP_MIN: u32 = 600;

/// What a refusal leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::openai) enum Next {
    /// Every call of the fleet sends this parameter with another value or name, or not at all.
    Change {
        parameter: Parameter,
        /// Its field in Redis.
        field: String,
    },
    /// The cap was refused without a stated maximum: noted, and this job asks for less.
    Note {
        /// Field and value of the note.
        note: (&'static str, String),
        max_output_tokens: u32,
    },
    /// This job alone asks for at most this many output tokens; it teaches the others nothing.
    OwnCap(u32),
    /// Nothing is left to try.
    Nothing,
}

/// Decides on a refusal of a call with `sent`, a cap of `cap` and a prompt of `prompt_tokens`, where
/// `learned` is what the fleet knows now.
pub(in crate::openai) fn next(
    refusal: &Refusal,
    sent: &CallParameters,
    (cap, prompt_tokens): (u32, u32),
    learned: &Learned,
) -> Next {
    let change =
        |parameter, field: Option<String>| field.map_or(Next::Nothing, |field| Next::Change { parameter, field });
    match refusal {
        Refusal::Unsupported(Parameter::CapName | Parameter::Cap) => {
            let renamed = learned.value(Parameter::CapName).is_some();
            let field = match sent.cap_name {
                Some(name) if !renamed => learned.changed(Parameter::CapName, name.other().as_str()),
                _ => learned.dropped(Parameter::CapName),
            };
            change(Parameter::CapName, field)
        }
        Refusal::Unsupported(parameter) => change(*parameter, learned.dropped(*parameter)),
        Refusal::EffortValue(accepted) => {
            let field = match next_effort(sent.effort, accepted) {
                Some(effort) => learned.changed(Parameter::Effort, effort.as_str()),
                None => learned.dropped(Parameter::Effort),
            };
            change(Parameter::Effort, field)
        }
        Refusal::CapTooLarge { maximum: Some(maximum) } if *maximum >= CAP_MIN => {
            change(Parameter::Cap, learned.changed(Parameter::Cap, &maximum.to_string()))
        }
        Refusal::CapTooLarge { maximum: None } => match smaller(cap) {
            None => Next::Nothing,
            // Another prompt was refused alike: it is not the text.
            Some(half) if learned.cap_refused().is_some_and(|other| other != prompt_tokens) => {
                change(Parameter::Cap, learned.changed(Parameter::Cap, &half.to_string()))
            }
            Some(half) => Next::Note { note: (CAP_REFUSED, prompt_tokens.to_string()), max_output_tokens: half },
        },
        Refusal::CapExceedsContext { room: Some(room) } if *room >= CAP_MIN => Next::OwnCap(*room),
        Refusal::CapTooLarge { .. } | Refusal::CapExceedsContext { .. } => Next::Nothing,
    }
}

fn smaller(cap: u32) -> Option<u32> {
    (cap > CAP_MIN).then(|| (cap / 2).max(CAP_MIN))
}

/// The next effort after one that was refused: the lowest of those that the message lists, else none,
/// minimal, low.
fn next_effort(refused: Option<Effort>, accepted: &[Effort]) -> Option<Effort> {
    let refused = refused?;
    if let Some(lowest) = accepted.iter().copied().filter(|effort| *effort != refused).min() {
        return Some(lowest);
    }
    match refused {
        Effort::None => Some(Effort::Minimal),
        Effort::Minimal => Some(Effort::Low),
        Effort::Low | Effort::Medium | Effort::High => None,
    }
}
