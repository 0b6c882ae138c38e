//! The buttons that make the grid larger.

use super::{
    layout::{Layout, Target},
    pointer::Pointer,
};
use crate::{
    ClientSet,
    link::Now,
    screen::Screen,
    theme::{self, Rgb},
    tiles::{Board, Glyph, Tile},
};
use bevy::prelude::*;
use keyboardia_session::limits::{SCENES_MAX, TRACKS_MAX};

pub(super) fn plugin(app: &mut App) {
    app.add_systems(Update, draw.run_if(in_state(Screen::Jam)).in_set(ClientSet::Draw).in_set(super::Grid));
}

fn draw(now: Res<Now>, layout: Res<Layout>, pointer: Res<Pointer>, mut board: ResMut<Board>) {
    let Some(view) = now.session() else { return };
    let adders = [
        (Target::AddTrack, view.state.tracks().len() < TRACKS_MAX),
        (Target::AddScene, view.state.scenes().len() < SCENES_MAX),
    ];
    for (target, has_room) in adders {
        let hovered = has_room && pointer.over == Some(target);
        let ink = match (has_room, hovered) {
            (false, _) => theme::LINE,
            (true, false) => theme::TEXT_DIM,
            (true, true) => theme::TEXT,
        };
        let tile = face(&layout, &pointer, target, if hovered { theme::HOVERED } else { theme::RAISED });
        let tile = Tile { fill_alpha: if has_room { 1.0 } else { 0.3 }, radius: 6.0, ..tile };
        board.push(tile.rimmed(theme::LINE, if has_room { 0.8 } else { 0.4 }, 1.0).signed(Glyph::Plus, 5.0, ink));
    }
}

/// A button, a little smaller while it is held down.
fn face(layout: &Layout, pointer: &Pointer, target: Target, fill: Rgb) -> Tile {
    Tile::new(layout.rect(target).inflate(if pointer.held == Some(target) { -1.5 } else { 0.0 }), fill)
}
