//! The drum kit: one function a drum, each striking a canvas at a beat.

use crate::{
    canvas::Canvas,
    dynamics::saturate,
    envelope::strike,
    filter::{OnePole, Svf},
    math::{Rng, exp, pan},
    osc::Osc,
};

/// A kick drum's build.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kick {
    /// Pitch that it settles on, hertz.
    pub(crate) hz: f64,
    /// Time constant of its body, seconds.
    pub(crate) body: f64,
    /// Loudness of the beater, 0 … 1.
    pub(crate) click: f64,
    /// Saturation.
    pub(crate) drive: f64,
}

/// Kick: a sine that falls to its pitch, behind a click.
pub(crate) fn kick(canvas: &mut Canvas, beat: f64, velocity: f64, build: Kick) {
    let (mut body, mut click, mut rng) = (Osc::default(), Svf::default(), Rng::new(11));
    let mut knock = Osc::at(0.25);
    let lasting = build.body * 4.0;
    canvas.play(beat, lasting, |t| {
        let hz = build.hz + 130.0 * exp(-t / 0.032) + 620.0 * exp(-t / 0.0045);
        let fade = ((lasting - t) / 0.03).clamp(0.0, 1.0);
        let hold = exp(-(t - 0.035).max(0.0) / build.body);
        let low = saturate(body.sine(hz, 0.0) * hold, build.drive) * build.drive.sqrt();
        let beater = click.split(rng.noise(), 3400.0, 0.8).band * strike(t, 0.004);
        let wood = knock.sine(1750.0, 0.0) * strike(t, 0.0028);
        let sample = (low + build.click * (0.9 * beater + 0.45 * wood)) * velocity * fade;
        [sample, sample]
    });
}

/// Snare: two modes of the skin and the wires' noise. Soft strokes are darker and shorter.
pub(crate) fn snare(canvas: &mut Canvas, beat: f64, velocity: f64, seed: u64) {
    let (mut low, mut high, mut rng) = (Osc::default(), Osc::default(), Rng::new(seed));
    let (mut wires, mut cut, mut air) = ([Svf::default(); 2], [OnePole::default(); 2], Svf::default());
    let wire_time = 0.045 + 0.085 * velocity;
    canvas.play(beat, 0.6, |t| {
        let bend = 1.0 + 0.5 * exp(-t / 0.012);
        let skin =
            0.75 * low.sine(187.0 * bend, 0.0) * strike(t, 0.07) + 0.4 * high.sine(334.0 * bend, 0.0) * strike(t, 0.04);
        let shared = rng.noise();
        let snap = air.split(shared, 5200.0, 0.7).band * strike(t, 0.012) * 0.7;
        std::array::from_fn(|side| {
            let noise = 0.65 * shared + 0.6 * rng.noise();
            let band = wires[side].split(noise, 1900.0 + 3200.0 * velocity, 0.55).band;
            let rattle = cut[side].high(band, 900.0) * strike(t, wire_time);
            saturate(skin * 0.9 + rattle * 0.85 + snap, 1.3) * velocity
        })
    });
}

/// Clap: four bursts of many hands and the room they stand in.
pub(crate) fn clap(canvas: &mut Canvas, beat: f64, velocity: f64, seed: u64) {
    let mut rng = Rng::new(seed);
    let (mut bands, mut tops) = ([Svf::default(); 2], [Svf::default(); 2]);
    let starts = [0.0, 0.0098, 0.0205, 0.0312];
    canvas.play(beat, 0.7, |t| {
        let bursts: f64 = starts.iter().filter(|start| t >= **start).map(|start| strike(t - start, 0.0042)).sum();
        let tail = if t >= starts[3] { strike(t - starts[3], 0.085) } else { 0.0 };
        let shared = rng.noise();
        std::array::from_fn(|side| {
            let noise = 0.55 * shared + 0.75 * rng.noise();
            let body = bands[side].split(noise, 1180.0, 1.4).band;
            let top = tops[side].split(noise, 3300.0, 0.7).band;
            (body * 1.5 + top * 0.55) * (bursts + 0.55 * tail) * velocity
        })
    });
}

/// The six pitches of a metal plate, hertz; no two in tune.
const METAL_HZ: [f64; 6] = [317.4, 470.9, 571.3, 808.2, 835.1, 1237.6];

