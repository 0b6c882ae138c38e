//! What becomes of a sound that is brought to a host: what its answers mean, and when it is tried again.

use keyboardia_session::api::{ApiError, ApiErrorKind};
use std::time::Duration;

/// Pauses before it is tried again; the last one again and again.
pub const WAITS: [Duration; 5] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];
/// HTTP statuses of a request that took too long, and of the first failure of a host.
const REQUEST_TIMEOUT: u16 = 408;
const SERVER_ERROR: u16 = 500;

/// Why a sound was not exchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Why, as a sentence.
    pub sentence: String,
    /// Whether trying again may help.
    pub may_pass: bool,
}

/// What an answer that is no success means: its HTTP status, and its body.
pub fn refusal(status: u16, body: &[u8]) -> Fault {
    match serde_json::from_slice::<ApiError>(body) {
        Ok(ApiError { kind, message }) => Fault { sentence: message, may_pass: may_pass(kind, status) },
        Err(_) => Fault {
            sentence: format!("The host does not take or give sounds just now ({status})."),
            may_pass: is_passing(status),
        },
    }
}

/// Whether it may be otherwise in a while: somebody still brings the sound, the seat is just coming back, or the host is
/// busy. A sound that did not arrive as it was sent is sent again; a full host stays full.
fn may_pass(kind: ApiErrorKind, status: u16) -> bool {
    match kind {
        ApiErrorKind::UnknownSample
        | ApiErrorKind::Unauthorised
        | ApiErrorKind::TooOften
        | ApiErrorKind::HostFull
        | ApiErrorKind::UnknownSession => true,
        ApiErrorKind::Quota => false,
        _ => is_passing(status),
    }
}

fn is_passing(status: u16) -> bool {
    status >= SERVER_ERROR || status == REQUEST_TIMEOUT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_otherwise_in_a_while_is_tried_again_and_a_full_host_is_not() {
        let told = |kind: ApiErrorKind| {
            let error = ApiError { kind, message: "A sentence.".into() };
            refusal(kind.status(), &serde_json::to_vec(&error).unwrap())
        };
        for kind in [ApiErrorKind::UnknownSample, ApiErrorKind::TooOften, ApiErrorKind::HostFull] {
            assert_eq!(told(kind), Fault { sentence: "A sentence.".into(), may_pass: true });
        }
        for kind in [ApiErrorKind::Quota, ApiErrorKind::TooLarge, ApiErrorKind::BadSample, ApiErrorKind::BadRequest] {
            assert!(!told(kind).may_pass, "{kind:?}");
        }
        let proxy = b"<html>nginx</html>";
        assert!(refusal(502, proxy).may_pass && !refusal(404, proxy).may_pass);
    }
}
