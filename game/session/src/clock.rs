//! What time it is in the session, estimated from time probes and beacons.
//!
//! The session's clock less the player's is the *offset*. Whatever the network does to a message, it cannot deliver it
//! before it was sent; so every probe says of the offset how large it can be at most (its way up) and at least (its way
//! down), and every beacon how large at least:
//!
//! ```text
//! answered − returned  ≤  offset  ≤  received − sent
//! ```
//!
//! Delays only loosen these bounds, so the tightest ones of the last minute are believed, each way for itself: the
//! quickest way up and the quickest way down need not belong to one probe. Between them lies the offset; without knowing
//! which way is slower, their middle is the best guess, and half their distance bounds the error.
//!
//! Two clocks never run at quite the same speed. The difference, the *skew*, tilts all bounds of the minute. Seen at the
//! right tilt, the bounds of each way lie as close to the tightest of them as they can without passing it (a linear
//! programme, as S. Moon, P. Skelly and D. Towsley describe for one-way delays, INFOCOM 1999). Jitter tilts them, too:
//! how much, each way's own bounds tell, and the steadier way is heard the more. Until enough has been heard, no skew
//! is believed. By what it may be wrong, old bounds are loosened.
//!
//! What is shown follows the estimate without a jump: it runs a little faster or slower until it has caught up. It
//! jumps only on joining, when nothing was heard of the session's clock for a while, and when that has truly been set.

use crate::{
    limits::{CLOCK_BUCKET_US, CLOCK_BUCKETS_KEPT, CLOCK_ROUND_TRIP_MAX_US, CLOCK_SUSPECTS_MAX},
    time::Micros,
    wire::Probe,
};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Largest difference of speed between two clocks that is believed.
const SKEW_MAX: f64 = 300e-6;
/// Difference that is usual, either way.
const SKEW_USUAL: f64 = 100e-6;
/// Steps in which the skew is closed in on, each a halving: to 10⁻⁸.
const SKEW_STEPS: u32 = 16;
/// Jitter below this is the machines' own, microseconds.
const JITTER_MIN_US: f64 = 10.0;
/// Slow change of a crystal's speed that no window shows.
const SKEW_WANDER: f64 = 5e-6;
/// How much the bounds of the window must tell of a usual skew to be believed: their distances from the tightest one,
/// added up and measured by what is common, that it explains. Found by simulation.
const PATIENCE: f64 = 5.0;
/// Raggedness of bounds below this is the machines' own, microseconds.
const RAGGED_MIN_US: f64 = 30.0;
/// Fastest slew, as a share of time: what the controller of the sound can follow.
const SLEW_MAX: f64 = 1.5e-3;
/// Time in which an error is slewed away, if that is not too fast, microseconds.
pub const SLEW_TIME_US: f64 = 1.0e6;
/// Errors beyond this are jumped, microseconds.
const JUMP_US: f64 = 50_000.0;
/// When nothing was heard for so long, the next probe is like the first, microseconds.
const GAP_US: i64 = 5_000_000;
/// How long after the first probe the estimate may jump to a better one, microseconds: the burst on joining.
const SETTLING_US: i64 = 700_000;
/// Errors below this are slewed even then, microseconds.
const SETTLED_US: f64 = 100.0;
/// Bounds that contradict each other by more than this cannot both be true, microseconds: coarse clocks are not lies.
const CONTRADICTION_US: f64 = 3_000.0;
/// When the estimate has stood for so long, microseconds, many bounds have come.
const ESTABLISHED_US: i64 = 10_000_000;
/// A bound that is then tighter than all by more than this and the jitter is a surprise, microseconds.
const SURPRISE_US: f64 = 1_000.0;
/// Round trips of which the typical one is taken.
const ROUND_TRIPS_KEPT: usize = 32;

/// A bound on the offset, and when it held.
#[derive(Debug, Clone, Copy)]
struct Bound {
    at: Micros,
    offset_us: i64,
}

