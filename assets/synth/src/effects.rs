//! Effect sounds: a texture, a riser, and two that sound once.

use crate::{
    canvas::Canvas,
    dynamics::{low_cut, saturate, warm},
    envelope::strike,
    filter::{Ladder, OnePole, StereoSvf, Svf},
    math::{Rng, exp, exp2, hertz, pan, sine},
    osc::{Osc, Swarm},
    space::{Room, chorus, echoed, reverberated},
};

/// A space without walls.
const VOID: Room = Room { seconds: 3.2, size: 1.4, damping_hz: 5200.0, low_cut_hz: 160.0, predelay: 0.02 };

/// Fades the last seconds of a sound that is not looped to true silence.
pub(crate) fn faded(mut canvas: Canvas, lasting: f64) -> Canvas {
    let (length, tail) = (canvas.frames().len() as f64, lasting * crate::canvas::RATE);
    // The last hundredth of a second is exactly silent.
    let end = length - 480.0;
    for (index, frame) in canvas.frames_mut().iter_mut().enumerate() {
        let left = ((end - index as f64) / tail).clamp(0.0, 1.0);
        *frame = frame.map(|x| x * left * left * (3.0 - 2.0 * left));
    }
    canvas
}

/// Vinyl: crackle, dust and the hum of a far-away chord.
pub(crate) fn vinyl(canvas: &Canvas) -> Canvas {
    let (mut out, mut rng) = (canvas.blank(), Rng::new(61));
    for _ in 0..170 {
        let (beat, size) = (rng.unit() * 16.0, rng.unit());
        let (place, hz, mut grain) = (pan(rng.noise() * 0.8), 1500.0 + 5500.0 * rng.unit(), Svf::default());
        let (loud, mut dust) = (0.04 + 0.2 * size * size * size * size, Rng::new((beat * 1e6) as u64));
        out.play(beat, 0.03, |t| {
            let tick = grain.split(dust.noise() * strike(t, 0.0012), hz, 2.5).band * loud * 3.0;
            [tick * place[0], tick * place[1]]
        });
    }
    let mut hiss = canvas.blank();
    for frame in hiss.frames_mut() {
        *frame = [rng.noise(), rng.noise()];
    }
    let (mut low, mut high, turn) = (StereoSvf::default(), StereoSvf::default(), hiss.lfo(0.583));
    hiss.through(|index, frame| {
        let level = 1.0 + 0.35 * sine(index as f64 * turn);
        high.high(low.low(frame, 5200.0, 0.6), 900.0, 0.6).map(|x| x * level)
    });
    out.mix(&hiss, 0.011);
    let mut hum = canvas.blank();
    for (n, pitch) in [57.0, 64.0, 69.0, 71.0, 76.0].into_iter().enumerate() {
        let mut oscs = [Osc::at(n as f64 * 0.17), Osc::at(n as f64 * 0.31)];
        let (wow, swell) = (hum.lfo(0.583), hum.lfo(0.117 * (n % 3 + 1) as f64));
        let length = hum.frames().len() as f64;
        let cycles = (hertz(pitch) * length / crate::canvas::RATE).round();
        hum.through(|index, frame| {
            let time = index as f64;
            let bend = 0.35 * sine(time * wow);
            let level = 0.014 * (0.55 + 0.45 * sine(time * swell + n as f64 * 0.21));
            let tone = |osc: &mut Osc, side: f64| osc.sine(0.0, time / length * (cycles + side) + bend) * level;
            [frame[0] + tone(&mut oscs[0], 0.0), frame[1] + tone(&mut oscs[1], 1.0)]
        });
    }
    let hall = reverberated(&hum, VOID);
    out.mix(&hum, 0.5);
    out.mix(&hall, 0.7);
    out.mix(&reverberated(&out, Room { seconds: 0.8, size: 0.5, ..VOID }), 0.12);
    low_cut(&mut out, 120.0);
    out
}

/// Riser: noise and a choir of saws that climb for four bars and let go at the top.
pub(crate) fn riser(canvas: &Canvas) -> Canvas {
    let (mut dry, mut rng) = (canvas.blank(), Rng::new(62));
    let length = canvas.seconds(15.75);
    let mut swarms: Vec<(Swarm, f64)> =
        [45.0, 52.0, 57.0, 64.0].map(|pitch| (Swarm::new(4, 14.0, 0.9, &mut rng), hertz(pitch))).into();
    let (mut band, mut low) = (StereoSvf::default(), StereoSvf::default());
    let mut beaten = 0.0;
    dry.play(0.0, length, |t| {
        let way = t / length;
        // Quarter notes become eighths, sixteenths and thirty-seconds.
        beaten += exp2((way * 4.0).floor().min(3.0)) / canvas.seconds(1.0) / crate::canvas::RATE;
        let flutter = 1.0 - (0.15 + 0.45 * way) * (0.5 + 0.5 * sine(beaten + 0.25));
        let air = band.band([rng.noise(), rng.noise()], 320.0 * exp2(4.7 * way), 1.1);
        let mut tone = [0.0; 2];
        for (swarm, hz) in &mut swarms {
            let [left, right] = swarm.next(*hz * exp2(way * way * way));
            tone = [tone[0] + left, tone[1] + right];
        }
        let tone = low.low(tone, 240.0 * exp2(4.4 * way), 1.2);
        let level = (0.06 + 0.94 * way * way) * (t / 0.4).min(1.0) * ((length - t) / 0.03).clamp(0.0, 1.0);
        std::array::from_fn(|side| (air[side] * 0.9 * flutter + tone[side] * 0.2 * flutter) * level)
    });
    let mut heard = dry.clone();
    heard.mix(&echoed(&dry, 0.5, 0.35), 0.4);
    dry.mix(&reverberated(&heard, VOID), 0.4);
    low_cut(&mut dry, 150.0);
    faded(dry, 0.6)
}

