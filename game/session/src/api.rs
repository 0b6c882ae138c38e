//! The bodies of the HTTP interface, the same on every host.
//!
//! | request | answer |
//! |---|---|
//! | `POST /api/sessions` with [`CreateRequest`], or nothing | 201 [`Created`] |
//! | `POST /api/sessions/{code}/join` with [`JoinRequest`] | 200 [`Joined`] |
//! | `GET /api/sessions/{code}/ws`, upgraded | a WebSocket; its first frame is a [`crate::wire::Hello`], its last one says why, see [`crate::farewell`] |
//! | `GET /api/sessions/{code}/bridge`, upgraded, with the place's key as `Authorization: Bearer` | a WebSocket for a host that takes the session over, see [`crate::bridge`]; only places in the cloud have it |
//! | `PUT /api/sessions/{code}/samples/{hash}` with a sample | 201, or 200 if the session has it already |
//! | `GET /api/sessions/{code}/samples/{hash}` | 200, the sample (`audio/wav`) |
//!
//! Samples (see [`crate::sample`]) are for the seats of their session: requests about them carry the seat's token as
//! `Authorization: Bearer` and 64 hexadecimal digits.
//!
//! Every refusal is an [`ApiError`] with its HTTP status.

use crate::{
    authority::Profile,
    avatar::Avatar,
    limits::PROTOCOL_VERSION,
    song::{BadSong, Song},
    text::Name,
    values::Colour,
};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use thiserror::Error;

/// A session is to be created.
///
/// A session that was saved is opened as a new one: the grid comes with the request and is checked as a whole, by the same
/// code on every host, before there is a session; nobody else is in it yet, no edit can be lost on the way, and the players
/// who are in other sessions notice nothing. Its samples follow from the player who has opened it, as those of any player
/// do, so that their quotas and checks stay where they are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CreateRequest {
    /// What it begins with; the starter groove otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub song: Option<Box<Song>>,
}

impl CreateRequest {
    /// Reads a request's body. No body is a request for the starter groove.
    ///
    /// # Errors
    /// When it is not such a request, or has a song that no session can begin with.
    pub fn parse(body: &[u8]) -> Result<Self, BadSong> {
        if body.is_empty() {
            return Ok(Self::default());
        }
        Ok(serde_json::from_slice::<Option<Self>>(body)?.unwrap_or_default())
    }
}

/// A session was created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    /// The five words that invite players.
    pub code: String,
}

/// A player wants a seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinRequest {
    /// The wire format that the player speaks, see [`crate::limits::PROTOCOL_VERSION`].
    pub protocol: u8,
    /// What the others shall call them; a friendly name is chosen otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Their colour, `#rrggbb`; that of the seat otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<Colour>,
    /// Their picture; one is chosen otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<Avatar>,
    /// The token of the seat that they had, 64 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

impl JoinRequest {
    /// A request for a seat, in this version of the wire format.
    pub fn new(profile: &Profile, token: Option<&str>) -> Self {
        Self {
            protocol: PROTOCOL_VERSION,
            name: profile.name.as_ref().map(|name| name.as_str().to_owned()),
            colour: profile.colour,
            avatar: profile.avatar,
            token: token.map(str::to_owned),
        }
    }

    /// Reads a request's body. The protocol's number is looked at first: another version may have another request.
    ///
    /// # Errors
    /// When it is another protocol's, or not a request.
    pub fn parse(body: &[u8]) -> Result<Self, BadJoin> {
        #[derive(Deserialize)]
        struct Spoken {
            protocol: u64,
        }
        let Spoken { protocol } = serde_json::from_slice(body)?;
        if protocol != u64::from(PROTOCOL_VERSION) {
            return Err(BadJoin::OtherProtocol(protocol));
        }
        Ok(serde_json::from_slice(body)?)
    }

    /// What the player would like to be seen as, made printable and short.
    pub fn profile(&self) -> Profile {
        Profile { name: self.name.as_deref().map(Name::sanitised), colour: self.colour, avatar: self.avatar }
    }
}

