//! The name of the game, written with pads: a grid of dim tiles in which the letters' tiles play.

use crate::{
    ClientSet,
    motion::Motion,
    screen::Screen,
    theme::{self, Rgb, Scale},
    tiles::{Board, Tile},
};
use bevy::{prelude::*, window::PrimaryWindow};

const ROWS: usize = 5;
/// The letters, one string a row; `#` is a tile that plays.
const LETTERS: [[&str; ROWS]; 10] = [
    ["#..#", "#.#.", "##..", "#.#.", "#..#"],
    ["###", "#..", "##.", "#..", "###"],
    ["#.#", "#.#", ".#.", ".#.", ".#."],
    ["###.", "#..#", "###.", "#..#", "###."],
    [".##.", "#..#", "#..#", "#..#", ".##."],
    [".##.", "#..#", "####", "#..#", "#..#"],
    ["###.", "#..#", "###.", "#.#.", "#..#"],
    ["###.", "#..#", "#..#", "#..#", "###."],
    ["#", "#", "#", "#", "#"],
    [".##.", "#..#", "####", "#..#", "#..#"],
];
/// Colours from left to right.
const COLOURS: [Rgb; 6] = [
    Rgb([0xff, 0x6b, 0x5e]),
    Rgb([0xff, 0xb5, 0x47]),
    Rgb([0x5e, 0xe6, 0xa8]),
    Rgb([0x4c, 0xc9, 0xff]),
    Rgb([0x9d, 0x7b, 0xff]),
    Rgb([0xff, 0x7a, 0xd9]),
];
/// Share of the window's width.
const WIDTH_SHARE: f32 = 0.70;
/// Space above it: a share of what the window has to spare.
const ABOVE_SHARE: f32 = 0.68;
/// Height of what the title shows under the name.
const BELOW: f32 = 392.0;
const GAP_SHARE: f32 = 0.16;

pub(super) fn plugin(app: &mut App) {
    app.add_systems(Update, draw.run_if(not(in_state(Screen::Jam))).in_set(ClientSet::Draw));
}

fn draw(
    window: Single<&Window, With<PrimaryWindow>>,
    scale: Res<Scale>,
    screen: Res<State<Screen>>,
    motion: Res<Motion>,
    mut board: ResMut<Board>,
) {
    let size = window.size() / scale.0;
    let columns: Vec<[bool; ROWS]> = columns();
    let place = place(size);
    let (pitch, origin) = (place.height() / ROWS as f32, place.min);
    let hurry = if *screen.get() == Screen::Joining { 3.0 } else { 1.0 };
    let seconds = motion.seconds;
    for (column, lit) in columns.iter().enumerate() {
        let across = column as f32 / columns.len() as f32;
        for (row, lit) in lit.iter().enumerate() {
            let corner = origin + Vec2::new(column as f32, row as f32) * pitch;
            let rect = Rect::from_corners(corner, corner + Vec2::splat(pitch * (1.0 - GAP_SHARE)));
            let radius = pitch * 0.2;
            if !lit {
                board.push(Tile { radius, fill_alpha: 0.55, ..Tile::new(rect, theme::SURFACE) });
                continue;
            }
            // A wave of light runs through the name, and every tile shimmers a little by itself.
            let wave = (across * 1.4 + row as f32 * 0.035 - seconds * 0.16 * hurry).rem_euclid(1.0);
            let crest = (-(wave * 5.0).powi(2)).exp() + (-((1.0 - wave) * 14.0).powi(2)).exp();
            let shimmer = ((column * 7 + row * 13) as f32 + seconds * 1.7).sin() * 0.06;
            let colour = along(across);
            let fill = theme::SURFACE.mix(colour, 0.80 + shimmer + 0.2 * crest);
            let tile = Tile::new(rect, fill).rimmed(colour, 0.0, 0.0);
            board.push(Tile { radius, glow: 0.22 + 0.5 * crest, flash: 0.25 * crest, ..tile });
        }
    }
}

/// Where the name stands in a window of `size` design units.
pub(crate) fn place(size: Vec2) -> Rect {
    let width = size.x * WIDTH_SHARE;
    let height = width / columns().len() as f32 * ROWS as f32;
    let top = ((size.y - height - BELOW) * ABOVE_SHARE).max(14.0);
    let left = (size.x - width) / 2.0;
    Rect::new(left, top, left + width, top + height)
}

/// The colour at a place from left (0) to right (1).
fn along(across: f32) -> Rgb {
    let place = across.clamp(0.0, 1.0) * (COLOURS.len() - 1) as f32;
    let from = (place as usize).min(COLOURS.len() - 2);
    COLOURS[from].mix(COLOURS[from + 1], place - from as f32)
}

/// The columns of the whole name, with one empty column between two letters.
fn columns() -> Vec<[bool; ROWS]> {
    let mut columns = Vec::new();
    for (index, letter) in LETTERS.iter().enumerate() {
        if index > 0 {
            columns.push([false; ROWS]);
        }
        for column in 0..letter[0].len() {
            columns.push(std::array::from_fn(|row| letter[row].as_bytes().get(column) == Some(&b'#')));
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_is_a_rectangle() {
        for letter in LETTERS {
            assert!(letter.iter().all(|row| row.len() == letter[0].len()), "{letter:?}");
        }
        assert_eq!(columns().len(), 44);
    }
}
