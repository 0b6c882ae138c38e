//! Lead loops: bell, call and answer, arpeggio, and a square that glides.

use crate::{
    canvas::{Canvas, RATE},
    dynamics::{low_cut, tilt},
    envelope::{Adsr, Feel, strike},
    filter::{Ladder, OnePole, Svf},
    harmony::{CLOSE, Note, note, sing, sounding},
    math::{Rng, exp, exp2, hertz, pan, sine},
    osc::Osc,
    space::{Room, chorus, echoed, reverberated},
};

/// A bright hall for melodies.
const HALL: Room = Room { seconds: 2.4, size: 1.0, damping_hz: 6000.0, low_cut_hz: 350.0, predelay: 0.02 };

/// Puts a dry melody into its space: echoes a dotted eighth apart, and a hall that hears both.
fn placed(dry: &Canvas, echo: f64, hall: f64) -> Canvas {
    let echoes = echoed(dry, 0.75, 0.45);
    let mut heard = dry.clone();
    heard.mix(&echoes, 0.6);
    let mut out = dry.clone();
    out.mix(&echoes, echo);
    out.mix(&reverberated(&heard, HALL), hall);
    low_cut(&mut out, 160.0);
    out
}

/// Glass bell: sparse notes that leave room, high over the chords.
pub(crate) fn bell(canvas: &Canvas) -> Canvas {
    let melody = [
        note(0.0, 76.0, 1.0, 0.9),
        note(1.5, 74.0, 1.0, 0.65),
        note(2.0, 72.0, 1.0, 0.75),
        note(3.5, 69.0, 1.0, 0.6),
        note(4.5, 72.0, 1.0, 0.7),
        note(6.0, 76.0, 1.0, 0.85),
        note(7.5, 79.0, 1.0, 0.6),
        note(8.0, 79.0, 1.0, 0.85),
        note(9.5, 76.0, 1.0, 0.7),
        note(10.5, 74.0, 1.0, 0.75),
        note(12.0, 74.0, 1.0, 0.85),
        note(13.5, 71.0, 1.0, 0.65),
        note(14.5, 74.0, 1.0, 0.6),
        note(15.25, 79.0, 1.0, 0.45),
    ];
    let mut dry = canvas.blank();
    sing(&mut dry, &melody, |canvas, n, number| {
        let hz = hertz(n.pitch);
        let place = pan(if number % 2 == 0 { -0.25 } else { 0.3 });
        let [mut bowl, mut bowl_mod, mut rim, mut rim_mod, mut clapper, mut hum] = [Osc::default(); 6];
        canvas.play(n.beat, 2.2, |t| {
            let index = n.velocity * 0.22 * exp(-t / 0.28);
            let glass = bowl.sine(hz, index * bowl_mod.sine(hz * 3.502, 0.0)) * strike(t, 0.55);
            let shimmer = rim.sine(hz * 2.003, 0.5 * index * rim_mod.sine(hz * 7.01, 0.0)) * strike(t, 0.3) * 0.35;
            let ping = clapper.sine(hz * 5.43, 0.0) * strike(t, 0.05) * 0.16
                + hum.sine(hz * 0.999, 0.0) * strike(t, 0.8) * 0.25;
            let sample = (glass + shimmer + ping) * n.velocity * ((2.2 - t) / 0.3).min(1.0);
            [sample * place[0], sample * place[1]]
        });
    });
    placed(&dry, 0.34, 0.42)
}

