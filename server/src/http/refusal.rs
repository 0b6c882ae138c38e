//! Refusals as HTTP answers.

use crate::{desk::Refused, samples::NoRoom};
use axum::{
    Json,
    extract::rejection::BytesRejection,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use keyboardia_session::{api::ApiErrorKind, denial::Denial, limits::SAMPLE_UPLOADS_PER_SEAT_MAX};
use std::time::Duration;

/// A refusal on its way out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal(Denial);

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        Self(denial)
    }
}

impl Refusal {
    /// What the host's loop refused; `code` as the player wrote it.
    pub(super) fn of(refused: Refused, code: &str) -> Self {
        Self(refused.denial(code))
    }

    /// One address asks too often.
    pub(super) fn too_often(wait: Duration) -> Self {
        Self(Denial::too_often(wait.as_secs_f64().ceil() as u64))
    }

    /// A body of more than so many bytes, or one that broke off.
    pub(super) fn unreadable_body(rejection: &BytesRejection, bytes_max: usize) -> Self {
        let is_large = rejection.status() == StatusCode::PAYLOAD_TOO_LARGE;
        Self(if is_large { Denial::large_body(bytes_max) } else { Denial::broken_off() })
    }

    /// There is no place for a sample.
    pub(super) fn no_room(no_room: NoRoom) -> Self {
        Self(match no_room {
            NoRoom::Samples(at_most) => Denial::too_many_samples(at_most),
            NoRoom::Session(at_most) => Denial::too_much_sound(at_most),
            NoRoom::Host => Denial::new(ApiErrorKind::Quota, "This host has no room for more sounds."),
            NoRoom::Broken => Denial::no_disk(),
        })
    }

    /// A seat that brings as many samples as it may.
    pub(super) fn too_many_uploads() -> Self {
        Self(Denial::too_many_uploads(SAMPLE_UPLOADS_PER_SEAT_MAX))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Denial { status, error, retry_after_s } = self.0;
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(error)).into_response();
        if let Some(seconds) = retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
