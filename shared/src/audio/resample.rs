//! From any rate to 16 kHz, piece by piece, so that no more is held than is made.

use rubato::{Fft, FixedSync, Resampler as _, audioadapter_buffers::direct::SequentialSlice};

use super::{AudioError, wav_file::RATE};

/// Frames that are resampled at once, and in how many parts: long parts keep the high tones.
const CHUNK: usize = 1_024;
const PARTS: usize = 1;

/// One channel that becomes 16 kHz, 16 bit.
pub(super) struct Resampler {
    rate: u32,
    /// `None` where nothing is to be done.
    fft: Option<Fft<f32>>,
    waiting: Vec<f32>,
    scratch: Vec<f32>,
    /// Samples of the resampler's delay that are still to be dropped.
    late: usize,
    taken: u64,
    output: Vec<i16>,
}

impl Resampler {
    pub(super) fn new(rate: u32) -> Result<Self, AudioError> {
        let from = usize::try_from(rate).unwrap_or(RATE);
        let fft = if from == RATE {
            None
        } else {
            let window = rubato::WindowFunction::BlackmanHarris2;
            let fft = Fft::new_custom(from, RATE, CHUNK, PARTS, 1, window, FixedSync::Input);
            Some(fft.map_err(|_| AudioError::Unsupported("sound of an odd rate"))?)
        };
        let late = fft.as_ref().map_or(0, rubato::Resampler::output_delay);
        Ok(Self { rate, fft, waiting: Vec::new(), scratch: Vec::new(), late, taken: 0, output: Vec::new() })
    }

    /// What there is so far.
    pub(super) fn output(&self) -> &[i16] {
        &self.output
    }

    /// Takes up samples.
    pub(super) fn push(&mut self, samples: &[f32]) -> Result<(), AudioError> {
        self.taken += samples.len() as u64;
        if self.fft.is_none() {
            self.output.extend(samples.iter().copied().map(quantize));
            return Ok(());
        }
        self.waiting.extend_from_slice(samples);
        self.work()
    }

    /// All of it, as long as what was taken up.
    pub(super) fn finish(mut self) -> Result<Vec<i16>, AudioError> {
        let length = (self.taken * RATE as u64).div_ceil(self.rate.into());
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        // What is still in the resampler comes out when something follows.
        while self.fft.is_some() && self.output.len() < length {
            self.waiting.resize(self.waiting.len() + CHUNK, 0.0);
            self.work()?;
        }
        self.output.truncate(length);
        Ok(self.output)
    }

    fn work(&mut self) -> Result<(), AudioError> {
        let Some(fft) = &mut self.fft else { return Ok(()) };
        let mut done = 0;
        loop {
            let need = fft.input_frames_next();
            let Some(piece) = self.waiting.get(done..done + need) else { break };
            self.scratch.resize(fft.output_frames_next(), 0.0);
            let length = self.scratch.len();
            let input = SequentialSlice::new(piece, 1, need).map_err(|_| AudioError::Corrupt)?;
            let mut room = SequentialSlice::new_mut(&mut self.scratch, 1, length).map_err(|_| AudioError::Corrupt)?;
            let (_, made) = fft.process_into_buffer(&input, &mut room, None).map_err(|_| AudioError::Corrupt)?;
            done += need;
            let early = self.late.min(made);
            self.late -= early;
            self.output.extend(self.scratch[early..made].iter().copied().map(quantize));
        }
        self.waiting.drain(..done);
        Ok(())
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a cast to an integer keeps to its bounds")]
fn quantize(sample: f32) -> i16 {
    (sample * 32_768.0).round() as i16
}
