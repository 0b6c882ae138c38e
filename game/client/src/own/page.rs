//! Sounds that the page around the game gives: picked for a pad, or let fall on the page.

use super::Landing;
use crate::{ClientSet, deed::Deed, platform, playfield::layout::Target, screen::Screen};
use bevy::prelude::*;
use keyboardia_session::Cell;

/// The pad that a file is being picked for.
#[derive(Resource, Default)]
struct Wanted(Option<Cell>);

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Wanted>()
        .add_systems(Update, (open, take).chain().run_if(in_state(Screen::Jam)).in_set(ClientSet::Act))
        .add_systems(OnExit(Screen::Jam), |mut wanted: ResMut<Wanted>| wanted.0 = None);
}

/// A deed asks for a file.
fn open(mut deeds: MessageReader<Deed>, mut wanted: ResMut<Wanted>) {
    for deed in deeds.read() {
        if let Deed::PickFile(Target::Pad(track, scene)) = deed {
            wanted.0 = Some(Cell::new(*track, *scene));
            platform::pick_file();
        }
    }
}

/// Files become sounds: what was picked where it was wanted, what fell where it fell.
fn take(mut wanted: ResMut<Wanted>, mut landing: Landing) {
    while let Some(file) = platform::next_file() {
        let cell = wanted.0.filter(|_| !file.fell);
        match (cell, landing.now.session()) {
            (Some(cell), Some(view)) => {
                wanted.0 = None;
                // What the player saw there may go, and nothing that somebody else puts there meanwhile.
                landing.link.bring_file(file, cell, view.state.clip(cell).is_some());
            }
            _ => landing.take(std::iter::once(file)),
        }
    }
}
