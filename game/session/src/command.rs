//! What a player can ask for, and why it may be refused. Always `Set`, never `toggle`: two players who press the same
//! button at once mean the same thing.

use crate::{
    avatar::Avatar,
    grid::{Cell, Clip, ClipChange, Column, Row, SceneChange, SceneId, TrackChange, TrackId},
    limits::{COMMANDS_IN_FLIGHT_MAX, SCENES_MAX, TRACKS_MAX},
    meter::TimeSignature,
    state::SeatId,
    text::Name,
    time::{Quantise, Tempo},
    values::{Colour, Gain, Pan},
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Number that a seat gives its command, to recognise the answer. Counts up from 1 for each connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct CommandId(pub u32);

/// A wish of a player.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Command {
    /// Play this clip from the next boundary on. Starts the transport if it rests.
    Launch {
        /// Column.
        track: TrackId,
        /// Row.
        scene: SceneId,
    },
    /// Let the track fall silent at the next boundary.
    StopTrack {
        /// Column.
        track: TrackId,
    },
    /// Forget what the track was to do next.
    Unqueue {
        /// Column.
        track: TrackId,
    },
    /// Launch the whole row: every clip of it, and a stop where it has none.
    LaunchScene {
        /// Row.
        scene: SceneId,
    },
    /// Let every track that plays this row, or is about to, fall silent at the next boundary.
    StopScene {
        /// Row.
        scene: SceneId,
    },
    /// Let every track fall silent at the next boundary.
    StopAll,
    /// Start or rest the transport.
    SetPlaying(bool),
    /// Change the tempo for everybody.
    SetTempo(Tempo),
    /// Choose the boundary of later launches.
    SetQuantise(Quantise),
    /// Choose the counts of a bar, from the next bar line on.
    SetSignature(TimeSignature),
    /// Set a track's volume.
    SetGain {
        /// Column.
        track: TrackId,
        /// New volume.
        gain: Gain,
    },
    /// Set a track's position between the speakers.
    SetPan {
        /// Column.
        track: TrackId,
        /// New position.
        pan: Pan,
    },
    /// Silence a track, or not.
    SetMute {
        /// Column.
        track: TrackId,
        /// Whether it is silenced.
        mute: bool,
    },
    /// Solo a track, or not.
    SetSolo {
        /// Column.
        track: TrackId,
        /// Whether it is soloed.
        solo: bool,
    },
    /// Change the grid.
    Edit(Edit),
    /// Take back the player's own last edit.
    Undo,
    /// Make the edit again that was taken back last.
    Redo,
    /// Choose what the others see of the player.
    SetProfile {
        /// Their name, not empty.
        name: Name,
        /// Their colour.
        colour: Colour,
        /// Their picture.
        avatar: Avatar,
    },
    /// Let nobody new in, or anybody with the code.
    SetLocked(bool),
    /// Wish that a player be removed, or not any more. The session's creator's wish is done at once; others' are once
    /// enough of them wish it.
    SetRemoval {
        /// Who is to go.
        seat: SeatId,
        /// Whether they are to go.
        remove: bool,
    },
}

impl Command {
    /// Which of a player's allowances the command is taken from.
    pub fn class(&self) -> CommandClass {
        match self {
            Self::Launch { .. }
            | Self::StopTrack { .. }
            | Self::Unqueue { .. }
            | Self::LaunchScene { .. }
            | Self::StopScene { .. }
            | Self::StopAll
            | Self::SetPlaying(_) => CommandClass::Launch,
            // A clip's volume is dragged, as a track's is.
            Self::SetTempo(_)
            | Self::SetQuantise(_)
            | Self::SetSignature(_)
            | Self::SetGain { .. }
            | Self::SetPan { .. }
            | Self::SetMute { .. }
            | Self::SetSolo { .. }
            | Self::Edit(Edit::ChangeClip { change: ClipChange::Gain(_), .. }) => CommandClass::Control,
            Self::Edit(_) | Self::Undo | Self::Redo => CommandClass::Edit,
            Self::SetProfile { .. } | Self::SetLocked(_) | Self::SetRemoval { .. } => CommandClass::Talk,
        }
    }
}

