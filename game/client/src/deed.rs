//! What hands do, whatever hand it was: mouse, keys, fingers, menus and scripts all end in the same few deeds, and those
//! who carry them out do not ask where they came from.
//!
//! ```text
//! playfield::pointer (mouse, fingers), keyboard, menus ──→ Deed ──→ playfield::press (launches), editing (the grid)
//! ```

use crate::playfield::layout::Target;
use bevy::prelude::*;

/// Something that a hand wants done.
#[derive(Message, Debug, Clone, Copy, PartialEq)]
pub(crate) enum Deed {
    /// Launch, stop or cancel, as the target has it.
    Press(Target),
    /// The press turned out to be the beginning of something else: let what was queued before it be queued again.
    TakeBack(Target),
    /// Open the menu of a target, its corner at this point in design units.
    Menu(Target, Vec2),
    /// A clip was dragged from one slot and dropped on another: the two change places, or the other gets a copy.
    Drop {
        /// Where it was taken up.
        from: Target,
        /// Where it was let go.
        to: Target,
        /// Whether what was taken up stays where it is.
        copy: bool,
    },
    /// Keep what is selected, to be pasted.
    Copy,
    /// Keep what is selected, and remove it.
    Cut,
    /// Put down what is kept, where the selection is.
    Paste,
    /// A copy of what is selected, beside it.
    Duplicate,
    /// Remove what is selected.
    Delete,
    /// Give what is selected another name.
    Rename,
    /// Look for a sound on this machine's disk, for this pad.
    PickFile(Target),
    /// Open the recorder for this pad.
    Record(Target),
    /// Close the recorder; what is being recorded is dropped.
    CloseRecorder,
    /// Take back the player's last edit.
    Undo,
    /// Make it again.
    Redo,
}

/// A beat of the tempo is tapped.
#[derive(Message, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tap;

/// The metronome is switched on or off.
#[derive(Message, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ToggleMetronome;

/// Whether the recorder is open.
#[derive(Resource, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct RecorderOpen(pub(crate) bool);

/// The recorder's button is pressed by its key.
#[derive(Message, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordKey;

/// The sound library is opened or closed.
#[derive(Message, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ToggleLibrary;

/// What keys and menus act on: the slot, column or row that was touched last, or moved to by the arrow keys.
#[derive(Resource, Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Selection(pub(crate) Option<Target>);

/// The hand that did something last.
#[derive(Resource, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Hand {
    /// The mouse.
    #[default]
    Mouse,
    /// A finger on the screen.
    Finger,
    /// The keyboard.
    Keys,
}

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Hand>()
        .add_message::<Deed>()
        .add_message::<Tap>()
        .add_message::<ToggleMetronome>()
        .add_message::<ToggleLibrary>()
        .add_message::<RecordKey>()
        .init_resource::<RecorderOpen>()
        .init_resource::<Selection>();
}
