//! The truth of a session. How an event changes it is in `apply`.

mod apply;

use crate::{
    avatar::Avatar,
    bounded::Bounded,
    grid::{Cell, Clip, Row, Scene, SceneId, Track, TrackId},
    library::SoundId,
    limits::{SCENES_MAX, SEATS_MAX, TRACKS_MAX, WISHES_MAX, WISHES_MIN},
    meter::{Meters, TimeSignature},
    text::Name,
    time::{Micros, Quantise},
    transport::Transport,
    values::Colour,
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
    /// Their picture.
    pub avatar: Avatar,
    /// Whether they are connected; otherwise the seat waits for them.
    pub present: bool,
}

/// A player's wish that another be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RemovalWish {
    /// Who is to go.
    pub of: SeatId,
    /// Who wishes it.
    pub by: SeatId,
}

/// How many wish that a player be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RemovalCount {
    /// Present players who wish it.
    pub wishes: usize,
    /// Present players who are asked: all but the one concerned.
    pub asked: usize,
}

impl RemovalCount {
    /// Wishes that remove the player: of more than half of those who are asked, and of more than one.
    pub fn needed(self) -> usize {
        (self.asked / 2 + 1).max(WISHES_MIN)
    }

    /// Whether the player is to go.
    pub fn is_enough(self) -> bool {
        self.wishes >= self.needed()
    }
}

