//! Where everything of a jam lies: pure arithmetic from the window's size and the grid's, in design units with y down.
//!
//! ```text
//! ┌ transport ───────────────────────────────────────────────┐
//! ├ heads ──────────────────────────┬ + ┬ scenes +┬──────────┤
//! │ pads (tracks × scenes)          │   │         │ side, or │
//! ├ stops ──────────────────────────┤   │ stop all│ library  │
//! ├ mixer strips ───────────────────┤   │ master  │          │
//! └─────────────────────────────────┴───┴─────────┴──────────┘
//! ```

use bevy::prelude::*;
use keyboardia_session::{SceneId, TrackId};
use std::ops::Range;

/// Space around everything.
pub(crate) const MARGIN: f32 = 16.0;
/// Space between two pads.
const PAD_GAP: f32 = 6.0;
/// Space between two groups.
const GROUP_GAP: f32 = 10.0;
const TRANSPORT_HEIGHT: f32 = 68.0;
const HEAD_HEIGHT: f32 = 30.0;
const STOP_HEIGHT: f32 = 26.0;
const SIDE_WIDTH: f32 = 212.0;
/// Width of the library, which lies over the panel at the right while it is open.
const LIBRARY_WIDTH: f32 = 280.0;
/// Side of the buttons that add a column or a row.
const ADD_SIZE: f32 = 22.0;
/// Space between the last column and the launch buttons; the button that adds a column is at its upper end.
const GUTTER: f32 = ADD_SIZE + 2.0 * 5.0;
const SCENE_WIDTH: f32 = 104.0;
/// Columns and rows are no narrower than this, gap and all, for a pointer and for fingers; where that is too many for the
/// grid, it shows a part of them.
const PITCH_MIN: Vec2 = Vec2::new(44.0, 24.0);
const FINGER_PITCH_MIN: Vec2 = Vec2::new(64.0, 40.0);
/// Share of the height, and the least and the most of it, that the mixer gets.
const MIXER_SHARE: f32 = 0.185;
const MIXER_HEIGHT: (f32, f32) = (104.0, 150.0);

/// What a pointer can press on the playfield.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// A slot of the grid.
    Pad(TrackId, SceneId),
    /// The launch button of a row.
    Scene(SceneId),
    /// The stop button of a column.
    Stop(TrackId),
    /// The button that stops every column.
    StopAll,
    /// The head of a column.
    Head(TrackId),
    /// The button that adds a column.
    AddTrack,
    /// The button that adds a row.
    AddScene,
}

/// What is at the right of the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Nothing: the grid goes on to the margin.
    Nothing,
    /// The session and its players.
    Players,
    /// The library, which takes more width.
    Library,
}

/// What is shown beside the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Beside {
    /// What is at the right.
    pub(crate) side: Side,
    /// Whether the mixer is below.
    pub(crate) mixer: bool,
    /// Whether the window is one for fingers.
    pub(crate) fingers: bool,
}

/// The places of a jam in one window.
#[derive(Resource, Debug, Clone, PartialEq, Default)]
pub(crate) struct Layout {
    /// Size of the window.
    pub(crate) size: Vec2,
    /// The bar at the top.
    pub(crate) transport: Rect,
    /// The panel at the right; where it would be, if it is not shown.
    pub(crate) side: Rect,
    /// Whether the mixer is shown.
    pub(crate) has_mixer: bool,
    grid: Rect,
    scenes_left: f32,
    stops: Rect,
    mixer: Rect,
    /// Every column and row, and which of them are shown.
    all_tracks: Vec<TrackId>,
    all_scenes: Vec<SceneId>,
    columns: Range<usize>,
    rows: Range<usize>,
}

