//! Where decoded sound goes: mixed to one channel, resampled, and no longer than is allowed.

use super::{AudioError, MAX_SECONDS, resample::Resampler, wav_file::RATE};

/// A recorder that is told to stop after 30 s stops a little later; what is above 30 s is cut off.
const LONGEST: usize = RATE * MAX_SECONDS as usize;
const TOLERANCE: usize = RATE / 2;
/// Shorter than any word.
const SHORTEST: usize = RATE / 10;
/// What is quieter than this all the time (-60 dB) is no speech in the noise of the quietest room.
const LOUD: f64 = 0.001;
/// Frames per second that are believed.
const RATES: std::ops::RangeInclusive<u32> = 7_350..=192_000;
/// Channels that are believed.
const CHANNELS: std::ops::RangeInclusive<usize> = 1..=8;

/// What a stream of frames looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) rate: u32,
    pub(super) channels: usize,
}

impl Shape {
    /// Refuses what nobody records.
    pub(super) fn check(self) -> Result<(), AudioError> {
        if !RATES.contains(&self.rate) {
            return Err(AudioError::Unsupported("sound of less than 8 or more than 192 kHz"));
        }
        if !CHANNELS.contains(&self.channels) {
            return Err(AudioError::Unsupported("sound of more than 8 channels"));
        }
        Ok(())
    }
}

/// Takes frames, and has 16 kHz samples in the end.
#[derive(Default)]
pub(super) struct Sink {
    stream: Option<(Shape, Resampler)>,
    mono: Vec<f32>,
}

impl Sink {
    /// Takes up interleaved frames.
    pub(super) fn push(&mut self, shape: Shape, frames: &[f32]) -> Result<(), AudioError> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            empty => {
                shape.check()?;
                empty.insert((shape, Resampler::new(shape.rate)?))
            }
        };
        if stream.0 != shape {
            return Err(AudioError::Corrupt);
        }
        #[expect(clippy::cast_precision_loss, reason = "there are at most 8")]
        let share = 1.0 / shape.channels as f32;
        self.mono.clear();
        self.mono.extend(frames.chunks_exact(shape.channels).map(|frame| {
            let sample = frame.iter().sum::<f32>() * share;
            if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 }
        }));
        stream.1.push(&self.mono)?;
        if stream.1.output().len() > LONGEST + TOLERANCE { Err(AudioError::TooLong) } else { Ok(()) }
    }

    /// The samples.
    pub(super) fn finish(self) -> Result<Vec<i16>, AudioError> {
        let Some((_, resampler)) = self.stream else { return Err(AudioError::Empty) };
        let mut samples = resampler.finish()?;
        if samples.len() > LONGEST + TOLERANCE {
            return Err(AudioError::TooLong);
        }
        samples.truncate(LONGEST);
        if samples.len() < SHORTEST {
            return Err(AudioError::Empty);
        }
        if samples.chunks(SHORTEST).all(|stretch| loudness(stretch) < LOUD) {
            return Err(AudioError::Silent);
        }
        Ok(samples)
    }
}

/// The root of the mean square, 1 being the loudest.
fn loudness(samples: &[i16]) -> f64 {
    let power: f64 = samples.iter().map(|sample| (f64::from(*sample) / 32_768.0).powi(2)).sum();
    #[expect(clippy::cast_precision_loss, reason = "a stretch is short")]
    let count = samples.len() as f64;
    (power / count).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEREO: Shape = Shape { rate: 48_000, channels: 2 };

    fn tone(seconds: f32, shape: Shape, level: f32) -> Vec<f32> {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "small"
        )]
        let frames = (seconds * shape.rate as f32) as usize;
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let at = |i: usize| (i as f32 * 440.0 * std::f32::consts::TAU / shape.rate as f32).sin() * level;
        (0..frames).flat_map(|i| std::iter::repeat_n(at(i), shape.channels)).collect()
    }

    fn heard(shape: Shape, frames: &[f32]) -> Result<Vec<i16>, AudioError> {
        let mut sink = Sink::default();
        for part in frames.chunks(1_152 * shape.channels) {
            sink.push(shape, part)?;
        }
        sink.finish()
    }

    #[test]
    fn a_tone_keeps_its_length_and_loudness_at_any_rate() {
        for rate in [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 48_001, 96_000, 192_000] {
            let shape = Shape { rate, channels: 2 };
            let samples = heard(shape, &tone(1.0, shape, 0.5)).unwrap();
            assert_eq!(samples.len(), RATE, "{rate}");
            let level = loudness(&samples[RATE / 4..RATE * 3 / 4]);
            assert!((level - 0.5 / 2_f64.sqrt()).abs() < 0.01, "{rate}: {level}");
            // Nothing is heard later than it was said.
            assert!(samples[..160].iter().any(|sample| sample.unsigned_abs() > 3_000), "{rate}");
        }
    }

    #[test]
    fn what_is_at_16_khz_stays_as_it_is() {
        let shape = Shape { rate: 16_000, channels: 1 };
        let samples: Vec<i16> =
            (0..16_000_i32).map(|i| i16::try_from((i * 7_919) % 65_536 - 32_768).unwrap()).collect();
        let frames: Vec<f32> = samples.iter().map(|sample| f32::from(*sample) / 32_768.0).collect();
        assert_eq!(heard(shape, &frames).unwrap(), samples);
    }

    #[test]
    fn silence_and_length_are_told_apart() {
        assert_eq!(heard(STEREO, &[]), Err(AudioError::Empty));
        assert_eq!(heard(STEREO, &tone(0.05, STEREO, 0.5)), Err(AudioError::Empty));
        assert_eq!(heard(STEREO, &tone(1.0, STEREO, 0.0)), Err(AudioError::Silent));
        assert_eq!(heard(STEREO, &tone(1.0, STEREO, 0.0005)), Err(AudioError::Silent));
        assert!(heard(STEREO, &tone(1.0, STEREO, 0.01)).is_ok());
        assert_eq!(heard(STEREO, &tone(30.3, STEREO, 0.5)).unwrap().len(), 30 * RATE);
        assert_eq!(heard(STEREO, &tone(30.6, STEREO, 0.5)), Err(AudioError::TooLong));
    }

    #[test]
    fn what_is_no_number_is_silence() {
        assert_eq!(heard(STEREO, &[f32::NAN; 96_000]), Err(AudioError::Silent));
        assert_eq!(heard(STEREO, &[f32::INFINITY; 96_000]), Err(AudioError::Silent));
    }

    #[test]
    fn a_shape_that_nobody_records_is_refused() {
        for (rate, channels) in [(1, 1), (0, 1), (192_001, 1), (48_000, 0), (48_000, 9)] {
            assert!(matches!(Shape { rate, channels }.check(), Err(AudioError::Unsupported(_))), "{rate} {channels}");
        }
        let mut sink = Sink::default();
        sink.push(STEREO, &[0.1; 96]).unwrap();
        assert_eq!(sink.push(Shape { rate: 44_100, channels: 2 }, &[0.1; 96]), Err(AudioError::Corrupt));
    }
}
