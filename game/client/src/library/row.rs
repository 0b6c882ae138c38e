//! A sound of the library, as one row: listen, name and length, its shape, a star.

use super::shelf::tempo_of_origin;
use crate::{
    playfield::pads,
    spots,
    theme::{self, Rgb},
};
use bevy_egui::egui::{
    self, Align2, CornerRadius, Painter, Response, Sense, Shape, Stroke, StrokeKind, Ui, pos2, vec2,
};
use keyboardia_player::Overview;
use keyboardia_session::{Beats, library::Sound};
use std::f32::consts::TAU;

/// Height of a row.
pub(super) const HEIGHT: f32 = 42.0;
const LISTEN_WIDTH: f32 = 30.0;
const STAR_WIDTH: f32 = 26.0;
const SHAPE_WIDTH: f32 = 72.0;
const SHAPE_BARS: usize = 24;
const STAR_POINTS: usize = 5;

/// What a row shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) sound: &'a Sound,
    pub(super) shape: Option<&'a Overview>,
    /// Counts of a bar.
    pub(super) bar: Beats,
    /// Whether keys act on it.
    pub(super) chosen: bool,
    /// Whether this player listens to it.
    pub(super) playing: bool,
    pub(super) favourite: bool,
}

/// What a hand did with a row.
pub(super) struct Touched {
    /// The row itself: clicks, and drags towards a pad.
    pub(super) row: Response,
    /// It shall be listened to, or not any more.
    pub(super) listen: bool,
    /// It shall have a star, or not any more.
    pub(super) star: bool,
}

impl Row<'_> {
    /// Shows the row.
    pub(super) fn show(&self, ui: &mut Ui) -> Touched {
        let (place, row) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::click_and_drag());
        let colour = Rgb::from(self.sound.colour);
        let id = row.id;
        let listen_place = place.with_max_x(place.min.x + LISTEN_WIDTH);
        let star_place = place.with_min_x(place.max.x - STAR_WIDTH);
        let listen = ui.interact(listen_place, id.with("listen"), Sense::click());
        let star = ui.interact(star_place, id.with("star"), Sense::click());
        let hovered = ui.rect_contains_pointer(place);
        spots::note(ui, || format!("listen {}", self.sound.name), listen_place);
        spots::note(ui, || format!("star {}", self.sound.name), star_place);

        let painter = ui.painter();
        if self.chosen || hovered {
            let fill = if self.chosen { theme::HOVERED } else { theme::RAISED };
            painter.rect_filled(place, CornerRadius::same(7), fill.egui());
        }
        if self.chosen {
            let line = Stroke::new(1.0, colour.mix(theme::SURFACE, 0.3).egui());
            painter.rect_stroke(place, CornerRadius::same(7), line, StrokeKind::Inside);
        }
        self.listen_button(painter, listen_place, listen.hovered());
        draw_star(painter, star_place.center(), self.favourite, hovered || self.chosen);

        let shape = egui::Rect::from_min_max(
            pos2(star_place.min.x - SHAPE_WIDTH, place.min.y + 9.0),
            pos2(star_place.min.x - 2.0, place.max.y - 9.0),
        );
        if let Some(overview) = self.shape {
            draw_shape(painter, shape, overview, colour.mix(theme::SURFACE, 0.25));
        }
        let text = egui::Rect::from_min_max(
            pos2(listen_place.max.x + 4.0, place.min.y + 4.0),
            pos2(shape.min.x - 6.0, place.max.y - 4.0),
        );
        let (name, detail) = text.split_top_bottom_at_fraction(0.55);
        theme::label(painter, name, Align2::LEFT_CENTER, &self.sound.name, theme::strong(13.0), theme::TEXT.egui());
        let dim = if self.chosen { theme::TEXT_DIM.mix(theme::TEXT, 0.2) } else { theme::TEXT_DIM };
        draw_repeat(painter, pos2(detail.min.x + 5.0, detail.center().y), self.sound.looped, dim);
        let detail = detail.with_min_x(detail.min.x + 15.0);
        let words = pads::length(self.sound.length(), true, self.bar);
        theme::label(painter, detail, Align2::LEFT_CENTER, &words, theme::font(11.5), dim.egui());

        let star = star.on_hover_text(if self.favourite { "Take the star away" } else { "Give it a star" }).clicked();
        let listen = listen.on_hover_text(if self.playing { "Stop listening" } else { "Listen: only you hear it" });
        let listen = listen.clicked();
        let row = row.on_hover_text(self.describe());
        Touched { row, listen, star }
    }

    fn describe(&self) -> String {
        match tempo_of_origin(self.sound) {
            Some(bpm) => format!("A loop, made at {bpm:.0} BPM. Drag it onto a pad."),
            None => "Sounds once. Drag it onto a pad.".into(),
        }
    }

    fn listen_button(&self, painter: &Painter, place: egui::Rect, hovered: bool) {
        let centre = place.center();
        let (fill, ink) = match (self.playing, hovered) {
            (true, _) => (theme::ACCENT, theme::INK),
            (false, true) => (theme::LINE, theme::TEXT),
            (false, false) => (theme::RAISED, theme::TEXT_DIM),
        };
        painter.circle(centre, 11.0, fill.egui(), Stroke::new(1.0, theme::LINE.egui()));
        if self.playing {
            painter.rect_filled(egui::Rect::from_center_size(centre, vec2(8.0, 8.0)), 1.5, ink.egui());
        } else {
            let points = vec![centre + vec2(-3.0, -5.0), centre + vec2(5.5, 0.0), centre + vec2(-3.0, 5.0)];
            painter.add(Shape::convex_polygon(points, ink.egui(), Stroke::NONE));
        }
    }
}

