//! What is struck by hand or made by a machine: the percussion beside the kit of [`kit`](crate::kit).

use crate::{
    canvas::Canvas,
    dynamics::saturate,
    envelope::strike,
    filter::{OnePole, Svf},
    math::{Rng, exp, pan},
    osc::Osc,
};

/// How a hand meets a skin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stroke {
    /// Fingers at the rim: the skin rings.
    Open,
    /// A whip of the fingers: a crack, then the skin.
    Slap,
    /// The hand stays: a thud.
    Mute,
}

/// Conga or bongo tuned to `hz`.
pub(crate) fn conga(canvas: &mut Canvas, beat: f64, velocity: f64, stroke: Stroke, hz: f64, position: f64) {
    let (mut skin, mut second, mut third, mut rng) =
        (Osc::default(), Osc::default(), Osc::default(), Rng::new((hz * 8.0 + beat * 64.0) as u64));
    let (mut palm, place) = (Svf::default(), pan(position));
    let (ring, crack, bend) = match stroke {
        Stroke::Open => (0.13, 0.8, 0.05),
        Stroke::Slap => (0.05, 2.4, 0.10),
        Stroke::Mute => (0.03, 1.0, 0.03),
    };
    // A small drum is shorter.
    let ring = ring * (200.0 / hz).min(1.2);
    let wetness = if stroke == Stroke::Slap { 3400.0 } else { 2100.0 };
    let shade = 1.0 + 0.008 * rng.noise();
    canvas.play(beat, ring * 8.0 + 0.05, |t| {
        let pitch = hz * shade * (1.0 + bend * velocity * exp(-t / 0.018));
        let tone = skin.sine(pitch, 0.0) * strike(t, ring)
            + 0.34 * second.sine(pitch * 1.582, 0.0) * strike(t, ring * 0.42)
            + 0.2 * third.sine(pitch * 2.241, 0.0) * strike(t, ring * 0.24);
        let hand = palm.split(rng.noise(), wetness + 900.0 * velocity, 0.9).band * strike(t, 0.009) * crack;
        let sample = saturate(tone * 0.9 + hand, 1.3) * velocity * 1.2;
        place.map(|side| sample * side)
    });
}

/// Claves: two sticks of hard wood, of one pitch.
pub(crate) fn clave(canvas: &mut Canvas, beat: f64, velocity: f64, hz: f64, position: f64) {
    let (mut stick, mut other, mut rng, place) = (Osc::default(), Osc::default(), Rng::new(3), pan(position));
    let mut tick = OnePole::default();
    canvas.play(beat, 0.25, |t| {
        let wood = stick.sine(hz, 0.0) * strike(t, 0.032) + 0.3 * other.sine(hz * 2.71, 0.0) * strike(t, 0.009);
        let sample = (wood + 0.3 * tick.high(rng.noise(), 5000.0) * strike(t, 0.0015)) * velocity;
        place.map(|side| sample * side)
    });
}

/// Cowbell or agogô: two pulses a dissonant fifth apart, in a can.
pub(crate) fn cowbell(canvas: &mut Canvas, beat: f64, velocity: f64, hz: f64, ring: f64, position: f64) {
    let (mut low, mut high, mut can, place) = (Osc::default(), Osc::at(0.3), Svf::default(), pan(position));
    canvas.play(beat, ring * 7.0, |t| {
        let raw = low.pulse(hz, 0.5) + 0.8 * high.pulse(hz * 1.504, 0.5);
        let level = 0.55 * strike(t, ring * 0.16) + 0.45 * strike(t, ring);
        let sample = can.split(raw, hz * (2.2 + velocity), 1.1).band * level * velocity;
        place.map(|side| sample * side)
    });
}

/// Tambourine: jingles that meet one after another.
pub(crate) fn tambourine(canvas: &mut Canvas, beat: f64, velocity: f64, seed: u64) {
    let mut rng = Rng::new(seed);
    let jingles: Vec<(f64, f64)> =
        (0..5).map(|n| (f64::from(n) * 0.006 * rng.unit(), 0.5 + 0.5 * rng.unit())).collect();
    let mut plates: Vec<Osc> = (0..4).map(|_| Osc::at(rng.unit())).collect();
    let (mut high, place) = ([Svf::default(); 2], pan(0.35 + 0.1 * rng.noise()));
    canvas.play(beat, 0.35, |t| {
        let level: f64 = jingles
            .iter()
            .filter(|(start, _)| t >= *start)
            .map(|(start, force)| force * (strike(t - start, 0.008) + 0.35 * strike(t - start, 0.05)))
            .sum();
        let metal: f64 =
            plates.iter_mut().zip([5230.0, 6870.0, 8110.0, 9740.0]).map(|(osc, hz)| osc.sine(hz, 0.0)).sum();
        std::array::from_fn(|side| {
            let raw = rng.noise() * 0.8 + metal * 0.22;
            high[side].split(raw, 6200.0, 0.8).high * level * velocity * place[side] * 0.8
        })
    });
}

