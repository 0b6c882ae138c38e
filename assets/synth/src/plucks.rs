//! Plucked loops of two bars in A minor pentatonic: kalimba, marimba, harp, koto, gated strings and glass.

use crate::{
    canvas::Canvas,
    dynamics::{glue, low_cut, tilt},
    envelope::{Feel, strike},
    filter::{Ladder, OnePole, Svf},
    harmony::{Note, note, sing},
    math::{Rng, exp, exp2, pan, sine},
    osc::Osc,
    space::{Room, chorus, echoed, reverberated},
    strings::{Pluck, Strung},
};

/// A bright room with a high ceiling.
const ATRIUM: Room = Room { seconds: 1.8, size: 0.85, damping_hz: 7000.0, low_cut_hz: 300.0, predelay: 0.015 };

/// Puts a dry loop into its space.
fn placed(dry: &Canvas, echo: f64, room: f64) -> Canvas {
    let echoes = echoed(dry, 0.75, 0.4);
    let mut heard = dry.clone();
    heard.mix(&echoes, 0.5);
    let mut out = dry.clone();
    out.mix(&echoes, echo);
    out.mix(&reverberated(&heard, ATRIUM), room);
    low_cut(&mut out, 120.0);
    out
}

/// Kalimba: two thumbs that never meet.
pub(crate) fn kalimba(canvas: &Canvas) -> Canvas {
    let mut feel = Feel::new(canvas, 0.12, 0.004, 171);
    let mut dry = canvas.blank();
    let thumbs = [
        ("9.6. .7.. 8.6. .5.. | 9.6. .7.. 8..6 .7..", [69.0, 76.0, 72.0, 74.0, 67.0], -0.3),
        ("...5 ..6. ..5. ..64 | ...5 ..6. ..7. 5.64", [81.0, 79.0, 84.0, 76.0, 79.0], 0.3),
    ];
    for (pattern, scale, side) in thumbs {
        for (n, hit) in feel.hits(pattern).into_iter().enumerate() {
            let hz = canvas.hertz(scale[(n * 2 + n / 5) % 5]);
            let (mut tongue, mut rattle, mut hollow, mut rng) =
                (Osc::default(), Osc::default(), Svf::default(), Rng::new(hit.seed(7)));
            let place = pan(side + 0.12 * rng.noise());
            dry.play(hit.beat, 1.4, |t| {
                // A clamped tongue's second mode lies far above its first.
                let tone = tongue.sine(hz, 0.03 * hit.velocity * strike(t, 0.05) * sine(hz * 2.0 * t))
                    * strike(t, 0.26)
                    + 0.4 * hit.velocity * rattle.sine(hz * 5.43, 0.0) * strike(t, 0.045);
                let thumb = hollow.split(rng.noise(), 620.0, 2.0).band * strike(t, 0.012) * 0.8;
                let sample = (tone + thumb) * hit.velocity * ((1.4 - t) / 0.2).min(1.0);
                place.map(|gain| sample * gain)
            });
        }
    }
    placed(&dry, 0.3, 0.32)
}

/// Marimba: rosewood in interlocking threes.
pub(crate) fn marimba(canvas: &Canvas) -> Canvas {
    let mut feel = Feel::new(canvas, 0.0, 0.003, 172);
    let mut dry = canvas.blank();
    let low = [57.0, 64.0, 60.0, 67.0, 62.0, 64.0];
    let high = [76.0, 72.0, 79.0, 74.0, 81.0];
    for hit in feel.hits("9.65 .7.6 5.8. 6.57 | 9.65 .7.6 5.8. 65.7") {
        bar(&mut dry, canvas.hertz(low[hit.step % 6]), &hit_note(hit.beat, hit.velocity), -0.25);
    }
    for hit in feel.hits("7..6 ..7. .6.. 7..5 | ..7. .6.. 7..6 ..6.") {
        bar(&mut dry, canvas.hertz(high[(hit.step / 3) % 5]), &hit_note(hit.beat, hit.velocity * 0.8), 0.3);
    }
    placed(&dry, 0.12, 0.38)
}

/// A stroke whose pitch is given beside it.
fn hit_note(beat: f64, velocity: f64) -> Note {
    note(beat, 0.0, 0.0, velocity)
}

