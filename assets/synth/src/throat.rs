//! Voices: a glottis, breath, and a throat of four resonances that move from vowel to vowel.

use crate::{
    canvas::Canvas,
    envelope::{Adsr, strike},
    filter::{OnePole, Svf},
    math::{Rng, exp, exp2, pan, sine},
    osc::Osc,
};

/// The first four resonances of a throat: hertz, and level against the first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Vowel([(f64, f64); 4]);

/// As in "father".
pub(crate) const AH: Vowel = Vowel([(800.0, 1.0), (1150.0, 0.63), (2900.0, 0.25), (3900.0, 0.16)]);
/// As in "bed".
pub(crate) const EH: Vowel = Vowel([(530.0, 1.0), (1840.0, 0.5), (2600.0, 0.32), (3600.0, 0.16)]);
/// As in "see".
pub(crate) const EE: Vowel = Vowel([(290.0, 1.0), (2250.0, 0.4), (3010.0, 0.35), (3600.0, 0.2)]);
/// As in "go".
pub(crate) const OH: Vowel = Vowel([(450.0, 1.0), (800.0, 0.5), (2830.0, 0.14), (3800.0, 0.1)]);
/// As in "moon".
pub(crate) const OO: Vowel = Vowel([(325.0, 1.0), (700.0, 0.3), (2530.0, 0.07), (3500.0, 0.05)]);

/// A throat.
#[derive(Debug, Clone, Default)]
pub(crate) struct Throat([Svf; 4]);

impl Throat {
    /// What a throat between two vowels makes of a sample; `way` is 0 at the first and 1 at the second.
    pub(crate) fn next(&mut self, x: f64, from: Vowel, to: Vowel, way: f64) -> f64 {
        let mut sum = 0.0;
        for (n, filter) in self.0.iter_mut().enumerate() {
            let (a, b) = (from.0[n], to.0[n]);
            let (hz, level) = (a.0 + (b.0 - a.0) * way, a.1 + (b.1 - a.1) * way);
            let q = 6.0 + 2.0 * n as f64;
            sum += filter.split(x, hz, q).band * level * if n % 2 == 0 { 1.0 } else { -1.0 };
        }
        sum
    }
}

/// A sung note.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sung {
    /// When, in beats.
    pub(crate) beat: f64,
    /// MIDI note.
    pub(crate) pitch: f64,
    /// How long it is held, in beats.
    pub(crate) held: f64,
    /// How hard, 0 … 1.
    pub(crate) velocity: f64,
    /// Vowel at its start.
    pub(crate) from: Vowel,
    /// Vowel at its end.
    pub(crate) to: Vowel,
    /// Share of breath.
    pub(crate) breath: f64,
    /// Loudness of the consonant that opens it, 0 … 1.
    pub(crate) consonant: f64,
    /// From −1 (left) to 1 (right).
    pub(crate) position: f64,
}

/// Adds a sung note.
pub(crate) fn sing(canvas: &mut Canvas, sung: Sung, shape: Adsr, seed: u64) {
    let mut rng = Rng::new(seed);
    let (hz, held, place) = (canvas.hertz(sung.pitch), canvas.seconds(sung.held), pan(sung.position));
    let (mut glottis, mut soft, mut throat) = (Osc::at(rng.unit()), OnePole::default(), Throat::default());
    let (mut lips, mut drift, mut wander) = (Svf::default(), OnePole::default(), rng.unit());
    let rate = 5.1 + 0.6 * rng.noise();
    canvas.play(sung.beat, shape.lasting(held), |t| {
        wander += rate / crate::canvas::RATE;
        let deep = ((t - 0.18) / 0.35).clamp(0.0, 1.0);
        let vibrato = 22.0 * deep * sine(wander) + 900.0 * drift.low(rng.noise(), 4.0);
        // A note is reached from a little below.
        let scoop = -60.0 * exp(-t / 0.035);
        let pitch = hz * exp2((vibrato + scoop) / 1200.0);
        let level = shape.level(t, held);
        let voiced = soft.low(glottis.saw(pitch), 900.0 + 2600.0 * sung.velocity * level);
        let source = voiced + rng.noise() * sung.breath * (0.3 + 0.7 * voiced.abs());
        let way = (t / held.max(0.01)).min(1.0);
        let vowel = throat.next(source, sung.from, sung.to, way * way * (3.0 - 2.0 * way)) + 0.12 * voiced;
        let consonant = lips.split(rng.noise(), 4200.0, 0.8).band * strike(t, 0.011) * sung.consonant * 0.5;
        let sample = (vowel * level + consonant) * sung.velocity;
        place.map(|side| sample * side)
    });
}
