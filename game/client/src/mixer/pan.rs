//! Pan: a knob where there is room, a bar where there is little. The middle holds the hand for a moment.

use super::fader::FINE;
use crate::theme::{self, Rgb};
use bevy_egui::egui::{CornerRadius, Rect, Response, Sense, Shape, Stroke, Ui, pos2, vec2};
use keyboardia_session::Pan;
use std::{
    f32::consts::{FRAC_PI_2, PI},
    fmt::Debug,
    hash::Hash,
};

/// Percent per point of a drag.
const PERCENT_PER_POINT: f64 = 1.6;
/// Within this many percent of the middle the hand is held there.
const DETENT: f64 = 5.0;
/// The knob turns this far to either side.
const TURN: f32 = 0.75 * PI;
const ARC_STEPS: u8 = 24;

/// Lets a hand turn the pan; `at` is where the hand is, percent. Returns what it wants, if it moves.
pub(super) fn handle(
    ui: &Ui,
    rect: Rect,
    id: impl Hash + Debug,
    pan: Pan,
    at: &mut Option<f64>,
) -> (Response, Option<Pan>) {
    let response = ui.interact(rect, ui.id().with(id), Sense::click_and_drag());
    let mut wanted = None;
    if response.double_clicked() {
        wanted = Some(Pan::CENTRE);
    } else if response.dragged() {
        let fine = if ui.input(|input| input.modifiers.shift) { FINE } else { 1.0 };
        let delta = response.drag_delta();
        let moved = f64::from(delta.x - delta.y) * PERCENT_PER_POINT * fine;
        let hand = at.unwrap_or_else(|| hand_at(pan)) + moved;
        let hand = hand.clamp(-100.0 - DETENT, 100.0 + DETENT);
        *at = Some(hand);
        wanted = Some(pan_at(hand));
    }
    if !response.dragged() {
        *at = None;
    }
    (response, wanted)
}

/// The pan for a place of the hand; the places around the middle are the middle.
fn pan_at(hand: f64) -> Pan {
    let beyond = (hand.abs() - DETENT).max(0.0);
    Pan::new((beyond.min(100.0) * hand.signum()).round() as i8).unwrap_or_default()
}

/// A place of the hand for a pan.
fn hand_at(pan: Pan) -> f64 {
    let percent = f64::from(pan.as_f32()) * 100.0;
    if percent == 0.0 { 0.0 } else { percent + DETENT * percent.signum() }
}

/// Draws the pan, as a knob if `rect` is high enough for one.
pub(super) fn draw(ui: &Ui, rect: Rect, pan: Pan, colour: Rgb, active: bool) {
    let painter = ui.painter();
    let value = pan.as_f32();
    let ink = if active { theme::TEXT } else { theme::TEXT.mix(theme::SURFACE, 0.2) };
    if rect.height() < 18.0 {
        let rail = Rect::from_center_size(rect.center(), vec2(rect.width(), 5.0));
        painter.rect_filled(rail, CornerRadius::same(2), theme::BACKGROUND.egui());
        let middle = rail.center().x;
        let at = middle + value * (rail.width() / 2.0 - 2.0);
        painter.rect_filled(
            Rect::from_two_pos(pos2(middle, rail.min.y), pos2(at, rail.max.y)),
            CornerRadius::ZERO,
            colour.egui(),
        );
        painter.vline(middle, rail.y_range(), Stroke::new(1.0, theme::TEXT_DIM.egui()));
        let thumb = Rect::from_center_size(pos2(at, rail.center().y), vec2(4.0, 9.0));
        painter.rect_filled(thumb, CornerRadius::same(2), ink.egui());
        return;
    }
    let centre = rect.center() + vec2(0.0, 1.0);
    let radius = (rect.height().min(rect.width()) / 2.0 - 2.0).min(14.0);
    let arc = |from: f32, to: f32, colour: Rgb| {
        let points = (0..=ARC_STEPS)
            .map(|step| {
                let angle = from + (to - from) * f32::from(step) / f32::from(ARC_STEPS) - FRAC_PI_2;
                centre + radius * vec2(angle.cos(), angle.sin())
            })
            .collect();
        painter.add(Shape::line(points, Stroke::new(3.0, colour.egui())));
    };
    painter.circle_filled(centre, radius - 3.0, theme::RAISED.egui());
    arc(-TURN, TURN, theme::LINE);
    if value != 0.0 {
        arc(0.0, value * TURN, colour);
    }
    let angle = value * TURN - FRAC_PI_2;
    let direction = vec2(angle.cos(), angle.sin());
    painter
        .line_segment([centre + direction * (radius * 0.3), centre + direction * radius], Stroke::new(2.0, ink.egui()));
    if value == 0.0 {
        painter.circle_filled(centre - vec2(0.0, radius), 2.0, ink.egui());
    }
}

/// A pan as musicians write it.
pub(super) fn words(pan: Pan) -> String {
    match (pan.as_f32() * 100.0).round() as i32 {
        0 => "centre".into(),
        left @ ..0 => format!("{} % left", -left),
        right => format!("{right} % right"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_holds_the_hand_and_the_ends_are_reached() {
        assert_eq!(pan_at(0.0), Pan::CENTRE);
        assert_eq!(pan_at(DETENT), Pan::CENTRE);
        assert_eq!(pan_at(-DETENT), Pan::CENTRE);
        assert_eq!(Some(pan_at(100.0 + DETENT)), Pan::new(100));
        assert_eq!(Some(pan_at(-100.0 - DETENT)), Pan::new(-100));
    }

    #[test]
    fn every_pan_has_its_place() {
        for percent in -100..=100 {
            let pan = Pan::new(percent).unwrap();
            assert_eq!(pan_at(hand_at(pan)), pan);
        }
    }

    #[test]
    fn pans_read_as_musicians_write_them() {
        assert_eq!(words(Pan::CENTRE), "centre");
        assert_eq!(words(Pan::new(-30).unwrap()), "30 % left");
        assert_eq!(words(Pan::new(100).unwrap()), "100 % right");
    }
}
