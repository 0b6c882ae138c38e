//! Bass loops, in mono.

use crate::{
    canvas::{Canvas, RATE},
    dynamics::{glue, low_cut, saturate, warm},
    envelope::{Adsr, strike},
    filter::{Ladder, OnePole, Svf},
    harmony::{Note, ROOTS, note, sounding},
    math::{exp, exp2, hertz, sine},
    osc::Osc,
};

/// A bar's rhythm over the four roots: step of sixteenth, semitones over the root, sixteenths held, velocity.
fn over_roots(bars: &[&[(f64, f64, f64, f64)]]) -> Vec<Note> {
    let mut notes = Vec::new();
    for (bar, root) in ROOTS.iter().enumerate() {
        for (step, above, held, velocity) in bars[bar % bars.len()] {
            notes.push(note(bar as f64 * 4.0 + step * 0.25, root + above, held * 0.25, *velocity));
        }
    }
    notes
}

/// Round and plucked: a sine under a saw whose filter closes quickly.
pub(crate) fn sub_pluck(canvas: &Canvas) -> Canvas {
    let notes = over_roots(&[
        &[
            (0.0, 0.0, 2.5, 1.0),
            (3.0, 0.0, 1.2, 0.75),
            (6.0, 0.0, 2.0, 0.9),
            (10.0, 7.0, 1.2, 0.7),
            (11.0, 0.0, 2.5, 0.85),
        ],
        &[
            (0.0, 0.0, 2.5, 1.0),
            (3.0, 0.0, 1.2, 0.75),
            (6.0, 0.0, 2.0, 0.9),
            (10.0, 0.0, 1.2, 0.8),
            (13.0, 12.0, 0.9, 0.6),
            (14.0, 7.0, 1.6, 0.75),
        ],
    ]);
    let mut out = canvas.blank();
    for n in notes {
        let (mut sub, mut saw, mut filter) = (Osc::default(), Osc::at(0.5), Ladder::default());
        let held = canvas.seconds(n.held);
        let body = Adsr { attack: 0.003, decay: 0.5, sustain: 0.55, release: 0.035 };
        let hz = hertz(n.pitch);
        out.play(n.beat, body.lasting(held), |t| {
            let cutoff = 240.0 + 2800.0 * n.velocity * n.velocity * exp(-t / 0.07);
            let pluck = filter.low(saw.saw(hz) * 0.7 + pick(hz, t) * 0.15, cutoff, 0.9);
            let low = sub.sine(hz, 0.0) + 0.22 * exp(-t / 0.2) * sine(2.0 * hz * t);
            let sample = (low * 0.62 + pluck * 1.25) * body.level(t, held) * (0.55 + 0.45 * n.velocity);
            [sample, sample]
        });
    }
    out.pump(0.35);
    warm(&mut out, 5.0);
    low_cut(&mut out, 26.0);
    out
}

/// A sine an octave and a fifth up: the pick.
fn pick(hz: f64, t: f64) -> f64 {
    sine(3.0 * hz * t) * strike(t, 0.04)
}

