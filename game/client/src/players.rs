//! The panel at the right: how others join, whether there is sound, and who is here.

use crate::{
    ClientSet,
    link::{Link, Now},
    panel,
    playfield::layout::Layout,
    screen::Screen,
    theme::{self, Rgb},
};
use bevy::prelude::*;
use bevy_egui::{
    EguiContexts, EguiPrimaryContextPass,
    egui::{self, Align2, RichText, Sense, Ui, vec2},
};
use keyboardia_player::{Hearing, PlayerView};
use keyboardia_session::{Player, View, limits::SEATS_MAX};

/// How long the button says that it has copied, seconds.
const COPIED_S: f64 = 1.6;

pub(super) fn plugin(app: &mut App) {
    app.add_systems(
        EguiPrimaryContextPass,
        show.run_if(in_state(Screen::Jam)).run_if(theme::is_dressed).in_set(ClientSet::Panels),
    );
}

fn show(mut contexts: EguiContexts, now: Res<Now>, link: Res<Link>, layout: Res<Layout>) -> Result {
    let (Some(player), Some(view)) = (now.player(), now.session()) else { return Ok(()) };
    panel::area(contexts.ctx_mut()?, "side", layout.side, |ui| {
        ui.spacing_mut().item_spacing.y = 10.0;
        let card = || panel::card().inner_margin(egui::Margin::same(12));
        card().show(ui, |ui| invite(ui, &link, player));
        card().show(ui, |ui| sound(ui, player));
        card().show(ui, |ui| who_is_here(ui, view));
    });
    Ok(())
}

fn invite(ui: &mut Ui, link: &Link, player: &PlayerView) {
    ui.set_width(ui.available_width());
    ui.spacing_mut().item_spacing.y = 6.0;
    panel::heading(ui, "Invite");
    let Some(invitation) = link.invitation(player) else { return };
    ui.label(RichText::new(invitation.code.replace('-', " ")).font(theme::strong(15.0)));
    ui.label(RichText::new(format!("at {}", invitation.address)).font(theme::font(12.0)).color(theme::TEXT_DIM.egui()));
    let id = ui.id().with("copied");
    let time = ui.input(|input| input.time);
    let copied = ui.data(|data| data.get_temp::<f64>(id)).is_some_and(|at| time - at < COPIED_S);
    let text = if copied { "Copied" } else { "Copy invitation" };
    let button = egui::Button::new(RichText::new(text).font(theme::font(13.0)));
    if ui.add_sized(vec2(ui.available_width(), 30.0), button).on_hover_text(invitation.command()).clicked() {
        ui.ctx().copy_text(invitation.command());
        ui.data_mut(|data| data.insert_temp(id, time));
    }
}

fn sound(ui: &mut Ui, player: &PlayerView) {
    ui.set_width(ui.available_width());
    ui.spacing_mut().item_spacing.y = 4.0;
    panel::heading(ui, "Sound");
    match &player.hearing {
        Hearing::Starting => faint(ui, "Opening the sound device"),
        Hearing::Playing { device, latency_us } => {
            ui.add(egui::Label::new(RichText::new(device).font(theme::font(13.0))).truncate()).on_hover_text(device);
            faint(ui, &format!("{:.0} ms to the speaker", f64::from(*latency_us) / 1e3));
        }
        Hearing::Silent(why) => {
            ui.label(RichText::new(why).font(theme::font(12.5)).color(theme::WARNING.egui()));
        }
    }
    match player.loading.len() {
        0 => {}
        1 => faint(ui, "Loading 1 sound"),
        count => faint(ui, &format!("Loading {count} sounds")),
    }
    if !player.damaged.is_empty() {
        let text = match player.damaged.len() {
            1 => "1 sound cannot be played".to_owned(),
            count => format!("{count} sounds cannot be played"),
        };
        let reasons: Vec<&str> = player.damaged.values().take(8).map(String::as_str).collect();
        ui.label(RichText::new(text).font(theme::font(12.5)).color(theme::WARNING.egui()))
            .on_hover_text(reasons.join("\n"));
    }
}

fn who_is_here(ui: &mut Ui, view: &View) {
    ui.set_width(ui.available_width());
    ui.spacing_mut().item_spacing.y = 2.0;
    let players = view.state.players();
    panel::heading(ui, &format!("Players  {} of {SEATS_MAX}", players.len()));
    let height = ui.available_height() - 12.0;
    egui::ScrollArea::vertical().max_height(height.max(24.0)).show(ui, |ui| {
        for player in players {
            row(ui, player, player.seat == view.me);
        }
    });
}

fn row(ui: &mut Ui, player: &Player, is_me: bool) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 22.0), Sense::hover());
    let painter = ui.painter();
    let colour = Rgb::from(player.colour);
    let dot = egui::pos2(rect.min.x + 7.0, rect.center().y);
    if player.present {
        painter.circle_filled(dot, 5.0, colour.egui());
    } else {
        painter.circle_stroke(dot, 4.5, egui::Stroke::new(1.5, colour.egui()));
    }
    let note = match (is_me, player.present) {
        (true, _) => "you",
        (false, false) => "away",
        (false, true) => "",
    };
    let note_width = if note.is_empty() { 0.0 } else { 34.0 };
    let name = egui::Rect::from_min_max(rect.min + vec2(20.0, 0.0), rect.max - vec2(note_width, 0.0));
    let ink = if player.present { theme::TEXT } else { theme::TEXT_DIM };
    theme::label(painter, name, Align2::LEFT_CENTER, player.name.as_str(), theme::font(13.5), ink.egui());
    theme::label(painter, rect, Align2::RIGHT_CENTER, note, theme::font(12.0), theme::TEXT_DIM.egui());
    if !player.present {
        response.on_hover_text("The connection was lost; the seat is kept for a while.");
    }
}

fn faint(ui: &mut Ui, text: &str) {
    ui.label(RichText::new(text).font(theme::font(12.0)).color(theme::TEXT_DIM.egui()));
}
