//! Session time, beats, tempo, and the line that ties them together.
//!
//! All integers, so that every platform computes the same beat. A [`Timeline`] is a bijection (to within a
//! microsecond) between time and beats while it plays:
//!
//! ```text
//! beat_at(t) = anchor_beat + (t − anchor_time) · tempo        time_at(b) = anchor_time + (b − anchor_beat) / tempo
//! ```
//!
//! One milli-BPM is 1 beat / 60 000 000 000 µs, hence nano-beats = µs · milli-BPM / 60, exactly.

use crate::limits::{TEMPO_MAX_MILLI_BPM, TEMPO_MIN_MILLI_BPM};
use serde::{Deserialize, Deserializer, Serialize, de};
use std::{
    fmt,
    ops::{Add, Sub},
};

/// Microseconds divided by this, times milli-BPM, are nano-beats.
const MICROS_TIMES_MILLI_BPM_PER_NANO_BEAT: i128 = 60;
const NANO: i64 = 1_000_000_000;

/// A moment of session time, or of a player's own clock: unsigned microseconds. Session time is UNIX time taken once
/// at the session's creation and carried on monotonically.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Micros(pub u64);

impl Micros {
    /// Seconds as microseconds; negative and non-finite values become zero.
    pub fn from_secs_f64(seconds: f64) -> Self {
        Self((seconds * 1e6).round() as u64)
    }

    /// This moment, later by a signed distance in microseconds; stays within range.
    #[must_use]
    pub fn offset(self, micros: i64) -> Self {
        Self(self.0.saturating_add_signed(micros))
    }

    /// Signed distance from `earlier` to here, microseconds.
    pub fn since(self, earlier: Self) -> i64 {
        self.0.wrapping_sub(earlier.0) as i64
    }
}

impl Add<u64> for Micros {
    type Output = Self;
    fn add(self, micros: u64) -> Self {
        Self(self.0.saturating_add(micros))
    }
}

/// A position on, or a distance along, the beat line: signed nano-beats (10⁻⁹ quarter notes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Beats(pub i64);

impl Beats {
    /// No distance; where a session starts.
    pub const ZERO: Self = Self(0);

    /// A whole number of beats.
    pub const fn whole(beats: i64) -> Self {
        Self(beats.saturating_mul(NANO))
    }

    /// The nearest nano-beat to a fractional number of beats; non-finite values become zero.
    pub fn from_f64(beats: f64) -> Self {
        Self((beats * NANO as f64).round() as i64)
    }

    /// As a fractional number of beats, for display and for interpolation.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / NANO as f64
    }

    /// The first multiple of `grid` at or after here; here itself when `grid` is not positive.
    #[must_use]
    pub fn ceil_to(self, grid: Self) -> Self {
        if grid.0 <= 0 {
            return self;
        }
        let below = self.0.div_euclid(grid.0).saturating_mul(grid.0);
        Self(if below == self.0 { below } else { below.saturating_add(grid.0) })
    }

    /// Position within a cycle of `length`, 0 ≤ p < length; zero when `length` is not positive.
    #[must_use]
    pub fn within(self, length: Self) -> Self {
        if length.0 <= 0 { Self::ZERO } else { Self(self.0.rem_euclid(length.0)) }
    }
}

impl Add for Beats {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Beats {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

/// Tempo in milli-BPM, 20–999 BPM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Tempo(u32);

impl Tempo {
    /// A tempo from milli-BPM; `None` outside 20 000 – 999 000.
    pub fn from_milli_bpm(milli_bpm: u32) -> Option<Self> {
        (TEMPO_MIN_MILLI_BPM..=TEMPO_MAX_MILLI_BPM).contains(&milli_bpm).then_some(Self(milli_bpm))
    }

    /// The nearest tempo to a number of BPM; `None` outside 20–999 or when it is not a number.
    pub fn from_bpm(bpm: f64) -> Option<Self> {
        if !bpm.is_finite() {
            return None;
        }
        Self::from_milli_bpm((bpm * 1e3).round() as u32)
    }

    /// Milli-BPM.
    pub fn milli_bpm(self) -> u32 {
        self.0
    }

    /// Beats per minute.
    pub fn bpm(self) -> f64 {
        f64::from(self.0) / 1e3
    }

