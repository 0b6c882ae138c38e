//! Escape: what is carried goes back, then what lies over the playfield closes, then two of them leave the jam.

use super::{KeyMap, strike};
use crate::{
    ClientSet,
    deed::{Deed, RecorderOpen},
    editing::Menu,
    keep::Card,
    library::{Carried, Drawer},
    playfield::pointer::{self, Drag},
    screen::{Go, Screen},
    theme,
    toasts::Toasts,
};
use bevy::prelude::*;
use bevy_egui::{EguiContexts, egui::Popup};
use std::time::Duration;

/// Within this time the second escape counts.
const ESCAPE_TWICE: Duration = Duration::from_secs(3);

/// Escape was pressed.
#[derive(Message, Debug, Clone, Copy)]
pub(super) struct Escape;

/// When escape was pressed with nothing left to close.
#[derive(Resource, Default)]
struct Leaving(Option<Duration>);

pub(super) fn plugin(app: &mut App) {
    app.add_message::<Escape>()
        .init_resource::<Leaving>()
        .add_systems(
            Update,
            close.after(strike).before(pointer::point).run_if(in_state(Screen::Jam)).in_set(ClientSet::Act),
        )
        .add_systems(Update, cancel.run_if(in_state(Screen::Joining)).in_set(ClientSet::Act));
}

/// One press may be a slip of the hand, and a host in this window would end the jam for everybody.
fn close(
    mut escapes: MessageReader<Escape>,
    time: Res<Time<Real>>,
    mut leaving: ResMut<Leaving>,
    mut drag: ResMut<Drag>,
    mut carried: ResMut<Carried>,
    mut keys: ResMut<KeyMap>,
    mut drawer: ResMut<Drawer>,
    mut menu: ResMut<Menu>,
    recorder: Res<RecorderOpen>,
    mut export: ResMut<Card>,
    mut deeds: MessageWriter<Deed>,
    mut contexts: EguiContexts,
    mut toasts: ResMut<Toasts>,
    mut go: MessageWriter<Go>,
) {
    for Escape in escapes.read() {
        let present = time.elapsed();
        // A list that hangs from a button closes by itself.
        let hangs = contexts.ctx_mut().is_ok_and(|context| Popup::is_any_open(context));
        if hangs
            || menu.close()
            || close_recorder(recorder.0, &mut deeds)
            || export.close()
            || drag.cancel()
            || carried.cancel()
            || keys.close()
            || drawer.close()
        {
            leaving.0 = None;
        } else if leaving.0.is_some_and(|at| present.saturating_sub(at) < ESCAPE_TWICE) {
            leaving.0 = None;
            go.write(Go::Leave);
        } else {
            leaving.0 = Some(present);
            toasts.say(present, "Press Esc once more to leave.".into(), theme::TEXT_DIM);
        }
    }
}

/// Closes the recorder if it is open; returns whether it was.
fn close_recorder(is_open: bool, deeds: &mut MessageWriter<Deed>) -> bool {
    if is_open {
        deeds.write(Deed::CloseRecorder);
    }
    is_open
}

fn cancel(keys: Res<ButtonInput<KeyCode>>, mut go: MessageWriter<Go>) {
    if keys.just_pressed(KeyCode::Escape) {
        go.write(Go::Leave);
    }
}
