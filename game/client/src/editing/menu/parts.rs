//! The parts of which menus are made.

use crate::{
    editing::palette::PALETTE,
    held::Held,
    spots,
    theme::{self, Rgb},
};
use bevy_egui::egui::{
    self, Align2, CornerRadius, Key, Response, RichText, Sense, Stroke, StrokeKind, TextEdit, Ui, pos2, vec2,
};
use keyboardia_session::{
    Colour, Gain,
    limits::{GAIN_MAX_CENTI_DB, GAIN_MIN_CENTI_DB, NAME_BYTES_MAX},
};
use std::time::Duration;

const ITEM_HEIGHT: f32 = 25.0;
const CHIP_HEIGHT: f32 = 24.0;
const CELL_HEIGHT: f32 = 22.0;
const CELLS_PER_ROW: usize = 5;
const SLIDER_HEIGHT: f32 = 22.0;
const LABEL_WIDTH: f32 = 82.0;
const SWATCHES_PER_ROW: usize = 7;
const DB_MIN: f64 = GAIN_MIN_CENTI_DB as f64 / 100.0;
const DB_MAX: f64 = GAIN_MAX_CENTI_DB as f64 / 100.0;
/// Within this distance a hand means 0 dB.
const DB_SNAP: f64 = 0.6;
/// Decibels of a press of an arrow key.
const DB_STEP: f64 = 1.0;

/// A line of text that can be chosen; returns whether it was.
pub(super) fn item(ui: &mut Ui, text: &str, keys: &str, focus: bool) -> bool {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ITEM_HEIGHT), Sense::click());
    if focus {
        response.request_focus();
    }
    if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(rect, CornerRadius::same(6), theme::HOVERED.egui());
    }
    let inner = rect.shrink2(vec2(8.0, 0.0));
    theme::label(ui.painter(), inner, Align2::LEFT_CENTER, text, theme::font(13.0), theme::TEXT.egui());
    theme::label(ui.painter(), inner, Align2::RIGHT_CENTER, keys, theme::font(11.5), theme::TEXT_DIM.egui());
    response.clicked()
}

/// A line between two groups.
pub(super) fn line(ui: &mut Ui) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 5.0), Sense::hover());
    ui.painter().hline(rect.x_range(), rect.center().y, Stroke::new(1.0, theme::LINE.egui()));
}

/// Space between two parts.
pub(super) fn gap(ui: &mut Ui) {
    ui.add_space(2.0);
}

/// A text of less weight.
pub(super) fn faint(ui: &mut Ui, text: &str) {
    let text = RichText::new(text).font(theme::font(12.0)).color(theme::TEXT_DIM.egui());
    ui.add(egui::Label::new(text).truncate());
}

/// A field for a name; returns whether the hand has left it other than by Esc, and whether that was with Enter. With
/// `select`, everything in it is selected.
pub(crate) fn name_field(ui: &mut Ui, text: &mut String, focus: bool, select: bool) -> (bool, bool) {
    let field = TextEdit::singleline(text)
        .char_limit(NAME_BYTES_MAX)
        .font(theme::strong(14.0))
        .margin(egui::Margin::symmetric(8, 5))
        .desired_width(ui.available_width() - 2.0);
    let mut shown = field.show(ui);
    let response = &shown.response;
    if focus {
        response.request_focus();
    }
    if select {
        let end = egui::text::CCursor::new(text.chars().count());
        let range = egui::text::CCursorRange::two(egui::text::CCursor::new(0), end);
        shown.state.cursor.set_char_range(Some(range));
        shown.state.clone().store(ui.ctx(), response.id);
    }
    let (enter, escape) = ui.input(|input| (input.key_pressed(Key::Enter), input.key_pressed(Key::Escape)));
    let left = response.lost_focus() && !escape;
    (left, left && enter)
}