/// Everything that all players of a session share.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SessionState {
    seq: u64,
    at: Micros,
    transport: Transport,
    meters: Meters,
    quantise: Quantise,
    tracks: Bounded<Track, TRACKS_MAX>,
    scenes: Bounded<Scene, SCENES_MAX>,
    players: Bounded<Player, SEATS_MAX>,
    /// The players' seats, in the order in which they came first.
    arrivals: Bounded<SeatId, SEATS_MAX>,
    locked: bool,
    /// In ascending order.
    wishes: Bounded<RemovalWish, WISHES_MAX>,
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
        let (meters, quantise) = (Meters::default(), Quantise::default());
        Self {
            seq: 0,
            at: now,
            transport,
            meters,
            quantise,
            tracks,
            scenes,
            players: Bounded::new(),
            arrivals: Bounded::new(),
            locked: false,
            wishes: Bounded::new(),
        }
    }

    /// The same with bars of this signature, and this boundary of launches.
    #[must_use]
    pub fn with_bars(self, signature: TimeSignature, quantise: Quantise) -> Self {
        Self { meters: Meters::of(signature), quantise, ..self }
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

    /// Bars and their counts.
    pub fn meters(&self) -> &Meters {
        &self.meters
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
    pub fn track(&self, track: TrackId) -> Option<&Track> {
        self.tracks.iter().find(|known| known.id == track)
    }

    /// Number of columns to the left of one.
    pub fn track_position(&self, track: TrackId) -> Option<usize> {
        self.tracks.iter().position(|known| known.id == track)
    }

    /// One row.
    pub fn scene(&self, scene: SceneId) -> Option<&Scene> {
        self.scenes.iter().find(|known| known.id == scene)
    }

    /// Number of rows above one.
    pub fn scene_position(&self, scene: SceneId) -> Option<usize> {
        self.scenes.iter().position(|known| known.id == scene)
    }

    /// The clip in a slot.
    pub fn clip(&self, cell: Cell) -> Option<&Clip> {
        self.track(cell.track)?.clip(cell.scene)
    }

    /// The first clip of a sound.
    pub fn clip_of(&self, sound: &SoundId) -> Option<&Clip> {
        let clips = self.tracks.iter().flat_map(|track| track.clips.iter());
        clips.map(|(_, clip)| clip).find(|clip| clip.sound == *sound)
    }

    /// Whether there is such a slot, empty or not.
    pub fn has_cell(&self, cell: Cell) -> bool {
        self.track(cell.track).is_some() && self.scene(cell.scene).is_some()
    }

    /// What can be copied of a row.
    pub fn row(&self, scene: SceneId) -> Option<Row> {
        let Scene { name, colour, .. } = self.scene(scene)?.clone();
        let clips = self.tracks.iter().filter_map(|track| Some((track.id, track.clip(scene)?.clone())));
        Some(Row { name, colour, clips: Bounded::try_from_vec(clips.collect()).unwrap_or_default() })
    }

    /// The player in a seat.
    pub fn player(&self, seat: SeatId) -> Option<&Player> {
        self.players.iter().find(|player| player.seat == seat)
    }

    /// Whether nobody new is let in.
    pub fn is_locked(&self) -> bool {
        self.locked
    }

    /// Who opened the session: the player who came first; once their seat is freed, the one who came first of the others.
    pub fn creator(&self) -> Option<SeatId> {
        self.arrivals.first().copied()
    }

    /// Whether a player may lock and unlock the session: its creator, and anybody while they are away.
    pub fn may_lock(&self, seat: SeatId) -> bool {
        let creator = self.creator().and_then(|creator| self.player(creator));
        creator.is_none_or(|creator| creator.seat == seat || !creator.present)
    }

    /// Who wishes that whom be removed, in ascending order.
    pub fn wishes(&self) -> &[RemovalWish] {
        &self.wishes
    }

    /// Whether a player wishes that another be removed.
    pub fn wishes_removal(&self, by: SeatId, of: SeatId) -> bool {
        self.wishes.binary_search(&RemovalWish { of, by }).is_ok()
    }

    /// How many wish that a player be removed. Who is away is not asked, and their wish waits for them.
    pub fn removal_count(&self, of: SeatId) -> RemovalCount {
        let asked = || self.players.iter().filter(|player| player.present && player.seat != of);
        let wishes = asked().filter(|player| self.wishes_removal(player.seat, of)).count();
        RemovalCount { wishes, asked: asked().count() }
    }

    /// Whether a track is heard: solo beats mute, and a soloed track's mute is kept for later.
    pub fn is_audible(&self, track: TrackId) -> bool {
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
        fn is_unique(mut ids: impl Iterator<Item = u8>) -> bool {
            let mut seen = [false; 256];
            ids.all(|id| !std::mem::replace(&mut seen[usize::from(id)], true))
        }
        let ids_fit = is_unique(self.tracks.iter().map(|track| track.id.0))
            && is_unique(self.scenes.iter().map(|scene| scene.id.0));
        let tracks_fit = self
            .tracks
            .iter()
            .all(|track| self.is_column(&track.clips) && track.queue.is_sorted_by_key(|queued| queued.at));
        let timelines_fit = self.transport.timelines().is_sorted_by_key(|line| line.anchor_time);
        let seats_fit = self.players.windows(2).all(|pair| pair[0].seat < pair[1].seat);
        let arrivals_fit = self.arrivals.len() == self.players.len()
            && is_unique(self.arrivals.iter().map(|seat| seat.0))
            && self.arrivals.iter().all(|seat| self.player(*seat).is_some());
        let wishes_fit = self.wishes.windows(2).all(|pair| pair[0] < pair[1])
            && self.wishes.iter().all(|wish| self.may_be_wished(*wish));
        ids_fit && tracks_fit && timelines_fit && seats_fit && arrivals_fit && wishes_fit
    }

    /// Whether the wish is one of a player about another.
    fn may_be_wished(&self, wish: RemovalWish) -> bool {
        wish.by != wish.of && self.player(wish.by).is_some() && self.player(wish.of).is_some()
    }

    /// Whether these clips lie in rows that are there, one in each, in ascending order.
    fn is_column(&self, clips: &[(SceneId, Clip)]) -> bool {
        clips.iter().all(|(scene, clip)| clip.is_sound() && self.scene(*scene).is_some())
            && clips.windows(2).all(|pair| pair[0].0 < pair[1].0)
    }

    /// Whether these clips lie in columns that are there, one in each.
    fn is_row(&self, clips: &[(TrackId, Clip)]) -> bool {
        let is_first = |index: usize, track: TrackId| clips[..index].iter().all(|(earlier, _)| *earlier != track);
        clips
            .iter()
            .enumerate()
            .all(|(index, (track, clip))| clip.is_sound() && self.track(*track).is_some() && is_first(index, *track))
    }
}
