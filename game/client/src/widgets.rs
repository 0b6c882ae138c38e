//! What the panels' buttons, fields and switches look like: one hand for all of them.

use crate::{
    icons::{self, Icon},
    theme::{self, Rgb},
};
use bevy_egui::egui::{
    Align2, Color32, CornerRadius, Popup, Rect, Response, Sense, Shape, Stroke, StrokeKind, Ui, pos2, vec2,
};
use std::{fmt::Debug, hash::Hash};

/// Height of what stands in the bar at the top.
pub(crate) const BAR_HEIGHT: f32 = 42.0;
const RADIUS: CornerRadius = CornerRadius::same(10);
/// Size of the mark of what only this player hears, in a corner.
const PRIVATE_MARK: f32 = 11.0;
/// Least width of a list of choices.
const LIST_WIDTH: f32 = 84.0;
const CAPTION: f32 = 10.5;
const DASH: (f32, f32) = (4.0, 3.0);

/// What is drawn behind a button, as the pointer has it.
pub(crate) fn fill(response: &Response, enabled: bool) -> Rgb {
    match (enabled, response.is_pointer_button_down_on(), response.hovered()) {
        (false, ..) => theme::SURFACE,
        (true, true, _) => theme::LINE,
        (true, false, true) => theme::HOVERED,
        (true, false, false) => theme::RAISED,
    }
}

/// The ground of a button.
pub(crate) fn ground(ui: &Ui, rect: Rect, fill: Rgb, line: Rgb) {
    ui.painter().rect(rect, RADIUS, fill.egui(), Stroke::new(1.0, line.egui()), StrokeKind::Inside);
}

/// A button with a sign on it; `on` is its colour while it is switched on.
pub(crate) fn icon_button(ui: &mut Ui, width: f32, icon: Icon, enabled: bool, on: Option<Rgb>) -> Response {
    let sense = if enabled { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(width, BAR_HEIGHT), sense);
    let fill = on.unwrap_or_else(|| fill(&response, enabled));
    ground(ui, rect, fill, if enabled { theme::LINE } else { theme::LINE.mix(theme::BACKGROUND, 0.5) });
    let ink = match (enabled, on) {
        (true, Some(colour)) => colour.ink(),
        (true, None) => theme::TEXT,
        (false, _) => theme::TEXT_DIM.mix(theme::SURFACE, 0.55),
    };
    icons::paint(ui.painter(), Rect::from_center_size(rect.center(), vec2(16.0, 16.0)), icon, ink.egui());
    response
}

/// A button with a sign and a word; `on` is its colour while it is.
pub(crate) fn labelled_button(ui: &mut Ui, icon: Icon, text: &str, on: Option<Rgb>) -> Response {
    let ink = on.map_or(theme::TEXT, Rgb::ink).egui();
    let galley = ui.painter().layout_no_wrap(text.into(), theme::font(13.5), ink);
    let (rect, response) = ui.allocate_exact_size(vec2(galley.size().x + 44.0, BAR_HEIGHT), Sense::click());
    ground(ui, rect, on.unwrap_or_else(|| fill(&response, true)), theme::LINE);
    let sign = Rect::from_center_size(pos2(rect.min.x + 19.0, rect.center().y), vec2(15.0, 15.0));
    icons::paint(ui.painter(), sign, icon, ink);
    let place = pos2(rect.min.x + 33.0, rect.center().y - galley.size().y / 2.0);
    ui.painter().galley(place, galley, Color32::PLACEHOLDER);
    response
}

/// Writes a small caption at the foot of a field.
pub(crate) fn caption(ui: &Ui, rect: Rect, text: &str) {
    let foot = Rect::from_min_max(pos2(rect.min.x + 4.0, rect.max.y - 16.0), rect.max - vec2(4.0, 3.0));
    theme::label(ui.painter(), foot, Align2::CENTER_CENTER, text, theme::font(CAPTION), theme::TEXT_DIM.egui());
}

