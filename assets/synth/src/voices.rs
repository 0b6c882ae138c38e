//! Voice loops of two bars: nobody sings, it is all throat and arithmetic.

use crate::{
    canvas::Canvas,
    dynamics::{glue, low_cut, saturate, tilt, warm},
    envelope::{Adsr, Feel},
    filter::{OnePole, StereoSvf},
    math::{Rng, exp2, pan, sine},
    osc::{Osc, Swarm},
    space::{Room, chorus, echoed, reverberated},
    throat::{AH, EE, EH, OH, OO, Sung, Throat, Vowel, sing},
};

/// A plate of steel: the echo of every sung record.
const PLATE: Room = Room { seconds: 2.2, size: 0.8, damping_hz: 7500.0, low_cut_hz: 320.0, predelay: 0.025 };

/// Puts dry voices onto the record.
fn produced(mut dry: Canvas, echo: f64, plate: f64) -> Canvas {
    glue(&mut dry, -12.0, 2.5, 0.004, 0.08);
    let echoes = echoed(&dry, 0.75, 0.4);
    let mut heard = dry.clone();
    heard.mix(&echoes, 0.5);
    let mut out = dry;
    out.mix(&echoes, echo);
    out.mix(&reverberated(&heard, PLATE), plate);
    low_cut(&mut out, 130.0);
    tilt(&mut out, 2200.0, 3.0);
    out
}

/// Aah: four people on Am9, from "oo" to "ah" and back.
pub(crate) fn aah(canvas: &Canvas) -> Canvas {
    let mut dry = canvas.blank();
    let shape = Adsr { attack: 0.22, decay: 1.0, sustain: 0.9, release: 0.22 };
    for (bar, chord) in [[57.0, 64.0, 67.0, 71.0], [55.0, 64.0, 69.0, 72.0]].into_iter().enumerate() {
        for (n, pitch) in chord.into_iter().enumerate() {
            for double in 0..2 {
                let side = if double == 0 { -1.0 } else { 1.0 };
                let sung = Sung {
                    beat: bar as f64 * 4.0 + 0.04 * n as f64,
                    pitch: pitch + 0.06 * side,
                    held: 3.7,
                    velocity: 0.8 - 0.08 * n as f64,
                    from: if bar == 0 { OO } else { AH },
                    to: if bar == 0 { AH } else { OO },
                    breath: 0.12,
                    consonant: 0.0,
                    position: side * (0.25 + 0.18 * n as f64),
                };
                sing(&mut dry, sung, shape, 1000 + (bar * 8 + n * 2 + double) as u64);
            }
        }
    }
    chorus(&mut dry, 0.47, 1.2, 0.3);
    produced(dry, 0.08, 0.45)
}

/// Chops: one singer cut into syllables and thrown across the room.
pub(crate) fn chops(canvas: &Canvas) -> Canvas {
    let mut feel = Feel::new(canvas, 0.18, 0.002, 181);
    let mut dry = canvas.blank();
    let shape = Adsr { attack: 0.006, decay: 0.3, sustain: 0.7, release: 0.02 };
    let syllables = [
        (AH, AH, 69.0),
        (AH, EH, 72.0),
        (OH, OO, 67.0),
        (EH, EE, 76.0),
        (AH, OH, 69.0),
        (OO, AH, 74.0),
        (EE, EH, 79.0),
    ];
    for (n, hit) in feel.hits("9..7 ..8. .7.. 86.. | 9..7 ..8. 7.6. 8.68").into_iter().enumerate() {
        let (from, to, pitch) = syllables[(n * 3) % 7];
        for octave in [0.0, 12.0] {
            let sung = Sung {
                beat: hit.beat,
                pitch: pitch - octave,
                held: if n % 4 == 0 { 0.42 } else { 0.2 },
                velocity: hit.velocity * if octave > 0.0 { 0.45 } else { 0.9 },
                from,
                to,
                breath: 0.1,
                consonant: if n % 3 == 0 { 0.5 } else { 0.15 },
                position: [-0.35, 0.3, 0.0][n % 3],
            };
            sing(&mut dry, sung, shape, hit.seed(16) + octave as u64);
        }
    }
    produced(dry, 0.34, 0.28)
}

/// Throat: a drone on A and the overtones that a mouth can pick from it.
pub(crate) fn throat(canvas: &Canvas) -> Canvas {
    let mut dry = canvas.blank();
    let frames_per_beat = dry.frames().len() as f64 / 8.0;
    // Harmonics of the drone: E, A, B and E again.
    let overtones = [8.0, 9.0, 12.0, 9.0, 8.0, 6.0, 9.0, 8.0, 12.0, 9.0, 8.0, 9.0, 6.0, 8.0, 9.0, 12.0];
    let seconds = dry.frames().len() as f64 / crate::canvas::RATE;
    let hz = (canvas.hertz(45.0) * seconds).round() / seconds;
    let (mut glottis, mut below) = (Osc::default(), Osc::at(0.2));
    let (mut whistle, mut formants, mut body) = (StereoSvf::default(), Throat::default(), OnePole::default());
    let (mut place, mut rng, sway) = (OnePole::default(), Rng::new(182), dry.lfo(0.47));
    let pulse = dry.lfo(1.867);
    dry.through(|index, _| {
        let beat = index as f64 / frames_per_beat;
        let overtone = place.low(overtones[((beat * 2.0) as usize).min(15)], 9.0);
        let raw = glottis.pulse(hz, 0.12) + 0.7 * below.saw(hz) + 0.05 * rng.noise();
        let way = 0.5 + 0.5 * sine(index as f64 * sway);
        let chest = formants.next(raw, OH, OO, way);
        let ring = whistle.low([raw, raw], hz * overtone, 19.0)[0] - body.low(raw, 500.0);
        let beats = 0.84 + 0.16 * sine(index as f64 * pulse + 0.25);
        let sample = saturate((chest * 0.9 + ring * 0.3) * beats, 0.9);
        [sample, sample]
    });
    chorus(&mut dry, 0.35, 0.9, 0.25);
    let mut out = produced(dry, 0.1, 0.35);
    warm(&mut out, 2.0);
    out
}

