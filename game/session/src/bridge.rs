//! What a host and the place in the cloud that holds its session, too, say to each other: a WebSocket's binary frames.
//!
//! ```text
//! host ── Hello ───────────────────────────→ place
//!      ←─ Granted, with the session if the place's is newer ──
//!      ── Whole, then Entries as things happen ──→    written down there
//!      ←─ Held ──────────────────────────────         so that the host may acknowledge
//!      ←─ Opened, Heard, Closed, Admit ──────         players who came to the place
//!      ── Messages, Close, Admitted ──────────→
//! ```
//!
//! The session has one authority at a time, the one of the newest epoch. While a host is attached that is the host, and
//! the place relays; once it is gone, the place goes on from what it holds under the next epoch. Whoever has a session's
//! older epoch learns by [`FromPlace::Granted`] what has become of it.
//!
//! Players' own sounds go beside it, over HTTP, by the same key as `Authorization: Bearer`:
//!
//! | request of a host | answer |
//! |---|---|
//! | `GET /api/sessions/{code}/bridge/samples` | 200 [`SampleList`]: what the place has |
//! | `PUT /api/sessions/{code}/bridge/samples/{hash}` with a sample | as for players, see [`crate::api`] |
//! | `GET /api/sessions/{code}/bridge/samples/{hash}` | the same |
//!
//! Time probes ([`crate::wire::Probe`]) travel on the same line: by them the host learns what the place's clock lacks, and
//! tells it by [`FromHost::Shift`], so that the music keeps its beat when the place goes on.

use crate::{
    api::ApiErrorKind,
    authority::Profile,
    denial::Denial,
    farewell::Farewell,
    limits::{BRIDGE_FRAME_BYTES_MAX, PROTOCOL_VERSION},
    sample::SampleHash,
    token::SeatToken,
    wire::Malformed,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Tells one player's connection to the place from the others.
pub type LineId = u64;

/// A session as it is written down: see [`crate::Authority::restore`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// The whole of it, at some moment.
    pub snapshot: Vec<u8>,
    /// What has happened since.
    pub entries: Vec<Vec<u8>>,
}

/// A message for players.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// Whose connections.
    pub lines: Vec<LineId>,
    /// As it goes out.
    pub bytes: Vec<u8>,
}

/// From a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromHost {
    /// The first frame.
    Hello {
        /// The newest epoch that the host knows of; 0 if it does not know the session.
        epoch: u32,
        /// The epoch that it was granted here last, and has not lost to anybody that it knows of.
        granted: Option<u32>,
    },
    /// The session from now on, in the place of all before.
    Whole {
        /// See [`crate::Authority::snapshot`].
        snapshot: Vec<u8>,
        /// Up to which event.
        seq: u64,
    },
    /// What has happened since.
    Entries {
        /// Steps, oldest first.
        entries: Vec<Vec<u8>>,
        /// Up to which event.
        seq: u64,
    },
    /// Messages for players, in their order.
    Messages(Vec<Parcel>),
    /// A player's connection is to be closed.
    Close {
        /// Which.
        line: LineId,
        /// Why.
        why: Farewell,
    },
    /// Whether somebody has a seat.
    Admitted {
        /// The question.
        ask: u32,
        /// The seat.
        outcome: Result<u8, Denial>,
    },
    /// How far the host's session time is ahead of the place's clock, microseconds.
    Shift(i64),
    /// The session is over.
    Over,
}

/// From the place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromPlace {
    /// The host is the session's authority from now on.
    Granted {
        /// Under this epoch.
        epoch: u32,
        /// The session as it has become; `None` if the host's is the newest.
        session: Option<Written>,
    },
    /// Everything up to this event is safe here.
    Held(u64),
    /// Somebody came, and shows this token.
    Opened {
        /// Their connection.
        line: LineId,
        /// What they show.
        token: SeatToken,
    },
    /// A player sent something.
    Heard {
        /// Whose connection.
        line: LineId,
        /// As it came.
        bytes: Vec<u8>,
    },
    /// A player's connection is gone.
    Closed(LineId),
    /// Somebody wants a seat.
    Admit {
        /// Names the question in its answer.
        ask: u32,
        /// For whom.
        token: SeatToken,
        /// How they would like to be seen.
        profile: Profile,
    },
    /// A sound was brought here, or is here no more: the host looks at the list of them again.
    SamplesChanged,
}

/// The sounds that a place has of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleList {
    /// Their names.
    pub samples: Vec<SampleHash>,
}

/// A sound is not on this side of the bridge now, and nobody here knows whether it is on the other: worth another try.
pub fn sample_may_come() -> Denial {
    let message = "This sound is not here yet; try again in a moment.";
    Denial::new(ApiErrorKind::HostFull, message).retry_after(1)
}

/// A frame.
pub fn encode(message: &impl Serialize) -> Vec<u8> {
    // Writing to a Vec cannot fail, and every type here has a serialised form.
    postcard::to_extend(message, vec![PROTOCOL_VERSION]).unwrap_or_default()
}

/// Reads a frame.
///
/// # Errors
/// As [`crate::wire::decode`], with the larger bound of [`BRIDGE_FRAME_BYTES_MAX`].
pub fn decode<M: DeserializeOwned>(bytes: &[u8]) -> Result<M, Malformed> {
    if bytes.len() > BRIDGE_FRAME_BYTES_MAX {
        return Err(Malformed::TooLarge);
    }
    crate::wire::read(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_arrives_as_it_was() {
        let said = FromHost::Entries { entries: vec![vec![1, 2], Vec::new()], seq: 7 };
        assert_eq!(decode(&encode(&said)), Ok(said));
        let denial = Denial::too_often(7);
        let said = FromHost::Admitted { ask: 3, outcome: Err(denial) };
        assert_eq!(decode(&encode(&said)), Ok(said));
        let said = FromPlace::Opened { line: u64::MAX, token: SeatToken([3; 32]) };
        assert_eq!(decode(&encode(&said)), Ok(said));
        let whole = FromHost::Whole { snapshot: vec![7; crate::limits::MESSAGE_BYTES_MAX + 1], seq: 9 };
        assert_eq!(decode(&encode(&whole)), Ok(whole), "larger than a player's message");
    }

    #[test]
    fn what_is_none_is_refused() {
        assert_eq!(decode::<FromHost>(&[]), Err(Malformed::Garbled));
        assert_eq!(decode::<FromHost>(&vec![PROTOCOL_VERSION; BRIDGE_FRAME_BYTES_MAX + 1]), Err(Malformed::TooLarge));
        let mut other = encode(&FromPlace::Held(1));
        other[0] = PROTOCOL_VERSION + 1;
        assert_eq!(decode::<FromPlace>(&other), Err(Malformed::OtherVersion(PROTOCOL_VERSION + 1)));
    }
}
