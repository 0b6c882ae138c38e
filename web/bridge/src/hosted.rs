//! A session whose authority is a host that has dialled in: the object writes down what it says, and brings it the players
//! who come here.

use crate::{
    answer::Stop,
    life::{close, send},
    limits::{GUESTS_MAX, PACE},
    shelf::Shelf,
};
use futures_channel::oneshot;
use keyboardia_session::{
    Allowance, Authority, Farewell, Micros, Profile, SeatId, SeatToken, SessionCode,
    bridge::{self, FromHost, FromPlace, LineId, Parcel, Written},
    denial::Denial,
    limits::ENTRIES_BEFORE_WHOLE,
};
use std::collections::BTreeMap;
use worker::WebSocket;

/// A host's answer to somebody who wants a seat.
pub(crate) type Admission = Result<u8, Denial>;

/// What becomes of a session after a host's frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// It goes on.
    Goes,
    /// Its clock is this far ahead of the object's, microseconds.
    Shifted(i64),
    /// It is over.
    Over,
    /// What the host says is nonsense: it is out.
    Nonsense(Farewell),
}

/// A player's socket here.
#[derive(Debug)]
struct Guest {
    socket: WebSocket,
    /// When something other than a keep-alive came last, the object's own clock.
    heard: Micros,
    /// What is left to say.
    pace: Allowance,
}

