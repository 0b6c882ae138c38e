//! What each player can take back: their own edits, newest first, as long as nobody else has changed the same since.
//!
//! Every edit is kept as the values before and after it. Taking it back is an ordinary event that puts the earlier
//! value there again, and it is refused when the edit's place was changed by somebody else in the meantime.

use crate::{
    command::Refusal,
    edit::{Address, Value},
    event::EventKind,
    limits::{SEATS_MAX, UNDO_GESTURE_US, UNDO_STEPS_MAX},
    state::{SeatId, SessionState},
    time::Micros,
};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// One place that an edit changed.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Change {
    address: Address,
    before: Value,
    after: Value,
}

/// One edit of a player.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Step {
    /// Tells edits apart.
    serial: u64,
    /// When it was made, or last went on; `None` once it has been taken back: what follows is another gesture.
    at: Option<Micros>,
    /// What it changed: one place, or the two that changed theirs.
    changes: Vec<Change>,
    /// The edit of somebody else that has changed the same since.
    overwritten_by: Option<u64>,
}

impl Step {
    fn touches(&self, addresses: &[Address]) -> bool {
        self.changes.iter().any(|change| addresses.iter().any(|address| change.address.overlaps(*address)))
    }

    /// Whether a change of these places now belongs to the same gesture.
    fn goes_on_with(&self, addresses: &[Address], now: Micros) -> bool {
        let is_same = match (&self.changes[..], addresses) {
            ([change], [address]) => change.address == *address && address.is_property(),
            _ => false,
        };
        is_same && self.overwritten_by.is_none() && self.at.is_some_and(|at| now.since(at) < UNDO_GESTURE_US)
    }

    /// The event that takes the step back, or makes it again.
    fn event(&self, direction: Direction) -> Option<EventKind> {
        match &self.changes[..] {
            [Change { address: Address::Clip(a), .. }, Change { address: Address::Clip(b), .. }] => {
                Some(EventKind::ClipsSwapped { a: *a, b: *b })
            }
            [change] => match direction {
                Direction::Back => change.before.put(change.address),
                Direction::Again => change.after.put(change.address),
            },
            _ => None,
        }
    }

    /// Whether everything is as the step (or taking it back) left it.
    fn is_untouched(&self, state: &SessionState, direction: Direction) -> bool {
        self.overwritten_by.is_none()
            && self.changes.iter().all(|change| {
                let left = match direction {
                    Direction::Back => &change.after,
                    Direction::Again => &change.before,
                };
                Value::at(state, change.address).is_like(left)
            })
    }
}

/// Which way through a player's edits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Take back.
    Back,
    /// Make again.
    Again,
}

/// The edits of one player.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Steps {
    done: VecDeque<Step>,
    undone: Vec<Step>,
}

/// The edits of all players of a session.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct History {
    seats: [Steps; SEATS_MAX],
    last_serial: u64,
}

/// What is at the places of an edit before it is made.
#[derive(Debug)]
pub struct Before(Vec<(Address, Value)>);

impl Before {
    /// Looks at what `kind` will change.
    pub fn look(state: &SessionState, kind: &EventKind) -> Self {
        Self(kind.touched().map(|address| (address, Value::at(state, address))).collect())
    }
}

impl History {
    /// How many edits a player can take back, and make again.
    pub fn counts(&self, seat: SeatId) -> (u8, u8) {
        self.seats.get(usize::from(seat.0)).map_or((0, 0), |steps| (steps.done.len() as u8, steps.undone.len() as u8))
    }

    /// Forgets a player's edits.
    pub fn forget(&mut self, seat: SeatId) {
        if let Some(steps) = self.seats.get_mut(usize::from(seat.0)) {
            *steps = Steps::default();
        }
    }

