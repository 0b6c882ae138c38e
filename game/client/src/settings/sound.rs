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
    /// Asks the system.
    pub(super) fn look_up() -> Self {
        Self(platform::outputs())
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
    if platform::HAS_DEVICES {
        choose(ui, devices, settings);
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
            nudge(ui, device, settings);
            click_test(ui, now, metronome);
        }
        None => faint(ui, "It can be set while a device plays.", theme::TEXT_DIM),
    }
    topic(ui, "Metronome", "Only you hear it. The switch is in the bar at the top.");
    transport::metronome_volume(ui, settings);
}

fn choose(ui: &mut Ui, devices: &Devices, settings: &mut ResMut<Settings>) {
    const DEFAULT: &str = "The system's default";
    let text = settings.device.clone().unwrap_or_else(|| DEFAULT.into());
    egui::ComboBox::from_id_salt("device").width(SLIDER_WIDTH + 80.0).truncate().selected_text(text).show_ui(
        ui,
        |ui| {
            if ui.selectable_label(settings.device.is_none(), DEFAULT).clicked() {
                settings.device = None;
            }
            match devices.0.get() {
                None => faint(ui, "Looking for devices", theme::TEXT_DIM),
                Some(names) if names.is_empty() => faint(ui, "No device was found.", theme::TEXT_DIM),
                Some(names) => {
                    for name in names.iter().take(LISTED_MAX) {
                        if ui.selectable_label(settings.device.as_ref() == Some(name), name).clicked() {
                            settings.device = Some(name.clone());
                        }
                    }
                }
            }
        },
    );
}

fn nudge(ui: &mut Ui, device: &str, settings: &mut ResMut<Settings>) {
    let most = f64::from(NUDGE_MAX_US) / 1e3;
    let mut ms = f64::from(settings.nudge_us(device)) / 1e3;
    ui.horizontal(|ui| {
        ui.spacing_mut().slider_width = SLIDER_WIDTH;
        let slider = egui::Slider::new(&mut ms, -most..=most).step_by(1.0).fixed_decimals(0).suffix(" ms");
        if ui.add(slider).changed() {
            settings.set_nudge_us(device, (ms * 1e3).round() as i32);
        }
        if ui.button(RichText::new("0")).on_hover_text("As the device says").clicked() {
            settings.set_nudge_us(device, 0);
        }
    });
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
