//! The transport: which timeline holds now, and which ones take effect soon.

use crate::{
    bounded::Bounded,
    limits::UPCOMING_TIMELINES_MAX,
    time::{Beats, Micros, Tempo, Timeline},
};
use serde::{Deserialize, Serialize};

/// A timeline, and those that replace it at their own anchor times, in ascending order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Transport {
    current: Timeline,
    upcoming: Bounded<Timeline, UPCOMING_TIMELINES_MAX>,
}

impl Transport {
    /// Stopped at beat zero.
    pub fn stopped(now: Micros, tempo: Tempo) -> Self {
        let current = Timeline { anchor_time: now, anchor_beat: Beats::ZERO, tempo, playing: false };
        Self { current, upcoming: Bounded::new() }
    }

    /// The timeline that holds at `time`.
    pub fn timeline_at(&self, time: Micros) -> &Timeline {
        self.upcoming.iter().rev().find(|line| line.anchor_time <= time).unwrap_or(&self.current)
    }

    /// The timeline that holds once everything known has taken effect.
    pub fn last(&self) -> &Timeline {
        self.upcoming.last().unwrap_or(&self.current)
    }

    /// The timeline that holds first, and those after it, in order.
    pub fn timelines(&self) -> impl Iterator<Item = &Timeline> {
        std::iter::once(&self.current).chain(self.upcoming.iter())
    }

    /// The first timeline that takes effect after `time`.
    pub fn next_after(&self, time: Micros) -> Option<&Timeline> {
        self.upcoming.iter().find(|line| line.anchor_time > time)
    }

    /// The beat at `time`.
    pub fn beat_at(&self, time: Micros) -> Beats {
        self.timeline_at(time).beat_at(time)
    }

    /// Whether beats pass at `time`.
    pub fn is_playing_at(&self, time: Micros) -> bool {
        self.timeline_at(time).playing
    }

    /// When `beat` is reached, as far as is known at `now`; `None` while stopped.
    pub fn time_at(&self, beat: Beats, now: Micros) -> Option<Micros> {
        let mut line = self.timeline_at(now);
        for next in self.upcoming.iter().filter(|next| next.anchor_time > now) {
            match line.time_at(beat) {
                Some(time) if time < next.anchor_time => return Some(time),
                _ => line = next,
            }
        }
        line.time_at(beat)
    }

    /// Whether one more timeline may wait.
    pub fn has_room(&self) -> bool {
        !self.upcoming.is_full()
    }

    /// Makes those that have taken effect by `time` history.
    pub fn settle(&mut self, time: Micros) {
        self.current = *self.timeline_at(time);
        self.upcoming.retain(|line| line.anchor_time > time);
    }

    /// Lets `line` take effect at its anchor time, after all that wait already. Returns whether it was taken: there
    /// must be room, and it must not come before another.
    pub fn schedule(&mut self, line: Timeline) -> bool {
        line.anchor_time >= self.last().anchor_time && self.upcoming.push(line).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bpm(bpm: u32) -> Tempo {
        Tempo::from_milli_bpm(bpm * 1_000).unwrap_or_else(|| unreachable!("{bpm} is a tempo"))
    }

    fn playing_from_zero(tempo: u32) -> Transport {
        let mut transport = Transport::stopped(Micros(0), bpm(tempo));
        assert!(transport.schedule(Timeline { playing: true, ..*transport.last() }));
        transport.settle(Micros(0));
        transport
    }

    #[test]
    fn a_change_takes_effect_at_its_moment_and_keeps_the_phase() {
        let mut transport = playing_from_zero(120);
        let at = Micros(1_000_000);
        let beat = transport.beat_at(at);
        assert!(transport.schedule(Timeline { anchor_time: at, anchor_beat: beat, tempo: bpm(60), playing: true }));
        assert_eq!(transport.beat_at(Micros(999_999)).0, 1_999_998_000);
        assert_eq!(transport.beat_at(at), Beats::whole(2));
        assert_eq!(transport.beat_at(Micros(2_000_000)), Beats::whole(3));
        assert_eq!(transport.time_at(Beats::whole(1), Micros(0)), Some(Micros(500_000)));
        assert_eq!(transport.time_at(Beats::whole(3), Micros(0)), Some(Micros(2_000_000)));
    }

    #[test]
    fn the_waiting_list_is_bounded_and_in_order() {
        let mut transport = playing_from_zero(120);
        for step in 1..=UPCOMING_TIMELINES_MAX as u64 {
            let at = Micros(step * 1_000);
            assert!(transport.schedule(Timeline { anchor_time: at, ..*transport.last() }));
        }
        assert!(!transport.has_room());
        assert!(!transport.schedule(Timeline { anchor_time: Micros(1_000_000), ..*transport.last() }));
        transport.settle(Micros(2_000));
        assert!(transport.has_room());
        assert!(!transport.schedule(Timeline { anchor_time: Micros(1), ..*transport.last() }), "not before another");
    }

    proptest! {
        /// Settling forgets history and changes nothing that is still to come.
        #[test]
        fn settling_changes_no_beat_from_then_on(
            steps in prop::collection::vec((1_u64..400_000, 20_u32..999), 0..UPCOMING_TIMELINES_MAX), settle in 0_u64..2_000_000, after in 0_u64..4_000_000,
        ) {
            let mut transport = playing_from_zero(133);
            let mut at = Micros(0);
            for (gap, tempo) in steps {
                at = at + gap;
                let beat = transport.last().beat_at(at);
                let line = Timeline { anchor_time: at, anchor_beat: beat, tempo: bpm(tempo), playing: true };
                prop_assert!(transport.schedule(line));
            }
            let mut settled = transport.clone();
            settled.settle(Micros(settle));
            prop_assert_eq!(settled.beat_at(Micros(settle + after)), transport.beat_at(Micros(settle + after)));
        }
    }
}
