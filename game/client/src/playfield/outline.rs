//! What is selected, and where a clip or a sound in somebody's hand would fall: lines around pads, heads and rows, and
//! the clip itself under the hand.

use super::{
    layout::{Layout, Target},
    pointer::{Carried as InHand, Drag, Pointer},
};
use crate::{
    ClientSet,
    deed::Selection,
    labels::{Label, Labels},
    library::{Carried, Drawer},
    link::Now,
    screen::Screen,
    theme,
    tiles::{Board, Tile},
};
use bevy::prelude::*;
use bevy_egui::egui::Align2;
use keyboardia_session::Cell;

/// How far outside of its target a line runs: in the middle of the gap between two pads.
const REACH: f32 = 2.5;
const WIDTH: f32 = 1.5;
/// Size of a clip in a hand, as a share of its pad's.
const GHOST_SHARE: f32 = 0.86;

pub(super) fn plugin(app: &mut App) {
    app.add_systems(Update, draw.run_if(in_state(Screen::Jam)).in_set(ClientSet::Draw).after(super::Grid));
}

fn draw(
    layout: Res<Layout>,
    pointer: Res<Pointer>,
    selection: Res<Selection>,
    carried: Res<Carried>,
    drawer: Res<Drawer>,
    drag: Res<Drag>,
    now: Res<Now>,
    mut labels: ResMut<Labels>,
    mut board: ResMut<Board>,
) {
    let selected = selection.0.filter(|target| layout.has(*target) && is_selectable(*target));
    if let Some(target) = selected {
        board.push(around(&layout, target, theme::TEXT, 0.85, WIDTH));
    }
    if let Some(target) = drawer.filling().map(|cell| Target::Pad(cell.track, cell.scene)) {
        board.push(around(&layout, target, theme::ACCENT, 1.0, WIDTH));
    }
    if let Some(target @ Target::Pad(..)) = pointer.hand_over().filter(|_| carried.is_any()) {
        let tile = around(&layout, target, theme::ACCENT, 1.0, 2.0 * WIDTH);
        board.push(Tile { glow: 0.6, ..tile });
    }
    if let Some(carried) = drag.carried {
        carry(&layout, &carried, &now, &mut labels, &mut board);
    }
}

/// The clip in a hand: where it comes from, where it would fall, and itself.
fn carry(layout: &Layout, carried: &InHand, now: &Now, labels: &mut Labels, board: &mut Board) {
    let Target::Pad(track, scene) = carried.from else { return };
    let Some(clip) = now.session().and_then(|view| view.state.clip(Cell::new(track, scene))) else { return };
    if !carried.copy && layout.has(carried.from) {
        let veil = Tile::new(layout.rect(carried.from), theme::BACKGROUND);
        board.push(Tile { fill_alpha: 0.6, ..veil });
    }
    if let Some(target @ Target::Pad(..)) = layout.target_at(carried.at).filter(|target| *target != carried.from) {
        let tile = around(layout, target, theme::ACCENT, 1.0, 2.0 * WIDTH);
        board.push(Tile { glow: 0.6, ..tile });
    }
    let colour = theme::legible(clip.colour.into());
    let rect = Rect::from_center_size(carried.at, layout.rect(carried.from).size() * GHOST_SHARE);
    board.push(Tile { glow: 0.4, ..Tile::new(rect, colour).rimmed(theme::INK, 1.0, 1.0) });
    let text = if carried.copy { format!("+ {}", clip.name) } else { clip.name.to_string() };
    let inner = Rect::new(rect.min.x + 8.0, rect.min.y, rect.max.x - 6.0, rect.max.y);
    let (align, colour) = (Align2::LEFT_CENTER, colour.ink());
    labels.push(Label { rect: inner, align, text, size: 12.5, strong: true, colour });
}

/// A line around a target.
pub(super) fn around(layout: &Layout, target: Target, colour: theme::Rgb, alpha: f32, width: f32) -> Tile {
    let rect = layout.rect(target);
    let tile = Tile::ring(rect.inflate(REACH), colour, alpha, width);
    Tile { radius: (rect.height() * 0.2).min(8.0) + REACH, ..tile }
}

/// Whether keys and menus act on it.
fn is_selectable(target: Target) -> bool {
    !matches!(target, Target::AddTrack | Target::AddScene)
}
