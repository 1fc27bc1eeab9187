//! What `lab dev` says about itself.

use std::{fmt::Write, path::Path, time::Duration};
use unilingo::output::plain;

use super::{DevArgs, client::Cards, launch::Addresses, lesson::Lesson};

/// What is about to happen.
pub(super) fn start(args: &DevArgs, logs: &Path) -> String {
    let simulator = if args.simulated() { " and a simulator of OpenAI" } else { "" };
    format!("Starting Redis, the api, {} worker(s){simulator}. Logs: {}", args.workers, logs.display())
}

/// Where the cards come from.
pub(super) fn upstream(args: &DevArgs, addresses: &Addresses) -> String {
    match &addresses.simulator {
        Some(_) => "The cards are SIMULATED: a stand-in answers in place of OpenAI, and nothing is paid for.\n\
                    Set OPENAI_API_KEY, or OPENAI_BASE_URL for any compatible server, here or in .env for real ones."
            .to_owned(),
        None if args.openai_base_url.is_empty() => "The cards come from OpenAI, with your key.".to_owned(),
        None => format!("The cards come from {}.", args.openai_base_url),
    }
}

/// What is asked for.
pub(super) fn lesson(lesson: &Lesson) -> String {
    let words = lesson.content.split_whitespace().count();
    let Lesson { topic, target_language, native_language, .. } = lesson;
    format!(
        "\nMaking flashcards of “{}” ({words} words, {target_language} for {native_language} speakers)",
        plain(topic)
    )
}

/// What came of it.
pub(super) fn result(cards: &Cards, took: Duration) -> String {
    let (count, tokens) = (cards.flashcards.len(), cards.token_usage);
    format!("{count} cards, {tokens} tokens, {:.2} s\n", took.as_secs_f64())
}

/// Where everything is, and how to ask for more.
pub(super) fn addresses(addresses: &Addresses, logs: &Path) -> String {
    let Addresses { api, workers, simulator, redis } = addresses;
    let mut text = format!("Everything is up. Ctrl-C stops it.\n\n  api        {api}\n  health     {api}/api/health\n");
    // Writing to a string does not fail.
    for worker in workers {
        let _ = writeln!(text, "  worker     {worker}/api/health");
    }
    if let Some(simulator) = simulator {
        let _ = writeln!(text, "  simulator  {simulator}/_sim/stats (steered at /_sim/config and /_sim/faults)");
    }
    let _ = writeln!(text, "  Redis      {redis}");
    let _ = writeln!(text, "  logs       {}", logs.display());
    let _ = write!(text, "\nCards of a text of your own:\n\n{}\n", curl(api));
    text
}

/// The legacy path: it holds the request until the cards are there, so one line shows them.
fn curl(api: &str) -> String {
    let body = r#"{"userId":"me","content":"The root takes in water. Leaves use sunlight to make glucose from water and carbon dioxide.","subject":"Biology","topic":"Photosynthesis","nativeLanguage":"German","targetLanguage":"English"}"#;
    format!("curl -sS {api}/api/ai/generate-flashcards -H 'content-type: application/json' -d '{body}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curl_line_survives_a_shell() {
        let line = curl("http://127.0.0.1:3001");
        let (_, quoted) = line.split_once("-d '").unwrap();
        let body = quoted.strip_suffix('\'').unwrap();
        assert!(!body.contains('\''));
        assert!(serde_json::from_str::<serde_json::Value>(body).unwrap().is_object());
    }
}
