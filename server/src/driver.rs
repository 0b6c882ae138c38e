//! The host's loop: moves bytes and time between the connections and the rooms, on a thread of its own.
//!
//! ```text
//! HTTP ───────────→ desk ─┐                    ┌─→ rooms: Authority::join, handle, leave, wake ─┐
//! UDP, WebSocket ─→ net ──┴─→ Driver::tick ────┴─────────────── net ←───────────────────────────┘
//! ```
//!
//! No rule of the game is written here.

use crate::{
    clock::HostClock,
    desk::{Admitted, Refused, Request},
    limits::{MEASURE_INTERVAL, REQUESTS_PER_TICK_MAX, STORE_PARTING, TICK, TICK_IDLE},
    metrics::Metrics,
    net::{Net, NetEvent, Peer},
    room::{House, Room},
    store::{Kept, Store, Write},
    tickets::Ticket,
};
use keyboardia_session::{
    Farewell, JoinError, Micros, Profile, SeatId, SeatToken, SessionCode, SessionSetup, limits::SESSIONS_MAX,
};
use std::{
    collections::HashMap,
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::Instant,
};
use tokio::sync::watch;

/// Everything that the loop owns.
pub(crate) struct Driver {
    clock: HostClock,
    net: Net,
    setup: SessionSetup,
    house: House,
    /// Seats on this host.
    seats_max: usize,
    /// Where sessions are written down, if they are.
    store: Option<Store>,
    /// Sessions that are over and still written down.
    over: Vec<SessionCode>,
    rooms: HashMap<SessionCode, Room>,
    /// Who sits where; a connection that is not here has no seat, or has it no longer.
    seated: HashMap<Peer, (SessionCode, SeatId)>,
    metrics: Metrics,
    /// When round trips are noted next.
    measure_at: Instant,
}

impl Driver {
    /// A host without sessions; new ones begin as `setup` says.
    pub(crate) fn new(
        clock: HostClock,
        net: Net,
        setup: SessionSetup,
        house: House,
        seats_max: usize,
        store: Option<Store>,
        metrics: Metrics,
    ) -> Self {
        let (over, rooms, seated) = (Vec::new(), HashMap::new(), HashMap::new());
        let measure_at = Instant::now();
        Self { clock, net, setup, house, seats_max, store, over, rooms, seated, metrics, measure_at }
    }

    /// Opens the sessions that were kept. One that cannot be read stays where it is.
    pub(crate) fn reopen(&mut self, kept: Vec<Kept>) {
        let now = self.clock.now();
        for Kept { code, snapshot, entries } in kept {
            if let Some(room) = Room::restore(&snapshot, &entries, self.house, now) {
                self.rooms.insert(code, room);
            } else {
                tracing::error!(target: "host", "a session that was kept cannot be read");
            }
        }
        if !self.rooms.is_empty() {
            tracing::info!(target: "host", sessions = self.rooms.len(), "sessions are open again");
        }
    }

