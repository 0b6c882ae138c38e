//! Sounds that strike once: drums, stabs, and things to throw.

use crate::{
    canvas::{Canvas, RATE},
    dynamics::{low_cut, saturate, tilt, warm},
    effects::faded,
    envelope::{Adsr, strike},
    filter::{Ladder, StereoSvf, Svf},
    hands::{self, Snare},
    kit::{self, Kick},
    math::{Rng, exp, exp2, pan, sine},
    osc::{Osc, Swarm},
    space::{Room, echoed, reverberated},
    throat::{AH, OH, Sung, sing},
};

/// A studio of stone.
const LIVE: Room = Room { seconds: 0.8, size: 0.6, damping_hz: 6500.0, low_cut_hz: 250.0, predelay: 0.008 };
/// A hall for what is large.
const HALL: Room = Room { seconds: 2.2, size: 1.1, damping_hz: 5500.0, low_cut_hz: 180.0, predelay: 0.02 };

/// In a room, driven, and faded over the last seconds.
fn finished(mut dry: Canvas, room: Room, wet: f64, drive_db: f64, fade: f64) -> Canvas {
    let heard = reverberated(&dry, room);
    dry.mix(&heard, wet);
    warm(&mut dry, drive_db);
    low_cut(&mut dry, 26.0);
    faded(dry, fade)
}

/// Kick: all of it.
pub(crate) fn kick(canvas: &Canvas) -> Canvas {
    let mut out = canvas.blank();
    kit::kick(&mut out, 0.0, 1.0, Kick { hz: 49.0, body: 0.13, click: 0.9, drive: 2.4 });
    let body = out.clone();
    let mut skin = StereoSvf::default();
    let room = reverberated(&body.sent(|_, frame| skin.high(frame, 400.0, 0.7)), LIVE);
    out.mix(&room, 0.25);
    warm(&mut out, 4.0);
    low_cut(&mut out, 26.0);
    faded(out, 0.1)
}

/// Snare: wood, wires and a room that is slammed shut.
pub(crate) fn snare(canvas: &Canvas) -> Canvas {
    let mut out = canvas.blank();
    hands::snare(&mut out, 0.0, 1.0, Snare { hz: 198.0, ring: 0.055, wires: 0.14, bright: 4300.0 }, 201);
    kit::snare(&mut out, 0.0, 0.7, 202);
    finished(out, LIVE, 0.7, 5.0, 0.25)
}

/// Clap: twelve hands.
pub(crate) fn clap(canvas: &Canvas) -> Canvas {
    let mut out = canvas.blank();
    for (n, velocity) in [1.0, 0.6, 0.5].into_iter().enumerate() {
        kit::clap(&mut out, 0.004 * n as f64, velocity, 210 + n as u64);
    }
    finished(out, LIVE, 0.6, 3.0, 0.2)
}

/// Open hat.
pub(crate) fn hat(canvas: &Canvas) -> Canvas {
    let mut out = canvas.blank();
    kit::hat(&mut out, 0.0, 1.0, 0.2, 0.8, 220);
    finished(out, LIVE, 0.2, 1.0, 0.2)
}

/// Tom: low, with a long skin.
pub(crate) fn tom(canvas: &Canvas) -> Canvas {
    let mut out = canvas.blank();
    kit::tom(&mut out, 0.0, 1.0, canvas.hertz(45.0), 0.2, 0.0);
    kit::rim(&mut out, 0.0, 0.35, 0.0);
    finished(out, LIVE, 0.7, 2.0, 0.3)
}

/// Crash: wide, with a ride's ping in the middle.
pub(crate) fn crash(canvas: &Canvas) -> Canvas {
    let mut out = canvas.blank();
    kit::crash(&mut out, 0.0, 0.9, 230);
    hands::ride(&mut out, 0.0, 0.4, 231);
    finished(out, HALL, 0.4, 1.0, 1.2)
}

/// Stab: Am9 on a rave's brass.
pub(crate) fn stab(canvas: &Canvas) -> Canvas {
    let (mut dry, mut rng) = (canvas.blank(), Rng::new(240));
    let shape = Adsr { attack: 0.002, decay: 0.25, sustain: 0.25, release: 0.09 };
    for pitch in [45.0, 57.0, 60.0, 64.0, 67.0, 71.0] {
        let (hz, mut swarm, mut filter) =
            (canvas.hertz(pitch), Swarm::new(5, 14.0, 0.9, &mut rng), StereoSvf::default());
        dry.play(0.0, shape.lasting(0.26), |t| {
            let level = shape.level(t, 0.26);
            filter.low(swarm.next(hz), 900.0 + 6500.0 * exp(-t / 0.12), 1.3).map(|x| x * level)
        });
    }
    let echoes = echoed(&dry, 0.75, 0.35);
    dry.mix(&echoes, 0.22);
    finished(dry, HALL, 0.35, 4.0, 0.8)
}

