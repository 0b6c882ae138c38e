//! What a seat tells the others of itself: how early it must hear of a launch, how far away it is, and how far its sound
//! is off.

use crate::{clock::ClockEstimate, limits::RESEND_MS, time::Micros, wire::Report};

/// How often a seat reports how it is doing, if that has changed, microseconds.
const INTERVAL_US: i64 = 1_000_000;
/// Changes of the lead that are worth a message, microseconds: more is told at once, less is not.
const LEAD_CHANGE_US: (u32, u32) = (2_000, 10_000);
/// Change of the round trip that is worth a message, microseconds.
const PING_CHANGE_US: u32 = 5_000;
/// A smaller one is, too, from this on, where it is more than a fifth of the round trip.
const PING_CHANGE_MIN_US: u32 = 1_000;
/// Change of the phase error that is worth a message, microseconds.
const PHASE_CHANGE_US: u32 = 500;
/// Time that the turns of host and player may add to a message's way, microseconds.
const TURNS_US: u32 = 4_000;
/// Jitter up to which a network is taken for one that loses nothing, microseconds.
const STEADY_JITTER_US: u64 = 5_000;
/// Repetitions of a lost message that are waited for.
const REPEATS: u64 = 2;

/// The way of a seat's messages and of its sound, as its host knows it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Way {
    /// Time from the beginning of a rendered block to its first frame at the speaker, microseconds.
    pub latency_us: u32,
    /// Length of a block, microseconds: what is heard of just after one has been rendered waits for the next.
    pub block_us: u32,
    /// How far the sound is behind (positive) or ahead of the session, microseconds.
    pub phase_error_us: i32,
}

/// What a seat reports, and what it has told.
#[derive(Debug, Clone, Default)]
pub struct Reporting {
    told: Option<(Micros, Report)>,
}

impl Reporting {
    /// The report that is due at `local`, the player's clock, if there is any news. It counts as told.
    pub fn due(&mut self, local: Micros, clock: &ClockEstimate, way: Way) -> Option<Report> {
        let report = report(clock, way)?;
        let is_due = self.told.is_none_or(|(at, told)| local.since(at) >= INTERVAL_US && is_news(told, report));
        is_due.then(|| {
            self.told = Some((local, report));
            report
        })
    }
}

/// How a seat is doing; `None` before its clock is known.
fn report(clock: &ClockEstimate, way: Way) -> Option<Report> {
    let (shortest, longest) = (clock.round_trip_us()?, clock.round_trip_max_us()?);
    let jitter = longest.saturating_sub(shortest);
    // Where delays vary, packets are also lost, and what is lost comes with the second repetition at the latest.
    let late = if jitter > STEADY_JITTER_US { REPEATS * RESEND_MS * 1_000 } else { jitter };
    let network = u32::try_from((shortest / 2).saturating_add(late)).unwrap_or(u32::MAX);
    let lead_us = [way.latency_us, way.block_us, TURNS_US].into_iter().fold(network, u32::saturating_add);
    let round_trip_us = u32::try_from(shortest).unwrap_or(u32::MAX);
    Some(Report { lead_us, round_trip_us, phase_error_us: way.phase_error_us })
}

/// Whether a seat is doing so differently that the others should know. A lead that shrinks a little is not worth telling.
fn is_news(told: Report, report: Report) -> bool {
    let more = report.lead_us.saturating_sub(told.lead_us);
    let less = told.lead_us.saturating_sub(report.lead_us);
    let ping = told.round_trip_us.abs_diff(report.round_trip_us);
    more >= LEAD_CHANGE_US.0
        || less >= LEAD_CHANGE_US.1
        || ping > PING_CHANGE_US
        || (ping >= PING_CHANGE_MIN_US && u64::from(ping) * 5 > u64::from(told.round_trip_us))
        || told.phase_error_us.abs_diff(report.phase_error_us) >= PHASE_CHANGE_US
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Probe;

    /// A clock that has seen these round trips, microseconds.
    fn clock(round_trips: &[u64]) -> ClockEstimate {
        let mut clock = ClockEstimate::new();
        for (index, round_trip) in round_trips.iter().enumerate() {
            let sent = Micros(10_000_000 + index as u64 * 100_000);
            let there = sent + round_trip / 2;
            assert!(clock.probe(&Probe { sent, received: there, answered: there }, sent + *round_trip));
        }
        clock
    }

    #[test]
    fn the_lead_covers_the_way_down_its_jitter_the_sound_and_what_must_be_sent_again() {
        let way = Way { latency_us: 30_000, block_us: 10_000, phase_error_us: -7 };
        let told = Reporting::default().due(Micros(0), &clock(&[20_000, 24_000]), way).unwrap();
        let expected = Report { lead_us: 14_000 + 30_000 + 10_000 + 4_000, round_trip_us: 20_000, phase_error_us: -7 };
        assert_eq!(told, expected);
        let rough = Reporting::default().due(Micros(0), &clock(&[20_000, 90_000]), way).unwrap();
        assert_eq!(rough.lead_us, told.lead_us - 4_000 + 100_000);
        assert_eq!(Reporting::default().due(Micros(0), &ClockEstimate::new(), way), None);
    }

    #[test]
    fn what_is_told_is_told_once_and_not_too_often() {
        let (mut reporting, clock) = (Reporting::default(), clock(&[20_000]));
        let way = Way::default();
        assert!(reporting.due(Micros(0), &clock, way).is_some());
        assert_eq!(reporting.due(Micros(9_000_000), &clock, way), None, "no news");
        let slow = Way { latency_us: 50_000, ..way };
        assert!(reporting.due(Micros(10_000_000), &clock, slow).is_some());
        assert_eq!(reporting.due(Micros(10_500_000), &clock, way), None, "not yet");
        assert!(reporting.due(Micros(11_000_000), &clock, way).is_some());
    }

    #[test]
    fn a_report_is_news_when_something_has_changed_by_what_a_player_would_notice() {
        let told = Report { lead_us: 20_000, round_trip_us: 40_000, phase_error_us: 0 };
        let report = |lead_us, round_trip_us| Report { lead_us, round_trip_us, ..told };
        assert!(!is_news(told, told));
        assert!(!is_news(told, report(21_999, 45_000)) && !is_news(told, report(10_001, 40_000)));
        assert!(is_news(told, report(22_000, 40_000)) && is_news(told, report(10_000, 40_000)));
        assert!(is_news(told, report(20_000, 45_001)) && is_news(told, report(20_000, 34_999)));
        let near = report(20_000, 4_000);
        assert!(is_news(near, report(20_000, 5_000)) && !is_news(near, report(20_000, 4_700)));
        let beside = report(20_000, 100);
        assert!(!is_news(beside, report(20_000, 900)), "noise on one machine is no news");
        assert!(is_news(told, Report { phase_error_us: -500, ..told }));
        assert!(!is_news(told, Report { phase_error_us: 499, ..told }));
    }
}
