//! Where the sound goes, and when it arrives there.

use super::{
    NUDGE_MAX_US, Settings,
    panel::{faint, topic},
};
use crate::{
    link::Now,
    platform, theme,
    transport::{self, Metronome},
    widgets,
};
use bevy::prelude::ResMut;
use bevy_egui::egui::{self, RichText, Ui, vec2};
use keyboardia_player::Hearing;
use keyboardia_session::View;
use std::sync::{Arc, OnceLock};

/// Devices that are listed.
const LISTED_MAX: usize = 64;
const SLIDER_WIDTH: f32 = 300.0;
const CLICK_TEST_SIZE: egui::Vec2 = vec2(92.0, 26.0);

/// The devices of this machine, once known: asking the system may take a while.
#[derive(Debug, Clone)]
pub(super) struct Devices(Arc<OnceLock<Vec<String>>>);

impl Devices {
    /// Asks the system for what plays.
    pub(super) fn outputs() -> Self {
        Self(platform::outputs())
    }

    /// Asks the system for what listens.
    pub(super) fn inputs() -> Self {
        Self(platform::inputs())
    }
}

pub(super) fn show(
    ui: &mut Ui,
    devices: &Devices,
    settings: &mut ResMut<Settings>,
    now: &Now,
    metronome: &mut Metronome,
) {
    let player = now.player();
    topic(ui, "Device", "");
    let mut device = settings.device.clone();
    if platform::HAS_DEVICES && choose(ui, "device", devices, &mut device) {
        settings.device = device;
    }
    let playing = match player.map(|player| &player.hearing) {
        Some(Hearing::Playing { device, latency_us }) => {
            let ms = f64::from(*latency_us) / 1e3;
            faint(ui, &format!("Playing on {device}, {ms:.0} ms to the speaker."), theme::TEXT_DIM);
            Some(device.as_str())
        }
        Some(Hearing::Silent(why)) => {
            faint(ui, why, theme::WARNING);
            None
        }
        Some(Hearing::Starting) | None => None,
    };
    topic(
        ui,
        "Latency",
        "Some devices, wireless ones above all, sound later than they say. If you hear everything late, move this to the \
         right until your sound is in time with the others. It is remembered for each device.",
    );
    match playing {
        Some(device) => {
            if let Some(us) = correction(ui, settings.nudge_us(device), NUDGE_MAX_US, 0) {
                settings.set_nudge_us(device, us);
            }
            click_test(ui, now, metronome);
        }
        None => faint(ui, "It can be set while a device plays.", theme::TEXT_DIM),
    }
    topic(ui, "Metronome", "Only you hear it. The switch is in the bar at the top.");
    transport::metronome_volume(ui, settings);
}

/// A list of devices, `None` being the system's default; returns whether another one was chosen.
pub(super) fn choose(ui: &mut Ui, id: &str, devices: &Devices, device: &mut Option<String>) -> bool {
    const DEFAULT: &str = "The system's default";
    let text = device.clone().unwrap_or_else(|| DEFAULT.to_owned());
    let list = egui::ComboBox::from_id_salt(id).width(SLIDER_WIDTH + 80.0).truncate().selected_text(text);
    let before = device.clone();
    list.show_ui(ui, |ui| {
        if ui.selectable_label(device.is_none(), DEFAULT).clicked() {
            *device = None;
        }
        match devices.0.get() {
            None => faint(ui, "Looking for devices", theme::TEXT_DIM),
            Some(names) if names.is_empty() => faint(ui, "No device was found.", theme::TEXT_DIM),
            Some(names) => {
                for name in names.iter().take(LISTED_MAX) {
                    if ui.selectable_label(device.as_ref() == Some(name), name).clicked() {
                        *device = Some(name.clone());
                    }
                }
            }
        }
    });
    *device != before
}

/// How much later than it says a device is, within ±`most_us` microseconds; returns the correction that was chosen.
pub(super) fn correction(ui: &mut Ui, present_us: i32, most_us: i32, decimals: usize) -> Option<i32> {
    let most = f64::from(most_us) / 1e3;
    let mut ms = f64::from(present_us) / 1e3;
    let mut chosen = None;
    ui.horizontal(|ui| {
        ui.spacing_mut().slider_width = SLIDER_WIDTH;
        let slider = egui::Slider::new(&mut ms, -most..=most).step_by(1.0).fixed_decimals(decimals).suffix(" ms");
        if ui.add(slider).changed() {
            chosen = Some((ms * 1e3).round() as i32);
        }
        if ui.button(RichText::new("0")).on_hover_text("As the device says").clicked() {
            chosen = Some(0);
        }
    });
    chosen
}

/// The metronome, and a light on the same beats: where the nudge is right, they are one.
fn click_test(ui: &mut Ui, now: &Now, metronome: &mut Metronome) {
    ui.horizontal(|ui| {
        let (switch, _) = ui.allocate_exact_size(CLICK_TEST_SIZE, egui::Sense::hover());
        let on = metronome.on.then_some(theme::PRIVATE);
        if widgets::switch(ui, switch, "click test", "Click test", on).clicked() {
            metronome.on = !metronome.on;
        }
        let (lamp, _) = ui.allocate_exact_size(vec2(18.0, 18.0), egui::Sense::hover());
        let lit = if metronome.on { now.flash() } else { 0.0 };
        let colour = theme::RAISED.mix(theme::ACCENT, lit);
        ui.painter().circle(lamp.center(), 7.0, colour.egui(), egui::Stroke::new(1.0, theme::LINE.egui()));
        let is_playing = now.session().is_some_and(View::is_playing);
        let text = match (metronome.on, is_playing) {
            (false, _) => "Click and light on every beat, for you alone.",
            (true, false) => "Press play: it clicks on every beat.",
            (true, true) => "Click and light should come together.",
        };
        faint(ui, text, theme::TEXT_DIM);
    });
}
