//! The truth of a session, and how an event changes it. Authority and replicas share this one implementation.

use crate::{
    bounded::Bounded,
    event::{Event, EventKind, Stamp},
    grid::{Action, Colour, Queued, Scene, SceneIndex, Track, TrackIndex},
    limits::{SCENES_MAX, SEATS_MAX, TRACKS_MAX},
    text::Name,
    time::{Beats, Micros, Quantise},
    transport::Transport,
};
use serde::{Deserialize, Deserializer, Serialize, de};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// A seat of the session, 0 … [`SEATS_MAX`] − 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
pub struct SeatId(pub u8);

impl<'de> Deserialize<'de> for SeatId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let index = u8::deserialize(deserializer)?;
        if usize::from(index) < SEATS_MAX {
            Ok(Self(index))
        } else {
            Err(de::Error::custom("a seat that is not there"))
        }
    }
}

/// Who sits in a seat.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Player {
    /// The seat.
    pub seat: SeatId,
    /// What the others call them.
    pub name: Name,
    /// Their colour.
    pub colour: Colour,
    /// Whether they are connected; otherwise the seat waits for them.
    pub present: bool,
}

/// Everything that all players of a session share.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SessionState {
    seq: u64,
    at: Micros,
    transport: Transport,
    quantise: Quantise,
    tracks: Bounded<Track, TRACKS_MAX>,
    scenes: Bounded<Scene, SCENES_MAX>,
    players: Bounded<Player, SEATS_MAX>,
}

/// Why an event does not fit a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ApplyError {
    /// An event is missing, or came twice.
    #[error("event {got} came where {expected} was expected")]
    OutOfOrder {
        /// Sequence number that would have fitted.
        expected: u64,
        /// Sequence number that came.
        got: u64,
    },
    /// The event speaks of something that is not there, or of a moment in the past.
    #[error("event {0} does not fit this session")]
    Misfit(u64),
}

impl SessionState {
    /// A session without players.
    pub fn new(
        now: Micros,
        transport: Transport,
        tracks: Bounded<Track, TRACKS_MAX>,
        scenes: Bounded<Scene, SCENES_MAX>,
    ) -> Self {
        Self { seq: 0, at: now, transport, quantise: Quantise::default(), tracks, scenes, players: Bounded::new() }
    }

    /// Number of events that made this state.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// When the last event was made.
    pub fn at(&self) -> Micros {
        self.at
    }

    /// Tempo, beats, play and stop.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// The boundary of launches.
    pub fn quantise(&self) -> Quantise {
        self.quantise
    }

    /// Columns from left to right.
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// Rows from top to bottom.
    pub fn scenes(&self) -> &[Scene] {
        &self.scenes
    }

    /// Players by seat.
    pub fn players(&self) -> &[Player] {
        &self.players
    }

    /// One column.
    pub fn track(&self, track: TrackIndex) -> Option<&Track> {
        self.tracks.get(usize::from(track.0))
    }

    /// One row.
    pub fn scene(&self, scene: SceneIndex) -> Option<&Scene> {
        self.scenes.get(usize::from(scene.0))
    }

    /// The player in a seat.
    pub fn player(&self, seat: SeatId) -> Option<&Player> {
        self.players.iter().find(|player| player.seat == seat)
    }

    /// Whether a track is heard: solo beats mute, and a soloed track's mute is kept for later.
    pub fn is_audible(&self, track: TrackIndex) -> bool {
        let soloing = self.tracks.iter().any(|track| track.solo);
        self.track(track).is_some_and(|track| if soloing { track.solo } else { !track.mute })
    }

