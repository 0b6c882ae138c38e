//! What happened. Events are the only way in which a session changes; applied in order, they make every replica equal
//! to the authority.

use crate::{
    command::CommandId,
    edit::Address,
    grid::{Cell, Clip, ClipChange, Column, Row, SceneChange, SceneId, TrackChange, TrackId},
    meter::TimeSignature,
    state::{Player, SeatId},
    time::{Beats, Micros, Quantise, Timeline},
    values::{Gain, Pan},
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
        track: TrackId,
        /// Row.
        scene: SceneId,
        /// When it starts.
        stamp: Stamp,
    },
    /// A track's stop was queued.
    TrackStopped {
        /// Column.
        track: TrackId,
        /// When it falls silent.
        stamp: Stamp,
    },
    /// What waited on a track was forgotten.
    Unqueued {
        /// Column.
        track: TrackId,
        /// Lead that was granted, microseconds.
        lead_us: u32,
    },
    /// A row was queued.
    SceneLaunched {
        /// Row.
        scene: SceneId,
        /// When it starts.
        stamp: Stamp,
    },
    /// A stop was queued on every track that plays this row, or was about to.
    SceneStopped {
        /// Row.
        scene: SceneId,
        /// When they fall silent.
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
    /// Bars have these counts from a bar line on.
    SignatureSet {
        /// Counts of a bar.
        signature: TimeSignature,
        /// The bar line.
        from: Beats,
    },
    /// A track's volume changed.
    GainSet {
        /// Column.
        track: TrackId,
        /// New volume.
        gain: Gain,
    },
    /// A track's position changed.
    PanSet {
        /// Column.
        track: TrackId,
        /// New position.
        pan: Pan,
    },
    /// A track was silenced, or not any more.
    MuteSet {
        /// Column.
        track: TrackId,
        /// Whether it is silenced.
        mute: bool,
    },
    /// A track was soloed, or not any more.
    SoloSet {
        /// Column.
        track: TrackId,
        /// Whether it is soloed.
        solo: bool,
    },
    /// A slot was filled or emptied.
    ClipSet {
        /// Slot.
        cell: Cell,
        /// What lies there now.
        clip: Option<Box<Clip>>,
    },
    /// A clip's property changed.
    ClipChanged {
        /// Slot.
        cell: Cell,
        /// What became of it.
        change: ClipChange,
    },
    /// Two slots changed places.
    ClipsSwapped {
        /// Slot.
        a: Cell,
        /// Another slot.
        b: Cell,
    },
    /// A column was added.
    TrackAdded {
        /// Which.
        track: TrackId,
        /// Columns to the left of it.
        at: u8,
        /// What it holds.
        column: Box<Column>,
    },
    /// A column was removed.
    TrackRemoved(TrackId),
    /// A column's property changed.
    TrackChanged {
        /// Column.
        track: TrackId,
        /// What became of it.
        change: TrackChange,
    },
    /// A row was added.
    SceneAdded {
        /// Which.
        scene: SceneId,
        /// Rows above it.
        at: u8,
        /// What it holds.
        row: Box<Row>,
    },
    /// A row was removed.
    SceneRemoved(SceneId),
    /// A property of a row was changed.
    SceneChanged {
        /// Row.
        scene: SceneId,
        /// What became of it.
        change: SceneChange,
    },
    /// A player took a seat, or came back to it.
    PlayerJoined(Player),
    /// A player is seen in another way.
    PlayerChanged(Player),
    /// A player's connection was lost; the seat waits.
    PlayerLost(SeatId),
    /// A player's seat was freed.
    PlayerGone(SeatId),
    /// Nobody new is let in, or anybody with the code.
    Locked(bool),
    /// A player wishes that another be removed, or not any more.
    RemovalWished {
        /// Who wishes it.
        by: SeatId,
        /// Who is to go.
        of: SeatId,
        /// Whether they are to go.
        remove: bool,
    },
    /// A player was removed: their seat was freed, and the session is locked, lest the code alone bring them back.
    PlayerRemoved(SeatId),
}

impl EventKind {
    /// What an edit of the grid or the mixer touches: nothing for launches, the transport and players, and for mute and
    /// solo, which are played rather than set.
    pub fn touched(&self) -> impl Iterator<Item = Address> + use<> {
        use crate::edit::{ClipField, SceneField, TrackField};
        let (first, second) = match self {
            Self::ClipSet { cell, .. } => (Some(Address::Clip(*cell)), None),
            Self::ClipChanged { cell, change } => (Some(Address::ClipField(*cell, ClipField::of(change))), None),
            Self::ClipsSwapped { a, b } => (Some(Address::Clip(*a)), Some(Address::Clip(*b))),
            Self::TrackAdded { track, .. } | Self::TrackRemoved(track) => (Some(Address::Track(*track)), None),
            Self::TrackChanged { track, change } => (Some(Address::TrackField(*track, TrackField::of(change))), None),
            Self::GainSet { track, .. } => (Some(Address::TrackField(*track, TrackField::Gain)), None),
            Self::PanSet { track, .. } => (Some(Address::TrackField(*track, TrackField::Pan)), None),
            Self::SceneAdded { scene, .. } | Self::SceneRemoved(scene) => (Some(Address::Scene(*scene)), None),
            Self::SceneChanged { scene, change } => (Some(Address::SceneField(*scene, SceneField::of(change))), None),
            Self::Launched { .. }
            | Self::TrackStopped { .. }
            | Self::Unqueued { .. }
            | Self::SceneLaunched { .. }
            | Self::SceneStopped { .. }
            | Self::AllStopped { .. }
            | Self::TimelineSet(_)
            | Self::QuantiseSet(_)
            | Self::SignatureSet { .. }
            | Self::MuteSet { .. }
            | Self::SoloSet { .. }
            | Self::PlayerJoined(_)
            | Self::PlayerChanged(_)
            | Self::PlayerLost(_)
            | Self::PlayerGone(_)
            | Self::Locked(_)
            | Self::RemovalWished { .. }
            | Self::PlayerRemoved(_) => (None, None),
        };
        first.into_iter().chain(second)
    }
}
