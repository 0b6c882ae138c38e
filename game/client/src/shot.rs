//! Pictures of the window, as PNG files.

use bevy::{
    prelude::*,
    render::view::screenshot::{Screenshot, ScreenshotCaptured, save_to_disk},
};
use std::path::PathBuf;

/// The picture that is being taken.
#[derive(Resource, Debug, Default, Clone, PartialEq, Eq)]
pub(crate) enum Shot {
    /// None is being taken.
    #[default]
    None,
    /// On its way to this file.
    Waiting(PathBuf),
    /// Handed over to be written to this file.
    Taken(PathBuf),
}

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Shot>();
}

/// Takes a picture of the next frame into `path`, in place of a file that may be there.
pub(crate) fn take(commands: &mut Commands, path: PathBuf) {
    // A picture of an earlier run must not pass for this one.
    let _ = std::fs::remove_file(&path);
    commands.insert_resource(Shot::Waiting(path.clone()));
    commands.spawn(Screenshot::primary_window()).observe(save_to_disk(path)).observe(finish);
}

fn finish(_: On<ScreenshotCaptured>, mut shot: ResMut<Shot>) {
    if let Shot::Waiting(path) = &*shot {
        *shot = Shot::Taken(path.clone());
    }
}
