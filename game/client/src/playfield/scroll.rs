//! Which part of the grid is shown where a window is too small for all of it: whole columns and rows, moved by two fingers,
//! the wheel or a walk with the arrow keys. A bar beside the grid says which part it is.

use super::layout::{Layout, Target};
use crate::{
    ClientSet,
    screen::Screen,
    theme,
    tiles::{Board, Tile},
};
use bevy::prelude::*;
use std::ops::Range;

/// Width of a bar, and its distance from the grid, design units.
const BAR: f32 = 3.0;
const BAR_GAP: f32 = 3.0;

/// Columns and rows before the first that is shown; a fraction waits for more of the same movement.
#[derive(Resource, Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Scroll(Vec2);

impl Scroll {
    /// The column and the row that come first.
    pub(crate) fn first(self) -> (usize, usize) {
        (self.0.x.round() as usize, self.0.y.round() as usize)
    }

    /// A hand moves the grid by so many columns and rows, to the right and down.
    pub(super) fn pan(&mut self, cells: Vec2, layout: &Layout) {
        if cells != Vec2::ZERO && cells.is_finite() {
            let (columns, rows) = layout.shown();
            let hidden = [layout.all_tracks().len() - columns.len(), layout.all_scenes().len() - rows.len()];
            self.0 = (self.0 - cells).clamp(Vec2::ZERO, Vec2::from(hidden.map(|cells| cells as f32)));
        }
    }

    /// Moves as little as shows a target.
    pub(crate) fn show(&mut self, target: Target, layout: &Layout) {
        let (columns, rows) = layout.shown();
        let (track, scene) = match target {
            Target::Pad(track, scene) => (Some(track), Some(scene)),
            Target::Head(track) | Target::Stop(track) => (Some(track), None),
            Target::Scene(scene) => (None, Some(scene)),
            Target::StopAll | Target::AddTrack | Target::AddScene => (None, None),
        };
        let column = layout.all_tracks().iter().position(|known| Some(*known) == track);
        let row = layout.all_scenes().iter().position(|known| Some(*known) == scene);
        if let Some(first) = column.and_then(|column| nearest(&columns, column)) {
            self.0.x = first as f32;
        }
        if let Some(first) = row.and_then(|row| nearest(&rows, row)) {
            self.0.y = first as f32;
        }
    }

    /// What is not there cannot be shown.
    pub(super) fn stay_in(self, layout: &Layout) -> Self {
        let (columns, rows) = layout.shown();
        let first = [columns.start, rows.start].map(|first| first as f32);
        let is_there = self.first() == (columns.start, rows.start);
        if is_there { self } else { Self(Vec2::from(first)) }
    }
}

/// The first cell of the nearest part of this length that shows a cell; `None` if it is shown.
fn nearest(shown: &Range<usize>, cell: usize) -> Option<usize> {
    if shown.contains(&cell) {
        None
    } else if cell < shown.start {
        Some(cell)
    } else {
        Some((cell + 1).saturating_sub(shown.len()))
    }
}

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Scroll>()
        .add_systems(OnExit(Screen::Jam), |mut scroll: ResMut<Scroll>| *scroll = Scroll::default())
        .add_systems(Update, draw.run_if(in_state(Screen::Jam)).in_set(ClientSet::Draw).in_set(super::Grid));
}

fn draw(layout: Res<Layout>, mut board: ResMut<Board>) {
    let (grid, (columns, rows)) = (layout.grid(), layout.shown());
    let right = layout.size.x - BAR_GAP;
    let heads = grid.min.y - BAR_GAP;
    let mut bar = |track: Rect, from: Vec2, to: Vec2| {
        let line = |rect, ink| Tile { radius: BAR / 2.0, ..Tile::new(rect, ink) };
        let at = |share: Vec2| track.min + track.size() * share;
        board.push(line(track, theme::LINE));
        board.push(line(Rect::from_corners(at(from), at(to)), theme::TEXT_DIM));
    };
    let share = |cell: usize, all: usize| cell as f32 / all.max(1) as f32;
    let (tracks, scenes) = (layout.all_tracks().len(), layout.all_scenes().len());
    if rows.len() < scenes {
        let track = Rect::new(right - BAR, grid.min.y, right, grid.max.y);
        bar(track, Vec2::new(0.0, share(rows.start, scenes)), Vec2::new(1.0, share(rows.end, scenes)));
    }
    if columns.len() < tracks {
        let track = Rect::new(grid.min.x, heads - BAR, grid.max.x, heads);
        bar(track, Vec2::new(share(columns.start, tracks), 0.0), Vec2::new(share(columns.end, tracks), 1.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playfield::layout::{Beside, Side};
    use keyboardia_session::{SceneId, TrackId};

    fn layout(scroll: Scroll) -> Layout {
        let beside = Beside { side: Side::Nothing, mixer: false, fingers: true };
        let (tracks, scenes) = ((0..16).map(TrackId).collect(), (0..16).map(SceneId).collect());
        Layout::new(Vec2::new(900.0, 500.0), beside, scroll.first(), tracks, scenes)
    }

    #[test]
    fn the_grid_follows_the_hand_cell_by_cell_and_stops_at_its_ends() {
        let mut scroll = Scroll::default();
        let at_rest = layout(scroll);
        let rows = at_rest.shown().1.len();
        assert!(rows < 16, "{rows}");
        scroll.pan(Vec2::new(0.0, -0.4), &at_rest);
        assert_eq!(scroll.first(), (0, 0), "less than half a row is none yet");
        scroll.pan(Vec2::new(0.0, -0.4), &at_rest);
        assert_eq!(scroll.first(), (0, 1), "two halves are one");
        scroll.pan(Vec2::new(-100.0, -100.0), &at_rest);
        let (columns, rows) = layout(scroll).shown();
        assert_eq!((columns.end, rows.end), (16, 16), "the end");
        scroll.pan(Vec2::new(100.0, 100.0), &layout(scroll));
        assert_eq!(scroll, Scroll::default(), "and back at the beginning");
        scroll.pan(Vec2::NAN, &at_rest);
        assert_eq!(scroll, Scroll::default());
    }

    #[test]
    fn whatever_is_asked_for_is_shown_by_the_shortest_way() {
        let mut scroll = Scroll::default();
        for scene in [0, 15, 14, 3, 3, 9, 0] {
            let target = Target::Pad(TrackId(scene), SceneId(scene));
            let before = layout(scroll);
            scroll.show(target, &before);
            let after = layout(scroll);
            assert!(after.has(target), "{target:?} in {:?}", after.shown());
            if before.has(target) {
                assert_eq!(after.shown(), before.shown(), "it was there");
            }
        }
    }
}
