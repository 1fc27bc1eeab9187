//! Two thousand damaged files: each ends in a result or an error, soon, and in little memory.

use std::{
    collections::BTreeMap,
    fs,
    io::Cursor,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use ogg::{PacketReader, PacketWriteEndInfo, PacketWriter};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::time::Instant;

use super::{AAC, FLAC, FRAGMENTED, LIVE, M4A, MP3, OPUS, VORBIS, WEBM, prepare, samples};
use crate::audio::wav_file;

/// Of each format.
const FILES: usize = 200;
const SEED: u64 = 20_260_108;
/// Far above what a file takes, on a busy machine and without optimization.
const LONGEST: Duration = Duration::from_secs(20);
/// What one file may add to this process: a file of 60 kB, decoded, is about 200 kB.
const MOST_KB: u64 = 48 * 1024;

/// Time and memory of what runs under it.
pub(super) struct Watch {
    before_kb: Option<u64>,
    most_kb: u64,
    longest: Duration,
}

impl Watch {
    pub(super) fn start() -> Self {
        Self { before_kb: memory_kb("VmRSS:"), most_kb: 0, longest: Duration::ZERO }
    }

    /// Runs it, and fails where it takes too much of either.
    pub(super) fn over<T>(&mut self, work: impl FnOnce() -> T) -> T {
        // Begins the peak anew; where the system does not have that, it is that of the whole process.
        let _ = fs::write("/proc/self/clear_refs", "5");
        let start = Instant::now();
        let result = work();
        let took = start.elapsed();
        self.longest = self.longest.max(took);
        assert!(took < LONGEST, "it took {took:?}");
        if let (Some(before), Some(peak)) = (self.before_kb, memory_kb("VmHWM:")) {
            self.most_kb = self.most_kb.max(peak.saturating_sub(before));
            assert!(self.most_kb < MOST_KB, "from {before} to {peak} kB");
        }
        result
    }
}

fn memory_kb(name: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// An Ogg file with the same packets, some damaged, under sums that are right.
fn repaired(bytes: &[u8], rng: &mut StdRng) -> Vec<u8> {
    let mut reader = PacketReader::new(Cursor::new(bytes));
    let mut writer = PacketWriter::new(Vec::new());
    let packets: Vec<ogg::Packet> = std::iter::from_fn(|| reader.read_packet().unwrap()).collect();
    let victim = rng.random_range(0..packets.len() + 3);
    for (at, mut packet) in packets.into_iter().enumerate() {
        let info = if packet.last_in_stream() {
            PacketWriteEndInfo::EndStream
        } else if packet.last_in_page() {
            PacketWriteEndInfo::EndPage
        } else {
            PacketWriteEndInfo::NormalPacket
        };
        // The headers decide most, so every other time it is one of them.
        if at == victim || (victim % 2 == 0 && at == victim % 3) || rng.random_bool(0.02) {
            flip(&mut packet.data, rng);
        }
        let granule = packet.absgp_page();
        writer.write_packet(packet.data, 1, info, granule).unwrap();
    }
    writer.into_inner()
}

/// Turns up to 16 bits over, mostly near one place, and every third time in the first kilobyte, where the headers are.
fn flip(bytes: &mut [u8], rng: &mut StdRng) {
    if bytes.is_empty() {
        return;
    }
    let reach = if rng.random_ratio(1, 3) { bytes.len().min(1_024) } else { bytes.len() };
    let place = rng.random_range(0..reach);
    for _ in 0..rng.random_range(1..=16) {
        let at = if rng.random() {
            rng.random_range(0..reach)
        } else {
            (place + rng.random_range(0..8)).min(bytes.len() - 1)
        };
        bytes[at] ^= 1 << rng.random_range(0..8);
    }
}

fn damage(bytes: &[u8], rng: &mut StdRng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    match rng.random_range(0..4) {
        0 => bytes.truncate(rng.random_range(0..bytes.len())),
        1 => {
            bytes.truncate(rng.random_range(0..bytes.len()));
            flip(&mut bytes, rng);
        }
        _ => flip(&mut bytes, rng),
    }
    bytes
}

/// A tenth of the two thousand.
fn all_end_in_codes(name: &str, bytes: &[u8]) {
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    // `prepare` catches what a decoder throws; here nothing should be thrown in the first place.
    std::panic::set_hook(Box::new(|panic| {
        PANICS.fetch_add(1, Relaxed);
        eprintln!("{panic}");
    }));
    let mut rng = StdRng::seed_from_u64(SEED);
    let mut watch = Watch::start();
    let (mut good, mut codes) = (0, BTreeMap::<&str, usize>::new());
    let ogg = bytes.starts_with(b"OggS");
    for number in 0..FILES {
        let file = if ogg && rng.random() { repaired(bytes, &mut rng) } else { damage(bytes, &mut rng) };
        match watch.over(|| prepare(&file)) {
            Ok(prepared) => {
                good += 1;
                assert!(
                    prepared.duration_ms <= 30_000 && prepared.bytes.len() < 1_000_000,
                    "{name} {number}: {prepared:?}"
                );
            }
            Err(error) => *codes.entry(error.code()).or_default() += 1,
        }
    }
    eprintln!(
        "{name}: {good} of {FILES} were good, {codes:?}; at most {} kB and {:?} for one",
        watch.most_kb, watch.longest
    );
    assert_eq!(PANICS.load(Relaxed), 0, "{name}");
    // Damage that does nothing would show nothing.
    assert!(codes.values().sum::<usize>() > FILES / 50, "{name}: {good} were good; {codes:?}");
}

macro_rules! damaged {
    ($($test:ident: $bytes:expr;)*) => {$(
        #[test]
        fn $test() {
            all_end_in_codes(stringify!($test), $bytes);
        }
    )*};
}

damaged! {
    wav: &wav_file::file(&samples(&prepare(FLAC).unwrap()));
    m4a: M4A;
    fragmented_mp4: FRAGMENTED;
    aac: AAC;
    mp3: MP3;
    flac: FLAC;
    vorbis: VORBIS;
    opus: OPUS;
    webm: WEBM;
    live_webm: LIVE;
}
