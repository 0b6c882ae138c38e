//! One session on this host: its authority, and the connections in its seats.

use crate::{
    bridge::Stream,
    desk::{Grant, Opener},
    limits::{REFUSAL_BYTES_MAX, STORE_RETRY},
    metrics::Metrics,
    net::{Net, Peer},
    store::{Safe, Store, Write},
};
use keyboardia_session::{
    Authority, Channel, Farewell, JoinError, Micros, Outbox, Patience, Profile, Recipient, SeatId, SeatToken,
    SessionCode, SessionSetup, Unwritten,
    bridge::{FromHost, Written},
    limits::{CHANNEL_RELIABLE, CHANNEL_UNRELIABLE, ENTRIES_BEFORE_WHOLE},
    wire::{self, HostMessage},
};
use renet::Bytes;
use std::collections::BTreeMap;

/// A session and its connections. It is told the time by the host's clock.
pub(crate) struct Room {
    authority: Authority,
    /// How long what nobody uses is kept, once somebody has been here.
    patience: Patience,
    peers: BTreeMap<SeatId, Peer>,
    outbox: Outbox,
    wake_at: Option<Micros>,
    /// How far session time is ahead of the host's clock, microseconds.
    ahead_us: i64,
    /// Steps written down since the whole session was.
    steps_written: usize,
    /// Nothing is written down before then: the store had no room.
    write_at: Option<Micros>,
    /// Up to which event it is on the disk, and with the place; nothing where none is asked for.
    on_disk: Option<u64>,
    held: Option<u64>,
    /// Where the place is told, while there is a way to it.
    stream: Option<Stream>,
}

/// What holds for every room of a host.
#[derive(Debug, Clone, Copy)]
pub(crate) struct House {
    /// How long what nobody uses is kept.
    pub(crate) patience: Patience,
    /// Whether sessions are written down.
    pub(crate) is_kept: bool,
    /// Whether a place in the cloud holds them, too.
    pub(crate) is_bridged: bool,
}

impl Room {
    /// A room where nobody is yet.
    pub(crate) fn new(setup: SessionSetup, opener: Opener, house: House, now: Micros) -> Self {
        Self::around(Authority::new(setup, now), opener, house, 0)
    }

    /// A room whose session was written down here, where its time was so far ahead of the host's clock, microseconds; `None`
    /// if that is none. Everybody is still on the way. Where its time had come further than that, it goes on from there.
    pub(crate) fn restore(
        snapshot: &[u8],
        entries: &[Vec<u8>],
        house: House,
        now: Micros,
        ahead_us: i64,
    ) -> Option<Self> {
        let authority = Authority::restore(snapshot, entries, now.offset(ahead_us))?;
        let ahead_us = authority.state().at().since(now).max(ahead_us);
        Some(Self::around(authority, Opener::Player, house, ahead_us))
    }

    /// The same for a session that was written down elsewhere, where its time is so far ahead of the host's clock,
    /// microseconds.
    pub(crate) fn take_over(written: &Written, house: House, now: Micros, ahead_us: i64) -> Option<Self> {
        let authority = Authority::restore(&written.snapshot, &written.entries, now.offset(ahead_us))?;
        Some(Self::around(authority, Opener::Player, house, ahead_us))
    }

    fn around(mut authority: Authority, opener: Opener, house: House, ahead_us: i64) -> Self {
        // Whoever opens sessions and never comes cannot fill the host for as long as it keeps those that were played in.
        let is_unused = opener == Opener::Player && authority.state().seq() == 0;
        let patience = house.patience;
        let unused = Patience { session_us: patience.session_us.min(patience.seat_us), ..patience };
        authority.set_patience(if is_unused { unused } else { patience });
        if house.is_kept || house.is_bridged {
            authority.keep_journal();
        }
        let (on_disk, held) = (house.is_kept.then_some(0), house.is_bridged.then_some(0));
        let wake_at = authority.wake_at();
        let (peers, outbox) = (BTreeMap::new(), Outbox::new());
        let (steps_written, write_at, stream) = (0, None, None);
        Self { authority, patience, peers, outbox, wake_at, ahead_us, steps_written, write_at, on_disk, held, stream }
    }

    /// How far session time is ahead of the host's clock, microseconds.
    pub(crate) fn ahead_us(&self) -> i64 {
        self.ahead_us
    }

    /// Under which epoch this is the session's authority.
    pub(crate) fn epoch(&self) -> u32 {
        self.authority.epoch()
    }