/// The tightest bounds within one stretch of time.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    number: u64,
    /// The smallest upper bound.
    most: Option<Bound>,
    /// The largest lower bound.
    least: Option<Bound>,
}

/// A bound on the offset of some time ago.
#[derive(Debug, Clone, Copy)]
struct Aged {
    age_us: f64,
    offset_us: f64,
}

impl Aged {
    /// The offset that it allows now, if the skew is this.
    fn now(self, skew: f64) -> f64 {
        self.offset_us + skew * self.age_us
    }
}

/// The values in order. One order for all: each kind of value that is sorted costs the browser kilobytes.
fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// What the bounds of one way can tell of the skew.
#[derive(Debug, Clone, Copy)]
struct Evidence {
    /// How many there are, by how far they commonly lie from the tightest one, microseconds.
    weight: f64,
    /// Their mean age.
    age_us: f64,
    /// Time from the oldest to the newest.
    span_us: f64,
}

impl Evidence {
    /// Of these bounds, the tightest of which allows this offset now, if the skew is this.
    fn new(bounds: &[Aged], tightest_us: f64, skew: f64) -> Self {
        let distances = sorted(bounds.iter().map(|bound| (bound.now(skew) - tightest_us).abs()));
        let common_us = distances.get(distances.len() / 2).copied().unwrap_or_default();
        let count = bounds.len().max(1) as f64;
        let ages = || bounds.iter().map(|bound| bound.age_us);
        let (newest, oldest) = (ages().fold(f64::INFINITY, f64::min), ages().fold(f64::NEG_INFINITY, f64::max));
        let (age_us, span_us) = (ages().sum::<f64>() / count, oldest - newest);
        Self { weight: count / common_us.max(RAGGED_MIN_US), age_us, span_us }
    }

    /// How much closer to the tightest one they may come by a change of the skew.
    fn lever(self) -> f64 {
        self.weight * self.span_us / 2.0
    }
}

/// Upper and lower bounds of some time ago; never many, see [`CLOCK_BUCKETS_KEPT`].
struct Window {
    most: Vec<Aged>,
    least: Vec<Aged>,
}

impl Window {
    /// The tightest bounds on the offset now for a skew, at most and at least; `None` unless there are both.
    fn tightest(&self, skew: f64) -> Option<(Aged, Aged)> {
        let most = self.most.iter().copied().min_by(|a, b| a.now(skew).total_cmp(&b.now(skew)));
        let least = self.least.iter().copied().max_by(|a, b| a.now(skew).total_cmp(&b.now(skew)));
        most.zip(least)
    }

    /// What upper and lower bounds tell of the skew, which is about this.
    fn evidence(&self, skew: f64) -> Option<(Evidence, Evidence)> {
        let (most, least) = self.tightest(skew)?;
        let of = |bounds, tightest: Aged| Evidence::new(bounds, tightest.now(skew), skew);
        Some((of(&self.most, most), of(&self.least, least)))
    }

    /// The skew at which the bounds lie closest to the tightest ones, by the evidence. Closeness is concave in the skew:
    /// it grows with it while the tightest upper bound is older than the others, and the lower one newer, so halves
    /// close in on the summit. The further from none a skew is, the more must speak for it.
    fn skew(&self, ups: Evidence, downs: Evidence) -> f64 {
        let (mut low, mut high) = (-SKEW_MAX, SKEW_MAX);
        for _ in 0..SKEW_STEPS {
            let middle = f64::midpoint(low, high);
            let Some((most, least)) = self.tightest(middle) else { return 0.0 };
            let growth = ups.weight * (most.age_us - ups.age_us) + downs.weight * (downs.age_us - least.age_us);
            let grows = growth > (PATIENCE / SKEW_USUAL).copysign(middle);
            (low, high) = if grows { (middle, high) } else { (low, middle) };
        }
        f64::midpoint(low, high)
    }

