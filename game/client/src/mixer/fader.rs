//! Faders: a gain and the way that a hand has for it, upright or lying.

use crate::theme::{self, Rgb};
use bevy_egui::egui::{self, CornerRadius, Pos2, Rect, Response, Sense, Stroke, StrokeKind, Ui, vec2};
use keyboardia_session::{
    Gain,
    limits::{GAIN_MAX_CENTI_DB, GAIN_MIN_CENTI_DB},
};
use std::{fmt::Debug, hash::Hash};

const DB_MIN: f64 = GAIN_MIN_CENTI_DB as f64 / 100.0;
const DB_MAX: f64 = GAIN_MAX_CENTI_DB as f64 / 100.0;
/// The fader gives the loud end, where hands work, more of its way.
const TAPER: f64 = 2.0;
/// Share of a fader's way that is silence.
const SILENT_END: f64 = 0.02;
/// With shift held, a hand moves things by this share of its way.
pub(super) const FINE: f64 = 0.2;
/// Length and thickness of what the hand takes.
const THUMB: (f32, f32) = (24.0, 11.0);
const RAIL: f32 = 5.0;

/// The way of a fader, from silence to its loudest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    slot: Rect,
    from: Pos2,
    to: Pos2,
}

impl Way {
    /// The longer side of `slot`, upwards or to the right.
    pub(super) fn new(slot: Rect) -> Self {
        let half = THUMB.1 / 2.0;
        let (from, to) = if slot.height() >= slot.width() {
            (slot.center_bottom() - vec2(0.0, half), slot.center_top() + vec2(0.0, half))
        } else {
            (slot.left_center() + vec2(half, 0.0), slot.right_center() - vec2(half, 0.0))
        };
        Self { slot, from, to }
    }

    fn is_upright(&self) -> bool {
        self.from.x == self.to.x
    }

    fn at(&self, gain: Gain) -> Pos2 {
        self.from + (self.to - self.from) * position(gain) as f32
    }
}

/// Lets a hand move a fader that shows `gain`; `at` is where the hand is, 0 … 1, for gains are coarser than that. Returns
/// the gain that it wants, if it moves.
pub(super) fn handle(
    ui: &Ui,
    way: &Way,
    id: impl Hash + Debug,
    gain: Gain,
    at: &mut Option<f64>,
) -> (Response, Option<Gain>) {
    let response = ui.interact(way.slot, ui.id().with(id), Sense::click_and_drag());
    let mut wanted = None;
    if response.double_clicked() {
        wanted = Some(Gain::UNITY);
    } else if response.dragged() {
        let fine = if ui.input(|input| input.modifiers.shift) { FINE } else { 1.0 };
        let span = way.to - way.from;
        let moved = f64::from(response.drag_delta().dot(span) / span.length_sq()) * fine;
        let hand = (at.unwrap_or_else(|| position(gain)) + moved).clamp(0.0, 1.0);
        *at = Some(hand);
        wanted = gain_at(hand);
    }
    if !response.dragged() {
        *at = None;
    }
    (response, wanted)
}

/// Draws a fader.
pub(super) fn draw(ui: &Ui, way: &Way, gain: Gain, colour: Rgb, thumb: Rgb, active: bool) {
    let painter = ui.painter();
    let upright = way.is_upright();
    let across = |along: f32, across: f32| if upright { vec2(across, along) } else { vec2(along, across) };
    let at = way.at(gain);
    let half = across(0.0, RAIL / 2.0);
    let ends = if upright { vec2(0.0, THUMB.1 / 2.0) } else { vec2(-THUMB.1 / 2.0, 0.0) };
    let rail = Rect::from_two_pos(way.from + ends - half, way.to - ends + half);
    painter.rect_filled(rail, RAIL / 2.0, theme::BACKGROUND.egui());
    painter.rect_filled(Rect::from_two_pos(way.from + ends - half, at + half), RAIL / 2.0, colour.egui());
    let unity = way.at(Gain::UNITY);
    let length = if upright { way.slot.width() } else { way.slot.height() }.min(THUMB.0);
    for side in [-1.0, 1.0] {
        let marks = [unity + across(0.0, side * RAIL), unity + across(0.0, side * length * 0.46)];
        painter.line_segment(marks, Stroke::new(1.0, theme::TEXT_DIM.egui()));
    }
    let size = across(THUMB.1, length);
    let size = if upright { size } else { vec2(THUMB.1, length.min(16.0)) };
    let fill = if active { thumb } else { thumb.mix(theme::SURFACE, 0.2) };
    let place = Rect::from_center_size(at, size);
    painter.rect(place, CornerRadius::same(4), fill.egui(), Stroke::new(1.0, theme::INK.egui()), StrokeKind::Outside);
    let (one, other) = if upright {
        (place.left_center() + vec2(4.0, 0.0), place.right_center() - vec2(4.0, 0.0))
    } else {
        (place.center_top() + vec2(0.0, 3.0), place.center_bottom() - vec2(0.0, 3.0))
    };
    painter.line_segment([one, other], Stroke::new(1.5, theme::INK.egui()));
}

