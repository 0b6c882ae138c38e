//! What an authority's door says to those whom it does not let in: a status, a kind for programs, one sentence for people.
//! Every host words it alike.

use crate::{
    api::{ApiError, ApiErrorKind, BadJoin},
    authority::JoinError,
    sample::BadSample,
    song::BadSong,
};
use serde::{Deserialize, Serialize};

/// Characters of a request that are repeated in a sentence about it.
const QUOTE_CHARS_MAX: usize = 64;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    /// The HTTP status.
    pub status: u16,
    /// The body of the answer.
    pub error: ApiError,
    /// When it is worth another try, seconds.
    pub retry_after_s: Option<u64>,
}

impl Denial {
    /// Something is refused with the status of its kind.
    pub fn new(kind: ApiErrorKind, message: impl Into<String>) -> Self {
        Self { status: kind.status(), error: ApiError { kind, message: message.into() }, retry_after_s: None }
    }

    /// The same, worth another try after a while.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after_s: Some(seconds.max(1)), ..self }
    }

    /// No session has this code; `code` as the player wrote it, nothing where none was written.
    pub fn unknown_session(code: &str) -> Self {
        let code = Some(quote(code)).filter(|code| !code.is_empty());
        let code = code.map_or("that code".into(), |code| format!("the code {code}"));
        Self::new(ApiErrorKind::UnknownSession, format!("No session has {code}; check the five words."))
    }

    /// An authority does not let a player in; `code` as the player wrote it.
    pub fn of_join(error: JoinError, code: &str) -> Self {
        let kind = match error {
            JoinError::Full => ApiErrorKind::SessionFull,
            JoinError::Locked => ApiErrorKind::Locked,
            JoinError::Removed => ApiErrorKind::Removed,
            JoinError::UnknownToken => return Self::unknown_session(code),
        };
        Self::new(kind, error.to_string())
    }

    /// The host cannot do it now.
    pub fn busy() -> Self {
        Self::new(ApiErrorKind::HostFull, "This host is busy or going down; try again in a moment.")
    }

    /// A place in the cloud takes no hosts, or not this one.
    pub fn no_bridge() -> Self {
        Self::new(ApiErrorKind::Unauthorised, "This place does not know the host's key.")
    }

    /// The host gets no random numbers.
    pub fn no_secrets() -> Self {
        Self::new(ApiErrorKind::HostFull, "This host cannot make secrets now; try again in a moment.")
    }

    /// A request to join that is none.
    pub fn bad_join(bad: &BadJoin) -> Self {
        Self::new(bad.kind(), bad.to_string())
    }

    /// One address asks too often; it may again after so many seconds.
    pub fn too_often(seconds: u64) -> Self {
        let seconds = seconds.max(1);
        let message = format!("That was too often from your address; try again in {seconds} s.");
        Self::new(ApiErrorKind::TooOften, message).retry_after(seconds)
    }

    /// A song that no session can begin with.
    pub fn bad_song(bad: &BadSong) -> Self {
        Self::new(ApiErrorKind::BadRequest, bad.to_string())
    }

    /// A body of more than so many bytes.
    pub fn large_body(bytes_max: usize) -> Self {
        Self::new(ApiErrorKind::BadRequest, format!("The request is larger than {bytes_max} bytes."))
    }

    /// A body of which less, or more, has come than was announced.
    pub fn broken_off() -> Self {
        Self::new(ApiErrorKind::BadRequest, "The request broke off.")
    }

    /// Nobody whom the session knows.
    pub fn unauthorised() -> Self {
        Self::new(ApiErrorKind::Unauthorised, "This needs a seat in the session, and its token in the request.")
    }

    /// A seat token that is none.
    pub fn bad_token() -> Self {
        Self::new(ApiErrorKind::BadRequest, "The seat's token is not 64 hexadecimal digits.")
    }

    /// A sample's name that is none.
    pub fn bad_hash() -> Self {
        let message = "A sample is named by its SHA-256: 64 hexadecimal digits, in lower case.";
        Self::new(ApiErrorKind::BadRequest, message)
    }

    /// Nobody knows how long a sample will be.
    pub fn no_length() -> Self {
        let message = "The request does not say how long the sound is (Content-Length).";
        Self { status: 411, ..Self::new(ApiErrorKind::BadRequest, message) }
    }

    /// A sample that is larger than any.
    pub fn too_large() -> Self {
        Self::new(ApiErrorKind::TooLarge, BadSample::TooLarge.to_string())
    }

    /// A sample that is not the one that it is said to be.
    pub fn other_sample() -> Self {
        Self::new(ApiErrorKind::BadSample, "The sound is not the one that its name says; send it again.")
    }

    /// A file that is no sample.
    pub fn bad_sample(bad: BadSample) -> Self {
        Self::new(ApiErrorKind::BadSample, bad.to_string())
    }

    /// The session has as many samples as it can.
    pub fn too_many_samples(at_most: usize) -> Self {
        let message = format!("This session has {at_most} sounds of its own already; no more fit.");
        Self::new(ApiErrorKind::Quota, message)
    }

    /// The session's samples would have more than so many bytes together.
    pub fn too_much_sound(bytes_at_most: u64) -> Self {
        let megabytes = bytes_at_most as f64 / 1e6;
        let message = format!("This session's own sounds may have {megabytes} MB together; this one is too much.");
        Self::new(ApiErrorKind::Quota, message)
    }

    /// Samples cannot be saved.
    pub fn no_disk() -> Self {
        Self::new(ApiErrorKind::Quota, "This host cannot save sounds now; try again in a moment.")
    }

    /// A seat brings as many samples at once as it may.
    pub fn too_many_uploads(at_once: usize) -> Self {
        let message = format!("{at_once} sounds of yours are on their way already; wait until one of them is here.");
        Self::new(ApiErrorKind::TooOften, message).retry_after(1)
    }

    /// A sample that the session does not have.
    pub fn unknown_sample() -> Self {
        Self::new(ApiErrorKind::UnknownSample, "This session has no such sound.")
    }

    /// A WebSocket is wanted where none is asked for.
    pub fn no_web_socket() -> Self {
        Self { status: 426, ..Self::new(ApiErrorKind::BadRequest, "Here is a WebSocket: ask for an upgrade.") }
    }

    /// Nothing is at this address.
    pub fn unknown_route(path: &str) -> Self {
        let message = format!("There is nothing at {} on this host.", quote(path));
        Self { status: 404, ..Self::new(ApiErrorKind::BadRequest, message) }
    }

    /// Something is at this address, but not for this method.
    pub fn wrong_method(method: &str, path: &str) -> Self {
        let message = format!("{} does not answer to {}.", quote(path), quote(method));
        Self { status: 405, ..Self::new(ApiErrorKind::BadRequest, message) }
    }
}

/// A stranger's text, bounded and without what could disturb a terminal.
fn quote(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(QUOTE_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::PROTOCOL_VERSION;

    #[test]
    fn a_stranger_s_text_is_repeated_bounded_and_clean() {
        let denial = Denial::unknown_session(&format!("a\u{1b}[2Jb{}", "x".repeat(1_000)));
        assert_eq!(denial.status, 404);
        assert!(denial.error.message.starts_with("No session has the code a[2Jbx"));
        assert!(denial.error.message.len() < 150);
    }

    #[test]
    fn a_protocol_mismatch_names_both_versions_and_what_to_do() {
        let denial = Denial::bad_join(&BadJoin::OtherProtocol(99));
        assert_eq!(denial.status, 426);
        assert_eq!(
            denial.error.message,
            format!("This host speaks protocol {PROTOCOL_VERSION}, your game 99: update the older one.")
        );
    }
}
