//! Refusals as HTTP answers: a status, a kind for programs, one sentence for people.

use crate::{desk::Refused, limits::QUOTE_CHARS_MAX};
use axum::{
    Json,
    extract::rejection::BytesRejection,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use keyboardia_session::{
    JoinError,
    api::{ApiError, ApiErrorKind},
    limits::{HTTP_BODY_BYTES_MAX, PROTOCOL_VERSION, SEATS_MAX, SEATS_PER_SOCKET_MAX, SESSIONS_MAX},
};
use std::time::Duration;

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
            Refused::TooManySeats => Self::new(
                HostFull,
                format!("This host is full: it has {SEATS_PER_SOCKET_MAX} players; try again later."),
            ),
            Refused::NoRandomness => Self::new(HostFull, "This host cannot make secrets now; try again in a moment."),
            Refused::NoAnswer => Self::new(HostFull, "This host is busy or going down; try again in a moment."),
        }
    }

    /// The player speaks another version.
    pub(super) fn other_protocol(theirs: u64) -> Self {
        let message =
            format!("This host speaks protocol {PROTOCOL_VERSION}, your game {theirs}: update the older one.");
        Self::new(ApiErrorKind::OtherProtocol, message)
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

    /// A body that is not what is asked for.
    pub(super) fn bad_json(error: &serde_json::Error) -> Self {
        Self::new(ApiErrorKind::BadRequest, format!("The request cannot be read: {error}."))
    }

    /// A seat token that is none.
    pub(super) fn bad_token() -> Self {
        Self::new(ApiErrorKind::BadRequest, "The seat's token is not 64 hexadecimal digits.")
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

    #[test]
    fn a_stranger_s_text_is_repeated_bounded_and_clean() {
        let refusal = Refusal::of(Refused::UnknownSession, &format!("a\u{1b}[2Jb{}", "x".repeat(1_000)));
        assert_eq!(refusal.status, StatusCode::NOT_FOUND);
        assert!(refusal.error.message.starts_with("No session has the code a[2Jbx"));
        assert!(refusal.error.message.len() < 150);
    }

    #[test]
    fn a_protocol_mismatch_names_both_versions_and_what_to_do() {
        let refusal = Refusal::other_protocol(99);
        assert_eq!(refusal.status, StatusCode::UPGRADE_REQUIRED);
        assert_eq!(
            refusal.error.message,
            format!("This host speaks protocol {PROTOCOL_VERSION}, your game 99: update the older one.")
        );
    }
}
