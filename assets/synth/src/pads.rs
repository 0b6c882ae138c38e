//! Pads: four bars of slow chords that overlap round the ring.

use crate::{
    canvas::Canvas,
    dynamics::{low_cut, tilt, warm},
    envelope::Adsr,
    filter::StereoSvf,
    harmony::{CLOSE, WIDE},
    math::{Rng, exp2, hertz, sine},
    osc::{Osc, Swarm},
    space::{Room, chorus, reverberated},
};

/// A large, dark hall.
const CATHEDRAL: Room = Room { seconds: 3.4, size: 1.25, damping_hz: 4200.0, low_cut_hz: 220.0, predelay: 0.025 };

/// Plays a swarm for every note of four chords, a bar each, and returns the sum.
fn layered(
    canvas: &Canvas,
    chords: &[Vec<f64>; 4],
    shape: Adsr,
    (saws, cents): (usize, f64),
    drift: f64,
    seed: u64,
) -> Canvas {
    let (mut out, mut rng) = (canvas.blank(), Rng::new(seed));
    for (bar, chord) in chords.iter().enumerate() {
        for pitch in chord {
            let hz = hertz(*pitch);
            let mut swarm = Swarm::new(saws, cents, 0.9, &mut rng);
            let (place, late, held) = (rng.unit(), 0.03 * rng.unit(), canvas.seconds(4.0));
            out.play(bar as f64 * 4.0 + late, shape.lasting(held), |t| {
                let sway = exp2(drift / 1200.0 * sine(t * 0.61 + place));
                let level = shape.level(t, held);
                swarm.next(hz * sway).map(|x| x * level)
            });
        }
    }
    out
}

/// The wide voicings with a bass note under them.
fn grounded() -> [Vec<f64>; 4] {
    let mut chords = WIDE.map(Vec::from);
    for (chord, root) in chords.iter_mut().zip([45.0, 41.0, 48.0, 43.0]) {
        chord.insert(0, root);
    }
    chords
}

/// Warm: detuned saws behind a filter that breathes once in two bars.
pub(crate) fn warm_analog(canvas: &Canvas) -> Canvas {
    let shape = Adsr { attack: 0.55, decay: 1.5, sustain: 0.8, release: 0.55 };
    let mut out = layered(canvas, &grounded(), shape, (3, 9.0), 3.0, 51);
    let (mut first, mut second) = (StereoSvf::default(), StereoSvf::default());
    let (breath, slow) = (out.lfo(0.233), out.lfo(0.117));
    out.through(|index, frame| {
        let turn = index as f64;
        let cutoff = 1150.0 * exp2(0.55 * sine(turn * breath) + 0.35 * sine(turn * slow + 0.4));
        second.low(first.low(frame, cutoff, 0.9), cutoff * 1.6, 0.6)
    });
    chorus(&mut out, 0.47, 2.2, 0.55);
    let hall = reverberated(&out, CATHEDRAL);
    out.mix(&hall, 0.3);
    warm(&mut out, 1.0);
    low_cut(&mut out, 90.0);
    tilt(&mut out, 1800.0, 2.5);
    out
}

/// The first four resonances of a throat: hertz, sharpness, level; singing "ah" and "oh".
const AH: [(f64, f64, f64); 4] = [(760.0, 7.0, 1.0), (1180.0, 8.0, 0.6), (2700.0, 11.0, 0.3), (3500.0, 12.0, 0.2)];
const OH: [(f64, f64, f64); 4] = [(430.0, 7.0, 1.0), (820.0, 8.0, 0.5), (2650.0, 11.0, 0.12), (3300.0, 12.0, 0.09)];

/// Choir: voices and breath through throats that move between "oh" and "ah".
pub(crate) fn choir(canvas: &Canvas) -> Canvas {
    let shape = Adsr { attack: 0.4, decay: 2.0, sustain: 0.85, release: 0.5 };
    let mut voices = layered(canvas, &CLOSE.map(Vec::from), shape, (5, 15.0), 7.0, 52);
    let octave = CLOSE.map(|chord| chord.iter().skip(1).map(|pitch| pitch + 12.0).collect());
    voices.mix(&layered(canvas, &octave, shape, (4, 13.0), 9.0, 53), 0.5);
    let mut rng = Rng::new(54);
    // Breath follows the voices' level: it is noise multiplied by them.
    for frame in voices.frames_mut() {
        *frame = frame.map(|x| x + x * rng.noise() * 0.5);
    }
    let mut throats = [StereoSvf::default(); 4];
    let (mut air, mut top) = (StereoSvf::default(), StereoSvf::default());
    let (vowel, flutter) = (voices.lfo(0.117), voices.lfo(0.35));
    voices.through(|index, frame| {
        let turn = index as f64;
        let open = (0.5 + 0.42 * sine(turn * vowel - 0.2) + 0.08 * sine(turn * flutter)).clamp(0.0, 1.0);
        let mut sum = top.low(air.high(frame, 6500.0, 0.6), 12_000.0, 0.6).map(|x| x * 0.09);
        for (n, throat) in throats.iter_mut().enumerate() {
            let blend = |oh: f64, ah: f64| oh + (ah - oh) * open;
            let hz = blend(OH[n].0, AH[n].0);
            let band = throat.band(frame, hz, AH[n].1 * 0.62);
            let level = blend(OH[n].2, AH[n].2);
            sum = [sum[0] + band[0] * level, sum[1] + band[1] * level];
        }
        sum
    });
    chorus(&mut voices, 0.35, 2.6, 0.6);
    let mut out = reverberated(&voices, Room { damping_hz: 6500.0, ..CATHEDRAL });
    out.mix(&voices, 1.3);
    low_cut(&mut out, 170.0);
    tilt(&mut out, 2500.0, 3.0);
    out
}

