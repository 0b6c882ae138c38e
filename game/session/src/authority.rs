//! The authority: owns the truth of one session and is the only one who makes events.
//!
//! # Contract
//! A host moves bytes and time, nothing else:
//! 1. [`Authority::admit`] reserves a seat for a token (over HTTP); [`Authority::join`] seats the connection that shows
//!    the token; [`Authority::leave`] tells that it is gone.
//! 2. Every message of a seat goes to [`Authority::handle`].
//! 3. [`Authority::wake`] is called at [`Authority::wake_at`], or any time later.
//! 4. After each call the host sends what is in the [`Outbox`].
//! 5. `now` is session time and does not run backwards; where it does, the authority holds on to the latest.

use crate::{
    bounded::Bounded,
    command::{Command, Refusal},
    event::{Cause, Event, EventKind, Stamp},
    grid::{Colour, Scene, SceneIndex, Track, TrackIndex},
    limits::{
        BEACON_INTERVAL_US, GRACE_US, LEAD_MAX_US, LEAD_MIN_US, SEATS_MAX, SNAPSHOT_CHUNK_BYTES, SNAPSHOT_CHUNKS_MAX,
    },
    names,
    setup::SessionSetup,
    state::{Player, SeatId, SessionState},
    text::Name,
    time::{Beats, Micros, Tempo, Timeline},
    token::{SeatToken, TokenDigest},
    transport::Transport,
    wire::{self, ClientMessage, HostMessage},
};
use serde::{Deserialize, Serialize};
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
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SeatRecord {
    seat: SeatId,
    token: TokenDigest,
    name: Name,
    colour: Colour,
    lead_us: u32,
    /// Since when nobody is connected; `None` while somebody is.
    empty_since: Option<Micros>,
}

/// What survives a restart.
#[derive(Serialize, Deserialize)]
struct Persisted {
    epoch: u32,
    state: SessionState,
    seats: Bounded<SeatRecord, SEATS_MAX>,
}

/// The owner of one session's truth. See the module's contract.
#[derive(Debug, Clone)]
pub struct Authority {
    epoch: u32,
    state: SessionState,
    seats: Vec<SeatRecord>,
    now: Micros,
    empty_since: Option<Micros>,
    beacon_at: Micros,
}

impl Authority {
    /// A new session, at rest.
    pub fn new(setup: SessionSetup, now: Micros) -> Self {
        let state = SessionState::new(now, Transport::stopped(now, setup.tempo), setup.tracks, setup.scenes);
        Self { epoch: 1, state, seats: Vec::new(), now, empty_since: Some(now), beacon_at: now }
    }

    /// Everything that a restart needs, see [`Authority::restore`].
    pub fn snapshot(&self) -> Vec<u8> {
        let seats = Bounded::try_from_vec(self.seats.clone()).unwrap_or_default();
        let persisted = Persisted { epoch: self.epoch, state: self.state.clone(), seats };
        postcard::to_stdvec(&persisted).unwrap_or_default()
    }

