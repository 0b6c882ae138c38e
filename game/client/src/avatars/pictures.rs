//! The pictures themselves, and what they are put together of.

use super::{
    Part, Point,
    Tone::{self, Ink, Light, Main, Shade},
};
use keyboardia_session::Avatar;
use std::f32::consts::TAU;

/// The pieces of a picture, in the order in which they are painted.
pub(super) fn parts(avatar: Avatar) -> Vec<Part> {
    let pieces: Vec<Vec<Part>> = match avatar.index() {
        0 => cat(),
        1 => fox(),
        2 => bear(),
        3 => rabbit(),
        4 => owl(),
        5 => frog(),
        6 => panda(),
        7 => penguin(),
        8 => chick(),
        9 => whale(),
        10 => octopus(),
        11 => ghost(),
        12 => robot(),
        13 => alien(),
        14 => mushroom(),
        15 => cactus(),
        16 => sun(),
        17 => moon(),
        18 => star(),
        19 => planet(),
        20 => cloud(),
        21 => flame(),
        22 => gem(),
        _ => listener(),
    };
    pieces.concat()
}

fn disc(x: f32, y: f32, radius: f32, tone: Tone) -> Part {
    Part::Disc((x, y), radius, tone)
}

fn poly(points: &[Point], tone: Tone) -> Part {
    Part::Poly(points.to_vec(), tone)
}

fn line(points: &[Point], width: f32, tone: Tone) -> Part {
    Part::Line(points.to_vec(), width, tone)
}

/// Part of an ellipse's outline, angles in turns clockwise from the right.
fn bow(centre: Point, size: Point, turns: (f32, f32)) -> Vec<Point> {
    const STEPS: usize = 16;
    let angle = |step: usize| TAU * (turns.0 + (turns.1 - turns.0) * step as f32 / STEPS as f32);
    (0..=STEPS).map(|step| (centre.0 + size.0 * angle(step).cos(), centre.1 + size.1 * angle(step).sin())).collect()
}

fn oval(x: f32, y: f32, width: f32, height: f32, tone: Tone) -> Part {
    Part::Poly(bow((x, y), (width, height), (0.0, 1.0)), tone)
}

fn smile(x: f32, y: f32, width: f32) -> Part {
    Part::Line(bow((x, y), (width, width * 0.7), (0.04, 0.46)), 0.09, Ink)
}

/// Two of the same, left and right of the middle.
fn pair(x: f32, part: impl Fn(f32) -> Part) -> [Part; 2] {
    [part(-x), part(x)]
}

fn eyes(x: f32, y: f32, size: f32) -> Vec<Part> {
    let glint = size * 0.32;
    [-x, x].into_iter().flat_map(|x| [disc(x, y, size, Ink), disc(x + glint, y - glint, glint, Light)]).collect()
}

fn wide_eyes(x: f32, y: f32, size: f32) -> Vec<Part> {
    let mut parts: Vec<Part> = pair(x, |x| disc(x, y, size, Light)).into();
    parts.extend(pair(x * 0.92, |x| disc(x, y + size * 0.08, size * 0.52, Ink)));
    parts
}

fn cat() -> Vec<Vec<Part>> {
    let ear = |side: f32| poly(&[(side * 0.72, -0.85), (side * 0.12, -0.4), (side * 0.74, 0.05)], Main);
    let inner = |side: f32| poly(&[(side * 0.62, -0.6), (side * 0.32, -0.38), (side * 0.62, -0.16)], Shade);
    let whiskers = |side: f32| line(&[(side * 0.35, 0.32), (side * 0.95, 0.22)], 0.06, Light);
    let lower = |side: f32| line(&[(side * 0.35, 0.42), (side * 0.92, 0.5)], 0.06, Light);
    vec![
        pair(1.0, ear).into(),
        pair(1.0, inner).into(),
        vec![oval(0.0, 0.18, 0.78, 0.64, Main)],
        eyes(0.32, 0.08, 0.13),
        vec![poly(&[(-0.1, 0.3), (0.1, 0.3), (0.0, 0.42)], Ink)],
        pair(1.0, whiskers).into(),
        pair(1.0, lower).into(),
    ]
}

