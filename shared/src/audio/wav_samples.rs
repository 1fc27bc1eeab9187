//! The samples of a WAV, whatever its header says about lengths: a recorder that was interrupted, or that streams, has left 0 or
//! the largest number there. <https://learn.microsoft.com/windows/win32/api/mmreg/ns-mmreg-waveformatextensible>

use super::{
    AudioError,
    sink::{Shape, Sink},
};

/// Frames that are taken up at once.
const FRAMES: usize = 4_096;
/// Chunks before the sound that are looked through.
const CHUNKS: usize = 100;

/// How a sample is written.
#[derive(Debug, Clone, Copy)]
enum Form {
    U8,
    I16,
    I24,
    I32,
    F32,
    F64,
}

/// Gives all samples of a file to the sink.
pub(super) fn decode(bytes: &[u8], sink: &mut Sink) -> Result<(), AudioError> {
    let mut rest = bytes.get(12..).ok_or(AudioError::Corrupt)?;
    let mut format = None;
    for _ in 0..CHUNKS {
        let [k0, k1, k2, k3, l0, l1, l2, l3, body @ ..] = rest else { break };
        let length = usize::try_from(u32::from_le_bytes([*l0, *l1, *l2, *l3])).unwrap_or(usize::MAX);
        let body = &body[..length.min(body.len())];
        match &[*k0, *k1, *k2, *k3] {
            b"fmt " => format = Some(read_format(body)?),
            b"data" => {
                let (shape, form) = format.ok_or(AudioError::Corrupt)?;
                // Of 0 bytes: its length was never filled in.
                return samples(shape, form, if length == 0 { &rest[8..] } else { body }, sink);
            }
            _ => {}
        }
        // Chunks begin at even places.
        rest = rest.get(8 + length.saturating_add(length & 1)..).unwrap_or_default();
    }
    Err(AudioError::Corrupt)
}

fn read_format(body: &[u8]) -> Result<(Shape, Form), AudioError> {
    let u16_at = |at: usize| body.get(at..at + 2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let (Some(tag), Some(channels), Some(rate), Some(bits)) =
        (u16_at(0), u16_at(2), body.get(4..).and_then(|rest| rest.first_chunk::<4>()), u16_at(14))
    else {
        return Err(AudioError::Corrupt);
    };
    let shape = Shape { rate: u32::from_le_bytes(*rate), channels: channels.into() };
    shape.check()?;
    // The extensible form says it later.
    let tag = if tag == 0xfffe { u16_at(24).ok_or(AudioError::Corrupt)? } else { tag };
    let form = match (tag, bits) {
        (1, 8) => Form::U8,
        (1, 16) => Form::I16,
        (1, 24) => Form::I24,
        (1, 32) => Form::I32,
        (3, 32) => Form::F32,
        (3, 64) => Form::F64,
        (6, _) => return Err(AudioError::Unsupported("A-law")),
        (7, _) => return Err(AudioError::Unsupported("mu-law")),
        (2 | 0x11, _) => return Err(AudioError::Unsupported("ADPCM")),
        _ => return Err(AudioError::Unsupported("an unknown form of WAV")),
    };
    Ok((shape, form))
}

fn samples(shape: Shape, form: Form, data: &[u8], sink: &mut Sink) -> Result<(), AudioError> {
    let width = match form {
        Form::U8 => 1,
        Form::I16 => 2,
        Form::I24 => 3,
        Form::I32 | Form::F32 => 4,
        Form::F64 => 8,
    };
    let mut frames = Vec::new();
    for part in data.chunks(FRAMES * width * shape.channels) {
        frames.clear();
        frames.extend(part.chunks_exact(width).map(|bytes| sample(form, bytes)));
        sink.push(shape, &frames)?;
    }
    Ok(())
}

/// A sample, from -1 to 1.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "16 bit are kept in the end")]
fn sample(form: Form, bytes: &[u8]) -> f32 {
    const I32: f32 = 2_147_483_648.0;
    match (form, bytes) {
        (Form::U8, &[a]) => (f32::from(a) - 128.0) / 128.0,
        (Form::I16, &[a, b]) => f32::from(i16::from_le_bytes([a, b])) / 32_768.0,
        (Form::I24, &[a, b, c]) => i32::from_le_bytes([0, a, b, c]) as f32 / I32,
        (Form::I32, &[a, b, c, d]) => i32::from_le_bytes([a, b, c, d]) as f32 / I32,
        (Form::F32, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
        (Form::F64, &[a, b, c, d, e, f, g, h]) => f64::from_le_bytes([a, b, c, d, e, f, g, h]) as f32,
        // The slices are as long as the form is wide.
        _ => 0.0,
    }
}
