//! What each key does: pure, and the only place that says so. The drawn map reads it from here, too.
//!
//! Pads are where the keys are, so they go by the physical key, whatever is printed on it. What has a letter for its
//! name (copy, undo, library) goes by the letter that the key types.

use crate::deed::Deed;
use bevy::{
    input::keyboard::Key,
    prelude::KeyCode::{self, *},
};

/// Columns and rows of pads under the hands at a time.
pub(super) const BANK_COLUMNS: usize = 8;
pub(super) const BANK_ROWS: usize = 4;

/// The keys that are pads: rows of the keyboard are rows of the grid.
pub(super) const PADS: [[KeyCode; BANK_COLUMNS]; BANK_ROWS] = [
    [Digit1, Digit2, Digit3, Digit4, Digit5, Digit6, Digit7, Digit8],
    [KeyQ, KeyW, KeyE, KeyR, KeyT, KeyY, KeyU, KeyI],
    [KeyA, KeyS, KeyD, KeyF, KeyG, KeyH, KeyJ, KeyK],
    [KeyZ, KeyX, KeyC, KeyV, KeyB, KeyN, KeyM, Comma],
];
/// The keys that launch scenes, with shift: the first ten from the top.
const SCENES: [KeyCode; 10] = [Digit1, Digit2, Digit3, Digit4, Digit5, Digit6, Digit7, Digit8, Digit9, Digit0];

/// Where the selection or the bank goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Up,
    Down,
    Left,
    Right,
}

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Action {
    /// Presses the pad at this row and column of the bank.
    Pad {
        /// From the top.
        row: usize,
        /// From the left.
        column: usize,
    },
    /// Launches this row of the grid, counted from the top.
    Scene(usize),
    /// Moves the selection.
    Walk(Way),
    /// Moves the bank of pads that lie under the keys.
    Bank(Way),
    /// Presses what is selected.
    Press,
    /// Stops the selected track.
    StopTrack,
    /// Stops every track.
    StopAll,
    /// Opens the menu of what is selected.
    Menu,
    /// An edit of what is selected.
    Edit(Deed),
    /// Plays or stops.
    Play,
    /// Taps the tempo.
    Tap,
    /// Switches the metronome.
    Metronome,
    /// Opens or closes the sound library.
    Library,
    /// Opens the recorder for the selected pad, or presses its button.
    Record,
    /// Shows or hides the map of the keys.
    Keys,
    /// Closes what is on top; twice: leaves.
    Escape,
}

impl Action {
    /// Whether a key that is held down does it again and again.
    pub(super) fn repeats(self) -> bool {
        matches!(self, Self::Walk(_))
    }
}

/// A key that goes down, and what is held with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Stroke {
    /// The letter that it types, small, or another sign.
    pub(super) sign: Option<char>,
    /// Ctrl, or Cmd on a Mac.
    pub(super) ctrl: bool,
    /// Shift.
    pub(super) shift: bool,
    /// Alt.
    pub(super) alt: bool,
}

impl Stroke {
    /// A stroke of a key that types this.
    pub(super) fn typing(key: &Key) -> Self {
        let sign = match key {
            Key::Character(text) => text.chars().next().and_then(|sign| sign.to_lowercase().next()),
            _ => None,
        };
        Self { sign, ..Self::default() }
    }
}

/// What a key does, if anything.
pub(super) fn action(code: KeyCode, stroke: Stroke) -> Option<Action> {
    let Stroke { sign, ctrl, shift, alt } = stroke;
    if sign == Some('?') && !ctrl {
        return Some(Action::Keys);
    }
    match (ctrl, shift, alt) {
        (true, shift, false) => edit(sign, shift).map(Action::Edit),
        (false, true, false) => shifted(code, sign),
        (false, false, false) => plain(code, sign),
        _ => None,
    }
}

fn edit(sign: Option<char>, shift: bool) -> Option<Deed> {
    Some(match (sign?, shift) {
        ('z', false) => Deed::Undo,
        ('y', false) | ('z', true) => Deed::Redo,
        ('c', false) => Deed::Copy,
        ('x', false) => Deed::Cut,
        ('v', false) => Deed::Paste,
        ('d', false) => Deed::Duplicate,
        _ => return None,
    })
}

fn shifted(code: KeyCode, sign: Option<char>) -> Option<Action> {
    if let Some(row) = SCENES.iter().position(|key| *key == code) {
        return Some(Action::Scene(row));
    }
    Some(match (code, sign) {
        (F10, _) => Action::Menu,
        (Backspace, _) => Action::StopAll,
        (_, Some('t')) => Action::Tap,
        (_, Some('m')) => Action::Metronome,
        (_, Some('l')) => Action::Library,
        _ => return None,
    })
}

