//! Bass loops of two bars over A, in mono: notes that fit under every chord, so that any bar is a good one to start.

use crate::{
    canvas::Canvas,
    dynamics::{glue, low_cut, saturate, tilt, warm},
    envelope::{Adsr, Feel},
    filter::{Ladder, OnePole, Svf},
    harmony::{Note, note},
    math::{exp, exp2, sine},
    osc::Osc,
    strings::{Pluck, Strung},
};

/// Dub: a round weight that leaves the first beat of every other bar to the room.
pub(crate) fn dub(canvas: &Canvas) -> Canvas {
    let line = [
        note(0.0, 33.0, 0.85, 1.0),
        note(1.0, 33.0, 0.4, 0.75),
        note(1.52, 36.0, 0.42, 0.85),
        note(2.0, 40.0, 0.8, 0.9),
        note(3.02, 38.0, 0.4, 0.8),
        note(3.5, 36.0, 0.42, 0.8),
        note(4.5, 33.0, 0.42, 0.85),
        note(5.0, 33.0, 0.9, 1.0),
        note(6.52, 31.0, 0.42, 0.8),
        note(7.0, 28.0, 0.45, 0.9),
        note(7.5, 31.0, 0.42, 0.75),
    ];
    let mut out = canvas.blank();
    for n in line {
        let (mut body, mut second, mut felt) = (Osc::default(), Osc::default(), Ladder::default());
        let (hz, held) = (canvas.hertz(n.pitch), canvas.seconds(n.held));
        let shape = Adsr { attack: 0.007, decay: 0.5, sustain: 0.7, release: 0.045 };
        out.play(n.beat, shape.lasting(held), |t| {
            let raw = body.sine(hz, 0.0) + 0.6 * second.pulse(hz, 0.42);
            let round = felt.low(raw, 300.0 + 1300.0 * n.velocity * exp(-t / 0.1) + hz, 0.5);
            [saturate(round * 1.4, 1.4) * shape.level(t, held) * n.velocity; 2]
        });
    }
    warm(&mut out, 4.0);
    low_cut(&mut out, 30.0);
    out
}

/// Wobble: a growl whose filter beats in quarters, threes, eighths and sixteenths.
pub(crate) fn wobble(canvas: &Canvas) -> Canvas {
    // Beats a beat, one for each beat of the loop; pitches, two beats each.
    let rates = [1.0, 2.0, 3.0, 3.0, 1.0, 2.0, 4.0, 6.0];
    let pitches = [33.0, 33.0, 36.0, 31.0];
    let mut out = canvas.blank();
    let frames_per_beat = out.frames().len() as f64 / 8.0;
    let (mut saws, mut sub, mut ladder) =
        ([Osc::default(), Osc::at(0.4), Osc::at(0.7)], Osc::default(), Ladder::default());
    let (mut throat, mut glide, mut deep) = (Svf::default(), OnePole::default(), OnePole::default());
    out.through(|index, _| {
        let beat = index as f64 / frames_per_beat;
        let now = (beat as usize).min(7);
        let pitch = glide.low(pitches[now / 2], 22.0);
        let hz = canvas.hertz(pitch);
        // Every beat begins closed: a rate is a whole number of turns.
        let open = (0.5 - 0.5 * sine(beat.fract() * rates[now] + 0.25)).max(0.0);
        let raw: f64 = saws.iter_mut().zip([1.0, 1.994, 2.011]).map(|(osc, ratio)| osc.saw(hz * ratio)).sum();
        let cutoff = 130.0 * exp2(4.4 * open * open.sqrt());
        let growl = ladder.low(saturate(raw * 0.7, 1.6), cutoff, 1.9);
        let vowel = throat.split(growl, 420.0 * exp2(1.7 * open), 3.0).band;
        // A pitch lasts two beats and opens and closes without a step, at the seam as elsewhere.
        let since = canvas.seconds(beat % 2.0);
        let gap = (since / 0.003).min(1.0) * ((canvas.seconds(2.0) - since) / 0.014).min(1.0);
        let top = saturate((growl + 0.8 * vowel) * 1.5, 1.8);
        let high = top - deep.low(top, 110.0);
        [(high * 0.9 + sub.sine(hz, 0.0) * (0.45 + 0.2 * open)) * gap; 2]
    });
    warm(&mut out, 5.0);
    low_cut(&mut out, 30.0);
    out
}

