//! From any recording to what the speech service takes.

use std::panic;

use super::{
    AudioError, Container, ContentType, Prepared,
    container::after_id3,
    decode::{Source, decode},
    mp4_tables, ogg_opus,
    sink::Sink,
    wav_file, wav_samples,
};

/// Decodes a recording, mixes it to one channel and resamples it to 16 kHz; Opus is only put into a fresh Ogg file, without
/// its tags. It keeps a core busy for some milliseconds, so it is called off the async threads.
///
/// # Errors
///
/// When the recording can't be used.
pub fn prepare(bytes: &[u8]) -> Result<Prepared, AudioError> {
    if bytes.is_empty() {
        return Err(AudioError::Empty);
    }
    let container = Container::of(bytes).ok_or(AudioError::Unknown)?;
    // A decoder that panics on what it did not expect has met a damaged file.
    panic::catch_unwind(|| prepare_as(container, bytes)).unwrap_or(Err(AudioError::Corrupt))
}

fn prepare_as(container: Container, bytes: &[u8]) -> Result<Prepared, AudioError> {
    match container {
        Container::OggOpus => ogg_opus::from_ogg(bytes),
        Container::Mp4 => {
            mp4_tables::check(bytes)?;
            decoded(Source::open(container, bytes)?)
        }
        Container::Wav => {
            let mut sink = Sink::default();
            wav_samples::decode(bytes, &mut sink)?;
            finished(sink)
        }
        // Tags may hold pictures of any size, and nothing that is heard.
        _ => decoded(Source::open(container, after_id3(bytes))?),
    }
}

fn decoded(mut source: Source<'_>) -> Result<Prepared, AudioError> {
    if let Some(head) = source.opus_head() {
        return ogg_opus::from_packets(&head, || Ok(source.next_of_track()?.map(|packet| packet.data)));
    }
    let mut sink = Sink::default();
    decode(source, &mut sink)?;
    finished(sink)
}

fn finished(sink: Sink) -> Result<Prepared, AudioError> {
    let samples = sink.finish()?;
    let duration_ms = wav_file::duration_ms(samples.len());
    Ok(Prepared { bytes: wav_file::file(&samples), content_type: ContentType::Wav, duration_ms })
}
