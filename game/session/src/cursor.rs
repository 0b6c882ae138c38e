//! When to tell the others where a player's pointer is: soon after it moves, not too often, and once more when it rests,
//! since the message may be lost. A pointer that rests costs nothing.

use crate::{
    grid::Cell,
    limits::{CURSOR_INTERVAL_US, CURSOR_REPEAT_US},
    time::Micros,
};

/// The slot under a player's pointer, on its way to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CursorSender {
    cell: Option<Cell>,
    moved_at: Micros,
    told: Option<(Option<Cell>, Micros)>,
    repeated: bool,
}

impl CursorSender {
    /// The pointer is on this slot, or on none.
    pub fn set(&mut self, now: Micros, cell: Option<Cell>) {
        if cell != self.cell {
            (self.cell, self.moved_at, self.repeated) = (cell, now, false);
        }
    }

    /// What is to be told now, if anything.
    pub fn due(&mut self, now: Micros) -> Option<Option<Cell>> {
        let is_due = match self.told {
            None => self.cell.is_some(),
            Some((told, at)) if told != self.cell => now.since(at) >= CURSOR_INTERVAL_US,
            Some(_) => !self.repeated && now.since(self.moved_at) >= CURSOR_REPEAT_US,
        };
        if !is_due {
            return None;
        }
        self.repeated = self.told.is_some_and(|(told, _)| told == self.cell);
        self.told = Some((self.cell, now));
        Some(self.cell)
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
        let cell = |scene| Some(Cell::new(TrackId(0), SceneId(scene)));
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
}
