//! Percussion loops: hands, sticks and shakers to lay over any drums.

use crate::{
    canvas::Canvas,
    dynamics::{glue, low_cut, warm},
    envelope::Feel,
    hands::{Stroke, clave, conga, cowbell, tambourine},
    kit,
    math::sine,
    space::{Room, echoed, reverberated},
};

/// A courtyard.
const YARD: Room = Room { seconds: 0.8, size: 0.55, damping_hz: 6000.0, low_cut_hz: 260.0, predelay: 0.008 };

/// Puts dry percussion outdoors.
fn outdoors(mut dry: Canvas, wet: f64, drive_db: f64) -> Canvas {
    let room = reverberated(&dry, YARD);
    dry.mix(&room, wet);
    glue(&mut dry, -9.0, 2.0, 0.006, 0.09);
    warm(&mut dry, drive_db);
    low_cut(&mut dry, 70.0);
    dry
}

/// Shaker: one bar of sixteenths that leans into two and four and drifts from side to side.
pub(crate) fn shaker(canvas: &Canvas) -> Canvas {
    let (mut out, mut feel) = (canvas.blank(), Feel::new(canvas, 0.2, 0.003, 141));
    for hit in feel.hits("7364 9465 7364 9476") {
        kit::shaker(&mut out, hit.beat, hit.velocity, hit.seed(700));
    }
    for hit in feel.hits(".... 6... .... 6..3") {
        tambourine(&mut out, hit.beat, hit.velocity * 0.4, hit.seed(705));
    }
    let sway = out.lfo(0.23);
    out.through(|index, [left, right]| {
        let lean = 0.3 * sine(index as f64 * sway);
        // The shaker itself stands to the left; the drift takes it through the middle.
        [left * (0.8 - lean) + right * 0.2, right * (1.1 + lean) + left * 0.35]
    });
    outdoors(out, 0.4, 2.0)
}

/// Congas: the tumbao, with an answer at the end of the second bar.
pub(crate) fn congas(canvas: &Canvas) -> Canvas {
    let (mut out, mut feel) = (canvas.blank(), Feel::new(canvas, 0.1, 0.004, 142));
    let parts = [
        ("4.3. ..3. 4.3. .... | 4.3. ..3. 4.3. ....", Stroke::Mute, 57.0, 0.2),
        (".... 8... .... 7... | .... 8... .... ..6.", Stroke::Slap, 60.0, 0.3),
        (".... ..7. .... ..78 | .... ..7. ...6 ...7", Stroke::Open, 57.0, 0.25),
        ("...5 .... ...5 .... | ...5 .... .6.. 87..", Stroke::Open, 52.0, -0.35),
    ];
    for (pattern, stroke, pitch, place) in parts {
        for hit in feel.hits(pattern) {
            conga(&mut out, hit.beat, hit.velocity, stroke, canvas.hertz(pitch), place);
        }
    }
    outdoors(out, 0.45, 2.5)
}

/// Claves: son clave, three and two, and nothing else.
pub(crate) fn claves(canvas: &Canvas) -> Canvas {
    let (mut out, mut feel) = (canvas.blank(), Feel::new(canvas, 0.0, 0.0025, 143));
    for hit in feel.hits("9..8 ..9. ..8. 8... | ..9. 8... .... ....") {
        clave(&mut out, hit.beat, hit.velocity, 2480.0, 0.0);
    }
    for hit in feel.hits(".... .... .... .... | .... .... .... ..3.") {
        clave(&mut out, hit.beat, hit.velocity, 2210.0, 0.0);
    }
    let yard = reverberated(&out, Room { seconds: 1.3, size: 0.8, ..YARD });
    out.mix(&yard, 0.5);
    low_cut(&mut out, 300.0);
    out
}

