//! The host's loop: moves bytes and time between the connections and the rooms, on a thread of its own.
//!
//! ```text
//! HTTP ───────────→ desk ─┐                    ┌─→ rooms: Authority::join, handle, leave, wake ─┐
//! UDP, WebSocket ─→ net ──┴─→ Driver::tick ────┴─────────────── net ←───────────────────────────┘
//! ```
//!
//! No rule of the game is written here.

use crate::{
    awaited::Awaited,
    bridge::Bridge,
    clock::SessionClocks,
    desk::{Admitted, Grant, Opener, Refused, Request},
    limits::{MEASURE_INTERVAL, REQUESTS_PER_TICK_MAX, STORE_PARTING, TICK, TICK_IDLE},
    metrics::Metrics,
    net::{Net, NetEvent, Peer},
    pulse::Pulse,
    room::{House, Room},
    store::{Kept, Store, Write},
    tickets::Ticket,
};
use keyboardia_session::{
    Farewell, JoinError, Micros, Profile, SeatId, SeatToken, SessionCode, SessionSetup, limits::SESSIONS_MAX,
};
use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::Instant,
};
use tokio::sync::watch;

/// Everything that the loop owns.
pub(crate) struct Driver {
    clocks: SessionClocks,
    net: Net,
    setup: SessionSetup,
    house: House,
    /// Seats on this host.
    seats_max: usize,
    /// Where sessions are written down, if they are.
    store: Option<Store>,
    /// What puts sessions on the internet, if they are.
    bridge: Option<Bridge>,
    /// Sessions that are over and still written down.
    over: Vec<SessionCode>,
    rooms: HashMap<SessionCode, Room>,
    /// Sessions that are written down and cannot be read; they stay where they are, for whoever can.
    unreadable: HashSet<SessionCode>,
    /// Seats that are kept for those who have not come yet.
    awaited: Awaited,
    /// Who sits where; a connection that is not here has no seat, or has it no longer.
    seated: HashMap<Peer, (SessionCode, SeatId)>,
    metrics: Metrics,
    pulse: Pulse,
    /// When round trips are noted next.
    measure_at: Instant,
}

impl Driver {
    /// A host without sessions; new ones begin as `setup` says.
    pub(crate) fn new(
        clocks: SessionClocks,
        net: Net,
        setup: SessionSetup,
        house: House,
        seats_max: usize,
        store: Option<Store>,
        bridge: Option<Bridge>,
        metrics: Metrics,
        pulse: Pulse,
    ) -> Self {
        Self {
            clocks,
            net,
            setup,
            house,
            seats_max,
            store,
            bridge,
            over: Vec::new(),
            rooms: HashMap::new(),
            unreadable: HashSet::new(),
            awaited: Awaited::default(),
            seated: HashMap::new(),
            metrics,
            pulse,
            measure_at: Instant::now(),
        }
    }

    /// Opens the sessions that were kept. One that cannot be read stays where it is.
    pub(crate) fn reopen(&mut self, kept: Vec<Kept>) {
        let now = self.clocks.host.now();
        for Kept { code, snapshot, entries, ahead_us } in kept {
            if let Some(room) = Room::restore(&snapshot, &entries, self.house, now, ahead_us) {
                self.clocks.set(code, room.ahead_us());
                self.rooms.insert(code, room);
                self.put_online(code);
            } else {
                tracing::error!(target: "host", "a session that was kept cannot be read");
                self.unreadable.insert(code);
            }
        }
        if !self.rooms.is_empty() {
            tracing::info!(target: "host", sessions = self.rooms.len(), "sessions are open again");
        }
    }

