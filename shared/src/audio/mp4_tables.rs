//! The tables of an MP4, before they are given to the demuxer: it keeps them in memory, and walks through some of them from
//! their beginning for each packet.

use super::AudioError;

/// Half a minute of the shortest AAC frames is 2,900 samples; more entries than this are minutes.
const ENTRIES: usize = 20_000;
/// A recording has one.
const TRACKS: usize = 16;
/// Boxes of a file; a recording that was cut into pieces has some for each.
const BOXES: usize = 50_000;
const DEPTH: usize = 8;

/// Refuses tables of a size that no recording of allowed length has.
pub(super) fn check(bytes: &[u8]) -> Result<(), AudioError> {
    Walk::default().boxes(bytes, DEPTH)
}

#[derive(Default)]
struct Walk {
    boxes: usize,
    tracks: usize,
    /// Of all pieces together.
    samples: usize,
}

impl Walk {
    fn boxes(&mut self, mut bytes: &[u8], depth: usize) -> Result<(), AudioError> {
        while let Some((kind, body, rest)) = next_box(bytes) {
            bytes = rest;
            self.boxes += 1;
            if self.boxes > BOXES {
                return Err(AudioError::TooLong);
            }
            match &kind {
                b"trak" => {
                    self.tracks += 1;
                    if self.tracks > TRACKS || depth == 0 {
                        return Err(AudioError::Corrupt);
                    }
                    self.boxes(body, depth - 1)?;
                }
                b"moov" | b"mdia" | b"minf" | b"stbl" | b"moof" | b"traf" | b"edts" | b"mvex" => {
                    let depth = depth.checked_sub(1).ok_or(AudioError::Corrupt)?;
                    self.boxes(body, depth)?;
                }
                b"stts" | b"ctts" | b"stsc" | b"stco" | b"co64" | b"elst" => table(body, 4)?,
                b"stsz" => table(body, 8)?,
                b"trun" => {
                    self.samples = self.samples.saturating_add(count(body, 4));
                    if self.samples > ENTRIES {
                        return Err(AudioError::TooLong);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn table(body: &[u8], at: usize) -> Result<(), AudioError> {
    if count(body, at) > ENTRIES { Err(AudioError::TooLong) } else { Ok(()) }
}

fn count(body: &[u8], at: usize) -> usize {
    let bytes = body.get(at..).and_then(|rest| rest.first_chunk::<4>());
    bytes.map_or(0, |bytes| usize::try_from(u32::from_be_bytes(*bytes)).unwrap_or(usize::MAX))
}

/// The first box: its kind, its body as far as the file goes, and what follows.
fn next_box(bytes: &[u8]) -> Option<([u8; 4], &[u8], &[u8])> {
    let [s0, s1, s2, s3, k0, k1, k2, k3, rest @ ..] = bytes else { return None };
    let size = u32::from_be_bytes([*s0, *s1, *s2, *s3]);
    let (head, size) = match size {
        0 => (8, bytes.len()),
        1 => (16, usize::try_from(u64::from_be_bytes(*rest.first_chunk()?)).unwrap_or(usize::MAX)),
        size => (8, usize::try_from(size).unwrap_or(usize::MAX)),
    };
    let end = size.clamp(head, bytes.len().max(head));
    Some(([*k0, *k1, *k2, *k3], bytes.get(head..end).unwrap_or_default(), bytes.get(end..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let size = u32::try_from(body.len() + 8).unwrap();
        [&size.to_be_bytes(), &kind[..], body].concat()
    }

    fn table_of(kind: &[u8; 4], entries: u32) -> Vec<u8> {
        let at = if kind == b"stsz" { 8 } else { 4 };
        let leaf = boxed(kind, &[vec![0; at], entries.to_be_bytes().to_vec()].concat());
        [b"stbl", b"minf", b"mdia", b"trak", b"moov"].iter().fold(leaf, |inner, kind| boxed(kind, &inner))
    }

    #[test]
    fn tables_of_minutes_are_refused_before_they_are_read() {
        for kind in [b"stts", b"ctts", b"stsc", b"stco", b"co64", b"elst", b"stsz"] {
            assert_eq!(check(&table_of(kind, 20_000)), Ok(()));
            assert_eq!(check(&table_of(kind, u32::MAX)), Err(AudioError::TooLong));
        }
        let piece = |samples: u32| {
            let run = boxed(b"trun", &[vec![0; 4], samples.to_be_bytes().to_vec()].concat());
            boxed(b"moof", &boxed(b"traf", &run))
        };
        assert_eq!(check(&[piece(10_000), piece(10_000)].concat()), Ok(()));
        assert_eq!(check(&[piece(10_000), piece(10_001)].concat()), Err(AudioError::TooLong));
    }

    #[test]
    fn boxes_without_end_are_refused() {
        assert_eq!(check(&boxed(b"moov", &boxed(b"trak", &[]).repeat(17))), Err(AudioError::Corrupt));
        assert_eq!(check(&boxed(b"free", &[]).repeat(50_001)), Err(AudioError::TooLong));
        let deep = (0..9).fold(Vec::new(), |inner, _| boxed(b"moov", &inner));
        assert_eq!(check(&deep), Err(AudioError::Corrupt));
        for broken in
            [&b"\0\0\0\0moov"[..], b"\0\0\0\x01moov", b"\0\0\0\x03free", b"\xff\xff\xff\xffmoov\0\0\0\x09stts", b"moo"]
        {
            assert_eq!(check(broken), Ok(()), "{broken:?}");
        }
    }
}
