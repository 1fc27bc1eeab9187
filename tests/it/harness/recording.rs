//! Recordings, and how they are sent.

use std::f64::consts::TAU;

use reqwest::RequestBuilder;

const RATE: u32 = 16_000;

/// A WAV of a tone, another one for each number: nobody speaks, but there is something to hear.
pub(crate) fn tone(number: u32, milliseconds: u32) -> Vec<u8> {
    let samples = RATE * milliseconds / 1_000;
    let pitch = 200.0 + f64::from(number);
    let bytes = samples * 2;
    let mut wav = Vec::new();
    wav.extend(b"RIFF");
    wav.extend((36 + bytes).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00");
    wav.extend(RATE.to_le_bytes());
    wav.extend((RATE * 2).to_le_bytes());
    wav.extend(b"\x02\x00\x10\x00data");
    wav.extend(bytes.to_le_bytes());
    for sample in 0..samples {
        let height = (TAU * pitch * f64::from(sample) / f64::from(RATE)).sin() * 8_000.0;
        #[expect(clippy::cast_possible_truncation, reason = "a sine of that height fits")]
        wav.extend((height as i16).to_le_bytes());
    }
    wav
}

/// A form as the app sends it: whatever the recording is, it says `audio/wav`.
pub(crate) fn form(request: RequestBuilder, audio: &[u8], fields: &[(&str, &str)]) -> RequestBuilder {
    let mut body = b"--x-boundary\r\nContent-Disposition: form-data; name=\"audio\"; filename=\"recording\"\r\nContent-Type: audio/wav\r\n\r\n".to_vec();
    body.extend_from_slice(audio);
    for (name, value) in fields {
        body.extend(
            format!("\r\n--x-boundary\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}").bytes(),
        );
    }
    body.extend(b"\r\n--x-boundary--\r\n");
    request.header("content-type", "multipart/form-data; boundary=x-boundary").body(body)
}
