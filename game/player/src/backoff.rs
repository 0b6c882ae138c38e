//! How long a player waits before it asks for its seat again: ever longer, and never as long as another one.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

/// The first wait, and the longest.
const MIN: Duration = Duration::from_millis(250);
const MAX: Duration = Duration::from_secs(8);

/// See the module.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: MIN }
    }
}

impl Backoff {
    /// The wait before the next try. The one after it is twice as long.
    pub(crate) fn wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(MAX);
        scattered(wait)
    }

    /// The session was heard of again: the next loss has nothing to do with the last.
    pub(crate) fn reset(&mut self) {
        self.next = MIN;
    }
}

/// A wait of half to all of this, so that players who were lost together do not come back together.
fn scattered(wait: Duration) -> Duration {
    // The standard library's hashers are seeded at random.
    let share = (RandomState::new().hash_one(()) >> 11) as f64 / (1_u64 << 53) as f64;
    wait.mul_f64(0.5 + share / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_from_a_quarter_of_a_second_to_eight_seconds_until_the_session_is_heard_of() {
        let mut backoff = Backoff::default();
        for _ in 0..2 {
            for most_ms in [250, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000] {
                let (wait, most) = (backoff.wait(), Duration::from_millis(most_ms));
                assert!(most / 2 <= wait && wait <= most, "{wait:?} of {most:?}");
            }
            backoff.reset();
        }
    }

    #[test]
    fn players_who_were_lost_together_come_back_one_by_one() {
        let waits: Vec<Duration> = (0..1_000).map(|_| Backoff::default().wait()).collect();
        // In each eighth of the time in which they may come, there are some, and no eighth has most of them.
        for part in 0..8 {
            let from = MIN / 2 + MIN / 16 * part;
            let there = waits.iter().filter(|wait| (from..from + MIN / 16).contains(wait)).count();
            assert!((50..250).contains(&there), "{there} of 1,000 in part {part}");
        }
    }
}
