//! Opus on its way to the speech service: its packets go on untouched, in a fresh Ogg file.
//!
//! Nothing is decoded, so nothing is lost and next to nothing is computed. The file is written anew all the same: what else
//! the old one held (tags, pictures, other streams) stays here, and a stereo stream is marked to be played as mono, which
//! every decoder of Opus can do. <https://www.rfc-editor.org/rfc/rfc7845>

use std::io::Cursor;

use ogg::{OggReadError, PacketReader, PacketWriteEndInfo, PacketWriter};

use super::{AudioError, ContentType, MAX_SECONDS, Prepared};

/// Opus counts time in these, whatever it was recorded at.
const TICKS_PER_SECOND: u64 = 48_000;
const LONGEST: u64 = TICKS_PER_SECOND * MAX_SECONDS as u64;
const TOLERANCE: u64 = TICKS_PER_SECOND / 2;
const SHORTEST: u64 = TICKS_PER_SECOND / 10;
/// The longest packet: 120 ms. <https://www.rfc-editor.org/rfc/rfc6716#section-3>
const PACKET_TICKS: u64 = 5_760;
const PACKET_BYTES: usize = 61_440;
/// A second, so that a listener gets sound early.
const PAGE_TICKS: u64 = TICKS_PER_SECOND;
/// Any number will do for the only stream of a file.
const SERIAL: u32 = 1;

/// The beginning of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    channels: u8,
    /// Ticks at the beginning that are not to be heard.
    skip: u16,
    rate: u32,
    gain: i16,
}

impl Head {
    fn read(bytes: &[u8]) -> Result<Self, AudioError> {
        let rest = bytes.strip_prefix(b"OpusHead").ok_or(AudioError::Corrupt)?;
        let [version, channels, s0, s1, r0, r1, r2, r3, g0, g1, family, ..] = *rest else {
            return Err(AudioError::Corrupt);
        };
        if version > 15 || channels == 0 {
            return Err(AudioError::Corrupt);
        }
        if family > 1 || channels > 2 {
            return Err(AudioError::Unsupported("Opus of more than two channels"));
        }
        Ok(Self {
            channels,
            skip: u16::from_le_bytes([s0, s1]),
            rate: u32::from_le_bytes([r0, r1, r2, r3]),
            gain: i16::from_le_bytes([g0, g1]),
        })
    }

    /// As one channel.
    fn mono(self) -> Vec<u8> {
        let mut bytes = b"OpusHead\x01\x01".to_vec();
        bytes.extend(self.skip.to_le_bytes());
        bytes.extend(self.rate.to_le_bytes());
        bytes.extend(self.gain.to_le_bytes());
        bytes.push(0);
        bytes
    }
}

/// An Ogg file's stream of Opus, whose pages have been checked by their sums.
pub(super) fn from_ogg(bytes: &[u8]) -> Result<Prepared, AudioError> {
    let mut packets = PacketReader::new(Cursor::new(bytes));
    let damaged = |_: OggReadError| AudioError::Corrupt;
    let head = packets.read_packet().map_err(damaged)?.ok_or(AudioError::Corrupt)?;
    let serial = head.stream_serial();
    let tags = packets.read_packet().map_err(damaged)?.ok_or(AudioError::Empty)?;
    if !tags.data.starts_with(b"OpusTags") {
        return Err(AudioError::Corrupt);
    }
    from_packets(&head.data, || match packets.read_packet().map_err(damaged)? {
        Some(packet) if packet.stream_serial() != serial => Err(AudioError::Unsupported("several streams in one file")),
        packet => Ok(packet.map(|packet| packet.data.into_boxed_slice())),
    })
}

/// A stream of Opus from any container.
pub(super) fn from_packets(
    head: &[u8],
    mut next: impl FnMut() -> Result<Option<Box<[u8]>>, AudioError>,
) -> Result<Prepared, AudioError> {
    let head = Head::read(head)?;
    let (mut packets, mut total) = (Vec::new(), 0);
    while let Some(packet) = next()? {
        let ticks = ticks(&packet).ok_or(AudioError::Corrupt)?;
        total += ticks;
        if total > LONGEST + TOLERANCE + u64::from(head.skip) {
            return Err(AudioError::TooLong);
        }
        packets.push((packet, ticks));
    }
    let heard = total.saturating_sub(head.skip.into()).min(LONGEST);
    if heard < SHORTEST {
        return Err(AudioError::Empty);
    }
    let end = heard + u64::from(head.skip);
    let file = write(head, &packets, end).map_err(|_| AudioError::Corrupt)?;
    Ok(Prepared {
        bytes: file.into(),
        content_type: ContentType::OggOpus,
        duration_ms: u32::try_from(heard * 1_000 / TICKS_PER_SECOND).unwrap_or(u32::MAX),
    })
}