    /// Loosens every bound by what a skew that may be wrong by so much makes of its age.
    fn loosen(&mut self, doubt: f64) {
        for bound in &mut self.most {
            bound.offset_us += doubt * bound.age_us.abs();
        }
        for bound in &mut self.least {
            bound.offset_us -= doubt * bound.age_us.abs();
        }
    }
}

/// The line that the offset follows by the bounds of the window.
#[derive(Debug, Clone, Copy)]
struct Fit {
    at: Micros,
    offset_us: f64,
    skew: f64,
    /// By how much the skew may be wrong.
    doubt: f64,
    /// Half the distance between the bounds, microseconds.
    room_us: f64,
}

impl Fit {
    fn offset_at(&self, local: Micros) -> f64 {
        self.offset_us + self.skew * local.since(self.at) as f64
    }
}

/// The clock that is shown: a line that bends, but never runs backwards.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClockLine {
    /// Where the line begins, the player's clock.
    pub local: Micros,
    /// Session time there, less the player's, microseconds.
    pub offset_us: f64,
    /// How much faster the session's time passes than the player's, as a share.
    pub skew: f64,
    /// What is added to that, for [`SLEW_TIME_US`] at most, to make an error good.
    pub slew: f64,
}

impl ClockLine {
    /// Session time less the player's at `local`, microseconds.
    pub fn offset_at(&self, local: Micros) -> f64 {
        let since = local.since(self.local) as f64;
        self.offset_us + self.skew * since + self.slew * since.clamp(0.0, SLEW_TIME_US)
    }

    /// Session time at `local`.
    pub fn time_at(&self, local: Micros) -> Micros {
        local.offset(self.offset_at(local).round() as i64)
    }
}

/// Estimate of the session's clock from a player's own.
#[derive(Debug, Clone, Default)]
pub struct ClockEstimate {
    buckets: VecDeque<Bucket>,
    round_trips: VecDeque<u64>,
    /// When the latest probe was sent whose reply has come.
    asked: Option<Micros>,
    suspects: VecDeque<(Bound, Bound)>,
    fit: Option<Fit>,
    line: Option<ClockLine>,
    begun: Option<Micros>,
    heard: Option<Micros>,
    jumps: u32,
}

impl ClockEstimate {
    /// An estimate that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a probe's reply that arrived at `returned` (the player's clock). Returns whether it was usable: replies
    /// from the future, of an absurd round trip, or that contradict what is known are not. Those that go on to
    /// contradict it are believed in the end: the session's clock was set.
    pub fn probe(&mut self, probe: &Probe, returned: Micros) -> bool {
        let away = returned.since(probe.sent);
        let inside = probe.answered.since(probe.received);
        // A host may say anything: two distances are subtracted only where neither is negative.
        let is_forward = away >= 0 && inside >= 0;
        if !is_forward || !(0..=CLOCK_ROUND_TRIP_MAX_US as i64).contains(&(away - inside)) {
            return false;
        }
        let round_trip = away - inside;
        let most = Bound { at: probe.sent, offset_us: probe.received.since(probe.sent) };
        let least = Bound { at: returned, offset_us: probe.answered.since(returned) };
        if self.contradicts(most, least) {
            return self.suspect(most, least, returned);
        }
        self.suspects.clear();
        self.count(round_trip as u64, probe.sent);
        self.note(returned);
        self.keep(Some(most), Some(least));
        self.follow(returned);
        true
    }

    /// Takes a beacon: the session's time `sent` at its host, arrived at `received` (the player's clock). Of use once a
    /// probe has come.
    pub fn beacon(&mut self, sent: Micros, received: Micros) {
        let least = Bound { at: received, offset_us: sent.since(received) };
        let is_possible = self.fit.is_some_and(|fit| {
            let late = fit.offset_at(received) - least.offset_us as f64;
            (-self.slack_us(fit, received)..=CLOCK_ROUND_TRIP_MAX_US as f64).contains(&late)
        });
        if is_possible {
            self.note(received);
            if self.keep(None, Some(least)) {
                self.follow(received);
            }
        }
    }

