//! The playfield: the grid of pads, the heads and stop buttons of its columns and the launch buttons of its rows.
//!
//! [`layout`] says where everything lies, [`pointer`] turns mouse and fingers into deeds, and [`pads`], [`scenes`] and
//! [`tracks`] show what the session is. What they show is a pure function of the player's picture, so nothing here
//! remembers anything but the pointer.

mod fingers;
pub(crate) mod layout;
mod mouse;
pub(crate) mod pads;
pub(crate) mod pointer;
mod press;
mod scenes;
mod tracks;

use crate::{ClientSet, link::Now, theme::Scale};
use bevy::{prelude::*, window::PrimaryWindow};
use layout::Layout;

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Layout>().add_systems(Update, follow.in_set(ClientSet::Arrange)).add_plugins((
        pointer::plugin,
        press::plugin,
        pads::plugin,
        scenes::plugin,
        tracks::plugin,
    ));
}

/// Lays everything out anew when the window or the grid has changed.
fn follow(window: Single<&Window, With<PrimaryWindow>>, scale: Res<Scale>, now: Res<Now>, mut layout: ResMut<Layout>) {
    let (tracks, scenes) = now.session().map_or_else(Default::default, |view| {
        let tracks = view.state.tracks().iter().map(|track| track.id).collect();
        (tracks, view.state.scenes().iter().map(|scene| scene.id).collect())
    });
    layout.set_if_neq(Layout::new(window.size() / scale.0, tracks, scenes));
}

/// How bright a waiting thing is, 0.15 … 1: it blinks on the beat, and stays bright while the transport rests.
fn blink(now: &Now) -> f32 {
    let Some(view) = now.session().filter(|view| view.is_playing()) else { return 1.0 };
    let beat = view.beat().as_f64();
    let phase = beat - beat.floor();
    if phase < 0.5 { 1.0 } else { 0.15 }
}
