//! When to tell the others where a player's pointer is: soon after it moves, not too often, and once more when it rests,
//! since the message may be lost. A pointer that rests costs nothing, unless its player records: that is told again and
//! again, so that whoever comes meanwhile sees it.

use crate::{
    grid::Cell,
    limits::{CURSOR_INTERVAL_US, CURSOR_REPEAT_US},
    time::Micros,
};
use serde::{Deserialize, Serialize};

/// Where a player is on the grid. None of it is kept by the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pointer {
    /// The slot that their pointer or finger is on.
    pub at: Option<Cell>,
    /// The slot that they are recording a sound for.
    pub records: Option<Cell>,
}

impl From<Option<Cell>> for Pointer {
    /// Of a player who records nothing.
    fn from(at: Option<Cell>) -> Self {
        Self { at, records: None }
    }
}

/// A player's pointer, on its way to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CursorSender {
    pointer: Pointer,
    moved_at: Micros,
    told: Option<(Pointer, Micros)>,
    repeated: bool,
}

impl CursorSender {
    /// The pointer is there now.
    pub fn set(&mut self, now: Micros, pointer: Pointer) {
        if pointer != self.pointer {
            (self.pointer, self.moved_at, self.repeated) = (pointer, now, false);
        }
    }

    /// What is to be told now, if anything.
    pub fn due(&mut self, now: Micros) -> Option<Pointer> {
        let is_due = match self.told {
            None => self.pointer != Pointer::default(),
            Some((told, at)) if told != self.pointer => now.since(at) >= CURSOR_INTERVAL_US,
            Some((told, at)) if told.records.is_some() => now.since(at) >= CURSOR_REPEAT_US,
            Some(_) => !self.repeated && now.since(self.moved_at) >= CURSOR_REPEAT_US,
        };
        if !is_due {
            return None;
        }
        self.repeated = self.told.is_some_and(|(told, _)| told == self.pointer);
        self.told = Some((self.pointer, now));
        Some(self.pointer)
    }

    /// Nobody has been told anything on the new connection.
    pub fn reconnect(&mut self) {
        self.told = None;
        self.repeated = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::{SceneId, TrackId};

    #[test]
    fn a_move_is_told_at_once_then_at_intervals_and_repeated_once_at_rest() {
        let cell = |scene| Pointer::from(Some(Cell::new(TrackId(0), SceneId(scene))));
        let mut cursor = CursorSender::default();
        assert_eq!(cursor.due(Micros(0)), None, "nowhere yet");
        cursor.set(Micros(1_000), cell(0));
        assert_eq!(cursor.due(Micros(1_000)), Some(cell(0)));
        cursor.set(Micros(2_000), cell(1));
        assert_eq!(cursor.due(Micros(2_000)), None, "too soon");
        let later = Micros(1_000 + CURSOR_INTERVAL_US as u64);
        assert_eq!(cursor.due(later), Some(cell(1)));
        let rest = Micros(2_000 + CURSOR_REPEAT_US as u64);
        assert_eq!(cursor.due(rest), Some(cell(1)));
        assert_eq!(cursor.due(rest + 10_000_000), None, "silent while it rests");
    }

    #[test]
    fn a_recording_is_told_until_it_ends_and_its_end_twice() {
        let records = Pointer { at: None, records: Some(Cell::new(TrackId(0), SceneId(0))) };
        let mut cursor = CursorSender::default();
        let mut told = |from: u64, pointer| {
            cursor.set(Micros(from), pointer);
            (from..from + 4_000_000).step_by(10_000).filter_map(|now| cursor.due(Micros(now))).collect::<Vec<_>>()
        };
        assert_eq!(told(0, records), [records; 10]);
        assert_eq!(told(4_000_000, Pointer::default()), [Pointer::default(); 2]);
    }
}
