//! The wire format: one version byte, then one message in postcard. Bounded before it is decoded, and decoded into
//! types whose own bounds hold.
//!
//! The same messages travel over renet, WebSocket and in tests. Only the time probe has a form of its own, because it
//! travels as a bare datagram, see [`Probe`]; on a WebSocket it is a binary frame, told from messages by its first byte.

use crate::{
    bounded::Bounded,
    command::{Command, CommandId, Refusal},
    cursor::Pointer,
    event::Event,
    farewell::Farewell,
    limits::{MESSAGE_BYTES_MAX, PROTOCOL_VERSION, SNAPSHOT_CHUNK_BYTES},
    state::SeatId,
    time::Micros,
    token::SeatToken,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;

/// From a player to the authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientMessage {
    /// A wish.
    Command {
        /// The player's number of it.
        id: CommandId,
        /// What is wished.
        command: Command,
    },
    /// How the seat is doing.
    Report(Report),
    /// Where the player's pointer or finger is, and what they record; sent often, and may be lost.
    Cursor(Pointer),
    /// The seat lost the thread and wants a snapshot.
    Resync,
}

/// How a seat is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Report {
    /// How much earlier than its beat this seat must hear of a launch, microseconds: one-way delay, jitter, output
    /// latency, audio block and polling interval together.
    pub lead_us: u32,
    /// Shortest recent round trip to the host, microseconds; zero until it is known.
    pub round_trip_us: u32,
    /// How far the seat's sound is behind (positive) or ahead of the session, by its own measure, microseconds.
    pub phase_error_us: i32,
}

/// The first frame of a WebSocket: whose it is. A host does not read on before it knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The secret of the seat that is kept for the player.
    pub token: SeatToken,
}

/// From the authority to a player.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HostMessage {
    /// Comes first after joining; a snapshot follows.
    Welcome {
        /// Your seat.
        seat: SeatId,
        /// Counts the authorities that this session has had.
        epoch: u32,
        /// The last event that survives the end of the host; `None` where none does.
        durable: Option<u64>,
    },
    /// A piece of a snapshot, in order.
    Snapshot {
        /// Which piece, from 0.
        index: u16,
        /// How many there are.
        count: u16,
        /// The piece.
        bytes: Bounded<u8, SNAPSHOT_CHUNK_BYTES>,
    },
    /// Something happened.
    Event(Event),
    /// All events up to this one survive the end of the host. Nothing else acknowledges that.
    Durable(u64),
    /// A command had no effect.
    Refused {
        /// Which one.
        id: CommandId,
        /// Why.
        refusal: Refusal,
    },
    /// A message could not be read; it cost nobody else anything.
    Malformed(Malformed),
    /// How many edits you can take back, and make again.
    History {
        /// Edits to take back.
        undo: u8,
        /// Edits to make again.
        redo: u8,
    },
    /// How a seat is doing; told when it has changed.
    Report {
        /// Which seat.
        seat: SeatId,
        /// How it does.
        report: Report,
    },
    /// Where a player's pointer or finger is, and what they record; may be lost.
    Cursor {
        /// Whose.
        seat: SeatId,
        /// Where.
        pointer: Pointer,
    },
    /// The authority's clock, sent now and then while playing; may be lost.
    Beacon(Micros),
    /// The connection is about to be closed, and why; nothing follows.
    Farewell(Farewell),
}

/// Why a message could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Error)]
pub enum Malformed {
    /// Larger than [`MESSAGE_BYTES_MAX`].
    #[error("a message of more than {MESSAGE_BYTES_MAX} bytes")]
    TooLarge,
    /// Of another version.
    #[error("a message of protocol version {0}, but version {PROTOCOL_VERSION} is spoken here")]
    OtherVersion(u8),
    /// Not a message.
    #[error("bytes that are not a message")]
    Garbled,
}

/// Encodes a message.
pub fn encode(message: &impl Serialize) -> Vec<u8> {
    // Writing to a Vec cannot fail, and every type of this crate has a serialised form.
    postcard::to_extend(message, vec![PROTOCOL_VERSION]).unwrap_or_default()
}