    /// Notes an edit that a player has made.
    pub fn note(&mut self, state: &SessionState, seat: SeatId, now: Micros, before: Before) {
        if before.0.is_empty() || usize::from(seat.0) >= SEATS_MAX {
            return;
        }
        let changes: Vec<Change> = before
            .0
            .into_iter()
            .map(|(address, before)| Change { address, before, after: Value::at(state, address) })
            .collect();
        if changes.iter().all(|change| change.before == change.after) {
            return;
        }
        let addresses: Vec<Address> = changes.iter().map(|change| change.address).collect();
        let steps = &mut self.seats[usize::from(seat.0)];
        steps.undone.clear();
        let goes_on = steps.done.back().is_some_and(|last| last.goes_on_with(&addresses, now));
        let serial = if let Some(last) = steps.done.back_mut().filter(|_| goes_on) {
            last.at = Some(now);
            for (known, change) in last.changes.iter_mut().zip(changes) {
                known.after = change.after;
            }
            last.serial
        } else {
            self.last_serial += 1;
            let step = Step { serial: self.last_serial, at: Some(now), changes, overwritten_by: None };
            if steps.done.len() == UNDO_STEPS_MAX {
                steps.done.pop_front();
            }
            steps.done.push_back(step);
            self.last_serial
        };
        self.mark(seat, &addresses, serial);
    }

    /// The event that a player's undo or redo is. The step stays where it is until [`History::moved`].
    ///
    /// # Errors
    /// [`Refusal::NothingToUndo`], [`Refusal::NothingToRedo`], or [`Refusal::ChangedSince`]; the step is then dropped,
    /// so that those before it can be reached.
    pub fn next(&mut self, state: &SessionState, seat: SeatId, direction: Direction) -> Result<EventKind, Refusal> {
        let nothing = match direction {
            Direction::Back => Refusal::NothingToUndo,
            Direction::Again => Refusal::NothingToRedo,
        };
        let steps = self.seats.get_mut(usize::from(seat.0)).ok_or(nothing)?;
        let step = match direction {
            Direction::Back => steps.done.back(),
            Direction::Again => steps.undone.last(),
        };
        let step = step.ok_or(nothing)?;
        let is_possible = |kind: &EventKind| step.is_untouched(state, direction) && state.fits(kind, state.at());
        if let Some(kind) = step.event(direction).filter(is_possible) {
            return Ok(kind);
        }
        match direction {
            Direction::Back => drop(steps.done.pop_back()),
            Direction::Again => drop(steps.undone.pop()),
        }
        Err(Refusal::ChangedSince)
    }

    /// The undo or redo of [`History::next`] has happened.
    pub fn moved(&mut self, seat: SeatId, direction: Direction) {
        let Some(steps) = self.seats.get_mut(usize::from(seat.0)) else { return };
        let step = match direction {
            Direction::Back => steps.done.pop_back(),
            Direction::Again => steps.undone.pop(),
        };
        let Some(mut step) = step else { return };
        step.at = None;
        let (serial, addresses) = (step.serial, step.changes.iter().map(|change| change.address).collect::<Vec<_>>());
        match direction {
            Direction::Back => {
                steps.undone.push(step);
                self.unmark(serial);
            }
            Direction::Again => {
                steps.done.push_back(step);
                self.mark(seat, &addresses, serial);
            }
        }
    }

    /// Everybody else's steps at these places have been overwritten.
    fn mark(&mut self, seat: SeatId, addresses: &[Address], serial: u64) {
        for (index, steps) in self.seats.iter_mut().enumerate() {
            if index == usize::from(seat.0) {
                continue;
            }
            for step in steps.done.iter_mut().chain(&mut steps.undone) {
                if step.overwritten_by.is_none() && step.touches(addresses) {
                    step.overwritten_by = Some(serial);
                }
            }
        }
    }

    /// The edit of this serial has been taken back: what it overwrote is as it was.
    fn unmark(&mut self, serial: u64) {
        for step in self.seats.iter_mut().flat_map(|steps| steps.done.iter_mut().chain(&mut steps.undone)) {
            if step.overwritten_by == Some(serial) {
                step.overwritten_by = None;
            }
        }
    }
}
