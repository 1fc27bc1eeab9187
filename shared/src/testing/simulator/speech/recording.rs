//! Whether a recording is what its header says: read here once more, by nothing that made it.

use std::io::Cursor;

use http::{HeaderMap, header::CONTENT_TYPE};
use ogg::PacketReader;

use super::{Refusal, bad};
use crate::audio::ogg_opus::ticks;

const WAV: &str = "audio/wav; codecs=audio/pcm; samplerate=16000";
const OPUS: &str = "audio/ogg; codecs=opus";
const LONGEST_MS: u64 = 30_000;

/// A recording that was understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Recording {
    pub(super) duration_ms: u64,
    /// Nothing but zeroes.
    pub(super) silent: bool,
}

impl Recording {
    pub(super) fn read(headers: &HeaderMap, bytes: &[u8]) -> Result<Self, Refusal> {
        let recording = match headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) {
            Some(WAV) => wav(bytes)?,
            Some(OPUS) => opus(bytes).ok_or(bad("This is no Opus of one channel in Ogg."))?,
            _ => return Err(bad("The Content-Type is not supported.")),
        };
        if recording.duration_ms == 0 {
            return Err(bad("There is no sound."));
        }
        if recording.duration_ms > LONGEST_MS {
            return Err(bad("More than 30 seconds can't be assessed."));
        }
        Ok(recording)
    }
}

/// One channel of 16 kHz, 16 bit, in as many bytes as its header says.
fn wav(bytes: &[u8]) -> Result<Recording, Refusal> {
    let u32_at = |at: usize| bytes.get(at..).and_then(|rest| rest.first_chunk()).map(|word| u32::from_le_bytes(*word));
    let magic = bytes.get(..4) == Some(b"RIFF") && bytes.get(8..16) == Some(b"WAVEfmt ");
    if !magic || u32_at(16) != Some(16) || bytes.get(36..40) != Some(b"data") {
        return Err(bad("This is no WAV file."));
    }
    if bytes.get(20..24) != Some(&[1, 0, 1, 0])
        || u32_at(24) != Some(16_000)
        || bytes.get(32..36) != Some(&[2, 0, 16, 0])
    {
        return Err(bad("This is not PCM of one channel, 16 kHz and 16 bit."));
    }
    let data = &bytes[44..];
    let length = |at: usize| u32_at(at).and_then(|length| usize::try_from(length).ok());
    if length(40) != Some(data.len()) || length(4) != Some(bytes.len() - 8) {
        return Err(bad("The lengths in the header are wrong."));
    }
    Ok(Recording { duration_ms: data.len() as u64 / 32, silent: data.iter().all(|byte| *byte == 0) })
}

fn opus(bytes: &[u8]) -> Option<Recording> {
    let mut packets = PacketReader::new(Cursor::new(bytes));
    let head = packets.read_packet().ok()??.data;
    let one_channel = head.starts_with(b"OpusHead") && head.len() >= 19 && head[9] == 1;
    let tags = packets.read_packet().ok()??;
    if !one_channel || !tags.data.starts_with(b"OpusTags") {
        return None;
    }
    let (mut total, mut ended) = (0, false);
    while let Some(packet) = packets.read_packet().ok()? {
        total += ticks(&packet.data)?;
        ended = packet.last_in_stream();
    }
    let skip = u64::from(u16::from_le_bytes([head[10], head[11]]));
    // The last packet may reach beyond the end by less than its length.
    let heard = total.saturating_sub(skip);
    let heard = if heard < LONGEST_MS * 48 + 5_760 { heard.min(LONGEST_MS * 48) } else { heard };
    ended.then_some(Recording { duration_ms: heard / 48, silent: false })
}
