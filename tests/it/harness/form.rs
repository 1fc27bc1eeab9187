//! Recordings as the app sends them.

use reqwest::RequestBuilder;

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
