//! Envelopes and steps: how a note's level moves, and when notes start.

use crate::{
    canvas::Canvas,
    math::{Rng, exp},
};

/// Attack, decay, sustain, release; seconds, and a level for sustain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Adsr {
    /// Seconds from silence to full level.
    pub(crate) attack: f64,
    /// Time constant of the fall to the sustained level, seconds.
    pub(crate) decay: f64,
    /// Level while held, 0 … 1.
    pub(crate) sustain: f64,
    /// Time constant of the fall to silence after the note, seconds.
    pub(crate) release: f64,
}

impl Adsr {
    /// Level at `t` seconds into a note that is held for `held` seconds.
    pub(crate) fn level(&self, t: f64, held: f64) -> f64 {
        let down = |t: f64| {
            let ramp = (t / self.attack).min(1.0);
            // A raised edge: no corner where the attack meets the decay.
            let edge = ramp * ramp * (3.0 - 2.0 * ramp);
            edge * (self.sustain + (1.0 - self.sustain) * exp(-(t - self.attack).max(0.0) / self.decay))
        };
        if t < held { down(t) } else { down(held) * exp(-(t - held) / self.release) }
    }

    /// Seconds until the note has sunk by 70 dB after `held` seconds.
    pub(crate) fn lasting(&self, held: f64) -> f64 {
        held + self.release * 8.0
    }
}

/// A level that jumps to 1 and falls with a time constant, over an edge of a quarter millisecond.
pub(crate) fn strike(t: f64, seconds: f64) -> f64 {
    (t / 0.000_25).min(1.0) * exp(-t / seconds)
}

/// A hit of a pattern.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Hit {
    /// Number of the step, from 0.
    pub(crate) step: usize,
    /// When, in beats.
    pub(crate) beat: f64,
    /// How hard, 0 … 1.
    pub(crate) velocity: f64,
}

impl Hit {
    /// A seed that differs from hit to hit, so that no two sound the same.
    pub(crate) fn seed(&self, base: u64) -> u64 {
        base * 64 + self.step as u64
    }
}

/// A player's feel: how late the off-beat sixteenths are and how far the hand strays.
#[derive(Debug, Clone)]
pub(crate) struct Feel {
    /// Share of a sixteenth by which every second sixteenth is late.
    pub(crate) swing: f64,
    /// Largest deviation in time, beats.
    stray: f64,
    /// Chance.
    pub(crate) rng: Rng,
}

impl Feel {
    /// A hand that strays by `stray` seconds at most on a canvas of that tempo.
    pub(crate) fn new(canvas: &Canvas, swing: f64, stray: f64, seed: u64) -> Self {
        Self { swing, stray: stray / canvas.seconds(1.0), rng: Rng::new(seed) }
    }

    /// The same hand, straying by another number of seconds.
    pub(crate) fn straying(&self, canvas: &Canvas, stray: f64) -> Self {
        Self { stray: stray / canvas.seconds(1.0), ..self.clone() }
    }

    /// Reads a pattern of sixteenths: `1` … `9` are hits from soft to hard, `.` is a rest, blanks and `|` are for the
    /// eye. The first step is never moved.
    pub(crate) fn hits(&mut self, pattern: &str) -> Vec<Hit> {
        let steps = pattern.bytes().filter(|byte| matches!(byte, b'.' | b'1'..=b'9'));
        let mut hits = Vec::new();
        for (step, byte) in steps.enumerate() {
            let (late, force) = (self.rng.noise(), self.rng.noise());
            if byte == b'.' {
                continue;
            }
            let swung = if step % 2 == 1 { self.swing * 0.25 } else { 0.0 };
            let strayed = if step == 0 { 0.0 } else { late * self.stray };
            let velocity = f64::from(byte - b'0') / 9.0 * (1.0 + 0.06 * force);
            hits.push(Hit { step, beat: step as f64 * 0.25 + swung + strayed, velocity: velocity.min(1.0) });
        }
        hits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_rises_holds_and_falls_without_a_step() {
        let adsr = Adsr { attack: 0.01, decay: 0.1, sustain: 0.5, release: 0.05 };
        let mut before = 0.0;
        for n in 0..48_000 {
            let level = adsr.level(f64::from(n) / 48_000.0, 0.4);
            assert!((level - before).abs() < 0.01, "a step of {} at {n}", level - before);
            before = level;
        }
        assert!((adsr.level(0.399, 0.4) - 0.51).abs() < 0.02);
        assert!(before < 1e-4);
    }

    #[test]
    fn a_pattern_has_its_hits_where_it_says() {
        let mut feel = Feel::new(&Canvas::new(4.0, true), 0.0, 0.0, 1);
        let hits = feel.hits("9... | ..5.");
        assert_eq!(hits.iter().map(|hit| hit.step).collect::<Vec<_>>(), [0, 6]);
        assert!((hits[1].beat - 1.5).abs() < 1e-12 && hits[1].velocity < hits[0].velocity);
    }

    #[test]
    fn the_hand_strays_by_three_milliseconds_at_most_and_never_on_the_first_step() {
        let canvas = Canvas::new(4.0, true);
        let mut feel = Feel::new(&canvas, 0.0, 0.003, 2);
        for hit in feel.hits("9999999999999999") {
            let off = canvas.seconds(hit.beat - hit.step as f64 * 0.25);
            assert!(off.abs() <= 0.003 && (hit.step > 0 || off == 0.0), "{off} s at step {}", hit.step);
        }
    }
}