/// A field that shows a choice and opens a list of them; returns what was picked from it. `waiting` is what will be
/// chosen in a moment.
pub(crate) fn chooser<T: Copy + PartialEq>(
    ui: &mut Ui,
    width: f32,
    name: &str,
    hint: &str,
    present: T,
    waiting: Option<T>,
    choices: &[(T, &str)],
) -> Option<T> {
    let (rect, response) = ui.allocate_exact_size(vec2(width, BAR_HEIGHT), Sense::click());
    let label = |of: T| choices.iter().find(|(choice, _)| *choice == of).map_or("", |(_, label)| *label);
    ground(ui, rect, fill(&response, true), theme::LINE);
    let value = Rect::from_min_max(rect.min + vec2(4.0, 4.0), pos2(rect.max.x - 4.0, rect.max.y - 16.0));
    let text = match waiting {
        Some(next) => format!("{} → {}", label(present), label(next)),
        None => label(present).to_owned(),
    };
    let colour = if waiting.is_some() { theme::WARNING } else { theme::TEXT };
    theme::label(ui.painter(), value, Align2::CENTER_CENTER, &text, theme::strong(14.5), colour.egui());
    caption(ui, rect, name);
    if waiting.is_some() {
        dashed(ui, rect.shrink(0.5), theme::WARNING);
    }
    let mut picked = None;
    let popup = Popup::menu(&response).gap(6.0);
    popup.show(|ui| {
        ui.set_min_width(width.max(LIST_WIDTH));
        for (choice, label) in choices {
            let chosen = waiting.unwrap_or(present) == *choice;
            if ui.selectable_label(chosen, *label).clicked() {
                picked = Some(*choice).filter(|choice| *choice != waiting.unwrap_or(present));
            }
        }
    });
    response.on_hover_text(hint);
    picked
}

/// A dashed outline: what waits, or what only this player hears.
pub(crate) fn dashed(ui: &Ui, rect: Rect, colour: Rgb) {
    let corner = 6.0;
    let mut points = Vec::new();
    for (centre, from) in [
        (rect.left_top() + vec2(corner, corner), 0.5),
        (rect.right_top() + vec2(-corner, corner), 0.75),
        (rect.right_bottom() - vec2(corner, corner), 0.0),
        (rect.left_bottom() + vec2(corner, -corner), 0.25),
    ] {
        for step in 0..=4_u8 {
            let angle = std::f32::consts::TAU * (from + f32::from(step) / 16.0);
            points.push(centre + corner * vec2(angle.cos(), angle.sin()));
        }
    }
    points.extend(points.first().copied());
    ui.painter().extend(Shape::dashed_line(&points, Stroke::new(1.5, colour.egui()), DASH.0, DASH.1));
}

/// The mark of what only this player hears, in the upper right corner.
pub(crate) fn private_mark(ui: &Ui, rect: Rect, colour: Rgb) {
    let place =
        Rect::from_min_size(rect.right_top() + vec2(-PRIVATE_MARK - 3.0, 3.0), vec2(PRIVATE_MARK, PRIVATE_MARK));
    icons::paint(ui.painter(), place, Icon::Headphones, colour.egui());
}

/// A button with a word that is on or off.
pub(crate) fn switch(ui: &Ui, rect: Rect, id: impl Hash + Debug, text: &str, on: Option<Rgb>) -> Response {
    let response = ui.interact(rect, ui.id().with(id), Sense::click());
    let fill = on.unwrap_or_else(|| fill(&response, true));
    let line = on.unwrap_or(theme::LINE);
    let painter = ui.painter();
    painter.rect(rect, CornerRadius::same(6), fill.egui(), Stroke::new(1.0, line.egui()), StrokeKind::Inside);
    theme::label(painter, rect.shrink(1.0), Align2::CENTER_CENTER, text, theme::strong(12.0), fill.ink().egui());
    response
}

/// How far something is off, in milliseconds with one decimal and its sign.
pub(crate) fn signed_millis(us: i64) -> String {
    let ms = us as f64 / 1e3;
    if ms.abs() < 0.05 { "±0.0".into() } else { format!("{ms:+.1}").replace('-', "−") }
}
