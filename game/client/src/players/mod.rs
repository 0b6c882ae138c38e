//! The panel at the right: how others join and whether they may, whether there is sound, who is here and who is to go.

mod door;
mod guest;
mod invite;

use crate::{
    ClientSet, avatars,
    icons::{self, Icon},
    link::{Link, Now},
    panel,
    playfield::layout::Layout,
    pocket::Pocket,
    screen::Screen,
    settings::{OpenSettings, Page},
    theme::{self, Rgb},
    widgets,
};
use bevy::prelude::*;
use bevy_egui::{
    EguiContexts, EguiPrimaryContextPass,
    egui::{self, Align2, CornerRadius, RichText, Sense, Ui, vec2},
};
use guest::Card;
use invite::Picture;
use keyboardia_player::{Hearing, PlayerView};
use keyboardia_session::{Command, Player, View, limits::SEATS_MAX};

/// Height of a player's row, and the least that it may shrink to.
const ROW: (f32, f32) = (30.0, 24.0);
/// Height of what the panel shows beside the players' rows and the picture of the invitation.
const REST: f32 = 308.0;
/// Height of what stands beside a name.
const NOTE: f32 = 10.5;
/// Side of the sign of the session's creator, and the space before it.
const CROWN: (f32, f32) = (12.0, 6.0);

pub(super) fn plugin(app: &mut App) {
    app.add_plugins(guest::plugin)
        .init_resource::<Picture>()
        .add_systems(Update, invite::close.in_set(ClientSet::Travel))
        .add_systems(OnExit(Screen::Jam), |mut picture: ResMut<Picture>| picture.large = false)
        .add_systems(
            EguiPrimaryContextPass,
            show.run_if(in_state(Screen::Jam)).run_if(theme::is_dressed).in_set(ClientSet::Panels),
        );
}

fn show(
    mut contexts: EguiContexts,
    now: Res<Now>,
    link: Res<Link>,
    layout: Res<Layout>,
    mut picture: ResMut<Picture>,
    mut guest: ResMut<Card>,
    mut settings: MessageWriter<OpenSettings>,
    pocket: Res<Pocket>,
) -> Result {
    let (Some(player), Some(view)) = (now.player(), now.session()) else { return Ok(()) };
    let context = contexts.ctx_mut()?;
    let invitation = link.invitation(player);
    if pocket.is_small && !pocket.players {
        return Ok(());
    }
    panel::area(context, "side", layout.side, |ui| {
        ui.spacing_mut().item_spacing.y = 8.0;
        let card = || panel::card().inner_margin(egui::Margin::same(12));
        let rows = ROW.1 * view.state.players().len() as f32;
        let room = layout.side.height() - REST - rows;
        let wish = card().show(ui, |ui| invite::card(ui, view, invitation.as_ref(), &mut picture, room)).inner;
        if let Some(locked) = wish {
            link.command(Command::SetLocked(locked));
        }
        let sound = card().show(ui, |ui| sound(ui, player)).response.interact(Sense::click());
        if sound.on_hover_text("Device and latency").clicked() {
            settings.write(OpenSettings(Page::Sound));
        }
        if let Some(wish) = card().show(ui, |ui| who_is_here(ui, view, &mut guest, &mut settings)).inner {
            link.command(wish);
        }
    });
    if let Some(invitation) = invitation.filter(|_| picture.large) {
        invite::large(context, view, &invitation, &mut picture);
    }
    Ok(())
}

