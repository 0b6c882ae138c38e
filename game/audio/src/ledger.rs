//! Who may sound: at most [`VOICES_MAX`] voices, the oldest makes room.
//!
//! Lives on the callback side only; the atomics make it shareable between decks, not between threads.

use crate::limits::VOICES_MAX;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The places of all sounding voices, each with the serial number of its holder; 0 is free.
#[derive(Debug)]
pub struct Ledger {
    places: [AtomicU64; VOICES_MAX],
    last_serial: AtomicU64,
}

/// A voice's right to sound.
#[derive(Debug, PartialEq, Eq)]
pub struct Place {
    index: usize,
    serial: u64,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { places: [const { AtomicU64::new(0) }; VOICES_MAX], last_serial: AtomicU64::new(0) }
    }
}

impl Ledger {
    /// A free place, or that of the oldest voice, which loses it.
    pub fn take(&self) -> Place {
        let serial = self.last_serial.load(Relaxed) + 1;
        self.last_serial.store(serial, Relaxed);
        let held = |index: &usize| self.places[*index].load(Relaxed);
        let index = (0..VOICES_MAX).min_by_key(held).unwrap_or(0);
        self.places[index].store(serial, Relaxed);
        Place { index, serial }
    }

    /// Whether the place still belongs to its holder.
    pub fn holds(&self, place: &Place) -> bool {
        self.places[place.index].load(Relaxed) == place.serial
    }

    /// Gives a place back.
    pub fn give_back(&self, place: Place) {
        if self.holds(&place) {
            self.places[place.index].store(0, Relaxed);
        }
    }

    /// Number of places taken.
    pub fn taken(&self) -> usize {
        self.places.iter().filter(|place| place.load(Relaxed) != 0).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room() {
        let ledger = Ledger::default();
        let mut places: Vec<Place> = (0..VOICES_MAX).map(|_| ledger.take()).collect();
        assert!(places.iter().all(|place| ledger.holds(place)));
        let newest = ledger.take();
        assert_eq!(ledger.taken(), VOICES_MAX);
        assert!(
            !ledger.holds(&places[0]) && places[1..].iter().all(|place| ledger.holds(place)) && ledger.holds(&newest)
        );
        ledger.give_back(places.remove(0));
        assert_eq!(ledger.taken(), VOICES_MAX, "what was lost cannot be given back");
        ledger.give_back(newest);
        assert_eq!(ledger.taken(), VOICES_MAX - 1);
    }
}
