//! Reads a stream's clock in the player's own.
//!
//! A callback may run late, but never before the moment that it is stamped with: the smallest difference between the two
//! clocks is the true one.

use cpal::StreamInstant;
use keyboardia_audio::Nanos;

/// Stretch of time within which the least late callback is looked for, nanoseconds: clocks drift apart.
const STAMP_STRETCH_NS: i64 = 2_000_000_000;
/// Callbacks are not later than this, nanoseconds.
const STAMP_LATE_NS_MAX: i64 = 100_000_000;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct StampClock {
    first: Option<StreamInstant>,
    /// Smallest difference within the running stretch of time, and within the one before, nanoseconds.
    least: [Option<i64>; 2],
    /// When the running stretch began.
    since: Nanos,
}

impl StampClock {
    /// When something happened by the player's clock that the stream stamped and that is known at `now`.
    pub(crate) fn local(&mut self, stamp: StreamInstant, now: Nanos) -> Nanos {
        let first = *self.first.get_or_insert(stamp);
        let stamp = i64::try_from(stamp.saturating_duration_since(first).as_nanos()).unwrap_or(i64::MAX);
        let difference = now.0.saturating_sub(stamp);
        if now.0.saturating_sub(self.since.0) > STAMP_STRETCH_NS {
            self.least = [None, self.least[0]];
            self.since = now;
        }
        let least = self.least.into_iter().flatten().fold(difference, i64::min);
        if difference - least > STAMP_LATE_NS_MAX {
            // No callback is that late: the stream's clock stood still, or jumped.
            *self = Self::default();
            return now;
        }
        self.least[0] = Some(self.least[0].map_or(difference, |old| old.min(difference)));
        Nanos(stamp.saturating_add(least))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    fn stamp(ns: i64) -> StreamInstant {
        StreamInstant::from_nanos(ns as u64)
    }

    #[test]
    fn late_callbacks_do_not_make_their_stamps_late() {
        let mut clock = StampClock::default();
        let mut worst = 0;
        for block in 0..2_000_i64 {
            let at = block * 10 * MS;
            // Every fourth callback runs on time, the others up to 9 ms late; the stream's clock began elsewhere.
            let late = if block % 4 == 0 { 0 } else { (block * 37 % 9) * MS };
            let read = clock.local(stamp(700 * MS + at), Nanos(5_000 * MS + at + late));
            worst = worst.max((read.0 - 5_000 * MS - at).abs());
        }
        assert_eq!(worst, 0);
    }

    #[test]
    fn a_stream_clock_that_drifts_is_followed_and_one_that_stands_still_is_not_believed() {
        let mut clock = StampClock::default();
        for block in 0..12_000_i64 {
            let at = block * 10 * MS;
            let read = clock.local(stamp(at + at / 20_000), Nanos(at));
            assert!((read.0 - at).abs() < MS / 4, "50 ppm: {} off after {block} blocks", read.0 - at);
        }
        let mut clock = StampClock::default();
        for block in 0..1_000_i64 {
            let now = Nanos(block * 10 * MS);
            let off = clock.local(stamp(0), now).0 - now.0;
            assert!(off.abs() <= STAMP_LATE_NS_MAX, "{off}");
        }
    }
}