/// Decodes a message.
///
/// # Errors
/// When the bytes are too many, of another version, not a message, or more than one.
pub fn decode<M: DeserializeOwned>(bytes: &[u8]) -> Result<M, Malformed> {
    if bytes.len() > MESSAGE_BYTES_MAX {
        return Err(Malformed::TooLarge);
    }
    read(bytes)
}

/// Decodes a message of any size.
pub(crate) fn read<M: DeserializeOwned>(bytes: &[u8]) -> Result<M, Malformed> {
    let (version, body) = bytes.split_first().ok_or(Malformed::Garbled)?;
    if *version != PROTOCOL_VERSION {
        return Err(Malformed::OtherVersion(*version));
    }
    match postcard::take_from_bytes(body) {
        Ok((message, [])) => Ok(message),
        _ => Err(Malformed::Garbled),
    }
}

/// A time probe and its reply: a datagram of [`Probe::BYTES`] either way, so that the reply is never larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// When the player sent it, the player's own clock.
    pub sent: Micros,
    /// When the host received it, session time; zero in the request.
    pub received: Micros,
    /// When the host answered, session time; zero in the request.
    pub answered: Micros,
}

impl Probe {
    /// Size of the datagram.
    pub const BYTES: usize = 28;
    const MAGIC: [u8; 4] = *b"KBt1";

    /// The datagram.
    pub fn encode(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let (magic, times) = bytes.split_at_mut(4);
        magic.copy_from_slice(&Self::MAGIC);
        for (slot, time) in times.chunks_exact_mut(8).zip([self.sent, self.received, self.answered]) {
            slot.copy_from_slice(&time.0.to_le_bytes());
        }
        bytes
    }

    /// Reads a datagram; `None` if it is not a probe.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let times = bytes.strip_prefix(&Self::MAGIC).filter(|_| bytes.len() == Self::BYTES)?;
        let mut times =
            times.chunks_exact(8).filter_map(|slot| slot.try_into().ok().map(|slot| Micros(u64::from_le_bytes(slot))));
        Some(Self { sent: times.next()?, received: times.next()?, answered: times.next()? })
    }

    /// The same answer by a clock that is so far ahead of the one that gave it, microseconds.
    #[must_use]
    pub fn ahead(self, us: i64) -> Self {
        Self { received: self.received.offset(us), answered: self.answered.offset(us), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::{SceneId, TrackId};

    #[test]
    fn a_message_returns_from_the_wire_as_it_was() {
        let message = ClientMessage::Command {
            id: CommandId(7),
            command: Command::Launch { track: TrackId(1), scene: SceneId(2) },
        };
        assert_eq!(decode(&encode(&message)), Ok(message));
    }

    #[test]
    fn another_version_is_named() {
        let mut bytes = encode(&ClientMessage::Resync);
        bytes[0] = 9;
        assert_eq!(decode::<ClientMessage>(&bytes), Err(Malformed::OtherVersion(9)));
    }

    #[test]
    fn bytes_after_a_message_are_refused() {
        let mut bytes = encode(&ClientMessage::Resync);
        bytes.push(0);
        assert_eq!(decode::<ClientMessage>(&bytes), Err(Malformed::Garbled));
        assert_eq!(decode::<ClientMessage>(&[]), Err(Malformed::Garbled));
        assert_eq!(decode::<ClientMessage>(&vec![PROTOCOL_VERSION; MESSAGE_BYTES_MAX + 1]), Err(Malformed::TooLarge));
    }

    #[test]
    fn a_probe_returns_as_it_was_and_nothing_else_is_one() {
        let probe = Probe { sent: Micros(1), received: Micros(2), answered: Micros(u64::MAX) };
        assert_eq!(Probe::decode(&probe.encode()), Some(probe));
        assert_eq!(Probe::decode(&probe.encode()[1..]), None);
        assert_eq!(Probe::decode(&[0; Probe::BYTES]), None);
    }
}
