//! More drum loops: grooves from other tempos, and two that lead somewhere.
//!
//! A loop of a fast origin sinks in pitch when a slow session plays it, so its drums are tuned a little high, and
//! those of a slow one a little low.

use crate::{
    canvas::Canvas,
    drums::Session,
    dynamics::{saturate, tilt},
    filter::StereoSvf,
    hands::{self, Snare, Stroke, conga, cowbell, ride, tambourine, zap},
    kit::{self, Kick},
    space::{Room, reverberated},
};

/// Boom bap: a lazy hand at 90 BPM, sampled once too often.
pub(crate) fn boom_bap(canvas: &Canvas) -> Canvas {
    let mut s = Session::new(canvas, 0.3, 121);
    s.kicks("9... .... ..8. .7.. | 9..5 ..7. ..8. ....", Kick { hz: 48.0, body: 0.11, click: 0.5, drive: 2.2 });
    let fat = Snare { hz: 172.0, ring: 0.085, wires: 0.12, bright: 2600.0 };
    s.each(".... 9..2 .... 9..3 | .... 9... .3.. 9.42", |c, h| hands::snare(c, h.beat, h.velocity, fat, h.seed(410)));
    s.hats("8.5. 8.53 7.5. 8.54 | 8.5. 8.5. 7.53 8...", ".... .... .... .... | .... .... .... ..7.", 0.42);
    s.each(".... .... .... .... | .... .... ...6 ....", |c, h| kit::rim(c, h.beat, h.velocity * 0.5, 0.4));
    s.each("..5. ..5. ..5. ..5. | ..5. ..5. ..5. ..54", |c, h| tambourine(c, h.beat, h.velocity * 0.2, h.seed(430)));
    let mut out = s.mixed(0.6, 4.0);
    // The sampler: a ceiling at 9 kHz, and steps instead of curves.
    let mut dark = StereoSvf::default();
    out.through(|_, frame| dark.low(frame.map(|x| (saturate(x, 1.2) * 900.0).round() / 900.0), 9000.0, 0.8));
    out
}

/// Two-step: the kick that is missing, and everything around it.
pub(crate) fn two_step(canvas: &Canvas) -> Canvas {
    let mut s = Session::new(canvas, 0.34, 122);
    s.kicks("9... .... ..8. .... | 9... ...6 ..8. .5..", Kick { hz: 57.0, body: 0.085, click: 0.8, drive: 1.9 });
    let tight = Snare { hz: 235.0, ring: 0.05, wires: 0.075, bright: 4600.0 };
    s.each(".... 9... .... 9..3 | .... 9..2 .3.. 9...", |c, h| hands::snare(c, h.beat, h.velocity, tight, h.seed(440)));
    s.each(".... 6... .... 6... | .... 6... .... 6...", |c, h| kit::clap(c, h.beat, h.velocity, h.seed(450)));
    s.hats("7.63 .64. 7.63 .654 | 7.63 .64. 7.64 .6.3", "..7. .... ..7. .... | ..7. .... ..7. ..6.", 0.46);
    s.each("...5 ..4. .5.. ...4 | .5.4 .... .5.. ..57", |c, h| kit::rim(c, h.beat, h.velocity * 0.6, -0.5));
    s.each("4363 4364 4363 4364 | 4363 4364 4363 4375", |c, h| kit::shaker(c, h.beat, h.velocity * 0.45, h.seed(460)));
    s.mixed(0.7, 4.0)
}