    /// Session time at `local`, the player's clock; `None` before the first probe.
    pub fn session_time(&self, local: Micros) -> Option<Micros> {
        self.line.map(|line| line.time_at(local))
    }

    /// The line that session time follows until the next probe.
    pub fn line(&self) -> Option<ClockLine> {
        self.line
    }

    /// How often the clock jumped, the first time on joining.
    pub fn jumps(&self) -> u32 {
        self.jumps
    }

    /// Whether replies have come that contradict what is known; more of them would tell.
    pub fn is_in_doubt(&self) -> bool {
        !self.suspects.is_empty()
    }

    /// Shortest recent round trip, microseconds.
    pub fn round_trip_us(&self) -> Option<u64> {
        self.round_trips.iter().min().copied()
    }

    /// Longest recent round trip, microseconds.
    pub fn round_trip_max_us(&self) -> Option<u64> {
        self.round_trips.iter().max().copied()
    }

    /// Bound on the error at `local`, microseconds: half the room that the bounds leave, what is still being slewed, and
    /// what the skew may have added since.
    pub fn uncertainty_us(&self, local: Micros) -> Option<u64> {
        let (fit, line) = (self.fit?, self.line?);
        let slewing = (fit.offset_at(local) - line.offset_at(local)).abs();
        let age_us = local.since(fit.at).max(0) as f64;
        Some((fit.room_us.abs() + slewing + fit.doubt * age_us).ceil() as u64)
    }

    /// Counts the round trip of a probe that was sent then. A reply that comes again, or after the one to a later probe,
    /// bounds the offset as truly as any, but says nothing of how long the way commonly takes.
    fn count(&mut self, round_trip_us: u64, sent: Micros) {
        if self.asked.is_some_and(|asked| sent <= asked) {
            return;
        }
        self.asked = Some(sent);
        if self.round_trips.len() == ROUND_TRIPS_KEPT {
            self.round_trips.pop_front();
        }
        self.round_trips.push_back(round_trip_us);
    }

    /// Notes that something was heard; the first time, and after a gap, the estimate may jump for a while.
    fn note(&mut self, now: Micros) {
        if self.heard.is_none_or(|heard| now.since(heard) >= GAP_US) {
            self.begun = Some(now);
        }
        self.heard = Some(now);
    }

    /// Whether a probe's bounds cannot be true if the window's are, or are too good to be true.
    fn contradicts(&self, most: Bound, least: Bound) -> bool {
        self.fit.is_some_and(|fit| {
            most.offset_us as f64 + self.slack_us(fit, most.at) < fit.offset_at(most.at)
                || least.offset_us as f64 - self.slack_us(fit, least.at) > fit.offset_at(least.at)
        })
    }

    /// How far beyond the estimate a bound may lie: at first, by all the room and a little more. Once many have come,
    /// one alone that is much tighter than they all is not believed.
    fn slack_us(&self, fit: Fit, at: Micros) -> f64 {
        let room_us = fit.room_us.max(0.0);
        let drift_us = fit.doubt * at.since(fit.at).unsigned_abs() as f64;
        let is_established = self.begun.is_some_and(|begun| at.since(begun) >= ESTABLISHED_US);
        if is_established {
            (SURPRISE_US + self.jitter_us()).min(CONTRADICTION_US) - room_us + drift_us
        } else {
            room_us + CONTRADICTION_US + drift_us
        }
    }