    /// The session of a snapshot, under the next epoch, with every seat empty since `now`; `None` if it is not one.
    pub fn restore(bytes: &[u8], now: Micros) -> Option<Self> {
        let persisted: Persisted = postcard::from_bytes(bytes).ok()?;
        let state = SessionState::decode(&persisted.state.encode())?;
        let now = now.max(state.at());
        let mut seats: Vec<SeatRecord> = persisted.seats.to_vec();
        for seat in &mut seats {
            seat.empty_since = Some(now);
        }
        let epoch = persisted.epoch.checked_add(1)?;
        let mut authority = Self { epoch, state, seats, now, empty_since: Some(now), beacon_at: now };
        let absent: Vec<SeatId> = authority.state.players().iter().filter(|p| p.present).map(|p| p.seat).collect();
        for seat in absent {
            authority.emit(None, EventKind::PlayerLost(seat), &mut Outbox::new());
        }
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

    /// Whether the last player has been gone for the grace time.
    pub fn is_over(&self, now: Micros) -> bool {
        self.seats.is_empty() && self.empty_since.is_some_and(|since| now.since(since) >= GRACE_US as i64)
    }

    /// Seats that are taken or kept.
    pub fn seats_taken(&self) -> usize {
        self.seats.len()
    }

    /// How far ahead of a command its effect lies, microseconds: what the slowest connected seat needs.
    pub fn lead_us(&self) -> u64 {
        let slowest =
            self.seats.iter().filter(|seat| seat.empty_since.is_none()).map(|seat| u64::from(seat.lead_us)).max();
        slowest.unwrap_or(0).clamp(LEAD_MIN_US, LEAD_MAX_US)
    }

    /// Reserves a seat for whoever shows this token. A token that has a seat already keeps it.
    ///
    /// # Errors
    /// [`JoinError::Full`] when all seats are taken.
    pub fn admit(&mut self, now: Micros, token: &SeatToken, name: Option<Name>) -> Result<SeatId, JoinError> {
        let now = self.advance(now);
        let digest = token.digest();
        if let Some(known) = self.seats.iter().find(|seat| seat.token == digest) {
            return Ok(known.seat);
        }
        let is_free = |seat: &SeatId| self.seats.iter().all(|taken| taken.seat != *seat);
        let seat = (0..SEATS_MAX as u8).map(SeatId).find(is_free).ok_or(JoinError::Full)?;
        let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| names::player_name(digest.seed()));
        let colour = names::player_colour(seat);
        self.seats.push(SeatRecord { seat, token: digest, name, colour, lead_us: 0, empty_since: Some(now) });
        Ok(seat)
    }

    /// Seats the connection that shows this token: welcome and snapshot for it, news for all.
    ///
    /// # Errors
    /// [`JoinError::UnknownToken`] when no seat is kept for the token.
    pub fn join(&mut self, now: Micros, token: &SeatToken, out: &mut Outbox) -> Result<SeatId, JoinError> {
        let now = self.advance(now);
        self.free_expired(now, out);
        let digest = token.digest();
        let record = self.seats.iter_mut().find(|seat| seat.token == digest).ok_or(JoinError::UnknownToken)?;
        record.empty_since = None;
        record.lead_us = 0;
        let player = Player { seat: record.seat, name: record.name.clone(), colour: record.colour, present: true };
        let seat = player.seat;
        self.empty_since = None;
        send(out, Recipient::Seat(seat), &HostMessage::Welcome { seat, epoch: self.epoch });
        self.send_snapshot(seat, out);
        self.emit(None, EventKind::PlayerJoined(player), out);
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
        self.emit(None, EventKind::PlayerLost(seat), out);
    }

    /// Handles a message of a connected seat.
    pub fn handle(&mut self, now: Micros, seat: SeatId, bytes: &[u8], out: &mut Outbox) {
        let now = self.advance(now);
        if !self.seats.iter().any(|record| record.seat == seat && record.empty_since.is_none()) {
            return;
        }
        match wire::decode(bytes) {
            Ok(ClientMessage::Command { id, command }) => {
                if let Err(refusal) = self.command(now, Cause { seat, command: id }, command, out) {
                    send(out, Recipient::Seat(seat), &HostMessage::Refused { id, refusal });
                }
            }
            Ok(ClientMessage::ReportLead(lead_us)) => {
                for record in self.seats.iter_mut().filter(|record| record.seat == seat) {
                    record.lead_us = lead_us.min(LEAD_MAX_US as u32);
                }
            }
            Ok(ClientMessage::Resync) => self.send_snapshot(seat, out),
            Err(malformed) => send(out, Recipient::Seat(seat), &HostMessage::Malformed(malformed)),
        }
    }

