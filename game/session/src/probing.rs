//! When a seat probes the time: a burst on joining and when the transport starts, steadily while it runs, more often
//! while the clock is not well known, and never while nothing plays.

use crate::{
    limits::{PROBE_BURST, PROBE_BURST_INTERVAL_US, PROBE_INTERVAL_US, PROBE_UNCERTAIN_INTERVAL_US},
    time::Micros,
};

/// See the module. Begins with a burst.
#[derive(Debug, Clone)]
pub struct Probing {
    /// Probes of the burst still to be sent.
    burst: u32,
    last: Option<Micros>,
    was_playing: bool,
}

impl Default for Probing {
    fn default() -> Self {
        Self { burst: PROBE_BURST, last: None, was_playing: false }
    }
}

impl Probing {
    /// When the next probe is due, the player's clock, asked at `local`; `None`: not before the session plays.
    pub fn due_at(&self, local: Micros, playing: bool, uncertain: bool) -> Option<Micros> {
        let Some(last) = self.last else { return Some(local) };
        let bursts = self.burst > 0 || (playing && !self.was_playing);
        let interval = match (bursts, playing, uncertain) {
            (true, ..) => PROBE_BURST_INTERVAL_US,
            (false, false, _) => return None,
            (false, true, true) => PROBE_UNCERTAIN_INTERVAL_US,
            (false, true, false) => PROBE_INTERVAL_US,
        };
        Some(last.offset(interval))
    }

    /// Whether a probe is to be sent at `local`, the player's clock; counts it as sent.
    pub fn is_due(&mut self, local: Micros, playing: bool, uncertain: bool) -> bool {
        if playing && !self.was_playing {
            self.burst = PROBE_BURST;
        }
        self.was_playing = playing;
        let is_due = self.due_at(local, playing, uncertain).is_some_and(|due| due <= local);
        if is_due {
            self.last = Some(local);
            self.burst = self.burst.saturating_sub(1);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When probes are sent within some seconds of turns of a millisecond.
    fn sent(probing: &mut Probing, from_s: u64, to_s: u64, playing: bool, uncertain: bool) -> Vec<u64> {
        (from_s * 1_000..to_s * 1_000).filter(|ms| probing.is_due(Micros(ms * 1_000), playing, uncertain)).collect()
    }

    #[test]
    fn ten_on_joining_ten_on_play_one_a_second_then_and_none_while_nothing_plays() {
        let mut probing = Probing::default();
        let joining = sent(&mut probing, 0, 5, false, false);
        assert_eq!(joining, (0..10).map(|index| index * 50).collect::<Vec<_>>());
        let playing = sent(&mut probing, 5, 15, true, false);
        assert_eq!(playing[..10].iter().map(|ms| ms - 5_000).collect::<Vec<_>>(), joining);
        assert!(playing[10..].windows(2).all(|pair| pair[1] - pair[0] == 1_000));
        assert_eq!(playing.len(), 10 + 9);
        assert!(sent(&mut probing, 15, 60, false, true).is_empty());
    }

    #[test]
    fn an_uncertain_clock_is_probed_more_often() {
        let mut probing = Probing::default();
        sent(&mut probing, 0, 2, true, false);
        assert_eq!(sent(&mut probing, 2, 12, true, true).len(), 100);
    }
}