fn fox() -> Vec<Vec<Part>> {
    let ear = |side: f32| poly(&[(side * 0.86, -0.86), (side * 0.2, -0.36), (side * 0.8, 0.0)], Shade);
    let cheek = |side: f32| poly(&[(side * 0.82, 0.02), (side * 0.22, 0.22), (0.0, 0.82)], Light);
    vec![
        pair(1.0, ear).into(),
        vec![poly(&[(-0.84, -0.1), (-0.4, -0.45), (0.4, -0.45), (0.84, -0.1), (0.0, 0.86)], Main)],
        pair(1.0, cheek).into(),
        eyes(0.34, -0.04, 0.12),
        vec![disc(0.0, 0.74, 0.14, Ink)],
    ]
}

fn bear() -> Vec<Vec<Part>> {
    vec![
        pair(0.58, |x| disc(x, -0.56, 0.32, Main)).into(),
        pair(0.58, |x| disc(x, -0.56, 0.17, Shade)).into(),
        vec![disc(0.0, 0.1, 0.76, Main), oval(0.0, 0.38, 0.36, 0.3, Light), oval(0.0, 0.26, 0.14, 0.1, Ink)],
        eyes(0.33, -0.06, 0.1),
        vec![smile(0.0, 0.4, 0.16)],
    ]
}

fn rabbit() -> Vec<Vec<Part>> {
    vec![
        pair(0.28, |x| oval(x, -0.5, 0.2, 0.5, Main)).into(),
        pair(0.28, |x| oval(x, -0.48, 0.09, 0.36, Shade)).into(),
        vec![oval(0.0, 0.34, 0.62, 0.54, Main)],
        eyes(0.25, 0.22, 0.11),
        vec![
            poly(&[(-0.08, 0.4), (0.08, 0.4), (0.0, 0.5)], Ink),
            poly(&[(-0.12, 0.6), (0.12, 0.6), (0.12, 0.82), (-0.12, 0.82)], Light),
            line(&[(0.0, 0.6), (0.0, 0.82)], 0.04, Ink),
        ],
    ]
}

fn owl() -> Vec<Vec<Part>> {
    let tuft = |side: f32| poly(&[(side * 0.78, -0.9), (side * 0.1, -0.5), (side * 0.66, -0.2)], Shade);
    let wing = |side: f32| oval(side * 0.66, 0.35, 0.2, 0.42, Shade);
    vec![
        pair(1.0, tuft).into(),
        vec![oval(0.0, 0.12, 0.74, 0.8, Main)],
        pair(1.0, wing).into(),
        wide_eyes(0.31, -0.18, 0.31),
        vec![
            poly(&[(-0.12, 0.06), (0.12, 0.06), (0.0, 0.32)], Ink),
            line(&[(-0.22, 0.5), (-0.1, 0.6), (0.0, 0.5), (0.1, 0.6), (0.22, 0.5)], 0.07, Shade),
        ],
    ]
}

fn frog() -> Vec<Vec<Part>> {
    vec![
        pair(0.48, |x| disc(x, -0.42, 0.34, Main)).into(),
        vec![oval(0.0, 0.2, 0.92, 0.56, Main)],
        wide_eyes(0.48, -0.44, 0.22),
        vec![
            Part::Line(bow((0.0, 0.12), (0.62, 0.34), (0.03, 0.47)), 0.1, Ink),
            disc(-0.1, 0.04, 0.04, Shade),
            disc(0.1, 0.04, 0.04, Shade),
        ],
    ]
}

fn panda() -> Vec<Vec<Part>> {
    vec![
        pair(0.62, |x| disc(x, -0.54, 0.3, Main)).into(),
        vec![oval(0.0, 0.1, 0.84, 0.74, Light)],
        pair(0.36, |x| oval(x, 0.04, 0.24, 0.3, Main)).into(),
        eyes(0.34, 0.04, 0.12),
        vec![oval(0.0, 0.36, 0.13, 0.09, Ink), smile(0.0, 0.46, 0.16)],
    ]
}

fn penguin() -> Vec<Vec<Part>> {
    vec![
        vec![oval(0.0, 0.06, 0.66, 0.88, Main)],
        pair(0.7, |x| oval(x, 0.3, 0.16, 0.42, Main)).into(),
        vec![oval(0.0, 0.36, 0.46, 0.5, Light)],
        pair(0.22, |x| disc(x, -0.2, 0.28, Light)).into(),
        eyes(0.2, -0.2, 0.11),
        vec![poly(&[(-0.16, 0.0), (0.16, 0.0), (0.0, 0.24)], Shade)],
        pair(0.26, |x| oval(x, 0.9, 0.2, 0.09, Shade)).into(),
    ]
}