/// Long: a drum machine's kick, played as a bass; it slides, and its fuzz tells where it is.
pub(crate) fn long(canvas: &Canvas) -> Canvas {
    let line = [
        note(0.0, 33.0, 1.6, 1.0),
        note(1.75, 33.0, 0.5, 0.8),
        note(2.5, 36.0, 1.2, 0.9),
        note(4.0, 33.0, 0.7, 1.0),
        note(4.75, 33.0, 1.1, 0.85),
        note(6.0, 31.0, 0.7, 0.9),
        note(6.75, 40.0, 1.1, 0.85),
    ];
    let mut out = canvas.blank();
    for (number, n) in line.iter().enumerate() {
        let (mut body, hz, held) = (Osc::default(), canvas.hertz(n.pitch), canvas.seconds(n.held));
        let shape = Adsr { attack: 0.003, decay: 1.1, sustain: 0.25, release: 0.03 };
        // The fourth note slides up a fifth, the last one down.
        let slides = number == 3 || number == 6;
        out.play(n.beat, shape.lasting(held), |t| {
            let slide = if slides { 7.0 * ((t - held * 0.55) / 0.09).clamp(0.0, 1.0) } else { 0.0 };
            let pitch = hz * exp2((if number == 6 { -slide } else { slide }) / 12.0) * (1.0 + 3.5 * exp(-t / 0.007));
            let sample = body.sine(pitch, 0.0);
            let fuzz = saturate(sample * 3.2, 1.6) * 0.75 + 0.12 * saturate(sample.abs() * 2.0 - 0.9, 3.0);
            [fuzz * shape.level(t, held) * (0.6 + 0.4 * n.velocity); 2]
        });
    }
    warm(&mut out, 3.0);
    low_cut(&mut out, 27.0);
    out
}

/// Finger: a string bass with dead notes between the live ones.
pub(crate) fn finger(canvas: &Canvas) -> Canvas {
    let mut feel = Feel::new(canvas, 0.22, 0.004, 151);
    let steps = [
        33.0, 33.0, 33.0, 45.0, 33.0, 33.0, 43.0, 45.0, 33.0, 33.0, 36.0, 38.0, 33.0, 40.0, 38.0, 31.0, 33.0, 33.0,
        33.0, 45.0, 33.0, 33.0, 43.0, 45.0, 36.0, 33.0, 38.0, 33.0, 40.0, 38.0, 36.0, 31.0,
    ];
    let hits = feel.hits("9..7 .3.6 8.3. 6.57 | 9..7 .3.6 7.8. 7.67");
    let mut out = canvas.blank();
    for (number, hit) in hits.iter().enumerate() {
        let next = hits.get(number + 1).map_or(8.0, |next| next.beat);
        let dead = hit.velocity < 0.4;
        let n =
            Note { beat: hit.beat, pitch: steps[hit.step], held: (next - hit.beat).min(0.9), velocity: hit.velocity };
        let hz = canvas.hertz(n.pitch);
        let finger_hz = 500.0 + 2600.0 * n.velocity * n.velocity;
        let seconds = if dead { 0.12 } else { 5.0 };
        let mut string =
            Strung::new(Pluck { hz, seconds, dullness: 0.22, place: 0.19, finger_hz }, 900 + hit.step as u64);
        let (mut sub, mut cab) = (Osc::default(), Svf::default());
        let shape = Adsr { attack: 0.0015, decay: 0.9, sustain: 0.6, release: 0.03 };
        let held = canvas.seconds(n.held) * 0.9;
        out.play(n.beat, shape.lasting(held), |t| {
            let level = shape.level(t, held);
            let low = sub.sine(hz, 0.0) * if dead { 0.0 } else { 0.42 };
            let tone = cab.split(string.next(), 2600.0, 0.8).low;
            [(tone * 1.5 + low) * level * (0.35 + 0.65 * n.velocity); 2]
        });
    }
    glue(&mut out, -10.0, 2.5, 0.006, 0.1);
    warm(&mut out, 4.0);
    low_cut(&mut out, 32.0);
    tilt(&mut out, 700.0, 2.0);
    out
}