/// Half-time: one snare a bar, a kick that hums, hats that stutter in threes and eights.
pub(crate) fn half_time(canvas: &Canvas) -> Canvas {
    let mut s = Session::new(canvas, 0.0, 123);
    s.kicks("9... .... ..8. .... | ...7 ..9. .... .5..", Kick { hz: 54.0, body: 0.24, click: 0.7, drive: 2.6 });
    let crack = Snare { hz: 226.0, ring: 0.06, wires: 0.14, bright: 4200.0 };
    s.each(".... .... 9... .... | .... .... 9... ...4", |c, h| hands::snare(c, h.beat, h.velocity, crack, h.seed(470)));
    s.each(".... .... 9... .... | .... .... 9... ....", |c, h| kit::clap(c, h.beat, h.velocity * 0.8, h.seed(475)));
    s.hats("8.6. 7.6. 8... 7.6. | 8.6. 7... 8.6. 7...", ".... .... .... ..7. | .... .... .... ....", 0.42);
    // From beat, over beats, strokes, from and to velocity.
    for (from, over, strokes, soft, hard) in
        [(2.5, 0.5, 3, 0.4, 0.8), (5.5, 0.5, 4, 0.8, 0.35), (7.5, 0.5, 6, 0.3, 0.9), (3.0, 0.25, 3, 0.7, 0.4)]
    {
        s.roll(from, over, strokes, (soft, hard), 0.42);
    }
    s.each(".... ...4 .... .... | .... ...4 .5.. ....", |c, h| kit::rim(c, h.beat, h.velocity * 0.6, 0.5));
    s.mixed(0.75, 4.0)
}

/// Breakbeat: a drummer in a stone room, recorded hot.
pub(crate) fn breakbeat(canvas: &Canvas) -> Canvas {
    let mut s = Session::new(canvas, 0.1, 124);
    s.kicks("9.8. .... ..8. .... | 9.8. .... ...8 .5..", Kick { hz: 56.0, body: 0.1, click: 0.9, drive: 2.3 });
    let wood = Snare { hz: 214.0, ring: 0.075, wires: 0.11, bright: 3400.0 };
    s.each(".... 9..4 .4.3 9..5 | .... 9..4 .4.. 3.94", |c, h| hands::snare(c, h.beat, h.velocity, wood, h.seed(480)));
    s.each("8.6. 7.6. 8.6. 7.64 | 8.6. 7.6. 8.6. 7.6.", |c, h| ride(c, h.beat, h.velocity * 0.36, h.seed(490)));
    s.hats("..4. ..4. ..4. ..4. | ..4. ..4. ..4. ....", ".... .... .... .... | .... .... .... ..8.", 0.4);
    kit::crash(s.heard(), 0.0, 0.22, 91);
    let stone = Room { seconds: 0.9, size: 0.6, damping_hz: 5200.0, low_cut_hz: 260.0, predelay: 0.01 };
    s.mixed_in(stone, 0.8, 4.0)
}

/// Electro: a drum machine and its cowbell.
pub(crate) fn electro(canvas: &Canvas) -> Canvas {
    let mut s = Session::new(canvas, 0.0, 125);
    s.kicks("9... ..8. ...7 .... | 9... ..8. .8.. ..6.", Kick { hz: 55.0, body: 0.17, click: 0.5, drive: 2.0 });
    let machine = Snare { hz: 248.0, ring: 0.04, wires: 0.1, bright: 5200.0 };
    s.each(".... 9... .... 9... | .... 9... .... 9.5.", |c, h| {
        hands::snare(c, h.beat, h.velocity, machine, h.seed(500));
    });
    s.hats("7464 7464 7464 7464 | 7464 7464 7464 74.4", ".... ..7. .... .... | .... ..7. .... ..8.", 0.4);
    s.each("..6. .6.. 5..6 .... | ..6. .6.. 5..6 ..5.", |c, h| {
        cowbell(c, h.beat, h.velocity * 0.42, 587.0, 0.07, 0.35);
    });
    s.each(".... .... .... ..6. | .... .... ..78 .76.", |c, h| {
        let (hz, place) = [(185.0, -0.5), (139.0, 0.1), (104.0, 0.5)][h.step % 3];
        zap(c, h.beat, h.velocity * 0.6, hz, 0.03, place);
    });
    s.each(".... .... .... .... | .... .... .... 5...", |c, h| kit::clap(c, h.beat, h.velocity, h.seed(510)));
    s.mixed(0.45, 4.0)
}