/// Octaves in eighths: the root on the beat, its octave between.
pub(crate) fn octave(canvas: &Canvas) -> Canvas {
    let straight: &[(f64, f64, f64, f64)] = &[
        (0.0, 0.0, 1.6, 1.0),
        (2.0, 12.0, 1.1, 0.8),
        (4.0, 0.0, 1.6, 0.92),
        (6.0, 12.0, 1.1, 0.8),
        (7.0, 12.0, 0.7, 0.45),
        (8.0, 0.0, 1.6, 0.95),
        (10.0, 12.0, 1.1, 0.8),
        (12.0, 0.0, 1.4, 0.9),
        (14.0, 12.0, 1.1, 0.85),
    ];
    let turned: &[(f64, f64, f64, f64)] = &[
        (0.0, 0.0, 1.6, 1.0),
        (2.0, 12.0, 1.1, 0.8),
        (4.0, 0.0, 1.6, 0.92),
        (6.0, 12.0, 1.1, 0.8),
        (8.0, 0.0, 1.6, 0.95),
        (10.0, 12.0, 1.1, 0.8),
        (11.0, 7.0, 0.8, 0.6),
        (12.0, 0.0, 1.4, 0.9),
        (14.0, 7.0, 0.9, 0.8),
        (15.0, 10.0, 0.8, 0.7),
    ];
    let notes = over_roots(&[straight, straight, straight, turned]);
    let mut out = canvas.blank();
    for n in notes {
        let (mut saw, mut square, mut sub, mut filter) =
            (Osc::default(), Osc::at(0.5), Osc::default(), Ladder::default());
        let held = canvas.seconds(n.held);
        let body = Adsr { attack: 0.002, decay: 0.22, sustain: 0.5, release: 0.018 };
        let hz = hertz(n.pitch);
        out.play(n.beat, body.lasting(held), |t| {
            let cutoff = 300.0 + 3800.0 * n.velocity * exp(-t / 0.08) + hz;
            let raw = 0.6 * saw.saw(hz) + 0.45 * square.pulse(hz * 1.003, 0.42);
            let sample = filter.low(raw, cutoff, 1.3) + 0.45 * sub.sine(hz, 0.0);
            let sample = sample * body.level(t, held) * (0.5 + 0.5 * n.velocity);
            [sample, sample]
        });
    }
    glue(&mut out, -10.0, 2.5, 0.008, 0.09);
    out.pump(0.3);
    warm(&mut out, 5.0);
    low_cut(&mut out, 28.0);
    out
}

/// Reese: three saws that beat against each other over a steady sine, behind a slow filter.
pub(crate) fn reese(canvas: &Canvas) -> Canvas {
    let notes = over_roots(&[
        &[
            (0.0, 0.0, 3.0, 1.0),
            (3.0, 0.0, 2.6, 0.9),
            (6.0, 0.0, 4.5, 0.95),
            (11.0, 0.0, 1.5, 0.8),
            (13.0, 12.0, 0.9, 0.7),
            (14.0, 0.0, 1.8, 0.9),
        ],
        &[
            (0.0, 0.0, 3.0, 1.0),
            (3.0, 0.0, 2.6, 0.9),
            (6.0, 0.0, 5.5, 0.95),
            (12.0, 7.0, 1.6, 0.85),
            (14.0, 0.0, 1.8, 0.9),
        ],
    ]);
    let (mut rough, mut low) = (canvas.blank(), canvas.blank());
    for n in notes {
        let held = canvas.seconds(n.held);
        let body = Adsr { attack: 0.006, decay: 0.6, sustain: 0.8, release: 0.03 };
        let hz = hertz(n.pitch);
        let mut saws = [(Osc::at(0.1), 0.9885), (Osc::at(0.4), 1.0), (Osc::at(0.73), 1.0117)];
        let mut sub = Osc::default();
        rough.play(n.beat, body.lasting(held), |t| {
            let sum: f64 = saws.iter_mut().map(|(osc, ratio)| osc.saw(2.0 * hz * *ratio)).sum();
            [sum / 3.0 * body.level(t, held) * n.velocity; 2]
        });
        low.play(n.beat, body.lasting(held), |t| [sub.sine(hz, 0.0) * body.level(t, held) * n.velocity; 2]);
    }
    let (mut filter, mut cut, sweep, wobble) =
        (Svf::default(), OnePole::default(), canvas.lfo(0.233), canvas.lfo(0.47));
    rough.through(|index, frame| {
        let turn = index as f64;
        let open = 0.6 * sine(turn * sweep) + 0.4 * sine(turn * wobble + 0.3);
        let driven = saturate(frame[0] * 1.6, 1.5);
        let sample = filter.split(cut.high(driven, 90.0), 900.0 * exp2(1.1 * open), 1.7).low;
        [sample, sample]
    });
    low.scale(0.8);
    low.mix(&rough, 1.2);
    glue(&mut low, -8.0, 2.0, 0.01, 0.12);
    low.pump(0.5);
    warm(&mut low, 6.0);
    low_cut(&mut low, 27.0);
    low
}

