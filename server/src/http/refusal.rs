//! Refusals as HTTP answers: a status, a kind for programs, one sentence for people.

use crate::{
    desk::Refused,
    limits::{QUOTE_CHARS_MAX, SAMPLE_UPLOADS_PER_SEAT_MAX},
    samples::NoRoom,
};
use axum::{
    Json,
    extract::rejection::BytesRejection,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use keyboardia_session::{
    BadSample, JoinError,
    api::{ApiError, ApiErrorKind, BadJoin},
    limits::{HTTP_BODY_BYTES_MAX, SEATS_MAX, SESSIONS_MAX},
};
use std::time::Duration;

/// When a seat that brings too many samples at once may try again.
const UPLOAD_RETRY: Duration = Duration::from_secs(1);

/// A refusal on its way out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    error: ApiError,
    /// When it is worth another try.
    retry_after: Option<Duration>,
}

impl Refusal {
    fn new(kind: ApiErrorKind, message: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, error: ApiError { kind, message: message.into() }, retry_after: None }
    }

    /// What the host's loop refused; `code` as the player wrote it.
    pub(super) fn of(refused: Refused, code: &str) -> Self {
        use ApiErrorKind::{HostFull, SessionFull, UnknownSession};
        match refused {
            Refused::UnknownSession => {
                let code = Some(quote(code)).filter(|code| !code.is_empty());
                let code = code.map_or("that code".into(), |code| format!("the code {code}"));
                Self::new(UnknownSession, format!("No session has {code}; check the five words."))
            }
            Refused::SessionFull => {
                Self::new(SessionFull, format!("This session is full: all {SEATS_MAX} seats are taken."))
            }
            Refused::Locked => Self::new(ApiErrorKind::Locked, JoinError::Locked.to_string()),
            Refused::Removed => Self::new(ApiErrorKind::Removed, JoinError::Removed.to_string()),
            Refused::TooManySessions => {
                Self::new(HostFull, format!("This host is full: it has {SESSIONS_MAX} sessions; try again later."))
            }
            Refused::TooManySeats => Self::new(HostFull, "This host is full of players; try again later."),
            Refused::NoRandomness => Self::new(HostFull, "This host cannot make secrets now; try again in a moment."),
            Refused::NoAnswer => Self::new(HostFull, "This host is busy or going down; try again in a moment."),
        }
    }

    /// A request to join that is none.
    pub(super) fn bad_join(bad: &BadJoin) -> Self {
        Self::new(bad.kind(), bad.to_string())
    }

    /// One address asks too often.
    pub(super) fn too_often(wait: Duration) -> Self {
        let seconds = wait.as_secs_f64().ceil().max(1.0);
        let message = format!("That was too often from your address; try again in {seconds} s.");
        Self { retry_after: Some(wait), ..Self::new(ApiErrorKind::TooOften, message) }
    }

    /// A body that is too large, or broke off.
    pub(super) fn unreadable_body(rejection: &BytesRejection) -> Self {
        let message = if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            format!("The request is larger than {HTTP_BODY_BYTES_MAX} bytes.")
        } else {
            "The request broke off.".into()
        };
        Self::new(ApiErrorKind::BadRequest, message)
    }

    /// Nobody whom the session knows.
    pub(super) fn unauthorised() -> Self {
        Self::new(ApiErrorKind::Unauthorised, "This needs a seat in the session, and its token in the request.")
    }

    /// A sample's name that is none.
    pub(super) fn bad_hash() -> Self {
        let message = "A sample is named by its SHA-256: 64 hexadecimal digits, in lower case.";
        Self::new(ApiErrorKind::BadRequest, message)
    }

    /// Nobody knows how long a sample will be.
    pub(super) fn no_length() -> Self {
        let message = "The request does not say how long the sound is (Content-Length).";
        Self { status: StatusCode::LENGTH_REQUIRED, ..Self::new(ApiErrorKind::BadRequest, message) }
    }

    /// A sample that is larger than any.
    pub(super) fn too_large() -> Self {
        Self::new(ApiErrorKind::TooLarge, BadSample::TooLarge.to_string())
    }

    /// A sample of which less, or more, has come than was announced.
    pub(super) fn broken_off() -> Self {
        Self::new(ApiErrorKind::BadRequest, "The request broke off.")
    }

    /// A sample that is not the one that it is said to be.
    pub(super) fn other_sample() -> Self {
        Self::new(ApiErrorKind::BadSample, "The sound is not the one that its name says; send it again.")
    }

    /// A file that is no sample.
    pub(super) fn bad_sample(bad: BadSample) -> Self {
        Self::new(ApiErrorKind::BadSample, bad.to_string())
    }

    /// There is no place for a sample.
    pub(super) fn no_room(no_room: NoRoom) -> Self {
        Self::new(ApiErrorKind::Quota, no_room.to_string())
    }

    /// A seat that brings as many samples as it may.
    pub(super) fn too_many_uploads() -> Self {
        let message = format!(
            "{SAMPLE_UPLOADS_PER_SEAT_MAX} sounds of yours are on their way already; wait until one of them is here."
        );
        Self { retry_after: Some(UPLOAD_RETRY), ..Self::new(ApiErrorKind::TooOften, message) }
    }

    /// A sample that the session does not have.
    pub(super) fn unknown_sample() -> Self {
        Self::new(ApiErrorKind::UnknownSample, "This session has no such sound.")
    }

    /// A seat token that is none.
    pub(super) fn bad_token() -> Self {
        Self::new(ApiErrorKind::BadRequest, "The seat's token is not 64 hexadecimal digits.")
    }

    /// A WebSocket is wanted where none is asked for.
    pub(super) fn no_web_socket() -> Self {
        let message = "Here is a WebSocket: ask for an upgrade.".into();
        Self {
            status: StatusCode::UPGRADE_REQUIRED,
            error: ApiError { kind: ApiErrorKind::BadRequest, message },
            retry_after: None,
        }
    }

    /// Nothing is at this address.
    pub(super) fn unknown_route(path: &str) -> Self {
        let message = format!("There is nothing at {} on this host.", quote(path));
        Self { status: StatusCode::NOT_FOUND, ..Self::new(ApiErrorKind::BadRequest, message) }
    }

    /// Something is at this address, but not for this method.
    pub(super) fn wrong_method(method: &str, path: &str) -> Self {
        let message = format!("{} does not answer to {}.", quote(path), quote(method));
        Self { status: StatusCode::METHOD_NOT_ALLOWED, ..Self::new(ApiErrorKind::BadRequest, message) }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.error)).into_response();
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs_f64().ceil().max(1.0) as u32;
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// A stranger's text, bounded and without what could disturb a terminal.
fn quote(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(QUOTE_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyboardia_session::limits::PROTOCOL_VERSION;

    #[test]
    fn a_stranger_s_text_is_repeated_bounded_and_clean() {
        let refusal = Refusal::of(Refused::UnknownSession, &format!("a\u{1b}[2Jb{}", "x".repeat(1_000)));
        assert_eq!(refusal.status, StatusCode::NOT_FOUND);
        assert!(refusal.error.message.starts_with("No session has the code a[2Jbx"));
        assert!(refusal.error.message.len() < 150);
    }

    #[test]
    fn a_protocol_mismatch_names_both_versions_and_what_to_do() {
        let refusal = Refusal::bad_join(&BadJoin::OtherProtocol(99));
        assert_eq!(refusal.status, StatusCode::UPGRADE_REQUIRED);
        assert_eq!(
            refusal.error.message,
            format!("This host speaks protocol {PROTOCOL_VERSION}, your game 99: update the older one.")
        );
    }
}
