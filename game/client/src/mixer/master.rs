//! What is everybody's and what is mine: the switch between the shared and the private mix, the meter of everything, and
//! this player's own volume. Lies in the lower part of the corner, under the way to the next launch.

use super::{
    ears::PrivateMix,
    fader::{self, Way},
    meter::{self, Reading},
};
use crate::{
    icons::{self, Icon},
    spots, theme, widgets,
};
use bevy_egui::egui::{Align2, CornerRadius, Mesh, Rect, Sense, Ui, pos2, vec2};

/// Height of the corner's upper part, which is not ours.
const ABOVE: f32 = 58.0;
const SWITCH_HEIGHT: f32 = 22.0;
const LABEL_HEIGHT: f32 = 15.0;
const METER_HEIGHT: f32 = 7.0;
const RESET_WIDTH: f32 = 22.0;

/// The places of the corner's lower part.
#[derive(Debug, Clone, Copy)]
struct Places {
    switch: Rect,
    /// What the fader is, where there is room.
    label: Option<Rect>,
    fader: Rect,
    meter: Rect,
}

impl Places {
    fn new(corner: Rect) -> Self {
        let (_, place) = corner.split_top_bottom_at_y(corner.min.y + ABOVE);
        let tight = place.height() < 64.0;
        let row = |top: f32, height: f32| Rect::from_x_y_ranges(place.x_range(), top..=top + height);
        let switch = row(place.min.y, if tight { 19.0 } else { SWITCH_HEIGHT });
        let meter = row(place.max.y - METER_HEIGHT, METER_HEIGHT);
        let fader_height = if tight { 16.0 } else { 19.0 };
        let fader = row(meter.min.y - fader_height - 2.0, fader_height);
        let label = row(fader.min.y - LABEL_HEIGHT, LABEL_HEIGHT);
        Self { switch, label: (label.min.y >= switch.max.y).then_some(label), fader, meter }
    }
}

/// Shows the corner's lower part.
pub(super) fn show(
    ui: &Ui,
    corner: Rect,
    mix: &mut PrivateMix,
    at: &mut Option<f64>,
    levels: [Reading; 2],
    mesh: &mut Mesh,
) {
    let places = Places::new(corner);
    choose(ui, places.switch, mix);
    meter::add(mesh, places.meter, levels);
    let hint = "How loud everything is, left and right";
    ui.interact(places.meter, ui.id().with("master meter"), Sense::hover()).on_hover_text(hint);
    let way = Way::new(places.fader);
    spots::note(ui, || "master".into(), places.fader);
    let (response, wanted) = fader::handle(ui, &way, "my volume", mix.master, at);
    if let Some(gain) = wanted.filter(|gain| *gain != mix.master) {
        mix.master = gain;
    }
    let fill = theme::PRIVATE.mix(theme::SURFACE, 0.25);
    fader::draw(ui, &way, mix.master, fill, theme::PRIVATE, response.hovered() || response.dragged());
    let text = fader::decibels(mix.master);
    response.on_hover_text(format!("Your volume: {text}, for your ears only — double click for 0 dB"));
    if let Some(label) = places.label {
        let sign = Rect::from_center_size(pos2(label.min.x + 6.0, label.center().y), vec2(11.0, 11.0));
        icons::paint(ui.painter(), sign, Icon::Headphones, theme::PRIVATE.egui());
        let words = label.translate(vec2(16.0, 0.0));
        theme::label(ui.painter(), words, Align2::LEFT_CENTER, "Master", theme::font(11.5), theme::TEXT_DIM.egui());
        let figures = Rect::from_min_max(pos2(label.min.x + 58.0, label.min.y), label.max);
        theme::label(ui.painter(), figures, Align2::RIGHT_CENTER, &text, theme::font(11.5), theme::PRIVATE.egui());
    }
}

/// The switch between the two mixes, and the way back to the shared one.
fn choose(ui: &Ui, place: Rect, mix: &mut PrivateMix) {
    let (place, reset) = if mix.is_any() {
        let (place, reset) = place.split_left_right_at_x(place.max.x - RESET_WIDTH);
        (place, Some(Rect::from_min_max(reset.min + vec2(3.0, 0.0), reset.max)))
    } else {
        (place, None)
    };
    ui.painter().rect_filled(place, CornerRadius::same(7), theme::BACKGROUND.egui());
    let (shared, mine) = place.split_left_right_at_fraction(0.52);
    for (part, private, text, hint) in [
        (shared, false, "Shared", "The strips show the mix that everybody hears"),
        (mine, true, "Ears", "The strips show your private mix: my ears only, nobody else hears it"),
    ] {
        let response = ui.interact(part, ui.id().with(("mix", private)), Sense::click());
        let chosen = mix.shown == private;
        let fill = match (chosen, private, response.hovered()) {
            (true, true, _) => Some(theme::PRIVATE),
            (true, false, _) => Some(theme::HOVERED),
            (false, _, true) => Some(theme::RAISED),
            (false, _, false) => None,
        };
        if let Some(fill) = fill {
            ui.painter().rect_filled(part.shrink(1.5), CornerRadius::same(6), fill.egui());
        }
        let ink = fill.map_or(theme::TEXT_DIM, theme::Rgb::ink);
        let words = if private && reset.is_none() {
            let sign = Rect::from_center_size(pos2(part.min.x + 11.0, part.center().y), vec2(10.0, 10.0));
            icons::paint(ui.painter(), sign, Icon::Headphones, ink.egui());
            Rect::from_min_max(pos2(part.min.x + 18.0, part.min.y), part.max)
        } else {
            part
        };
        theme::label(ui.painter(), words, Align2::CENTER_CENTER, text, theme::strong(11.5), ink.egui());
        if response.on_hover_text(hint).clicked() {
            mix.shown = private;
        }
    }
    if let Some(reset) = reset {
        let response = ui.interact(reset, ui.id().with("reset"), Sense::click());
        spots::note(ui, || "reset".into(), reset);
        ui.painter().rect_filled(reset, CornerRadius::same(6), widgets::fill(&response, true).egui());
        icons::paint(ui.painter(), reset.shrink(4.0), Icon::Reset, theme::PRIVATE.egui());
        if response.on_hover_text("Hear everything again as the others do").clicked() {
            mix.reset();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_the_corner_stay_under_the_next_launch_and_apart() {
        for height in [104.0, 107.0, 133.0, 150.0] {
            let corner = Rect::from_min_size(pos2(900.0, 500.0), vec2(104.0, height));
            let places = Places::new(corner);
            let parts: Vec<Rect> =
                [places.switch, places.fader, places.meter].into_iter().chain(places.label).collect();
            for (index, part) in parts.iter().enumerate() {
                assert!(corner.contains_rect(*part) && part.min.y >= corner.min.y + ABOVE, "{part:?} at {height}");
                assert!(parts[index + 1..].iter().all(|other| !part.shrink(0.01).intersects(*other)), "{parts:?}");
            }
        }
    }
}
