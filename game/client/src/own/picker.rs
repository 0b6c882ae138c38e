//! Sounds of this machine's disk: looked for, for a pad, or let fall on the window.

use super::Landing;
use crate::{
    ClientSet,
    deed::Deed,
    keep,
    link::{Link, Now},
    playfield::layout::Target,
    screen::Screen,
    theme,
};
use bevy::{prelude::*, window::FileDragAndDrop};
use bevy_egui::{EguiContexts, EguiPrimaryContextPass, egui::Align2};
use egui_file_dialog::{DialogState, FileDialog};
use keyboardia_session::Cell;

/// What is looked for, and its endings.
const SOUNDS: &str = "Sounds";
const ENDINGS: [&str; 8] = ["wav", "ogg", "mp3", "flac", "WAV", "OGG", "MP3", "FLAC"];
/// Size of the window in the window, egui's points.
const SIZE: [f32; 2] = [680.0, 420.0];

/// The list of files, and the pad that one of them shall go to.
#[derive(Resource)]
struct Picker {
    dialog: FileDialog,
    cell: Option<Cell>,
}

impl Default for Picker {
    fn default() -> Self {
        let dialog = FileDialog::new()
            .title("Choose a sound")
            .anchor(Align2::CENTER_CENTER, [0.0, 0.0])
            .default_size(SIZE)
            .add_file_filter_extensions(SOUNDS, ENDINGS.to_vec())
            .default_file_filter(SOUNDS);
        Self { dialog, cell: None }
    }
}

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Picker>()
        .add_systems(Update, (open, take_dropped).run_if(in_state(Screen::Jam)).in_set(ClientSet::Act))
        .add_systems(OnExit(Screen::Jam), |mut picker: ResMut<Picker>| *picker = Picker::default())
        .add_systems(
            EguiPrimaryContextPass,
            show.run_if(in_state(Screen::Jam)).run_if(theme::is_dressed).after(ClientSet::Panels),
        );
}

/// A deed asks for a file.
fn open(mut deeds: MessageReader<Deed>, mut picker: ResMut<Picker>) {
    for deed in deeds.read() {
        if let Deed::PickFile(Target::Pad(track, scene)) = deed {
            picker.cell = Some(Cell::new(*track, *scene));
            picker.dialog.pick_file();
        }
    }
}

/// Files that fall on the window become sounds.
fn take_dropped(mut files: MessageReader<FileDragAndDrop>, mut landing: Landing) {
    let paths = files.read().filter_map(|file| match file {
        FileDragAndDrop::DroppedFile { path_buf, .. } if !keep::is_session(path_buf) => Some(path_buf.clone()),
        _ => None,
    });
    landing.take(paths);
}

fn show(mut contexts: EguiContexts, mut picker: ResMut<Picker>, link: Res<Link>, now: Res<Now>) -> Result {
    if *picker.dialog.state() != DialogState::Open {
        return Ok(());
    }
    picker.dialog.update(contexts.ctx_mut()?);
    if let (Some(path), Some(view)) = (picker.dialog.take_picked(), now.session())
        && let Some(cell) = picker.cell.take()
    {
        // What the player saw there may go, and nothing that somebody else puts there meanwhile.
        link.bring_file(path, cell, view.state.clip(cell).is_some());
    }
    Ok(())
}