impl Layout {
    /// The layout for a window of `size` design units with this beside a grid of these columns, from the left, and rows,
    /// from the top. Where not all of them are shown, the column and the row of these places, from 0, come first, or earlier
    /// ones where there are too few after them.
    pub(crate) fn new(
        size: Vec2,
        beside: Beside,
        first: (usize, usize),
        tracks: Vec<TrackId>,
        scenes: Vec<SceneId>,
    ) -> Self {
        let side_width = if beside.side == Side::Library { LIBRARY_WIDTH } else { SIDE_WIDTH };
        let right = size.x - MARGIN;
        let transport = Rect::new(MARGIN, 0.0, right, TRANSPORT_HEIGHT);
        let bottom = size.y - MARGIN;
        let side = Rect::new(right - side_width, TRANSPORT_HEIGHT, right, bottom);
        let scenes_right = if beside.side == Side::Nothing { right } else { side.min.x - GROUP_GAP };
        let scenes_left = scenes_right - SCENE_WIDTH;
        let columns_right = scenes_left - GUTTER;
        let has_mixer = beside.mixer;
        let mixer_height = if has_mixer { (size.y * MIXER_SHARE).clamp(MIXER_HEIGHT.0, MIXER_HEIGHT.1) } else { 0.0 };
        let mixer = Rect::new(MARGIN, bottom - mixer_height, columns_right, bottom);
        let stops_bottom = if has_mixer { mixer.min.y - GROUP_GAP } else { bottom };
        let stops = Rect::new(MARGIN, stops_bottom - STOP_HEIGHT, columns_right, stops_bottom);
        let grid_top = TRANSPORT_HEIGHT + HEAD_HEIGHT + PAD_GAP;
        let grid = Rect::new(MARGIN, grid_top, columns_right, stops.min.y - PAD_GAP);
        let pitch_min = if beside.fingers { FINGER_PITCH_MIN } else { PITCH_MIN };
        let columns = part(grid.width(), pitch_min.x, first.0, tracks.len());
        let rows = part(grid.height(), pitch_min.y, first.1, scenes.len());
        let (all_tracks, all_scenes) = (tracks, scenes);
        Self {
            size,
            transport,
            side,
            has_mixer,
            grid,
            scenes_left,
            stops,
            mixer,
            all_tracks,
            all_scenes,
            columns,
            rows,
        }
    }