    /// Beats per second.
    pub fn beats_per_second(self) -> f64 {
        f64::from(self.0) / 60_000.0
    }
}

impl fmt::Display for Tempo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} BPM", self.bpm())
    }
}

impl<'de> Deserialize<'de> for Tempo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let milli_bpm = u32::deserialize(deserializer)?;
        Self::from_milli_bpm(milli_bpm).ok_or_else(|| de::Error::custom("a tempo outside 20 to 999 BPM"))
    }
}

/// The tie between session time and beats from one moment on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Timeline {
    /// The moment from which this timeline holds.
    pub anchor_time: Micros,
    /// The beat at that moment.
    pub anchor_beat: Beats,
    /// How fast beats pass while it plays.
    pub tempo: Tempo,
    /// Whether beats pass; otherwise every moment has the anchor's beat.
    pub playing: bool,
}

impl Timeline {
    /// The beat at `time`. Before the anchor, the line is carried on backwards.
    pub fn beat_at(&self, time: Micros) -> Beats {
        if !self.playing {
            return self.anchor_beat;
        }
        let micros = i128::from(time.0) - i128::from(self.anchor_time.0);
        let nano = (micros * i128::from(self.tempo.0)).div_euclid(MICROS_TIMES_MILLI_BPM_PER_NANO_BEAT);
        Beats(self.anchor_beat.0.saturating_add(clamp_i64(nano)))
    }

    /// The first microsecond at which `beat` has been reached; `None` while stopped.
    pub fn time_at(&self, beat: Beats) -> Option<Micros> {
        if !self.playing {
            return None;
        }
        let nano = i128::from(beat.0) - i128::from(self.anchor_beat.0);
        let tempo = i128::from(self.tempo.0);
        let micros = -((-nano * MICROS_TIMES_MILLI_BPM_PER_NANO_BEAT).div_euclid(tempo));
        Some(Micros(u64::try_from(i128::from(self.anchor_time.0) + micros).unwrap_or(0)))
    }
}

fn clamp_i64(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

/// Distance between the boundaries of launches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Span {
    /// None: every moment is one.
    Now,
    /// A part of a bar, counted from its line.
    Beats(Beats),
    /// Whole bars, at least one.
    Bars(i64),
}

/// To which boundary a launch is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Quantise {
    /// At once.
    None,
    /// 1/16 note.
    Sixteenth,
    /// 1/8 note.
    Eighth,
    /// 1/4 note, one beat.
    Quarter,
    /// 1/2 note.
    Half,
    /// One bar.
    #[default]
    Bar,
    /// Two bars.
    Bars2,
    /// Four bars.
    Bars4,
    /// Eight bars.
    Bars8,
}

impl Quantise {
    /// Every choice, finest first.
    pub const ALL: [Self; 9] = [
        Self::None,
        Self::Sixteenth,
        Self::Eighth,
        Self::Quarter,
        Self::Half,
        Self::Bar,
        Self::Bars2,
        Self::Bars4,
        Self::Bars8,
    ];

    /// How far apart its boundaries lie.
    pub fn span(self) -> Span {
        match self {
            Self::None => Span::Now,
            Self::Sixteenth => Span::Beats(Beats(NANO / 4)),
            Self::Eighth => Span::Beats(Beats(NANO / 2)),
            Self::Quarter => Span::Beats(Beats::whole(1)),
            Self::Half => Span::Beats(Beats::whole(2)),
            Self::Bar => Span::Bars(1),
            Self::Bars2 => Span::Bars(2),
            Self::Bars4 => Span::Bars(4),
            Self::Bars8 => Span::Bars(8),
        }
    }

