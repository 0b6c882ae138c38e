//! One session on this host: its authority, and the connections in its seats.

use crate::{
    limits::{ENTRIES_BEFORE_WHOLE, STORE_RETRY},
    metrics::Metrics,
    net::{Net, Peer},
    store::{Store, Write},
};
use keyboardia_session::{
    Authority, Channel, Farewell, JoinError, Micros, Outbox, Patience, Profile, Recipient, SeatId, SeatToken,
    SessionCode, SessionSetup, Unwritten,
    limits::{CHANNEL_RELIABLE, CHANNEL_UNRELIABLE},
};
use renet::Bytes;
use std::collections::BTreeMap;

/// A session and its connections.
pub(crate) struct Room {
    authority: Authority,
    peers: BTreeMap<SeatId, Peer>,
    outbox: Outbox,
    wake_at: Option<Micros>,
    /// Steps written down since the whole session was.
    steps_written: usize,
    /// Nothing is written down before then: the store had no room.
    write_at: Option<Micros>,
}

/// What holds for every room of a host.
#[derive(Debug, Clone, Copy)]
pub(crate) struct House {
    /// How long what nobody uses is kept.
    pub(crate) patience: Patience,
    /// Whether sessions are written down.
    pub(crate) is_kept: bool,
}

impl Room {
    /// A room where nobody is yet.
    pub(crate) fn new(setup: SessionSetup, house: House, now: Micros) -> Self {
        Self::around(Authority::new(setup, now), house)
    }

    /// A room whose session was written down; `None` if that is none. Everybody is still on the way.
    pub(crate) fn restore(snapshot: &[u8], entries: &[Vec<u8>], house: House, now: Micros) -> Option<Self> {
        Authority::restore(snapshot, entries, now).map(|authority| Self::around(authority, house))
    }

    fn around(mut authority: Authority, house: House) -> Self {
        authority.set_patience(house.patience);
        if house.is_kept {
            authority.keep_journal();
        }
        let wake_at = authority.wake_at();
        let (peers, outbox) = (BTreeMap::new(), Outbox::new());
        Self { authority, peers, outbox, wake_at, steps_written: 0, write_at: None }
    }

    /// Seats that are taken or kept.
    pub(crate) fn seats_taken(&self) -> usize {
        self.authority.seats_taken()
    }

    /// The seat of whoever shows this token.
    pub(crate) fn seat_of(&self, token: &SeatToken) -> Option<SeatId> {
        self.authority.seat_of(token)
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
        peer: Peer,
        net: &mut Net,
    ) -> Result<(SeatId, Option<Peer>), JoinError> {
        let joined = self.authority.join(now, token, &mut self.outbox);
        let joined = joined.map(|seat| (seat, self.peers.insert(seat, peer)));
        self.deliver(net);
        joined
    }

    /// Whether this connection has the seat, and not another one by now.
    pub(crate) fn seats(&self, seat: SeatId, peer: Peer) -> bool {
        self.peers.get(&seat) == Some(&peer)
    }

    /// A seat's connection is gone.
    pub(crate) fn leave(&mut self, now: Micros, seat: SeatId, net: &mut Net) {
        self.peers.remove(&seat);
        self.authority.leave(now, seat, &mut self.outbox);
        self.deliver(net);
    }

    /// A seat sent a message. Returns how many commands were refused.
    pub(crate) fn handle(&mut self, now: Micros, seat: SeatId, bytes: &[u8], net: &mut Net) -> u64 {
        let before = self.authority.refusals();
        self.authority.handle(now, seat, bytes, &mut self.outbox);
        self.deliver(net);
        self.authority.refusals() - before
    }

    /// Does what is due. Returns whether the session is over.
    pub(crate) fn wake(&mut self, now: Micros, net: &mut Net) -> bool {
        if self.wake_at.is_none_or(|at| now < at) {
            return false;
        }
        self.authority.wake(now, &mut self.outbox);
        self.deliver(net);
        self.authority.is_over(now)
    }

    /// Hands over what is not written down yet.
    pub(crate) fn write(&mut self, now: Micros, code: SessionCode, store: &Store) {
        if self.write_at.is_some_and(|at| now < at) {
            return;
        }
        self.write_at = None;
        if let Some(write) = self.unwritten(code)
            && !store.write(write)
        {
            self.authority.lose_unwritten();
            self.write_at = Some(now + STORE_RETRY.as_micros() as u64);
        }
    }

    /// What is not written down yet, at the end.
    pub(crate) fn unwritten(&mut self, code: SessionCode) -> Option<Write> {
        let seq = self.authority.state().seq();
        match self.authority.take_unwritten() {
            Unwritten::Entries(entries) if entries.is_empty() => None,
            Unwritten::Entries(entries) if self.steps_written + entries.len() <= ENTRIES_BEFORE_WHOLE => {
                self.steps_written += entries.len();
                Some(Write::Entries { code, entries, seq })
            }
            Unwritten::Entries(_) | Unwritten::Everything => {
                self.steps_written = 0;
                Some(Write::Whole { code, snapshot: self.authority.snapshot(), seq })
            }
        }
    }

    /// Everything up to this event is safe.
    pub(crate) fn written(&mut self, seq: u64, net: &mut Net) {
        self.authority.written(seq, &mut self.outbox);
        self.deliver(net);
    }

    /// Notes how far away everybody is, by their own word.
    pub(crate) fn measure(&self, metrics: &Metrics) {
        for report in self.peers.keys().filter_map(|seat| self.authority.report(*seat)) {
            if report.round_trip_us > 0 {
                metrics.round_trip.observe(f64::from(report.round_trip_us) / 1e6);
            }
        }
    }

    fn deliver(&mut self, net: &mut Net) {
        for message in self.outbox.drain(..) {
            let channel = match message.channel {
                Channel::Reliable => CHANNEL_RELIABLE,
                Channel::Unreliable => CHANNEL_UNRELIABLE,
            };
            let bytes = Bytes::from(message.bytes);
            match message.to {
                Recipient::Seat(seat) => {
                    if let Some(peer) = self.peers.get(&seat) {
                        net.send(*peer, channel, bytes);
                    }
                }
                Recipient::All => {
                    for peer in self.peers.values() {
                        net.send(*peer, channel, bytes.clone());
                    }
                }
            }
        }
        for seat in self.authority.take_dismissed() {
            if let Some(peer) = self.peers.remove(&seat) {
                net.part(peer, Farewell::Removed);
            }
        }
        self.wake_at = self.authority.wake_at();
    }
}
