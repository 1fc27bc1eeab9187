//! Demuxing and decoding, with symphonia.
//!
//! Every loop here has a bound of its own: a file of a few bytes can claim any number of packets, tracks and channels.

use std::io::Cursor;

use symphonia::{
    core::{
        codecs::{
            CodecParameters,
            audio::{AudioCodecParameters, AudioDecoderOptions, well_known as codec},
        },
        errors::Error,
        formats::{FormatOptions, FormatReader, TrackType},
        io::{MediaSource, MediaSourceStream, ReadOnlySource},
        packet::Packet,
    },
    default::{formats, get_codecs},
};

use super::{
    AudioError, Container,
    sink::{Shape, Sink},
};

/// Most packets of one file: half a minute of FLAC's shortest blocks at its highest rate is 360,000.
const PACKETS: usize = 400_000;
/// Packets that may be damaged, beside one of 20: an MP3 that was cut out of another begins with two.
const SPARE: usize = 2;
/// After so many damaged packets the rest is not tried.
const HOPELESS: usize = 1_000;

/// One track of an open file.
pub(super) struct Source<'a> {
    reader: Box<dyn FormatReader + 'a>,
    track: u32,
    params: AudioCodecParameters,
    container: Container,
    left: usize,
}

impl<'a> Source<'a> {
    /// Opens a file at its first track of sound.
    pub(super) fn open(container: Container, bytes: &'a [u8]) -> Result<Self, AudioError> {
        let options = FormatOptions::default();
        let stream = |source: Box<dyn MediaSource + 'a>| MediaSourceStream::new(source, Default::default());
        // What can't be sought in is read once, from its beginning to its end, wherever the file says that there is more.
        let once = || stream(Box::new(ReadOnlySource::new(Cursor::new(bytes))));
        let opened: Result<Box<dyn FormatReader + 'a>, Error> = match container {
            Container::Wav => return Err(AudioError::Unknown),
            Container::Mp3 => formats::MpaReader::try_new(once(), options).map(boxed),
            Container::Aac => formats::AdtsReader::try_new(once(), options).map(boxed),
            Container::Flac => formats::FlacReader::try_new(once(), options).map(boxed),
            Container::WebmOpus => formats::MkvReader::try_new(once(), options).map(boxed),
            Container::OggVorbis | Container::OggOpus => formats::OggReader::try_new(once(), options).map(boxed),
            // Its index often stands at the end.
            Container::Mp4 => formats::IsoMp4Reader::try_new(stream(Box::new(Cursor::new(bytes))), options).map(boxed),
        };
        let reader = opened.map_err(|_| AudioError::Corrupt)?;
        let track = reader.first_track_known_codec(TrackType::Audio).or_else(|| reader.first_track(TrackType::Audio));
        let Some((track, Some(CodecParameters::Audio(params)))) =
            track.map(|track| (track.id, track.codec_params.clone()))
        else {
            return Err(AudioError::Unsupported(UNKNOWN));
        };
        Ok(Self { reader, track, params, container, left: PACKETS })
    }

    /// The header of a track of Opus.
    pub(super) fn opus_head(&self) -> Option<Box<[u8]>> {
        (self.params.codec == codec::CODEC_ID_OPUS).then(|| self.params.extra_data.clone().unwrap_or_default())
    }

    /// The next packet of the track; `None` at the end.
    pub(super) fn next_of_track(&mut self) -> Result<Option<Packet>, AudioError> {
        while self.left > 0 {
            self.left -= 1;
            match self.reader.next_packet() {
                Ok(Some(packet)) if packet.track_id == self.track => return Ok(Some(packet)),
                Ok(Some(_)) => {}
                Ok(None) => return Ok(None),
                // An MP4 says beforehand where its packets lie. Others are written as they are recorded, and end where they
                // end.
                Err(Error::IoError(_)) if self.container != Container::Mp4 => return Ok(None),
                Err(_) => return Err(AudioError::Corrupt),
            }
        }
        Err(AudioError::Corrupt)
    }
}

fn boxed<'a>(reader: impl FormatReader + 'a) -> Box<dyn FormatReader + 'a> {
    Box::new(reader)
}

const UNKNOWN: &str = "something unknown";

/// The codec's name, for people.
fn name(params: &AudioCodecParameters) -> &'static str {
    match params.codec {
        // What symphonia decodes of AAC is AAC-LC.
        codec::CODEC_ID_AAC => "HE-AAC, or AAC of more than two channels",
        codec::CODEC_ID_ALAC => "Apple Lossless",
        _ => UNKNOWN,
    }
}

/// Decodes the whole track into the sink.
pub(super) fn decode(mut source: Source<'_>, sink: &mut Sink) -> Result<(), AudioError> {
    let params = source.params.clone();
    // Before a decoder makes room for them.
    if let (Some(rate), Some(channels)) = (params.sample_rate, &params.channels) {
        Shape { rate, channels: channels.count() }.check()?;
    }
    let unsupported = |error: Error| match error {
        Error::Unsupported(_) => AudioError::Unsupported(name(&params)),
        _ => AudioError::Corrupt,
    };
    let mut decoder = get_codecs().make_audio_decoder(&params, &AudioDecoderOptions::default()).map_err(unsupported)?;
    let (mut good, mut bad, mut frames) = (0, 0, Vec::new());
    while let Some(packet) = source.next_of_track()? {
        match decoder.decode(&packet) {
            Ok(buffer) => {
                good += 1;
                if buffer.frames() > 0 {
                    let shape = Shape { rate: buffer.spec().rate(), channels: buffer.spec().channels().count() };
                    buffer.copy_to_vec_interleaved(&mut frames);
                    sink.push(shape, &frames)?;
                }
            }
            Err(Error::Unsupported(_)) if good == 0 => return Err(AudioError::Unsupported(name(&params))),
            Err(_) => bad += 1,
        }
        if bad > HOPELESS {
            return Err(AudioError::Corrupt);
        }
    }
    if bad > SPARE + good / 20 { Err(AudioError::Corrupt) } else { Ok(()) }
}
