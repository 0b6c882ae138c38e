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
    avatar::Avatar,
    bounded::Bounded,
    command::{Command, Edit, Refusal},
    event::{Cause, Event, EventKind, Stamp},
    grid::{Cell, Clip, Colour, Column, Row, Scene, SceneId, Track, TrackChange, TrackId},
    history::{Before, Direction, History},
    limits::{
        BEACON_INTERVAL_US, GRACE_US, LEAD_MAX_US, LEAD_MIN_US, SCENES_MAX, SEATS_MAX, SNAPSHOT_CHUNK_BYTES,
        SNAPSHOT_CHUNKS_MAX, TRACKS_MAX,
    },
    names,
    setup::SessionSetup,
    state::{Player, SeatId, SessionState},
    text::Name,
    time::{Beats, Micros, Quantise, Tempo, Timeline},
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

/// What a player would like to be seen as; what is left open is chosen for them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// Their name.
    pub name: Option<Name>,
    /// Their colour.
    pub colour: Option<Colour>,
    /// Their picture.
    pub avatar: Option<Avatar>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SeatRecord {
    seat: SeatId,
    token: TokenDigest,
    name: Name,
    colour: Colour,
    avatar: Avatar,
    lead_us: u32,
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
}

/// The owner of one session's truth. See the module's contract.
#[derive(Debug, Clone)]
pub struct Authority {
    epoch: u32,
    state: SessionState,
    seats: Vec<SeatRecord>,
    /// Not kept over a restart: what players did before it cannot be taken back.
    history: History,
    /// The number that a new column or row got last.
    last_track: TrackId,
    last_scene: SceneId,
    now: Micros,
    empty_since: Option<Micros>,
    beacon_at: Micros,
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
        let state = SessionState::new(now, Transport::stopped(now, setup.tempo), setup.tracks, setup.scenes);
        let last_track = state.tracks().iter().map(|track| track.id).max().unwrap_or(TrackId(0));
        let last_scene = state.scenes().iter().map(|scene| scene.id).max().unwrap_or(SceneId(0));
        let (seats, history) = (Vec::new(), History::default());
        Self { epoch: 1, state, seats, history, last_track, last_scene, now, empty_since: Some(now), beacon_at: now }
    }

    /// Everything that a restart needs, see [`Authority::restore`].
    pub fn snapshot(&self) -> Vec<u8> {
        let seats = Bounded::try_from_vec(self.seats.clone()).unwrap_or_default();
        let (last_track, last_scene) = (self.last_track, self.last_scene);
        let persisted = Persisted { epoch: self.epoch, state: self.state.clone(), last_track, last_scene, seats };
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
        let mut authority = Self {
            epoch,
            state,
            seats,
            history: History::default(),
            last_track: persisted.last_track,
            last_scene: persisted.last_scene,
            now,
            empty_since: Some(now),
            beacon_at: now,
        };
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
    pub fn admit(&mut self, now: Micros, token: &SeatToken, profile: Profile) -> Result<SeatId, JoinError> {
        let now = self.advance(now);
        let digest = token.digest();
        if let Some(known) = self.seats.iter().find(|seat| seat.token == digest) {
            return Ok(known.seat);
        }
        let is_free = |seat: &SeatId| self.seats.iter().all(|taken| taken.seat != *seat);
        let seat = (0..SEATS_MAX as u8).map(SeatId).find(is_free).ok_or(JoinError::Full)?;
        let Profile { name, colour, avatar } = profile;
        let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| names::player_name(digest.seed()));
        let colour = colour.unwrap_or_else(|| names::player_colour(seat));
        let avatar = avatar.unwrap_or_else(|| names::player_avatar(digest.seed()));
        self.seats.push(SeatRecord { seat, token: digest, name, colour, avatar, lead_us: 0, empty_since: Some(now) });
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
        let player = record.player();
        let seat = player.seat;
        self.empty_since = None;
        send(out, Recipient::Seat(seat), &HostMessage::Welcome { seat, epoch: self.epoch });
        self.send_snapshot(seat, out);
        self.send_history(seat, out);
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
            Ok(ClientMessage::Report(report)) => {
                for record in self.seats.iter_mut().filter(|record| record.seat == seat) {
                    record.lead_us = report.lead_us.min(LEAD_MAX_US as u32);
                }
                tell(out, &HostMessage::Report { seat, report });
            }
            Ok(ClientMessage::Cursor(cell)) => tell(out, &HostMessage::Cursor { seat, cell }),
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
            tell(out, &HostMessage::Beacon(now));
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
            self.history.forget(seat);
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
            Command::Undo => return self.step(cause, Direction::Back, out),
            Command::Redo => return self.step(cause, Direction::Again, out),
            Command::Launch { track, scene } => {
                self.track(track)?;
                self.scene(scene)?;
                let clip = self.state.clip(Cell::new(track, scene)).ok_or(Refusal::EmptySlot)?;
                let quantise = clip.quantise.unwrap_or(self.state.quantise());
                let stamp = self.stamp_launch(now, quantise, cause, out)?;
                self.check_room([track], stamp)?;
                EventKind::Launched { track, scene, stamp }
            }
            Command::StopTrack { track } => {
                self.track(track)?;
                let stamp = self.stamp(now, self.state.quantise());
                self.check_room([track], stamp)?;
                EventKind::TrackStopped { track, stamp }
            }
            Command::Unqueue { track } => self.unqueue(now, track)?,
            Command::LaunchScene { scene } => {
                self.scene(scene)?;
                let stamp = self.stamp_launch(now, self.state.quantise(), cause, out)?;
                self.check_room(self.track_ids(), stamp)?;
                EventKind::SceneLaunched { scene, stamp }
            }
            Command::StopScene { scene } => {
                self.scene(scene)?;
                let stamp = self.stamp(now, self.state.quantise());
                self.check_room(self.track_ids(), stamp)?;
                EventKind::SceneStopped { scene, stamp }
            }
            Command::StopAll => {
                let stamp = self.stamp(now, self.state.quantise());
                self.check_room(self.track_ids(), stamp)?;
                EventKind::AllStopped { stamp }
            }
            Command::SetPlaying(playing) => EventKind::TimelineSet(self.timeline(now, None, playing)?),
            Command::SetTempo(tempo) => {
                EventKind::TimelineSet(self.timeline(now, Some(tempo), self.state.transport().last().playing)?)
            }
            Command::SetQuantise(quantise) => EventKind::QuantiseSet(quantise),
            Command::SetSignature(signature) => EventKind::SignatureSet { signature, from: self.next_bar(now)? },
            Command::SetGain { track, gain } => self.track(track).map(|_| EventKind::GainSet { track, gain })?,
            Command::SetPan { track, pan } => self.track(track).map(|_| EventKind::PanSet { track, pan })?,
            Command::SetMute { track, mute } => self.track(track).map(|_| EventKind::MuteSet { track, mute })?,
            Command::SetSolo { track, solo } => self.track(track).map(|_| EventKind::SoloSet { track, solo })?,
            Command::SetProfile { name, colour, avatar } => self.set_profile(cause.seat, name, colour, avatar)?,
            Command::Edit(edit) => self.edit(cause.seat, edit)?,
        };
        let before = Before::look(&self.state, &kind);
        if !self.emit(Some(cause), kind, out) {
            return Err(Refusal::TooFast);
        }
        let counts = self.history.counts(cause.seat);
        self.history.note(&self.state, cause.seat, now, before);
        if self.history.counts(cause.seat) != counts {
            self.send_history(cause.seat, out);
        }
        Ok(())
    }

    /// Takes the player's last edit back, or makes it again.
    fn step(&mut self, cause: Cause, direction: Direction, out: &mut Outbox) -> Result<(), Refusal> {
        let kind = self.history.next(&self.state, cause.seat, direction);
        if let Ok(kind) = &kind
            && self.emit(Some(cause), kind.clone(), out)
        {
            self.history.moved(cause.seat, direction);
        }
        self.send_history(cause.seat, out);
        kind.map(drop)
    }

    /// The event of an edit.
    fn edit(&mut self, seat: SeatId, edit: Edit) -> Result<EventKind, Refusal> {
        Ok(match edit {
            Edit::SetClip { cell, clip, replace } => {
                self.cell(cell)?;
                let is_taken = self.state.clip(cell).is_some();
                if is_taken && clip.is_some() && !replace {
                    return Err(Refusal::SlotTaken);
                }
                if !is_taken && clip.is_none() {
                    return Err(Refusal::EmptySlot);
                }
                let mut clip = clip;
                if let Some(clip) = &mut clip {
                    self.sign(seat, clip)?;
                }
                EventKind::ClipSet { cell, clip }
            }
            Edit::ChangeClip { cell, change } => {
                self.cell(cell)?;
                self.state.clip(cell).ok_or(Refusal::EmptySlot)?;
                EventKind::ClipChanged { cell, change }
            }
            Edit::SwapClips { a, b } => {
                self.cell(a)?;
                self.cell(b)?;
                let is_nothing = a == b || (self.state.clip(a).is_none() && self.state.clip(b).is_none());
                if is_nothing {
                    return Err(Refusal::EmptySlot);
                }
                EventKind::ClipsSwapped { a, b }
            }
            Edit::AddTrack { at, column } => self.add_track(seat, at, column)?,
            Edit::RemoveTrack(track) => {
                self.track(track)?;
                if self.state.tracks().len() == 1 {
                    return Err(Refusal::LastTrack);
                }
                EventKind::TrackRemoved(track)
            }
            Edit::ChangeTrack { track, change } => {
                self.track(track)?;
                if matches!(&change, TrackChange::Name(name) if name.is_empty()) {
                    return Err(Refusal::NoName);
                }
                EventKind::TrackChanged { track, change }
            }
            Edit::AddScene { at, row } => self.add_scene(seat, at, row)?,
            Edit::RemoveScene(scene) => {
                self.scene(scene)?;
                if self.state.scenes().len() == 1 {
                    return Err(Refusal::LastScene);
                }
                EventKind::SceneRemoved(scene)
            }
            Edit::RenameScene { scene, name } => {
                self.scene(scene)?;
                if name.is_empty() {
                    return Err(Refusal::NoName);
                }
                EventKind::SceneRenamed { scene, name }
            }
        })
    }

    fn add_track(&mut self, seat: SeatId, at: u8, column: Option<Box<Column>>) -> Result<EventKind, Refusal> {
        let count = self.state.tracks().len();
        if count >= TRACKS_MAX {
            return Err(Refusal::TracksFull);
        }
        let mut column = column
            .unwrap_or_else(|| Box::new(Column::empty(&format!("Track {}", count + 1), names::track_colour(count))));
        let mut clips = Vec::new();
        for (scene, clip) in column.clips.iter().filter(|(scene, _)| self.state.scene(*scene).is_some()) {
            let mut clip = clip.clone();
            self.sign(seat, &mut clip)?;
            clips.push((*scene, clip));
        }
        clips.sort_by_key(|(scene, _)| *scene);
        clips.dedup_by_key(|(scene, _)| *scene);
        column.clips = Bounded::try_from_vec(clips).unwrap_or_default();
        let track = TrackId(fresh(self.last_track.0, |id| self.state.track(TrackId(id)).is_some()));
        self.last_track = track;
        Ok(EventKind::TrackAdded { track, at: at.min(count as u8), column })
    }

    fn add_scene(&mut self, seat: SeatId, at: u8, row: Option<Box<Row>>) -> Result<EventKind, Refusal> {
        let count = self.state.scenes().len();
        if count >= SCENES_MAX {
            return Err(Refusal::ScenesFull);
        }
        let mut row = row.unwrap_or_else(|| {
            Box::new(Row { name: Name::sanitised(&format!("Scene {}", count + 1)), clips: Bounded::new() })
        });
        let mut clips: Vec<(TrackId, Clip)> = Vec::new();
        for (track, clip) in row.clips.iter().filter(|(track, _)| self.state.track(*track).is_some()) {
            let mut clip = clip.clone();
            self.sign(seat, &mut clip)?;
            clips.push((*track, clip));
        }
        clips.sort_by_key(|(track, _)| *track);
        clips.dedup_by_key(|(track, _)| *track);
        row.clips = Bounded::try_from_vec(clips).unwrap_or_default();
        let scene = SceneId(fresh(self.last_scene.0, |id| self.state.scene(SceneId(id)).is_some()));
        self.last_scene = scene;
        Ok(EventKind::SceneAdded { scene, at: at.min(count as u8), row })
    }

    /// Checks a clip that a player brings, and puts their name on it.
    fn sign(&self, seat: SeatId, clip: &mut Clip) -> Result<(), Refusal> {
        if !clip.is_sound() {
            return Err(Refusal::BadClip);
        }
        clip.author = self.state.player(seat).map(|player| player.name.clone()).unwrap_or_default();
        Ok(())
    }

    fn set_profile(&mut self, seat: SeatId, name: Name, colour: Colour, avatar: Avatar) -> Result<EventKind, Refusal> {
        if name.is_empty() {
            return Err(Refusal::NoName);
        }
        let record = self.seats.iter_mut().find(|record| record.seat == seat).ok_or(Refusal::NotConnected)?;
        (record.name, record.colour, record.avatar) = (name, colour, avatar);
        Ok(EventKind::PlayerChanged(record.player()))
    }

    fn send_history(&self, seat: SeatId, out: &mut Outbox) {
        let (undo, redo) = self.history.counts(seat);
        send(out, Recipient::Seat(seat), &HostMessage::History { undo, redo });
    }

    fn cell(&self, cell: Cell) -> Result<(), Refusal> {
        self.track(cell.track)?;
        self.scene(cell.scene).map(drop)
    }

    fn track(&self, track: TrackId) -> Result<&Track, Refusal> {
        self.state.track(track).ok_or(Refusal::NoSuchTrack)
    }

    fn scene(&self, scene: SceneId) -> Result<&Scene, Refusal> {
        self.state.scene(scene).ok_or(Refusal::NoSuchScene)
    }

    fn track_ids(&self) -> Vec<TrackId> {
        self.state.tracks().iter().map(|track| track.id).collect()
    }

    /// The next boundary at least a lead ahead.
    fn stamp(&self, now: Micros, quantise: Quantise) -> Stamp {
        let lead_us = self.lead_us();
        let earliest = self.state.transport().beat_at(now + lead_us);
        Stamp { at: self.state.meters().next_boundary(earliest, quantise), lead_us: lead_us as u32 }
    }

    /// The bar line on which another time signature can take over.
    fn next_bar(&self, now: Micros) -> Result<Beats, Refusal> {
        let transport = self.state.transport();
        let earliest = transport.beat_at(now + self.lead_us());
        let is_imminent =
            self.state.meters().upcoming(transport.beat_at(now)).is_some_and(|next| next.from <= earliest);
        if is_imminent {
            return Err(Refusal::TooFast);
        }
        Ok(self.state.meters().at(earliest).next_bar_line(earliest))
    }

    /// As [`Self::stamp`]; a resting transport is started, and the boundary is where it starts.
    fn stamp_launch(
        &mut self,
        now: Micros,
        quantise: Quantise,
        cause: Cause,
        out: &mut Outbox,
    ) -> Result<Stamp, Refusal> {
        if self.state.transport().last().playing {
            return Ok(self.stamp(now, quantise));
        }
        let line = self.timeline(now, None, true)?;
        if self.emit(Some(cause), EventKind::TimelineSet(line), out) {
            Ok(Stamp { at: line.anchor_beat, lead_us: self.lead_us() as u32 })
        } else {
            Err(Refusal::TooFast)
        }
    }

    /// Whether every track can take one more action.
    fn check_room(&self, tracks: impl IntoIterator<Item = TrackId>, stamp: Stamp) -> Result<(), Refusal> {
        let transport = self.state.transport();
        let (present, horizon) = (transport.beat_at(self.now), transport.beat_at(self.now + u64::from(stamp.lead_us)));
        let takes = |track| self.state.track(track).is_some_and(|track| track.takes(present, horizon, stamp.at));
        if tracks.into_iter().all(takes) { Ok(()) } else { Err(Refusal::TooFast) }
    }

    fn unqueue(&self, now: Micros, track: TrackId) -> Result<EventKind, Refusal> {
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
        let anchor_beat =
            if last.playing && !playing { self.state.meters().next_boundary(beat, Quantise::Bar) } else { beat };
        Ok(Timeline { anchor_time, anchor_beat, tempo: tempo.unwrap_or(last.tempo), playing })
    }
}

/// The next number after `last` that is not in use. There are more numbers than columns or rows.
fn fresh(last: u8, is_used: impl Fn(u8) -> bool) -> u8 {
    let mut id = last.wrapping_add(1);
    while is_used(id) && id != last {
        id = id.wrapping_add(1);
    }
    id
}

/// Tells everybody something that may be lost.
fn tell(out: &mut Outbox, message: &HostMessage) {
    out.push(Outgoing { to: Recipient::All, channel: Channel::Unreliable, bytes: wire::encode(message) });
}

fn send(out: &mut Outbox, to: Recipient, message: &HostMessage) {
    out.push(Outgoing { to, channel: Channel::Reliable, bytes: wire::encode(message) });
}
