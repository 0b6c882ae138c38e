//! What a socket remembers while the object sleeps: who is at its other end.

use serde::{Deserialize, Serialize};
use worker::{Result, WebSocket};

/// Who is at the other end of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Who {
    /// Somebody who has not said who they are.
    Newcomer,
    /// The player in this seat.
    Seat(u8),
    /// A player of a host, who comes to it through here.
    Guest,
    /// A host that has not said what it knows of the session.
    NewHost,
    /// The host that was granted this epoch.
    Host(u32),
}

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attachment {
    /// Tells sockets apart.
    pub(crate) number: u64,
    pub(crate) who: Who,
    /// When it came, or, if it is a host's, was heard last, about; the object's own clock, microseconds.
    pub(crate) since: u64,
}

impl Attachment {
    /// Whether its time to say who it is runs.
    pub(crate) fn is_unnamed(&self) -> bool {
        matches!(self.who, Who::Newcomer | Who::NewHost)
    }

    /// What a socket remembers; nothing if it has been closed.
    pub(crate) fn of(socket: &WebSocket) -> Option<Self> {
        socket.deserialize_attachment().ok().flatten()
    }

    /// Has the socket remember this.
    pub(crate) fn attach(self, socket: &WebSocket) -> Result<()> {
        socket.serialize_attachment(self)
    }
}