    /// When [`Authority::wake`] wants to be called next; `None`: not before something else happens.
    pub fn wake_at(&self) -> Option<Micros> {
        let expiry = self.seats.iter().filter_map(|seat| seat.empty_since).min().map(|since| since + GRACE_US);
        let over = self.empty_since.filter(|_| self.seats.is_empty()).map(|since| since + GRACE_US);
        let over = over.filter(|at| *at > self.now);
        let connected = self.seats.iter().any(|seat| seat.empty_since.is_none());
        let beacon = (connected && self.state.transport().last().playing).then_some(self.beacon_at);
        [expiry, over, beacon].into_iter().flatten().min()
    }

    /// Does what is due: frees seats whose grace time is over, sends the clock beacon.
    pub fn wake(&mut self, now: Micros, out: &mut Outbox) {
        let now = self.advance(now);
        self.free_expired(now, out);
        if self.state.transport().last().playing && self.beacon_at <= now {
            self.beacon_at = now + BEACON_INTERVAL_US;
            let bytes = wire::encode(&HostMessage::Beacon(now));
            out.push(Outgoing { to: Recipient::All, channel: Channel::Unreliable, bytes });
        }
    }

    /// Time that never runs backwards.
    fn advance(&mut self, now: Micros) -> Micros {
        self.now = self.now.max(now);
        self.now
    }