impl Guest {
    fn new(socket: WebSocket, now: Micros) -> Self {
        Self { socket, heard: now, pace: Allowance::default() }
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Hosted {
    shelf: Shelf,
    /// Under which the host has the session.
    epoch: u32,
    /// Nothing while the host that has come has not said hello.
    host: Option<WebSocket>,
    /// When it was heard last, the object's own clock.
    heard: Micros,
    guests: BTreeMap<LineId, Guest>,
    asks: BTreeMap<u32, oneshot::Sender<Admission>>,
    next_ask: u32,
}

impl Hosted {
    /// The session is a host's from now on.
    pub(crate) fn grant(
        shelf: Shelf,
        code: SessionCode,
        epoch: u32,
        host: &WebSocket,
        session: Option<Written>,
        now: Micros,
    ) -> Result<Self, Stop> {
        shelf.hold(code, epoch)?;
        let hosted = Self::wake_up(shelf, epoch, Some(host.clone()), BTreeMap::new(), now, now);
        hosted.tell(&FromPlace::Granted { epoch, session });
        Ok(hosted)
    }

    /// A session that was asleep, and whose host was heard last at `heard`.
    pub(crate) fn wake_up(
        shelf: Shelf,
        epoch: u32,
        host: Option<WebSocket>,
        guests: BTreeMap<LineId, WebSocket>,
        heard: Micros,
        now: Micros,
    ) -> Self {
        let guests = guests.into_iter().map(|(line, socket)| (line, Guest::new(socket, now))).collect();
        Self { shelf, epoch, host, heard, guests, asks: BTreeMap::new(), next_ask: 0 }
    }

    /// Whether the host has said hello.
    pub(crate) fn has_host(&self) -> bool {
        self.host.is_some()
    }

    /// Under which epoch the host has the session.
    pub(crate) fn epoch(&self) -> u32 {
        self.epoch
    }

    pub(crate) fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// When the host said something last other than a keep-alive, the object's own clock.
    pub(crate) fn host_heard(&self) -> Micros {
        self.heard
    }

    /// When a player said something last other than a keep-alive, the object's own clock.
    pub(crate) fn guest_heard(&self, line: LineId) -> Option<Micros> {
        self.guests.get(&line).map(|guest| guest.heard)
    }

    /// Ends all that the host and the players here had of each other; what is written down of the session, and the host's epoch.
    pub(crate) fn give_up(mut self, why: Farewell) -> (Shelf, u32) {
        if let Some(host) = &self.host {
            close(host, why);
        }
        self.dismiss(Farewell::Moving);
        (self.shelf, self.epoch)
    }

    /// Closes all players' sockets. Who waits for an answer of the host gets none.
    pub(crate) fn dismiss(&mut self, why: Farewell) {
        for guest in std::mem::take(&mut self.guests).values() {
            close(&guest.socket, why);
        }
        self.asks.clear();
    }

    /// Somebody wants a seat: where the answer will be.
    pub(crate) fn ask(&mut self, token: SeatToken, profile: Profile) -> Result<oneshot::Receiver<Admission>, Denial> {
        if self.host.is_none() || self.asks.len() >= GUESTS_MAX {
            return Err(Denial::busy());
        }
        let (sender, receiver) = oneshot::channel();
        let ask = self.next_ask;
        self.next_ask = self.next_ask.wrapping_add(1);
        // Those who have stopped waiting make room.
        self.asks.retain(|_, asked| !asked.is_canceled());
        self.asks.insert(ask, sender);
        self.tell(&FromPlace::Admit { ask, token, profile });
        Ok(receiver)
    }

    /// The seat of whoever shows this token, as far as is written down.
    pub(crate) fn seat_of(&self, token: &SeatToken, now: Micros) -> Result<Option<SeatId>, Stop> {
        let Some(Written { snapshot, entries }) = self.shelf.written()? else { return Ok(None) };
        Ok(Authority::restore(&snapshot, &entries, now).and_then(|authority| authority.seat_of(token)))
    }

    /// Somebody came; whether there is room, and a host.
    pub(crate) fn open(
        &mut self,
        line: LineId,
        socket: &WebSocket,
        token: SeatToken,
        now: Micros,
    ) -> Result<(), Farewell> {
        if self.host.is_none() {
            return Err(Farewell::Moving);
        }
        if self.guests.len() >= GUESTS_MAX {
            return Err(Farewell::Full);
        }
        self.guests.insert(line, Guest::new(socket.clone(), now));
        self.tell(&FromPlace::Opened { line, token });
        Ok(())
    }

    /// A player said something; `false` if that is more than it may.
    pub(crate) fn relay(&mut self, line: LineId, bytes: &[u8], now: Micros) -> bool {
        let Some(guest) = self.guests.get_mut(&line) else { return true };
        guest.heard = now;
        let may = guest.pace.take(now, PACE);
        if may {
            self.tell(&FromPlace::Heard { line, bytes: bytes.to_vec() });
        }
        may
    }

    /// A player's socket is gone.
    pub(crate) fn close(&mut self, line: LineId) {
        if self.guests.remove(&line).is_some() {
            self.tell(&FromPlace::Closed(line));
        }
    }

    /// The host is there still.
    pub(crate) fn heard(&mut self, now: Micros) {
        self.heard = now;
    }

    /// The host said something.
    pub(crate) fn hear(&mut self, bytes: &[u8]) -> Result<After, Stop> {
        match bridge::decode(bytes) {
            // It takes the place of what can be read.
            Ok(FromHost::Whole { snapshot, .. }) if Authority::restore(&snapshot, &[], Micros(0)).is_none() => {
                return Ok(After::Nonsense(Farewell::Unnamed));
            }
            Ok(FromHost::Whole { snapshot, seq }) => {
                self.shelf.replace(snapshot)?;
                self.tell(&FromPlace::Held(seq));
            }
            Ok(FromHost::Entries { entries, .. }) if !self.shelf.has_room(entries.len(), 2 * ENTRIES_BEFORE_WHOLE) => {
                return Ok(After::Nonsense(Farewell::TooLarge));
            }
            Ok(FromHost::Entries { entries, seq }) => {
                self.shelf.add(entries)?;
                self.tell(&FromPlace::Held(seq));
            }
            Ok(FromHost::Messages(parcels)) => {
                for Parcel { lines, bytes } in &parcels {
                    for guest in lines.iter().filter_map(|line| self.guests.get(line)) {
                        send(&guest.socket, bytes);
                    }
                }
            }
            Ok(FromHost::Close { line, why }) => {
                if let Some(guest) = self.guests.remove(&line) {
                    close(&guest.socket, why);
                }
            }
            Ok(FromHost::Admitted { ask, outcome }) => {
                if let Some(asked) = self.asks.remove(&ask) {
                    // Whoever no longer waits for the answer does not miss it.
                    asked.send(outcome).unwrap_or_default();
                }
            }
            Ok(FromHost::Shift(us)) => return Ok(After::Shifted(us)),
            Ok(FromHost::Over) => return Ok(After::Over),
            Ok(FromHost::Hello { .. }) | Err(_) => return Ok(After::Nonsense(Farewell::Unnamed)),
        }
        Ok(After::Goes)
    }

    /// A sound was brought here, or is here no more.
    pub(crate) fn samples_changed(&self) {
        self.tell(&FromPlace::SamplesChanged);
    }

    fn tell(&self, message: &FromPlace) {
        if let Some(host) = &self.host {
            send(host, &bridge::encode(message));
        }
    }
}