    /// A hash over everything: two states with one hash are equal (SHA-256 of the encoded state).
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.encode()).into()
    }

    /// The encoded state.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).unwrap_or_default()
    }

    /// Decodes a state and checks that it is one.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (state, rest) = postcard::take_from_bytes::<Self>(bytes).ok()?;
        (rest.is_empty() && state.is_consistent()).then_some(state)
    }

    fn is_consistent(&self) -> bool {
        let rows = self.scenes.len();
        let tracks_fit = self.tracks.iter().all(|track| {
            let clips_fit = track.slots.iter().flatten().all(|clip| clip.length > Beats::ZERO);
            track.slots.len() == rows && clips_fit && track.queue.is_sorted_by_key(|queued| queued.at)
        });
        let timelines_fit = self.transport.timelines().is_sorted_by_key(|line| line.anchor_time);
        let seats_fit = self.players.windows(2).all(|pair| pair[0].seat < pair[1].seat);
        tracks_fit && timelines_fit && seats_fit
    }

    /// Applies the next event.
    ///
    /// # Errors
    /// When the event is not the next one, or does not fit; the state is then as it was.
    pub fn apply(&mut self, event: &Event) -> Result<(), ApplyError> {
        if event.seq != self.seq + 1 {
            return Err(ApplyError::OutOfOrder { expected: self.seq + 1, got: event.seq });
        }
        if event.at < self.at || !self.fits(&event.kind, event.at) {
            return Err(ApplyError::Misfit(event.seq));
        }
        self.seq = event.seq;
        self.at = event.at;
        let beat = self.transport.beat_at(event.at);
        for track in self.tracks.as_mut_slice() {
            track.settle(beat);
        }
        self.transport.settle(event.at);
        self.change(event);
        Ok(())
    }

    /// Whether `kind`, made at `at`, speaks only of what is there and has room.
    fn fits(&self, kind: &EventKind, at: Micros) -> bool {
        let queue_fits = |track: &Track, stamp: &Stamp| {
            let mut track = track.clone();
            track.settle(self.transport.beat_at(at));
            let (action, by) = (Action::Stop, SeatId(0));
            track.requeue_after(self.horizon(at, stamp.lead_us), Queued { action, at: stamp.at, by })
        };
        let track_fits =
            |track: TrackIndex, stamp: &Stamp| self.track(track).is_some_and(|track| queue_fits(track, stamp));
        match kind {
            EventKind::Launched { track, scene, stamp } => {
                track_fits(*track, stamp) && self.track(*track).is_some_and(|track| track.clip(*scene).is_some())
            }
            EventKind::TrackStopped { track, stamp } => track_fits(*track, stamp),
            EventKind::SceneLaunched { scene, stamp } => {
                self.scene(*scene).is_some() && self.tracks.iter().all(|track| queue_fits(track, stamp))
            }
            EventKind::AllStopped { stamp } => self.tracks.iter().all(|track| queue_fits(track, stamp)),
            EventKind::Unqueued { track, .. }
            | EventKind::GainSet { track, .. }
            | EventKind::PanSet { track, .. }
            | EventKind::MuteSet { track, .. }
            | EventKind::SoloSet { track, .. } => self.track(*track).is_some(),
            EventKind::TimelineSet(line) => {
                let mut transport = self.transport.clone();
                transport.settle(at);
                transport.schedule(*line)
            }
            EventKind::QuantiseSet(_) | EventKind::PlayerJoined(_) => true,
            EventKind::PlayerLost(seat) | EventKind::PlayerGone(seat) => self.player(*seat).is_some(),
        }
    }

    /// What comes due by this beat may already sound somewhere.
    fn horizon(&self, at: Micros, lead_us: u32) -> Beats {
        self.transport.beat_at(at + u64::from(lead_us))
    }

    fn change(&mut self, event: &Event) {
        let by = event.cause.map(|cause| cause.seat).unwrap_or_default();
        match &event.kind {
            EventKind::Launched { track, scene, stamp } => self.requeue(*track, Action::Launch(*scene), *stamp, by),
            EventKind::TrackStopped { track, stamp } => self.requeue(*track, Action::Stop, *stamp, by),
            EventKind::Unqueued { track, lead_us } => {
                let horizon = self.horizon(event.at, *lead_us);
                self.with_track(*track, |track| track.unqueue_after(horizon));
            }
            EventKind::SceneLaunched { scene, stamp } => {
                for track in self.track_indices() {
                    let filled = self.track(track).is_some_and(|track| track.clip(*scene).is_some());
                    self.requeue(track, if filled { Action::Launch(*scene) } else { Action::Stop }, *stamp, by);
                }
            }
            EventKind::AllStopped { stamp } => {
                for track in self.track_indices() {
                    self.requeue(track, Action::Stop, *stamp, by);
                }
            }
            EventKind::TimelineSet(line) => {
                self.transport.schedule(*line);
            }
            EventKind::QuantiseSet(quantise) => self.quantise = *quantise,
            EventKind::GainSet { track, gain } => self.with_track(*track, |track| track.gain = *gain),
            EventKind::PanSet { track, pan } => self.with_track(*track, |track| track.pan = *pan),
            EventKind::MuteSet { track, mute } => self.with_track(*track, |track| track.mute = *mute),
            EventKind::SoloSet { track, solo } => self.with_track(*track, |track| track.solo = *solo),
            EventKind::PlayerJoined(player) => {
                let mut players: Vec<Player> = self
                    .players
                    .iter()
                    .filter(|known| known.seat != player.seat)
                    .cloned()
                    .chain([player.clone()])
                    .collect();
                players.sort_by_key(|player| player.seat);
                self.players = Bounded::try_from_vec(players).unwrap_or_default();
            }
            EventKind::PlayerLost(seat) => {
                for player in self.players.as_mut_slice().iter_mut().filter(|player| player.seat == *seat) {
                    player.present = false;
                }
            }
            EventKind::PlayerGone(seat) => self.players.retain(|player| player.seat != *seat),
        }
    }

    fn track_indices(&self) -> impl Iterator<Item = TrackIndex> + use<> {
        (0..self.tracks.len() as u8).map(TrackIndex)
    }

    fn requeue(&mut self, track: TrackIndex, action: Action, stamp: Stamp, by: SeatId) {
        let horizon = self.horizon(self.at, stamp.lead_us);
        self.with_track(track, |track| {
            if action == Action::Stop && track.playing_at(horizon).is_none() {
                track.unqueue_after(horizon);
            } else {
                track.requeue_after(horizon, Queued { action, at: stamp.at, by });
            }
        });
    }

    fn with_track(&mut self, track: TrackIndex, change: impl FnOnce(&mut Track)) {
        if let Some(track) = self.tracks.as_mut_slice().get_mut(usize::from(track.0)) {
            change(track);
        }
    }
}