/// Call and answer: a nasal pluck asks, a wooden bar replies from the other side.
pub(crate) fn call(canvas: &Canvas) -> Canvas {
    let calls = [
        note(0.0, 69.0, 0.3, 0.9),
        note(0.75, 72.0, 0.3, 0.8),
        note(1.5, 74.0, 0.3, 0.85),
        note(2.0, 76.0, 0.6, 1.0),
        note(8.0, 67.0, 0.3, 0.9),
        note(8.75, 72.0, 0.3, 0.8),
        note(9.5, 74.0, 0.3, 0.85),
        note(10.0, 79.0, 0.6, 1.0),
        note(11.0, 76.0, 0.3, 0.7),
    ];
    let answers = [
        note(4.5, 81.0, 0.3, 0.8),
        note(5.0, 79.0, 0.3, 0.7),
        note(5.75, 76.0, 0.3, 0.8),
        note(6.5, 72.0, 0.3, 0.75),
        note(7.0, 76.0, 0.3, 0.6),
        note(12.5, 74.0, 0.3, 0.8),
        note(13.0, 79.0, 0.3, 0.8),
        note(13.75, 76.0, 0.3, 0.7),
        note(14.25, 74.0, 0.3, 0.8),
        note(15.0, 71.0, 0.3, 0.7),
        note(15.5, 74.0, 0.3, 0.55),
    ];
    let mut dry = canvas.blank();
    sing(&mut dry, &calls, |canvas, n, _| {
        let hz = hertz(n.pitch);
        let (mut saw, mut pulse, mut filter, place) = (Osc::default(), Osc::at(0.3), Ladder::default(), pan(-0.3));
        let shape = Adsr { attack: 0.002, decay: 0.14, sustain: 0.3, release: 0.06 };
        let held = canvas.seconds(n.held);
        canvas.play(n.beat, shape.lasting(held), |t| {
            let cutoff = hz * 2.2 + 7000.0 * n.velocity * exp(-t / 0.08);
            let raw = 0.5 * saw.saw(hz) + 0.6 * pulse.pulse(hz * 0.9975, 0.22);
            let sample = filter.low(raw, cutoff, 2.0) * shape.level(t, held) * n.velocity;
            [sample * place[0], sample * place[1]]
        });
    });
    sing(&mut dry, &answers, |canvas, n, _| {
        let hz = hertz(n.pitch);
        let (mut bar, mut fourth, mut tenth, place) = (Osc::default(), Osc::default(), Osc::default(), pan(0.35));
        canvas.play(n.beat, 1.2, |t| {
            let sample = bar.sine(hz, 0.03 * strike(t, 0.03) * sine(hz * 2.0 * t)) * strike(t, 0.2)
                + 0.42 * fourth.sine(hz * 3.93, 0.0) * strike(t, 0.07)
                + 0.2 * tenth.sine(hz * 9.2, 0.0) * strike(t, 0.014);
            [sample * n.velocity * place[0], sample * n.velocity * place[1]]
        });
    });
    chorus(&mut dry, 0.4, 0.9, 0.25);
    let mut out = placed(&dry, 0.4, 0.3);
    tilt(&mut out, 1200.0, 2.5);
    out
}

/// Arpeggio: sixteenths up and down two octaves of the chord; the filter opens and closes over four bars.
pub(crate) fn arp(canvas: &Canvas) -> Canvas {
    let mut dry = canvas.blank();
    let mut feel = Feel::new(canvas, 0.08, 0.0015, 43);
    let pattern = "9576 8576 9576 8575 | 9576 8576 9576 8575 | 9576 8576 9576 8575 | 9576 8576 9576 8767";
    let climb = [0, 1, 2, 3, 5, 4, 3, 2, 1, 2, 3, 5, 6, 5, 3, 2];
    for hit in feel.hits(pattern) {
        let chord = CLOSE[hit.step / 16];
        let degree = climb[hit.step % 16];
        // The chord's fourth note doubles its first, so the next octave begins with the second.
        let pitch = chord[degree % 3] + 12.0 * (degree / 3) as f64;
        let hz = hertz(pitch);
        let open = 0.5 - 0.5 * sine(hit.beat / 16.0 + 0.25);
        let (mut saw, mut pulse, mut filter) = (Osc::at(0.4), Osc::default(), Ladder::default());
        let place = pan(0.45 * sine(hit.beat / 4.0));
        dry.play(hit.beat, 0.7, |t| {
            let cutoff = 650.0 * exp2(1.6 * open + 2.3 * hit.velocity * exp(-t / 0.06)) + hz * 0.5;
            let raw = 0.55 * saw.saw(hz) + 0.5 * pulse.pulse(hz * 1.005, 0.35 + 0.15 * open);
            let sample = filter.low(raw, cutoff, 1.7) * strike(t, 0.11) * hit.velocity;
            [sample * place[0], sample * place[1]]
        });
    }
    let mut out = placed(&dry, 0.36, 0.26);
    tilt(&mut out, 1500.0, 2.5);
    out
}

