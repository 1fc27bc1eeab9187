//! The client against the simulator, and against a server that says exactly what a test wants.

mod contract;
mod replies;

use std::time::Duration;

use clap::Parser;

use super::{Azure, AzureError, Heard, Question};
use crate::{
    audio::{ContentType, Prepared, prepare},
    config::AzureConfig,
    http_call::Door,
};

#[derive(Parser)]
struct Settings {
    #[command(flatten)]
    azure: AzureConfig,
}

fn settings(arguments: &[&str]) -> AzureConfig {
    Settings::parse_from([&["test"], arguments].concat()).azure
}

fn client(base: &str, timeout: Duration) -> Azure {
    let config = settings(&["--azure-speech-base-url", base, "--azure-speech-key", "k-secret"]);
    Azure::with_timeout(&config, timeout).unwrap()
}

fn speech() -> Prepared {
    prepare(include_bytes!("../../../../tests/audio/speech.m4a")).unwrap()
}

fn opus() -> Prepared {
    prepare(include_bytes!("../../../../tests/audio/speech.webm")).unwrap()
}

fn question(recording: &Prepared) -> Question<'_> {
    Question {
        request_id: "job-1.1.1",
        recording,
        reference_text: "The quick brown fox jumps, \"über\" 狐狸.",
        language: "en-US",
        prosody: true,
    }
}

/// A door that lets every call go.
fn open() -> Door {
    Box::pin(std::future::ready(Ok(())))
}

/// A call that has all the time in the world.
async fn ask(base: &str, question: &Question<'_>) -> Result<Heard, AzureError> {
    client(base, Duration::from_mins(1)).ask(question, open()).await
}

#[test]
fn the_address_is_that_of_the_region_or_the_one_that_is_set() {
    let base = |arguments: &[&str]| settings(arguments).base_url().map(|url| url.to_string());
    assert_eq!(base(&["--azure-speech-region", "westeurope"]).unwrap(), "https://westeurope.stt.speech.microsoft.com/");
    assert_eq!(base(&["--azure-speech-base-url", "http://[::1]:9/x"]).unwrap(), "http://[::1]:9/x");
    for wrong in [&[][..], &["--azure-speech-region", "evil.example/"], &["--azure-speech-base-url", "ftp://x"]] {
        assert!(base(wrong).unwrap_err().to_string().contains("AZURE_SPEECH_"), "{wrong:?}");
    }
    let recording = Prepared { bytes: bytes::Bytes::new(), content_type: ContentType::Wav, duration_ms: 0 };
    let url = question(&recording).url(&"http://127.0.0.1:9/proxy/".parse().unwrap());
    assert_eq!(
        url.as_str(),
        "http://127.0.0.1:9/proxy/speech/recognition/conversation/cognitiveservices/v1?language=en-US&format=detailed"
    );
}

#[test]
fn a_key_is_needed_anywhere_but_on_this_machine() {
    let valid = |arguments: &[&str]| settings(arguments).validate();
    assert!(valid(&["--azure-speech-region", "westeurope"]).unwrap_err().to_string().contains("AZURE_SPEECH_KEY"));
    assert!(valid(&["--azure-speech-base-url", "https://example.test"]).is_err());
    assert!(valid(&["--azure-speech-region", "westeurope", "--azure-speech-key", "k"]).is_ok());
    for local in ["http://127.0.0.1:3004", "http://localhost:3004", "http://[::1]:3004"] {
        assert_eq!(valid(&["--azure-speech-base-url", local]), Ok(()));
    }
    let broken = settings(&["--azure-speech-region", "x", "--azure-speech-key", "sec\nret"]);
    let told = Azure::new(&broken).unwrap_err().to_string();
    assert!(told.contains("AZURE_SPEECH_KEY") && !told.contains("sec\nret"), "{told}");
}

#[test]
fn nothing_shows_the_key_the_text_or_the_recording() {
    let config = settings(&["--azure-speech-region", "x", "--azure-speech-key", "k-secret"]);
    let recording = speech();
    let shown = format!("{config:?} {:?} {:?}", Azure::new(&config).unwrap(), question(&recording));
    assert!(!shown.contains("secret") && !shown.contains("fox") && shown.len() < 600, "{shown}");
}
