//! The players' pictures: 24 small creatures and things, made of discs, polygons and lines in the player's colour.
//!
//! Every picture is a list of [`Part`]s in a square of −1 … 1, y down, painted in order. Being data, they can be compared:
//! a test makes sure that no two look alike, whatever their colour.

mod pictures;

use crate::theme::{self, Rgb};
use bevy_egui::egui::{Color32, CornerRadius, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, vec2};
use keyboardia_session::{Avatar, Colour};
use pictures::parts;

/// Share of a tile's half that the picture takes.
const INSIDE: f32 = 0.86;

/// What a part is painted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tone {
    /// The player's colour.
    Main,
    /// A darker shade of it.
    Shade,
    /// Near white.
    Light,
    /// Near black.
    Ink,
}
use Tone::{Ink, Light, Main, Shade};

type Point = (f32, f32);

/// A piece of a picture.
#[derive(Debug, Clone, PartialEq)]
enum Part {
    Disc(Point, f32, Tone),
    /// Corners of a convex shape.
    Poly(Vec<Point>, Tone),
    /// Points and width.
    Line(Vec<Point>, f32, Tone),
}

/// What the pictures show, in their order.
const NAMES: [&str; 24] = [
    "Cat", "Fox", "Bear", "Rabbit", "Owl", "Frog", "Panda", "Penguin", "Chick", "Whale", "Octopus", "Ghost", "Robot",
    "Alien", "Mushroom", "Cactus", "Sun", "Moon", "Star", "Planet", "Cloud", "Flame", "Gem", "Listener",
];

/// What a picture shows.
pub(crate) fn name(avatar: Avatar) -> &'static str {
    NAMES.get(usize::from(avatar.index())).copied().unwrap_or_default()
}

/// Paints a player's picture on a tile of its own, as large as fits into `rect`.
pub(crate) fn paint(painter: &Painter, rect: Rect, avatar: Avatar, colour: Colour) {
    let side = rect.width().min(rect.height());
    let tile = Rect::from_center_size(rect.center(), vec2(side, side));
    let main = theme::lifted(Rgb::from(colour), theme::SURFACE);
    let ground = main.mix(theme::BACKGROUND, 0.78);
    let corner = CornerRadius::same((side * 0.3).min(60.0) as u8);
    let rim = Stroke::new((side / 40.0).max(1.0), main.mix(theme::BACKGROUND, 0.45).egui());
    painter.rect(tile, corner, ground.egui(), rim, StrokeKind::Inside);
    let radius = side / 2.0 * INSIDE;
    let at = |(x, y): Point| -> Pos2 { tile.center() + vec2(x, y) * radius };
    let tone = |tone: Tone| -> Color32 {
        match tone {
            Main => main,
            Shade => main.mix(theme::INK, 0.42),
            Light => theme::TEXT,
            Ink => theme::INK,
        }
        .egui()
    };
    for part in parts(avatar) {
        match part {
            Part::Disc(centre, size, of) => {
                painter.circle_filled(at(centre), size * radius, tone(of));
            }
            Part::Poly(points, of) => {
                let points = points.into_iter().map(at).collect();
                painter.add(Shape::convex_polygon(points, tone(of), Stroke::NONE));
            }
            Part::Line(points, width, of) => {
                let points = points.into_iter().map(at).collect();
                painter.add(Shape::line(points, Stroke::new(width * radius, tone(of))));
            }
        }
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    /// Cells of the square in which pictures are compared.
    const CELLS: usize = 28;

    fn is_in(part: &Part, at: Point) -> Option<Tone> {
        let distance = |a: Point, b: Point| (a.0 - b.0).hypot(a.1 - b.1);
        match part {
            Part::Disc(centre, radius, tone) => (distance(*centre, at) <= *radius).then_some(*tone),
            Part::Poly(points, tone) => {
                let sides = points.iter().zip(points.iter().cycle().skip(1));
                let turns: Vec<f32> =
                    sides.map(|(a, b)| (b.0 - a.0) * (at.1 - a.1) - (b.1 - a.1) * (at.0 - a.0)).collect();
                let inside = turns.iter().all(|turn| *turn >= -1e-4) || turns.iter().all(|turn| *turn <= 1e-4);
                inside.then_some(*tone)
            }
            Part::Line(points, width, tone) => points
                .windows(2)
                .any(|ends| {
                    let (a, b) = (ends[0], ends[1]);
                    let along = ((at.0 - a.0) * (b.0 - a.0) + (at.1 - a.1) * (b.1 - a.1)) / distance(a, b).powi(2);
                    let along = along.clamp(0.0, 1.0);
                    distance((a.0 + along * (b.0 - a.0), a.1 + along * (b.1 - a.1)), at) <= width / 2.0
                })
                .then_some(*tone),
        }
    }

    fn picture(avatar: Avatar) -> Vec<Option<Tone>> {
        let parts = parts(avatar);
        let place = |cell: usize| (cell as f32 + 0.5) / CELLS as f32 * 2.0 - 1.0;
        let cells = (0..CELLS).flat_map(|row| (0..CELLS).map(move |column| (place(column), place(row))));
        cells.map(|at| parts.iter().rev().find_map(|part| is_in(part, at))).collect()
    }

    #[test]
    fn every_picture_has_a_name_of_its_own() {
        let mut names: Vec<&str> = Avatar::all().map(name).filter(|name| !name.is_empty()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Avatar::all().count());
    }

    #[test]
    fn no_two_pictures_look_alike() {
        let pictures: Vec<_> = Avatar::all().map(picture).collect();
        for (index, one) in pictures.iter().enumerate() {
            for (other_index, other) in pictures.iter().enumerate().skip(index + 1) {
                let differ = one.iter().zip(other).filter(|(a, b)| a != b).count();
                let share = differ as f32 / one.len() as f32;
                assert!(share > 0.12, "pictures {index} and {other_index} differ in {share:.2} of their area only");
            }
        }
    }

    #[test]
    fn pictures_fill_their_tile_and_stay_on_it() {
        for avatar in Avatar::all() {
            let filled = picture(avatar).iter().flatten().count() as f32 / (CELLS * CELLS) as f32;
            assert!(filled > 0.2, "{avatar:?} fills {filled}");
            for part in parts(avatar) {
                let (points, reach) = match part {
                    Part::Disc(centre, radius, _) => (vec![centre], radius),
                    Part::Poly(points, _) => (points, 0.0),
                    Part::Line(points, width, _) => (points, width / 2.0),
                };
                let most = 1.12;
                assert!(
                    points.iter().all(|(x, y)| x.abs() + reach <= most && y.abs() + reach <= most),
                    "{avatar:?}: {points:?} {reach}"
                );
            }
        }
    }
}