    /// What players read.
    pub fn label(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Sixteenth => "1/16",
            Self::Eighth => "1/8",
            Self::Quarter => "1/4",
            Self::Half => "1/2",
            Self::Bar => "1 bar",
            Self::Bars2 => "2 bars",
            Self::Bars4 => "4 bars",
            Self::Bars8 => "8 bars",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: u64 = 1_790_000_000_000_000;
    const DAY_US: u64 = 86_400_000_000;

    fn timeline(milli_bpm: u32, beat: i64) -> Option<Timeline> {
        let tempo = Tempo::from_milli_bpm(milli_bpm)?;
        Some(Timeline { anchor_time: Micros(START), anchor_beat: Beats(beat), tempo, playing: true })
    }

    proptest! {
        /// BEATTIME: time → beat → time returns within a microsecond, over a day, at every tempo.
        #[test]
        fn time_to_beat_and_back_is_exact_to_a_microsecond(
            milli_bpm in TEMPO_MIN_MILLI_BPM..=TEMPO_MAX_MILLI_BPM, after in 0..=DAY_US, beat in -1_000_000_000_000_i64..1_000_000_000_000,
        ) {
            let line = timeline(milli_bpm, beat);
            prop_assert!(line.is_some());
            let Some(line) = line else { return Ok(()) };
            let time = Micros(START + after);
            let back = line.time_at(line.beat_at(time));
            prop_assert!(back.is_some_and(|back| back.since(time).abs() <= 1), "{time:?} came back as {back:?}");
        }

        /// A beat is reached at `time_at` and not a microsecond before.
        #[test]
        fn time_at_is_the_first_microsecond_of_a_beat(
            milli_bpm in TEMPO_MIN_MILLI_BPM..=TEMPO_MAX_MILLI_BPM, nano in 0..1_000_000_000_000_000_i64,
        ) {
            let Some(line) = timeline(milli_bpm, 0) else { return Ok(()) };
            let Some(time) = line.time_at(Beats(nano)) else { return Err(TestCaseError::fail("no time")) };
            prop_assert!(line.beat_at(time) >= Beats(nano));
            prop_assert!(line.beat_at(time.offset(-1)) < Beats(nano));
        }

        #[test]
        fn beats_never_run_backwards(milli_bpm in TEMPO_MIN_MILLI_BPM..=TEMPO_MAX_MILLI_BPM, a in 0..=DAY_US, b in 0..=DAY_US) {
            let Some(line) = timeline(milli_bpm, 0) else { return Ok(()) };
            let (early, late) = (a.min(b), a.max(b));
            prop_assert!(line.beat_at(Micros(START + early)) <= line.beat_at(Micros(START + late)));
        }

        #[test]
        fn ceil_to_is_the_first_multiple_at_or_after(beat in -1_000_000_000_000_i64..1_000_000_000_000, grid in 1_i64..8_000_000_000) {
            let up = Beats(beat).ceil_to(Beats(grid));
            prop_assert!(up >= Beats(beat) && (up - Beats(beat)).0 < grid && up.within(Beats(grid)) == Beats::ZERO);
        }
    }

    #[test]
    fn a_minute_at_120_is_120_beats() {
        let line = timeline(120_000, 0);
        assert_eq!(line.map(|line| line.beat_at(Micros(START + 60_000_000))), Some(Beats::whole(120)));
    }

    #[test]
    fn a_stopped_timeline_rests_on_its_beat() {
        let stopped = timeline(120_000, 5).map(|line| Timeline { playing: false, ..line });
        assert_eq!(stopped.map(|line| line.beat_at(Micros(START + 1_000_000))), Some(Beats(5)));
        assert_eq!(stopped.and_then(|line| line.time_at(Beats(5))), None);
    }

    #[test]
    fn extreme_moments_do_not_overflow() {
        let line = timeline(TEMPO_MAX_MILLI_BPM, i64::MAX);
        assert_eq!(line.map(|line| line.beat_at(Micros(u64::MAX))), Some(Beats(i64::MAX)));
        let slow = timeline(TEMPO_MIN_MILLI_BPM, i64::MAX);
        assert_eq!(slow.and_then(|line| line.time_at(Beats(i64::MIN))), Some(Micros(0)));
    }

    #[test]
    fn tempo_outside_its_range_is_refused() {
        assert!(
            Tempo::from_bpm(19.99).is_none()
                && Tempo::from_bpm(999.01).is_none()
                && Tempo::from_bpm(f64::NAN).is_none()
        );
        assert_eq!(Tempo::from_bpm(97.3).map(Tempo::milli_bpm), Some(97_300));
        let bytes = postcard::to_stdvec(&19_999_u32).unwrap_or_default();
        assert!(postcard::from_bytes::<Tempo>(&bytes).is_err());
    }
}