/// Downlifter: a bright sweep that falls away and takes its tone with it.
pub(crate) fn downlifter(canvas: &Canvas) -> Canvas {
    let (mut dry, mut rng) = (canvas.blank(), Rng::new(63));
    let length = canvas.seconds(6.5);
    let (mut low, mut band) = (StereoSvf::default(), StereoSvf::default());
    let mut swarm = Swarm::new(5, 22.0, 0.95, &mut rng);
    let mut trembling = 0.0;
    dry.play(0.0, length, |t| {
        let way = t / length;
        let noise = [rng.noise(), rng.noise()];
        let sweep = 11_000.0 * exp2(-6.2 * way);
        let body = low.low(noise, sweep, 0.8);
        let edge = band.band(noise, sweep, 3.0);
        trembling += (9.0 - 7.0 * way) / crate::canvas::RATE;
        let tremble = 1.0 - 0.35 * (0.5 + 0.5 * sine(trembling));
        let tone = swarm.next(hertz(81.0) * exp2(-3.0 * way));
        let level = (t / 0.006).min(1.0) * exp(-1.6 * way) * (1.0 - way) * tremble;
        std::array::from_fn(|side| (body[side] * 0.5 + edge[side] * 0.5 + tone[side] * 0.16 * (1.0 - way)) * level)
    });
    chorus(&mut dry, 0.5, 2.0, 0.4);
    let echoes = echoed(&dry, 0.75, 0.4);
    let hall = reverberated(&dry, VOID);
    dry.mix(&echoes, 0.25);
    dry.mix(&hall, 0.45);
    low_cut(&mut dry, 60.0);
    faded(dry, 1.6)
}

/// Impact: a drum the size of a house, the metal it hits, and the valley behind it.
pub(crate) fn impact(canvas: &Canvas) -> Canvas {
    let (mut dry, mut rng) = (canvas.blank(), Rng::new(64));
    let (mut boom, mut ladder, mut sides) = (Osc::default(), Ladder::default(), [OnePole::default(); 2]);
    let mut metal: Vec<Osc> = (0..7).map(|_| Osc::at(rng.unit())).collect();
    let ratios = [1.0, 1.483, 1.932, 2.546, 3.117, 4.271, 5.633];
    dry.play(0.0, 4.0, |t| {
        let hz = 43.65 + 75.0 * exp(-t / 0.09) + 260.0 * exp(-t / 0.012);
        let body = saturate(boom.sine(hz, 0.0) * exp(-t / 0.9), 2.4) * 1.5 * ((4.0 - t) / 0.5).min(1.0);
        let crash = ladder.low(rng.noise() * 1.2, 260.0 + 9000.0 * exp(-t / 0.11), 0.4) * strike(t, 0.38);
        let ring: f64 = metal
            .iter_mut()
            .zip(ratios)
            .map(|(osc, ratio)| osc.sine(220.0 * ratio, 0.0) * strike(t, 1.1 / ratio))
            .sum();
        std::array::from_fn(|side| {
            let air = sides[side].low(rng.noise(), 5200.0) * strike(t, 0.16);
            body + crash * 0.8 + air * 0.5 + ring * 0.035
        })
    });
    warm(&mut dry, 5.0);
    let hall = reverberated(&dry, Room { seconds: 3.8, low_cut_hz: 90.0, ..VOID });
    dry.mix(&hall, 0.5);
    low_cut(&mut dry, 24.0);
    faded(dry, 2.2)
}