/// Afro house: a soft floor, three against four above it.
pub(crate) fn afro(canvas: &Canvas) -> Canvas {
    let mut s = Session::new(canvas, 0.14, 126);
    s.kicks("9... 8..4 9... 8... | 9... 8..4 9... 8.5.", Kick { hz: 50.0, body: 0.12, click: 0.45, drive: 1.6 });
    s.each("...7 ..7. .... 7... | ..7. .7.. ...7 ....", |c, h| kit::rim(c, h.beat, h.velocity * 0.75, -0.25));
    s.each("..6. .5.. 6..5 ..6. | ..6. .5.7 .6.5 .66.", |c, h| {
        let (pitch, stroke) = match h.step % 5 {
            0 => (64.0, Stroke::Slap),
            1 | 3 => (57.0, Stroke::Open),
            _ => (52.0, Stroke::Open),
        };
        conga(c, h.beat, h.velocity * 0.5, stroke, canvas.hertz(pitch), if pitch > 55.0 { 0.45 } else { 0.15 });
    });
    s.each("6363 6463 6363 6475 | 6363 6463 6364 6375", |c, h| kit::shaker(c, h.beat, h.velocity * 0.6, h.seed(520)));
    s.hats("", "..6. ..6. ..6. ..6. | ..6. ..6. ..6. ..7.", 0.36);
    s.each(".... 5... .... 5... | .... 5... .... 5...", |c, h| kit::clap(c, h.beat, h.velocity * 0.8, h.seed(530)));
    s.each("5... ...4 ..5. .... | .... 5... ..4. ....", |c, h| cowbell(c, h.beat, h.velocity * 0.2, 830.0, 0.1, -0.55));
    s.mixed(0.85, 3.0)
}

/// Roller: two-step at 172 BPM, ghosts and rides on its back.
pub(crate) fn roller(canvas: &Canvas) -> Canvas {
    let mut s = Session::new(canvas, 0.1, 127);
    s.kicks("9... .... ..9. .... | 9... .... ..9. ...4", Kick { hz: 68.0, body: 0.07, click: 0.9, drive: 2.1 });
    let bright = Snare { hz: 268.0, ring: 0.06, wires: 0.1, bright: 5200.0 };
    s.each(".... 9..2 .3.. 9..3 | .... 9..3 .3.2 9.43", |c, h| {
        hands::snare(c, h.beat, h.velocity, bright, h.seed(540));
    });
    s.each(".... 6... .... 6... | .... 6... .... 6...", |c, h| kit::clap(c, h.beat, h.velocity * 0.7, h.seed(550)));
    s.hats("8.6. 7.6. 8.6. 7.6. | 8.6. 7.6. 8.6. 7.64", ".... .... .... .... | .... .... .... ....", 0.42);
    s.each("..5. ..6. ..5. ..6. | ..5. ..6. ..5. ..7.", |c, h| ride(c, h.beat, h.velocity * 0.42, h.seed(560)));
    s.each("5353 5354 5353 5354 | 5353 5354 5353 5365", |c, h| kit::shaker(c, h.beat, h.velocity * 0.4, h.seed(570)));
    kit::crash(s.heard(), 0.0, 0.16, 92);
    s.mixed(0.6, 6.0)
}

