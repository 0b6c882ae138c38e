//! What loop a sound is: how many beats, and so how fast.
//!
//! A loop that somebody made is a whole number of beats, so only so many tempos are possible, and the question is which.
//! Three things tell: how well its onsets repeat after one beat, and after two, four and eight; how usual that number of
//! beats is (loops come in fours, and in powers of two); and how usual that tempo is. None is certain, so the answer is a
//! list, and the player chooses.

use crate::{
    limits::{LOOP_BPM_RANGE, LOOP_GUESSES_MAX},
    take::Take,
};

/// How finely onsets are placed, seconds.
const HOP_S: f64 = 0.005;
/// Where bass ends and treble begins, Hz.
const BANDS_HZ: [f64; 2] = [200.0, 2_500.0];
/// Energy that counts as silence, as a share of a band's loudest moment (−50 dB).
const QUIET_SHARE: f64 = 1e-5;
/// After how many beats a rhythm is likely to repeat, and how much it says if it does.
const REPEATS: [(f64, f64); 4] = [(1.0, 0.4), (2.0, 0.3), (4.0, 0.2), (8.0, 0.1)];
/// What a perfect repeat is worth, in natural logarithms of likelihood.
const REPEAT_WORTH: f64 = 4.0;
/// The most usual tempo, BPM, and how far from it tempos lie, octaves.
const USUAL_BPM: f64 = 115.0;
const USUAL_OCTAVES: f64 = 0.5;
/// How likely a number of beats is that is no power of two, but of four, of two, or odd, in natural logarithms.
const FOURS: f64 = -2.0;
const TWOS: f64 = -3.0;
const ODD: f64 = -4.0;

/// What loop a sound may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoopGuess {
    /// Its length, whole beats.
    pub beats: u32,
    /// The tempo at which it is that long, BPM.
    pub bpm: f64,
    /// How likely it is, compared with the others: all together are at most 1.
    pub confidence: f64,
}

/// What loop a sound may be, the likeliest first, at most [`LOOP_GUESSES_MAX`]; none if it is shorter than a beat.
pub fn loop_guesses(take: &Take) -> Vec<LoopGuess> {
    let seconds = take.seconds();
    let onsets = Onsets::of(take);
    let [slowest, fastest] = LOOP_BPM_RANGE.map(|bpm| bpm / 60.0 * seconds);
    // A file is seldom cut to the exact frame.
    let range = (slowest - 1e-3).ceil().max(1.0) as u32..=(fastest + 1e-3).floor() as u32;
    let mut guesses: Vec<LoopGuess> = range
        .map(|beats| {
            let bpm = f64::from(beats) * 60.0 / seconds;
            let likelihood = REPEAT_WORTH * onsets.repeat(beats) + usual_beats(beats) + usual_tempo(bpm);
            LoopGuess { beats, bpm, confidence: likelihood.exp() }
        })
        .collect();
    let sum: f64 = guesses.iter().map(|guess| guess.confidence).sum();
    for guess in &mut guesses {
        guess.confidence /= sum;
    }
    guesses.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    guesses.truncate(LOOP_GUESSES_MAX);
    guesses
}

/// How likely loops of so many beats are, in natural logarithms.
fn usual_beats(beats: u32) -> f64 {
    match beats {
        beats if beats.is_power_of_two() => 0.0,
        beats if beats.is_multiple_of(4) => FOURS,
        beats if beats.is_multiple_of(2) => TWOS,
        _ => ODD,
    }
}

/// How likely a tempo is, in natural logarithms.
fn usual_tempo(bpm: f64) -> f64 {
    -0.5 * ((bpm / USUAL_BPM).log2() / USUAL_OCTAVES).powi(2)
}

/// How strongly something begins, hop by hop, less its mean.
struct Onsets {
    strength: Vec<f64>,
    energy: f64,
}

impl Onsets {
    fn of(take: &Take) -> Self {
        let hop = ((HOP_S * f64::from(take.rate_hz())) as usize).max(1);
        let bands = band_energies(take, hop);
        let hops = bands.first().map_or(0, Vec::len);
        let mut strength = vec![0.0; hops];
        for band in &bands {
            let quiet = band.iter().copied().fold(0.0, f64::max) * QUIET_SHARE;
            if quiet <= 0.0 {
                continue;
            }
            let level = |hop: usize| (band[hop] + quiet).ln();
            for (hop, strength) in strength.iter_mut().enumerate() {
                // A loop: before its beginning comes its end.
                let before = if hop == 0 { hops - 1 } else { hop - 1 };
                *strength += (level(hop) - level(before)).max(0.0);
            }
        }
        // An onset may come a hop early or late.
        let blurred: Vec<f64> = (0..hops)
            .map(|hop| strength[(hop + hops - 1) % hops] + 2.0 * strength[hop] + strength[(hop + 1) % hops])
            .collect();
        let mean = blurred.iter().sum::<f64>() / hops.max(1) as f64;
        let strength: Vec<f64> = blurred.iter().map(|x| x - mean).collect();
        let energy = strength.iter().map(|x| x * x).sum();
        Self { strength, energy }
    }

    /// How well the onsets repeat if the loop has so many beats: 1 is perfectly, 0 not at all.
    fn repeat(&self, beats: u32) -> f64 {
        let beat = self.strength.len() as f64 / f64::from(beats);
        // Once around, everything repeats.
        let told = REPEATS.iter().filter(|(after, _)| *after < f64::from(beats));
        let (sum, weight) = told.fold((0.0, 0.0), |(sum, weight), (after, worth)| {
            (sum + worth * self.correlation(after * beat), weight + worth)
        });
        if weight > 0.0 { (sum / weight).max(0.0) } else { 0.0 }
    }