    /// The columns that are shown, from the left.
    pub(crate) fn tracks(&self) -> impl Iterator<Item = TrackId> + '_ {
        self.shown_tracks().iter().copied()
    }

    /// The rows that are shown, from the top.
    pub(crate) fn scenes(&self) -> impl Iterator<Item = SceneId> + '_ {
        self.shown_scenes().iter().copied()
    }

    /// Every column, shown or not.
    pub(crate) fn all_tracks(&self) -> &[TrackId] {
        &self.all_tracks
    }

    /// Every row, shown or not.
    pub(crate) fn all_scenes(&self) -> &[SceneId] {
        &self.all_scenes
    }

    /// Places, from 0, of the columns and of the rows that are shown.
    pub(crate) fn shown(&self) -> (Range<usize>, Range<usize>) {
        (self.columns.clone(), self.rows.clone())
    }

    /// From one pad to the next, design units.
    pub(crate) fn pitch(&self) -> Vec2 {
        Vec2::new(self.column_pitch(), self.row_pitch())
    }

    /// Where the pads are.
    pub(crate) fn grid(&self) -> Rect {
        self.grid
    }

    fn shown_tracks(&self) -> &[TrackId] {
        self.all_tracks.get(self.columns.clone()).unwrap_or_default()
    }

    fn shown_scenes(&self) -> &[SceneId] {
        self.all_scenes.get(self.rows.clone()).unwrap_or_default()
    }

    /// A slot of the grid.
    pub(crate) fn pad(&self, track: TrackId, scene: SceneId) -> Rect {
        let (columns, rows) = (self.column(track), self.row(scene));
        Rect::new(columns.0, rows.0, columns.1, rows.1)
    }

    /// The head of a column.
    pub(crate) fn head(&self, track: TrackId) -> Rect {
        let (left, right) = self.column(track);
        Rect::new(left, TRANSPORT_HEIGHT, right, TRANSPORT_HEIGHT + HEAD_HEIGHT)
    }

    /// The stop button of a column.
    pub(crate) fn stop(&self, track: TrackId) -> Rect {
        let (left, right) = self.column(track);
        Rect::new(left, self.stops.min.y, right, self.stops.max.y)
    }

    /// The mixer strip of a column.
    pub(crate) fn strip(&self, track: TrackId) -> Rect {
        let (left, right) = self.column(track);
        Rect::new(left, self.mixer.min.y, right, self.mixer.max.y)
    }

    /// The launch button of a row.
    pub(crate) fn scene(&self, scene: SceneId) -> Rect {
        let (top, bottom) = self.row(scene);
        Rect::new(self.scenes_left, top, self.scenes_left + SCENE_WIDTH, bottom)
    }

    /// The head over the launch buttons.
    pub(crate) fn scenes_head(&self) -> Rect {
        let right = self.add_scene().min.x - 4.0;
        Rect::new(self.scenes_left, TRANSPORT_HEIGHT, right, TRANSPORT_HEIGHT + HEAD_HEIGHT)
    }

    /// The button that adds a column, after the last head.
    fn add_track(&self) -> Rect {
        Self::add(self.grid.max.x + (GUTTER - ADD_SIZE) / 2.0)
    }

    /// The button that adds a row, in the head over the launch buttons.
    fn add_scene(&self) -> Rect {
        Self::add(self.scenes_left + SCENE_WIDTH - ADD_SIZE)
    }

    fn add(left: f32) -> Rect {
        let bottom = TRANSPORT_HEIGHT + HEAD_HEIGHT;
        Rect::new(left, bottom - ADD_SIZE, left + ADD_SIZE, bottom)
    }

    /// The button that stops every column.
    pub(crate) fn stop_all(&self) -> Rect {
        Rect::new(self.scenes_left, self.stops.min.y, self.scenes_left + SCENE_WIDTH, self.stops.max.y)
    }

    /// The space beside the mixer strips, under the launch buttons.
    pub(crate) fn corner(&self) -> Rect {
        Rect::new(self.scenes_left, self.mixer.min.y, self.scenes_left + SCENE_WIDTH, self.mixer.max.y)
    }

    /// The place of a target.
    pub(crate) fn rect(&self, target: Target) -> Rect {
        match target {
            Target::Pad(track, scene) => self.pad(track, scene),
            Target::Scene(scene) => self.scene(scene),
            Target::Stop(track) => self.stop(track),
            Target::StopAll => self.stop_all(),
            Target::Head(track) => self.head(track),
            Target::AddTrack => self.add_track(),
            Target::AddScene => self.add_scene(),
        }
    }

    /// Whether the grid shows this target.
    pub(crate) fn has(&self, target: Target) -> bool {
        is_among(target, self.shown_tracks(), self.shown_scenes())
    }

    /// Whether the grid has this target, shown or not.
    pub(crate) fn knows(&self, target: Target) -> bool {
        is_among(target, &self.all_tracks, &self.all_scenes)
    }

    /// What lies at a point. The gap between two pads belongs to the pad before it, so that no press is lost between.
    pub(crate) fn target_at(&self, point: Vec2) -> Option<Target> {
        let column = cell(point.x, self.grid.min.x, self.column_pitch(), self.shown_tracks());
        let row = cell(point.y, self.grid.min.y, self.row_pitch(), self.shown_scenes());
        let on_scenes = (self.scenes_left..self.scenes_left + SCENE_WIDTH).contains(&point.x);
        let on_stops = (self.stops.min.y..self.stops.max.y).contains(&point.y);
        let on_heads = (TRANSPORT_HEIGHT..TRANSPORT_HEIGHT + HEAD_HEIGHT).contains(&point.y);
        let buttons = [Target::AddTrack, Target::AddScene];
        if let Some(button) = buttons.into_iter().find(|button| self.rect(*button).contains(point)) {
            return Some(button);
        }
        match (column, row) {
            (Some(track), Some(scene)) => Some(Target::Pad(track, scene)),
            (Some(track), None) if on_stops => Some(Target::Stop(track)),
            (Some(track), None) if on_heads => Some(Target::Head(track)),
            (None, Some(scene)) if on_scenes => Some(Target::Scene(scene)),
            (None, None) if on_scenes && on_stops => Some(Target::StopAll),
            _ => None,
        }
    }

    fn column_pitch(&self) -> f32 {
        (self.grid.width() + PAD_GAP) / self.columns.len().max(1) as f32
    }

    fn row_pitch(&self) -> f32 {
        (self.grid.height() + PAD_GAP) / self.rows.len().max(1) as f32
    }

    fn column(&self, track: TrackId) -> (f32, f32) {
        let left = self.grid.min.x + place(self.shown_tracks(), track) * self.column_pitch();
        (left, left + self.column_pitch() - PAD_GAP)
    }

    fn row(&self, scene: SceneId) -> (f32, f32) {
        let top = self.grid.min.y + place(self.shown_scenes(), scene) * self.row_pitch();
        (top, top + self.row_pitch() - PAD_GAP)
    }
}

