//! Estimators of the clock as others describe theirs, written anew, to compare ours with.
//!
//! Each believes that a reply took as long as its question: the offset is the middle of the probe's bounds.

use keyboardia_session::{Micros, wire::Probe};
use std::collections::VecDeque;

/// Names of the baselines, in their order.
pub const NAMES: [&str; 3] = ["last", "median", "best_half"];

/// Probes of which the median is taken, and how often, microseconds.
const MEDIAN_OF: usize = 5;
const MEDIAN_EVERY_US: i64 = 5_000_000;
/// Probes that are taken at once, and kept.
const KEPT: usize = 16;
/// Time between two probes after those, microseconds.
const KEPT_EVERY_US: i64 = 2_500_000;

/// Offset (session less local) and round trip of a probe, microseconds.
fn sample(probe: &Probe, returned: Micros) -> (f64, f64) {
    let (up, down) = (probe.received.since(probe.sent), probe.answered.since(returned));
    (f64::midpoint(up as f64, down as f64), (up - down) as f64)
}

/// The three of them, fed with the same probes.
#[derive(Debug, Default)]
pub(super) struct Baselines {
    last: Option<f64>,
    recent: VecDeque<f64>,
    median: Option<(Micros, f64)>,
    kept: VecDeque<(f64, f64)>,
    kept_at: Option<Micros>,
    best_half: Option<f64>,
}

impl Baselines {
    pub(super) fn probe(&mut self, probe: &Probe, returned: Micros) {
        let (offset, round_trip) = sample(probe, returned);
        self.last = Some(offset);

        let was_full = self.recent.len() == MEDIAN_OF;
        if was_full {
            self.recent.pop_front();
        }
        self.recent.push_back(offset);
        if self.median.is_none_or(|(at, _)| !was_full || returned.since(at) >= MEDIAN_EVERY_US) {
            let mut sorted: Vec<f64> = self.recent.iter().copied().collect();
            sorted.sort_by(f64::total_cmp);
            self.median = Some((returned, sorted[sorted.len() / 2]));
        }

        let is_wanted = self.kept.len() < KEPT || self.kept_at.is_none_or(|at| returned.since(at) >= KEPT_EVERY_US);
        if is_wanted {
            if self.kept.len() == KEPT {
                self.kept.pop_front();
            }
            self.kept.push_back((round_trip, offset));
            self.kept_at = Some(returned);
            let mut sorted: Vec<(f64, f64)> = self.kept.iter().copied().collect();
            sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
            let best = &sorted[..sorted.len().div_ceil(2)];
            self.best_half = Some(best.iter().map(|(_, offset)| offset).sum::<f64>() / best.len() as f64);
        }
    }

    /// What each believes of the offset, microseconds; `None` before the first probe.
    pub(super) fn offsets(&self) -> Option<[f64; 3]> {
        Some([self.last?, self.median?.1, self.best_half?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A probe sent at `sent` whose ways took `up` and `down`, between equal clocks.
    fn probe(sent: u64, up: u64, down: u64) -> (Probe, Micros) {
        let at = Micros(sent + up);
        (Probe { sent: Micros(sent), received: at, answered: at }, Micros(sent + up + down))
    }

    #[test]
    fn each_takes_what_its_description_says() {
        let mut baselines = Baselines::default();
        for (index, late) in [0, 2_000, 0, 8_000, 0].into_iter().enumerate() {
            let (probe, returned) = probe(1_000_000 + index as u64 * 50_000, 1_000 + late, 1_000);
            baselines.probe(&probe, returned);
        }
        assert_eq!(baselines.offsets(), Some([0.0, 0.0, 0.0]));
        let (probe, returned) = probe(1_300_000, 5_000, 1_000);
        baselines.probe(&probe, returned);
        assert_eq!(baselines.offsets(), Some([2_000.0, 0.0, 0.0]));
    }
}