    /// How much the onsets resemble themselves so many hops later, around the loop.
    fn correlation(&self, lag: f64) -> f64 {
        let hops = self.strength.len();
        if hops == 0 || self.energy <= 0.0 {
            return 0.0;
        }
        let (whole, part) = (lag as usize, lag.fract());
        let products = self.strength.iter().enumerate().map(|(hop, x)| {
            let later = |lag: usize| self.strength[(hop + lag) % hops];
            x * (later(whole) * (1.0 - part) + later(whole + 1) * part)
        });
        products.sum::<f64>() / self.energy
    }
}

/// The energy of bass, middle and treble in each hop; what is left over at the end belongs to the last one.
fn band_energies(take: &Take, hop: usize) -> [Vec<f64>; 3] {
    let hops = (take.frames() / hop).max(1);
    let mut bands = [(); 3].map(|()| vec![0.0; hops]);
    let share = BANDS_HZ.map(|hz| 1.0 - (-std::f64::consts::TAU * hz / f64::from(take.rate_hz())).exp());
    for channel in take.channels() {
        let mut low = [0.0; 2];
        for (frame, x) in channel.iter().enumerate() {
            let x = f64::from(*x);
            for (low, share) in low.iter_mut().zip(share) {
                *low += share * (x - *low);
            }
            let place = (frame / hop).min(hops - 1);
            for (band, part) in bands.iter_mut().zip([low[0], low[1] - low[0], x - low[1]]) {
                band[place] += part * part;
            }
        }
    }
    bands
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 48_000;

    /// A loop of kick, snare and hats in eighths, for so many beats.
    fn drums(bpm: f64, beats: u32) -> Take {
        let frames_per_beat = 60.0 / bpm * f64::from(RATE);
        let mut channel = vec![0.0_f32; (frames_per_beat * f64::from(beats)).round() as usize];
        let mut noise = 1_u32;
        let mut hit = |eighth: u32, hz: f64, decay_s: f64, gain: f32, is_noise: bool| {
            let start = (f64::from(eighth) * 0.5 * frames_per_beat) as usize;
            for (i, x) in channel.iter_mut().skip(start).take((5.0 * decay_s * f64::from(RATE)) as usize).enumerate() {
                let t = i as f64 / f64::from(RATE);
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let wave = if is_noise {
                    f64::from(noise) / 2_147_483_648.0 - 1.0
                } else {
                    (std::f64::consts::TAU * hz * t).sin()
                };
                *x += gain * (wave * (-t / decay_s).exp()) as f32;
            }
        };
        for eighth in 0..2 * beats {
            hit(eighth, 0.0, 0.01, if eighth % 2 == 0 { 0.1 } else { 0.2 }, true);
            match eighth % 8 {
                0 | 4 => hit(eighth, 60.0, 0.08, 0.8, false),
                2 | 6 => hit(eighth, 0.0, 0.05, 0.5, true),
                3 => hit(eighth, 60.0, 0.08, 0.4, false),
                _ => {}
            }
        }
        Take::new(RATE, vec![channel]).unwrap()
    }

    #[test]
    fn loops_at_awkward_tempos_are_told_from_their_onsets() {
        for bpm in [97.3, 133.0, 120.0, 84.7] {
            for beats in [4, 8, 16, 32] {
                let best = loop_guesses(&drums(bpm, beats))[0];
                assert_eq!(best.beats, beats, "{bpm} BPM: {best:?}");
                assert!((best.bpm - bpm).abs() < 0.01, "{best:?}");
            }
        }
        // As half as fast it would be a drum loop, too.
        for beats in [8, 16] {
            let first: Vec<u32> = loop_guesses(&drums(179.9, beats)).iter().take(2).map(|guess| guess.beats).collect();
            assert!(first.contains(&beats), "{first:?}");
        }
    }

    #[test]
    fn three_bars_of_four_are_among_the_first() {
        let guesses = loop_guesses(&drums(105.1, 12));
        let place = guesses.iter().position(|guess| guess.beats == 12);
        assert!(place.is_some_and(|place| place < 4), "{guesses:?}");
    }

    #[test]
    fn a_sound_without_onsets_is_guessed_by_its_length() {
        let tone = (0..4 * RATE).map(|i| (i as f32 * 0.05).sin() * 0.3).collect();
        let guesses = loop_guesses(&Take::new(RATE, vec![tone]).unwrap());
        assert_eq!((guesses[0].beats, guesses[0].bpm), (8, 120.0));
        let sum: f64 = guesses.iter().map(|guess| guess.confidence).sum();
        assert!(guesses.len() <= LOOP_GUESSES_MAX && sum <= 1.0 + 1e-9, "{guesses:?}");
        assert!(guesses.windows(2).all(|pair| pair[0].confidence >= pair[1].confidence));
        let silent = Take::new(RATE, vec![vec![0.0; 96_000]]).unwrap();
        assert_eq!(loop_guesses(&silent)[0].beats, 4);
    }

    #[test]
    fn what_is_shorter_than_a_beat_is_no_loop_and_the_longest_is_one() {
        assert_eq!(loop_guesses(&Take::new(RATE, vec![vec![0.1; 4_800]]).unwrap()), []);
        assert_eq!(loop_guesses(&Take::new(RATE, vec![vec![0.1]]).unwrap()), []);
        let long = Take::new(8_000, vec![vec![0.1; 8_000 * 64]]).unwrap();
        assert_eq!(loop_guesses(&long)[0].beats, 128);
    }
}
