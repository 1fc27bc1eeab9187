//! Whole recordings.

use super::{
    AAC, AudioError, ContentType, FLAC, FRAGMENTED, HOUR, LIVE, M4A, MP3, OPUS, VORBIS, WEBM, likeness, prepare,
    samples,
};
use crate::audio::Container;

#[test]
fn the_bytes_say_what_it_is() {
    for (bytes, expected) in [
        (FLAC, Container::Flac),
        (M4A, Container::Mp4),
        (FRAGMENTED, Container::Mp4),
        (AAC, Container::Aac),
        (MP3, Container::Mp3),
        (VORBIS, Container::OggVorbis),
        (OPUS, Container::OggOpus),
        (WEBM, Container::WebmOpus),
        (LIVE, Container::WebmOpus),
    ] {
        assert_eq!(Container::of(bytes), Some(expected));
        // The beginning is enough.
        assert_eq!(Container::of(&bytes[..128]), Some(expected));
    }
    for other in
        [&b""[..], b"RIFF\0\0\0\0AVI ", b"\x89PNG\r\n\x1a\n", b"%PDF-1.7", b"OggS", b"\xff\xfb", b"{\"a\":1}", b"ID3"]
    {
        assert_eq!(Container::of(other), None, "{other:?}");
    }
}

#[test]
fn a_tag_before_the_sound_changes_nothing() {
    let tag = [&b"ID3\x04\0\0\0\0\x02\0"[..], &[0xff; 256]].concat();
    for (bytes, container) in [(MP3, Container::Mp3), (AAC, Container::Aac), (FLAC, Container::Flac)] {
        let tagged = [&tag, bytes].concat();
        assert_eq!(Container::of(&tagged), Some(container));
        assert_eq!(prepare(&tagged), prepare(bytes));
    }
    assert_eq!(Container::of(&tag[..100]), Some(Container::Mp3));
    assert!(prepare(&tag[..100]).is_err());
}

#[test]
fn every_codec_gives_the_same_speech() {
    let reference = prepare(FLAC).unwrap();
    let spoken = samples(&reference);
    assert!((1_800..2_500).contains(&reference.duration_ms), "{reference:?}");
    for (name, bytes, least) in [
        ("m4a", M4A, 0.9),
        ("fragmented", FRAGMENTED, 0.9),
        ("aac", AAC, 0.9),
        ("mp3", MP3, 0.9),
        ("vorbis", VORBIS, 0.9),
    ] {
        let prepared = prepare(bytes).unwrap();
        assert!(prepared.duration_ms.abs_diff(reference.duration_ms) < 120, "{name}: {prepared:?} {reference:?}");
        let likeness = likeness(&spoken, &samples(&prepared));
        assert!(likeness > least, "{name}: {likeness}");
    }
}

#[test]
fn opus_goes_on_as_it_is() {
    let reference = prepare(FLAC).unwrap();
    for (name, bytes) in [("ogg", OPUS), ("webm", WEBM), ("live webm", LIVE)] {
        let prepared = prepare(bytes).unwrap();
        assert_eq!(prepared.content_type, ContentType::OggOpus, "{name}");
        assert!(prepared.duration_ms.abs_diff(reference.duration_ms) < 60, "{name}: {prepared:?} {reference:?}");
        assert_eq!(Container::of(&prepared.bytes), Some(Container::OggOpus), "{name}");
        assert!(prepared.bytes.len() < bytes.len() + 1_000, "{name}");
        assert_eq!(prepare(&prepared.bytes).unwrap(), prepared, "{name}: it does not stay what it is");
    }
}

#[test]
fn what_can_not_be_used_is_refused_by_name() {
    assert_eq!(prepare(b""), Err(AudioError::Empty));
    assert_eq!(prepare(b"This is a text."), Err(AudioError::Unknown));
    assert_eq!(prepare(HOUR), Err(AudioError::TooLong));
    // An MP4 that says where its sound lies, and has been cut off.
    assert_eq!(prepare(&M4A[..M4A.len() / 2]), Err(AudioError::Corrupt));
    // AAC Main in place of AAC-LC.
    let mut main = M4A.to_vec();
    let at = main.windows(4).position(|window| window == [5, 0x12, 8, 0x56]).unwrap() + 1;
    main[at] = 0x0a;
    let error = prepare(&main).unwrap_err();
    assert!(matches!(error, AudioError::Unsupported(_)) && error.to_string().contains("AAC-LC"), "{error}");
}
