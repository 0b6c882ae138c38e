//! What time it is in the session, estimated from time probes.
//!
//! A probe notes four moments: sent and returned by the player's clock, received and answered by the session's. The
//! probe with the shortest round trip among the last few is the least delayed by queues, so it is believed; half its
//! round trip is the bound on the error.

use crate::{
    limits::{CLOCK_PROBES_KEPT, CLOCK_ROUND_TRIP_MAX_US},
    time::Micros,
    wire::Probe,
};
use std::collections::VecDeque;

#[derive(Debug, Clone, Copy)]
struct Sample {
    offset_us: i64,
    round_trip_us: u64,
}

/// Estimate of the session's clock from a player's own.
#[derive(Debug, Clone, Default)]
pub struct ClockEstimate {
    samples: VecDeque<Sample>,
}

impl ClockEstimate {
    /// An estimate that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a probe's reply that arrived at `returned` (the player's clock). Returns whether it was usable: replies
    /// from the future, or of an absurd round trip, are not.
    pub fn probe(&mut self, probe: &Probe, returned: Micros) -> bool {
        let away = returned.since(probe.sent);
        let inside = probe.answered.since(probe.received);
        let round_trip = away - inside;
        if away < 0 || inside < 0 || !(0..=CLOCK_ROUND_TRIP_MAX_US as i64).contains(&round_trip) {
            return false;
        }
        if self.samples.len() == CLOCK_PROBES_KEPT {
            self.samples.pop_front();
        }
        let offset_us = i64::midpoint(probe.received.since(probe.sent), probe.answered.since(returned));
        self.samples.push_back(Sample { offset_us, round_trip_us: round_trip as u64 });
        true
    }

    /// Session time at `local`, the player's clock; `None` before the first probe.
    pub fn session_time(&self, local: Micros) -> Option<Micros> {
        self.offset_us().map(|offset| local.offset(offset))
    }

    /// Session time less the player's, microseconds.
    pub fn offset_us(&self) -> Option<i64> {
        self.best().map(|best| best.offset_us)
    }

    /// Shortest recent round trip, microseconds.
    pub fn round_trip_us(&self) -> Option<u64> {
        self.best().map(|best| best.round_trip_us)
    }

    /// Longest recent round trip, microseconds.
    pub fn round_trip_max_us(&self) -> Option<u64> {
        self.samples.iter().map(|sample| sample.round_trip_us).max()
    }

    /// Bound on the error, microseconds: half the shortest round trip.
    pub fn uncertainty_us(&self) -> Option<u64> {
        self.round_trip_us().map(|round_trip| round_trip / 2)
    }

    /// The newest of the quickest.
    fn best(&self) -> Option<&Sample> {
        self.samples.iter().rev().min_by_key(|sample| sample.round_trip_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(sent: u64, up: u64, inside: u64, down: u64, offset: u64) -> (Probe, Micros) {
        let received = sent + up + offset;
        let probe = Probe { sent: Micros(sent), received: Micros(received), answered: Micros(received + inside) };
        (probe, Micros(sent + up + inside + down))
    }

    #[test]
    fn the_quickest_probe_is_believed() {
        let mut clock = ClockEstimate::new();
        for (up, down) in [(40_000, 2_000), (1_000, 1_000), (2_000, 90_000)] {
            let (probe, returned) = reply(5_000_000, up, 300, down, 7_000_000);
            assert!(clock.probe(&probe, returned));
        }
        assert_eq!(clock.session_time(Micros(10)), Some(Micros(7_000_010)));
        assert_eq!(clock.uncertainty_us(), Some(1_000));
    }

    #[test]
    fn old_probes_are_forgotten() {
        let mut clock = ClockEstimate::new();
        let (quick, returned) = reply(0, 10, 0, 10, 1_000);
        assert!(clock.probe(&quick, returned));
        for _ in 0..CLOCK_PROBES_KEPT {
            let (slow, returned) = reply(100, 500, 0, 500, 2_000);
            assert!(clock.probe(&slow, returned));
        }
        assert_eq!(clock.offset_us(), Some(2_000));
    }

    #[test]
    fn impossible_replies_are_not_believed() {
        let mut clock = ClockEstimate::new();
        let (probe, returned) = reply(1_000_000, 10, 0, 10, 0);
        assert!(!clock.probe(&probe, Micros(0)), "returned before it was sent");
        assert!(!clock.probe(&Probe { answered: Micros(0), ..probe }, returned), "answered before it was received");
        assert!(!clock.probe(&probe, Micros(60_000_000)), "a minute's round trip");
        assert!(!clock.probe(&Probe { received: Micros(0), answered: Micros(u64::MAX), ..probe }, returned));
        assert_eq!(clock.offset_us(), None);
    }
}
