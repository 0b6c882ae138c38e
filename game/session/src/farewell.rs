//! Why a host closes a connection: for the player in a sentence, for its program in whether to come back.
//!
//! Travels as a message, and on a WebSocket also as the code and the reason of the close frame.

use crate::limits::{MESSAGE_BYTES_MAX, PROTOCOL_VERSION};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Error)]
pub enum Farewell {
    /// The host ends; it may be back in a moment.
    #[error("The host is going down; if it comes back, so do you.")]
    Stopping,
    /// The others have removed the player from the session.
    #[error("You were removed from this session.")]
    Removed,
    /// The same seat was taken by a newer connection.
    #[error("You have come in from somewhere else; this window is out.")]
    Replaced,
    /// The session is over, or never was.
    #[error("The session is over.")]
    NoSession,
    /// The seat is not kept any more; another one may be free.
    #[error("The seat is no longer kept for you.")]
    NoSeat,
    /// The host has as many connections as it can hold.
    #[error("This host is full; try again later.")]
    Full,
    /// Nothing was heard for too long.
    #[error("The host has not heard from you for too long.")]
    Silent,
    /// What the host had to say was not read.
    #[error("Your connection is too slow for this session.")]
    TooSlow,
    /// A frame of more than [`MESSAGE_BYTES_MAX`].
    #[error("A message was larger than {MESSAGE_BYTES_MAX} bytes.")]
    TooLarge,
    /// The first frame does not say who comes, or none came.
    #[error("The connection did not say whose it is.")]
    Unnamed,
    /// Another version of the wire format.
    #[error("This host speaks protocol {PROTOCOL_VERSION}, your game another one: update the older one.")]
    OtherProtocol,
    /// The session has another authority now; the player is welcome there.
    #[error("The session moves to another place, and you with it.")]
    Moving,
}

impl Farewell {
    /// All there are.
    pub const ALL: [Self; 12] = [
        Self::Stopping,
        Self::Removed,
        Self::Replaced,
        Self::NoSession,
        Self::NoSeat,
        Self::Full,
        Self::Silent,
        Self::TooSlow,
        Self::TooLarge,
        Self::Unnamed,
        Self::OtherProtocol,
        Self::Moving,
    ];

    /// Whether it is worth trying to come back.
    pub fn may_return(self) -> bool {
        match self {
            Self::Stopping | Self::NoSeat | Self::Full | Self::Silent | Self::TooSlow | Self::Moving => true,
            Self::Removed | Self::Replaced | Self::NoSession | Self::TooLarge | Self::Unnamed | Self::OtherProtocol => {
                false
            }
        }
    }

    /// Code of a WebSocket's close frame (RFC 6455, 7.4.2: private use).
    pub fn code(self) -> u16 {
        match self {
            Self::Unnamed => 4400,
            Self::NoSeat => 4401,
            Self::Removed => 4403,
            Self::NoSession => 4404,
            Self::Silent => 4408,
            Self::Replaced => 4409,
            Self::TooLarge => 4413,
            Self::OtherProtocol => 4426,
            Self::TooSlow => 4429,
            Self::Stopping => 4503,
            Self::Moving => 4421,
            Self::Full => 4507,
        }
    }

    /// What a close frame's code means; `None` if it is none of ours.
    pub fn of_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|farewell| farewell.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Bytes of a close frame's reason (RFC 6455, 5.5).
    const REASON_BYTES_MAX: usize = 123;

    #[test]
    fn each_has_a_code_of_its_own_and_a_sentence_that_fits_a_close_frame() {
        let codes: BTreeSet<u16> = Farewell::ALL.iter().map(|farewell| farewell.code()).collect();
        assert_eq!(codes.len(), Farewell::ALL.len());
        for farewell in Farewell::ALL {
            assert_eq!(Farewell::of_code(farewell.code()), Some(farewell));
            assert!((4000..5000).contains(&farewell.code()));
            let sentence = farewell.to_string();
            assert!(sentence.len() <= REASON_BYTES_MAX && sentence.ends_with('.'), "{sentence}");
        }
        assert_eq!(Farewell::of_code(1006), None);
    }
}
