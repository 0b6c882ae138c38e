//! The metronome: for this player's ears only, and marked so.

use crate::{
    deed::ToggleMetronome,
    icons::{self, Icon},
    settings::Settings,
    theme,
    widgets::{self, BAR_HEIGHT},
};
use bevy::prelude::*;
use bevy_egui::egui::{self, Popup, PopupCloseBehavior, Sense, Ui, vec2};
use keyboardia_session::Gain;

/// Volumes that it can have, decibels.
pub(crate) const RANGE_DB: std::ops::RangeInclusive<f64> = -30.0..=6.0;
const WIDTHS: (f32, f32) = (36.0, 18.0);

/// Whether this player hears the counts of the bar.
#[derive(Resource, Debug, Default)]
pub(crate) struct Metronome {
    /// Whether it is heard.
    pub(crate) on: bool,
}

/// The key of the switch.
pub(super) fn hear_switch(mut switches: MessageReader<ToggleMetronome>, mut metronome: ResMut<Metronome>) {
    for ToggleMetronome in switches.read() {
        metronome.on = !metronome.on;
    }
}

/// The switch, and the small list with its volume.
pub(super) fn field(ui: &mut Ui, metronome: &mut Metronome, settings: &mut ResMut<Settings>) {
    let (rect, _) = ui.allocate_exact_size(vec2(WIDTHS.0 + WIDTHS.1, BAR_HEIGHT), Sense::hover());
    let (switch, more) = rect.split_left_right_at_x(rect.min.x + WIDTHS.0);
    let response = ui.interact(switch, ui.id().with("metronome"), Sense::click());
    let open = ui.interact(more, ui.id().with("metronome volume"), Sense::click());
    let fill = if metronome.on { theme::PRIVATE } else { theme::RAISED };
    widgets::ground(ui, rect, fill, theme::LINE);
    for (part, place) in [(&response, switch), (&open, more)] {
        if part.hovered() && !metronome.on {
            ui.painter().rect_filled(place.shrink(3.0), 7.0, theme::HOVERED.egui());
        }
    }
    let ink = fill.ink().egui();
    icons::paint(
        ui.painter(),
        egui::Rect::from_center_size(switch.center() + vec2(-1.0, 1.0), vec2(18.0, 18.0)),
        Icon::Metronome,
        ink,
    );
    icons::paint(
        ui.painter(),
        egui::Rect::from_center_size(more.center() + vec2(-2.0, 4.0), vec2(9.0, 9.0)),
        Icon::Down,
        ink,
    );
    widgets::private_mark(ui, rect, if metronome.on { theme::INK } else { theme::PRIVATE });
    if response.on_hover_text("Metronome: only you hear it (Shift M)").clicked() {
        metronome.on = !metronome.on;
    }
    let popup =
        Popup::from_toggle_button_response(&open).gap(6.0).close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    popup.show(|ui| volume(ui, settings));
    open.on_hover_text("How loud the metronome is, for you");
}

/// How loud it is.
pub(crate) fn volume(ui: &mut Ui, settings: &mut ResMut<Settings>) {
    ui.horizontal(|ui| {
        ui.spacing_mut().slider_width = 150.0;
        let mut db = settings.metronome().db();
        let slider =
            egui::Slider::new(&mut db, RANGE_DB).suffix(" dB").fixed_decimals(0).step_by(1.0).trailing_fill(true);
        if ui.add(slider).changed()
            && let Some(gain) = Gain::from_db(db)
        {
            settings.set_metronome(gain);
        }
    });
}
