//! Looks for a place on this machine's disk: where a file lies, or shall lie.

use super::{Bouncing, Keep, Opening};
use crate::{ClientSet, theme};
use bevy::prelude::*;
use bevy_egui::{EguiContexts, EguiPrimaryContextPass, egui::Align2};
use egui_file_dialog::{DialogState, FileDialog};
use etcetera::home_dir;
use keyboardia_player::keep::ENDING;
use std::path::PathBuf;

/// What is looked for, and its endings.
const SESSIONS: &str = "Saved sessions";
const SOUNDS: &str = "Sound files";
const WAV: &str = "wav";
/// What a file is called until somebody gives it a name.
const SESSION: &str = "My session.keyboardia";
const MIX: &str = "My session.wav";
const LIVE: &str = "My session, live.wav";
/// Size of the window in the window, egui's points.
const SIZE: [f32; 2] = [680.0, 420.0];

/// The list of files, while it is open, and what a place is looked for.
#[derive(Resource, Default)]
pub(super) struct Dialog {
    open: Option<(FileDialog, Keep)>,
    /// Where something was found last.
    directory: Option<PathBuf>,
}

impl Dialog {
    /// Whether a place is being looked for.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }
}

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Dialog>()
        .add_systems(Update, open.in_set(ClientSet::Act))
        .add_systems(EguiPrimaryContextPass, show.run_if(theme::is_dressed).after(ClientSet::Panels));
}

/// Something is to be kept, and nobody has said where.
fn open(mut wishes: MessageReader<Keep>, mut dialog: ResMut<Dialog>) {
    for wish in wishes.read() {
        let directory = dialog.directory.clone().or_else(|| home_dir().ok()).unwrap_or_default();
        let list = |title: &str| {
            FileDialog::new()
                .title(title)
                .anchor(Align2::CENTER_CENTER, [0.0, 0.0])
                .default_size(SIZE)
                .initial_directory(directory.clone())
        };
        let file = |title: &str, name: &str| list(title).default_file_name(name);
        let mut list = match wish {
            Keep::Save(None) => {
                file("Save session", SESSION).add_save_extension(SESSIONS, ENDING).default_save_extension(SESSIONS)
            }
            Keep::Open(Opening { path: None, .. }) => {
                list("Open session").add_file_filter_extensions(SESSIONS, vec![ENDING]).default_file_filter(SESSIONS)
            }
            Keep::Bounce(Bouncing { stems: true, .. }, None) => list("Bounce stems into"),
            Keep::Bounce(_, None) => {
                file("Bounce to", MIX).add_save_extension(SOUNDS, WAV).default_save_extension(SOUNDS)
            }
            Keep::Capture(None) => {
                file("Record live to", LIVE).add_save_extension(SOUNDS, WAV).default_save_extension(SOUNDS)
            }
            _ => continue,
        };
        match wish {
            Keep::Open(_) => list.pick_file(),
            Keep::Bounce(Bouncing { stems: true, .. }, _) => list.pick_directory(),
            _ => list.save_file(),
        }
        dialog.open = Some((list, wish.clone()));
    }
}

fn show(mut contexts: EguiContexts, mut dialog: ResMut<Dialog>, mut wishes: MessageWriter<Keep>) -> Result {
    let Dialog { open, directory } = &mut *dialog;
    let Some((list, wish)) = open else { return Ok(()) };
    list.update(contexts.ctx_mut()?);
    if let Some(path) = list.take_picked() {
        *directory = path.parent().map(PathBuf::from);
        wishes.write(found(wish.clone(), path));
        *open = None;
    } else if *list.state() != DialogState::Open {
        *open = None;
    }
    Ok(())
}

/// What a place was looked for, with the place.
fn found(wish: Keep, path: PathBuf) -> Keep {
    let path = Some(path);
    match wish {
        Keep::Save(_) => Keep::Save(path),
        Keep::Open(opening) => Keep::Open(Opening { path, ..opening }),
        Keep::Bounce(what, _) => Keep::Bounce(what, path),
        Keep::Capture(_) => Keep::Capture(path),
        other => other,
    }
}