/// Why a request to join is none.
#[derive(Debug, Error)]
pub enum BadJoin {
    /// Another version of the wire format is spoken; its request may look different.
    #[error("This host speaks protocol {PROTOCOL_VERSION}, your game {0}: update the older one.")]
    OtherProtocol(u64),
    /// Not JSON, or not such a request.
    #[error("The request cannot be read: {0}.")]
    Unreadable(#[from] serde_json::Error),
}

impl BadJoin {
    /// What it is for programs.
    pub fn kind(&self) -> ApiErrorKind {
        match self {
            Self::OtherProtocol(_) => ApiErrorKind::OtherProtocol,
            Self::Unreadable(_) => ApiErrorKind::BadRequest,
        }
    }
}

/// A seat is kept for the player.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// The seat, 0 … 9.
    pub seat: u8,
    /// The secret that brings the player back to this seat, 64 hexadecimal digits.
    pub token: String,
    /// The way by UDP; without it, the session's WebSocket is the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub udp: Option<UdpWay>,
    /// Where the session goes on when this host does not answer any more: an address to join with the same code and token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<String>,
}

/// How a player who has a seat gets to the host by UDP.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UdpWay {
    /// A netcode connect token, hexadecimal: addresses, keys and the seat, sealed by the host.
    pub connect_token: String,
    /// Where time probes are answered.
    pub time: SocketAddr,
    /// How far session time is ahead of the time that is told there, microseconds.
    #[serde(default, skip_serializing_if = "is_none")]
    pub ahead_us: i64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_none(us: &i64) -> bool {
    *us == 0
}

impl std::fmt::Debug for Joined {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Joined").field("seat", &self.seat).field("udp", &self.udp).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for UdpWay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UdpWay").field("time", &self.time).finish_non_exhaustive()
    }
}

/// Kind of a refusal, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiErrorKind {
    /// 404: no session has this code, or it is over.
    UnknownSession,
    /// 403: nobody new is let in.
    Locked,
    /// 403: the others have removed the player.
    Removed,
    /// 409: all seats are taken.
    SessionFull,
    /// 426: another version of the wire format is spoken.
    OtherProtocol,
    /// 400: the request cannot be read.
    BadRequest,
    /// 401: no seat of the session has shown its token.
    Unauthorised,
    /// 400: the sound cannot be a sample, or is not the one that it is said to be.
    BadSample,
    /// 413: the sound is larger than a sample can be.
    TooLarge,
    /// 404: the session has no such sample.
    UnknownSample,
    /// 507: the session or the host has no room for the sample.
    Quota,
    /// 429: too many requests from one address, too many wrong codes, or too many samples of one seat at once.
    TooOften,
    /// 503: the host has as many sessions as it can hold, or is going down.
    HostFull,
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiError {
    /// For programs.
    pub kind: ApiErrorKind,
    /// For people: one sentence.
    pub message: String,
}

impl ApiErrorKind {
    /// The HTTP status that goes with it.
    pub fn status(self) -> u16 {
        match self {
            Self::UnknownSession | Self::UnknownSample => 404,
            Self::Locked | Self::Removed => 403,
            Self::SessionFull => 409,
            Self::OtherProtocol => 426,
            Self::BadRequest | Self::BadSample => 400,
            Self::Unauthorised => 401,
            Self::TooLarge => 413,
            Self::Quota => 507,
            Self::TooOften => 429,
            Self::HostFull => 503,
        }
    }
}

/// Bytes as hexadecimal digits.
pub fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Hexadecimal digits as bytes; `None` if they are none, or more than `max` bytes.
pub fn from_hex(text: &str, max: usize) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) || digits.len() / 2 > max {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    digits.chunks_exact(2).map(|pair| Some((digit(pair[0])? * 16 + digit(pair[1])?) as u8)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_for_a_session_may_bring_nothing_and_no_nonsense() {
        for body in ["", "null", "{}", r#"{"song":null}"#] {
            assert_eq!(CreateRequest::parse(body.as_bytes()).ok(), Some(CreateRequest::default()), "{body}");
        }
        for body in ["{", "7", r#"{"song":{}}"#, r#"{"song":{"version":2}}"#] {
            assert!(CreateRequest::parse(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn hexadecimal_is_bounded_and_returns_as_it_was() {
        let bytes = [0, 9, 0xab, 0xff];
        assert_eq!(from_hex(&to_hex(&bytes), 4).as_deref(), Some(&bytes[..]));
        assert_eq!(from_hex(&to_hex(&bytes), 3), None);
        assert_eq!(from_hex("0", 4), None);
        assert_eq!(from_hex("zz", 4), None);
    }
}
