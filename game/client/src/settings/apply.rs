//! Carries settings out: window, device, latency, metronome and profile follow what was chosen.

use super::Settings;
use crate::{
    ClientSet,
    cli::Cli,
    link::{Link, Now},
    platform,
    transport::Metronome,
};
use bevy::{
    prelude::*,
    window::{MonitorSelection, PresentMode, PrimaryWindow, WindowMode, WindowResized},
};
use keyboardia_player::{Hearing, Output};
use keyboardia_session::Command;

pub(super) fn plugin(app: &mut App) {
    app.add_systems(Update, (toggle_fullscreen, remember_size, follow_graphics).chain().in_set(ClientSet::Act))
        .add_systems(Update, (follow_sound, follow_calibration, follow_profile).in_set(ClientSet::Act));
}

/// How frames are shown.
pub(crate) fn present_mode(settings: &Settings) -> PresentMode {
    if settings.graphics.vsync { PresentMode::AutoVsync } else { PresentMode::AutoNoVsync }
}

/// Whether the window covers the screen.
pub(crate) fn window_mode(settings: &Settings) -> WindowMode {
    if settings.graphics.fullscreen && platform::RESIZES {
        WindowMode::BorderlessFullscreen(MonitorSelection::Current)
    } else {
        WindowMode::Windowed
    }
}

fn toggle_fullscreen(keys: Res<ButtonInput<KeyCode>>, mut settings: ResMut<Settings>) {
    if keys.just_pressed(KeyCode::F11) {
        settings.graphics.fullscreen = !settings.graphics.fullscreen;
    }
}

/// The window opens the next time as large as it was, unless a script or the command line sized it.
fn remember_size(mut resized: MessageReader<WindowResized>, cli: Res<Cli>, mut settings: ResMut<Settings>) {
    for size in resized.read() {
        let size = Some((size.width as u32, size.height as u32));
        let chosen = cli.size.is_none() && cli.script.is_none() && !settings.graphics.fullscreen;
        if chosen && settings.graphics.size != size {
            settings.graphics.size = size;
        }
    }
}

fn follow_graphics(settings: Res<Settings>, mut window: Single<&mut Window, With<PrimaryWindow>>) {
    if !settings.is_changed() {
        return;
    }
    let (present, mode) = (present_mode(&settings), window_mode(&settings));
    if window.present_mode != present {
        window.present_mode = present;
    }
    if window.mode != mode {
        window.mode = mode;
    }
}

fn follow_sound(settings: Res<Settings>, metronome: Res<Metronome>, now: Res<Now>, mut link: ResMut<Link>) {
    let output = settings.device.clone().map_or(Output::Default, Output::Device);
    link.set_output(output);
    link.set_metronome(match now.player().and_then(|player| player.recording.as_ref()) {
        Some((Some(_), seen)) if seen.is_counted() => Some(settings.metronome()),
        _ => metronome.on.then(|| settings.metronome()),
    });
    if let Some(Hearing::Playing { device, .. }) = now.player().map(|player| &player.hearing) {
        link.set_latency_nudge(settings.nudge_us(device));
    }
}

/// What the microphone was measured to be late by is remembered.
fn follow_calibration(now: Res<Now>, mut settings: ResMut<Settings>, mut before: Local<Option<i32>>) {
    let measured = now.player().and_then(|player| player.input_nudge_us);
    if *before != measured
        && let Some(us) = measured
    {
        settings.input_nudge_us = us;
    }
    *before = measured;
}

/// In a session, a changed name, colour or picture is told to the others.
fn follow_profile(settings: Res<Settings>, now: Res<Now>, link: Res<Link>, mut told: Local<Option<Settings>>) {
    let Some(view) = now.session() else {
        *told = None;
        return;
    };
    let Some(before) = told.as_mut() else {
        // What was chosen before came along when joining.
        *told = Some(settings.clone());
        return;
    };
    if !settings.is_changed() || before.profile() == settings.profile() {
        return;
    }
    *before = settings.clone();
    if let Some(me) = view.state.player(view.me) {
        link.command(Command::SetProfile {
            name: settings.name().clone(),
            colour: settings.colour.unwrap_or(me.colour),
            avatar: settings.avatar.unwrap_or(me.avatar),
        });
    }
}