/// Hi-hat: six pulses that ring each other in pairs, and breath. `ring` is the time constant, `choke` the moment at
/// which the foot closes it, both seconds.
pub(crate) fn hat(canvas: &mut Canvas, beat: f64, velocity: f64, ring: f64, choke: f64, seed: u64) {
    let mut rng = Rng::new(seed);
    let mut plates = METAL_HZ.map(|_| Osc::at(rng.unit()));
    let (mut band, mut high) = ([Svf::default(); 2], [Svf::default(); 2]);
    let brightness = 6800.0 + 2600.0 * velocity;
    let place = pan(0.25 + 0.05 * rng.noise());
    let detune = 1.0 + 0.006 * rng.noise();
    canvas.play(beat, choke + 0.04, |t| {
        let mut plate = |n: usize| plates[n].pulse(METAL_HZ[n] * 4.1 * detune, 0.5);
        // Plates that ring each other have many more tones than plates alone. Each side hears them differently.
        let rings = [plate(0) * plate(5), plate(1) * plate(3), plate(2) * plate(4)];
        let metal = [rings[0] + 0.6 * rings[1], rings[2] + 0.6 * rings[1]];
        let closing = if t > choke { exp(-(t - choke) / 0.008) } else { 1.0 };
        let level = (0.55 * strike(t, ring) + 0.45 * strike(t, ring * 0.3)) * closing * velocity;
        std::array::from_fn(|side| {
            let noise = rng.noise();
            let bright = band[side].split(metal[side] * 0.32 + noise * 0.95, brightness, 0.8).band;
            high[side].split(bright, 6000.0, 0.7).high * level * place[side] * 1.9
        })
    });
}

/// Shaker: grains that swell with the hand.
pub(crate) fn shaker(canvas: &mut Canvas, beat: f64, velocity: f64, seed: u64) {
    let (mut rng, mut band, mut high) = (Rng::new(seed), Svf::default(), OnePole::default());
    let place = pan(-0.55 + 0.06 * rng.noise());
    let swell = 0.012 + 0.016 * (1.0 - velocity);
    canvas.play(beat, 0.2, |t| {
        let rise = (t / swell).min(1.0);
        let level = rise * rise * exp(-(t - swell).max(0.0) / 0.026);
        let grains = band.split(rng.noise(), 6400.0 + 1500.0 * velocity, 1.3).band;
        let sample = high.high(grains, 3800.0) * level * velocity * 1.6;
        [sample * place[0], sample * place[1]]
    });
}

/// Rim: the stick across the shell.
pub(crate) fn rim(canvas: &mut Canvas, beat: f64, velocity: f64, position: f64) {
    let (mut wood, mut shell, mut rng) = (Osc::at(0.1), Osc::at(0.2), Rng::new(5));
    let (mut crack, place) = (Svf::default(), pan(position));
    canvas.play(beat, 0.12, |t| {
        let ring = wood.sine(1720.0, 0.0) * strike(t, 0.011) + 0.8 * shell.sine(485.0, 0.0) * strike(t, 0.016);
        let click = crack.split(rng.noise(), 4300.0, 1.0).band * strike(t, 0.005);
        let sample = saturate(ring * 0.8 + click * 0.8, 1.8) * velocity;
        [sample * place[0] * 1.2, sample * place[1] * 1.2]
    });
}

/// Hand drum or tom: a skin tuned to `hz` that bends down as it settles.
pub(crate) fn tom(canvas: &mut Canvas, beat: f64, velocity: f64, hz: f64, ring: f64, position: f64) {
    let (mut skin, mut overtone, mut rng) = (Osc::default(), Osc::default(), Rng::new(hz as u64));
    let (mut slap, place) = (Svf::default(), pan(position));
    canvas.play(beat, ring * 7.0, |t| {
        let bend = 1.0 + 0.45 * velocity * exp(-t / 0.02);
        let tone = skin.sine(hz * bend, 0.0) * strike(t, ring)
            + 0.28 * overtone.sine(hz * 1.593 * bend, 0.0) * strike(t, ring * 0.4);
        let hand = slap.split(rng.noise(), 1500.0 + hz * 4.0, 0.8).band * strike(t, 0.006) * 0.5;
        let sample = saturate(tone + hand, 1.4) * velocity;
        [sample * place[0] * 1.3, sample * place[1] * 1.3]
    });
}

/// Crash: a wide sheet of metal and air that takes two seconds to fade.
pub(crate) fn crash(canvas: &mut Canvas, beat: f64, velocity: f64, seed: u64) {
    let mut rng = Rng::new(seed);
    let mut plates: Vec<[Osc; 2]> = METAL_HZ.iter().map(|_| [Osc::at(rng.unit()), Osc::at(rng.unit())]).collect();
    let mut high = [Svf::default(); 2];
    canvas.play(beat, 2.6, |t| {
        let level = (0.35 * strike(t, 0.06) + 0.65 * strike(t, 0.62)) * velocity * ((2.6 - t) / 0.4).clamp(0.0, 1.0);
        let cut = 3600.0 + 1800.0 * exp(-t / 0.3);
        std::array::from_fn(|side| {
            let metal: f64 = plates
                .iter_mut()
                .zip(METAL_HZ)
                .map(|(osc, hz)| osc[side].pulse(hz * (2.9 + 0.02 * side as f64), 0.5))
                .sum::<f64>()
                / 6.0;
            high[side].split(metal * 0.6 + rng.noise() * 0.7, cut, 0.6).high * level
        })
    });
}