    /// Is the session's authority from now on by the word of the place, which hears of everything.
    pub(crate) fn assume(&mut self, Grant { epoch, stream, .. }: Grant) {
        self.authority.assume(epoch);
        self.authority.lose_unwritten();
        self.write_at = None;
        self.stream = Some(stream);
    }

    /// The session is over.
    pub(crate) fn end(self) {
        if let Some(stream) = self.stream {
            // Where that does not arrive, the place finds out by itself that nobody comes.
            stream.tell(FromHost::Over);
        }
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
        let seat = admitted.admit(now.offset(self.ahead_us), token, profile);
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
        let joined = self.authority.join(now.offset(self.ahead_us), token, &mut self.outbox);
        if joined.is_ok() {
            self.authority.set_patience(self.patience);
        }
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
        self.authority.leave(now.offset(self.ahead_us), seat, &mut self.outbox);
        self.deliver(net);
    }

    /// A seat sent a message.
    pub(crate) fn handle(&mut self, now: Micros, seat: SeatId, bytes: &[u8], net: &mut Net, metrics: &Metrics) {
        self.authority.handle(now.offset(self.ahead_us), seat, bytes, &mut self.outbox);
        let is_answer = |to: Recipient, bytes: &[u8]| to == Recipient::Seat(seat) && bytes.len() <= REFUSAL_BYTES_MAX;
        for answer in self.outbox.iter().filter(|outgoing| is_answer(outgoing.to, &outgoing.bytes)) {
            match wire::decode(&answer.bytes) {
                Ok(HostMessage::Refused { refusal, .. }) => metrics.refused(refusal),
                Ok(HostMessage::Malformed(_)) => {
                    metrics.malformed.inc();
                }
                _ => {}
            }
        }
        self.deliver(net);
    }

    /// Does what is due. Returns whether the session is over.
    pub(crate) fn wake(&mut self, now: Micros, net: &mut Net) -> bool {
        let now = now.offset(self.ahead_us);
        if self.wake_at.is_none_or(|at| now < at) {
            return false;
        }
        self.authority.wake(now, &mut self.outbox);
        self.deliver(net);
        self.authority.is_over(now)
    }

    /// Hands over what is not written down yet, to the store and to the place.
    pub(crate) fn write(&mut self, now: Micros, code: SessionCode, store: Option<&Store>) {
        if self.write_at.is_some_and(|at| now < at) {
            return;
        }
        self.write_at = None;
        if let Some(write) = self.unwritten(code)
            && store.is_some_and(|store| !store.write(write))
        {
            self.authority.lose_unwritten();
            self.write_at = Some(now + STORE_RETRY.as_micros() as u64);
        }
    }

    /// What is not written down yet; the place is told.
    pub(crate) fn unwritten(&mut self, code: SessionCode) -> Option<Write> {
        let to = Safe { code, epoch: self.authority.epoch(), seq: self.authority.state().seq() };
        let write = match self.authority.take_unwritten() {
            Unwritten::Entries(entries) if entries.is_empty() => return None,
            Unwritten::Entries(entries) if self.steps_written + entries.len() <= ENTRIES_BEFORE_WHOLE => {
                self.steps_written += entries.len();
                Write::Entries { entries, to }
            }
            Unwritten::Entries(_) | Unwritten::Everything => {
                self.steps_written = 0;
                Write::Whole { snapshot: self.authority.snapshot(), ahead_us: self.ahead_us, to }
            }
        };
        let has_heard = |stream: &Stream| match &write {
            Write::Whole { snapshot, .. } => stream.tell(FromHost::Whole { snapshot: snapshot.clone(), seq: to.seq }),
            Write::Entries { entries, .. } => stream.tell(FromHost::Entries { entries: entries.clone(), seq: to.seq }),
            Write::Over(_) => true,
        };
        // One that does not keep up is linked anew.
        self.stream = self.stream.take().filter(has_heard);
        Some(write)
    }

    /// Everything up to this event is on the disk.
    pub(crate) fn written(&mut self, safe: Safe) {
        if safe.epoch == self.authority.epoch() {
            self.on_disk = self.on_disk.max(Some(safe.seq));
        }
    }

    /// Tells everybody how far everything is safe, everywhere where it is to be.
    pub(crate) fn confirm(&mut self, net: &mut Net) {
        if let Some(stream) = &self.stream {
            stream.set_plays(self.authority.state().transport().last().playing);
            self.held = self.held.max(Some(stream.held()));
        }
        if let Some(seq) = [self.on_disk, self.held].into_iter().flatten().min() {
            self.authority.written(seq, &mut self.outbox);
            self.deliver(net);
        }
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