fn chick() -> Vec<Vec<Part>> {
    vec![vec![
        line(&[(0.0, -0.5), (-0.22, -0.9)], 0.1, Main),
        line(&[(0.0, -0.5), (0.04, -0.98)], 0.1, Main),
        line(&[(0.0, -0.5), (0.28, -0.86)], 0.1, Main),
        disc(0.0, 0.08, 0.64, Main),
        oval(-0.62, 0.2, 0.26, 0.16, Shade),
        disc(0.06, -0.06, 0.13, Ink),
        disc(0.11, -0.11, 0.05, Light),
        poly(&[(0.5, -0.1), (0.98, 0.1), (0.5, 0.26)], Light),
        line(&[(-0.16, 0.68), (-0.16, 0.95)], 0.08, Shade),
        line(&[(0.16, 0.68), (0.16, 0.95)], 0.08, Shade),
    ]]
}

fn whale() -> Vec<Vec<Part>> {
    vec![vec![
        poly(&[(0.5, 0.1), (0.98, -0.42), (0.86, 0.3)], Main),
        poly(&[(0.56, 0.1), (0.58, -0.5), (0.9, 0.2)], Main),
        oval(-0.14, 0.3, 0.8, 0.5, Main),
        Part::Poly(bow((-0.18, 0.42), (0.66, 0.34), (0.0, 0.5)), Light),
        disc(-0.5, 0.18, 0.1, Ink),
        line(&[(-0.2, -0.24), (-0.2, -0.5)], 0.09, Light),
        Part::Line(bow((-0.38, -0.52), (0.18, 0.28), (0.55, 1.0)), 0.09, Light),
        Part::Line(bow((-0.02, -0.52), (0.18, 0.28), (0.5, 0.95)), 0.09, Light),
    ]]
}

fn octopus() -> Vec<Vec<Part>> {
    let arm = |x: f32| line(&[(x * 0.8, 0.2), (x * 1.0, 0.56), (x * 1.35, 0.74), (x * 1.25, 0.92)], 0.2, Main);
    vec![
        pair(0.62, arm).into(),
        pair(0.22, arm).into(),
        vec![oval(0.0, -0.18, 0.66, 0.72, Main), disc(-0.3, -0.6, 0.1, Shade), disc(0.16, -0.7, 0.07, Shade)],
        wide_eyes(0.26, -0.1, 0.2),
        vec![disc(0.0, 0.26, 0.09, Ink)],
    ]
}

fn ghost() -> Vec<Vec<Part>> {
    let foot = |x: f32| disc(x, 0.66, 0.23, Main);
    vec![
        vec![disc(0.0, -0.22, 0.68, Main), poly(&[(-0.68, -0.22), (0.68, -0.22), (0.68, 0.66), (-0.68, 0.66)], Main)],
        [-0.45, 0.0, 0.45].map(foot).into(),
        pair(0.27, |x| oval(x, -0.2, 0.13, 0.2, Ink)).into(),
        vec![oval(0.0, 0.24, 0.14, 0.17, Ink)],
        pair(0.46, |x| disc(x, 0.08, 0.1, Shade)).into(),
    ]
}

fn robot() -> Vec<Vec<Part>> {
    let ear = |x: f32| poly(&[(x - 0.1, -0.1), (x + 0.1, -0.1), (x + 0.1, 0.36), (x - 0.1, 0.36)], Shade);
    vec![
        vec![line(&[(0.0, -0.4), (0.0, -0.78)], 0.09, Shade), disc(0.0, -0.82, 0.14, Light)],
        pair(0.82, ear).into(),
        vec![
            poly(&[(-0.72, -0.46), (0.72, -0.46), (0.72, 0.74), (-0.72, 0.74)], Main),
            poly(&[(-0.54, -0.26), (0.54, -0.26), (0.54, 0.16), (-0.54, 0.16)], Ink),
        ],
        pair(0.26, |x| disc(x, -0.05, 0.13, Light)).into(),
        [-0.3, -0.1, 0.1, 0.3].map(|x| line(&[(x, 0.34), (x, 0.56)], 0.09, Ink)).into(),
    ]
}

