//! Bars: the time signature, where bar lines lie, and to which boundary a launch is moved.
//!
//! A [`Meter`] holds from one bar line on. A new signature takes effect on the next bar line of the old one, so bars
//! are counted on without a gap, and every platform finds the same boundaries:
//!
//! ```text
//! bar line n = from + (n − bar) · length of a bar
//! ```

use crate::time::{Beats, Quantise, Span};
use serde::{Deserialize, Serialize};

/// How many of which notes make a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum TimeSignature {
    /// Four quarters.
    #[default]
    FourFour,
    /// Three quarters.
    ThreeFour,
    /// Five quarters.
    FiveFour,
    /// Six eighths, in two groups of three.
    SixEight,
    /// Seven eighths: two, two and three.
    SevenEight,
}

/// How strongly a count of the bar is felt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Accent {
    /// The first of the bar.
    Bar,
    /// The first of a group.
    Group,
    /// Any other.
    Plain,
}

impl TimeSignature {
    /// Every choice.
    pub const ALL: [Self; 5] = [Self::FourFour, Self::ThreeFour, Self::FiveFour, Self::SixEight, Self::SevenEight];

    /// Counts in a bar: the upper number.
    pub const fn counts(self) -> i64 {
        match self {
            Self::FourFour => 4,
            Self::ThreeFour => 3,
            Self::FiveFour => 5,
            Self::SixEight => 6,
            Self::SevenEight => 7,
        }
    }

    /// Length of a count: a quarter (one beat) or an eighth.
    pub const fn count_length(self) -> Beats {
        match self {
            Self::FourFour | Self::ThreeFour | Self::FiveFour => Beats::whole(1),
            Self::SixEight | Self::SevenEight => Beats(Beats::whole(1).0 / 2),
        }
    }

    /// Length of a bar.
    pub const fn bar(self) -> Beats {
        Beats(self.counts() * self.count_length().0)
    }

    /// How strongly count `index` of the bar (from 0) is felt.
    pub fn accent(self, index: i64) -> Accent {
        match (self, index) {
            (_, 0) => Accent::Bar,
            (Self::FiveFour | Self::SixEight, 3) | (Self::SevenEight, 2 | 4) => Accent::Group,
            _ => Accent::Plain,
        }
    }

    /// What players read.
    pub fn label(self) -> &'static str {
        match self {
            Self::FourFour => "4/4",
            Self::ThreeFour => "3/4",
            Self::FiveFour => "5/4",
            Self::SixEight => "6/8",
            Self::SevenEight => "7/8",
        }
    }
}

/// A place in the bars, as musicians count: from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// The bar.
    pub bar: i64,
    /// The count within the bar.
    pub count: i64,
}

/// A time signature from one bar line on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Meter {
    /// Counts of a bar.
    pub signature: TimeSignature,
    /// The bar line from which it holds.
    pub from: Beats,
    /// Bars before that line.
    pub bar: i64,
}

impl Meter {
    /// Bars that lie before `beat`, the one of it not counted.
    fn bars_before(&self, beat: Beats) -> i64 {
        self.bar.saturating_add((beat - self.from).0.div_euclid(self.signature.bar().0))
    }

    /// The beat of a bar line.
    fn bar_line(&self, bar: i64) -> Beats {
        Beats(self.from.0.saturating_add(bar.saturating_sub(self.bar).saturating_mul(self.signature.bar().0)))
    }

    /// The bar and count of `beat`.
    pub fn position(&self, beat: Beats) -> Position {
        let bar = self.bars_before(beat);
        let count = (beat - self.bar_line(bar)).0 / self.signature.count_length().0;
        Position { bar: bar.saturating_add(1), count: count + 1 }
    }

    /// The first boundary at or after `beat`. Boundaries shorter than a bar start anew on every bar line.
    pub fn next_boundary(&self, beat: Beats, quantise: Quantise) -> Beats {
        let bar = self.bars_before(beat);
        let line = self.bar_line(bar);
        match quantise.span() {
            Span::Now => beat,
            Span::Beats(grid) => (line + (beat - line).ceil_to(grid)).min(self.bar_line(bar.saturating_add(1))),
            Span::Bars(bars) => {
                let first = if line == beat { bar } else { bar.saturating_add(1) };
                let short = first.rem_euclid(bars);
                self.bar_line(if short == 0 { first } else { first.saturating_add(bars - short) })
            }
        }
    }
}

/// The meter that holds, and the one that takes over on a later bar line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Meters {
    current: Meter,
    next: Option<Meter>,
}

impl Default for Meters {
    fn default() -> Self {
        Self::of(TimeSignature::default())
    }
}

impl Meters {
    /// Bars of this signature from the first one on.
    pub fn of(signature: TimeSignature) -> Self {
        let current = Meter { signature, from: Beats::ZERO, bar: 0 };
        Self { current, next: None }
    }

