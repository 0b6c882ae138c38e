//! Chord loops of two bars over A: colours of A minor that fit every chord of the library, wherever they start.

use crate::{
    canvas::Canvas,
    dynamics::{glue, low_cut, saturate, tilt, warm},
    envelope::{Adsr, Feel, strike},
    filter::{Ladder, OnePole, StereoSvf, Svf},
    math::{Rng, exp, exp2, pan, sine},
    osc::{Osc, Swarm},
    space::{Room, chorus, echoed, reverberated},
    strings::{Pluck, Strung},
};

/// A parlour.
const PARLOUR: Room = Room { seconds: 1.5, size: 0.75, damping_hz: 5200.0, low_cut_hz: 220.0, predelay: 0.012 };

/// Clavinet: two hands on strings that are hit from below, through a filter that listens to them.
pub(crate) fn clav(canvas: &Canvas) -> Canvas {
    let mut feel = Feel::new(canvas, 0.2, 0.003, 161);
    let (mut out, low) = (canvas.blank(), [45.0, 52.0]);
    let high = [[60.0, 64.0, 67.0], [62.0, 67.0, 69.0]];
    for (pattern, right) in
        [("9..4 ..7. .4.8 ..3. | 9..4 ..7. .8.4 .63.", false), ("..3. 8..5 7... .7.4 | ..3. 8..5 ..7. 8..6", true)]
    {
        for hit in feel.hits(pattern) {
            let chord = high[usize::from(hit.step % 16 >= 8)];
            let pitches = if right { chord.to_vec() } else { vec![low[usize::from(hit.velocity < 0.8)]] };
            for (n, pitch) in pitches.into_iter().enumerate() {
                let pluck = Pluck {
                    hz: canvas.hertz(pitch),
                    seconds: 1.6,
                    dullness: 0.05,
                    place: 0.11,
                    finger_hz: 2200.0 + 6500.0 * hit.velocity,
                };
                let mut string = Strung::new(pluck, hit.seed(910) + n as u64);
                let held = if hit.velocity < 0.5 { 0.05 } else { canvas.seconds(0.3) };
                let shape = Adsr { attack: 0.001, decay: 0.3, sustain: 0.5, release: 0.018 };
                let place = pan(if right { 0.1 + 0.15 * n as f64 } else { -0.2 });
                out.play(hit.beat, shape.lasting(held), |t| {
                    let sample = string.next() * shape.level(t, held) * hit.velocity * if right { 0.75 } else { 1.0 };
                    place.map(|side| sample * side)
                });
            }
        }
    }
    glue(&mut out, -12.0, 3.0, 0.003, 0.06);
    let (mut quack, mut follower, sway) = (StereoSvf::default(), OnePole::default(), out.lfo(0.23));
    out.through(|index, frame| {
        let level = follower.low((frame[0].abs() + frame[1].abs()) * 0.5, 9.0);
        let cutoff = 650.0 * exp2(14.0 * level.min(0.18) + 0.35 * sine(index as f64 * sway));
        let wet = quack.band(frame, cutoff, 1.9);
        [frame[0] * 0.45 + wet[0] * 1.5, frame[1] * 0.45 + wet[1] * 1.5]
    });
    let room = reverberated(&out, Room { seconds: 0.6, size: 0.5, ..PARLOUR });
    out.mix(&room, 0.2);
    warm(&mut out, 3.0);
    low_cut(&mut out, 110.0);
    tilt(&mut out, 2500.0, 3.0);
    out
}

/// One note of a felted piano: stiff strings in threes, their knock, and the wood.
fn felt_note(canvas: &mut Canvas, beat: f64, pitch: f64, held: f64, velocity: f64, seed: u64) {
    let (hz, mut rng) = (canvas.hertz(pitch), Rng::new(seed));
    let place = pan((pitch - 64.0) / 34.0);
    // Partials of a stiff string are sharp; each dies at its own pace and beats against its neighbour string.
    let mut partials: Vec<([Osc; 2], f64, f64, f64)> = (1..=9)
        .map(|n| {
            let n = f64::from(n);
            let ratio = n * (1.0 + 0.000_35 * n * n).sqrt();
            let level = exp(-0.55 * (n - 1.0) * (1.35 - 0.6 * velocity)) * (0.8 + 0.4 * rng.unit());
            (
                [Osc::at(rng.unit()), Osc::at(rng.unit())],
                ratio,
                level,
                1.5 / (1.0 + 0.5 * n) * exp2((60.0 - pitch) / 24.0),
            )
        })
        .collect();
    let (mut felt, mut wood) = (Svf::default(), Svf::default());
    let shape = Adsr { attack: 0.004, decay: 3.0, sustain: 0.3, release: 0.11 };
    canvas.play(beat, shape.lasting(held), |t| {
        let strings: f64 = partials
            .iter_mut()
            .map(|(pair, ratio, level, time)| {
                let fall = 0.65 * exp(-t / *time) + 0.35 * exp(-t / (*time * 3.5));
                let [a, b] = pair;
                (a.sine(hz * *ratio, 0.0) + b.sine(hz * *ratio * 1.0006, 0.0)) * *level * fall
            })
            .sum();
        let knock = felt.split(rng.noise(), 900.0, 0.8).low * strike(t, 0.014) * 0.35
            + wood.split(rng.noise(), 170.0, 3.0).band * strike(t, 0.05) * 0.8;
        let sample = (strings * 0.5 + knock * velocity) * shape.level(t, held) * velocity;
        place.map(|side| sample * side)
    });
}