/// The shape of a sound as a row of bars.
fn draw_shape(painter: &Painter, place: egui::Rect, overview: &Overview, colour: Rgb) {
    let pitch = place.width() / SHAPE_BARS as f32;
    let per_bar = Overview::PARTS.div_ceil(SHAPE_BARS);
    for bar in 0..SHAPE_BARS {
        let from = bar * Overview::PARTS / SHAPE_BARS;
        let parts = &overview.0[from..(from + per_bar).min(Overview::PARTS)];
        let peak = f32::from(parts.iter().copied().max().unwrap_or(0)) / 255.0;
        let centre = pos2(place.min.x + (bar as f32 + 0.5) * pitch, place.center().y);
        let size = vec2(pitch - 1.0, (place.height() * peak).max(1.5));
        painter.rect_filled(egui::Rect::from_center_size(centre, size), 1.0, colour.egui());
    }
}

/// The sign of a loop, a ring with an arrow, or of a sound that is heard once, an arrow to a line.
fn draw_repeat(painter: &Painter, centre: egui::Pos2, looped: bool, colour: Rgb) {
    let stroke = Stroke::new(1.4, colour.egui());
    if looped {
        let at = |turn: f32| centre + vec2((turn * TAU).cos(), (turn * TAU).sin()) * 4.0;
        painter.add(Shape::line((0..=10).map(|step| at(0.08 + 0.8 * step as f32 / 10.0)).collect(), stroke));
        let tip = at(0.95);
        let arrow = vec![tip + vec2(-3.0, -1.0), tip + vec2(2.2, -2.2), tip + vec2(1.0, 2.6)];
        painter.add(Shape::convex_polygon(arrow, colour.egui(), Stroke::NONE));
    } else {
        painter.line_segment([centre - vec2(4.0, 0.0), centre + vec2(1.5, 0.0)], stroke);
        let arrow = vec![centre + vec2(0.0, -3.0), centre + vec2(3.5, 0.0), centre + vec2(0.0, 3.0)];
        painter.add(Shape::convex_polygon(arrow, colour.egui(), Stroke::NONE));
        painter.line_segment([centre + vec2(4.6, -3.5), centre + vec2(4.6, 3.5)], stroke);
    }
}

/// A star: filled when given, a line when it can be given, and faint otherwise.
pub(super) fn draw_star(painter: &Painter, centre: egui::Pos2, given: bool, offered: bool) {
    let corner = |index: usize| {
        let turn = index as f32 / (2 * STAR_POINTS) as f32 - 0.25;
        let radius = if index.is_multiple_of(2) { 6.0 } else { 2.7 };
        centre + vec2((turn * TAU).cos(), (turn * TAU).sin()) * radius
    };
    if given {
        // A star is not convex: its inner pentagon and its points are.
        let colour = theme::WARNING.egui();
        let inner = (0..STAR_POINTS).map(|index| corner(2 * index + 1)).collect();
        painter.add(Shape::convex_polygon(inner, colour, Stroke::NONE));
        for index in 0..STAR_POINTS {
            let before = corner((2 * index + 2 * STAR_POINTS - 1) % (2 * STAR_POINTS));
            let point = vec![before, corner(2 * index), corner(2 * index + 1)];
            painter.add(Shape::convex_polygon(point, colour, Stroke::new(0.6, colour)));
        }
    } else {
        let colour = if offered { theme::TEXT_DIM.egui() } else { theme::LINE.egui() };
        let outline = (0..2 * STAR_POINTS).map(corner).collect();
        painter.add(Shape::closed_line(outline, Stroke::new(1.1, colour)));
    }
}