/// Strings: a section in three ranges, bowed a little late and never quite together.
pub(crate) fn strings(canvas: &Canvas) -> Canvas {
    let shape = Adsr { attack: 0.24, decay: 1.4, sustain: 0.82, release: 0.28 };
    let low = [vec![45.0, 52.0], vec![41.0, 48.0], vec![48.0, 55.0], vec![43.0, 50.0]];
    let high = [vec![76.0, 81.0], vec![77.0, 81.0], vec![76.0, 79.0], vec![74.0, 79.0]];
    let mut out = layered(canvas, &CLOSE.map(Vec::from), shape, (5, 13.0), 5.0, 55);
    out.mix(&layered(canvas, &low, shape, (3, 8.0), 4.0, 56), 0.75);
    out.mix(&layered(canvas, &high, shape, (5, 16.0), 8.0, 57), 0.42);
    let (mut body, mut wood, mut top) = (StereoSvf::default(), StereoSvf::default(), StereoSvf::default());
    let swell = out.lfo(0.467);
    out.through(|index, frame| {
        let bow = 1.0 + 0.12 * sine(index as f64 * swell - 0.25);
        let [left, right] = top.low(frame, 4200.0 * bow, 0.6);
        let [a, b] = body.band([left, right], 480.0, 0.9);
        let [c, d] = wood.band([left, right], 1400.0, 1.1);
        [(left * 0.6 + a * 0.5 + c * 0.3) * bow, (right * 0.6 + b * 0.5 + d * 0.3) * bow]
    });
    chorus(&mut out, 0.7, 1.8, 0.6);
    let hall = reverberated(&out, Room { seconds: 2.6, damping_hz: 6000.0, ..CATHEDRAL });
    out.mix(&hall, 0.32);
    low_cut(&mut out, 100.0);
    out
}

/// Evolver: hollow pulses whose width and resonance wander through four bars, with a glint of high notes.
pub(crate) fn evolve(canvas: &Canvas) -> Canvas {
    let shape = Adsr { attack: 0.3, decay: 2.0, sustain: 0.85, release: 0.5 };
    let (mut out, mut rng) = (canvas.blank(), Rng::new(58));
    for (bar, chord) in grounded().iter().enumerate() {
        for pitch in chord {
            let (hz, held, place) = (hertz(*pitch), canvas.seconds(4.0), rng.unit());
            let mut oscs = [Osc::at(rng.unit()), Osc::at(rng.unit())];
            out.play(bar as f64 * 4.0, shape.lasting(held), |t| {
                let level = shape.level(t, held) * 0.4;
                std::array::from_fn(|side| {
                    let width = 0.5 + 0.34 * sine(t * 0.31 + place + 0.3 * side as f64);
                    oscs[side].pulse(hz * (1.0 + 0.0022 * (side as f64 - 0.5)), width) * level
                })
            });
        }
    }
    let (mut sharp, mut dull) = (StereoSvf::default(), StereoSvf::default());
    let (sweep, ripple, steps) = (out.lfo(0.117), out.lfo(0.817), out.lfo(3.733));
    out.through(|index, frame| {
        let turn = index as f64;
        let cutoff = 1100.0 * exp2(1.5 * sine(turn * sweep - 0.25) + 0.3 * sine(turn * ripple));
        let band = sharp.band(frame, cutoff, 2.6);
        let low = dull.low(frame, cutoff * 0.8, 0.7);
        let gate = 1.0 - 0.22 * (0.5 + 0.5 * sine(turn * steps + 0.25));
        [(low[0] + band[0] * 0.7) * gate, (low[1] + band[1] * 0.7) * gate]
    });
    for (n, pitch) in [88.0, 84.0, 91.0, 86.0, 81.0, 84.0, 79.0, 83.0].into_iter().enumerate() {
        let (mut osc, mut second) = (Osc::default(), Osc::default());
        let glint = Adsr { attack: 0.25, decay: 0.5, sustain: 0.0, release: 0.3 };
        let place = crate::math::pan(if n % 2 == 0 { -0.7 } else { 0.7 });
        out.play(n as f64 * 2.0 + 1.0, 3.0, |t| {
            let hz = hertz(pitch);
            let sample = (osc.sine(hz, 0.0) + 0.4 * second.sine(hz * 2.002, 0.0)) * glint.level(t, 2.5) * 0.16;
            [sample * place[0], sample * place[1]]
        });
    }
    chorus(&mut out, 0.23, 3.0, 0.5);
    let hall = reverberated(&out, Room { seconds: 4.0, damping_hz: 5200.0, ..CATHEDRAL });
    out.mix(&hall, 0.42);
    low_cut(&mut out, 95.0);
    out
}

