//! A recording in the body of a request: in a form, with fields beside it, or as the body itself, with the fields in the query.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{FromRequest, Request},
    http::{
        HeaderMap, Uri,
        header::{CONTENT_TYPE, EXPECT},
    },
};
use futures_util::{Stream, StreamExt};
use multer::Multipart;
use shared::audio::{AudioError, Container};

use super::{
    paced_body::{BodyError, PacedBody, places_of},
    query_pairs::pairs_of,
    read_body::discard,
    upload_room::UploadPlace,
};
use crate::{
    error::ApiError,
    held_places::{HeldPlaces, Holder},
    state::AppState,
};

/// The field of a form that has the recording.
const AUDIO: &str = "audio";
/// Room in a form for everything beside the recording, in bytes.
const FORM_OVERHEAD: usize = 64 * 1024;
/// A form has a handful of fields.
const FIELDS_MAX: usize = 16;
/// A container shows itself within so many bytes.
const SNIFFED: usize = 4 * 1024;

/// A recording, and what was said with it.
pub(crate) struct Upload {
    /// The recording, of a container that is known.
    pub(crate) audio: Bytes,
    fields: Vec<(String, String)>,
    /// Kept until the recording is where it waits.
    pub(crate) room: UploadPlace,
}

impl Upload {
    /// The text of a field, where there is one. Empty ones count as left out: that is how forms leave out fields.
    pub(crate) fn take(&mut self, name: &'static str) -> Result<Option<String>, ApiError> {
        let mut found = Vec::new();
        self.fields.retain_mut(|(field, value)| {
            let is = field == name;
            if is {
                found.push(std::mem::take(value));
            }
            !is
        });
        match found.len() {
            0 | 1 => Ok(found.pop().filter(|text| !text.is_empty())),
            _ => Err(ApiError::bad_field(name, "repeated_parameter", format!("`{name}` must be given once"))),
        }
    }
}

/// How the recording is sent.
enum Form {
    Multipart(String),
    Raw(Vec<(String, String)>),
}

impl FromRequest<AppState> for Upload {
    type Rejection = ApiError;

    async fn from_request(mut request: Request, state: &AppState) -> Result<Self, ApiError> {
        let (form, most) = (form(request.headers(), request.uri())?, state.config.audio_max());
        // A client that waits for leave to send its body has not begun to write, and gets none.
        let writing = !request.headers().contains_key(EXPECT);
        let places = places_of(&mut request, state);
        let holder = places.1.clone();
        let (body, announced) = bounded(request.into_body(), most, places);
        let read = async {
            if announced > body.left() as u64 {
                return Err(ApiError::audio_too_large(most));
            }
            // What is announced can be believed here: no more than that is read.
            let bytes = usize::try_from(announced).unwrap_or(most);
            let room = state.uploads.enter(holder, if bytes == 0 { most } else { bytes }).await?;
            let (audio, fields) = match form {
                Form::Multipart(boundary) => read_form(body.clone(), boundary, (bytes.min(most), most)).await?,
                Form::Raw(fields) => (read_raw(body.clone(), (bytes.min(most), most)).await?, fields),
            };
            Ok(Self { audio: Bytes::from(audio), fields, room })
        };
        let upload = read.await;
        if upload.is_err() && writing && !body.is_given_up() {
            discard(body.rest()).await;
        }
        upload
    }
}

/// By what the body says of itself as a whole; what it says of the recording is not believed.
fn form(headers: &HeaderMap, uri: &Uri) -> Result<Form, ApiError> {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence.starts_with("audio/") || essence == "application/octet-stream" || essence == "video/mp4" {
        return Ok(Form::Raw(pairs_of(uri)));
    }
    multer::parse_boundary(value).map(Form::Multipart).map_err(|_| ApiError::not_an_upload())
}

async fn read_raw(mut body: SharedBody, (expected, most): (usize, usize)) -> Result<Vec<u8>, ApiError> {
    let mut audio = Recording::new(expected, most);
    while let Some(chunk) = body.next().await {
        audio.push(&chunk.map_err(|_| body.trouble(most))?)?;
    }
    audio.whole()
}

type FormFields = (Vec<u8>, Vec<(String, String)>);