/// Tops: everything of a house groove but the kick, for a drummer who has one.
pub(crate) fn tops(canvas: &Canvas) -> Canvas {
    let (mut out, mut feel) = (canvas.blank(), Feel::new(canvas, 0.18, 0.003, 144));
    for hit in feel.hits("..8. ..8. ..8. ..8. | ..8. ..8. ..8. ..87") {
        kit::hat(&mut out, hit.beat, hit.velocity * 0.5, 0.14, 0.2, hit.seed(710));
    }
    for hit in feel.hits("64.5 63.5 64.5 63.4 | 64.5 63.5 64.5 63.3") {
        kit::hat(&mut out, hit.beat, hit.velocity * 0.42, 0.03, 0.09, hit.seed(720));
    }
    for hit in feel.hits("5474 5474 5474 5475 | 5474 5474 5474 5487") {
        kit::shaker(&mut out, hit.beat, hit.velocity * 0.55, hit.seed(730));
    }
    for hit in feel.hits("...6 .... .5.. ..6. | ...6 ..5. .5.. 6...") {
        kit::rim(&mut out, hit.beat, hit.velocity * 0.32, 0.5);
    }
    outdoors(out, 0.5, 3.0)
}

/// Rims: a stick on three shells, thrown from side to side by an echo.
pub(crate) fn rims(canvas: &Canvas) -> Canvas {
    let (mut dry, mut feel) = (canvas.blank(), Feel::new(canvas, 0.16, 0.003, 145));
    for (n, hit) in feel.hits("8..6 ..7. .5.8 ..6. | .7.. 8..6 ..7. 5.76").into_iter().enumerate() {
        kit::rim(&mut dry, hit.beat, hit.velocity, [-0.45, 0.1, 0.5][n % 3]);
    }
    for hit in feel.hits(".... ..5. .... .... | ..5. .... .... ..4.") {
        clave(&mut dry, hit.beat, hit.velocity * 0.4, 1480.0, 0.25);
    }
    let echoes = echoed(&dry, 0.75, 0.4);
    dry.mix(&echoes, 0.3);
    outdoors(dry, 0.5, 2.0)
}

/// Bongos: the martillo, in the fingers.
pub(crate) fn bongos(canvas: &Canvas) -> Canvas {
    let (mut out, mut feel) = (canvas.blank(), Feel::new(canvas, 0.06, 0.004, 146));
    let parts = [
        ("9.4. 7.4. 8.4. ..4. | 9.4. 7.4. 8.4. 7...", Stroke::Open, 67.0, -0.25),
        ("...4 ...5 ...4 ...4 | ...4 ...5 .5.4 ..5.", Stroke::Mute, 67.0, -0.2),
        (".... .... .... 8..6 | .... .... .... .6.8", Stroke::Open, 60.0, 0.35),
        (".... 4... .... .... | .... 5... ..6. ....", Stroke::Slap, 69.0, -0.3),
    ];
    for (pattern, stroke, pitch, place) in parts {
        for hit in feel.hits(pattern) {
            conga(&mut out, hit.beat, hit.velocity * 0.9, stroke, canvas.hertz(pitch), place);
        }
    }
    outdoors(out, 0.4, 2.0)
}

/// Agogô: two bells and the tambourine that walks beside them.
pub(crate) fn agogo(canvas: &Canvas) -> Canvas {
    let (mut out, mut feel) = (canvas.blank(), Feel::new(canvas, 0.14, 0.004, 147));
    for hit in feel.hits("8.6. ..7. ..6. .7.. | 8.6. ..7. .6.. 6...") {
        cowbell(&mut out, hit.beat, hit.velocity * 0.7, canvas.hertz(81.0), 0.11, -0.35);
    }
    for hit in feel.hits(".... 7..6 .... 7..5 | .... 7..6 ..7. ..75") {
        cowbell(&mut out, hit.beat, hit.velocity * 0.75, canvas.hertz(76.0), 0.14, 0.3);
    }
    for hit in feel.hits("4364 4364 4364 4364 | 4364 4364 4364 4375") {
        tambourine(&mut out, hit.beat, hit.velocity * 0.3, hit.seed(740));
    }
    outdoors(out, 0.45, 1.5)
}