fn plain(code: KeyCode, sign: Option<char>) -> Option<Action> {
    for (row, keys) in PADS.iter().enumerate() {
        if let Some(column) = keys.iter().position(|key| *key == code) {
            return Some(Action::Pad { row, column });
        }
    }
    Some(match code {
        ArrowUp => Action::Walk(Way::Up),
        ArrowDown => Action::Walk(Way::Down),
        ArrowLeft => Action::Walk(Way::Left),
        ArrowRight => Action::Walk(Way::Right),
        PageUp => Action::Bank(Way::Up),
        PageDown => Action::Bank(Way::Down),
        Home | BracketLeft => Action::Bank(Way::Left),
        End | BracketRight => Action::Bank(Way::Right),
        Enter | NumpadEnter => Action::Press,
        Backspace => Action::StopTrack,
        Delete => Action::Edit(Deed::Delete),
        F1 => Action::Keys,
        F2 => Action::Edit(Deed::Rename),
        F9 => Action::Record,
        ContextMenu => Action::Menu,
        Space => Action::Play,
        Escape => Action::Escape,
        _ if sign == Some('l') => Action::Library,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stroke(modifiers: &str, sign: char) -> Stroke {
        let sign = Some(sign).filter(|sign| *sign != ' ');
        let held = |name| modifiers.contains(name);
        Stroke { sign, ctrl: held("ctrl"), shift: held("shift"), alt: held("alt") }
    }

    #[test]
    fn every_key_does_what_the_map_says() {
        let pad = |row, column| Some(Action::Pad { row, column });
        let edit = |deed| Some(Action::Edit(deed));
        let table = [
            (Digit1, "", '1', pad(0, 0)),
            (Digit8, "", '8', pad(0, 7)),
            (Digit9, "", '9', None),
            (KeyQ, "", 'q', pad(1, 0)),
            (KeyT, "", 't', pad(1, 4)),
            (KeyK, "", 'k', pad(2, 7)),
            (KeyZ, "", 'z', pad(3, 0)),
            (Comma, "", ',', pad(3, 7)),
            (Digit1, "shift", '!', Some(Action::Scene(0))),
            (Digit0, "shift", ')', Some(Action::Scene(9))),
            (KeyT, "shift", 't', Some(Action::Tap)),
            (KeyM, "shift", 'm', Some(Action::Metronome)),
            (KeyL, "", 'l', Some(Action::Library)),
            (KeyL, "shift", 'l', Some(Action::Library)),
            (ArrowUp, "", ' ', Some(Action::Walk(Way::Up))),
            (PageDown, "", ' ', Some(Action::Bank(Way::Down))),
            (BracketRight, "", ']', Some(Action::Bank(Way::Right))),
            (Home, "", ' ', Some(Action::Bank(Way::Left))),
            (Enter, "", ' ', Some(Action::Press)),
            (Backspace, "", ' ', Some(Action::StopTrack)),
            (Backspace, "shift", ' ', Some(Action::StopAll)),
            (Delete, "", ' ', edit(Deed::Delete)),
            (F2, "", ' ', edit(Deed::Rename)),
            (KeyZ, "ctrl", 'z', edit(Deed::Undo)),
            (KeyY, "ctrl", 'y', edit(Deed::Redo)),
            (KeyZ, "ctrl shift", 'z', edit(Deed::Redo)),
            (KeyC, "ctrl", 'c', edit(Deed::Copy)),
            (KeyX, "ctrl", 'x', edit(Deed::Cut)),
            (KeyV, "ctrl", 'v', edit(Deed::Paste)),
            (KeyD, "ctrl", 'd', edit(Deed::Duplicate)),
            (ContextMenu, "", ' ', Some(Action::Menu)),
            (F10, "shift", ' ', Some(Action::Menu)),
            (F1, "", ' ', Some(Action::Keys)),
            (F9, "", ' ', Some(Action::Record)),
            (Slash, "shift", '?', Some(Action::Keys)),
            (Space, "", ' ', Some(Action::Play)),
            (Escape, "", ' ', Some(Action::Escape)),
            (KeyQ, "ctrl", 'q', None),
            (Digit1, "alt", '1', None),
            (F10, "", ' ', None),
        ];
        for (code, modifiers, sign, expected) in table {
            assert_eq!(action(code, stroke(modifiers, sign)), expected, "{modifiers} {code:?}");
        }
    }

    #[test]
    fn on_other_layouts_pads_stay_in_place_and_letters_keep_their_meaning() {
        // German: the key left of X types Y, and the one right of T types Z.
        assert_eq!(action(KeyZ, stroke("", 'y')), Some(Action::Pad { row: 3, column: 0 }));
        assert_eq!(action(KeyY, stroke("ctrl", 'z')), Some(Action::Edit(Deed::Undo)));
        assert_eq!(action(KeyZ, stroke("ctrl", 'y')), Some(Action::Edit(Deed::Redo)));
        assert_eq!(action(Minus, stroke("shift", '?')), Some(Action::Keys));
        // French: digits are typed with shift.
        assert_eq!(action(Digit1, stroke("", '&')), Some(Action::Pad { row: 0, column: 0 }));
        assert_eq!(action(Digit1, stroke("shift", '1')), Some(Action::Scene(0)));
    }

    #[test]
    fn a_key_that_is_held_down_only_walks() {
        assert!(Action::Walk(Way::Left).repeats());
        for action in [Action::Pad { row: 0, column: 0 }, Action::Press, Action::Play, Action::Edit(Deed::Undo)] {
            assert!(!action.repeats(), "{action:?}");
        }
    }
}
