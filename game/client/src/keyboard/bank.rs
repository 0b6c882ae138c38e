//! Which pads lie under the keys, and the marks on the playfield that show it: the letter of its first key beside each
//! row, and a bracket around them.

use super::map::{BANK_COLUMNS, BANK_ROWS, Way};
use crate::{
    ClientSet,
    labels::{Label, Labels},
    playfield::layout::{Layout, Target},
    screen::Screen,
    theme,
    tiles::{Board, Tile},
};
use bevy::prelude::*;
use bevy_egui::egui::Align2;

/// First key of each row of pads, as it is printed on most keyboards.
const ROW_SIGNS: [&str; BANK_ROWS] = ["1", "Q", "A", "Z"];
/// Space that the marks take beside the grid.
const MARK_WIDTH: f32 = 12.0;

/// The part of the grid whose pads lie under the keys.
#[derive(Resource, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Bank {
    /// Its first column, counted from the left.
    pub(crate) column: usize,
    /// Its first row, counted from the top.
    pub(crate) row: usize,
}

impl Bank {
    /// The pad under a key, if the grid goes that far.
    pub(super) fn pad(&self, layout: &Layout, row: usize, column: usize) -> Option<Target> {
        let track = layout.tracks().nth(self.column + column)?;
        Some(Target::Pad(track, layout.scenes().nth(self.row + row)?))
    }

    /// Moves by as many rows or columns as there are keys, but not beyond the grid.
    pub(super) fn go(&mut self, way: Way, layout: &Layout) {
        match way {
            Way::Up => self.row = self.row.saturating_sub(BANK_ROWS),
            Way::Down => self.row += BANK_ROWS,
            Way::Left => self.column = self.column.saturating_sub(BANK_COLUMNS),
            Way::Right => self.column += BANK_COLUMNS,
        }
        self.stay_in(layout);
    }

    fn stay_in(&mut self, layout: &Layout) {
        self.row = self.row.min(layout.scenes().count().saturating_sub(BANK_ROWS));
        self.column = self.column.min(layout.tracks().count().saturating_sub(BANK_COLUMNS));
    }
}

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Bank>()
        .add_systems(Update, stay.run_if(in_state(Screen::Jam)).in_set(ClientSet::Arrange))
        .add_systems(Update, mark.run_if(in_state(Screen::Jam)).in_set(ClientSet::Draw));
}

fn stay(layout: Res<Layout>, mut bank: ResMut<Bank>) {
    bank.stay_in(&layout);
}

fn mark(layout: Res<Layout>, bank: Res<Bank>, mut board: ResMut<Board>, mut labels: ResMut<Labels>) {
    let (layout, bank) = (&*layout, &*bank);
    let pads = |row| (0..BANK_COLUMNS).filter_map(move |column| bank.pad(layout, row, column));
    let line = |rect: Rect| Tile { radius: 1.0, ..Tile::new(rect, theme::LINE.mix(theme::TEXT_DIM, 0.35)) };
    for (row, sign) in ROW_SIGNS.into_iter().enumerate() {
        let place = pads(row).map(|pad| layout.rect(pad)).reduce(|all, pad| all.union(pad));
        let Some(place) = place else { continue };
        let left = place.min.x;
        board.push(line(Rect::new(left - 3.0, place.min.y, left - 1.5, place.max.y)));
        labels.push(Label {
            rect: Rect::new(left - 3.0 - MARK_WIDTH, place.min.y, left - 3.0, place.max.y),
            align: Align2::CENTER_CENTER,
            text: sign.into(),
            size: 10.0,
            strong: true,
            colour: theme::TEXT_DIM,
        });
        if row == 0 && layout.tracks().count() > BANK_COLUMNS {
            board.push(line(Rect::new(left, place.min.y - 3.5, place.max.x, place.min.y - 2.0)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pocket::Pocket;
    use keyboardia_session::{SceneId, TrackId};

    fn layout(tracks: u8, scenes: u8) -> Layout {
        let size = Vec2::new(1280.0, 720.0);
        Layout::new(
            size,
            Pocket::default().beside(false),
            (0, 0),
            (0..tracks).map(TrackId).collect(),
            (0..scenes).map(SceneId).collect(),
        )
    }

    #[test]
    fn the_bank_moves_by_whole_banks_and_stays_in_the_grid() {
        let layout = layout(10, 16);
        let mut bank = Bank::default();
        let mut rows = vec![];
        for way in [Way::Up, Way::Down, Way::Down, Way::Down, Way::Down, Way::Up] {
            bank.go(way, &layout);
            rows.push(bank.row);
        }
        assert_eq!(rows, [0, 4, 8, 12, 12, 8]);
        bank.go(Way::Right, &layout);
        assert_eq!(bank.column, 2, "the last eight columns");
        assert_eq!(bank.pad(&layout, 3, 7), Some(Target::Pad(TrackId(9), SceneId(11))));
    }

    #[test]
    fn a_grid_that_is_smaller_than_the_bank_has_keys_without_pads() {
        let layout = layout(3, 2);
        let bank = Bank::default();
        assert_eq!(bank.pad(&layout, 1, 2), Some(Target::Pad(TrackId(2), SceneId(1))));
        assert_eq!((bank.pad(&layout, 2, 0), bank.pad(&layout, 0, 3)), (None, None));
    }
}