/// Orchestra: everybody at once on A, as a sampler of 1985 remembers it.
pub(crate) fn orchestra(canvas: &Canvas) -> Canvas {
    let (mut dry, mut rng) = (canvas.blank(), Rng::new(250));
    let shape = Adsr { attack: 0.006, decay: 0.22, sustain: 0.3, release: 0.16 };
    for (n, pitch) in [33.0, 45.0, 52.0, 57.0, 60.0, 64.0, 69.0, 72.0, 76.0, 81.0].into_iter().enumerate() {
        let (hz, mut swarm, mut brass) =
            (canvas.hertz(pitch), Swarm::new(4, 20.0, 0.9, &mut rng), StereoSvf::default());
        let late = 0.012 * rng.unit() * if n == 0 { 0.0 } else { 1.0 };
        dry.play(late, shape.lasting(0.34), |t| {
            // Bows and lips reach their pitch from below, and brighten as they press.
            let bend = exp2(-0.5 / 12.0 * exp(-t / 0.025));
            let bright = 1200.0 + 5200.0 * exp(-t / 0.16) * (t / 0.02).min(1.0);
            let level = shape.level(t, 0.34);
            brass.low(swarm.next(hz * bend), bright, 0.8).map(|x| x * level)
        });
    }
    kit::tom(&mut dry, 0.0, 2.6, canvas.hertz(33.0), 0.3, 0.0);
    kit::crash(&mut dry, 0.0, 0.5, 251);
    // Twelve bits.
    dry.through(|_, frame| frame.map(|x| (x * 256.0).round() / 256.0));
    finished(dry, HALL, 0.6, 4.0, 1.0)
}

/// Vocal chop: a "yeah" without a singer.
pub(crate) fn vox(canvas: &Canvas) -> Canvas {
    let mut dry = canvas.blank();
    let shape = Adsr { attack: 0.012, decay: 0.5, sustain: 0.6, release: 0.06 };
    for (n, (pitch, position)) in [(69.0, 0.0), (57.0, -0.3), (76.0, 0.3)].into_iter().enumerate() {
        let velocity = if n == 0 { 0.9 } else { 0.5 };
        let sung =
            Sung { beat: 0.0, pitch, held: 0.7, velocity, from: OH, to: AH, breath: 0.15, consonant: 0.5, position };
        sing(&mut dry, sung, shape, 260 + n as u64);
    }
    let echoes = echoed(&dry, 0.5, 0.45);
    dry.mix(&echoes, 0.4);
    tilt(&mut dry, 2000.0, 3.0);
    finished(dry, HALL, 0.35, 2.0, 0.6)
}

/// Laser.
pub(crate) fn laser(canvas: &Canvas) -> Canvas {
    let (mut dry, mut beam, mut second, mut ladder) = (canvas.blank(), Osc::default(), Osc::at(0.3), Ladder::default());
    dry.play(0.0, 0.7, |t| {
        let hz = canvas.hertz(33.0) * exp2(6.4 * exp(-t / 0.11));
        let raw = beam.pulse(hz, 0.3) + 0.6 * second.saw(hz * 1.012);
        let sample = ladder.low(raw, hz * 3.0 + 300.0, 2.4) * strike(t, 0.22) * ((0.7 - t) / 0.1).min(1.0);
        let place = pan(0.7 * sine(t * 5.0));
        place.map(|side| sample * side)
    });
    let echoes = echoed(&dry, 0.375, 0.5);
    dry.mix(&echoes, 0.45);
    finished(dry, LIVE, 0.25, 2.0, 0.5)
}

/// Sub drop: an octave and a half down, felt more than heard.
pub(crate) fn sub(canvas: &Canvas) -> Canvas {
    let (mut out, mut body, mut click) = (canvas.blank(), Osc::default(), Svf::default());
    let mut rng = Rng::new(270);
    let length = out.frames().len() as f64 / RATE;
    out.play(0.0, length, |t| {
        let hz = canvas.hertz(33.0) * exp2(1.5 * exp(-t / 0.5) - 0.5) * (1.0 + 2.0 * exp(-t / 0.01));
        let tone = saturate(body.sine(hz, 0.0) * 1.6, 1.8) * exp(-t / 0.9);
        let tick = click.split(rng.noise(), 2500.0, 0.8).band * strike(t, 0.006) * 0.4;
        [tone + tick; 2]
    });
    warm(&mut out, 3.0);
    low_cut(&mut out, 24.0);
    faded(out, 0.7)
}
