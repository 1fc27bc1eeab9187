//! Errors by what a request does: docs/API.md has them all in one table.

/// One error: its status, its stable code, and when it is the answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) when: &'static str,
}

/// Something that a request does, and what may go wrong with it. Tuples are several.
pub(crate) trait Cases {
    fn cases() -> Vec<Case>;
}

/// Written differently for shipped apps: a user's limit, an address's, and a job's own code.
pub(super) const OF_USER: &str = "user_rate_limit_exceeded";
pub(super) const OF_ADDRESS: &str = "address_rate_limit_exceeded";
pub(super) const OF_JOB: &str = "the job's own code";

macro_rules! cases {
    ($($(#[$doc:meta])* $name:ident { $($status:literal $code:expr, $when:literal;)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub(crate) enum $name {}

            impl Cases for $name {
                fn cases() -> Vec<Case> {
                    vec![$(Case { status: $status, code: $code, when: $when }),*]
                }
            }
        )*
    };
}

macro_rules! tuples {
    ($(($($name:ident)*))*) => {
        $(impl<$($name: Cases),*> Cases for ($($name,)*) {
            fn cases() -> Vec<Case> {
                let all: &[Vec<Case>] = &[$($name::cases()),*];
                all.concat()
            }
        })*
    };
}

tuples! { () (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) }

cases! {
    /// Every path.
    Internal { 500 "internal_error", "A fault of ours"; }

    /// Keeps something open: a wait, a stream, a body on its way.
    Kept { 429 "too_many_held_requests", "The user, or the address, has as many requests that wait, streams and bodies at once as it may have"; }

    /// Takes a place among the requests in hand.
    Room { 503 "overloaded", "The replica has as many requests in hand as it can hold"; }

    /// Asks Redis.
    Redis { 503 "service_unavailable", "Redis did not answer within two seconds"; }

    /// Says who asks.
    Identity {
        400 "missing_field", "`user-id` is there and blank";
        400 "too_long", "`user-id` has more than 128 characters";
        400 "invalid_characters", "`user-id` has control characters or white space around it";
        400 "reserved_user", "`user-id` begins with `key:`, `anonymous-` or `app:`, and is not the key's own name";
        400 "invalid_utf8", "`user-id` is not valid UTF-8";
        401 "unauthenticated", "Nothing says who asks";
        401 "invalid_token", "The token is not accepted";
        401 "invalid_api_key", "There is no such key, or no longer";
        403 "user_mismatch", "The request names another user than its token";
        403 "scope_missing", "The key was not made for this";
        503 "service_unavailable", "Redis did not answer within two seconds";
    }

    /// Must be some user's.
    Named { 400 "missing_field", "Under `AUTH=trust-client`: `user-id` is not there"; }

    /// Has a JSON body.
    Body {
        400 "invalid_json", "The body can't be read as JSON, or gives a field twice";
        400 "invalid_type", "A field, or the whole body, is of another type";
        400 "invalid_utf8", "The body is not valid UTF-8";
        400 "unreadable_body", "The body broke off";
        429 "too_many_held_requests", "The user, or the address, has as many requests that wait, streams and bodies at once as it may have";
        408 "body_timeout", "The body came too slowly: it paused for 10 s, brought less than 8 kB a second, or took 120 s";
        413 "body_too_large", "The body is larger than a lesson can be";
        415 "unsupported_media_type", "The body does not say that it is JSON";
    }

    /// Asks for flashcards.
    Lesson {
        400 "missing_field", "A required field is not there, or blank";
        400 "too_long", "A field has too many characters";
        400 "invalid_characters", "A text has NUL, or a user's name control characters or white space around it";
        400 "reserved_user", "The user's name begins with `key:`, `anonymous-` or `app:`";
        400 "unknown_language", "A language is neither a name nor a tag that is known";
        400 "invalid_idempotency_key", "`Idempotency-Key` is not 1 to 255 visible ASCII characters, given once";
        403 "user_suspended", "An operator has suspended the user";
        422 "empty_content", "The lesson is nothing but pasted images or data";
        422 "idempotency_key_reused", "The key was used for another request within the last day";
        429 OF_USER, "The user's limit of jobs in a minute is used up";
        429 OF_ADDRESS, "A limit of the address is used up";
        429 "budget_limit_exceeded", "The job could overrun a budget, or no jobs are accepted at the moment";
        503 "queue_full", "Too many jobs wait already";
    }

    /// Sends a recording.
    Recording {
        400 "no_audio_file", "The form has no field `audio`";
        400 "no_reference_text", "The text that should have been read is not there, or blank";
        400 "audio_empty", "The recording has no bytes";
        400 "missing_field", "Under `AUTH=trust-client`: nothing names the user";
        400 "too_long", "A field has too many characters";
        400 "invalid_characters", "A text has NUL, or a user's name control characters or white space around it";
        400 "reserved_user", "The user's name begins with `key:`, `anonymous-` or `app:`";
        400 "invalid_type", "`prosody` is neither `true` nor `false`";
        400 "unknown_language", "The language is no tag or name of a language whose region is known";
        400 "repeated_parameter", "A field is there twice";
        400 "invalid_form", "The form can't be read";
        400 "invalid_idempotency_key", "`Idempotency-Key` is not 1 to 255 visible ASCII characters, given once";
        403 "user_suspended", "An operator has suspended the user";
        429 "too_many_held_requests", "The user, or the address, has as many requests that wait, streams and bodies at once as it may have";
        408 "body_timeout", "The recording came too slowly: it paused for 10 s, brought less than 8 kB a second, or took 120 s";
        413 "body_too_large", "The recording is larger than the deployment takes (5 MiB where it does not say otherwise)";
        415 "unsupported_media_type", "The body says that it is neither a form nor audio";
        415 "audio_format_unknown", "The recording is in none of the known formats";
        422 "idempotency_key_reused", "The key was used for another request within the last day";
        429 OF_USER, "The user's limit of recordings in a minute is used up";
        429 OF_ADDRESS, "A limit of the address is used up";
        429 "budget_limit_exceeded", "No jobs are accepted at the moment";
        503 "queue_full", "Too many recordings wait already, or too large ones";
    }

    /// Answers with what a recording came to.
    Assessing {
        422 "audio_corrupt", "The recording is damaged";
        422 "audio_empty", "There is no sound in the recording";
        422 "audio_too_long", "The recording is longer than 30 s";
        422 "audio_silent", "Nothing can be heard in the recording";
        422 "audio_codec_unsupported", "The recording is encoded in a way that is not supported";
        422 "audio_format_unknown", "The recording is in none of the known formats";
        422 "audio_rejected", "The speech service could not work with the recording";
        500 "assessment_failed", "The job that the request was held for has failed";
    }

    /// Says how urgent it is.
    Urgency { 400 "unknown_priority", "`priority` is neither `interactive` nor `bulk`"; }

    /// Counts for the limit of an address.
    Limited {
        429 OF_ADDRESS, "The limit of the address is used up";
        503 "service_unavailable", "Redis did not answer within two seconds";
    }

    /// May be held.
    Held { 400 "invalid_wait", "`wait` is not one whole number from 0 to 60"; }

    /// Answers with what a job came to.
    Outcome {
        500 OF_JOB, "The job that the request was held for has failed";
    }

    /// Lists jobs.
    Listing {
        400 "unknown_state", "`state` is no state of a job";
        400 "unknown_kind", "`kind` is no name of a kind";
        400 "invalid_limit", "`limit` is not a whole number from 1 to 100";
        400 "invalid_cursor", "`cursor` is not what an earlier page gave";
        400 "repeated_parameter", "A parameter is there twice";
    }

    /// Names a job.
    OfJob { 404 "job_not_found", "There is no such job, or it is another user's"; }

    /// Cancels a job.
    Cancelling { 409 "job_ended", "The job has ended already"; }

    /// For operators alone.
    Restricted { 403 "monitoring_access_denied", "Neither the admin token nor an address that may read"; }

    /// Needs a parameter of the query, or a member of the body.
    Asked { 400 "missing_parameter", "What is needed is not there"; }

    /// Names a user.
    OfUser {
        400 "missing_field", "The user's name is blank";
        400 "too_long", "The user's name has more than 128 characters";
        400 "invalid_characters", "The user's name has control characters or white space around it";
    }

    /// Lists users.
    Page {
        400 "invalid_limit", "`limit` is not a whole number from 1 to 100";
        400 "invalid_cursor", "`cursor` is not what an earlier page gave";
    }

    /// Shows some days.
    Days { 400 "invalid_days", "`days` is not a whole number from 1 to 31"; }

    /// Suspends a user.
    Suspending { 409 "too_many_suspended", "10,000 users are suspended"; }

    /// Names a queue.
    OfQueue { 400 "unknown_queue", "There is no queue of this name"; }

    /// Names a circuit breaker.
    OfBreaker { 400 "unknown_circuit_breaker", "There is no circuit breaker of this name: `available` has those that are"; }

    /// Gives a reason.
    Reason {
        400 "too_long", "`reason` has more than 500 characters";
        400 "invalid_characters", "`reason` has control characters";
    }
}