/// Ride cymbal: a stick's ping over a wash that never quite fades.
pub(crate) fn ride(canvas: &mut Canvas, beat: f64, velocity: f64, seed: u64) {
    let mut rng = Rng::new(seed);
    let partials = [412.0, 623.0, 1187.0, 2143.0, 3571.0, 5209.0, 6833.0];
    let mut plates: Vec<[Osc; 2]> = partials.iter().map(|_| [Osc::at(rng.unit()), Osc::at(rng.unit())]).collect();
    let (mut high, place) = ([Svf::default(); 2], pan(-0.3));
    canvas.play(beat, 1.1, |t| {
        let fade = ((1.1 - t) / 0.3).min(1.0);
        let wash = (0.5 * strike(t, 0.05) + 0.5 * strike(t, 0.35)) * velocity * fade;
        std::array::from_fn(|side| {
            let metal: f64 = plates
                .iter_mut()
                .zip(partials)
                .map(|(osc, hz)| osc[side].pulse(hz * (1.0 + 0.004 * side as f64), 0.5))
                .sum::<f64>()
                / 7.0;
            let ping = metal * (0.25 + strike(t, 0.03));
            high[side].split(ping + rng.noise() * 0.3, 3900.0, 0.7).high * wash * place[side] * 1.5
        })
    });
}

/// A snare drum's build.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Snare {
    /// Pitch of the skin, hertz.
    pub(crate) hz: f64,
    /// Time constant of the skin, seconds.
    pub(crate) ring: f64,
    /// Time constant of the wires, seconds.
    pub(crate) wires: f64,
    /// Middle of the wires' noise, hertz.
    pub(crate) bright: f64,
}

/// A snare drum of any build.
pub(crate) fn snare(canvas: &mut Canvas, beat: f64, velocity: f64, build: Snare, seed: u64) {
    let (mut low, mut high, mut rng) = (Osc::default(), Osc::at(0.1), Rng::new(seed));
    let (mut bands, mut cut, mut snap) = ([Svf::default(); 2], [OnePole::default(); 2], Svf::default());
    let wires = build.wires * (0.45 + 0.55 * velocity);
    canvas.play(beat, (build.wires * 6.0).max(0.3), |t| {
        let bend = 1.0 + 0.7 * exp(-t / 0.009);
        let skin = low.sine(build.hz * bend, 0.0) * strike(t, build.ring)
            + 0.45 * high.sine(build.hz * 1.71 * bend, 0.0) * strike(t, build.ring * 0.5);
        let shared = rng.noise();
        let crack = snap.split(shared, build.bright * 1.6, 0.6).band * strike(t, 0.008);
        std::array::from_fn(|side| {
            let noise = 0.7 * shared + 0.55 * rng.noise();
            let band = bands[side].split(noise, build.bright * (0.7 + 0.3 * velocity), 0.5).band;
            let rattle = cut[side].high(band, 700.0) * (0.4 * strike(t, wires * 0.25) + 0.75 * strike(t, wires));
            saturate(skin * 0.8 + rattle + crack * 0.8, 1.5) * velocity
        })
    });
}

/// A drum machine's tom: a sine that falls far.
pub(crate) fn zap(canvas: &mut Canvas, beat: f64, velocity: f64, hz: f64, fall: f64, position: f64) {
    let (mut body, place) = (Osc::default(), pan(position));
    canvas.play(beat, 0.6, |t| {
        let pitch = hz * (1.0 + 3.0 * exp(-t / fall));
        let sample =
            saturate(body.sine(pitch, 0.0) * 1.4, 1.5) * strike(t, 0.11) * velocity * ((0.6 - t) / 0.1).min(1.0);
        place.map(|side| sample * side * 1.2)
    });
}
