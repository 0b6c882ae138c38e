//! What happened. Events are the only way in which a session changes; applied in order, they make every replica equal
//! to the authority.

use crate::{
    command::CommandId,
    grid::{Gain, Pan, SceneIndex, TrackIndex},
    state::{Player, SeatId},
    time::{Beats, Micros, Quantise, Timeline},
};
use serde::{Deserialize, Serialize};

/// One change of a session.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Event {
    /// Position in the session's history, counted from 1 without gaps.
    pub seq: u64,
    /// When the authority made it, session time; never before the event before it.
    pub at: Micros,
    /// Whose command caused it, if anybody's.
    pub cause: Option<Cause>,
    /// What changed.
    pub kind: EventKind,
}

/// Whose command caused an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cause {
    /// The player.
    pub seat: SeatId,
    /// The player's number of the command.
    pub command: CommandId,
}

/// When a launch or stop happens, stamped by the authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// The exact beat.
    pub at: Beats,
    /// Lead that was granted, microseconds. What comes due within it may already sound somewhere, and stays.
    pub lead_us: u32,
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventKind {
    /// A clip was queued.
    Launched {
        /// Column.
        track: TrackIndex,
        /// Row.
        scene: SceneIndex,
        /// When it starts.
        stamp: Stamp,
    },
    /// A track's stop was queued.
    TrackStopped {
        /// Column.
        track: TrackIndex,
        /// When it falls silent.
        stamp: Stamp,
    },
    /// What waited on a track was forgotten.
    Unqueued {
        /// Column.
        track: TrackIndex,
        /// Lead that was granted, microseconds.
        lead_us: u32,
    },
    /// A row was queued.
    SceneLaunched {
        /// Row.
        scene: SceneIndex,
        /// When it starts.
        stamp: Stamp,
    },
    /// A stop was queued on every track.
    AllStopped {
        /// When they fall silent.
        stamp: Stamp,
    },
    /// The transport follows this timeline from its anchor time on: play, stop or a new tempo.
    TimelineSet(Timeline),
    /// Later launches are moved to this boundary.
    QuantiseSet(Quantise),
    /// A track's volume changed.
    GainSet {
        /// Column.
        track: TrackIndex,
        /// New volume.
        gain: Gain,
    },
    /// A track's position changed.
    PanSet {
        /// Column.
        track: TrackIndex,
        /// New position.
        pan: Pan,
    },
    /// A track was silenced, or not any more.
    MuteSet {
        /// Column.
        track: TrackIndex,
        /// Whether it is silenced.
        mute: bool,
    },
    /// A track was soloed, or not any more.
    SoloSet {
        /// Column.
        track: TrackIndex,
        /// Whether it is soloed.
        solo: bool,
    },
    /// A player took a seat, or came back to it.
    PlayerJoined(Player),
    /// A player's connection was lost; the seat waits.
    PlayerLost(SeatId),
    /// A player's seat was freed.
    PlayerGone(SeatId),
}
