//! On the way into a session: where to, and the way back.

use crate::{
    ClientSet,
    link::Now,
    panel,
    screen::{Go, Screen},
    theme::{self, Scale},
    wordmark,
};
use bevy::{prelude::*, window::PrimaryWindow};
use bevy_egui::{
    EguiContexts, EguiPrimaryContextPass,
    egui::{self, RichText},
};
use keyboardia_player::Connection;

const WIDTH: f32 = 420.0;
const HEIGHT: f32 = 132.0;

pub(super) fn plugin(app: &mut App) {
    app.add_systems(
        EguiPrimaryContextPass,
        show.run_if(in_state(Screen::Joining)).run_if(theme::is_dressed).in_set(ClientSet::Panels),
    );
}

fn show(
    mut contexts: EguiContexts,
    window: Single<&Window, With<PrimaryWindow>>,
    scale: Res<Scale>,
    now: Res<Now>,
    mut go: MessageWriter<Go>,
) -> Result {
    let size = window.size() / scale.0;
    let top = wordmark::place(size).max.y + 60.0;
    let place = Rect::new((size.x - WIDTH) / 2.0, top, f32::midpoint(size.x, WIDTH), top + HEIGHT);
    let (text, detail) = match now.player().map(|player| (&player.connection, &player.host)) {
        Some((Connection::Reconnecting(why), host)) => (format!("Trying {host} again"), why.as_str()),
        Some((_, host)) => (format!("Joining {host}"), "Asking for a seat and learning the session."),
        None => ("Joining".into(), ""),
    };
    panel::area(contexts.ctx_mut()?, "joining", place, |ui| {
        panel::card().inner_margin(18).show(ui, |ui| {
            ui.set_width(WIDTH - 36.0);
            ui.horizontal(|ui| {
                ui.add(egui::Spinner::new().size(18.0).color(theme::ACCENT.egui()));
                ui.label(RichText::new(text).font(theme::strong(16.0)));
            });
            ui.label(RichText::new(detail).font(theme::font(13.0)).color(theme::TEXT_DIM.egui()));
            ui.add_space(4.0);
            if ui.button("Cancel").clicked() {
                go.write(Go::Leave);
            }
        });
    });
    Ok(())
}
