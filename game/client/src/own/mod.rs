//! Players' own sounds, as far as the window has to do with them: files that fall on it or are picked from the disk go to
//! pads, and so does what a microphone hears.
//!
//! [`place`] decides on which pad, [`picker`] looks for files on this machine, [`desk`] is the recorder.

mod desk;
mod picker;
mod place;

use crate::{
    ClientSet,
    deed::Selection,
    keep,
    link::{Link, Now},
    playfield::{layout::Target, pointer::Pointer},
    screen::Screen,
    theme,
    toasts::Toasts,
};
use bevy::{prelude::*, window::FileDragAndDrop};

/// Said when a file falls on a full grid.
const NO_FREE_PAD: &str = "There is no free pad for that sound: clear one first.";

pub(super) fn plugin(app: &mut App) {
    app.add_systems(Update, take_dropped.run_if(in_state(Screen::Jam)).in_set(ClientSet::Act))
        .add_plugins((picker::plugin, desk::plugin));
}

/// A file that falls on the window goes to the free pad that it is meant for.
fn take_dropped(
    mut files: MessageReader<FileDragAndDrop>,
    now: Res<Now>,
    link: Res<Link>,
    pointer: Res<Pointer>,
    time: Res<Time<Real>>,
    mut selection: ResMut<Selection>,
    mut toasts: ResMut<Toasts>,
) {
    let (Some(player), Some(view)) = (now.player(), now.session()) else { return };
    let mut promised: Vec<_> = player.bringing.iter().map(|sound| sound.cell).collect();
    for file in files.read() {
        let FileDragAndDrop::DroppedFile { path_buf, .. } = file else { continue };
        if keep::is_session(path_buf) {
            continue;
        }
        match place::free(&view.state, &promised, [pointer.hand_over(), selection.0]) {
            Some(cell) => {
                promised.push(cell);
                link.bring_file(path_buf.clone(), cell, false);
                selection.0 = Some(Target::Pad(cell.track, cell.scene));
            }
            None => toasts.say(time.elapsed(), NO_FREE_PAD.into(), theme::WARNING),
        }
    }
}
