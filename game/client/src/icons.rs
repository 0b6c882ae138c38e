//! Small signs for buttons, drawn with lines: each from points in a square of −1 … 1, y down.

use bevy_egui::egui::{Color32, Painter, Pos2, Rect, Shape, Stroke, vec2};
use std::f32::consts::{PI, TAU};

/// Points of a circle's outline.
const ROUND: usize = 20;

/// A sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Icon {
    Undo,
    Redo,
    Library,
    Settings,
    Metronome,
    Headphones,
    Leave,
    Pencil,
    Code,
    Close,
    Down,
    Reset,
    /// A lock whose bow is closed.
    Locked,
    /// A lock whose bow is open.
    Open,
    Crown,
    Mixer,
    Players,
}

/// Draws a sign into the largest square in the middle of `rect`.
pub(crate) fn paint(painter: &Painter, rect: Rect, icon: Icon, colour: Color32) {
    let pen = Pen { painter, centre: rect.center(), radius: rect.width().min(rect.height()) / 2.0, colour };
    match icon {
        Icon::Undo => pen.turn(-1.0),
        Icon::Redo => pen.turn(1.0),
        Icon::Library => {
            for (x, height) in [(-0.8, 0.35), (-0.4, 0.8), (0.0, 0.5), (0.4, 0.95), (0.8, 0.3)] {
                pen.line(&[(x, -height), (x, height)]);
            }
        }
        Icon::Settings => {
            for (y, knob) in [(-0.62, 0.35), (0.0, -0.4), (0.62, 0.1)] {
                pen.line(&[(-0.9, y), (0.9, y)]);
                pen.dot(knob, y, 0.24);
            }
        }
        Icon::Mixer => {
            for (x, knob) in [(-0.62, 0.35), (0.0, -0.4), (0.62, 0.1)] {
                pen.line(&[(x, -0.9), (x, 0.9)]);
                pen.dot(x, knob, 0.24);
            }
        }
        Icon::Players => {
            pen.dot(0.0, -0.45, 0.34);
            pen.line(&[(-0.75, 0.85), (-0.65, 0.4), (-0.35, 0.2), (0.35, 0.2), (0.65, 0.4), (0.75, 0.85)]);
        }
        Icon::Metronome => {
            pen.line(&[(-0.3, -0.9), (0.3, -0.9), (0.7, 0.85), (-0.7, 0.85), (-0.3, -0.9)]);
            pen.line(&[(0.0, 0.45), (0.75, -0.65)]);
            pen.line(&[(-0.58, 0.4), (0.58, 0.4)]);
        }
        Icon::Headphones => {
            pen.arc(0.0, 0.1, 0.78, PI, TAU);
            for side in [-1.0, 1.0] {
                let (inner, outer) = (side * 0.5, side * 0.95);
                pen.fill(&[(inner, 0.15), (outer, 0.15), (outer, 0.85), (inner, 0.85)]);
            }
        }
        Icon::Leave => {
            pen.line(&[(0.0, -0.8), (-0.8, -0.8), (-0.8, 0.8), (0.0, 0.8)]);
            pen.line(&[(-0.25, 0.0), (0.85, 0.0)]);
            pen.line(&[(0.45, -0.42), (0.87, 0.0), (0.45, 0.42)]);
        }
        Icon::Pencil => {
            pen.line(&[(-0.8, 0.8), (-0.65, 0.3), (0.45, -0.8), (0.8, -0.45), (-0.3, 0.65), (-0.8, 0.8)]);
            pen.line(&[(0.15, -0.5), (0.5, -0.15)]);
        }
        Icon::Code => {
            for (x, y) in [(-0.5, -0.5), (0.5, -0.5), (-0.5, 0.5)] {
                pen.line(&[
                    (x - 0.32, y - 0.32),
                    (x + 0.32, y - 0.32),
                    (x + 0.32, y + 0.32),
                    (x - 0.32, y + 0.32),
                    (x - 0.32, y - 0.32),
                ]);
                pen.dot(x, y, 0.12);
            }
            for (x, y) in [(0.25, 0.25), (0.75, 0.25), (0.5, 0.55), (0.25, 0.8), (0.75, 0.8)] {
                pen.dot(x, y, 0.13);
            }
        }
        Icon::Close => {
            pen.line(&[(-0.65, -0.65), (0.65, 0.65)]);
            pen.line(&[(0.65, -0.65), (-0.65, 0.65)]);
        }
        Icon::Down => pen.line(&[(-0.6, -0.3), (0.0, 0.35), (0.6, -0.3)]),
        Icon::Reset => {
            pen.arc(0.0, 0.0, 0.75, -0.25 * PI, 1.4 * PI);
            pen.line(&[(0.1, -0.35), (0.55, -0.52), (0.42, -0.98)]);
        }
        Icon::Locked => {
            pen.fill(&[(-0.75, -0.1), (0.75, -0.1), (0.75, 0.9), (-0.75, 0.9)]);
            pen.line(&[(-0.45, -0.1), (-0.45, -0.45)]);
            pen.arc(0.0, -0.45, 0.45, PI, TAU);
            pen.line(&[(0.45, -0.45), (0.45, -0.1)]);
        }
        Icon::Open => {
            // Only outlined, and the bow has swung out.
            pen.line(&[(-0.9, 0.0), (0.4, 0.0), (0.4, 0.85), (-0.9, 0.85), (-0.9, 0.0)]);
            pen.line(&[(0.1, 0.0), (0.1, -0.45)]);
            pen.arc(0.5, -0.45, 0.4, PI, TAU);
            pen.line(&[(0.9, -0.45), (0.9, -0.15)]);
        }
        Icon::Crown => {
            pen.fill(&[(-0.85, 0.2), (0.85, 0.2), (0.85, 0.7), (-0.85, 0.7)]);
            for (left, tip, right, top) in [(-0.85, -0.9, -0.2, -0.5), (-0.5, 0.0, 0.5, -0.85), (0.2, 0.9, 0.85, -0.5)]
            {
                pen.fill(&[(left, 0.25), (tip, top), (right, 0.25)]);
            }
        }
    }
}