    /// Runs until `stop` is true, then tells everybody who is connected.
    pub(crate) fn run(mut self, requests: &Receiver<Request>, stop: &watch::Receiver<bool>) {
        let mut last = Instant::now();
        while !*stop.borrow() {
            let pause = if self.net.clients() > 0 { TICK } else { TICK_IDLE };
            match requests.recv_timeout(pause) {
                Ok(request) => self.answer(request),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            for request in requests.try_iter().take(REQUESTS_PER_TICK_MAX - 1) {
                self.answer(request);
            }
            let now = Instant::now();
            self.net.update(now.duration_since(last));
            last = now;
            self.tick();
        }
        self.net.stop(self.seated.keys().copied());
        if let Some(store) = &self.store {
            let rooms = self.rooms.iter_mut().filter_map(|(code, room)| room.unwritten(*code));
            let until = Instant::now() + STORE_PARTING;
            rooms.chain(self.over.drain(..).map(Write::Over)).for_each(|write| store.write_until(until, write));
        }
    }

    fn tick(&mut self) {
        let now = self.clock.now();
        for event in self.net.take_events() {
            match event {
                NetEvent::Connected(peer, ticket) => self.connected(peer, ticket),
                NetEvent::Message(peer, bytes) => self.handle(now, peer, &bytes),
                NetEvent::Disconnected(peer, reason) => {
                    if let Some((code, seat)) = self.seated.remove(&peer)
                        && let Some(room) = self.rooms.get_mut(&code).filter(|room| room.seats(seat, peer))
                    {
                        tracing::info!(target: "host", seat = seat.0, %reason, "a player is gone");
                        room.leave(now, seat, &mut self.net);
                    }
                }
            }
        }
        self.wake(now);
        self.keep(now);
        self.net.flush();
        self.measure();
    }

    fn handle(&mut self, now: Micros, peer: Peer, bytes: &[u8]) {
        if let Some((code, seat)) = self.seated.get(&peer)
            && let Some(room) = self.rooms.get_mut(code).filter(|room| room.seats(*seat, peer))
        {
            let begin = Instant::now();
            let refused = room.handle(now, *seat, bytes, &mut self.net);
            self.metrics.handle.observe(begin.elapsed().as_secs_f64());
            self.metrics.received.inc();
            self.metrics.refused.inc_by(refused);
        }
    }

    fn measure(&mut self) {
        self.metrics.sessions.set(self.rooms.len() as i64);
        self.metrics.players.set(self.seated.len() as i64);
        let now = Instant::now();
        if now >= self.measure_at {
            self.measure_at = now + MEASURE_INTERVAL;
            self.rooms.values().for_each(|room| room.measure(&self.metrics));
        }
    }

    /// Lets every room do what is due, and closes those that are over.
    fn wake(&mut self, now: Micros) {
        let over = self.rooms.extract_if(|_, room| room.wake(now, &mut self.net)).map(|(code, _)| code);
        let before = self.over.len();
        self.over.extend(over);
        if self.over.len() > before {
            tracing::info!(target: "host", sessions = self.rooms.len(), "a session is over");
        }
    }

    /// Has everything new written down, and tells players what is safe.
    fn keep(&mut self, now: Micros) {
        let Some(store) = &self.store else { return self.over.clear() };
        for (code, room) in &mut self.rooms {
            room.write(now, *code, store);
        }
        self.over.retain(|code| !store.write(Write::Over(*code)));
        for safe in store.safe() {
            if let Some(room) = self.rooms.get_mut(&safe.code) {
                room.written(safe.seq, &mut self.net);
            }
        }
    }

    fn connected(&mut self, peer: Peer, ticket: Option<Ticket>) {
        let now = self.clock.now();
        let Some((ticket, room)) = ticket.and_then(|ticket| Some((ticket.clone(), self.rooms.get_mut(&ticket.code)?)))
        else {
            tracing::info!(target: "host", "a connection came without a session");
            return self.net.close(peer, Farewell::NoSession);
        };
        match room.join(now, &ticket.seat, peer, &mut self.net) {
            Ok((seat, older)) => {
                tracing::info!(target: "host", seat = seat.0, "a player is here");
                self.seated.insert(peer, (ticket.code, seat));
                if let Some(older) = older {
                    // The newest connection has the seat; that the older one goes must not empty it.
                    self.seated.remove(&older);
                    self.net.close(older, Farewell::Replaced);
                }
            }
            Err(error) => {
                tracing::info!(target: "host", %error, "a connection was refused");
                let why = if error == JoinError::Removed { Farewell::Removed } else { Farewell::NoSeat };
                self.net.close(peer, why);
            }
        }
    }

    fn answer(&mut self, request: Request) {
        match request {
            Request::Create(reply) => reply(self.create()),
            Request::Admit { code, token, profile, reply } => reply(self.admit(code, &token, profile)),
            Request::Seat { code, token, reply } => reply(self.room(code).map(|room| room.seat_of(&token))),
            Request::IsOpen { code, reply } => reply(self.room(code).map(drop)),
        }
    }

    fn room(&self, code: SessionCode) -> Result<&Room, Refused> {
        self.rooms.get(&code).ok_or(Refused::UnknownSession)
    }

    fn create(&mut self) -> Result<SessionCode, Refused> {
        if self.rooms.len() >= SESSIONS_MAX {
            return Err(Refused::TooManySessions);
        }
        let code = loop {
            let bits = getrandom::u64().map_err(|_| Refused::NoRandomness)?;
            let code = SessionCode::from_entropy(bits);
            if !self.rooms.contains_key(&code) {
                break code;
            }
        };
        self.rooms.insert(code, Room::new(self.setup.clone(), self.house, self.clock.now()));
        tracing::info!(target: "host", sessions = self.rooms.len(), "a session was opened");
        Ok(code)
    }

    fn admit(&mut self, code: SessionCode, token: &SeatToken, profile: Profile) -> Result<Admitted, Refused> {
        let seats: usize = self.rooms.values().map(Room::seats_taken).sum();
        let room = self.rooms.get_mut(&code).ok_or(Refused::UnknownSession)?;
        match room.admit(self.clock.now(), token, profile, seats < self.seats_max) {
            Some(Ok(seat)) => Ok(Admitted { seat, socket: self.net.invite() }),
            Some(Err(JoinError::Full | JoinError::UnknownToken)) => Err(Refused::SessionFull),
            Some(Err(JoinError::Locked)) => Err(Refused::Locked),
            Some(Err(JoinError::Removed)) => Err(Refused::Removed),
            None => Err(Refused::TooManySeats),
        }
    }
}