/// A wooden bar: its first three modes are tuned 1 : 4 : 9.2, over a tube.
fn bar(canvas: &mut Canvas, hz: f64, stroke: &Note, position: f64) {
    let [mut first, mut second, mut third] = [Osc::default(); 3];
    let (mut mallet, mut rng, place) = (Svf::default(), Rng::new((stroke.beat * 96.0) as u64 + 5), pan(position));
    let ring = 0.32 * (220.0 / hz).sqrt().min(1.3);
    let velocity = stroke.velocity;
    canvas.play(stroke.beat, ring * 5.0, |t| {
        let tone = first.sine(hz, 0.0) * strike(t, ring)
            + 0.3 * velocity * second.sine(hz * 3.98, 0.0) * strike(t, ring * 0.24)
            + 0.16 * velocity * third.sine(hz * 9.2, 0.0) * strike(t, 0.018);
        let knock = mallet.split(rng.noise(), 1300.0 + 1500.0 * velocity, 1.0).band * strike(t, 0.005) * 0.7;
        let sample = (tone + knock * velocity) * velocity * ((ring * 5.0 - t) / 0.05).min(1.0);
        place.map(|side| sample * side)
    });
}

/// Harp: one sweep up, one figure down, and the strings left ringing.
pub(crate) fn harp(canvas: &Canvas) -> Canvas {
    let mut dry = canvas.blank();
    let sweep = [45.0, 52.0, 57.0, 60.0, 64.0, 67.0, 69.0, 72.0, 76.0, 79.0];
    let mut notes: Vec<Note> = sweep
        .iter()
        .enumerate()
        .map(|(n, pitch)| note(n as f64 * 0.125, *pitch, 3.0, 0.55 + 0.04 * n as f64))
        .collect();
    notes.extend(
        [
            (1.5, 84.0),
            (2.0, 81.0),
            (2.5, 76.0),
            (2.75, 79.0),
            (3.5, 74.0),
            (4.0, 72.0),
            (4.0, 57.0),
            (4.5, 76.0),
            (5.0, 69.0),
        ]
        .map(|(beat, pitch)| note(beat, pitch, 2.5, 0.72)),
    );
    notes.extend(
        [(5.5, 74.0), (6.0, 67.0), (6.0, 52.0), (6.5, 71.0), (7.0, 64.0), (7.5, 67.0)]
            .map(|(beat, pitch)| note(beat, pitch, 2.2, 0.62)),
    );
    let mut rng = Rng::new(173);
    sing(&mut dry, &notes, |out, n, number| {
        let late = if number == 0 { 0.0 } else { 0.01 * rng.noise() };
        let pluck = Pluck {
            hz: canvas.hertz(n.pitch),
            seconds: 3.6 * exp2((60.0 - n.pitch) / 30.0),
            dullness: 0.14,
            place: 0.42,
            finger_hz: 1100.0 + 2800.0 * n.velocity,
        };
        let (mut string, place) = (Strung::new(pluck, 940 + number), pan((n.pitch - 66.0) / 30.0));
        let lasting = 2.6;
        out.play(n.beat + late, lasting, |t| {
            let sample = string.next() * n.velocity * (t / 0.0015).min(1.0) * ((lasting - t) / 0.6).min(1.0);
            place.map(|side| sample * side)
        });
    });
    let mut out = placed(&dry, 0.14, 0.42);
    tilt(&mut out, 1800.0, 3.0);
    out
}

/// Koto: silk strings that are bent after the pluck.
pub(crate) fn koto(canvas: &Canvas) -> Canvas {
    let mut feel = Feel::new(canvas, 0.06, 0.005, 174);
    let scale = [69.0, 72.0, 74.0, 76.0, 79.0, 81.0];
    let order = [0, 3, 2, 5, 4, 3, 1, 2, 0, 4, 3, 2];
    let mut dry = canvas.blank();
    for (n, hit) in feel.hits("9... 7.65 ...8 ..6. | 8..7 ..6. 9... .654").into_iter().enumerate() {
        let hz = canvas.hertz(scale[order[n % 12]]);
        let pluck = Pluck { hz, seconds: 2.4, dullness: 0.08, place: 0.07, finger_hz: 3000.0 + 5000.0 * hit.velocity };
        let mut string = Strung::new(pluck, hit.seed(950));
        let (mut body, mut board) = (Svf::default(), Svf::default());
        let place = pan(if n % 2 == 0 { -0.3 } else { 0.25 });
        dry.play(hit.beat, 1.6, |t| {
            let raw = string.next();
            let wood = body.split(raw, 480.0, 2.0).band * 0.6 + board.split(raw, 1250.0, 2.5).band * 0.5;
            let sample = (raw * 0.7 + wood) * hit.velocity * ((1.6 - t) / 0.4).min(1.0);
            place.map(|side| sample * side)
        });
    }
    let mut out = placed(&dry, 0.28, 0.34);
    chorus(&mut out, 0.23, 0.5, 0.2);
    out
}