async fn read_form(
    body: SharedBody,
    boundary: String,
    (expected, most): (usize, usize),
) -> Result<FormFields, ApiError> {
    let mut form = Multipart::new(body.clone(), boundary);
    let trouble = |_| body.trouble(most);
    let (mut audio, mut fields) = (None, Vec::new());
    while let Some(mut field) = form.next_field().await.map_err(trouble)? {
        let Some(name) = field.name().map(str::to_owned) else { continue };
        if name == AUDIO {
            if audio.is_some() {
                return Err(ApiError::bad_field(AUDIO, "repeated_parameter", "`audio` must be given once"));
            }
            let mut recording = Recording::new(expected, most);
            while let Some(chunk) = field.chunk().await.map_err(trouble)? {
                recording.push(&chunk)?;
            }
            audio = Some(recording.whole()?);
        } else {
            let text = field.bytes().await.map_err(trouble)?;
            let text = String::from_utf8(text.into());
            fields.push((name, text.map_err(|_| ApiError::bad_form("a field is not valid UTF-8"))?));
            if fields.len() > FIELDS_MAX {
                return Err(ApiError::bad_form("it has too many fields"));
            }
        }
    }
    Ok((audio.ok_or_else(ApiError::no_audio)?, fields))
}

/// A recording as it comes in. What can't be one is refused while the rest is on its way.
struct Recording {
    bytes: Vec<u8>,
    most: usize,
    known: bool,
}

impl Recording {
    fn new(expected: usize, most: usize) -> Self {
        Self { bytes: Vec::with_capacity(expected), most, known: false }
    }

    fn push(&mut self, chunk: &[u8]) -> Result<(), ApiError> {
        if self.bytes.len() + chunk.len() > self.most {
            return Err(ApiError::audio_too_large(self.most));
        }
        self.bytes.extend_from_slice(chunk);
        if self.bytes.len() >= SNIFFED { self.check() } else { Ok(()) }
    }

    fn check(&mut self) -> Result<(), ApiError> {
        self.known = self.known || Container::of(&self.bytes).is_some();
        if self.known { Ok(()) } else { Err(ApiError::unusable_audio(&AudioError::Unknown)) }
    }

    fn whole(mut self) -> Result<Vec<u8>, ApiError> {
        if self.bytes.is_empty() {
            return Err(ApiError::unusable_audio(&AudioError::Empty));
        }
        self.check()?;
        Ok(self.bytes)
    }
}

/// A body that ends with an error where it is too large. All clones read on where the others have stopped: what is left after a
/// form was refused can still be read away.
#[derive(Clone)]
struct SharedBody(Arc<Mutex<Bounded>>);

struct Bounded {
    stream: PacedBody,
    left: usize,
    over: bool,
    error: Option<BodyError>,
    /// No more of it is read, not even to be dropped.
    given_up: bool,
}

/// The body with its bound, and its length by the client's own account.
fn bounded(body: Body, audio_max: usize, places: (HeldPlaces, Holder)) -> (SharedBody, u64) {
    let announced = body.size_hint().lower();
    let stream = PacedBody::new(body, places);
    let bounded = Bounded { stream, left: audio_max + FORM_OVERHEAD, over: false, error: None, given_up: false };
    (SharedBody(Arc::new(Mutex::new(bounded))), announced)
}

impl SharedBody {
    fn with<T>(&self, f: impl FnOnce(&mut Bounded) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn left(&self) -> usize {
        self.with(|body| body.left)
    }

    fn is_given_up(&self) -> bool {
        self.with(|body| body.given_up)
    }

    /// What is left, without the bound.
    fn rest(self) -> Self {
        self.with(|body| (body.left, body.over) = (usize::MAX, false));
        self
    }

    /// Why it could not be read.
    fn trouble(&self, most: usize) -> ApiError {
        let (over, error) = self.with(|body| (body.over, body.error.take()));
        match error {
            _ if over => ApiError::audio_too_large(most),
            Some(BodyError::TooSlow) => ApiError::body_timeout(),
            Some(BodyError::TooMany(error)) => *error,
            Some(BodyError::BrokenOff) | None => {
                ApiError::bad_form("it breaks off, or its parts are not separated as they should be")
            }
        }
    }
}

impl Stream for SharedBody {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.with(|body| {
            let Some(chunk) = ready!(body.stream.poll_next_unpin(cx)) else { return Poll::Ready(None) };
            Poll::Ready(Some(match chunk {
                Ok(chunk) if chunk.len() > body.left => {
                    body.over = true;
                    Err(axum::Error::new("the body is too large"))
                }
                Ok(_) if body.over => Err(axum::Error::new("the body is too large")),
                Ok(chunk) => {
                    body.left -= chunk.len();
                    Ok(chunk)
                }
                Err(error) => {
                    body.given_up = true;
                    body.error = Some(error);
                    Err(axum::Error::new("the body broke off or came too slowly"))
                }
            }))
        })
    }
}