fn alien() -> Vec<Vec<Part>> {
    let eye =
        |side: f32| poly(&[(side * 0.12, 0.12), (side * 0.5, -0.34), (side * 0.66, -0.2), (side * 0.52, 0.1)], Ink);
    let feeler = |side: f32| line(&[(side * 0.3, -0.5), (side * 0.52, -0.88)], 0.08, Shade);
    vec![
        pair(1.0, feeler).into(),
        pair(0.54, |x| disc(x, -0.88, 0.1, Light)).into(),
        vec![poly(
            &[
                (0.0, 0.92),
                (-0.26, 0.74),
                (-0.6, 0.22),
                (-0.78, -0.2),
                (-0.62, -0.5),
                (-0.3, -0.66),
                (0.3, -0.66),
                (0.62, -0.5),
                (0.78, -0.2),
                (0.6, 0.22),
                (0.26, 0.74),
            ],
            Main,
        )],
        pair(1.0, eye).into(),
        vec![smile(0.0, 0.44, 0.13)],
    ]
}

fn mushroom() -> Vec<Vec<Part>> {
    vec![
        vec![
            poly(&[(-0.32, 0.0), (0.32, 0.0), (0.42, 0.84), (-0.42, 0.84)], Light),
            Part::Poly(bow((0.0, 0.06), (0.9, 0.9), (0.5, 1.0)), Main),
            disc(-0.44, -0.28, 0.17, Light),
            disc(0.12, -0.5, 0.2, Light),
            disc(0.56, -0.16, 0.13, Light),
        ],
        eyes(0.16, 0.34, 0.09),
        vec![smile(0.0, 0.48, 0.12)],
    ]
}

fn cactus() -> Vec<Vec<Part>> {
    vec![
        vec![
            line(&[(-0.2, 0.2), (-0.66, 0.2), (-0.66, -0.24)], 0.26, Main),
            disc(-0.66, -0.24, 0.13, Main),
            disc(-0.66, 0.2, 0.13, Main),
            line(&[(0.2, 0.06), (0.64, 0.06), (0.64, -0.42)], 0.26, Main),
            disc(0.64, -0.42, 0.13, Main),
            disc(0.64, 0.06, 0.13, Main),
            oval(0.0, 0.0, 0.34, 0.84, Main),
            poly(&[(-0.5, 0.6), (0.5, 0.6), (0.38, 0.96), (-0.38, 0.96)], Shade),
            disc(0.0, -0.82, 0.15, Light),
        ],
        eyes(0.15, -0.2, 0.08),
        vec![smile(0.0, -0.04, 0.12)],
    ]
}

fn sun() -> Vec<Vec<Part>> {
    let ray = |step: usize| {
        let turn = |turns: f32, radius: f32| (radius * (TAU * turns).cos(), radius * (TAU * turns).sin());
        let at = step as f32 / 10.0;
        poly(&[turn(at - 0.035, 0.62), turn(at, 0.98), turn(at + 0.035, 0.62)], Main)
    };
    vec![
        (0..10).map(ray).collect(),
        vec![disc(0.0, 0.0, 0.58, Main)],
        eyes(0.2, -0.08, 0.09),
        vec![smile(0.0, 0.1, 0.24)],
        pair(0.36, |x| disc(x, 0.14, 0.08, Shade)).into(),
    ]
}

fn moon() -> Vec<Vec<Part>> {
    // A crescent from slices, each convex.
    let outer = bow((-0.05, 0.0), (0.88, 0.88), (0.17, 0.83));
    let inner = bow((0.46, 0.0), (0.66, 0.76), (0.29, 0.71));
    // Each reaches a little into the next, for their soft edges must not show.
    let slice = |step: usize| {
        let next = (step + 2).min(outer.len() - 1);
        poly(&[outer[step], outer[next], inner[next], inner[step]], Main)
    };
    let slices = (0..outer.len() - 1).map(slice).collect();
    vec![
        slices,
        vec![
            disc(-0.5, -0.2, 0.09, Ink),
            Part::Line(bow((-0.4, 0.12), (0.2, 0.16), (0.1, 0.45)), 0.08, Ink),
            disc(0.5, -0.36, 0.1, Light),
            disc(0.36, 0.3, 0.07, Light),
        ],
    ]
}

