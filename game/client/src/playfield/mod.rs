//! The playfield: the grid of pads, the heads and stop buttons of its columns and the launch buttons of its rows.
//!
//! [`layout`] says where everything lies, [`pointer`] turns mouse and fingers into deeds, and [`pads`], [`scenes`],
//! [`tracks`] and [`buttons`] show what the session is; [`outline`] shows what is selected, [`peers`] where the others are
//! and what they have just changed, [`scroll`] which part of a large grid is shown, [`tips`] what lies under the pointer.

mod buttons;
mod fingers;
pub(crate) mod layout;
mod mouse;
mod outline;
pub(crate) mod pads;
mod peers;
pub(crate) mod pointer;
mod press;
#[cfg(test)]
mod rehearsal;
mod scenes;
pub(crate) mod scroll;
mod tips;
mod tracks;

use crate::{ClientSet, library::Drawer, link::Now, pocket::Pocket, theme::Scale};
use bevy::{prelude::*, window::PrimaryWindow};
use layout::Layout;
use scroll::Scroll;

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Layout>().add_systems(Update, follow.in_set(ClientSet::Arrange)).add_plugins((
        pointer::plugin,
        press::plugin,
        pads::plugin,
        scenes::plugin,
        tracks::plugin,
        buttons::plugin,
        outline::plugin,
        peers::plugin,
        scroll::plugin,
        tips::plugin,
    ));
}

/// The step in which pads, heads and buttons are drawn; what lies over them comes after it.
#[derive(SystemSet, Debug, Clone, PartialEq, Eq, Hash)]
struct Grid;

/// Lays everything out anew when the window or the grid has changed.
fn follow(
    window: Single<&Window, With<PrimaryWindow>>,
    scale: Res<Scale>,
    now: Res<Now>,
    drawer: Res<Drawer>,
    mut pocket: ResMut<Pocket>,
    mut scroll: ResMut<Scroll>,
    mut layout: ResMut<Layout>,
) {
    let (tracks, scenes) = now.session().map_or_else(Default::default, |view| {
        let tracks = view.state.tracks().iter().map(|track| track.id).collect();
        (tracks, view.state.scenes().iter().map(|scene| scene.id).collect())
    });
    let resized = pocket.resized(window.size());
    pocket.set_if_neq(resized);
    let size = window.size() / scale.0;
    layout.set_if_neq(Layout::new(size, pocket.beside(drawer.is_open()), scroll.first(), tracks, scenes));
    let kept = scroll.stay_in(&layout);
    scroll.set_if_neq(kept);
}

/// How bright a waiting thing is, 0.15 … 1: it blinks on the beat, and stays bright while the transport rests.
fn blink(now: &Now) -> f32 {
    let Some(view) = now.session().filter(|view| view.is_playing()) else { return 1.0 };
    let beat = view.beat().as_f64();
    let phase = beat - beat.floor();
    if phase < 0.5 { 1.0 } else { 0.15 }
}
