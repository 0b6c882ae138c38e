//! Chord loops: electric piano, muted pluck, house stab and supersaw.

use crate::{
    canvas::Canvas,
    dynamics::{glue, low_cut, saturate, tilt, warm},
    envelope::{Adsr, Feel, strike},
    filter::{Ladder, StereoSvf, Svf},
    harmony::{CLOSE, WIDE},
    math::{Rng, exp, exp2, hertz, pan, sine},
    osc::{Osc, Swarm},
    space::{Room, chorus, echoed, reverberated},
};

/// A warm room for keys.
const STUDIO: Room = Room { seconds: 1.3, size: 0.7, damping_hz: 4800.0, low_cut_hz: 240.0, predelay: 0.012 };

/// Strums: plays all notes of a bar's chord, each a little later than the one below it.
fn strum(chord: &[f64], rng: &mut Rng, mut each: impl FnMut(usize, f64, f64)) {
    for (n, pitch) in chord.iter().enumerate() {
        each(n, *pitch, n as f64 * 0.006 + 0.004 * rng.unit());
    }
}

/// One note of an electric piano: a tone bar and its tine, two pairs of sines that modulate each other.
fn tine_note(canvas: &mut Canvas, beat: f64, pitch: f64, held: f64, velocity: f64, position: f64) {
    let hz = hertz(pitch);
    let (mut bar, mut bar_mod, mut tine, mut tine_mod) =
        (Osc::default(), Osc::default(), Osc::default(), Osc::default());
    let damper = Adsr { attack: 0.002, decay: 0.9, sustain: 0.12, release: 0.09 };
    let place = pan(position);
    canvas.play(beat, damper.lasting(held), |t| {
        let growl = (0.09 + 0.26 * velocity * velocity) * exp(-t / 0.45);
        let body = bar.sine(hz, growl * bar_mod.sine(hz, 0.0));
        let ping = tine.sine(hz * 1.0005, 0.16 * velocity * exp(-t / 0.12) * tine_mod.sine(hz * 14.0, 0.0));
        let sample = (0.75 * body + 0.5 * ping) * damper.level(t, held) * (0.35 + 0.65 * velocity);
        [sample * place[0], sample * place[1]]
    });
}

/// Electric piano: soft stabs around the beat, trembling from side to side.
pub(crate) fn rhodes(canvas: &Canvas) -> Canvas {
    let mut keys = canvas.blank();
    let mut rng = Rng::new(31);
    // Step, sixteenths held, velocity.
    let stabs = [
        [(0.0, 5.0, 0.85), (7.0, 2.0, 0.55), (10.0, 4.5, 0.7)],
        [(0.0, 5.0, 0.8), (6.0, 1.2, 0.5), (10.0, 4.5, 0.7)],
        [(0.0, 5.0, 0.85), (7.0, 2.0, 0.55), (10.0, 4.5, 0.7)],
        [(0.0, 4.0, 0.8), (6.0, 2.0, 0.6), (11.0, 4.0, 0.75)],
    ];
    for (bar, chord) in WIDE.iter().enumerate() {
        for (step, held, velocity) in stabs[bar] {
            strum(chord, &mut rng, |n, pitch, late| {
                let beat = bar as f64 * 4.0 + step * 0.25 + late;
                let force = velocity * (0.92 + 0.08 * (n as f64 / 4.0));
                tine_note(&mut keys, beat, pitch, canvas.seconds(held * 0.25), force, n as f64 * 0.2 - 0.4);
            });
        }
    }
    let sway = keys.lfo(3.73);
    keys.through(|index, [left, right]| {
        let tremble = 0.22 * sine(index as f64 * sway);
        [saturate(left, 0.7) * (1.0 + tremble), saturate(right, 0.7) * (1.0 - tremble)]
    });
    chorus(&mut keys, 0.6, 1.1, 0.35);
    let room = reverberated(&keys, STUDIO);
    keys.mix(&room, 0.32);
    low_cut(&mut keys, 110.0);
    tilt(&mut keys, 900.0, 4.0);
    keys
}

/// Muted pluck: sixteenths that run up and down the chord, with wandering echoes.
pub(crate) fn pluck(canvas: &Canvas) -> Canvas {
    let mut dry = canvas.blank();
    let mut feel = Feel::new(canvas, 0.12, 0.002, 32);
    let pattern = "9.6. 75.6 .7.5 8.64 | 9.6. 75.6 .7.5 8.64 | 9.6. 75.6 .7.5 8.64 | 9.6. 75.6 .765 8675";
    let order = [0, 2, 1, 3, 2, 0, 1, 3, 0, 4, 3, 2, 1, 4, 0, 2];
    for hit in feel.hits(pattern) {
        let chord = WIDE[hit.step / 16];
        let degree = order[hit.step % 16];
        // Two strings at once, the softer one never on the ninth; some strokes are an octave higher.
        let high = if hit.step % 8 == 4 { 12.0 } else { 0.0 };
        for (pitch, level) in [(chord[degree] + high, 1.0), (chord[(degree + 2) % 4], 0.6)] {
            let hz = hertz(pitch);
            let (mut saw, mut pulse, mut filter) = (Osc::at(0.2), Osc::default(), Ladder::default());
            let place = pan(if hit.step % 2 == 0 { -0.3 } else { 0.3 });
            let force = hit.velocity * level;
            dry.play(hit.beat, 0.6, |t| {
                let cutoff = hz * 1.6 + 6500.0 * hit.velocity * hit.velocity * exp(-t / 0.036);
                let raw = 0.7 * saw.saw(hz) + 0.5 * pulse.pulse(hz * 1.004, 0.3);
                let sample = filter.low(raw, cutoff, 1.1) * strike(t, 0.085) * (0.4 + 0.6 * force) * level;
                [sample * place[0], sample * place[1]]
            });
        }
    }
    glue(&mut dry, -12.0, 2.5, 0.002, 0.06);
    let echoes = echoed(&dry, 0.75, 0.42);
    let mut out = dry.clone();
    out.mix(&echoes, 0.38);
    dry.mix(&echoes, 0.5);
    out.mix(&reverberated(&dry, STUDIO), 0.3);
    chorus(&mut out, 0.35, 1.4, 0.3);
    low_cut(&mut out, 130.0);
    tilt(&mut out, 1200.0, 3.0);
    out
}