/// The palette; returns the colour that was chosen. `again` says what it means to choose the present one.
pub(super) fn swatches(ui: &mut Ui, present: Option<Colour>, again: Option<&str>) -> Option<Colour> {
    let mut chosen = None;
    let width = ui.available_width();
    let pitch = width / SWATCHES_PER_ROW as f32;
    let size = vec2(pitch - 5.0, 20.0);
    for row in PALETTE.chunks(SWATCHES_PER_ROW) {
        let (rect, _) = ui.allocate_exact_size(vec2(width, size.y), Sense::hover());
        for (index, (colour, name)) in row.iter().enumerate() {
            let place = egui::Rect::from_min_size(pos2(rect.min.x + pitch * index as f32 + 2.5, rect.min.y), size);
            let response = ui.interact(place, ui.id().with(("swatch", name)), Sense::click());
            spots::note(ui, || (*name).to_owned(), place);
            let painter = ui.painter();
            painter.rect_filled(place, CornerRadius::same(5), Rgb::from(*colour).egui());
            let line = match (Some(*colour) == present, response.hovered() || response.has_focus()) {
                (true, _) => Stroke::new(2.0, theme::TEXT.egui()),
                (false, true) => Stroke::new(1.5, theme::TEXT_DIM.egui()),
                (false, false) => Stroke::NONE,
            };
            painter.rect_stroke(place.expand(1.0), CornerRadius::same(6), line, StrokeKind::Outside);
            if Some(*colour) == present {
                // Seen without colour, too.
                painter.circle_filled(place.center(), 3.0, theme::INK.egui());
            }
            let hint = match again.filter(|_| Some(*colour) == present) {
                Some(again) => format!("{name}: {again}"),
                None => (*name).to_owned(),
            };
            if response.on_hover_text(hint).clicked() {
                chosen = Some(*colour);
            }
        }
    }
    chosen
}

/// One of two; returns the one that was chosen.
pub(crate) fn choice<T: Copy + PartialEq>(ui: &mut Ui, label: &str, options: &[(T, &str)], present: T) -> Option<T> {
    let mut chosen = None;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing = vec2(4.0, 4.0);
        let (rect, _) = ui.allocate_exact_size(vec2(LABEL_WIDTH, CHIP_HEIGHT), Sense::hover());
        theme::label(ui.painter(), rect, Align2::LEFT_CENTER, label, theme::font(12.0), theme::TEXT_DIM.egui());
        for (option, text) in options {
            if chip(ui, text, *option == present).clicked() && *option != present {
                chosen = Some(*option);
            }
        }
    });
    chosen
}

/// One of many, as a plain table in which only the present one stands out; returns the one that was chosen.
pub(super) fn table<T: Copy + PartialEq>(ui: &mut Ui, label: &str, options: &[(T, &str)], present: T) -> Option<T> {
    let mut chosen = None;
    faint(ui, label);
    let rows = options.chunks(CELLS_PER_ROW);
    let size = vec2(ui.available_width(), rows.len() as f32 * CELL_HEIGHT);
    let (whole, _) = ui.allocate_exact_size(size, Sense::hover());
    ui.painter().rect_filled(whole, CornerRadius::same(7), theme::BACKGROUND.egui());
    let cell = vec2(whole.width() / CELLS_PER_ROW as f32, CELL_HEIGHT);
    for (row, options) in rows.enumerate() {
        for (column, (option, text)) in options.iter().enumerate() {
            let corner = whole.min + vec2(column as f32, row as f32) * cell;
            let place = egui::Rect::from_min_size(corner, cell).shrink(1.5);
            let response = ui.interact(place, ui.id().with((label, *text)), Sense::click());
            let active = response.hovered() || response.has_focus();
            let (fill, ink) = match (*option == present, active) {
                (true, _) => (theme::ACCENT.mix(theme::SURFACE, 0.78), theme::ACCENT),
                (false, true) => (theme::HOVERED, theme::TEXT),
                (false, false) => (theme::BACKGROUND, theme::TEXT_DIM),
            };
            let painter = ui.painter();
            let line = if *option == present { Stroke::new(1.0, theme::ACCENT.egui()) } else { Stroke::NONE };
            painter.rect(place, CornerRadius::same(5), fill.egui(), line, StrokeKind::Inside);
            let ink = theme::readable(ink, fill).egui();
            theme::label(painter, place, Align2::CENTER_CENTER, text, theme::font(11.5), ink);
            if response.clicked() && *option != present {
                chosen = Some(*option);
            }
        }
    }
    chosen
}

/// A small button that is on or off.
fn chip(ui: &mut Ui, text: &str, on: bool) -> Response {
    let (fill, line) =
        if on { (theme::ACCENT.mix(theme::SURFACE, 0.78), theme::ACCENT) } else { (theme::RAISED, theme::LINE) };
    let ink = theme::readable(if on { theme::ACCENT } else { theme::TEXT }, fill);
    let galley = ui.painter().layout_no_wrap(text.into(), theme::font(11.5), ink.egui());
    let (rect, response) = ui.allocate_exact_size(vec2(galley.size().x + 11.0, CHIP_HEIGHT), Sense::click());
    let active = response.hovered() || response.has_focus();
    let fill = if active && !on { theme::HOVERED } else { fill };
    let line = if active { line.mix(theme::TEXT, 0.4) } else { line };
    let painter = ui.painter();
    painter.rect(rect, CornerRadius::same(6), fill.egui(), Stroke::new(1.0, line.egui()), StrokeKind::Inside);
    painter.galley(rect.center() - galley.size() / 2.0, galley, ink.egui());
    response
}