/// Commands that share an allowance: how many a player may ask for at once, and on and on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Error)]
pub enum CommandClass {
    /// Launches, stops, what takes them back, play and rest.
    #[error("launches and stops")]
    Launch,
    /// What is turned and dragged: volumes, pans, mute, solo, tempo, quantisation, time signature.
    #[error("changes of the mixer and the tempo")]
    Control,
    /// Edits of the grid, undo and redo.
    #[error("edits")]
    Edit,
    /// Who the player is, and who may come and stay.
    #[error("changes of the players")]
    Talk,
}

/// A change of the grid. Each can be taken back by its player.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Edit {
    /// Put a clip into a slot, or empty it.
    SetClip {
        /// Slot.
        cell: Cell,
        /// What shall lie there. Its author is whoever asks.
        clip: Option<Box<Clip>>,
        /// Whether what lies there already may go.
        replace: bool,
    },
    /// Change a property of a clip.
    ChangeClip {
        /// Slot.
        cell: Cell,
        /// What becomes of it.
        change: ClipChange,
    },
    /// Let two slots change places; with an empty one, that is a move.
    SwapClips {
        /// Slot.
        a: Cell,
        /// Another slot.
        b: Cell,
    },
    /// Add a column: this one, or an empty one. Clips of rows that are not there are left out.
    AddTrack {
        /// Columns to the left of it.
        at: u8,
        /// What it holds. The author of its clips is whoever asks.
        column: Option<Box<Column>>,
    },
    /// Remove a column with all that is in it.
    RemoveTrack(TrackId),
    /// Change a property of a column.
    ChangeTrack {
        /// Column.
        track: TrackId,
        /// What becomes of it.
        change: TrackChange,
    },
    /// Add a row: this one, or an empty one. Clips of columns that are not there are left out.
    AddScene {
        /// Rows above it.
        at: u8,
        /// What it holds. The author of its clips is whoever asks.
        row: Option<Box<Row>>,
    },
    /// Remove a row with all that is in it.
    RemoveScene(SceneId),
    /// Change a property of a row.
    ChangeScene {
        /// Row.
        scene: SceneId,
        /// What becomes of it.
        change: SceneChange,
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
    /// The slot has a clip already, and it was not to be replaced.
    #[error("Somebody has just put a clip there.")]
    SlotTaken,
    /// A clip whose length is none.
    #[error("That clip cannot be used: its length is out of range.")]
    BadClip,
    /// There are [`TRACKS_MAX`] columns.
    #[error("No more than {TRACKS_MAX} tracks fit into a session.")]
    TracksFull,
    /// There are [`SCENES_MAX`] rows.
    #[error("No more than {SCENES_MAX} scenes fit into a session.")]
    ScenesFull,
    /// The only column there is.
    #[error("The last track stays.")]
    LastTrack,
    /// The only row there is.
    #[error("The last scene stays.")]
    LastScene,
    /// A name with nothing in it.
    #[error("A name needs at least one letter.")]
    NoName,
    /// The player has not edited anything.
    #[error("There is nothing of yours to undo.")]
    NothingToUndo,
    /// Nothing was taken back.
    #[error("There is nothing to redo.")]
    NothingToRedo,
    /// Taking the edit back would overwrite what somebody else did after it.
    #[error("Somebody has changed that since: it is left as it is.")]
    ChangedSince,
    /// Only the session's creator may do that while they are present.
    #[error("Only the one who opened the session can do that while they are here.")]
    NotYours,
    /// The player is not there.
    #[error("That player is not here any more.")]
    NoSuchPlayer,
    /// A player's wish that they themselves be removed.
    #[error("Nobody can remove themselves: leave instead.")]
    NotYourself,
    /// More commands of one kind than a player may ask for.
    #[error("Too many {0} in a short time: wait a moment.")]
    TooOften(CommandClass),
    /// The seat is not connected.
    #[error("Not connected: the press was not sent.")]
    NotConnected,
}