fn sound(ui: &mut Ui, player: &PlayerView) {
    ui.set_width(ui.available_width());
    ui.spacing_mut().item_spacing.y = 3.0;
    panel::heading(ui, "Sound");
    match &player.hearing {
        Hearing::Starting => faint(ui, "Opening the sound device"),
        Hearing::Playing { device, latency_us } => {
            ui.add(egui::Label::new(RichText::new(device).font(theme::font(13.0))).truncate());
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

/// Shows the players; returns what is asked for.
fn who_is_here(
    ui: &mut Ui,
    view: &View,
    guest: &mut Card,
    settings: &mut MessageWriter<OpenSettings>,
) -> Option<Command> {
    ui.set_width(ui.available_width());
    ui.spacing_mut().item_spacing.y = 0.0;
    let players = view.state.players();
    panel::heading(ui, &format!("Players  {} of {SEATS_MAX}", players.len()));
    ui.add_space(4.0);
    let space = ui.available_height() - 14.0;
    let height = (space / players.len().max(1) as f32).clamp(ROW.1, ROW.0);
    guest.follow(view);
    let mut wish = None;
    egui::ScrollArea::vertical().max_height(space.max(ROW.1)).show(ui, |ui| {
        for player in players {
            let response = row(ui, view, player, height);
            let is_pressed = response.clicked() || response.secondary_clicked();
            if player.seat == view.me {
                if is_pressed {
                    settings.write(OpenSettings(Page::You));
                }
                continue;
            }
            if is_pressed {
                guest.toggle(player.seat);
            }
            wish = guest::show(&response, view, player, guest).or(wish.take());
        }
    });
    wish
}

/// Shows a player.
fn row(ui: &mut Ui, view: &View, player: &Player, height: f32) -> egui::Response {
    let is_me = player.seat == view.me;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click());
    let painter = ui.painter();
    if response.hovered() {
        painter.rect_filled(rect.expand2(vec2(5.0, 0.0)), CornerRadius::same(8), theme::HOVERED.egui());
    }
    let side = height - 4.0;
    let tile = egui::Rect::from_min_size(rect.min + vec2(0.0, 2.0), vec2(side, side));
    avatars::paint(painter, tile, player.avatar, player.colour);
    let notes = notes(view, player);
    let width =
        |text: &String| painter.layout_no_wrap(text.clone(), theme::font(NOTE), theme::TEXT_DIM.egui()).size().x;
    let wide = notes.iter().map(width).fold(0.0, f32::max);
    let left = tile.max.x + 8.0;
    let is_creator = view.state.creator() == Some(player.seat);
    let crown = if is_creator { CROWN.0 + CROWN.1 } else { 0.0 };
    let name = egui::Rect::from_min_max(egui::pos2(left, rect.min.y), rect.max - vec2(wide + 6.0 + crown, 0.0));
    let own = theme::lifted(Rgb::from(player.colour), theme::SURFACE);
    let ink = if player.present { own } else { theme::TEXT_DIM };
    let text = player.name.as_str();
    theme::label(painter, name, Align2::LEFT_CENTER, text, theme::font(13.5), ink.egui());
    if is_creator {
        let wide = painter.layout_no_wrap(text.into(), theme::font(13.5), ink.egui()).size().x.min(name.width());
        let corner = egui::pos2(name.min.x + wide + CROWN.1, rect.center().y - CROWN.0 / 2.0 - 0.5);
        let place = egui::Rect::from_min_size(corner, vec2(CROWN.0, CROWN.0));
        icons::paint(painter, place, Icon::Crown, theme::WARNING.egui());
    }
    let is_calm = player.present && view.state.removal_count(player.seat).wishes == 0;
    let colour = if is_calm { theme::TEXT_DIM } else { theme::WARNING };
    let high = rect.height() / notes.len().max(1) as f32;
    for (index, note) in notes.iter().enumerate() {
        // Two of them stand close together, and keep away from those of the next player.
        let line = egui::Rect::from_min_size(rect.min + vec2(0.0, index as f32 * high), vec2(rect.width(), high));
        let place = if notes.len() > 1 { line.translate((rect.center() - line.center()) * 0.12) } else { line };
        theme::label(painter, place, Align2::RIGHT_CENTER, note, theme::font(NOTE), colour.egui());
    }
    if !player.present {
        // The picture steps back while its player is away.
        painter.rect_filled(tile, CornerRadius::same(7), theme::SURFACE.egui().gamma_multiply(0.6));
    }
    if is_me && response.hovered() {
        let sign = egui::Rect::from_center_size(tile.right_bottom() - vec2(3.0, 3.0), vec2(11.0, 11.0));
        painter.circle_filled(sign.center(), 8.0, theme::BACKGROUND.egui());
        icons::paint(painter, sign, Icon::Pencil, theme::TEXT.egui());
    }
    let hint = match (is_me, player.present) {
        (true, _) => format!("{text}, that is you. Click to change name, colour or picture."),
        (false, true) => {
            let ping = ping(view, player).unwrap_or("not known yet".into());
            match phase(view, player) {
                None => format!("{text}. Round trip to the host: {ping}."),
                Some(phase) => format!("{text}. Round trip to the host: {ping}; sound off by {phase} ms."),
            }
        }
        (false, false) => format!("{text} lost the connection. The seat is kept for a while."),
    };
    let role = if is_creator { " Opened this session, and can lock it." } else { "" };
    let more = if is_me { "" } else { " Click for more." };
    response.on_hover_text(format!("{hint}{role}{more}"))
}

/// What stands beside a name, line by line: the votes that the player leave, if there are any; or how far the host is, and
/// how far the sound is off.
fn notes(view: &View, player: &Player) -> Vec<String> {
    let count = view.state.removal_count(player.seat);
    if count.wishes > 0 {
        return vec![format!("{} of {} votes", count.wishes, count.needed())];
    }
    let is_me = player.seat == view.me;
    if !player.present && !is_me {
        return vec!["away".into()];
    }
    let connection = match (is_me, ping(view, player)) {
        (true, None) => "you".into(),
        (true, Some(ping)) => format!("you · {ping}"),
        (false, None) => "–".into(),
        (false, Some(ping)) => ping,
    };
    let sound = phase(view, player).map(|phase| format!("sound {phase}"));
    std::iter::once(connection).chain(sound).collect()
}

/// How far a player's sound is off, by their own report; nothing where nothing plays.
fn phase(view: &View, player: &Player) -> Option<String> {
    let us = view.peers.get(usize::from(player.seat.0))?.report.phase_error_us;
    view.is_playing().then(|| widgets::signed_millis(us.into()))
}

/// How far a player is from the host.
fn ping(view: &View, player: &Player) -> Option<String> {
    let told = view.peers.get(usize::from(player.seat.0)).map(|peer| u64::from(peer.report.round_trip_us));
    let own = view.round_trip_us.filter(|_| player.seat == view.me);
    let us = own.or(told).filter(|us| *us > 0)?;
    Some(if us < 1_000 { "<1 ms".into() } else { format!("{} ms", us / 1_000) })
}

fn faint(ui: &mut Ui, text: &str) {
    ui.label(RichText::new(text).font(theme::font(12.0)).color(theme::TEXT_DIM.egui()));
}