/// Glide: one soft square that slides from note to note, with a late vibrato.
pub(crate) fn glide(canvas: &Canvas) -> Canvas {
    let melody: [Note; 17] = [
        note(0.0, 69.0, 1.4, 0.9),
        note(1.5, 72.0, 0.5, 0.75),
        note(2.0, 76.0, 1.75, 0.95),
        note(4.0, 74.0, 1.0, 0.85),
        note(5.0, 72.0, 0.75, 0.75),
        note(5.75, 69.0, 1.5, 0.8),
        note(7.5, 67.0, 0.5, 0.65),
        note(8.0, 67.0, 0.75, 0.8),
        note(8.75, 72.0, 0.75, 0.8),
        note(9.5, 76.0, 1.5, 0.95),
        note(11.0, 79.0, 0.5, 0.8),
        note(11.5, 76.0, 0.5, 0.7),
        note(12.0, 74.0, 1.5, 0.9),
        note(13.5, 71.0, 0.5, 0.7),
        note(14.0, 74.0, 1.0, 0.8),
        note(15.0, 76.0, 0.5, 0.75),
        note(15.5, 71.0, 0.28, 0.65),
    ];
    let mut dry = canvas.blank();
    let (mut square, mut other, mut filter, mut soft) =
        (Osc::default(), Osc::at(0.5), Ladder::default(), OnePole::default());
    let (mut pitch, mut level, mut bright) = (69.0, 0.0, 0.0);
    let (wander, frames_per_beat) = (dry.lfo(5.36), canvas.frame_at(16.0) as f64 / 16.0);
    let slide = 1.0 - exp(-1.0 / (0.032 * RATE));
    dry.through(|index, _| {
        let beat = index as f64 / frames_per_beat;
        let (target, since) = sounding(&melody, beat).map_or((0.0, 0.0), |(note, since)| {
            pitch += (note.pitch - pitch) * slide;
            if since * frames_per_beat < 1.0 {
                bright += note.velocity * 0.8;
            }
            (note.velocity, since)
        });
        level += (target - level) * if target > level { 0.0016 } else { 0.0012 };
        bright *= 1.0 - 1.0 / (0.22 * RATE);
        let vibrato = 0.2 * ((since - 0.5) / 0.7).clamp(0.0, 1.0) * sine(index as f64 * wander);
        let hz = hertz(pitch + vibrato);
        let width = 0.42 + 0.07 * sine(beat / 8.0);
        let raw = 0.55 * square.pulse(hz, width) + 0.4 * other.saw(hz * 1.0035);
        let cutoff = 1300.0 + hz * 1.8 + 3200.0 * bright;
        let sample = soft.low(filter.low(raw, cutoff, 0.8), 7000.0) * level;
        [sample, sample]
    });
    chorus(&mut dry, 0.5, 1.3, 0.5);
    placed(&dry, 0.36, 0.34)
}

/// Chip: two pulses and a counter that plays chords by running through them.
pub(crate) fn chip(canvas: &Canvas) -> Canvas {
    let melody = [
        note(0.0, 81.0, 0.45, 0.9),
        note(0.5, 79.0, 0.2, 0.7),
        note(0.75, 76.0, 0.45, 0.85),
        note(1.5, 74.0, 0.2, 0.7),
        note(1.75, 76.0, 0.7, 0.9),
        note(2.75, 72.0, 0.2, 0.7),
        note(3.0, 74.0, 0.45, 0.8),
        note(3.5, 76.0, 0.45, 0.8),
        note(4.0, 69.0, 0.7, 0.9),
        note(5.0, 72.0, 0.2, 0.75),
        note(5.25, 74.0, 0.2, 0.75),
        note(5.5, 76.0, 0.45, 0.85),
        note(6.0, 79.0, 0.7, 0.95),
        note(7.0, 76.0, 0.2, 0.8),
        note(7.25, 74.0, 0.2, 0.75),
        note(7.5, 72.0, 0.4, 0.8),
    ];
    let mut dry = canvas.blank();
    sing(&mut dry, &melody, |out, n, _| {
        let (hz, held, mut pulse, mut bright) =
            (canvas.hertz(n.pitch), canvas.seconds(n.held), Osc::default(), OnePole::default());
        let shape = Adsr { attack: 0.001, decay: 0.12, sustain: 0.55, release: 0.012 };
        let place = pan(-0.18);
        out.play(n.beat, shape.lasting(held), |t| {
            let vibrato = 0.16 * ((t - 0.14) / 0.1).clamp(0.0, 1.0) * sine(t * 6.2);
            let width = if t < 0.03 { 0.5 } else { 0.25 };
            let sample = bright.low(pulse.pulse(hz * exp2(vibrato / 12.0), width), 9000.0);
            place.map(|side| sample * shape.level(t, held) * n.velocity * side)
        });
    });
    let mut feel = Feel::new(canvas, 0.0, 0.0, 47);
    for hit in feel.hits("7.5. 7.5. 7.5. 7.55 | 7.5. 7.5. 7.5. 7575") {
        let (mut pulse, place, held) = (Osc::default(), pan(0.35), canvas.seconds(0.3));
        let shape = Adsr { attack: 0.001, decay: 0.08, sustain: 0.4, release: 0.01 };
        shaped(&mut dry, hit.beat, shape, held, |t| {
            // Fifty notes a second.
            let pitch = [57.0, 64.0, 67.0, 72.0][(t * 50.0) as usize % 4];
            let sample = pulse.pulse(canvas.hertz(pitch), 0.125) * 0.4 * hit.velocity;
            place.map(|side| sample * side)
        });
    }
    let mut out = placed(&dry, 0.2, 0.12);
    tilt(&mut out, 3000.0, -1.0);
    out
}

