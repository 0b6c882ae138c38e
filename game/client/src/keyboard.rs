//! Keys that work everywhere in a jam: space plays and stops, escape twice leaves.

use crate::{
    ClientSet,
    link::{Link, Now},
    screen::{Go, Screen},
    theme,
    toasts::Toasts,
    wishes,
};
use bevy::prelude::*;
use bevy_egui::input::EguiWantsInput;
use keyboardia_session::Command;
use std::time::Duration;

/// Within this time the second escape counts.
const ESCAPE_TWICE: Duration = Duration::from_secs(3);

/// When escape was pressed.
#[derive(Resource, Default)]
struct Escape(Option<Duration>);

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Escape>()
        .add_systems(Update, (play, leave).run_if(in_state(Screen::Jam)).in_set(ClientSet::Act))
        .add_systems(Update, cancel.run_if(in_state(Screen::Joining)).in_set(ClientSet::Act));
}

fn play(keys: Res<ButtonInput<KeyCode>>, egui: Res<EguiWantsInput>, now: Res<Now>, link: Res<Link>) {
    if keys.just_pressed(KeyCode::Space)
        && !egui.wants_any_keyboard_input()
        && let Some(view) = now.session()
    {
        link.command(Command::SetPlaying(!wishes::playing(view)));
    }
}

/// One press may be a slip of the hand, and a host in this window would end the jam for everybody.
fn leave(
    keys: Res<ButtonInput<KeyCode>>,
    egui: Res<EguiWantsInput>,
    time: Res<Time<Real>>,
    mut escape: ResMut<Escape>,
    mut toasts: ResMut<Toasts>,
    mut go: MessageWriter<Go>,
) {
    if !keys.just_pressed(KeyCode::Escape) || egui.wants_any_keyboard_input() {
        return;
    }
    let present = time.elapsed();
    if escape.0.is_some_and(|at| present.saturating_sub(at) < ESCAPE_TWICE) {
        escape.0 = None;
        go.write(Go::Leave);
    } else {
        escape.0 = Some(present);
        toasts.say(present, "Press Esc once more to leave.".into(), theme::TEXT_DIM);
    }
}

fn cancel(keys: Res<ButtonInput<KeyCode>>, mut go: MessageWriter<Go>) {
    if keys.just_pressed(KeyCode::Escape) {
        go.write(Go::Leave);
    }
}
