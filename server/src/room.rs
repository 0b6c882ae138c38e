//! One session on this host: its authority, and the connections in its seats.

use crate::shard::Shard;
use keyboardia_session::{
    Authority, Channel, JoinError, Micros, Outbox, Profile, Recipient, SeatId, SeatToken, SessionSetup,
    limits::{CHANNEL_RELIABLE, CHANNEL_UNRELIABLE},
};
use renet::{Bytes, ClientId};
use std::collections::BTreeMap;

/// A session and its connections.
pub(crate) struct Room {
    authority: Authority,
    clients: BTreeMap<SeatId, ClientId>,
    outbox: Outbox,
    wake_at: Option<Micros>,
}

impl Room {
    /// A room where nobody is yet.
    pub(crate) fn new(setup: SessionSetup, now: Micros) -> Self {
        let authority = Authority::new(setup, now);
        let wake_at = authority.wake_at();
        Self { authority, clients: BTreeMap::new(), outbox: Outbox::new(), wake_at }
    }

    /// Seats that are taken or kept.
    pub(crate) fn seats_taken(&self) -> usize {
        self.authority.seats_taken()
    }

    /// Reserves a seat. With `room_for_more` false, only a seat that is kept for this token already; the answer is
    /// then `None` for anybody else.
    pub(crate) fn admit(
        &mut self,
        now: Micros,
        token: &SeatToken,
        profile: Profile,
        room_for_more: bool,
    ) -> Option<Result<SeatId, JoinError>> {
        let mut admitted = self.authority.clone();
        let seat = admitted.admit(now, token, profile);
        if !room_for_more && admitted.seats_taken() > self.authority.seats_taken() {
            return None;
        }
        self.authority = admitted;
        self.wake_at = self.authority.wake_at();
        Some(seat)
    }

    /// Seats a connection. If the seat has one already, that one is out: it is returned, to be closed.
    pub(crate) fn join(
        &mut self,
        now: Micros,
        token: &SeatToken,
        client: ClientId,
        shard: &mut Shard,
    ) -> Result<(SeatId, Option<ClientId>), JoinError> {
        let joined = self.authority.join(now, token, &mut self.outbox);
        let joined = joined.map(|seat| (seat, self.clients.insert(seat, client)));
        self.deliver(shard);
        joined
    }

    /// A seat's connection is gone.
    pub(crate) fn leave(&mut self, now: Micros, seat: SeatId, shard: &mut Shard) {
        self.clients.remove(&seat);
        self.authority.leave(now, seat, &mut self.outbox);
        self.deliver(shard);
    }

    /// A seat sent a message.
    pub(crate) fn handle(&mut self, now: Micros, seat: SeatId, bytes: &[u8], shard: &mut Shard) {
        self.authority.handle(now, seat, bytes, &mut self.outbox);
        self.deliver(shard);
    }

    /// Does what is due. Returns whether the session is over.
    pub(crate) fn wake(&mut self, now: Micros, shard: &mut Shard) -> bool {
        if self.wake_at.is_none_or(|at| now < at) {
            return false;
        }
        self.authority.wake(now, &mut self.outbox);
        self.deliver(shard);
        self.authority.is_over(now)
    }

    fn deliver(&mut self, shard: &mut Shard) {
        for message in self.outbox.drain(..) {
            let channel = match message.channel {
                Channel::Reliable => CHANNEL_RELIABLE,
                Channel::Unreliable => CHANNEL_UNRELIABLE,
            };
            let bytes = Bytes::from(message.bytes);
            match message.to {
                Recipient::Seat(seat) => {
                    if let Some(client) = self.clients.get(&seat) {
                        shard.send(*client, channel, bytes);
                    }
                }
                Recipient::All => {
                    for client in self.clients.values() {
                        shard.send(*client, channel, bytes.clone());
                    }
                }
            }
        }
        self.wake_at = self.authority.wake_at();
    }
}