/// A fader's place for a gain, 0 … 1.
fn position(gain: Gain) -> f64 {
    if gain == Gain::SILENCE {
        return 0.0;
    }
    let share = ((gain.db() - DB_MIN) / (DB_MAX - DB_MIN)).clamp(0.0, 1.0);
    SILENT_END + (1.0 - SILENT_END) * share.powf(TAPER)
}

/// The gain at a fader's place; silence at its very end.
fn gain_at(position: f64) -> Option<Gain> {
    if position < SILENT_END / 2.0 {
        return Some(Gain::SILENCE);
    }
    let share = ((position - SILENT_END) / (1.0 - SILENT_END)).max(0.0);
    Gain::from_db(DB_MIN + (DB_MAX - DB_MIN) * share.powf(1.0 / TAPER))
}

/// A gain as musicians write it.
pub(super) fn decibels(gain: Gain) -> String {
    if gain == Gain::SILENCE {
        "−∞ dB".into()
    } else {
        format!("{:.1} dB", gain.db()).replace("-0.0", "0.0").replace('-', "−")
    }
}

/// Writes a gain into `rect`, as exactly as there is room for.
pub(super) fn figures(ui: &Ui, rect: Rect, gain: Gain, colour: Rgb) {
    let text = decibels(gain);
    let text = match rect.width() {
        width if width < 34.0 => text.split(['.', ' ']).next().unwrap_or_default(),
        width if width < 52.0 => text.trim_end_matches(" dB"),
        _ => &text,
    };
    theme::label(ui.painter(), rect, egui::Align2::CENTER_CENTER, text, theme::font(12.0), colour.egui());
}

#[cfg(test)]
mod tests {
    use super::*;
    use bevy_egui::egui::pos2;

    #[test]
    fn every_gain_has_its_place_on_the_fader() {
        for db in [-60.0, -40.0, -12.0, -1.0, 0.0, 3.0, 6.0] {
            let gain = Gain::from_db(db).unwrap();
            let back = gain_at(position(gain)).unwrap();
            assert!((back.db() - db).abs() < 0.02, "{db} dB came back as {}", back.db());
        }
        assert_eq!(gain_at(0.0), Some(Gain::SILENCE));
        assert!(position(Gain::SILENCE) <= 0.0 && position(Gain::from_db(6.0).unwrap()) >= 1.0);
    }

    #[test]
    fn a_fader_goes_along_its_longer_side_and_stays_in_its_slot() {
        let upright = Way::new(Rect::from_min_size(pos2(5.0, 5.0), vec2(20.0, 90.0)));
        let lying = Way::new(Rect::from_min_size(pos2(5.0, 5.0), vec2(90.0, 20.0)));
        assert!(upright.is_upright() && upright.to.y < upright.from.y);
        assert!(!lying.is_upright() && lying.to.x > lying.from.x);
        for way in [upright, lying] {
            assert!([Gain::SILENCE, Gain::UNITY].iter().all(|gain| way.slot.contains(way.at(*gain))));
        }
    }

    #[test]
    fn gains_read_as_musicians_write_them() {
        assert_eq!(decibels(Gain::SILENCE), "−∞ dB");
        assert_eq!(decibels(Gain::from_db(-4.0).unwrap()), "−4.0 dB");
        assert_eq!(decibels(Gain::from_db(-0.01).unwrap()), "0.0 dB");
    }
}