    /// Keeps a probe apart. Several in a row that agree with each other mean that the session's clock was set, and the
    /// estimate begins anew with them.
    fn suspect(&mut self, most: Bound, least: Bound, now: Micros) -> bool {
        let agrees = |(a, b): &(Bound, Bound)| {
            a.offset_us as f64 + CONTRADICTION_US >= least.offset_us as f64
                && b.offset_us as f64 - CONTRADICTION_US <= most.offset_us as f64
        };
        self.suspects.retain(agrees);
        self.suspects.push_back((most, least));
        if self.suspects.len() < CLOCK_SUSPECTS_MAX {
            return false;
        }
        self.buckets.clear();
        self.round_trips.clear();
        (self.fit, self.line, self.begun) = (None, None, Some(now));
        for (most, least) in std::mem::take(&mut self.suspects) {
            self.keep(Some(most), Some(least));
        }
        self.follow(now);
        true
    }

    /// Keeps bounds that are tighter than those of their time. Returns whether one was.
    fn keep(&mut self, most: Option<Bound>, least: Option<Bound>) -> bool {
        let Some(at) = least.or(most).map(|bound| bound.at) else { return false };
        let number = at.0 / CLOCK_BUCKET_US;
        if self.buckets.back().is_none_or(|bucket| bucket.number < number) {
            if self.buckets.len() == CLOCK_BUCKETS_KEPT {
                self.buckets.pop_front();
            }
            self.buckets.push_back(Bucket { number, most: None, least: None });
        }
        while self.buckets.front().is_some_and(|bucket| bucket.number + (CLOCK_BUCKETS_KEPT as u64) < number) {
            self.buckets.pop_front();
        }
        // Within a bucket the skew is less than what a coarse clock rounds away.
        let Some(bucket) = self.buckets.back_mut() else { return false };
        let most = most.filter(|new| bucket.most.is_none_or(|old| new.offset_us <= old.offset_us));
        let least = least.filter(|new| bucket.least.is_none_or(|old| new.offset_us >= old.offset_us));
        bucket.most = most.or(bucket.most);
        bucket.least = least.or(bucket.least);
        most.is_some() || least.is_some()
    }

    /// The window's bounds as they look at `now`.
    fn window(&self, now: Micros) -> Window {
        let aged = |bound: Bound| Aged { age_us: now.since(bound.at) as f64, offset_us: bound.offset_us as f64 };
        Window {
            most: self.buckets.iter().filter_map(|bucket| bucket.most).map(aged).collect(),
            least: self.buckets.iter().filter_map(|bucket| bucket.least).map(aged).collect(),
        }
    }

    /// By how much a delay commonly exceeds the shortest one, microseconds.
    fn jitter_us(&self) -> f64 {
        let trips = sorted(self.round_trips.iter().map(|us| *us as f64));
        let (Some(best), Some(middle)) = (trips.first(), trips.get(trips.len() / 2)) else { return JITTER_MIN_US };
        ((middle - best) / 2.0).max(JITTER_MIN_US)
    }