fn star() -> Vec<Vec<Part>> {
    let at = |step: f32, radius: f32| {
        let angle = TAU * (step / 10.0 - 0.25);
        (radius * angle.cos(), 0.06 + radius * angle.sin())
    };
    let spike = |step: usize| {
        let step = 2.0 * step as f32;
        poly(&[(0.0, 0.06), at(step - 1.0, 0.5), at(step, 1.0), at(step + 1.0, 0.5)], Main)
    };
    vec![(0..5).map(spike).collect(), eyes(0.17, -0.02, 0.1), vec![smile(0.0, 0.16, 0.18)]]
}

fn planet() -> Vec<Vec<Part>> {
    let tilt = |(x, y): Point| (x * 0.94 + y * 0.34, y * 0.94 - x * 0.34);
    let ring = |turns| bow((0.0, 0.0), (1.0, 0.26), turns).into_iter().map(tilt).collect::<Vec<_>>();
    vec![
        vec![
            Part::Line(ring((0.5, 1.0)), 0.1, Light),
            disc(0.0, 0.0, 0.62, Main),
            oval(-0.16, -0.36, 0.3, 0.1, Shade),
            disc(0.3, 0.34, 0.1, Shade),
            Part::Line(ring((0.0, 0.5)), 0.1, Light),
        ],
        eyes(0.2, -0.12, 0.09),
    ]
}

fn cloud() -> Vec<Vec<Part>> {
    vec![
        vec![
            disc(-0.5, 0.14, 0.38, Main),
            disc(0.52, 0.18, 0.34, Main),
            disc(-0.14, -0.2, 0.46, Main),
            disc(0.3, -0.06, 0.36, Main),
            poly(&[(-0.5, 0.1), (0.52, 0.1), (0.52, 0.52), (-0.5, 0.52)], Main),
        ],
        [-0.4, 0.0, 0.4].map(|x| line(&[(x, 0.66), (x - 0.1, 0.9)], 0.09, Light)).into(),
        eyes(0.2, 0.02, 0.09),
        vec![smile(0.0, 0.16, 0.15)],
    ]
}

fn flame() -> Vec<Vec<Part>> {
    vec![
        vec![
            poly(&[(-0.6, 0.3), (-0.62, -0.3), (-0.1, 0.0)], Shade),
            poly(&[(0.6, 0.3), (0.5, -0.5), (0.1, 0.0)], Shade),
            poly(&[(-0.5, 0.1), (0.06, -0.96), (0.5, 0.1)], Main),
            oval(0.0, 0.34, 0.62, 0.58, Main),
            oval(0.0, 0.54, 0.38, 0.36, Light),
        ],
        eyes(0.17, 0.42, 0.09),
        vec![smile(0.0, 0.58, 0.13)],
    ]
}

fn gem() -> Vec<Vec<Part>> {
    vec![
        vec![
            poly(&[(-0.9, -0.2), (-0.5, -0.68), (0.5, -0.68), (0.9, -0.2), (0.0, 0.9)], Main),
            poly(&[(-0.9, -0.2), (-0.5, -0.68), (-0.3, -0.2)], Shade),
            poly(&[(0.9, -0.2), (0.5, -0.68), (0.3, -0.2)], Shade),
            poly(&[(-0.3, -0.2), (0.0, -0.68), (0.3, -0.2)], Light),
        ],
        eyes(0.2, 0.04, 0.09),
        vec![smile(0.0, 0.22, 0.14)],
    ]
}

fn listener() -> Vec<Vec<Part>> {
    let cup = |x: f32| oval(x, 0.12, 0.2, 0.34, Light);
    vec![
        vec![disc(0.0, 0.14, 0.66, Main), Part::Line(bow((0.0, 0.06), (0.78, 0.84), (0.5, 1.0)), 0.14, Light)],
        pair(0.8, cup).into(),
        pair(0.24, |x| Part::Line(bow((x, 0.08), (0.14, 0.14), (0.52, 0.98)), 0.09, Ink)).into(),
        vec![Part::Poly(bow((0.0, 0.3), (0.28, 0.3), (0.0, 0.5)), Ink)],
    ]
}