/// House stab: a piano and an organ in one, on the off-beats that made the music.
pub(crate) fn house_stab(canvas: &Canvas) -> Canvas {
    let mut dry = canvas.blank();
    let mut feel = Feel::new(canvas, 0.16, 0.002, 33);
    let pattern = "..8. .7.. ..8. ..6. | ..8. .7.. 6.8. .6.. | ..8. .7.. ..8. ..6. | ..8. .7.. 6.8. 7.86";
    // Even and odd drawbars and their levels.
    let bars = [(1.0, 1.0), (2.0, 0.75), (3.0, 0.5), (4.0, 0.4), (6.0, 0.22), (8.0, 0.16)];
    for hit in feel.hits(pattern) {
        let chord = CLOSE[hit.step / 16];
        let held = if hit.step % 8 == 2 { canvas.seconds(0.4) } else { canvas.seconds(0.24) };
        let shape = Adsr { attack: 0.0015, decay: 0.16, sustain: 0.35, release: 0.045 };
        for (n, pitch) in chord.iter().chain([chord[0] + 12.0, chord[1] + 12.0].iter()).enumerate() {
            let hz = hertz(*pitch);
            let (mut left, mut right) = (Osc::at(0.05 * n as f64), Osc::at(0.5));
            let mut filters = [Svf::default(); 2];
            let place = pan(n as f64 * 0.24 - 0.6);
            dry.play(hit.beat, shape.lasting(held), |t| {
                let organ: f64 =
                    bars.iter().map(|(ratio, level)| level * sine(hz * ratio * t) * exp(-t * ratio / 1.6)).sum::<f64>()
                        * 0.34;
                let bright = hz * 2.0 + (1400.0 + 5200.0 * hit.velocity) * exp(-t / 0.07);
                let level = shape.level(t, held) * hit.velocity;
                let strings = [left.saw(hz * 0.9985), right.saw(hz * 1.0015)];
                std::array::from_fn(|side| {
                    let piano = filters[side].split(strings[side], bright, 0.8).low * 0.5;
                    (organ + piano) * level * place[side]
                })
            });
        }
    }
    glue(&mut dry, -10.0, 2.0, 0.006, 0.1);
    let echoes = echoed(&dry, 0.75, 0.3);
    let mut out = dry.clone();
    out.mix(&echoes, 0.2);
    out.mix(&reverberated(&dry, Room { seconds: 1.0, ..STUDIO }), 0.38);
    warm(&mut out, 3.0);
    low_cut(&mut out, 140.0);
    tilt(&mut out, 2000.0, 2.5);
    out
}

/// Supersaw: wide stacks that breathe with the kick and open over four bars.
pub(crate) fn supersaw(canvas: &Canvas) -> Canvas {
    let mut out = canvas.blank();
    let mut rng = Rng::new(34);
    let shape = Adsr { attack: 0.025, decay: 1.2, sustain: 0.85, release: 0.12 };
    for (bar, chord) in CLOSE.iter().enumerate() {
        let held = canvas.seconds(3.92);
        for (n, pitch) in chord.iter().chain([chord[1] + 12.0, chord[2] + 12.0].iter()).enumerate() {
            let hz = hertz(*pitch);
            let mut swarm = Swarm::new(7, 17.0, 0.95, &mut rng);
            let level = if n < 4 { 1.0 } else { 0.55 };
            out.play(bar as f64 * 4.0, shape.lasting(held), |t| {
                let gain = shape.level(t, held) * level;
                swarm.next(hz).map(|x| x * gain)
            });
        }
    }
    let (mut low, mut thin, open) = (StereoSvf::default(), StereoSvf::default(), out.lfo(0.117));
    out.through(|index, frame| {
        let cutoff = 4600.0 * exp2(0.9 * sine(index as f64 * open - 0.25));
        thin.high(low.low(frame, cutoff, 0.8), 190.0, 0.7)
    });
    chorus(&mut out, 0.8, 1.6, 0.35);
    let hall =
        reverberated(&out, Room { seconds: 1.9, size: 0.9, damping_hz: 6500.0, low_cut_hz: 350.0, predelay: 0.015 });
    out.mix(&hall, 0.3);
    out.pump(0.78);
    warm(&mut out, 2.0);
    low_cut(&mut out, 60.0);
    out
}
