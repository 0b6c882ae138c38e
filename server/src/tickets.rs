//! Connect tokens: what lets a player who was admitted over HTTP in at the game's socket.
//!
//! A netcode token carries 256 bytes that the player cannot read or change: here the seat token, which says who it is,
//! and the session's code, by which the host's loop finds the room.

use crate::{
    addresses::{Addresses, Route},
    clock::SessionClocks,
};
use keyboardia_session::{
    SeatToken, SessionCode,
    api::to_hex,
    limits::{CONNECT_TOKEN_LIFE_S, CONNECTION_TIMEOUT_S, NETCODE_PROTOCOL_ID},
    token::SEAT_TOKEN_BYTES,
};
use renetcode::{ConnectToken, NETCODE_KEY_BYTES, NETCODE_USER_DATA_BYTES, TokenGenerationError};
use std::{fmt, io, net::SocketAddr};

/// Who a connection belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// Which seat.
    pub(crate) seat: SeatToken,
    /// Of which session.
    pub(crate) code: SessionCode,
}

impl Ticket {
    fn encode(&self) -> [u8; NETCODE_USER_DATA_BYTES] {
        let mut data = [0; NETCODE_USER_DATA_BYTES];
        let code = self.code.to_string();
        for (slot, byte) in data.iter_mut().zip(self.seat.0.iter().chain(code.as_bytes())) {
            *slot = *byte;
        }
        data
    }

    /// Reads what [`Tickets::issue`] wrote; `None` if it is not that.
    pub(crate) fn decode(data: &[u8; NETCODE_USER_DATA_BYTES]) -> Option<Self> {
        let (seat, code) = data.split_first_chunk::<SEAT_TOKEN_BYTES>()?;
        let code = code.split(|byte| *byte == 0).next()?;
        let code = SessionCode::parse(std::str::from_utf8(code).ok()?)?;
        Some(Self { seat: SeatToken(*seat), code })
    }
}

/// Issues connect tokens.
pub(crate) struct Tickets {
    /// The secret that seals them, shared with the game's socket.
    pub(crate) key: [u8; NETCODE_KEY_BYTES],
    pub(crate) addresses: Addresses,
    /// Ports of the game's sockets.
    pub(crate) ports: Vec<u16>,
    pub(crate) clocks: SessionClocks,
}

impl Tickets {
    /// A connect token (hexadecimal) for one of the game's sockets, and the address of the time echo, for a player who came
    /// by `route`.
    pub(crate) fn issue(
        &self,
        ticket: &Ticket,
        route: Route,
        socket: usize,
    ) -> Result<(String, SocketAddr), TokenGenerationError> {
        let port = self.ports.get(socket).copied().unwrap_or_default();
        let client =
            getrandom::u64().map_err(|error| TokenGenerationError::IoError(io::Error::other(error.to_string())))?;
        let token = ConnectToken::generate(
            self.clocks.host.unix_time(),
            NETCODE_PROTOCOL_ID,
            CONNECT_TOKEN_LIFE_S,
            client,
            CONNECTION_TIMEOUT_S,
            self.addresses.for_player(route, port),
            Some(&ticket.encode()),
            &self.key,
        )?;
        let mut bytes = Vec::new();
        token.write(&mut bytes)?;
        Ok((to_hex(&bytes), self.addresses.time_for_player(route)))
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tickets").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_read_as_it_was_written() {
        let ticket = Ticket { seat: SeatToken([0; SEAT_TOKEN_BYTES]), code: SessionCode::from_entropy(u64::MAX) };
        assert_eq!(Ticket::decode(&ticket.encode()), Some(ticket));
    }

    #[test]
    fn other_bytes_are_no_ticket() {
        assert_eq!(Ticket::decode(&[0; NETCODE_USER_DATA_BYTES]), None);
        assert_eq!(Ticket::decode(&[0xff; NETCODE_USER_DATA_BYTES]), None);
    }
}
