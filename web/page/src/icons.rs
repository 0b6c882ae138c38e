//! The icons of the page, drawn: the first letter of the wordmark, played on pads.

use crate::wordmark::{LETTERS, SURFACE, along, mix};
use png::{BitDepth, ColorType, Encoder};

/// Pads in a row and in a column.
const PADS: usize = 5;
/// What the backdrop fades from, top to bottom.
const BACKDROP: [[u8; 3]; 2] = [[0x13, 0x21, 0x3a], [0x17, 0x13, 0x33]];
/// The corner of an icon that shows its own shape, as a share of its side.
const CORNER_SHARE: f32 = 0.22;
/// The part of a side that the pads take; where the system cuts the shape, a circle of 80 % is safe.
const PADS_SHARE: f32 = 0.72;
const PADS_SHARE_MASKED: f32 = 0.54;
/// The space between pads, their corner and how far they shine, as shares of the distance between two.
const GAP_SHARE: f32 = 0.16;
const PAD_CORNER_SHARE: f32 = 0.2;
const GLOW_SHARE: f32 = 0.5;
const GLOW: f32 = 0.42;

/// All icons by name.
pub(crate) fn all() -> impl Iterator<Item = (String, Vec<u8>)> {
    [("icon-192.png", 192, false), ("icon-512.png", 512, false), ("icon-maskable-512.png", 512, true)]
        .into_iter()
        .map(|(name, side, masked)| (name.into(), encode(side, &draw(side, masked))))
}

/// A square of RGBA pixels; `masked` for systems that cut the shape themselves.
fn draw(side: u32, masked: bool) -> Vec<u8> {
    let extent = side as f32;
    let share = if masked { PADS_SHARE_MASKED } else { PADS_SHARE };
    let pitch = extent * share / PADS as f32;
    let origin = extent * (1.0 - share) / 2.0 + pitch * GAP_SHARE / 2.0;
    let mut pixels = Vec::with_capacity((side * side * 4) as usize);
    for y in 0..side {
        for x in 0..side {
            let (x, y) = (x as f32 + 0.5, y as f32 + 0.5);
            let mut colour = mix(BACKDROP[0], BACKDROP[1], y / extent);
            for row in 0..PADS {
                for column in 0..PADS {
                    let half = pitch * (1.0 - GAP_SHARE) / 2.0;
                    let centre = [column, row].map(|index| origin + index as f32 * pitch + half);
                    let distance = rounded([x - centre[0], y - centre[1]], half, pitch * PAD_CORNER_SHARE);
                    let cover = (0.5 - distance).clamp(0.0, 1.0);
                    if plays(row, column) {
                        let light = along((column + row) as f32 / (2 * PADS - 2) as f32);
                        let near = (1.0 - distance.max(0.0) / (pitch * GLOW_SHARE)).max(0.0);
                        colour = mix(colour, light, (GLOW * near * near).max(cover));
                    } else {
                        colour = mix(colour, mix(SURFACE, [0x9d, 0xa9, 0xbc], 0.16), cover);
                    }
                }
            }
            let shape = rounded([x - extent / 2.0, y - extent / 2.0], extent / 2.0, extent * CORNER_SHARE);
            let alpha = if masked { 1.0 } else { (0.5 - shape).clamp(0.0, 1.0) };
            pixels.extend(colour);
            pixels.push((alpha * 255.0).round() as u8);
        }
    }
    pixels
}

/// Whether a pad is part of the letter; the last column is empty, and the letter is four wide.
fn plays(row: usize, column: usize) -> bool {
    LETTERS[0][row].as_bytes().get(column) == Some(&b'#')
}

/// How far a point is outside a square with rounded corners around the origin, pixels.
fn rounded([x, y]: [f32; 2], half: f32, corner: f32) -> f32 {
    let (x, y) = (x.abs() - half + corner, y.abs() - half + corner);
    x.max(0.0).hypot(y.max(0.0)) + x.max(y).min(0.0) - corner
}

fn encode(side: u32, pixels: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, side, side);
    encoder.set_color(ColorType::Rgba);
    encoder.set_depth(BitDepth::Eight);
    // Memory does not refuse what is written to it, and the pixels are as many as they should be.
    encoder.write_header().and_then(|mut writer| writer.write_image_data(pixels)).unwrap_or_default();
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixel(pixels: &[u8], side: u32, x: u32, y: u32) -> &[u8] {
        let at = ((y * side + x) * 4) as usize;
        &pixels[at..at + 4]
    }

    #[test]
    fn icons_show_their_own_shape_and_maskable_ones_fill_theirs() {
        let (own, masked) = (draw(64, false), draw(64, true));
        assert_eq!(pixel(&own, 64, 0, 0)[3], 0);
        assert_eq!(pixel(&masked, 64, 0, 0)[3], 255);
        assert_eq!(pixel(&own, 64, 32, 32)[3], 255);
    }

    #[test]
    fn the_letter_shines_inside_the_circle_that_is_safe() {
        let pixels = draw(100, true);
        let is_bright = |x: u32, y: u32| pixel(&pixels, 100, x, y)[..3].iter().any(|channel| *channel > 0xb0);
        let far = |x: u32, y: u32| (x as f32 - 49.5).hypot(y as f32 - 49.5);
        let bright: Vec<(u32, u32)> =
            (0..100).flat_map(|y| (0..100).map(move |x| (x, y))).filter(|(x, y)| is_bright(*x, *y)).collect();
        assert!(bright.len() > 400, "{}", bright.len());
        assert!(bright.iter().all(|(x, y)| far(*x, *y) < 40.0));
    }

    #[test]
    fn they_are_pictures() {
        for (name, bytes) in all() {
            let reader = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().unwrap();
            assert!(name.contains(&reader.info().width.to_string()), "{name}");
        }
    }
}