    /// Runs until `stop` is true, then tells everybody who is connected. Where nothing can be written down any more because
    /// the store has failed, that is an end, too.
    pub(crate) fn run(mut self, requests: &Receiver<Request>, stop: &watch::Receiver<bool>) {
        let mut last = Instant::now();
        while !*stop.borrow() {
            self.pulse.beat();
            if self.store.as_ref().is_some_and(Store::has_failed) {
                tracing::error!(target: "host", "the store has failed");
                break;
            }
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
        let rooms: Vec<Write> = self.rooms.iter_mut().filter_map(|(code, room)| room.unwritten(*code)).collect();
        if let Some(store) = &self.store {
            let until = Instant::now() + STORE_PARTING;
            rooms
                .into_iter()
                .chain(self.over.drain(..).map(Write::Over))
                .for_each(|write| store.write_until(until, write));
        }
    }

    fn tick(&mut self) {
        let now = self.clocks.host.now();
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
            room.handle(now, *seat, bytes, &mut self.net, &self.metrics);
            self.metrics.handle.observe(begin.elapsed().as_secs_f64());
            self.metrics.received.inc();
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
        let before = self.over.len();
        for (code, room) in self.rooms.extract_if(|_, room| room.wake(now, &mut self.net)) {
            self.clocks.set(code, 0);
            room.end();
            self.over.push(code);
        }
        if self.over.len() > before {
            tracing::info!(target: "host", sessions = self.rooms.len(), "a session is over");
        }
    }

    /// Has everything new written down, and tells players what is safe.
    fn keep(&mut self, now: Micros) {
        let store = self.store.as_ref();
        for (code, room) in &mut self.rooms {
            room.write(now, *code, store);
        }
        self.over.retain(|code| store.is_some_and(|store| !store.write(Write::Over(*code))));
        for safe in store.into_iter().flat_map(Store::safe) {
            if let Some(room) = self.rooms.get_mut(&safe.code) {
                room.written(safe);
            }
        }
        for room in self.rooms.values_mut() {
            room.confirm(&mut self.net);
        }
    }

    fn connected(&mut self, peer: Peer, ticket: Option<Ticket>) {
        let now = self.clocks.host.now();
        let Some((ticket, room)) = ticket.and_then(|ticket| Some((ticket.clone(), self.rooms.get_mut(&ticket.code)?)))
        else {
            tracing::info!(target: "host", "a connection came without a session");
            return self.net.close(peer, Farewell::NoSession);
        };
        match room.join(now, &ticket.seat, peer, &mut self.net) {
            Ok((seat, older)) => {
                tracing::info!(target: "host", seat = seat.0, "a player is here");
                self.awaited.came(ticket.code, seat);
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
            Request::Create { opener, setup, reply } => reply(self.create(opener, setup)),
            Request::Admit { code, token, profile, from, reply } => reply(self.admit(code, &token, profile, from)),
            Request::Seat { code, token, reply } => reply(self.room(code).map(|room| room.seat_of(&token))),
            Request::Epoch { code, reply } => reply(self.room(code).map(Room::epoch)),
            Request::Grant { code, grant, reply } => reply(self.grant(code, grant)),
            Request::Release { code, reply } => reply(self.release(code)),
            Request::IsOpen { code, reply } => reply(self.room(code).map(drop)),
            Request::IsKept { code, reply } if self.unreadable.contains(&code) => reply(Ok(())),
            Request::IsKept { code, reply } => reply(self.room(code).map(drop)),
            #[cfg(test)]
            Request::Fail => panic!("as asked"),
        }
    }

    fn room(&self, code: SessionCode) -> Result<&Room, Refused> {
        self.rooms.get(&code).ok_or(Refused::UnknownSession)
    }

    fn create(&mut self, opener: Opener, setup: Option<Box<SessionSetup>>) -> Result<SessionCode, Refused> {
        if self.rooms.len() >= SESSIONS_MAX {
            return Err(Refused::TooManySessions);
        }
        let code = loop {
            let bits = getrandom::u64().map_err(|_| Refused::NoRandomness)?;
            let code = SessionCode::from_entropy(bits);
            if !self.rooms.contains_key(&code) && !self.unreadable.contains(&code) {
                break code;
            }
        };
        let setup = setup.map_or_else(|| self.setup.clone(), |setup| *setup);
        self.rooms.insert(code, Room::new(setup, opener, self.house, self.clocks.host.now()));
        self.put_online(code);
        tracing::info!(target: "host", sessions = self.rooms.len(), "a session was opened");
        Ok(code)
    }

    /// Has a session put on the internet, if sessions are.
    fn put_online(&self, code: SessionCode) {
        if let Some(bridge) = &self.bridge {
            bridge.open(code);
        }
    }

    /// Takes a session over. Where it has gone on elsewhere meanwhile, its players here come again.
    fn grant(&mut self, code: SessionCode, mut grant: Grant) -> Result<(), Refused> {
        if let Some(written) = grant.session.take() {
            let now = self.clocks.host.now();
            let room = Room::take_over(&written, self.house, now, grant.ahead_us).ok_or_else(|| {
                tracing::error!(target: "host", "a session that was held elsewhere cannot be read");
                Refused::NoAnswer
            })?;
            self.clocks.set(code, grant.ahead_us);
            self.rooms.insert(code, room);
            self.move_players(code);
        }
        self.rooms.get_mut(&code).ok_or(Refused::UnknownSession)?.assume(grant);
        Ok(())
    }

    /// Lets go of a session that another host has now. Its players find it at the place.
    fn release(&mut self, code: SessionCode) -> Result<(), Refused> {
        self.rooms.remove(&code).ok_or(Refused::UnknownSession)?;
        self.clocks.set(code, 0);
        self.move_players(code);
        self.over.push(code);
        Ok(())
    }

    /// A session's players here come again, wherever it is by then.
    fn move_players(&mut self, code: SessionCode) {
        for (peer, _) in self.seated.extract_if(|_, (of, _)| *of == code) {
            self.net.close(peer, Farewell::Moving);
        }
    }

    fn admit(
        &mut self,
        code: SessionCode,
        token: &SeatToken,
        profile: Profile,
        from: Option<IpAddr>,
    ) -> Result<Admitted, Refused> {
        let now = self.clocks.host.now();
        let seats: usize = self.rooms.values().map(Room::seats_taken).sum();
        let room = self.rooms.get_mut(&code).ok_or(Refused::UnknownSession)?;
        let newcomer = from.filter(|_| room.seat_of(token).is_none());
        if let Some(from) = newcomer {
            let too_many = |wait_us: u64| Refused::TooManyAwaited(wait_us.div_ceil(1_000_000));
            self.awaited.may_wait(from, now).map_err(too_many)?;
        }
        let seat = match room.admit(now, token, profile, seats < self.seats_max) {
            Some(Ok(seat)) => seat,
            Some(Err(JoinError::Full | JoinError::UnknownToken)) => return Err(Refused::SessionFull),
            Some(Err(JoinError::Locked)) => return Err(Refused::Locked),
            Some(Err(JoinError::Removed)) => return Err(Refused::Removed),
            None => return Err(Refused::TooManySeats),
        };
        if let Some(from) = newcomer {
            self.awaited.keep(code, seat, from, now + self.house.patience.seat_us);
        }
        Ok(Admitted { seat, socket: self.net.invite() })
    }
}