    fn free_expired(&mut self, now: Micros, out: &mut Outbox) {
        let is_expired = |seat: &SeatRecord| seat.empty_since.is_some_and(|since| now.since(since) >= GRACE_US as i64);
        let gone: Vec<SeatId> = self.seats.iter().filter(|seat| is_expired(seat)).map(|seat| seat.seat).collect();
        self.seats.retain(|seat| !is_expired(seat));
        for seat in gone {
            if self.state.player(seat).is_some() {
                self.emit(None, EventKind::PlayerGone(seat), out);
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
            send(out, Recipient::All, &HostMessage::Event(event));
        }
        applied
    }

    fn command(&mut self, now: Micros, cause: Cause, command: Command, out: &mut Outbox) -> Result<(), Refusal> {
        let kind = match command {
            Command::Launch { track, scene } => {
                let clips = self.track(track)?;
                self.scene(scene)?;
                clips.clip(scene).ok_or(Refusal::EmptySlot)?;
                let stamp = self.stamp_launch(now, cause, out)?;
                self.check_room([track], stamp)?;
                EventKind::Launched { track, scene, stamp }
            }
            Command::StopTrack { track } => {
                self.track(track)?;
                let stamp = self.stamp(now);
                self.check_room([track], stamp)?;
                EventKind::TrackStopped { track, stamp }
            }
            Command::Unqueue { track } => self.unqueue(now, track)?,
            Command::LaunchScene { scene } => {
                self.scene(scene)?;
                let stamp = self.stamp_launch(now, cause, out)?;
                self.check_room(self.track_indices(), stamp)?;
                EventKind::SceneLaunched { scene, stamp }
            }
            Command::StopAll => {
                let stamp = self.stamp(now);
                self.check_room(self.track_indices(), stamp)?;
                EventKind::AllStopped { stamp }
            }
            Command::SetPlaying(playing) => EventKind::TimelineSet(self.timeline(now, None, playing)?),
            Command::SetTempo(tempo) => {
                EventKind::TimelineSet(self.timeline(now, Some(tempo), self.state.transport().last().playing)?)
            }
            Command::SetQuantise(quantise) => EventKind::QuantiseSet(quantise),
            Command::SetGain { track, gain } => self.track(track).map(|_| EventKind::GainSet { track, gain })?,
            Command::SetPan { track, pan } => self.track(track).map(|_| EventKind::PanSet { track, pan })?,
            Command::SetMute { track, mute } => self.track(track).map(|_| EventKind::MuteSet { track, mute })?,
            Command::SetSolo { track, solo } => self.track(track).map(|_| EventKind::SoloSet { track, solo })?,
        };
        if self.emit(Some(cause), kind, out) { Ok(()) } else { Err(Refusal::TooFast) }
    }

    fn track(&self, track: TrackIndex) -> Result<&Track, Refusal> {
        self.state.track(track).ok_or(Refusal::NoSuchTrack)
    }

    fn scene(&self, scene: SceneIndex) -> Result<&Scene, Refusal> {
        self.state.scene(scene).ok_or(Refusal::NoSuchScene)
    }

    fn track_indices(&self) -> impl Iterator<Item = TrackIndex> + use<> {
        (0..self.state.tracks().len() as u8).map(TrackIndex)
    }

    /// The next boundary at least a lead ahead.
    fn stamp(&self, now: Micros) -> Stamp {
        let lead_us = self.lead_us();
        let earliest = self.state.transport().beat_at(now + lead_us);
        Stamp { at: earliest.ceil_to(self.state.quantise().grid()), lead_us: lead_us as u32 }
    }

    /// As [`Self::stamp`]; a resting transport is started, and the boundary is where it starts.
    fn stamp_launch(&mut self, now: Micros, cause: Cause, out: &mut Outbox) -> Result<Stamp, Refusal> {
        if self.state.transport().last().playing {
            return Ok(self.stamp(now));
        }
        let line = self.timeline(now, None, true)?;
        if self.emit(Some(cause), EventKind::TimelineSet(line), out) {
            Ok(Stamp { at: line.anchor_beat, lead_us: self.lead_us() as u32 })
        } else {
            Err(Refusal::TooFast)
        }
    }

    /// Whether every track can take one more action.
    fn check_room(&self, tracks: impl IntoIterator<Item = TrackIndex>, stamp: Stamp) -> Result<(), Refusal> {
        let transport = self.state.transport();
        let (present, horizon) = (transport.beat_at(self.now), transport.beat_at(self.now + u64::from(stamp.lead_us)));
        let has_room = |track: TrackIndex| {
            self.state.track(track).is_some_and(|track| {
                let mut track = track.clone();
                track.settle(present);
                track.has_room_after(horizon)
                    && track.queue.iter().all(|queued| queued.at > horizon || queued.at <= stamp.at)
            })
        };
        if tracks.into_iter().all(has_room) { Ok(()) } else { Err(Refusal::TooFast) }
    }

    fn unqueue(&self, now: Micros, track: TrackIndex) -> Result<EventKind, Refusal> {
        let transport = self.state.transport();
        let lead_us = self.lead_us();
        let queued = self.track(track)?.queued_at(transport.beat_at(now)).ok_or(Refusal::NothingQueued)?;
        if queued.at <= transport.beat_at(now + lead_us) && transport.is_playing_at(now + lead_us) {
            return Err(Refusal::TooLate);
        }
        Ok(EventKind::Unqueued { track, lead_us: lead_us as u32 })
    }

    /// The timeline that follows, a lead ahead. A new tempo and play keep the phase; a stop rests on the next bar line,
    /// so that play begins on one.
    fn timeline(&self, now: Micros, tempo: Option<Tempo>, playing: bool) -> Result<Timeline, Refusal> {
        let transport = self.state.transport();
        let mut settled = transport.clone();
        settled.settle(now);
        if !settled.has_room() {
            return Err(Refusal::TooFast);
        }
        let last = transport.last();
        let anchor_time = (now + self.lead_us()).max(last.anchor_time);
        let beat = last.beat_at(anchor_time);
        let anchor_beat = if last.playing && !playing { beat.ceil_to(Beats::BAR) } else { beat };
        Ok(Timeline { anchor_time, anchor_beat, tempo: tempo.unwrap_or(last.tempo), playing })
    }
}

fn send(out: &mut Outbox, to: Recipient, message: &HostMessage) {
    out.push(Outgoing { to, channel: Channel::Reliable, bytes: wire::encode(message) });
}
