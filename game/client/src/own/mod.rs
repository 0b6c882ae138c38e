//! Players' own sounds, as far as the window has to do with them: files that fall on it or are picked from the disk go to
//! pads, and so does what a microphone hears.
//!
//! [`place`] decides on which pad, [`picker`] looks for files on this machine, or lets the page around the game do it
//! ([`page`]), [`desk`] is the recorder.

mod desk;
#[cfg(target_arch = "wasm32")]
mod page;
#[cfg(not(target_arch = "wasm32"))]
mod picker;
mod place;

use crate::{
    deed::Selection,
    link::{Link, Now},
    platform::SoundFile,
    playfield::{layout::Target, pointer::Pointer},
    theme,
    toasts::Toasts,
};
use bevy::{ecs::system::SystemParam, prelude::*};

/// Said when a file falls on a full grid.
const NO_FREE_PAD: &str = "There is no free pad for that sound: clear one first.";

/// Where files go that fall on the window.
#[derive(SystemParam)]
struct Landing<'w> {
    now: Res<'w, Now>,
    link: Res<'w, Link>,
    pointer: Res<'w, Pointer>,
    time: Res<'w, Time<Real>>,
    selection: ResMut<'w, Selection>,
    toasts: ResMut<'w, Toasts>,
}

impl Landing<'_> {
    /// Files go to the free pads that they are meant for.
    fn take(&mut self, files: impl Iterator<Item = SoundFile>) {
        let (Some(player), Some(view)) = (self.now.player(), self.now.session()) else { return };
        let mut promised: Vec<_> = player.bringing.iter().map(|sound| sound.cell).collect();
        for file in files {
            match place::free(&view.state, &promised, [self.pointer.hand_over(), self.selection.0]) {
                Some(cell) => {
                    promised.push(cell);
                    self.link.bring_file(file, cell, false);
                    self.selection.0 = Some(Target::Pad(cell.track, cell.scene));
                }
                None => self.toasts.say(self.time.elapsed(), NO_FREE_PAD.into(), theme::WARNING),
            }
        }
    }
}

pub(super) fn plugin(app: &mut App) {
    #[cfg(not(target_arch = "wasm32"))]
    app.add_plugins(picker::plugin);
    #[cfg(target_arch = "wasm32")]
    app.add_plugins(page::plugin);
    app.add_plugins(desk::plugin);
}