/// Felt piano: a rocking figure of Am9 and Am11, close to the strings.
pub(crate) fn felt(canvas: &Canvas) -> Canvas {
    let (mut out, mut rng) = (canvas.blank(), Rng::new(162));
    let figure = [
        (0.0, 57.0, 2.2, 0.75),
        (0.0, 64.0, 1.9, 0.6),
        (0.5, 67.0, 1.5, 0.55),
        (1.0, 72.0, 1.2, 0.7),
        (1.5, 71.0, 1.0, 0.6),
        (2.0, 64.0, 1.9, 0.62),
        (2.5, 67.0, 1.4, 0.5),
        (3.0, 74.0, 1.4, 0.72),
        (3.5, 69.0, 1.0, 0.5),
        (4.0, 57.0, 2.2, 0.7),
        (4.0, 62.0, 1.9, 0.55),
        (4.5, 67.0, 1.5, 0.55),
        (5.0, 72.0, 1.2, 0.68),
        (5.75, 76.0, 1.3, 0.78),
        (6.5, 71.0, 0.9, 0.55),
        (7.0, 67.0, 0.9, 0.6),
        (7.5, 64.0, 0.9, 0.5),
    ];
    for (n, (beat, pitch, held, velocity)) in figure.into_iter().enumerate() {
        let late = if n == 0 { 0.0 } else { 0.012 * rng.unit() };
        let held = canvas.seconds(held);
        felt_note(&mut out, beat + late, pitch, held, velocity * (0.95 + 0.1 * rng.unit()), 920 + n as u64);
    }
    let room = reverberated(&out, PARLOUR);
    out.mix(&room, 0.4);
    low_cut(&mut out, 70.0);
    tilt(&mut out, 1500.0, 3.0);
    out
}

/// Dub chord: one stab, and the tape that will not let it go.
pub(crate) fn dub(canvas: &Canvas) -> Canvas {
    let mut feel = Feel::new(canvas, 0.1, 0.002, 163);
    let (mut dry, mut rng) = (canvas.blank(), Rng::new(164));
    for hit in feel.hits("..9. ..5. .... .... | ..8. .... ...6 ....") {
        let held = canvas.seconds(0.28);
        let shape = Adsr { attack: 0.003, decay: 0.12, sustain: 0.3, release: 0.09 };
        for pitch in [57.0, 60.0, 64.0, 67.0, 71.0] {
            let (hz, mut swarm) = (canvas.hertz(pitch), Swarm::new(3, 9.0, 0.7, &mut rng));
            let mut filter = StereoSvf::default();
            dry.play(hit.beat, shape.lasting(held), |t| {
                let cutoff = 420.0 + 3200.0 * hit.velocity * exp(-t / 0.09);
                let level = shape.level(t, held) * hit.velocity;
                filter.low(swarm.next(hz), cutoff, 1.6).map(|x| x * level)
            });
        }
    }
    let mut tape = echoed(&dry, 0.75, 0.72);
    let (mut band, drift) = (StereoSvf::default(), tape.lfo(0.23));
    tape.through(|index, frame| {
        let cutoff = 1100.0 * exp2(1.2 * sine(index as f64 * drift - 0.2));
        band.band(frame.map(|x| saturate(x * 1.3, 1.4)), cutoff, 0.8)
    });
    let mut out = dry.clone();
    out.mix(&tape, 0.9);
    let hall = reverberated(&out, Room { seconds: 2.4, size: 1.0, damping_hz: 4200.0, ..PARLOUR });
    out.mix(&hall, 0.35);
    chorus(&mut out, 0.47, 1.4, 0.3);
    glue(&mut out, -12.0, 3.0, 0.004, 0.12);
    warm(&mut out, 5.0);
    low_cut(&mut out, 150.0);
    tilt(&mut out, 2000.0, 4.0);
    out
}

