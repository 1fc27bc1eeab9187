//! Against the simulator, which holds a call to the service's contract.

use std::time::Duration;

use super::{AzureError, Heard, Prepared, ask, client, open, opus, question, speech};
use crate::{
    audio::ContentType,
    azure::{Assessment, NoSpeech, Question},
    http_call::Door,
    job::JobError,
    testing::simulator::{ConfigPatch, Fault, RunningSimulator, Simulator, SimulatorConfig},
};

fn start() -> RunningSimulator {
    Simulator::start(SimulatorConfig::default()).unwrap()
}

async fn assessed(simulator: &RunningSimulator, question: &Question<'_>) -> Assessment {
    match ask(&simulator.speech_url(), question).await.unwrap() {
        Heard::Assessed(assessment) => assessment,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn wav_and_opus_are_assessed_always_alike() {
    let simulator = start();
    let (wav, opus) = (speech(), opus());
    let first = assessed(&simulator, &question(&wav)).await;
    let words: Vec<&str> = first.words.iter().map(|word| word.word.as_str()).collect();
    assert_eq!(words, ["the", "quick", "brown", "fox", "jumps", "über", "狐狸"]);
    assert!(first.prosody.is_some() && first.words.iter().all(|word| !word.phonemes.is_empty()));
    let second = assessed(&simulator, &question(&opus)).await;
    assert_eq!((first.accuracy, first.pronunciation), (second.accuracy, second.pronunciation));
    assert!(assessed(&simulator, &Question { prosody: false, ..question(&wav) }).await.prosody.is_none());
    let stats = simulator.speech_stats();
    assert_eq!((stats.calls, stats.answered, stats.distinct, stats.max_repeats), (3, 3, 2, 2));
    assert_eq!(simulator.calls_of("job-1").len(), 3, "the log names the job");
}

#[tokio::test]
async fn what_breaks_the_contract_is_rejected() {
    let simulator = start();
    let good = speech();
    let with = |bytes: Vec<u8>| Prepared { bytes: bytes.into(), ..good.clone() };
    let changed = |at: usize, byte: u8| {
        let mut bytes = good.bytes.to_vec();
        bytes[at] = byte;
        with(bytes)
    };
    for (name, recording) in [
        ("stereo", changed(22, 2)),
        ("8 kHz", changed(25, 0x1f)),
        ("8 bit", changed(34, 8)),
        ("a wrong length", changed(41, 0)),
        ("no WAV", changed(0, b'L')),
        ("a part", with(good.bytes[..10_000].to_vec())),
        ("WAV said to be Opus", Prepared { content_type: ContentType::OggOpus, ..good.clone() }),
        ("Opus said to be WAV", Prepared { content_type: ContentType::Wav, ..opus() }),
        ("damaged Opus", Prepared { bytes: opus().bytes.slice(..4_000), ..opus() }),
        ("nothing", with(Vec::new())),
    ] {
        let error = ask(&simulator.speech_url(), &question(&recording)).await.unwrap_err();
        assert!(matches!(error, AzureError::Rejected { status: 400 }), "{name}: {error}");
    }
    for wrong in [
        Question { language: "english", ..question(&good) },
        Question { language: "", ..question(&good) },
        Question { reference_text: " ", ..question(&good) },
    ] {
        let error = ask(&simulator.speech_url(), &wrong).await.unwrap_err();
        assert!(matches!(error, AzureError::Rejected { status: 400 }), "{wrong:?}: {error}");
    }
    assert_eq!(simulator.speech_stats().answered, 0);
}

#[tokio::test]
async fn every_fault_comes_out_under_its_name() {
    let simulator = start();
    let recording = speech();
    let after = async |fault: Fault| {
        simulator.fail_next(fault, 1);
        ask(&simulator.speech_url(), &question(&recording)).await
    };
    assert!(matches!(after(Fault::RateLimit).await, Err(AzureError::RateLimited { retry_after: Some(_) })));
    assert!(matches!(after(Fault::Unauthorized).await, Err(AzureError::KeyRejected { status: 401 })));
    assert!(matches!(after(Fault::Forbidden).await, Err(AzureError::KeyRejected { status: 403 })));
    assert!(matches!(after(Fault::BadRequest).await, Err(AzureError::Rejected { status: 400 })));
    assert!(matches!(after(Fault::ServerError).await, Err(AzureError::Server { status: 500, .. })));
    assert!(matches!(after(Fault::Unavailable).await, Err(AzureError::Server { status: 503, .. })));
    assert!(matches!(after(Fault::HtmlError).await, Err(AzureError::Server { status: 502, .. })));
    assert!(matches!(after(Fault::MalformedBody).await, Err(AzureError::Malformed { .. })));
    assert!(matches!(after(Fault::Drop).await, Err(AzureError::Connection { .. })));
    assert!(matches!(after(Fault::RecognitionError).await, Err(AzureError::RecognitionFailed)));
    assert!(matches!(after(Fault::NoMatch).await, Ok(Heard::NoSpeech { why: NoSpeech::NoMatch })));
    assert_eq!(simulator.speech_stats().calls, 11, "one call is one request");

    simulator.fail_next(Fault::Stall, 1);
    let impatient = client(&simulator.speech_url(), Duration::from_secs(1));
    let error = impatient.ask(&question(&recording), open()).await.unwrap_err();
    assert!(matches!(error, AzureError::Timeout { .. }), "{error}");
}

#[tokio::test]
async fn silence_is_not_heard() {
    let mut bytes = speech().bytes.to_vec();
    bytes[44..].fill(0);
    let silence = Prepared { bytes: bytes.into(), ..speech() };
    let heard = ask(&start().speech_url(), &question(&silence)).await.unwrap();
    assert_eq!(heard, Heard::NoSpeech { why: NoSpeech::InitialSilence });
}

#[tokio::test]
async fn the_ceiling_is_exact_and_the_peak_is_kept() {
    let simulator = start();
    simulator.configure(&ConfigPatch { speech_max_concurrent: Some(2), ..ConfigPatch::default() });
    simulator.hold();
    let recording = speech();
    let call = || async { ask(&simulator.speech_url(), &question(&recording)).await };
    let late = async {
        simulator.wait_for_calls(2).await;
        let third = call().await;
        simulator.release();
        third
    };
    let (first, second, third) = tokio::join!(call(), call(), late);
    assert!(first.is_ok() && second.is_ok());
    assert!(matches!(third, Err(AzureError::RateLimited { .. })), "{third:?}");
    let stats = simulator.speech_stats();
    assert_eq!((stats.calls, stats.max_in_flight, stats.above_ceiling, stats.answered), (3, 3, 1, 2));
    assert!(call().await.is_ok(), "places are given back");
    simulator.clear_speech();
    assert_eq!(simulator.speech_stats().calls, 0);
}

#[tokio::test]
async fn a_call_that_is_not_let_go_is_not_sent() {
    let simulator = start();
    let recording = speech();
    let closed: Door = Box::pin(async {
        // Not ready at once, as a question to Redis is not.
        tokio::task::yield_now().await;
        Err(JobError::snooze(Duration::ZERO, "awaiting_permit", "It waits"))
    });
    let client = client(&simulator.speech_url(), Duration::from_mins(1));
    let error = client.ask(&question(&recording), closed).await.unwrap_err();
    assert!(matches!(&error, AzureError::NotLetGo { source } if source.code() == "awaiting_permit"), "{error:?}");
    assert_eq!(simulator.speech_stats().calls, 0);
}