/// Gate: bright plucks in sixteenths whose filter climbs over two bars.
pub(crate) fn gate(canvas: &Canvas) -> Canvas {
    let mut feel = Feel::new(canvas, 0.0, 0.001, 175);
    let ladder = [57.0, 64.0, 69.0, 72.0, 76.0, 69.0, 64.0, 79.0];
    let mut dry = canvas.blank();
    for hit in feel.hits("9.68 .69. 68.6 9.76 | 9.68 .69. 68.6 9867") {
        let hz = canvas.hertz(ladder[(hit.step * 3) % 8]);
        let open = 0.5 - 0.5 * sine(hit.beat / 8.0 + 0.25);
        let mut oscs = [(Osc::at(0.1), 0.9965), (Osc::at(0.6), 1.0035)];
        let (mut filters, mut top) = ([Ladder::default(); 2], Osc::default());
        dry.play(hit.beat, 0.6, |t| {
            let cutoff = 400.0 * exp2(1.8 * open + (1.8 + 1.2 * hit.velocity) * exp(-t / 0.07)) + hz * 0.4;
            let octave = top.pulse(hz * 2.0, 0.3) * 0.3;
            let level = strike(t, 0.1) * hit.velocity * ((0.6 - t) / 0.1).min(1.0);
            std::array::from_fn(|side| {
                let (osc, ratio) = &mut oscs[side];
                filters[side].low(osc.saw(hz * *ratio) * 0.9 + octave, cutoff, 1.4) * level
            })
        });
    }
    glue(&mut dry, -12.0, 2.0, 0.002, 0.06);
    dry.pump(0.35);
    // Something of each side on the other, so that one loudspeaker has both.
    for frame in dry.frames_mut() {
        let [left, right] = *frame;
        *frame = [0.8 * left + 0.3 * right, 0.8 * right + 0.3 * left];
    }
    let mut out = placed(&dry, 0.34, 0.26);
    tilt(&mut out, 2000.0, 2.0);
    out
}

/// Glass: drops that fall where they like and ring in pairs.
pub(crate) fn glass(canvas: &Canvas) -> Canvas {
    let drops = [
        note(0.0, 81.0, 1.0, 0.9),
        note(0.75, 88.0, 1.0, 0.6),
        note(1.75, 84.0, 1.0, 0.7),
        note(2.5, 79.0, 1.0, 0.8),
        note(3.25, 91.0, 1.0, 0.5),
        note(4.0, 76.0, 1.0, 0.85),
        note(4.75, 84.0, 1.0, 0.6),
        note(5.25, 81.0, 1.0, 0.65),
        note(6.25, 86.0, 1.0, 0.7),
        note(7.0, 79.0, 1.0, 0.6),
        note(7.5, 93.0, 1.0, 0.4),
    ];
    let (mut dry, mut rng) = (canvas.blank(), Rng::new(176));
    sing(&mut dry, &drops, |out, n, _| {
        let hz = canvas.hertz(n.pitch);
        let (mut modes, place) = ([Osc::default(); 4], pan(0.75 * rng.noise()));
        let (mut plip, mut air, mut noise) = (Osc::default(), OnePole::default(), Rng::new(n.pitch as u64));
        out.play(n.beat, 1.8, |t| {
            let ring: f64 = modes
                .iter_mut()
                .zip([(1.0, 1.0, 0.42), (1.003, 0.6, 0.5), (2.76, 0.28, 0.16), (5.4, 0.14, 0.06)])
                .map(|(osc, (ratio, level, time))| osc.sine(hz * ratio, 0.0) * level * strike(t, time))
                .sum();
            let drop = plip.sine(hz * (0.5 + 0.5 * (t / 0.02).min(1.0)), 0.0) * strike(t, 0.012) * 0.5;
            let splash = air.high(noise.noise(), 6000.0) * strike(t, 0.003) * 0.3;
            let sample = (ring + drop + splash) * n.velocity * ((1.8 - t) / 0.3).min(1.0);
            place.map(|side| sample * side)
        });
    });
    placed(&dry, 0.42, 0.5)
}