/// Whether columns and rows make a grid with this target.
fn is_among(target: Target, tracks: &[TrackId], scenes: &[SceneId]) -> bool {
    match target {
        Target::Pad(track, scene) => tracks.contains(&track) && scenes.contains(&scene),
        Target::Scene(scene) => scenes.contains(&scene),
        Target::Stop(track) | Target::Head(track) => tracks.contains(&track),
        Target::StopAll | Target::AddTrack | Target::AddScene => true,
    }
}

/// Which of so many cells fit into `length`, from `first` on if enough come after it.
fn part(length: f32, pitch_min: f32, first: usize, cells: usize) -> Range<usize> {
    let fitting = (((length + PAD_GAP) / pitch_min).floor().max(1.0) as usize).min(cells);
    let first = first.min(cells - fitting);
    first..first + fitting
}

/// That of `cells` of width `pitch` from `start` on, in which `at` lies.
fn cell<T: Copy>(at: f32, start: f32, pitch: f32, cells: &[T]) -> Option<T> {
    let index = ((at - start) / pitch).floor();
    if index >= 0.0 { cells.get(index as usize).copied() } else { None }
}

/// How many cells lie before this one; those that are not there come last.
fn place<T: PartialEq>(cells: &[T], cell: T) -> f32 {
    cells.iter().position(|known| *known == cell).unwrap_or(cells.len()) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{pocket::Pocket, theme::Scale};

    fn layout(size: Vec2, tracks: u8, scenes: u8) -> Layout {
        Layout::new(
            size,
            Pocket::default().beside(false),
            (0, 0),
            (0..tracks).map(TrackId).collect(),
            (0..scenes).map(SceneId).collect(),
        )
    }

    /// Layouts of real windows, in design units.
    fn layouts() -> impl Iterator<Item = Layout> {
        let windows = [(900, 520), (1024, 600), (1280, 720), (1920, 1080), (2560, 1440), (1000, 1600), (2560, 700)];
        let grids = [(8, 8), (1, 1), (16, 16), (1, 16), (16, 1)];
        windows.into_iter().flat_map(move |(width, height)| {
            let window = Vec2::new(width as f32, height as f32);
            let size = window / Scale::for_window(window).0;
            grids.into_iter().flat_map(move |(tracks, scenes)| {
                [Side::Players, Side::Library].map(|side| {
                    let (columns, rows) = ((0..tracks).map(TrackId).collect(), (0..scenes).map(SceneId).collect());
                    Layout::new(size, Beside { side, mixer: true, fingers: false }, (0, 0), columns, rows)
                })
            })
        })
    }

    fn targets(layout: &Layout) -> Vec<Target> {
        let pads = layout.tracks().flat_map(|track| layout.scenes().map(move |scene| Target::Pad(track, scene)));
        let stops = layout.tracks().map(Target::Stop).chain(layout.tracks().map(Target::Head));
        let single = [Target::StopAll, Target::AddTrack, Target::AddScene];
        pads.chain(stops).chain(layout.scenes().map(Target::Scene)).chain(single).collect()
    }

    fn everything(layout: &Layout) -> Vec<Rect> {
        let tracks = || layout.tracks();
        let panels = [layout.transport, layout.side, layout.scenes_head(), layout.corner()];
        let targets = targets(layout).into_iter().map(|target| layout.rect(target));
        targets.chain(tracks().map(|t| layout.strip(t))).chain(panels).collect()
    }

    #[test]
    fn nothing_overlaps_and_nothing_is_cut_off() {
        for layout in layouts() {
            let window = Rect::from_corners(Vec2::ZERO, layout.size);
            let places = everything(&layout);
            for (index, place) in places.iter().enumerate() {
                assert!(window.union(*place) == window, "{place:?} leaves {window:?}");
                for other in &places[index + 1..] {
                    let common = place.intersect(*other);
                    assert!(common.width() < 0.01 || common.height() < 0.01, "{place:?} and {other:?} overlap");
                }
            }
        }
    }

    #[test]
    fn every_target_is_found_at_its_centre_and_corners() {
        for layout in layouts() {
            for target in targets(&layout) {
                let place = layout.rect(target);
                let inner = place.inflate(-0.5);
                for point in [place.center(), inner.min, inner.max, Vec2::new(inner.min.x, inner.max.y)] {
                    assert_eq!(layout.target_at(point), Some(target), "at {point}");
                }
            }
        }
    }

    #[test]
    fn pads_of_an_eight_by_eight_grid_are_large_enough_to_hit_and_to_read() {
        for layout in layouts().filter(|layout| layout.columns.len() == 8) {
            let pad = layout.pad(TrackId(0), SceneId(0));
            assert!(pad.width() >= 56.0 && pad.height() >= 26.0, "{:?} on {:?}", pad.size(), layout.size);
        }
    }

    #[test]
    fn pads_on_a_phone_that_lies_on_its_side_are_for_fingers() {
        for window in [(844.0, 390.0), (667.0, 375.0)].map(Vec2::from) {
            let scale = Scale::for_window(window).0;
            let (columns, rows) = ((0..8).map(TrackId).collect(), (0..8).map(SceneId).collect());
            let beside = Beside { side: Side::Nothing, mixer: false, fingers: true };
            let layout = Layout::new(window / scale, beside, (0, 0), columns, rows);
            let pad = layout.pad(TrackId(7), SceneId(7)).size() * scale;
            assert!(pad.x >= 48.0 && pad.y >= 28.0, "{pad} points in a window of {window}");
            assert!(layout.scene(SceneId(7)).max.x <= layout.size.x - MARGIN);
        }
    }

    #[test]
    fn pads_of_the_largest_grid_can_still_be_hit() {
        for layout in layouts().filter(|layout| layout.size.x >= 1_130.0 && layout.size.y >= 660.0) {
            let pad = layout.pad(TrackId(0), SceneId(0));
            assert!(pad.width() >= 34.0 && pad.height() >= 17.0, "{:?} on {:?}", pad.size(), layout.size);
        }
    }

    #[test]
    fn outside_the_grid_there_is_nothing_to_press() {
        let layout = layout(Vec2::new(1280.0, 720.0), 8, 8);
        let mixer = layout.strip(TrackId(0)).center();
        for point in [Vec2::ZERO, Vec2::new(-5.0, 300.0), layout.side.center(), layout.transport.center(), mixer] {
            assert_eq!(layout.target_at(point), None, "at {point}");
        }
    }

    #[test]
    fn targets_that_the_grid_lacks_are_known() {
        let layout = layout(Vec2::new(1280.0, 720.0), 6, 8);
        assert!(layout.has(Target::Pad(TrackId(5), SceneId(7))));
        assert!(!layout.has(Target::Pad(TrackId(6), SceneId(0))) && !layout.has(Target::Scene(SceneId(8))));
    }

    #[test]
    fn a_phone_shows_all_of_an_eight_by_eight_grid_and_with_its_mixer_a_part_that_fingers_can_hit() {
        let window = Vec2::new(844.0, 390.0);
        let scale = Scale::for_window(window).0;
        let shown = |mixer, first| {
            let (columns, rows) = ((0..8).map(TrackId).collect(), (0..8).map(SceneId).collect());
            Layout::new(window / scale, Beside { side: Side::Nothing, mixer, fingers: true }, first, columns, rows)
        };
        assert_eq!(shown(false, (3, 3)).shown(), (0..8, 0..8), "there is nothing to scroll");
        for first in 0..12 {
            let layout = shown(true, (0, first));
            let rows = layout.shown().1;
            assert!((2..8).contains(&rows.len()) && rows.end <= 8 && rows.start <= first, "{rows:?} from {first}");
            assert!(layout.row_pitch() >= FINGER_PITCH_MIN.y, "{}", layout.row_pitch());
            assert!(layout.has(Target::Scene(SceneId(rows.start as u8))));
            assert!(!layout.has(Target::Scene(SceneId((rows.start as u8).wrapping_sub(1)))));
            assert!(layout.knows(Target::Scene(SceneId(0))) && layout.knows(Target::Scene(SceneId(7))));
            let last = Target::Pad(TrackId(7), SceneId(rows.end as u8 - 1));
            assert_eq!(layout.target_at(layout.rect(last).center()), Some(last));
        }
    }
}
