//! The name of the game, written with pads as on the title of the window (`game/client/src/wordmark.rs`), as SVG.

use std::fmt::Write;

const ROWS: usize = 5;
/// The letters, one string a row; `#` is a tile that plays.
pub(crate) const LETTERS: [[&str; ROWS]; 10] = [
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
const COLOURS: [[u8; 3]; 6] = [
    [0xff, 0x6b, 0x5e],
    [0xff, 0xb5, 0x47],
    [0x5e, 0xe6, 0xa8],
    [0x4c, 0xc9, 0xff],
    [0x9d, 0x7b, 0xff],
    [0xff, 0x7a, 0xd9],
];
/// Behind the pads.
pub(crate) const SURFACE: [u8; 3] = [0x15, 0x1a, 0x24];
/// From one tile to the next, and a tile's side and corner, units of the drawing.
const PITCH: f32 = 10.0;
const SIDE: f32 = 8.4;
const CORNER: f32 = 2.0;

/// The drawing: lit tiles have the class `lit`, and a glow under them.
pub(crate) fn svg() -> String {
    let columns = columns();
    let (width, height) = (columns.len() as f32 * PITCH, ROWS as f32 * PITCH);
    let (mut dim, mut lit, mut glow) = (String::new(), String::new(), String::new());
    for (column, tiles) in columns.iter().enumerate() {
        for (row, plays) in tiles.iter().enumerate() {
            let (x, y) = (column as f32 * PITCH, row as f32 * PITCH);
            let colour = mix(SURFACE, along(column as f32 / columns.len() as f32), 0.9);
            // Text takes whatever is written to it.
            if *plays {
                writeln!(
                    lit,
                    r#"<rect class="lit" x="{x}" y="{y}" width="{SIDE}" height="{SIDE}" rx="{CORNER}" fill="{}"/>"#,
                    hex(colour)
                )
                .unwrap_or_default();
                write!(glow, "M{x} {y}h{SIDE}v{SIDE}h-{SIDE}z").unwrap_or_default();
            } else {
                write!(dim, "M{x} {y}h{SIDE}v{SIDE}h-{SIDE}z").unwrap_or_default();
            }
        }
    }
    let stops: Vec<String> = (0_u8..)
        .zip(COLOURS)
        .map(|(index, colour)| format!(r#"<stop offset="{}%" stop-color="{}"/>"#, index * 20, hex(colour)))
        .collect();
    format!(
        concat!(
            r#"<svg viewBox="0 0 {width} {height}" role="img" aria-label="Keyboardia">"#,
            r#"<defs><linearGradient id="rainbow" gradientUnits="userSpaceOnUse" x2="{width}">{stops}"#,
            r#"</linearGradient><filter id="glow" x="-5%" y="-60%" width="110%" height="220%">"#,
            r#"<feGaussianBlur stdDeviation="3.2"/></filter></defs><path d="{dim}" fill="{surface}" fill-opacity=".55"/>"#,
            r#"<path d="{glow}" fill="url(#rainbow)" filter="url(#glow)" opacity=".6"/>{lit}</svg>"#,
        ),
        width = width,
        height = height,
        stops = stops.concat(),
        dim = dim,
        surface = hex(SURFACE),
        glow = glow,
        lit = lit,
    )
}

/// The colour at a place from left (0) to right (1).
pub(crate) fn along(across: f32) -> [u8; 3] {
    let place = across.clamp(0.0, 1.0) * (COLOURS.len() - 1) as f32;
    let from = (place as usize).min(COLOURS.len() - 2);
    mix(COLOURS[from], COLOURS[from + 1], place - from as f32)
}

/// A colour with `amount` (0 … 1) of another.
pub(crate) fn mix(one: [u8; 3], other: [u8; 3], amount: f32) -> [u8; 3] {
    std::array::from_fn(|channel| {
        let (from, to) = (f32::from(one[channel]), f32::from(other[channel]));
        (from + (to - from) * amount).round() as u8
    })
}

fn hex([red, green, blue]: [u8; 3]) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
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

    /// What stands in quotes.
    fn quoted(text: &str) -> Vec<&str> {
        text.split('"').skip(1).step_by(2).collect()
    }

    #[test]
    fn the_name_is_written_as_in_the_window() {
        let window = include_str!("../../../game/client/src/wordmark.rs");
        let letters = window.split("const LETTERS").nth(1).and_then(|rest| rest.split("\n];").next()).unwrap();
        assert_eq!(quoted(letters), LETTERS.concat());
        for [red, green, blue] in COLOURS {
            assert!(window.contains(&format!("Rgb([0x{red:02x}, 0x{green:02x}, 0x{blue:02x}])")));
        }
    }

    #[test]
    fn the_page_has_the_colours_of_the_window() {
        let (theme, style) = (include_str!("../../../game/client/src/theme.rs"), include_str!("../style.css"));
        for name in
            ["BACKGROUND", "SURFACE", "RAISED", "HOVERED", "LINE", "TEXT", "TEXT_DIM", "INK", "ACCENT", "DANGER"]
        {
            let colour = theme.split(&format!("const {name}: Rgb = Rgb([")).nth(1).unwrap();
            let bytes: String = colour.split("])").next().unwrap().split(", ").map(|byte| &byte[2..]).collect();
            let wanted = format!("--{}: #{bytes};", name.to_lowercase().replace('_', "-"));
            assert!(style.contains(&wanted), "{wanted}");
        }
    }

    #[test]
    fn the_drawing_names_no_style_because_the_page_forbids_it() {
        let svg = svg();
        assert!(svg.starts_with(r#"<svg viewBox="0 0 440 50""#), "{svg}");
        assert!(!svg.contains("style="));
        let plays: usize = LETTERS.iter().flatten().map(|row| row.matches('#').count()).sum();
        assert_eq!(svg.matches("class=\"lit\"").count(), plays);
    }
}