    /// The meter at `beat`.
    pub fn at(&self, beat: Beats) -> &Meter {
        self.next.as_ref().filter(|next| next.from <= beat).unwrap_or(&self.current)
    }

    /// The meter once everything known has taken effect.
    pub fn last(&self) -> &Meter {
        self.next.as_ref().unwrap_or(&self.current)
    }

    /// The meter that is still to come at `beat`.
    pub fn upcoming(&self, beat: Beats) -> Option<&Meter> {
        self.next.as_ref().filter(|next| next.from > beat)
    }

    /// The first boundary at or after `beat`.
    pub fn next_boundary(&self, beat: Beats, quantise: Quantise) -> Beats {
        let boundary = self.at(beat).next_boundary(beat, quantise);
        match self.upcoming(beat) {
            Some(next) if boundary >= next.from => next.next_boundary(next.from, quantise),
            _ => boundary,
        }
    }

    /// Makes the meter that has come due by `beat` the present.
    pub fn settle(&mut self, beat: Beats) {
        self.current = *self.at(beat);
        self.next = self.next.filter(|next| next.from > beat);
    }

    /// Lets `signature` hold from the bar line at `from` on, instead of what was to come. Returns whether there is such
    /// a bar line.
    pub fn schedule(&mut self, signature: TimeSignature, from: Beats) -> bool {
        let bar = self.current.bars_before(from);
        let fits = from >= self.current.from && self.current.bar_line(bar) == from;
        if fits {
            self.next = Some(Meter { signature, from, bar });
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn meters(signature: TimeSignature) -> Meters {
        Meters::of(signature)
    }

    #[test]
    fn bars_are_as_long_as_their_signature_says() {
        let bars = TimeSignature::ALL.map(|signature| signature.bar().as_f64());
        assert_eq!(bars, [4.0, 3.0, 5.0, 3.0, 3.5]);
    }

    #[test]
    fn positions_count_from_one_in_the_notes_of_the_signature() {
        let seven = meters(TimeSignature::SevenEight);
        let at = |beat: f64| seven.at(Beats::ZERO).position(Beats::from_f64(beat));
        assert_eq!(at(0.0), Position { bar: 1, count: 1 });
        assert_eq!(at(3.4), Position { bar: 1, count: 7 });
        assert_eq!(at(3.5), Position { bar: 2, count: 1 });
    }

    #[test]
    fn a_new_signature_takes_over_on_a_bar_line_and_bars_are_counted_on() {
        let mut meters = Meters::default();
        assert!(!meters.schedule(TimeSignature::ThreeFour, Beats::whole(6)), "no bar line");
        assert!(meters.schedule(TimeSignature::ThreeFour, Beats::whole(8)));
        let position = |beat: i64| meters.at(Beats::whole(beat)).position(Beats::whole(beat));
        assert_eq!(position(7), Position { bar: 2, count: 4 });
        assert_eq!(position(8), Position { bar: 3, count: 1 });
        assert_eq!(position(11), Position { bar: 4, count: 1 });
        let next = |beat: f64, quantise| meters.next_boundary(Beats::from_f64(beat), quantise).as_f64();
        assert_eq!(next(7.5, Quantise::Bar), 8.0);
        assert_eq!(next(8.5, Quantise::Bar), 11.0);
        assert_eq!(next(5.0, Quantise::Bars4), 14.0, "bar 5 begins there, and 4 bars lie before it");
    }

    #[test]
    fn boundaries_shorter_than_a_bar_start_anew_on_every_bar_line() {
        let seven = meters(TimeSignature::SevenEight);
        let next = |beat: f64, quantise| seven.next_boundary(Beats::from_f64(beat), quantise).as_f64();
        assert_eq!(next(3.1, Quantise::Quarter), 3.5);
        assert_eq!(next(3.6, Quantise::Quarter), 4.5);
        assert_eq!(next(2.1, Quantise::Half), 3.5);
        assert_eq!(next(3.6, Quantise::Bars2), 7.0);
        assert_eq!(next(3.6, Quantise::None), 3.6);
    }

    proptest! {
        /// A boundary is never early, is one itself, and none lies between.
        #[test]
        fn the_next_boundary_is_the_first(
            beat in -1_000_000_000_000_i64..1_000_000_000_000, signature in 0_usize..5, quantise in 0_usize..9,
        ) {
            let meters = meters(TimeSignature::ALL[signature]);
            let quantise = Quantise::ALL[quantise];
            let boundary = meters.next_boundary(Beats(beat), quantise);
            prop_assert!(boundary >= Beats(beat));
            prop_assert_eq!(meters.next_boundary(boundary, quantise), boundary);
            if boundary > Beats(beat) {
                let between = Beats(beat.midpoint(boundary.0));
                prop_assert_eq!(meters.next_boundary(between, quantise), boundary);
            }
        }
    }
}
