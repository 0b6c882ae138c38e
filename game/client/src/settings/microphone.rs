//! The microphone, and how late it is.

use super::{
    Settings,
    panel::{faint, topic},
    sound::{Devices, choose, correction},
};
use crate::{
    link::{Link, Now},
    platform, spots, theme,
};
use bevy::prelude::ResMut;
use bevy_egui::egui::{self, Ui, vec2};
use keyboardia_player::recording::{INPUT_NUDGE_US_MAX, RecordingView};
use keyboardia_session::View;

/// Size of the level that is shown while it is measured.
const LEVEL: egui::Vec2 = vec2(160.0, 8.0);

pub(super) fn show(ui: &mut Ui, devices: &Devices, settings: &mut ResMut<Settings>, now: &Now, link: &Link) {
    topic(ui, "Microphone", "It is opened when you record, and let go of afterwards. Nobody hears it meanwhile.");
    let mut input = settings.input.clone();
    // A browser lets its user choose when it is opened.
    if platform::HAS_DEVICES && choose(ui, "input", devices, &mut input) {
        settings.input = input;
    }
    topic(
        ui,
        "Latency",
        "What you sing in time shall lie in time. Microphones hear later than they say; this is taken off every recording.",
    );
    if let Some(us) = correction(ui, settings.input_nudge_us, INPUT_NUDGE_US_MAX, 1) {
        settings.input_nudge_us = us;
    }
    topic(
        ui,
        "Measure it",
        "Put the microphone before the loudspeaker, not into headphones, and be quiet for two bars: the metronome clicks, \
         and the microphone listens.",
    );
    let measured = now.player().and_then(|player| player.recording.as_ref()).filter(|(cell, _)| cell.is_none());
    match (measured, now.session().map(View::is_playing)) {
        (Some((_, seen)), _) => measuring(ui, seen, link),
        (None, Some(true)) => {
            let begin = ui.button("Measure");
            spots::note(ui, || "measure the microphone".into(), begin.rect);
            if begin.clicked() {
                link.calibrate(settings.input.clone());
            }
        }
        (None, Some(false)) => faint(ui, "Press play first: the metronome rests with the music.", theme::TEXT_DIM),
        (None, None) => faint(ui, "It can be measured in a session.", theme::TEXT_DIM),
    }
}

/// How loud the clicks arrive, and a way out.
fn measuring(ui: &mut Ui, seen: &RecordingView, link: &Link) {
    ui.horizontal(|ui| {
        if ui.button("Stop").clicked() {
            link.cancel_recording();
        }
        let (rect, _) = ui.allocate_exact_size(LEVEL, egui::Sense::hover());
        ui.painter().rect_filled(rect, 4.0, theme::BACKGROUND.egui());
        let loud = rect.with_max_x(rect.min.x + rect.width() * seen.level.clamp(0.0, 1.0).sqrt());
        ui.painter().rect_filled(loud, 4.0, theme::ACCENT.egui());
        faint(ui, "The microphone listens to the metronome.", theme::TEXT_DIM);
    });
}