/// What is after `end` is left out.
fn write(head: Head, packets: &[(Box<[u8]>, u64)], end: u64) -> std::io::Result<Vec<u8>> {
    let mut writer = PacketWriter::new(Vec::new());
    writer.write_packet(head.mono(), SERIAL, PacketWriteEndInfo::EndPage, 0)?;
    let tags: &[u8] = b"OpusTags\x08\0\0\0unilingo\0\0\0\0";
    writer.write_packet(tags, SERIAL, PacketWriteEndInfo::EndPage, 0)?;
    let (mut now, mut page) = (0, 0);
    for (packet, ticks) in packets {
        now += ticks;
        page += ticks;
        let info = if now >= end {
            PacketWriteEndInfo::EndStream
        } else if page >= PAGE_TICKS {
            page = 0;
            PacketWriteEndInfo::EndPage
        } else {
            PacketWriteEndInfo::NormalPacket
        };
        writer.write_packet(&**packet, SERIAL, info, now.min(end))?;
        if now >= end {
            break;
        }
    }
    Ok(writer.into_inner())
}

/// How long a packet is, by its first byte or two; `None` for what is no packet.
/// <https://www.rfc-editor.org/rfc/rfc6716#section-3.1>
pub(crate) fn ticks(packet: &[u8]) -> Option<u64> {
    let (&toc, rest) = packet.split_first()?;
    let frame = match toc >> 3 {
        config @ 0..12 => [480, 960, 1_920, 2_880][usize::from(config & 3)],
        config @ 12..16 => [480, 960][usize::from(config & 1)],
        config => [120, 240, 480, 960][usize::from(config & 3)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u64::from(rest.first()? & 63),
    };
    let ticks = frame * frames;
    (packet.len() <= PACKET_BYTES && (1..=PACKET_TICKS).contains(&ticks)).then_some(ticks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(channels: u8) -> Vec<u8> {
        let mut head = b"OpusHead\x01".to_vec();
        head.extend([channels, 0x38, 1, 0x80, 0xbb, 0, 0, 0, 0, 0]);
        head
    }

    fn prepared(head: &[u8], packets: usize) -> Result<Prepared, AudioError> {
        // 20 ms each, of CELT.
        let mut left = vec![Box::from([0xfc, 0xff, 0xfe]); packets];
        from_packets(head, || Ok(left.pop()))
    }

    #[test]
    fn lengths_of_packets() {
        for (packet, expected) in [
            (&[0xfc, 0][..], Some(960)),
            (&[0x00], Some(480)),
            (&[0x18], Some(2_880)),
            (&[0x19], Some(5_760)),
            (&[0x80], Some(120)),
            (&[0xff, 3], Some(2_880)),
            (&[0xff, 0], None),
            (&[0xff, 63], None),
            (&[0xff], None),
            (&[], None),
        ] {
            assert_eq!(ticks(packet), expected, "{packet:?}");
        }
    }

    #[test]
    fn stereo_becomes_mono_and_the_packets_stay() {
        for channels in [1, 2] {
            let made = prepared(&head(channels), 100).unwrap();
            assert_eq!((made.content_type, made.duration_ms), (ContentType::OggOpus, 1_993));
            let mut reader = PacketReader::new(Cursor::new(&made.bytes));
            assert_eq!(reader.read_packet().unwrap().unwrap().data[9], 1);
            assert!(reader.read_packet().unwrap().unwrap().data.starts_with(b"OpusTags"));
            let mut count = 0;
            while let Some(packet) = reader.read_packet().unwrap() {
                assert_eq!(packet.data, [0xfc, 0xff, 0xfe]);
                count += 1;
                assert_eq!(packet.last_in_stream(), count == 100);
            }
            assert_eq!(count, 100);
            // What was made is taken once more, and stays what it is.
            assert_eq!(from_ogg(&made.bytes).unwrap(), made);
        }
    }

    #[test]
    fn length_is_what_the_packets_hold() {
        assert_eq!(prepared(&head(1), 0), Err(AudioError::Empty));
        assert_eq!(prepared(&head(1), 3), Err(AudioError::Empty));
        assert_eq!(prepared(&head(1), 1_520).unwrap().duration_ms, 30_000);
        assert_eq!(prepared(&head(1), 1_527), Err(AudioError::TooLong));
    }

    #[test]
    fn heads_that_can_not_be_used() {
        assert_eq!(prepared(&head(0), 50), Err(AudioError::Corrupt));
        assert_eq!(prepared(&head(2)[..18], 50), Err(AudioError::Corrupt));
        assert_eq!(prepared(b"", 50), Err(AudioError::Corrupt));
        assert!(matches!(prepared(&head(6), 50), Err(AudioError::Unsupported(_))));
    }
}
