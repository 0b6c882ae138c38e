//! When a player probes the host's clock, and what it reports of what it found.
//!
//! A burst on joining, when the transport starts, and when the clock is in doubt; then steadily while the session
//! plays; none while it rests, so that its host may sleep.

use crate::{clock::ClockEstimate, limits::RESEND_MS, time::Micros, wire::Report};

/// Probes sent in quick succession.
pub const BURST: u32 = 10;
/// Time between two probes of a burst, microseconds.
const BURST_INTERVAL_US: i64 = 50_000;
/// Time between two probes while the session plays, microseconds.
const STEADY_INTERVAL_US: i64 = 500_000;
/// Time that polling and blocks may add between hearing of a launch and rendering it, microseconds.
const POLLING_US: u64 = 4_000;
/// Jitter up to which a network is taken for one that loses nothing, microseconds.
const STEADY_JITTER_US: u64 = 5_000;
/// Repetitions of a lost message that are waited for.
const REPEATS: u64 = 2;

/// Says when the next probe is due.
#[derive(Debug, Clone)]
pub struct ProbeSchedule {
    burst: u32,
    last: Option<Micros>,
}

impl Default for ProbeSchedule {
    fn default() -> Self {
        Self { burst: BURST, last: None }
    }
}

impl ProbeSchedule {
    /// A schedule that begins with a burst.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for a burst; one that has begun is made full again.
    pub fn burst(&mut self) {
        self.burst = BURST;
    }

    /// When the next probe is due; `None`: not before the session plays or a burst is asked for.
    pub fn due_at(&self, now: Micros, playing: bool) -> Option<Micros> {
        let Some(last) = self.last else { return Some(now) };
        if self.burst > 0 {
            return Some(last.offset(BURST_INTERVAL_US));
        }
        playing.then(|| last.offset(STEADY_INTERVAL_US))
    }

    /// Whether a probe is to be sent now; the schedule counts on it.
    pub fn is_due(&mut self, now: Micros, playing: bool) -> bool {
        let is_due = self.due_at(now, playing).is_some_and(|due| due <= now);
        if is_due {
            self.last = Some(now);
            self.burst = self.burst.saturating_sub(1);
        }
        is_due
    }
}

/// How much earlier than its beat a seat must hear of a launch, and how far away its host is; `None` before the first
/// probe. `latency_us` is the time from rendering a callback to the moment when its last frame leaves the speaker.
pub fn report(clock: &ClockEstimate, latency_us: u32) -> Option<Report> {
    let (shortest, longest) = (clock.round_trip_us()?, clock.round_trip_max_us()?);
    let jitter = longest.saturating_sub(shortest);
    // Where delays vary, packets are also lost, and what is lost comes with the second repetition at the latest.
    let repeats = if jitter > STEADY_JITTER_US { REPEATS * RESEND_MS * 1_000 } else { jitter };
    let lead = (shortest / 2).saturating_add(repeats).saturating_add(u64::from(latency_us)).saturating_add(POLLING_US);
    let to_u32 = |us: u64| u32::try_from(us).unwrap_or(u32::MAX);
    Some(Report { lead_us: to_u32(lead), round_trip_us: to_u32(shortest) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The moments of the probes within a time, looked for every millisecond.
    fn probes(schedule: &mut ProbeSchedule, from_ms: u64, to_ms: u64, playing: bool) -> Vec<u64> {
        (from_ms..to_ms).filter(|ms| schedule.is_due(Micros(ms * 1_000), playing)).collect()
    }

    #[test]
    fn a_burst_comes_first_and_then_nothing_while_the_session_rests() {
        let mut schedule = ProbeSchedule::new();
        let first: Vec<u64> = (0..u64::from(BURST)).map(|index| index * 50).collect();
        assert_eq!(probes(&mut schedule, 0, 10_000, false), first);
        assert_eq!(schedule.due_at(Micros(10_000_000), false), None);
    }

    #[test]
    fn probes_are_steady_while_the_session_plays_and_a_burst_can_be_asked_for() {
        let mut schedule = ProbeSchedule::new();
        probes(&mut schedule, 0, 1_000, true);
        assert_eq!(probes(&mut schedule, 1_000, 11_000, true).len(), 20);
        schedule.burst();
        assert_eq!(probes(&mut schedule, 11_000, 11_500, false).len(), BURST as usize);
    }

    #[test]
    fn nothing_is_reported_before_the_clock_is_known() {
        assert_eq!(report(&ClockEstimate::new(), 10_000), None);
    }
}
