//! One direction of a player's network: when what is sent arrives, if it does.

use super::{Time, micros, scenario::Way, seconds};
use crate::world::Dice;

/// Exponent of the jitter's tail (a Lomax distribution): delays ten times as long are a thousand times as rare.
const TAIL: f64 = 3.0;
/// The value of that distribution which one in a hundred exceeds: 100^(1/3) − 1.
const TAIL_P99: f64 = 3.641_588_833_612_779;
/// Longest jitter, microseconds.
const JITTER_MAX_US: f64 = 2e6;
/// How long a stream waits before it sends again what was lost, microseconds.
const STALL_US: f64 = 200_000.0;

/// See the module.
#[derive(Debug)]
pub(super) struct Link {
    way: Way,
    dice: Dice,
    last: Time,
    burst_until: Time,
    next_burst: Time,
}

impl Link {
    pub(super) fn new(way: Way, seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let next_burst = seconds(dice.wait(way.burst_every_s).min(1e9));
        Self { way, dice, last: 0, burst_until: 0, next_burst }
    }

    /// When a datagram that is sent now arrives; `None`: never.
    pub(super) fn carry(&mut self, now: Time) -> Option<Time> {
        let arrives = self.travel(now);
        if self.dice.share() < self.way.loss {
            return None;
        }
        Some(self.in_order(arrives))
    }

    /// When a message that is sent now arrives on a stream.
    pub(super) fn stream(&mut self, now: Time) -> Time {
        let mut sent = now;
        while self.dice.share() < self.way.loss {
            sent += micros(STALL_US);
        }
        let arrives = self.travel(sent);
        self.last = self.last.max(arrives);
        self.last
    }

    fn travel(&mut self, now: Time) -> Time {
        while self.next_burst <= now {
            self.burst_until = self.next_burst + micros(self.way.burst_us);
            self.next_burst += seconds(self.dice.wait(self.way.burst_every_s));
        }
        let scale = self.way.jitter_p99_us / TAIL_P99;
        let jitter = scale * ((1.0 - self.dice.share()).powf(-1.0 / TAIL) - 1.0);
        now.max(self.burst_until) + micros(self.way.delay_us + jitter.min(JITTER_MAX_US))
    }

    fn in_order(&mut self, arrives: Time) -> Time {
        if self.way.reorders {
            return arrives;
        }
        self.last = self.last.max(arrives);
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{measure::percentile, sim::scenario};

    #[test]
    fn a_link_delays_jitters_and_loses_as_its_scenario_says() {
        let way = Way { burst_every_s: f64::INFINITY, ..scenario::WIFI.up };
        let mut link = Link::new(Way { reorders: true, ..way }, 1);
        let sent = 100_000;
        let arrived: Vec<Option<Time>> = (0..sent).map(|index| link.carry(seconds(f64::from(index)))).collect();
        let mut delays: Vec<f64> = (0..sent)
            .zip(&arrived)
            .filter_map(|(index, at)| at.map(|at| (at - seconds(f64::from(index))) as f64 / 1e3 - way.delay_us))
            .collect();
        let lost = 1.0 - delays.len() as f64 / f64::from(sent);
        assert!((lost - way.loss).abs() < 0.002, "{lost}");
        let p99 = percentile(&mut delays, 0.99);
        assert!((p99 / way.jitter_p99_us - 1.0).abs() < 0.1, "{p99}");
        assert!(delays[0] >= 0.0);
    }

    #[test]
    fn a_burst_holds_everything_back_and_order_is_kept() {
        let mut link = Link::new(scenario::WIFI.up, 2);
        let mut last = 0;
        let mut longest = 0;
        for index in 0..60_000 {
            let now = micros(1_000.0 * f64::from(index));
            if let Some(at) = link.carry(now) {
                assert!(at >= last);
                last = at;
                longest = longest.max(at - now);
            }
        }
        assert!(longest >= micros(100_000.0), "{longest}");
    }
}
