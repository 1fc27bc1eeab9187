//! What container a recording is in, told by its bytes.

/// A container that recordings come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Container {
    /// RIFF/WAVE.
    Wav,
    /// MP4, M4A, 3GP: what phones write.
    Mp4,
    /// A bare stream of AAC frames (ADTS).
    Aac,
    /// MPEG audio layer 3.
    Mp3,
    /// FLAC.
    Flac,
    /// Vorbis in Ogg.
    OggVorbis,
    /// Opus in Ogg.
    OggOpus,
    /// WebM or Matroska: what browsers write.
    WebmOpus,
}

impl Container {
    /// The container of a recording, by its first bytes: what is declared elsewhere does not count, nor do the file's size
    /// and end. `None` for what is none of them.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let tagged = bytes.starts_with(b"ID3");
        let bytes = after_id3(bytes);
        if tagged && bytes.is_empty() {
            // The tag, which can hold a picture, is longer than what is known of the file: nearly always it is an MP3's.
            return Some(Self::Mp3);
        }
        let at = |offset: usize, magic: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(magic));
        if at(0, b"RIFF") && at(8, b"WAVE") {
            Some(Self::Wav)
        } else if at(4, b"ftyp") {
            Some(Self::Mp4)
        } else if at(0, b"fLaC") {
            Some(Self::Flac)
        } else if at(0, b"OggS") {
            let packet = first_ogg_packet(bytes);
            if packet.starts_with(b"OpusHead") {
                Some(Self::OggOpus)
            } else {
                packet.starts_with(b"\x01vorbis").then_some(Self::OggVorbis)
            }
        } else if at(0, b"\x1a\x45\xdf\xa3") {
            Some(Self::WebmOpus)
        } else {
            mpeg_frame(bytes)
        }
    }

    /// Its name, for people and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Mp4 => "mp4",
            Self::Aac => "aac",
            Self::Mp3 => "mp3",
            Self::Flac => "flac",
            Self::OggVorbis => "ogg_vorbis",
            Self::OggOpus => "ogg_opus",
            Self::WebmOpus => "webm_opus",
        }
    }
}

/// What follows the ID3v2 tags, which may stand before MP3, AAC and FLAC; all of it where there are none.
/// <https://id3.org/id3v2.4.0-structure>
pub(super) fn after_id3(mut bytes: &[u8]) -> &[u8] {
    while let [b'I', b'D', b'3', _, _, flags, s0, s1, s2, s3, ..] = *bytes {
        if (s0 | s1 | s2 | s3) & 0x80 != 0 {
            break;
        }
        let length = [s0, s1, s2, s3].iter().fold(0, |sum, byte| (sum << 7) | usize::from(*byte));
        let footer = if flags & 0x10 != 0 { 10 } else { 0 };
        bytes = bytes.get(10 + length + footer..).unwrap_or_default();
    }
    bytes
}

/// The first packet of an Ogg stream, as far as its first page goes. <https://www.rfc-editor.org/rfc/rfc3533#section-6>
fn first_ogg_packet(bytes: &[u8]) -> &[u8] {
    let Some(segments) = bytes.get(26) else { return &[] };
    bytes.get(27 + usize::from(*segments)..).unwrap_or_default()
}

/// MP3 or ADTS by a whole header of a frame; a second frame has to follow where the file is long enough to hold it.
fn mpeg_frame(bytes: &[u8]) -> Option<Container> {
    let (container, length) = frame(bytes)?;
    match bytes.get(length..) {
        Some(rest) if rest.len() >= 7 => frame(rest).and_then(|(next, _)| (next == container).then_some(container)),
        _ => Some(container),
    }
}

/// What a frame at the very beginning belongs to, and how long it is.
fn frame(bytes: &[u8]) -> Option<(Container, usize)> {
    let [0xff, b1, b2, b3, b4, b5, ..] = *bytes else { return None };
    if b1 & 0xf6 == 0xf0 {
        let length = (usize::from(b3 & 3) << 11) | (usize::from(b4) << 3) | usize::from(b5 >> 5);
        return (b2 >> 2 & 15 < 13 && length >= 7).then_some((Container::Aac, length));
    }
    if b1 & 0xe6 != 0xe2 {
        return None;
    }
    // Layer III; versions 2.5, (reserved), 2 and 1.
    let version = b1 >> 3 & 3;
    let kbit = match version {
        1 => return None,
        3 => [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0],
        _ => [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0],
    }[usize::from(b2 >> 4)];
    let rate = [44_100, 48_000, 32_000, 0][usize::from(b2 >> 2 & 3)] >> [2, 0, 1, 0][usize::from(version)];
    if kbit == 0 || rate == 0 {
        return None;
    }
    let samples = if version == 3 { 144_000 } else { 72_000 };
    Some((Container::Mp3, samples * kbit / rate + usize::from(b2 >> 1 & 1)))
}