struct Pen<'a> {
    painter: &'a Painter,
    centre: Pos2,
    radius: f32,
    colour: Color32,
}

impl Pen<'_> {
    fn at(&self, (x, y): (f32, f32)) -> Pos2 {
        self.centre + vec2(x, y) * self.radius
    }

    fn stroke(&self) -> Stroke {
        Stroke::new((self.radius * 0.2).max(1.2), self.colour)
    }

    fn line(&self, points: &[(f32, f32)]) {
        self.painter.add(Shape::line(points.iter().map(|point| self.at(*point)).collect(), self.stroke()));
    }

    fn fill(&self, points: &[(f32, f32)]) {
        let points = points.iter().map(|point| self.at(*point)).collect();
        self.painter.add(Shape::convex_polygon(points, self.colour, Stroke::NONE));
    }

    fn dot(&self, x: f32, y: f32, radius: f32) {
        self.painter.circle_filled(self.at((x, y)), radius * self.radius, self.colour);
    }

    /// Part of a circle, angles clockwise from the right.
    fn arc(&self, x: f32, y: f32, radius: f32, from: f32, to: f32) {
        let points: Vec<(f32, f32)> = (0..=ROUND)
            .map(|step| {
                let angle = from + (to - from) * step as f32 / ROUND as f32;
                (x + radius * angle.cos(), y + radius * angle.sin())
            })
            .collect();
        self.line(&points);
    }

    /// An arrow that turns back (−1) or forth (1).
    fn turn(&self, side: f32) {
        let mirror = |(x, y): (f32, f32)| (x * side, y);
        let bow: Vec<(f32, f32)> = (0..=ROUND)
            .map(|step| {
                let angle = PI / 2.0 - PI * step as f32 / ROUND as f32;
                mirror((0.25 + 0.55 * angle.cos() - 0.05, 0.2 + 0.5 * angle.sin()))
            })
            .collect();
        // From below the bow, round it, and along the top to the point.
        let mut path = vec![mirror((-0.45, 0.7))];
        path.extend(bow);
        path.push(mirror((0.2, -0.3)));
        let tip = if side < 0.0 { (-0.85, -0.3) } else { (0.85, -0.3) };
        let back: Vec<(f32, f32)> = path.iter().map(|(x, y)| (-x, *y)).collect();
        let mut line = back;
        line.push(tip);
        self.line(&line);
        let inner = |y: f32| (tip.0 - side * 0.42, tip.1 + y);
        self.line(&[inner(-0.42), tip, inner(0.42)]);
    }
}