/// Lo-fi keys: an electric piano on a cassette that has been in the sun.
pub(crate) fn lofi(canvas: &Canvas) -> Canvas {
    let mut out = canvas.blank();
    let mut rng = Rng::new(165);
    let chords = [
        (0.0, 1.6, [57.0, 60.0, 67.0, 71.0], 0.8),
        (1.75, 0.6, [57.0, 60.0, 67.0, 71.0], 0.5),
        (2.5, 1.3, [57.0, 62.0, 64.0, 72.0], 0.72),
        (4.0, 1.6, [55.0, 60.0, 64.0, 71.0], 0.78),
        (5.75, 0.5, [57.0, 62.0, 67.0, 71.0], 0.5),
        (6.5, 1.4, [57.0, 64.0, 67.0, 74.0], 0.75),
    ];
    for (beat, held, chord, velocity) in chords {
        for (n, pitch) in chord.into_iter().enumerate() {
            let (hz, held) = (canvas.hertz(pitch), canvas.seconds(held));
            let [mut bar, mut growl, mut tine, mut bell] = [Osc::default(); 4];
            let shape = Adsr { attack: 0.004, decay: 0.8, sustain: 0.2, release: 0.12 };
            let late = n as f64 * 0.018 + 0.006 * rng.unit();
            let place = pan(n as f64 * 0.3 - 0.45);
            let late = if beat == 0.0 && n == 0 { 0.0 } else { late };
            out.play(beat + late, shape.lasting(held), |t| {
                let index = (0.12 + 0.2 * velocity) * exp(-t / 0.5);
                let tone = bar.sine(hz, index * growl.sine(hz, 0.0));
                let chime = tine.sine(hz * 2.0, 0.1 * bell.sine(hz * 7.0, 0.0)) * strike(t, 0.16) * 0.35;
                let sample = (tone + chime) * shape.level(t, held) * velocity;
                place.map(|side| sample * side)
            });
        }
    }
    chorus(&mut out, 0.75, 3.2, 0.7);
    let (mut top, mut bottom, wow, flutter) = (StereoSvf::default(), StereoSvf::default(), out.lfo(0.35), out.lfo(5.9));
    let mut hiss = Rng::new(166);
    let mut air = OnePole::default();
    out.through(|index, frame| {
        let turn = index as f64;
        let fade = 1.0 + 0.1 * sine(turn * wow) + 0.04 * sine(turn * flutter);
        let noise = air.low(hiss.noise(), 5000.0) * 0.006;
        let driven = frame.map(|x| saturate(x * fade, 1.5) + noise);
        bottom.high(top.low(driven, 4300.0 + 900.0 * sine(turn * wow + 0.3), 0.9), 130.0, 0.7)
    });
    let room = reverberated(&out, Room { seconds: 0.9, size: 0.5, ..PARLOUR });
    out.mix(&room, 0.22);
    tilt(&mut out, 1100.0, 3.5);
    out
}

/// Skank: an organ's bubble under a guitar's chop.
pub(crate) fn skank(canvas: &Canvas) -> Canvas {
    let mut feel = Feel::new(canvas, 0.16, 0.003, 167);
    let mut out = canvas.blank();
    let chords = [[57.0, 60.0, 64.0], [57.0, 62.0, 64.0]];
    for hit in feel.hits("..9. ..94 ..9. ..9. | ..9. ..94 ..9. .69.") {
        for (n, pitch) in chords[usize::from(hit.step >= 24)].into_iter().enumerate() {
            let pluck = Pluck {
                hz: canvas.hertz(pitch + 12.0),
                seconds: 0.5,
                dullness: 0.12,
                place: 0.15,
                finger_hz: 2500.0 + 3500.0 * hit.velocity,
            };
            let mut string = Strung::new(pluck, hit.seed(930) + n as u64);
            let place = pan(0.35 - 0.1 * n as f64);
            let shape = Adsr { attack: 0.001, decay: 0.1, sustain: 0.4, release: 0.02 };
            let late = n as f64 * 0.008;
            out.play(hit.beat + late, 0.3, |t| {
                let sample = string.next() * shape.level(t, 0.08) * hit.velocity * 1.2;
                place.map(|side| sample * side)
            });
        }
    }
    for hit in feel.hits(".5.6 .7.5 .5.6 .7.5 | .5.6 .7.5 .5.6 .7.6") {
        for pitch in chords[usize::from(hit.step >= 24)] {
            let (hz, held, mut filter) = (canvas.hertz(pitch), canvas.seconds(0.16), Ladder::default());
            let shape = Adsr { attack: 0.004, decay: 0.2, sustain: 0.7, release: 0.025 };
            out.play(hit.beat, shape.lasting(held), |t| {
                let organ =
                    sine(hz * t) + 0.6 * sine(2.0 * hz * t) + 0.35 * sine(3.0 * hz * t) + 0.2 * sine(4.0 * hz * t);
                let sample = filter.low(organ * 0.4, 1500.0, 0.2) * shape.level(t, held) * hit.velocity * 0.75;
                [sample * 0.9, sample * 0.55]
            });
        }
    }
    glue(&mut out, -14.0, 3.5, 0.001, 0.05);
    warm(&mut out, 6.0);
    let echoes = echoed(&out, 0.75, 0.3);
    out.mix(&echoes, 0.16);
    let room = reverberated(&out, Room { seconds: 0.9, size: 0.6, ..PARLOUR });
    out.mix(&room, 0.25);
    low_cut(&mut out, 130.0);
    tilt(&mut out, 2200.0, 3.0);
    out
}