/// Rain: drops on leaves and a roof, and a gust that passes once.
pub(crate) fn rain(canvas: &Canvas) -> Canvas {
    let (mut out, mut rng) = (canvas.blank(), Rng::new(65));
    for _ in 0..520 {
        let (beat, size) = (rng.unit() * canvas_beats(canvas), rng.unit() * rng.unit());
        let (hz, place) = (1400.0 + 5200.0 * rng.unit(), pan(rng.noise() * 0.95));
        let (mut drop, mut splash, mut noise) = (Osc::default(), Svf::default(), Rng::new((beat * 1e6) as u64));
        out.play(beat, 0.05, |t| {
            let plop = drop.sine(hz * (1.0 + 6.0 * t), 0.0) * strike(t, 0.004 + 0.006 * size);
            let wet = splash.split(noise.noise(), hz * 1.4, 1.5).band * strike(t, 0.003);
            let sample = (plop * 0.5 + wet) * (0.08 + 0.5 * size);
            place.map(|side| sample * side)
        });
    }
    let mut fall = canvas.blank();
    for frame in fall.frames_mut() {
        *frame = [rng.noise(), rng.noise()];
    }
    let (mut low, mut high, gust, ripple) = (StereoSvf::default(), StereoSvf::default(), fall.lfo(0.2), fall.lfo(0.9));
    fall.through(|index, frame| {
        let turn = index as f64;
        let swell = 1.0 + 0.45 * sine(turn * gust - 0.25) + 0.12 * sine(turn * ripple);
        high.high(low.low(frame, 4200.0 * swell, 0.6), 700.0, 0.6).map(|x| x * swell)
    });
    out.mix(&fall, 0.05);
    let room = reverberated(&out, Room { seconds: 1.4, size: 0.9, ..VOID });
    out.mix(&room, 0.25);
    low_cut(&mut out, 180.0);
    out
}

/// Length of a canvas in beats.
fn canvas_beats(canvas: &Canvas) -> f64 {
    canvas.frames().len() as f64 / crate::canvas::RATE / canvas.seconds(1.0)
}

/// Reverse: a cymbal that ends where others begin.
pub(crate) fn reverse(canvas: &Canvas) -> Canvas {
    let mut out = canvas.blank();
    let mut rng = Rng::new(67);
    // The last beat is left for the room.
    let length = canvas.seconds(canvas_beats(canvas) - 1.0);
    let mut plates: Vec<[Osc; 2]> = (0..6).map(|_| [Osc::at(rng.unit()), Osc::at(rng.unit())]).collect();
    let mut high = StereoSvf::default();
    out.play(0.0, length, |t| {
        let left = length - t;
        let level = (exp(-left / 0.55) + 0.25 * exp(-left / 0.08)) * (t / 0.3).min(1.0) * (left / 0.004).min(1.0);
        let raw = std::array::from_fn(|side| {
            let metal: f64 = plates
                .iter_mut()
                .zip([923.0, 1371.0, 1663.0, 2351.0, 2431.0, 3602.0])
                .map(|(osc, hz)| osc[side].pulse(hz, 0.5))
                .sum::<f64>()
                / 6.0;
            metal * 0.55 + rng.noise() * 0.7
        });
        high.high(raw, 700.0 + 4200.0 * exp(-left / 0.5), 0.7).map(|x| x * level)
    });
    let hall = reverberated(&out, VOID);
    out.mix(&hall, 0.2);
    faded(out, 0.4)
}

/// Siren: a sound system's, with its echo.
pub(crate) fn siren(canvas: &Canvas) -> Canvas {
    let (mut dry, mut osc, mut soft, mut turn) = (canvas.blank(), Osc::default(), OnePole::default(), 0.0);
    let length = canvas.seconds(3.5);
    dry.play(0.0, length, |t| {
        let way = t / length;
        turn += (2.2 + 5.0 * way) / crate::canvas::RATE;
        let hz = canvas.hertz(69.0) * exp2((7.0 * (0.5 - 0.5 * sine(turn + 0.25)) + 5.0 * way) / 12.0);
        let level = (t / 0.02).min(1.0) * ((length - t) / 0.12).clamp(0.0, 1.0);
        let sample = soft.low(osc.pulse(hz, 0.4), 2600.0) * level * 0.6;
        [sample, sample]
    });
    let echoes = echoed(&dry, 0.75, 0.66);
    dry.mix(&echoes, 0.6);
    let hall = reverberated(&dry, VOID);
    dry.mix(&hall, 0.25);
    low_cut(&mut dry, 200.0);
    faded(dry, 1.4)
}

/// Whoosh: something large goes by from left to right.
pub(crate) fn whoosh(canvas: &Canvas) -> Canvas {
    let (mut dry, mut rng, mut band, mut low) =
        (canvas.blank(), Rng::new(68), StereoSvf::default(), StereoSvf::default());
    let length = canvas.seconds(3.0);
    dry.play(0.0, length, |t| {
        // It is nearest at three fifths of the way, and its pitch sinks as it passes.
        let near = (t / length - 0.6) * 5.0;
        let level = exp(-near * near) * (t / 0.2).min(1.0) * ((length - t) / 0.2).clamp(0.0, 1.0);
        let place = pan((near * 0.6).clamp(-0.9, 0.9));
        let hz = 900.0 * exp2(1.6 * exp(-near * near) - 0.5 * near.clamp(-1.0, 1.0));
        let noise = [rng.noise(), rng.noise()];
        let air = band.band(noise, hz, 1.3);
        let rush = low.low(noise, hz * 0.35, 0.8);
        std::array::from_fn(|side| (air[side] + rush[side] * 0.9) * level * (0.35 + place[side]))
    });
    let hall = reverberated(&dry, VOID);
    dry.mix(&hall, 0.3);
    low_cut(&mut dry, 50.0);
    faded(dry, 0.5)
}
