//! The authority: owns the truth of one session and is the only one who makes events.
//!
//! # Contract
//! A host moves bytes and time, nothing else:
//! 1. [`Authority::admit`] reserves a seat for a token (over HTTP); [`Authority::join`] seats the connection that shows
//!    the token; [`Authority::leave`] tells that it is gone.
//! 2. Every message of a seat goes to [`Authority::handle`].
//! 3. [`Authority::wake`] is called at [`Authority::wake_at`], or any time later.
//! 4. After each call the host sends what is in the [`Outbox`].
//! 5. A host that keeps sessions over its own end calls [`Authority::keep_journal`] once, writes down what
//!    [`Authority::take_unwritten`] gives after each call, and says by [`Authority::written`] how far that is safe.
//! 6. After each call, once the outbox is sent, the host asks [`Authority::take_dismissed`] for the seats of players who were
//!    removed. Their connections get nothing more: with the next call the seat may be another player's. So the host tells
//!    neither their messages nor their end to the authority any more, and closes each of them when what was sent has
//!    arrived, the farewell last, or after a short while.
//! 7. `now` is session time and does not run backwards; where it does, the authority holds on to the latest.

mod commands;
mod edits;
mod guests;
mod journal;
mod nap;
mod pace;

pub use journal::Unwritten;
pub use pace::Allowance;

use crate::{
    avatar::Avatar,
    bounded::Bounded,
    command::Refusal,
    event::{Cause, Event, EventKind},
    grid::{SceneId, TrackId},
    history::History,
    limits::{
        BARRED_MAX, BEACON_INTERVAL_US, GRACE_US, LEAD_MAX_US, LEAD_MIN_US, SEATS_MAX, SNAPSHOT_CHUNK_BYTES,
        SNAPSHOT_CHUNKS_MAX,
    },
    names,
    setup::SessionSetup,
    state::{Player, SeatId, SessionState},
    text::Name,
    time::Micros,
    token::{SeatToken, TokenDigest},
    transport::Transport,
    values::Colour,
    wire::{self, ClientMessage, HostMessage, Report},
};
use journal::{Entry, Journal};
use pace::{Allowances, Ask};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use thiserror::Error;

/// Whom a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipient {
    /// One seat.
    Seat(SeatId),
    /// Every connected seat.
    All,
}

/// How a message travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// It arrives, and in order.
    Reliable,
    /// It may be lost; a newer one follows.
    Unreliable,
}

/// A message on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Whom it is for.
    pub to: Recipient,
    /// How it travels.
    pub channel: Channel,
    /// The message.
    pub bytes: Vec<u8>,
}

/// What an authority wants sent. Drained by the host after each call; one call adds at most a snapshot and a handful of
/// events.
pub type Outbox = Vec<Outgoing>;

/// Why a player cannot join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Error)]
pub enum JoinError {
    /// All seats are taken.
    #[error("This session is full: all {SEATS_MAX} seats are taken.")]
    Full,
    /// The token opens no seat, or no longer.
    #[error("This seat is no longer kept for you. Join again with the code.")]
    UnknownToken,
    /// Nobody new is let in.
    #[error("This session is locked: ask somebody in it to let you in.")]
    Locked,
    /// The others have removed the token's player.
    #[error("You were removed from this session.")]
    Removed,
}

/// What a player would like to be seen as; what is left open is chosen for them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Profile {
    /// Their name.
    pub name: Option<Name>,
    /// Their colour.
    pub colour: Option<Colour>,
    /// Their picture.
    pub avatar: Option<Avatar>,
}

/// How long what nobody uses is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// A seat without a connection, microseconds.
    pub seat_us: u64,
    /// A session without players, microseconds.
    pub session_us: u64,
}