/// The frequency nearest to a note that fits a whole number of times into a canvas: a tone that never ends has no seam.
fn endless(canvas: &Canvas, pitch: f64, cents: f64) -> f64 {
    let seconds = canvas.frames().len() as f64 / crate::canvas::RATE;
    (canvas.hertz(pitch + cents / 100.0) * seconds).round() / seconds
}

/// Drone: roots and fifths that never stop, with light that moves over them.
pub(crate) fn drone(canvas: &Canvas) -> Canvas {
    let mut rng = Rng::new(59);
    let mut tones: Vec<(Osc, f64, [f64; 2])> = Vec::new();
    for (pitch, level) in [(33.0, 0.28), (45.0, 0.65), (52.0, 0.6), (57.0, 0.6), (64.0, 0.35), (69.0, 0.22)] {
        for cents in [-7.0, 0.0, 6.0] {
            let place = crate::math::pan(cents / 9.0).map(|side| side * level);
            tones.push((Osc::at(rng.unit()), endless(canvas, pitch, cents), place));
        }
    }
    let (mut low, mut peaks) = (StereoSvf::default(), [StereoSvf::default(); 2]);
    let mut out = canvas.blank();
    let (slow, quick, third) = (out.lfo(0.233), out.lfo(0.47), out.lfo(0.7));
    out.through(|index, _| {
        let mut raw = [0.0; 2];
        for (osc, hz, place) in &mut tones {
            let sample = osc.saw(*hz);
            raw = [raw[0] + sample * place[0], raw[1] + sample * place[1]];
        }
        let turn = index as f64;
        let base = low.low(raw, 520.0 * exp2(0.9 * sine(turn * slow - 0.25)), 0.8);
        let first = peaks[0].band(raw, 900.0 * exp2(0.8 * sine(turn * quick)), 5.0);
        let second = peaks[1].band(raw, 1900.0 * exp2(0.7 * sine(turn * third + 0.3)), 6.0);
        std::array::from_fn(|side| base[side] + 0.55 * first[side] + 0.4 * second[side])
    });
    chorus(&mut out, 0.23, 2.6, 0.4);
    let hall = reverberated(&out, CATHEDRAL);
    out.mix(&hall, 0.4);
    low_cut(&mut out, 62.0);
    tilt(&mut out, 1500.0, 3.0);
    out
}

/// Grains: a cloud of short tones of Am11 that drifts from low to high and back.
pub(crate) fn grains(canvas: &Canvas) -> Canvas {
    let (mut out, mut rng) = (canvas.blank(), Rng::new(60));
    let scale = [57.0, 60.0, 64.0, 67.0, 69.0, 71.0, 74.0, 76.0, 79.0, 81.0, 84.0, 88.0];
    for grain in 0..420 {
        let beat = 8.0 * (f64::from(grain) + rng.unit()) / 420.0;
        // Where the cloud is: it rises and sinks once in the loop.
        let height = 3.6 - 3.2 * sine(beat / 8.0 + 0.25) + 2.8 * (rng.unit() + rng.unit() - 1.0);
        let pitch = scale[(height.max(0.0) as usize).min(11)];
        let (hz, lasting) = (canvas.hertz(pitch + 0.05 * rng.noise()), 0.09 + 0.32 * rng.unit() * rng.unit());
        let (mut carrier, mut shade) = (Osc::at(rng.unit()), Osc::default());
        let (index, place, level) = (0.16 * rng.unit(), crate::math::pan(0.9 * rng.noise()), 0.4 + 0.6 * rng.unit());
        out.play(beat, lasting, |t| {
            // A raised cosine, so that no grain has an edge.
            let window = 0.5 - 0.5 * sine(t / lasting + 0.25);
            let sample = carrier.sine(hz, index * window * shade.sine(hz * 2.0, 0.0)) * window * level;
            place.map(|side| sample * side)
        });
    }
    let hall = reverberated(&out, Room { seconds: 3.8, damping_hz: 6500.0, ..CATHEDRAL });
    out.mix(&hall, 0.6);
    chorus(&mut out, 0.35, 1.8, 0.3);
    low_cut(&mut out, 110.0);
    out
}