/// One sixteenth of the acid line: semitones over A, whether it is accented, whether it slides into the next.
type AcidStep = Option<(f64, bool, bool)>;

/// The acid line's two bars: notes that fit over all four chords.
fn acid_steps() -> [AcidStep; 32] {
    let (root, below, third, fourth, fifth, seventh, octave) = (0.0, -2.0, 3.0, 5.0, 7.0, 10.0, 12.0);
    let (plain, accent, slide, both) = ((false, false), (true, false), (false, true), (true, true));
    let step = |pitch: f64, (accented, slid): (bool, bool)| Some((pitch, accented, slid));
    [
        step(root, accent),
        None,
        step(root, plain),
        step(octave, slide),
        step(root, plain),
        None,
        step(seventh, accent),
        step(root, plain),
        step(root, plain),
        step(third, slide),
        step(fourth, plain),
        None,
        step(root, accent),
        step(fifth, slide),
        step(seventh, plain),
        step(below, plain),
        step(root, accent),
        None,
        step(root, plain),
        step(octave, both),
        step(seventh, plain),
        None,
        step(root, plain),
        step(fifth, plain),
        step(root, plain),
        step(fourth, slide),
        step(third, accent),
        step(root, plain),
        None,
        step(octave, both),
        step(fifth, slide),
        step(below, plain),
    ]
}

/// Acid: one saw through a resonant ladder, with accents and slides; its cutoff breathes over the two bars.
pub(crate) fn acid(canvas: &Canvas) -> Canvas {
    let steps = acid_steps();
    let melody: Vec<Note> = steps
        .iter()
        .enumerate()
        .filter_map(|(n, step)| step.map(|(above, _, slide)| (n as f64 * 0.25, above, slide)))
        .map(|(beat, above, slide)| note(beat, 45.0 + above, if slide { 0.25 } else { 0.14 }, 0.8))
        .collect();
    let mut out = canvas.blank();
    let (mut saw, mut sub, mut ladder) = (Osc::default(), Osc::default(), Ladder::default());
    let (mut pitch, mut level, mut sweep, mut held_accent) = (45.0, 0.0, 0.0, 0.0);
    let breath = canvas.lfo(0.233);
    let frames_per_beat = canvas.frame_at(16.0) as f64 / 16.0;
    let mut sliding = false;
    out.through(|index, _| {
        let beat = index as f64 / frames_per_beat;
        let now = sounding(&melody, beat);
        let target = if let Some((note, since)) = now {
            let n = (note.beat * 4.0).round() as usize;
            let accent = steps[n].is_some_and(|step| step.1);
            if since * frames_per_beat < 1.0 {
                if !sliding {
                    sweep = 1.0;
                }
                held_accent = if accent { 1.0 } else { 0.0 };
            }
            sliding = steps[n].is_some_and(|step| step.2);
            pitch += (note.pitch - pitch) * 0.0011;
            if accent { 1.0 } else { 0.72 }
        } else {
            sliding = false;
            0.0
        };
        if level < 0.02 {
            pitch = now.map_or(pitch, |(note, _)| note.pitch);
        }
        level += (target - level) * if target > level { 0.012 } else { 0.0022 };
        sweep *= 1.0 - 1.0 / (RATE * (0.13 - 0.05 * held_accent));
        let open = 0.5 + 0.5 * sine(index as f64 * breath - 0.25);
        let cutoff = 300.0 * exp2(1.1 * open + (2.6 + 1.0 * held_accent) * sweep);
        let hz = hertz(pitch);
        let squelch = ladder.low(saw.saw(hz) * 1.3, cutoff, 3.25 + 0.35 * held_accent);
        let sample = saturate(squelch * 2.2, 2.2) * level + sub.sine(hz * 0.5, 0.0) * 0.28 * level;
        [sample, sample]
    });
    warm(&mut out, 5.0);
    low_cut(&mut out, 30.0);
    out
}