/// Adds a shaped voice.
fn shaped(canvas: &mut Canvas, beat: f64, shape: Adsr, held: f64, mut voice: impl FnMut(f64) -> [f64; 2]) {
    canvas.play(beat, shape.lasting(held), |t| voice(t).map(|x| x * shape.level(t, held)));
}

/// Bamboo: a flute whose breath is half of it.
pub(crate) fn bamboo(canvas: &Canvas) -> Canvas {
    let melody = [
        note(0.0, 69.0, 1.3, 0.85),
        note(1.5, 72.0, 0.4, 0.7),
        note(2.0, 74.0, 0.9, 0.85),
        note(3.0, 76.0, 1.7, 0.95),
        note(5.0, 79.0, 0.4, 0.8),
        note(5.5, 76.0, 0.4, 0.7),
        note(6.0, 74.0, 0.7, 0.8),
        note(6.75, 72.0, 0.3, 0.65),
        note(7.0, 67.0, 0.85, 0.7),
    ];
    let mut dry = canvas.blank();
    sing(&mut dry, &melody, |out, n, number| {
        let (hz, held, mut rng) = (canvas.hertz(n.pitch), canvas.seconds(n.held), Rng::new(480 + number));
        let (mut tube, mut pipe, mut chiff) = (Osc::default(), [Svf::default(); 3], Svf::default());
        let (mut drift, mut phase) = (OnePole::default(), rng.unit());
        let shape = Adsr { attack: 0.045, decay: 0.3, sustain: 0.85, release: 0.07 };
        let place = pan(0.12);
        out.play(n.beat, shape.lasting(held), |t| {
            phase += 5.3 / RATE;
            let deep = ((t - 0.25) / 0.5).clamp(0.0, 1.0);
            let wave = sine(phase);
            let bend = -0.6 * exp(-t / 0.03) + 0.14 * deep * wave + 12.0 * drift.low(rng.noise(), 3.0);
            let pitch = hz * exp2(bend / 12.0);
            let level = shape.level(t, held) * (1.0 + 0.16 * deep * wave);
            // A sine with a little of its octave and twelfth, and breath that the tube tunes.
            let tone = tube.sine(pitch, 0.045 * n.velocity * sine(2.0 * pitch * t));
            let breath = rng.noise();
            let tuned: f64 = pipe
                .iter_mut()
                .zip([(1.0, 0.9), (2.0, 0.5), (3.0, 0.3)])
                .map(|(filter, (ratio, gain))| filter.split(breath, pitch * ratio, 14.0).band * gain)
                .sum();
            let spit = chiff.split(breath, 3100.0, 1.2).band * (strike(t, 0.035) * 0.5 + 0.035);
            let sample = (tone * 0.75 + tuned * 1.1 + spit) * level * n.velocity;
            place.map(|side| sample * side)
        });
    });
    let mut out = placed(&dry, 0.28, 0.5);
    tilt(&mut out, 2500.0, 2.0);
    out
}
