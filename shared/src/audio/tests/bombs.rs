//! Files that claim, or hold, far more than their size.

use ogg::{PacketReader, PacketWriteEndInfo, PacketWriter};

use super::{AudioError, HOUR, M4A, VORBIS, damaged::Watch, prepare};

/// An Ogg file of these packets, 50 to a page.
fn ogg<'a>(heads: &[&'a [u8]], packets: impl ExactSizeIterator<Item = &'a [u8]>, ticks: u64) -> Vec<u8> {
    let mut writer = PacketWriter::new(Vec::new());
    for head in heads {
        writer.write_packet(*head, 7, PacketWriteEndInfo::EndPage, 0).unwrap();
    }
    let count = packets.len();
    for (at, packet) in packets.enumerate() {
        let info = match at + 1 {
            last if last == count => PacketWriteEndInfo::EndStream,
            number if number % 50 == 0 => PacketWriteEndInfo::EndPage,
            _ => PacketWriteEndInfo::NormalPacket,
        };
        writer.write_packet(packet, 7, info, (at as u64 + 1) * ticks).unwrap();
    }
    writer.into_inner()
}

#[test]
fn hours_of_silence_end_after_half_a_minute() {
    let mut watch = Watch::start();
    assert_eq!(watch.over(|| prepare(HOUR)), Err(AudioError::TooLong));
    // A quarter of an hour of Vorbis: the quietest packet of a real file again and again.
    let mut reader = PacketReader::new(std::io::Cursor::new(VORBIS));
    let packets: Vec<Vec<u8>> =
        std::iter::from_fn(|| reader.read_packet().unwrap()).map(|packet| packet.data).collect();
    let quiet = packets[3..].iter().min_by_key(|packet| packet.len()).unwrap();
    let heads: Vec<&[u8]> = packets[..3].iter().map(Vec::as_slice).collect();
    let vorbis = ogg(&heads, vec![quiet.as_slice(); 100_000].into_iter(), 1_024);
    assert!(matches!(watch.over(|| prepare(&vorbis)), Err(AudioError::TooLong | AudioError::Silent)));
    // Two hours of Opus, of a byte for each 60 ms.
    let head = b"OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0";
    let opus = ogg(&[head, b"OpusTags\0\0\0\0\0\0\0\0"], vec![&[0x18][..]; 120_000].into_iter(), 2_880);
    assert_eq!(watch.over(|| prepare(&opus)), Err(AudioError::TooLong));
}

#[test]
fn tables_of_an_mp4_are_not_believed() {
    let mut watch = Watch::start();
    for kind in [b"stsz", b"stts", b"stsc", b"stco"] {
        let mut bytes = M4A.to_vec();
        let at = bytes.windows(4).position(|window| window == kind).unwrap() + if kind == b"stsz" { 12 } else { 8 };
        bytes[at..at + 4].copy_from_slice(&u32::MAX.to_be_bytes());
        assert_eq!(watch.over(|| prepare(&bytes)), Err(AudioError::TooLong), "{kind:?}");
        // As many as are let through, and far more than there are.
        bytes[at..at + 4].copy_from_slice(&20_000_u32.to_be_bytes());
        assert!(watch.over(|| prepare(&bytes)).is_err(), "{kind:?}");
    }
    // Packets that are said to be 4 GB long.
    let mut bytes = M4A.to_vec();
    let at = bytes.windows(4).position(|window| window == b"stsz").unwrap() + 16;
    bytes[at..at + 40].fill(0xff);
    assert_eq!(watch.over(|| prepare(&bytes)), Err(AudioError::Corrupt));
}
