//! A session that is awake: its authority, and the sockets in its seats.

use crate::{
    answer::Stop,
    limits::{MEMORY_DELAY_US, PACE},
    shelf::{Kept, Shelf},
};
use keyboardia_session::{
    Allowance, Authority, Farewell, JoinError, Manifest, Micros, Outbox, Recipient, SeatId, SeatToken, SessionCode,
    SessionSetup,
    api::{CreateRequest, JoinRequest},
    bridge::Written,
    denial::Denial,
};
use std::collections::BTreeMap;
use worker::{WebSocket, console_error};

/// A socket of a seat.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// Tells it from those that had the seat before.
    pub(crate) number: u64,
    pub(crate) socket: WebSocket,
    /// When something other than a keep-alive came last, the object's own clock.
    heard: Micros,
    /// What is left to say.
    pace: Allowance,
}

impl Line {
    /// A socket that is there now, by the object's own clock.
    pub(crate) fn new(number: u64, socket: WebSocket, now: Micros) -> Self {
        Self { number, socket, heard: now, pace: Allowance::default() }
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Life {
    authority: Authority,
    shelf: Shelf,
    lines: BTreeMap<SeatId, Line>,
    outbox: Outbox,
    /// When what a nap must not lose is to be written down.
    remember_at: Option<Micros>,
}

impl Life {
    /// A new session, as it was asked for.
    pub(crate) fn found(shelf: Shelf, code: SessionCode, request: &CreateRequest, now: Micros) -> Result<Self, Stop> {
        let setup = if let Some(song) = &request.song {
            song.setup()
        } else {
            let manifest = Manifest::builtin().map_err(|error| worker::Error::from(error.to_string()))?;
            SessionSetup::starter(&manifest)
        };
        let mut authority = Authority::new(setup, now);
        authority.keep_journal();
        // All of it is written down here.
        authority.take_unwritten();
        shelf.found(code, &authority)?;
        Ok(Self { authority, shelf, lines: BTreeMap::new(), outbox: Outbox::new(), remember_at: None })
    }

    /// A session that was asleep, with the sockets that have waited for it; nothing if what is kept is none. Where all
    /// sockets are gone although there were players, it was no nap: the place has failed, and everybody comes anew.
    pub(crate) fn wake_up(
        shelf: Shelf,
        kept: &Kept,
        lines: BTreeMap<SeatId, Line>,
        now: Micros,
    ) -> Result<Option<Self>, Stop> {
        let Kept { written: Written { snapshot, entries }, memory, .. } = kept;
        let (seats, mut outbox) = (lines.keys().copied().collect::<Vec<_>>(), Outbox::new());
        let resumed = Authority::resume(snapshot, entries, memory, &seats, now, &mut outbox);
        let is_anew = seats.is_empty() && !outbox.is_empty();
        let authority = if is_anew { Authority::restore(snapshot, entries, now) } else { resumed };
        let Some(mut authority) = authority else { return Ok(None) };
        if is_anew {
            outbox.clear();
            authority.keep_journal();
        }
        let mut life = Self { authority, shelf, lines, outbox, remember_at: None };
        let strangers: Vec<SeatId> =
            life.lines.keys().copied().filter(|seat| life.authority.report(*seat).is_none()).collect();
        for line in strangers.iter().filter_map(|seat| life.lines.remove(seat)).collect::<Vec<_>>() {
            close(&line.socket, Farewell::NoSeat);
        }
        life.deliver();
        // Whoever is gone is told so once: after the next nap, it has happened.
        life.write()?;
        Ok(Some(life))
    }

    /// A session that a host had, from where that has left it, under an epoch that nobody has had; nothing if what is kept is
    /// none.
    pub(crate) fn go_on(shelf: Shelf, kept: &Kept, held: u32, now: Micros) -> Result<Option<Self>, Stop> {
        let Some(mut authority) = readable(&kept.written, now) else { return Ok(None) };
        authority.assume(held.saturating_add(1));
        authority.keep_journal();
        let mut life = Self { authority, shelf, lines: BTreeMap::new(), outbox: Outbox::new(), remember_at: None };
        life.write()?;
        life.shelf.release()?;
        Ok(Some(life))
    }

    /// The session becomes a host's: what it is, and its epoch. Its players come along.
    pub(crate) fn hand_over(self) -> (Shelf, u32, Written) {
        self.lines.values().for_each(|line| close(&line.socket, Farewell::Moving));
        (self.shelf, self.authority.epoch(), Written { snapshot: self.authority.snapshot(), entries: Vec::new() })
    }

    pub(crate) fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// The seat of whoever shows this token.
    pub(crate) fn seat_of(&self, token: &SeatToken) -> Option<SeatId> {
        self.authority.seat_of(token)
    }

    /// Whether the last player has been gone for too long.
    pub(crate) fn is_over(&self, now: Micros) -> bool {
        self.authority.is_over(now)
    }

    /// When the grace time of a seat or of the session is over next.
    pub(crate) fn expires_at(&self) -> Option<Micros> {
        self.authority.expires_at()
    }

    /// When there is something to do before that, for which nobody needs to be waked.
    pub(crate) fn due_at(&self) -> Option<Micros> {
        let wake_at = self.authority.wake_at().filter(|at| self.authority.expires_at() != Some(*at));
        [wake_at, self.remember_at.filter(|_| self.may_sleep())].into_iter().flatten().min()
    }

    /// Whether nothing keeps the object awake: while the music plays, its beacons do.
    fn may_sleep(&self) -> bool {
        !self.authority.state().transport().last().playing
    }

    /// Keeps a seat; `code` as the player wrote it.
    pub(crate) fn admit(
        &mut self,
        now: Micros,
        token: &SeatToken,
        request: &JoinRequest,
        code: &str,
    ) -> Result<SeatId, Stop> {
        let admitted = self.authority.admit(now, token, request.profile());
        self.write()?;
        Ok(admitted.map_err(|error| Denial::of_join(error, code))?)
    }

    /// Seats a socket; one that had the seat is out.
    pub(crate) fn join(
        &mut self,
        now: Micros,
        token: &SeatToken,
        line: Line,
    ) -> Result<Result<SeatId, Farewell>, Stop> {
        let joined = self.authority.join(now, token, &mut self.outbox);
        if let Some(old) = joined.ok().and_then(|seat| self.lines.insert(seat, line)) {
            close(&old.socket, Farewell::Replaced);
        }
        self.deliver();
        self.write()?;
        Ok(joined.map_err(|error| match error {
            JoinError::Removed => Farewell::Removed,
            JoinError::UnknownToken | JoinError::Locked | JoinError::Full => Farewell::NoSeat,
        }))
    }

    /// Whether a socket has its seat still.
    pub(crate) fn has(&self, seat: SeatId, number: u64) -> bool {
        self.lines.get(&seat).is_some_and(|line| line.number == number)
    }

    /// A seat's socket is there still; `false` where it says more than it may.
    pub(crate) fn hear(&mut self, clock: Micros, seat: SeatId) -> bool {
        self.lines.get_mut(&seat).is_some_and(|line| {
            line.heard = clock;
            line.pace.take(clock, PACE)
        })
    }

    /// When something other than a keep-alive came last on a seat's socket.
    pub(crate) fn heard(&self, seat: SeatId) -> Option<Micros> {
        self.lines.get(&seat).map(|line| line.heard)
    }

    /// A seat's socket is gone.
    pub(crate) fn leave(&mut self, now: Micros, seat: SeatId) -> Result<(), Stop> {
        self.lines.remove(&seat);
        self.authority.leave(now, seat, &mut self.outbox);
        self.deliver();
        self.write()
    }

    /// A seat sent a message.
    pub(crate) fn handle(&mut self, now: Micros, seat: SeatId, bytes: &[u8]) -> Result<(), Stop> {
        self.authority.handle(now, seat, bytes, &mut self.outbox);
        self.deliver();
        self.remember_at.get_or_insert(now + MEMORY_DELAY_US);
        self.write()
    }

    /// Does what is due.
    pub(crate) fn wake(&mut self, now: Micros) -> Result<(), Stop> {
        if self.authority.wake_at().is_some_and(|at| at <= now) {
            self.authority.wake(now, &mut self.outbox);
            self.deliver();
            self.write()?;
        }
        if self.may_sleep() && self.remember_at.is_some_and(|at| at <= now) {
            self.remember_at = None;
            self.shelf.remember(self.authority.memory())?;
        }
        Ok(())
    }

    /// Writes down what has happened, and says that it is: Cloudflare lets nobody hear that before it is true.
    fn write(&mut self) -> Result<(), Stop> {
        let seq = self.authority.state().seq();
        match self.shelf.write(&mut self.authority) {
            Ok(false) => {}
            Ok(true) => {
                self.authority.written(seq, &mut self.outbox);
                self.deliver();
            }
            Err(stop) => {
                self.authority.lose_unwritten();
                return Err(stop);
            }
        }
        Ok(())
    }

    fn deliver(&mut self) {
        for message in self.outbox.drain(..) {
            match message.to {
                Recipient::Seat(seat) => {
                    if let Some(line) = self.lines.get(&seat) {
                        send(&line.socket, &message.bytes);
                    }
                }
                Recipient::All => self.lines.values().for_each(|line| send(&line.socket, &message.bytes)),
            }
        }
        for seat in self.authority.take_dismissed() {
            if let Some(line) = self.lines.remove(&seat) {
                close(&line.socket, Farewell::Removed);
            }
        }
    }
}

/// The session as far as what is written down can be read: a host may have said anything after the whole of it.
fn readable(Written { snapshot, entries }: &Written, now: Micros) -> Option<Authority> {
    let restore = |count: usize| Authority::restore(snapshot, entries.get(..count)?, now);
    if let Some(authority) = restore(entries.len()) {
        return Some(authority);
    }
    console_error!("what a host has said of its session cannot be read to its end");
    let (mut good, mut bad) = (0, entries.len());
    while bad > good + 1 {
        let middle = good.midpoint(bad);
        (good, bad) = if restore(middle).is_some() { (middle, bad) } else { (good, middle) };
    }
    restore(good)
}

/// Sends a message. A socket that takes none is about to be told gone.
pub(crate) fn send(socket: &WebSocket, bytes: &[u8]) {
    socket.send_with_bytes(bytes).unwrap_or_default();
}

/// Closes a socket for good and says why.
pub(crate) fn close(socket: &WebSocket, why: Farewell) {
    // It is nobody's any more, even if the object sleeps before it is gone.
    socket.serialize_attachment(()).unwrap_or_default();
    if let Err(error) = socket.close(Some(why.code()), Some(why.to_string())) {
        console_error!("a socket does not close: {error}");
    }
}