/// Robot: a chord of saws that is made to speak.
pub(crate) fn robot(canvas: &Canvas) -> Canvas {
    let mut feel = Feel::new(canvas, 0.0, 0.001, 183);
    let (mut dry, mut rng) = (canvas.blank(), Rng::new(184));
    let speech: [(Vowel, Vowel); 6] = [(EH, EE), (OO, AH), (AH, EE), (OH, EH), (EE, OO), (AH, OH)];
    let hits = feel.hits("9..7 ..8. 9... 7.6. | 9..7 ..8. 7.8. 6.75");
    for (n, hit) in hits.iter().enumerate() {
        let next = hits.get(n + 1).map_or(8.0, |next| next.beat);
        let held = canvas.seconds((next - hit.beat).min(0.6)) * 0.86;
        let shape = Adsr { attack: 0.008, decay: 0.4, sustain: 0.85, release: 0.018 };
        let (from, to) = speech[n % 6];
        let chord = [45.0, 57.0, 64.0, if hit.step < 16 { 67.0 } else { 71.0 }];
        let mut swarms: Vec<(Swarm, f64)> =
            chord.iter().map(|pitch| (Swarm::new(2, 5.0, 0.8, &mut rng), canvas.hertz(*pitch))).collect();
        let mut throats = [Throat::default(), Throat::default()];
        let mut hiss = Rng::new(hit.seed(17));
        dry.play(hit.beat, shape.lasting(held), |t| {
            let mut raw = [0.0; 2];
            for (swarm, hz) in &mut swarms {
                let [left, right] = swarm.next(*hz);
                raw = [raw[0] + left, raw[1] + right];
            }
            let noise = hiss.noise() * 0.12;
            let way = (t / held).min(1.0);
            let level = shape.level(t, held) * hit.velocity;
            std::array::from_fn(|side| {
                (throats[side].next(raw[side] + noise, from, to, way) + 0.05 * raw[side]) * level
            })
        });
    }
    for frame in dry.frames_mut() {
        *frame = frame.map(|x| saturate(x, 0.8));
    }
    produced(dry, 0.22, 0.18)
}

/// Doo: a doo-wop bass answers its tenors.
pub(crate) fn doo(canvas: &Canvas) -> Canvas {
    let mut dry = canvas.blank();
    let short = Adsr { attack: 0.012, decay: 0.4, sustain: 0.7, release: 0.04 };
    let bass = [
        (0.0, 45.0, 0.6, 0.95),
        (0.75, 45.0, 0.2, 0.7),
        (1.5, 48.0, 0.4, 0.85),
        (2.5, 50.0, 0.4, 0.8),
        (3.5, 52.0, 0.4, 0.85),
        (4.0, 45.0, 0.6, 0.95),
        (4.75, 45.0, 0.2, 0.7),
        (5.5, 43.0, 0.4, 0.85),
        (6.5, 40.0, 0.4, 0.8),
        (7.25, 43.0, 0.4, 0.75),
    ];
    for (n, (beat, pitch, held, velocity)) in bass.into_iter().enumerate() {
        let (from, to) = if n % 2 == 0 { (OO, OH) } else { (AH, OO) };
        let sung = Sung { beat, pitch, held, velocity, from, to, breath: 0.06, consonant: 0.35, position: 0.0 };
        sing(&mut dry, sung, short, 1100 + n as u64);
    }
    for (n, beat) in [1.0, 3.0, 5.0, 6.0, 7.0].into_iter().enumerate() {
        for (voice, pitch) in [64.0, 67.0, 72.0].into_iter().enumerate() {
            let pitch = if n % 2 == 1 && voice == 2 { 71.0 } else { pitch };
            let sung = Sung {
                beat: beat + 0.015 * voice as f64,
                pitch,
                held: if n == 1 { 0.6 } else { 0.3 },
                velocity: 0.55 + 0.05 * voice as f64,
                from: AH,
                to: if n % 2 == 0 { AH } else { OO },
                breath: 0.08,
                consonant: 0.4,
                position: [-0.55, 0.5, -0.15][voice],
            };
            sing(&mut dry, sung, short, 1120 + (n * 4 + voice) as u64);
        }
    }
    let sway = dry.lfo(0.23);
    dry.through(|index, frame| {
        let lean = 0.12 * sine(index as f64 * sway);
        let [left, right] = pan(lean);
        [frame[0] * left * exp2(0.5), frame[1] * right * exp2(0.5)]
    });
    produced(dry, 0.14, 0.3)
}