    /// Brings the estimate, and the line that is shown, up to date.
    fn follow(&mut self, now: Micros) {
        let mut window = self.window(now);
        let Some((ups, downs)) = window.evidence(self.fit.map_or(0.0, |fit| fit.skew)) else { return };
        let doubt = (PATIENCE / (ups.lever() + downs.lever())).min(SKEW_USUAL);
        window.loosen(doubt);
        let skew = window.skew(ups, downs);
        let Some((most, least)) = window.tightest(skew) else { return };
        let (most, least) = (most.now(skew), least.now(skew));
        let (offset_us, room_us) = (f64::midpoint(most, least), (most - least) / 2.0);
        let fit = Fit { at: now, offset_us, skew, doubt: doubt.max(SKEW_WANDER), room_us };
        self.fit = Some(fit);
        let is_settling = self.begun.is_none_or(|begun| now.since(begun) < SETTLING_US);
        let shown = self.line.map(|line| line.offset_at(now));
        let error = shown.map_or(f64::INFINITY, |shown| fit.offset_us - shown);
        let jumps = error.abs() > JUMP_US || (is_settling && error.abs() > SETTLED_US);
        self.jumps += u32::from(jumps);
        let (offset_us, slew) = match shown {
            Some(shown) if !jumps => (shown, (error / SLEW_TIME_US).clamp(-SLEW_MAX, SLEW_MAX)),
            _ => (fit.offset_us, 0.0),
        };
        self.line = Some(ClockLine { local: now, offset_us, skew, slew });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Numbers that look random; the same seed makes the same (xorshift64*).
    struct Dice(u64);

    impl Dice {
        fn share(&mut self) -> f64 {
            self.0 ^= self.0 >> 12;
            self.0 ^= self.0 << 25;
            self.0 ^= self.0 >> 27;
            (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1_u64 << 53) as f64
        }

        /// A delay with a heavy tail: exponential, and now and then much more.
        fn jitter(&mut self, mean_us: f64) -> f64 {
            let tail = if self.share() < 0.02 { 10.0 } else { 1.0 };
            -mean_us * tail * (1.0 - self.share()).ln()
        }
    }

    /// A network and a clock at its end.
    struct Net {
        dice: Dice,
        up_us: f64,
        down_us: f64,
        jitter_us: f64,
        offset_us: f64,
        skew: f64,
        grain_us: u64,
    }

    const START: u64 = 10_000_000;

    impl Net {
        fn new(seed: u64, delay_us: f64, jitter_us: f64) -> Self {
            let dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
            let (up_us, down_us, offset_us) = (delay_us, delay_us, 1.79e15);
            Self { dice, up_us, down_us, jitter_us, offset_us, skew: 0.0, grain_us: 1 }
        }

        /// Session time at a moment of the player's clock.
        fn truth(&self, local: f64) -> f64 {
            local + self.offset_us + self.skew * (local - START as f64)
        }

        fn probe(&mut self, clock: &mut ClockEstimate, local: u64) -> (bool, u64) {
            let up = self.up_us + self.dice.jitter(self.jitter_us);
            let down = self.down_us + self.dice.jitter(self.jitter_us);
            let received = self.truth(local as f64 + up);
            let returned = local as f64 + up + 30.0 + down;
            let answered = self.truth(local as f64 + up + 30.0);
            let grain = |at: f64| Micros(at as u64 / self.grain_us * self.grain_us);
            let probe = Probe {
                sent: grain(local as f64),
                received: Micros(received as u64),
                answered: Micros(answered as u64),
            };
            (clock.probe(&probe, grain(returned)), returned as u64)
        }

        fn beacon(&mut self, clock: &mut ClockEstimate, local: u64) {
            let down = self.down_us + self.dice.jitter(self.jitter_us);
            let sent = self.truth(local as f64);
            clock.beacon(Micros(sent as u64), Micros((local as f64 + down) as u64));
        }

        /// Ten probes on joining, then one a second and a beacon every 75 ms; returns the errors of the second minute, and
        /// the share of them that lay within the uncertainty.
        fn play(&mut self, clock: &mut ClockEstimate) -> (Vec<f64>, f64) {
            for index in 0..10 {
                self.probe(clock, START + index * 50_000);
            }
            let (mut errors, mut honest) = (Vec::new(), 0);
            let mut last = Micros(0);
            for tick in 0..1_600_u64 {
                let local = START + 600_000 + tick * 75_000;
                if tick % 13 == 0 {
                    self.probe(clock, local);
                }
                self.beacon(clock, local);
                // Looked at once everything that is on its way has arrived, which is later than this.
                let at = local + 74_000;
                let shown = clock.session_time(Micros(at)).unwrap();
                assert!(shown >= last, "time ran backwards");
                last = shown;
                if tick > 800 {
                    let error = shown.0 as f64 - self.truth(at as f64);
                    errors.push(error.abs());
                    honest += u32::from(error.abs() <= clock.uncertainty_us(Micros(at)).unwrap() as f64 + 1.0);
                }
            }
            let share = f64::from(honest) / errors.len() as f64;
            errors.sort_by(f64::total_cmp);
            (errors, share)
        }
    }

    fn p99(errors: &[f64]) -> f64 {
        errors[errors.len() * 99 / 100]
    }

    #[test]
    fn on_a_quiet_network_the_clock_is_right_to_a_tenth_of_a_millisecond() {
        for seed in 0..10 {
            let (errors, honest) = Net::new(seed, 250.0, 20.0).play(&mut ClockEstimate::new());
            assert!(p99(&errors) < 100.0, "seed {seed}: {}", p99(&errors));
            assert!(honest >= 0.99, "seed {seed}: {honest}");
        }
    }

    #[test]
    fn jitter_and_clocks_of_different_speed_cost_little() {
        for seed in 0..10 {
            for skew in [-100e-6, 100e-6] {
                let mut net = Net { skew, ..Net::new(seed, 2_000.0, 4_000.0) };
                let (errors, honest) = net.play(&mut ClockEstimate::new());
                assert!(p99(&errors) < 1_000.0, "seed {seed}, {skew}: {}", p99(&errors));
                assert!(honest >= 0.99, "seed {seed}, {skew}: {honest}");
            }
        }
    }

    #[test]
    fn a_longer_way_up_than_down_costs_half_the_difference_and_the_uncertainty_says_so() {
        let mut net = Net { up_us: 40_000.0, down_us: 10_000.0, ..Net::new(3, 0.0, 200.0) };
        let (errors, honest) = net.play(&mut ClockEstimate::new());
        assert!((14_000.0..16_000.0).contains(&p99(&errors)), "{}", p99(&errors));
        assert!(honest >= 0.99, "{honest}");
    }

    #[test]
    fn a_probe_that_lies_moves_nothing_and_a_clock_that_was_set_is_followed() {
        let mut net = Net::new(5, 1_000.0, 100.0);
        let mut clock = ClockEstimate::new();
        net.play(&mut clock);
        let local = START + 130_000_000;
        let before = clock.session_time(Micros(local)).unwrap();
        net.offset_us += 3_600e6;
        assert!(!net.probe(&mut clock, local).0);
        net.offset_us -= 3_600e6;
        assert!(net.probe(&mut clock, local + 1_000_000).0);
        assert!((clock.session_time(Micros(local)).unwrap().since(before)).abs() < 50);
        let jumps = clock.jumps();
        net.offset_us += 7e6;
        let taken = (2..6).filter(|second| net.probe(&mut clock, local + second * 1_000_000).0).count();
        assert_eq!((taken, clock.jumps()), (2, jumps + 1), "the third in a row is believed");
        let error =
            clock.session_time(Micros(local + 6_000_000)).unwrap().0 as f64 - net.truth((local + 6_000_000) as f64);
        assert!(error.abs() < 1_000.0, "{error}");
    }

    #[test]
    fn a_reply_that_is_much_better_than_all_others_is_not_believed_alone() {
        let mut net = Net::new(6, 40_000.0, 2_000.0);
        let mut clock = ClockEstimate::new();
        net.play(&mut clock);
        let local = START + 122_000_000;
        assert!(net.probe(&mut clock, local).0);
        // Its round trip is as it should be, but its way up took 25 ms less than any other's.
        net.offset_us -= 25_000.0;
        assert!(!net.probe(&mut clock, local + 1_000_000).0);
        net.offset_us += 25_000.0;
        let at = local + 2_000_000;
        let error = clock.session_time(Micros(at)).unwrap().0 as f64 - net.truth(at as f64);
        assert!(error.abs() < 1_000.0, "{error}");
    }

    #[test]
    fn replies_that_come_again_later_bound_the_clock_but_say_nothing_of_the_way() {
        let mut net = Net { skew: 95e-6, ..Net::new(4, 2_000.0, 4_000.0) };
        let mut clock = ClockEstimate::new();
        net.play(&mut clock);
        let (known, longest) = (clock.line().unwrap().skew, clock.round_trip_max_us());
        assert!((known - net.skew).abs() < 10e-6, "{known}");
        for index in 0..100 {
            let returned = START + 121_000_000 + index * 20_000;
            let sent = returned - 4_000_000;
            let there = Micros(net.truth(sent as f64 + 5_000.0) as u64);
            let again = Probe { sent: Micros(sent), received: there, answered: there };
            assert!(clock.probe(&again, Micros(returned)));
            let skew = clock.line().unwrap().skew;
            assert!((skew - net.skew).abs() < 10e-6, "{skew}");
        }
        assert_eq!(clock.round_trip_max_us(), longest);
    }

    #[test]
    fn after_a_rest_the_clock_is_put_right_at_once() {
        let mut net = Net { skew: 90e-6, ..Net::new(8, 1_000.0, 50.0) };
        let mut clock = ClockEstimate::new();
        for index in 0..10 {
            net.probe(&mut clock, START + index * 50_000);
        }
        let (jumps, later) = (clock.jumps(), START + 60_000_000);
        let before = clock.session_time(Micros(later)).unwrap().0 as f64 - net.truth(later as f64);
        assert!(before.abs() > 2_000.0, "half a second of probes says nothing about the skew: {before}");
        for index in 0..10 {
            net.probe(&mut clock, later + index * 50_000);
        }
        let at = later + 500_000;
        let error = clock.session_time(Micros(at)).unwrap().0 as f64 - net.truth(at as f64);
        assert!(error.abs() < 200.0, "{error}");
        assert!(clock.jumps() > jumps, "it says so");
    }

    #[test]
    fn an_old_bound_does_not_hold_for_ever() {
        let mut clock = ClockEstimate::new();
        let mut net = Net { skew: 50e-6, ..Net::new(9, 500.0, 50.0) };
        net.play(&mut clock);
        assert!(clock.buckets.len() <= CLOCK_BUCKETS_KEPT);
        let after = START + 600_000_000;
        // Ten minutes without a word: the error grows no faster than the uncertainty says.
        let error = clock.session_time(Micros(after)).unwrap().0 as f64 - net.truth(after as f64);
        assert!(error.abs() <= clock.uncertainty_us(Micros(after)).unwrap() as f64, "{error}");
        assert!(net.probe(&mut clock, after).0);
    }

    #[test]
    fn impossible_replies_are_not_believed() {
        let mut clock = ClockEstimate::new();
        let probe = Probe { sent: Micros(1_000_000), received: Micros(1_000_010), answered: Micros(1_000_010) };
        assert!(!clock.probe(&probe, Micros(0)), "returned before it was sent");
        assert!(!clock.probe(&Probe { answered: Micros(0), ..probe }, Micros(1_000_020)), "answered before it came");
        assert!(!clock.probe(&probe, Micros(60_000_000)), "a minute's round trip");
        assert!(!clock.probe(&Probe { received: Micros(0), answered: Micros(u64::MAX), ..probe }, Micros(1_000_020)));
        assert_eq!(clock.session_time(Micros(0)), None);
    }

    proptest! {
        /// Whatever comes, time does not run backwards but for jumps, and nothing breaks.
        #[test]
        fn nonsense_never_panics(numbers in prop::collection::vec(any::<(u64, u64, u64, u64, bool)>(), 0..40)) {
            let mut clock = ClockEstimate::new();
            for (sent, received, answered, returned, is_probe) in numbers {
                if is_probe {
                    let probe = Probe { sent: Micros(sent), received: Micros(received), answered: Micros(answered) };
                    clock.probe(&probe, Micros(returned));
                } else {
                    clock.beacon(Micros(sent), Micros(returned));
                }
                let _ = (clock.session_time(Micros(returned)), clock.uncertainty_us(Micros(returned)));
            }
        }
    }
}
