//! WAV in all its forms, made of the same speech.

use super::{AudioError, FLAC, likeness, prepare, samples};

/// How a sample is written.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    U8,
    I16,
    I24,
    I32,
    F32,
    F64,
}

impl Form {
    const ALL: [Self; 6] = [Self::U8, Self::I16, Self::I24, Self::I32, Self::F32, Self::F64];

    fn bits(self) -> u16 {
        match self {
            Self::U8 => 8,
            Self::I16 => 16,
            Self::I24 => 24,
            Self::I32 | Self::F32 => 32,
            Self::F64 => 64,
        }
    }

    fn tag(self) -> u16 {
        if matches!(self, Self::F32 | Self::F64) { 3 } else { 1 }
    }

    fn write(self, sample: i16) -> Vec<u8> {
        match self {
            Self::U8 => vec![u8::try_from((i32::from(sample) >> 8) + 128).unwrap()],
            Self::I16 => sample.to_le_bytes().into(),
            Self::I24 => (i32::from(sample) << 8).to_le_bytes()[..3].into(),
            Self::I32 => (i32::from(sample) << 16).to_le_bytes().into(),
            Self::F32 => (f32::from(sample) / 32_768.0).to_le_bytes().into(),
            Self::F64 => (f64::from(sample) / 32_768.0).to_le_bytes().into(),
        }
    }
}

struct Written {
    form: Form,
    rate: u32,
    channels: u16,
    extensible: bool,
    /// What the header says about the length of the data; the truth without it.
    claims: Option<u32>,
}

impl Written {
    fn file(&self, samples: &[i16]) -> Vec<u8> {
        let Self { form, rate, channels, extensible, claims } = *self;
        let data: Vec<u8> = samples.iter().flat_map(|sample| form.write(*sample).repeat(channels.into())).collect();
        let frame = channels * form.bits() / 8;
        let mut format = Vec::new();
        format.extend(if extensible { 0xfffe } else { form.tag() }.to_le_bytes());
        format.extend(channels.to_le_bytes());
        format.extend(rate.to_le_bytes());
        format.extend((rate * u32::from(frame)).to_le_bytes());
        format.extend(frame.to_le_bytes());
        format.extend(form.bits().to_le_bytes());
        if extensible {
            format.extend(22_u16.to_le_bytes());
            format.extend(form.bits().to_le_bytes());
            format.extend((if channels == 2 { 3_u32 } else { 4 }).to_le_bytes());
            format.extend(form.tag().to_le_bytes());
            format.extend(b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71");
        }
        let length = claims.unwrap_or(u32::try_from(data.len()).unwrap());
        let mut file = b"RIFF".to_vec();
        file.extend(length.saturating_add(60).to_le_bytes());
        file.extend(b"WAVEfmt ");
        file.extend(u32::try_from(format.len()).unwrap().to_le_bytes());
        file.extend(format);
        // A chunk that nobody needs.
        file.extend(b"LIST\x04\0\0\0INFO");
        file.extend(b"data");
        file.extend(length.to_le_bytes());
        file.extend(data);
        file
    }
}

const PLAIN: Written = Written { form: Form::I16, rate: 16_000, channels: 1, extensible: false, claims: None };

fn speech() -> Vec<i16> {
    samples(&prepare(FLAC).unwrap())
}

#[test]
fn every_form_is_read() {
    let speech = speech();
    for form in Form::ALL {
        for (channels, extensible) in [(1, false), (2, false), (1, true), (2, true)] {
            let file = Written { form, channels, extensible, ..PLAIN }.file(&speech);
            let heard =
                samples(&prepare(&file).unwrap_or_else(|error| panic!("{form:?} {channels} {extensible}: {error}")));
            assert_eq!(heard.len(), speech.len(), "{form:?} {channels} {extensible}");
            // 8 bit hold less.
            let most = if form == Form::U8 { 256 } else { 1 };
            let off = heard.iter().zip(&speech).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(off <= Some(most), "{form:?} {channels} {extensible}: {off:?}");
        }
    }
}

#[test]
fn every_rate_is_brought_to_16_khz() {
    let speech = speech();
    for rate in [8_000, 11_025, 22_050, 44_100, 48_000, 192_000] {
        // Each sample held or skipped: rough, and the same speech.
        let length = speech.len() * rate as usize / 16_000;
        let resampled: Vec<i16> = (0..length).map(|at| speech[at * 16_000 / rate as usize]).collect();
        let heard = prepare(&Written { rate, ..PLAIN }.file(&resampled)).unwrap();
        let heard = samples(&heard);
        assert!(heard.len().abs_diff(speech.len()) <= 2, "{rate}: {} {}", heard.len(), speech.len());
        let likeness = likeness(&speech, &heard);
        assert!(likeness > 0.8, "{rate}: {likeness}");
    }
}

#[test]
fn a_length_that_is_not_true_is_not_believed() {
    let speech = speech();
    let honest = prepare(&PLAIN.file(&speech)).unwrap();
    // What a recorder writes that does not know yet how long it will be, and what nobody should.
    for claims in [0, u32::MAX, u32::MAX - 60, u32::MAX - 1, 3_000_000_000] {
        let heard = prepare(&Written { claims: Some(claims), ..PLAIN }.file(&speech));
        assert_eq!(heard.as_ref(), Ok(&honest), "{claims}");
    }
    // What was recorded before an interruption.
    let file = PLAIN.file(&speech);
    assert!(prepare(&file[..file.len() / 2 + 1]).unwrap().duration_ms > honest.duration_ms / 2 - 10);
    let empty = Written { claims: Some(u32::MAX), ..PLAIN }.file(&[]);
    assert_eq!(prepare(&empty), Err(AudioError::Empty));
}

#[test]
fn lengths_and_silence_are_told() {
    let speech = speech();
    let long: Vec<i16> = speech.iter().copied().cycle().take(16_000 * 31).collect();
    assert_eq!(prepare(&PLAIN.file(&long)), Err(AudioError::TooLong));
    assert_eq!(prepare(&PLAIN.file(&long[..16_000 * 30 + 4_000])).unwrap().duration_ms, 30_000);
    assert_eq!(prepare(&PLAIN.file(&[0; 32_000])), Err(AudioError::Silent));
    assert_eq!(prepare(&PLAIN.file(&[])), Err(AudioError::Empty));
    for channels in [0, 9, u16::MAX] {
        let mut file = PLAIN.file(&speech);
        file[22..24].copy_from_slice(&channels.to_le_bytes());
        assert!(prepare(&file).is_err(), "{channels} channels");
    }
}