impl Default for Patience {
    fn default() -> Self {
        Self { seat_us: GRACE_US, session_us: GRACE_US }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SeatRecord {
    seat: SeatId,
    token: TokenDigest,
    name: Name,
    colour: Colour,
    avatar: Avatar,
    /// What the seat said of itself last.
    report: Report,
    /// Since when nobody is connected; `None` while somebody is.
    empty_since: Option<Micros>,
}

/// What survives a restart.
#[derive(Serialize, Deserialize)]
struct Persisted {
    epoch: u32,
    state: SessionState,
    last_track: TrackId,
    last_scene: SceneId,
    seats: Bounded<SeatRecord, SEATS_MAX>,
    barred: Bounded<TokenDigest, BARRED_MAX>,
}

/// The owner of one session's truth. See the module's contract.
#[derive(Debug, Clone)]
pub struct Authority {
    epoch: u32,
    state: SessionState,
    seats: Vec<SeatRecord>,
    /// Whose players were removed, oldest first.
    barred: VecDeque<TokenDigest>,
    /// Seats of players who were removed in this call, and have to be told.
    parting: Vec<SeatId>,
    /// Seats of players who have been told, and whose connections are to be closed.
    dismissed: Vec<SeatId>,
    /// What is left for each seat to ask for.
    allowances: [Allowances; SEATS_MAX],
    /// Not kept over a restart: what players did before it cannot be taken back.
    history: History,
    /// The number that a new column or row got last.
    last_track: TrackId,
    last_scene: SceneId,
    now: Micros,
    empty_since: Option<Micros>,
    beacon_at: Micros,
    /// Commands that had no effect.
    refusals: u64,
    patience: Patience,
    /// `None` where nobody writes anything down.
    journal: Option<Journal>,
}

impl SeatRecord {
    fn player(&self) -> Player {
        Player {
            seat: self.seat,
            name: self.name.clone(),
            colour: self.colour,
            avatar: self.avatar,
            present: self.empty_since.is_none(),
        }
    }
}

impl Authority {
    /// A new session, at rest.
    pub fn new(setup: SessionSetup, now: Micros) -> Self {
        let state = SessionState::new(now, Transport::stopped(now, setup.tempo), setup.tracks, setup.scenes)
            .with_bars(setup.signature, setup.quantise);
        let last_track = state.tracks().iter().map(|track| track.id).max().unwrap_or(TrackId(0));
        let last_scene = state.scenes().iter().map(|scene| scene.id).max().unwrap_or(SceneId(0));
        Self {
            epoch: 1,
            state,
            seats: Vec::new(),
            barred: VecDeque::new(),
            parting: Vec::new(),
            dismissed: Vec::new(),
            allowances: Default::default(),
            history: History::default(),
            last_track,
            last_scene,
            now,
            empty_since: Some(now),
            beacon_at: now,
            refusals: 0,
            patience: Patience::default(),
            journal: None,
        }
    }

    /// From now on, this is how long what nobody uses is kept.
    pub fn set_patience(&mut self, patience: Patience) {
        self.patience = patience;
    }

    /// Everything that a restart needs, see [`Authority::restore`].
    pub fn snapshot(&self) -> Vec<u8> {
        let seats = Bounded::try_from_vec(self.seats.clone()).unwrap_or_default();
        let barred = Bounded::try_from_vec(self.barred.iter().copied().collect()).unwrap_or_default();
        let (last_track, last_scene) = (self.last_track, self.last_scene);
        let persisted =
            Persisted { epoch: self.epoch, state: self.state.clone(), last_track, last_scene, seats, barred };
        postcard::to_stdvec(&persisted).unwrap_or_default()
    }

    /// The session of a snapshot and of what was written down after it, under the next epoch, with every seat empty since
    /// `now`; `None` if they are none.
    pub fn restore(snapshot: &[u8], entries: &[Vec<u8>], now: Micros) -> Option<Self> {
        let mut authority = Self::rebuild(snapshot, entries, now)?;
        authority.epoch = authority.epoch.checked_add(1)?;
        authority.empty_since = Some(authority.now);
        for seat in &mut authority.seats {
            (seat.empty_since, seat.report) = (Some(authority.now), Report::default());
        }
        let absent: Vec<SeatId> = authority.state.players().iter().filter(|p| p.present).map(|p| p.seat).collect();
        for seat in absent {
            authority.emit(None, EventKind::PlayerLost(seat), &mut Outbox::new());
        }
        Some(authority)
    }

    /// The session of a snapshot and of what was written down after it, as it was.
    fn rebuild(snapshot: &[u8], entries: &[Vec<u8>], now: Micros) -> Option<Self> {
        let persisted: Persisted = postcard::from_bytes(snapshot).ok()?;
        let mut authority = Self {
            epoch: persisted.epoch,
            state: SessionState::decode(&persisted.state.encode())?,
            seats: persisted.seats.to_vec(),
            barred: persisted.barred.iter().copied().collect(),
            parting: Vec::new(),
            dismissed: Vec::new(),
            allowances: Default::default(),
            history: History::default(),
            last_track: persisted.last_track,
            last_scene: persisted.last_scene,
            now,
            empty_since: None,
            beacon_at: now,
            refusals: 0,
            patience: Patience::default(),
            journal: None,
        };
        for entry in entries {
            authority.replay(entry)?;
        }
        // Their connections ended with the host.
        authority.parting.clear();
        let now = now.max(authority.state.at());
        (authority.now, authority.beacon_at) = (now, now);
        Some(authority)
    }

    /// The truth.
    pub fn state(&self) -> &SessionState {
        &self.state
    }

    /// Counts the authorities that this session has had, from 1.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// From now on, this authority has at least this epoch: there was another one since it was made, or it is granted.
    pub fn assume(&mut self, epoch: u32) {
        self.epoch = self.epoch.max(epoch);
    }

    /// Whether the last player has been gone for so long that the session is not kept any more.
    pub fn is_over(&self, now: Micros) -> bool {
        let is_over = |since| now.since(since) >= self.patience.session_us as i64;
        self.seats.is_empty() && self.empty_since.is_some_and(is_over)
    }

    /// Commands that had no effect, since this authority began.
    pub fn refusals(&self) -> u64 {
        self.refusals
    }

    /// What a seat said of itself last; `None` if there is no such seat.
    pub fn report(&self, seat: SeatId) -> Option<Report> {
        self.seats.iter().find(|record| record.seat == seat).map(|record| record.report)
    }

    /// Seats that are taken or kept.
    pub fn seats_taken(&self) -> usize {
        self.seats.len()
    }

    /// The seat that is taken by, or kept for, whoever shows this token.
    pub fn seat_of(&self, token: &SeatToken) -> Option<SeatId> {
        let digest = token.digest();
        self.seats.iter().find(|seat| seat.token == digest).map(|seat| seat.seat)
    }

    /// How far ahead of a command its effect lies, microseconds: what the slowest connected seat needs. A seat that needs
    /// more than [`LEAD_MAX_US`] starts in mid-clip anyway, and slows nobody.
    pub fn lead_us(&self) -> u64 {
        let connected = self.seats.iter().filter(|seat| seat.empty_since.is_none());
        let needed = connected.map(|seat| u64::from(seat.report.lead_us));
        needed.filter(|lead_us| *lead_us <= LEAD_MAX_US).max().unwrap_or(0).max(LEAD_MIN_US)
    }

    /// Reserves a seat for whoever shows this token. A token that has a seat already keeps it.
    ///
    /// # Errors
    /// [`JoinError::Removed`] when the token's player was removed, [`JoinError::Locked`] when nobody new is let in,
    /// [`JoinError::Full`] when all seats are taken.
    pub fn admit(&mut self, now: Micros, token: &SeatToken, profile: Profile) -> Result<SeatId, JoinError> {
        let now = self.advance(now);
        let digest = token.digest();
        if let Some(known) = self.seats.iter().find(|seat| seat.token == digest) {
            return Ok(known.seat);
        }
        if self.barred.contains(&digest) {
            return Err(JoinError::Removed);
        }
        if self.state.is_locked() {
            return Err(JoinError::Locked);
        }
        let is_free =
            |seat: &SeatId| self.seats.iter().all(|taken| taken.seat != *seat) && !self.dismissed.contains(seat);
        let seat = (0..SEATS_MAX as u8).map(SeatId).find(is_free).ok_or(JoinError::Full)?;
        let Profile { name, colour, avatar } = profile;
        let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| names::player_name(digest.seed()));
        let colour = colour.unwrap_or_else(|| names::player_colour(seat));
        let avatar = avatar.unwrap_or_else(|| names::player_avatar(digest.seed()));
        let record =
            SeatRecord { seat, token: digest, name, colour, avatar, report: Report::default(), empty_since: Some(now) };
        self.write(|| Entry::Admitted(record.clone()));
        self.seats.push(record);
        Ok(seat)
    }

    /// Seats the connection that shows this token: welcome and snapshot for it, news for all.
    ///
    /// # Errors
    /// [`JoinError::Removed`] when the token's player was removed, [`JoinError::UnknownToken`] when no seat is kept for the
    /// token.
    pub fn join(&mut self, now: Micros, token: &SeatToken, out: &mut Outbox) -> Result<SeatId, JoinError> {
        let now = self.advance(now);
        self.free_expired(now, out);
        let digest = token.digest();
        let stranger = if self.barred.contains(&digest) { JoinError::Removed } else { JoinError::UnknownToken };
        let record = self.seats.iter_mut().find(|seat| seat.token == digest).ok_or(stranger)?;
        record.empty_since = None;
        record.report = Report::default();
        let player = record.player();
        let seat = player.seat;
        self.empty_since = None;
        send(out, Recipient::Seat(seat), &HostMessage::Welcome { seat, epoch: self.epoch, durable: self.durable() });
        self.send_snapshot(seat, out);
        self.await_snapshot(seat, false);
        self.send_history(seat, out);
        for other in self.seats.iter().filter(|other| other.seat != seat && other.empty_since.is_none()) {
            let (of, report) = (other.seat, other.report);
            send(out, Recipient::Seat(seat), &HostMessage::Report { seat: of, report });
        }
        self.emit(None, EventKind::PlayerJoined(player), out);
        self.part(None, out);
        Ok(seat)
    }

    /// Tells that a seat's connection is gone. The seat waits for the grace time.
    pub fn leave(&mut self, now: Micros, seat: SeatId, out: &mut Outbox) {
        let now = self.advance(now);
        let Some(record) = self.seats.iter_mut().find(|record| record.seat == seat && record.empty_since.is_none())
        else {
            return;
        };
        record.empty_since = Some(now);
        if self.seats.iter().all(|seat| seat.empty_since.is_some()) {
            self.empty_since = Some(now);
        }
        self.await_snapshot(seat, false);
        self.emit(None, EventKind::PlayerLost(seat), out);
        self.part(None, out);
    }

    /// Handles a message of a connected seat. More than the player may ask for is refused, or not heard.
    pub fn handle(&mut self, now: Micros, seat: SeatId, bytes: &[u8], out: &mut Outbox) {
        let now = self.advance(now);
        if !self.seats.iter().any(|record| record.seat == seat && record.empty_since.is_none()) {
            return;
        }
        match wire::decode(bytes) {
            Ok(ClientMessage::Command { id, command }) => {
                let (class, cause) = (command.class(), Cause { seat, command: id });
                let done = if self.may(now, seat, Ask::Command(class)) {
                    self.command(now, cause, command, out)
                } else {
                    Err(Refusal::TooOften(class))
                };
                if let Err(refusal) = done {
                    self.refusals += 1;
                    send(out, Recipient::Seat(seat), &HostMessage::Refused { id, refusal });
                }
            }
            Ok(ClientMessage::Report(report)) if self.may(now, seat, Ask::Report) => {
                for record in self.seats.iter_mut().filter(|record| record.seat == seat) {
                    record.report = report;
                }
                // Only changes are told: one that was lost would be missed for good.
                send(out, Recipient::All, &HostMessage::Report { seat, report });
            }
            Ok(ClientMessage::Cursor(pointer)) if self.may(now, seat, Ask::Cursor) => {
                tell(out, &HostMessage::Cursor { seat, pointer });
            }
            // A newer one follows.
            Ok(ClientMessage::Report(_) | ClientMessage::Cursor(_)) => {}
            Ok(ClientMessage::Resync) => {
                self.await_snapshot(seat, true);
                self.send_awaited(now, out);
            }
            Err(malformed) => send(out, Recipient::Seat(seat), &HostMessage::Malformed(malformed)),
        }
    }

    /// When [`Authority::wake`] wants to be called next; `None`: not before something else happens.
    pub fn wake_at(&self) -> Option<Micros> {
        let connected = self.seats.iter().any(|seat| seat.empty_since.is_none());
        let snapshot = self.allowances.iter().filter_map(Allowances::snapshot_at).min();
        let beacon = (connected && self.state.transport().last().playing).then_some(self.beacon_at);
        [self.expires_at(), beacon, snapshot].into_iter().flatten().min()
    }

    /// When the grace time of a seat, or of the session, is over next; `None` while somebody is in each seat.
    pub fn expires_at(&self) -> Option<Micros> {
        let expiry =
            self.seats.iter().filter_map(|seat| seat.empty_since).min().map(|since| since + self.patience.seat_us);
        let over = self.empty_since.filter(|_| self.seats.is_empty()).map(|since| since + self.patience.session_us);
        let over = over.filter(|at| *at > self.now);
        [expiry, over].into_iter().flatten().min()
    }

    /// Does what is due: frees seats whose grace time is over, sends the clock beacon, and the snapshots that had to wait.
    pub fn wake(&mut self, now: Micros, out: &mut Outbox) {
        let now = self.advance(now);
        self.free_expired(now, out);
        self.part(None, out);
        self.send_awaited(now, out);
        if self.state.transport().last().playing && self.beacon_at <= now {
            // What is late is not made up for, and moves nothing: hosts with many sessions would otherwise come to send all
            // of their beacons at once.
            let missed = now.since(self.beacon_at).max(0) as u64 / BEACON_INTERVAL_US;
            self.beacon_at = self.beacon_at + (missed + 1) * BEACON_INTERVAL_US;
            tell(out, &HostMessage::Beacon(now));
        }
    }

    /// Time that never runs backwards.
    fn advance(&mut self, now: Micros) -> Micros {
        self.now = self.now.max(now);
        self.now
    }

    fn free_expired(&mut self, now: Micros, out: &mut Outbox) {
        let patience_us = self.patience.seat_us as i64;
        let is_expired = |seat: &SeatRecord| seat.empty_since.is_some_and(|since| now.since(since) >= patience_us);
        let gone: Vec<SeatId> = self.seats.iter().filter(|seat| is_expired(seat)).map(|seat| seat.seat).collect();
        self.seats.retain(|seat| !is_expired(seat));
        for seat in gone {
            self.forget_seat(seat);
            if self.state.player(seat).is_some() {
                self.emit(None, EventKind::PlayerGone(seat), out);
            } else {
                self.write(|| Entry::Freed(seat));
            }
        }
    }

    /// Sends the snapshots that players wait for and may have by now.
    fn send_awaited(&mut self, now: Micros, out: &mut Outbox) {
        for seat in self.snapshots_due(now) {
            if self.may(now, seat, Ask::Resync) {
                self.await_snapshot(seat, false);
                self.send_snapshot(seat, out);
            }
        }
    }

    fn send_snapshot(&self, seat: SeatId, out: &mut Outbox) {
        let bytes = self.state.encode();
        let chunks = bytes.chunks(SNAPSHOT_CHUNK_BYTES);
        let count = chunks.len().min(SNAPSHOT_CHUNKS_MAX) as u16;
        for (index, chunk) in (0..count).zip(chunks) {
            let bytes = Bounded::try_from_vec(chunk.to_vec()).unwrap_or_default();
            send(out, Recipient::Seat(seat), &HostMessage::Snapshot { index, count, bytes });
        }
    }

    /// Makes an event, applies it, and tells everybody.
    fn emit(&mut self, cause: Option<Cause>, kind: EventKind, out: &mut Outbox) -> bool {
        let event = Event { seq: self.state.seq() + 1, at: self.now, cause, kind };
        let applied = self.state.apply(&event).is_ok();
        if applied {
            self.write(|| Entry::Event(event.clone()));
            if let EventKind::PlayerRemoved(seat) = event.kind {
                self.unseat(seat);
            }
            send(out, Recipient::All, &HostMessage::Event(event));
        }
        applied
    }
}

/// Tells everybody something that may be lost.
fn tell(out: &mut Outbox, message: &HostMessage) {
    out.push(Outgoing { to: Recipient::All, channel: Channel::Unreliable, bytes: wire::encode(message) });
}

fn send(out: &mut Outbox, to: Recipient, message: &HostMessage) {
    out.push(Outgoing { to, channel: Channel::Reliable, bytes: wire::encode(message) });
}
