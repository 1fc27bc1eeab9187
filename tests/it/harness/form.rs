//! Recordings as the app sends them.

use reqwest::RequestBuilder;

/// A form as the app sends it: whatever the recording is, it says `audio/wav`.
pub(crate) fn form(request: RequestBuilder, audio: Option<&[u8]>, fields: &[(&str, &str)]) -> RequestBuilder {
    let mut body = b"--x-boundary".to_vec();
    if let Some(audio) = audio {
        body.extend(b"\r\nContent-Disposition: form-data; name=\"audio\"; filename=\"recording\"\r\n");
        body.extend(b"Content-Type: audio/wav\r\n\r\n");
        body.extend_from_slice(audio);
        body.extend(b"\r\n--x-boundary");
    }
    for (name, value) in fields {
        body.extend(
            format!("\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n--x-boundary").bytes(),
        );
    }
    body.extend(b"--\r\n");
    request.header("content-type", "multipart/form-data; boundary=x-boundary").body(body)
}