/// The volume of a clip, in the hand or as the session has it.
pub(super) fn volume(ui: &mut Ui, held: &mut Held<Gain>, truth: Gain, colour: Colour, now: Duration) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), SLIDER_HEIGHT), Sense::hover());
    let slot = egui::Rect::from_min_max(
        pos2(rect.min.x + LABEL_WIDTH - 22.0, rect.min.y),
        pos2(rect.max.x - 62.0, rect.max.y),
    );
    let response = ui.interact(slot, ui.id().with("volume"), Sense::click_and_drag());
    spots::note(ui, || "volume".into(), slot);
    let way = slot.x_range().shrink(6.0);
    if response.double_clicked() {
        held.hold(Gain::UNITY);
    } else if let Some(at) = response.interact_pointer_pos().filter(|_| response.is_pointer_button_down_on()) {
        let share = f64::from(((at.x - way.min) / way.span()).clamp(0.0, 1.0));
        if let Some(gain) = gain_at(share) {
            held.hold(gain);
        }
    } else if response.has_focus() {
        // Left and right belong to the fader while it has the focus.
        let arrows = egui::EventFilter { horizontal_arrows: true, ..egui::EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, arrows));
        let steps =
            ui.input(|input| input.num_presses(Key::ArrowRight) as f64 - input.num_presses(Key::ArrowLeft) as f64);
        let from = held.shown(truth, now).db().max(DB_MIN);
        if let Some(gain) = Gain::from_db((from + steps * DB_STEP).clamp(DB_MIN, DB_MAX)).filter(|_| steps != 0.0) {
            held.hold(gain);
        }
    }
    if !response.is_pointer_button_down_on() {
        held.release(now);
    }
    let gain = held.shown(truth, now);
    let share = ((gain.db().max(DB_MIN) - DB_MIN) / (DB_MAX - DB_MIN)) as f32;
    let zero = way.min + way.span() * (-DB_MIN / (DB_MAX - DB_MIN)) as f32;
    let at = pos2(way.min + way.span() * share, slot.center().y);
    let painter = ui.painter();
    theme::label(painter, rect, Align2::LEFT_CENTER, "Volume", theme::font(12.0), theme::TEXT_DIM.egui());
    let rail = egui::Rect::from_x_y_ranges(way, egui::Rangef::new(at.y - 2.5, at.y + 2.5));
    painter.rect_filled(rail, 2.5, theme::BACKGROUND.egui());
    painter.rect_filled(rail.with_max_x(at.x), 2.5, Rgb::from(colour).egui());
    painter.vline(zero, egui::Rangef::new(at.y + 5.0, at.y + 9.0), Stroke::new(1.0, theme::TEXT_DIM.egui()));
    let edge = if response.has_focus() { theme::ACCENT } else { theme::INK };
    painter.circle(at, 6.5, theme::TEXT.egui(), Stroke::new(1.5, edge.egui()));
    let figures = decibels(gain);
    theme::label(painter, rect, Align2::RIGHT_CENTER, &figures, theme::font(12.5), theme::TEXT.egui());
    response.on_hover_text("Double click for 0 dB");
}

/// A gain as musicians write it.
fn decibels(gain: Gain) -> String {
    match gain.db() {
        db if db == f64::NEG_INFINITY => "silent".into(),
        db if db.abs() < 0.05 => "0.0 dB".into(),
        db => format!("{db:+.1} dB").replace('-', "−"),
    }
}

/// The gain at a share of the slider's way; 0 dB is caught.
fn gain_at(share: f64) -> Option<Gain> {
    let db = DB_MIN + (DB_MAX - DB_MIN) * share;
    if db.abs() < DB_SNAP { Some(Gain::UNITY) } else { Gain::from_db(db) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slider_reaches_from_the_quietest_to_the_loudest_and_catches_zero() {
        let db = |share| gain_at(share).map(Gain::db);
        assert_eq!([db(0.0), db(1.0), db(0.912)], [Some(DB_MIN), Some(DB_MAX), Some(0.0)]);
    }

    #[test]
    fn gains_read_as_musicians_write_them() {
        let gains = [Some(Gain::SILENCE), Gain::from_db(-4.0), Gain::from_db(-0.01), Gain::from_db(2.5)];
        assert_eq!(gains.map(|gain| gain.map(decibels).unwrap()), ["silent", "−4.0 dB", "0.0 dB", "+2.5 dB"]);
    }

    #[test]
    fn what_is_chosen_is_read() {
        let fill = theme::ACCENT.mix(theme::SURFACE, 0.78);
        assert!(theme::contrast(theme::readable(theme::ACCENT, fill), fill) >= theme::CONTRAST_MIN);
    }
}
