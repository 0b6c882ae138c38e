//! What is selected, and where a sound from the library would fall: lines around pads, heads and rows.

use super::{
    layout::{Layout, Target},
    pointer::Pointer,
};
use crate::{
    ClientSet,
    deed::Selection,
    library::{Carried, Drawer},
    screen::Screen,
    theme,
    tiles::{Board, Tile},
};
use bevy::prelude::*;

/// How far outside of its target a line runs: in the middle of the gap between two pads.
const REACH: f32 = 2.5;
const WIDTH: f32 = 1.5;

pub(super) fn plugin(app: &mut App) {
    app.add_systems(Update, draw.run_if(in_state(Screen::Jam)).in_set(ClientSet::Draw).after(super::Grid));
}

fn draw(
    layout: Res<Layout>,
    pointer: Res<Pointer>,
    selection: Res<Selection>,
    carried: Res<Carried>,
    drawer: Res<Drawer>,
    mut board: ResMut<Board>,
) {
    let selected = selection.0.filter(|target| layout.has(*target) && is_selectable(*target));
    if let Some(target) = selected {
        board.push(around(&layout, target, theme::TEXT, 0.85, WIDTH));
    }
    if let Some(target) = drawer.filling().map(|cell| Target::Pad(cell.track, cell.scene)) {
        board.push(around(&layout, target, theme::ACCENT, 1.0, WIDTH));
    }
    if let Some(target @ Target::Pad(..)) = pointer.over.filter(|_| carried.0.is_some()) {
        let tile = around(&layout, target, theme::ACCENT, 1.0, 2.0 * WIDTH);
        board.push(Tile { glow: 0.6, ..tile });
    }
}

/// A line around a target.
pub(super) fn around(layout: &Layout, target: Target, colour: theme::Rgb, alpha: f32, width: f32) -> Tile {
    let rect = layout.rect(target);
    let tile = Tile::ring(rect.inflate(REACH), colour, alpha, width);
    Tile { radius: (rect.height() * 0.2).min(8.0) + REACH, ..tile }
}

/// Whether keys and menus act on it.
fn is_selectable(target: Target) -> bool {
    matches!(target, Target::Pad(..) | Target::Head(_) | Target::Scene(_))
}
