//! What a player can ask for, and why it may be refused. Always `Set`, never `toggle`: two players who press the same
//! button at once mean the same thing.

use crate::{
    grid::{Gain, Pan, SceneIndex, TrackIndex},
    limits::COMMANDS_IN_FLIGHT_MAX,
    time::{Quantise, Tempo},
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Number that a seat gives its command, to recognise the answer. Counts up from 1 for each connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct CommandId(pub u32);

/// A wish of a player.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Command {
    /// Play this clip from the next boundary on. Starts the transport if it rests.
    Launch {
        /// Column.
        track: TrackIndex,
        /// Row.
        scene: SceneIndex,
    },
    /// Let the track fall silent at the next boundary.
    StopTrack {
        /// Column.
        track: TrackIndex,
    },
    /// Forget what the track was to do next.
    Unqueue {
        /// Column.
        track: TrackIndex,
    },
    /// Launch the whole row: every clip of it, and a stop where it has none.
    LaunchScene {
        /// Row.
        scene: SceneIndex,
    },
    /// Let every track fall silent at the next boundary.
    StopAll,
    /// Start or rest the transport.
    SetPlaying(bool),
    /// Change the tempo for everybody.
    SetTempo(Tempo),
    /// Choose the boundary of later launches.
    SetQuantise(Quantise),
    /// Set a track's volume.
    SetGain {
        /// Column.
        track: TrackIndex,
        /// New volume.
        gain: Gain,
    },
    /// Set a track's position between the speakers.
    SetPan {
        /// Column.
        track: TrackIndex,
        /// New position.
        pan: Pan,
    },
    /// Silence a track, or not.
    SetMute {
        /// Column.
        track: TrackIndex,
        /// Whether it is silenced.
        mute: bool,
    },
    /// Solo a track, or not.
    SetSolo {
        /// Column.
        track: TrackIndex,
        /// Whether it is soloed.
        solo: bool,
    },
}

/// Why a command had no effect. Each reads as a sentence for the player.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Error)]
pub enum Refusal {
    /// The track is not there.
    #[error("That track is not there any more.")]
    NoSuchTrack,
    /// The scene is not there.
    #[error("That scene is not there any more.")]
    NoSuchScene,
    /// The slot is empty.
    #[error("That pad is empty.")]
    EmptySlot,
    /// Nothing waits on the track.
    #[error("Nothing was queued on that track.")]
    NothingQueued,
    /// It is about to sound, or sounds already.
    #[error("Too late: it is about to start.")]
    TooLate,
    /// Too many changes wait for their moment.
    #[error("Too fast: let the last changes take effect first.")]
    TooFast,
    /// More than [`COMMANDS_IN_FLIGHT_MAX`] commands wait for an answer.
    #[error("The host does not answer: {COMMANDS_IN_FLIGHT_MAX} presses are waiting already.")]
    NoAnswer,
    /// The seat is not connected.
    #[error("Not connected: the press was not sent.")]
    NotConnected,
}