/// Warehouse: a kick whose echo off the far wall is the bass.
pub(crate) fn warehouse(canvas: &Canvas) -> Canvas {
    let mut s = Session::new(canvas, 0.0, 128);
    let kick = Kick { hz: 51.0, body: 0.12, click: 0.8, drive: 2.8 };
    s.kicks("9... 9... 9... 9... | 9... 9... 9... 9...", kick);
    s.hats("5464 5464 5464 5464 | 5464 5464 5464 5465", "..8. ..8. ..8. ..8. | ..8. ..8. ..8. ..8.", 0.44);
    s.each(".... .... .... 8... | .... .... .... 8..5", |c, h| kit::clap(c, h.beat, h.velocity * 0.9, h.seed(580)));
    s.each("..7. ..7. ..7. ..7. | ..7. ..7. ..7. ..7.", |c, h| ride(c, h.beat, h.velocity * 0.4, h.seed(590)));
    s.each("...5 .... .5.. ..4. | ...5 .... .5.4 .5..", |c, h| zap(c, h.beat, h.velocity * 0.3, 330.0, 0.012, 0.5));
    let mut rumble = canvas.blank();
    for beat in 0..8 {
        kit::kick(&mut rumble, f64::from(beat), 0.8, kick);
    }
    let hall = Room { seconds: 1.1, size: 0.8, damping_hz: 900.0, low_cut_hz: 20.0, predelay: 0.0 };
    let mut rumble = reverberated(&rumble, hall);
    let mut deep = [StereoSvf::default(); 2];
    rumble.through(|_, frame| {
        let once = deep[0].low(frame, 105.0, 0.7);
        let [left, right] = deep[1].low(once, 130.0, 0.7);
        [saturate((left + right) * 2.0, 1.5); 2]
    });
    rumble.pump(0.95);
    s.heard().mix(&rumble, 0.2);
    s.mixed(0.5, 5.0)
}

/// Tom fill: a bar that leads into the next.
pub(crate) fn tom_fill(canvas: &Canvas) -> Canvas {
    let mut s = Session::new(canvas, 0.08, 129);
    s.kicks("9... ..7. 8... ..8.", Kick { hz: 52.0, body: 0.1, click: 0.8, drive: 2.0 });
    let fat = Snare { hz: 196.0, ring: 0.08, wires: 0.13, bright: 3600.0 };
    s.each("..64 9... .... ...8", |c, h| hands::snare(c, h.beat, h.velocity, fat, h.seed(600)));
    s.each(".... ..87 8.87 978.", |c, h| {
        let (hz, place) =
            [(196.0, -0.55), (155.6, -0.2), (123.5, 0.2), (92.5, 0.55)][(h.step / 3).saturating_sub(2).min(3)];
        kit::tom(c, h.beat, h.velocity * 0.85, hz, 0.11, place);
    });
    s.hats("6.5. 6... .... ....", "", 0.36);
    kit::crash(s.heard(), 0.0, 0.2, 93);
    s.mixed(0.8, 2.0)
}

/// Snare build: quarters, eighths, sixteenths and thirty-seconds, brighter all the way.
pub(crate) fn snare_build(canvas: &Canvas) -> Canvas {
    let mut s = Session::new(canvas, 0.0, 130);
    s.kicks("9... 9... 9... 9... | 8.8. 8.8. .... ....", Kick { hz: 52.0, body: 0.1, click: 0.8, drive: 2.0 });
    let strokes =
        (0..4).map(f64::from).chain((8..12).map(|n| f64::from(n) * 0.5)).chain((24..28).map(|n| f64::from(n) * 0.25));
    for (n, beat) in strokes.chain((56..64).map(|n| f64::from(n) * 0.125)).enumerate() {
        let way = beat / 8.0;
        let tuned =
            Snare { hz: 180.0 + 150.0 * way, ring: 0.05, wires: 0.13 - 0.06 * way, bright: 2400.0 + 3600.0 * way };
        let accent = if n % 2 == 0 { 1.0 } else { 0.82 };
        hands::snare(s.heard(), beat, (0.4 + 0.55 * way) * accent, tuned, 610 + n as u64);
        kit::clap(s.heard(), beat, (0.15 + 0.4 * way) * accent, 640 + n as u64);
    }
    let mut out = s.mixed(0.9, 4.0);
    tilt(&mut out, 3000.0, 1.0);
    out
}
