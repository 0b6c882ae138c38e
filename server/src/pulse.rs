//! Whether the host's loop is alive: it leaves a mark in each of its turns, and HTTP looks how old the last one is.

use crate::limits::PULSE_MAX;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// See the module. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Pulse {
    began: Instant,
    /// The last mark, milliseconds after the beginning.
    beat_ms: Arc<AtomicU64>,
}

impl Pulse {
    /// Begins with a mark.
    pub(crate) fn begin() -> Self {
        Self { began: Instant::now(), beat_ms: Arc::default() }
    }

    /// The loop is in another turn.
    pub(crate) fn beat(&self) {
        self.beat_ms.store(self.elapsed_ms(), Relaxed);
    }

    /// Whether the last mark is young enough.
    pub(crate) fn is_alive(&self) -> bool {
        let silence_ms = self.elapsed_ms().saturating_sub(self.beat_ms.load(Relaxed));
        Duration::from_millis(silence_ms) <= PULSE_MAX
    }

    fn elapsed_ms(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_that_leaves_no_marks_is_not_alive() {
        let fresh = Pulse::begin();
        assert!(fresh.is_alive());
        let Some(long_ago) = Instant::now().checked_sub(2 * PULSE_MAX) else { return };
        let pulse = Pulse { began: long_ago, ..fresh };
        assert!(!pulse.is_alive());
        pulse.beat();
        assert!(pulse.is_alive());
    }
}
