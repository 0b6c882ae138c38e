//! The colours that clips and columns can have: bright enough to stand out on the dark, soft enough to look at for hours.

use keyboardia_session::Colour;

/// Every colour and its name, round the wheel.
pub(crate) const PALETTE: [(Colour, &str); 14] = [
    (Colour([0xff, 0x6b, 0x5e]), "Coral"),
    (Colour([0xff, 0x91, 0x4d]), "Orange"),
    (Colour([0xff, 0xb5, 0x47]), "Amber"),
    (Colour([0xf2, 0xd6, 0x5c]), "Straw"),
    (Colour([0xb4, 0xde, 0x5f]), "Lime"),
    (Colour([0x5e, 0xe6, 0xa8]), "Mint"),
    (Colour([0x45, 0xd3, 0xcc]), "Teal"),
    (Colour([0x4c, 0xc9, 0xff]), "Sky"),
    (Colour([0x62, 0xa3, 0xff]), "Blue"),
    (Colour([0x86, 0x88, 0xff]), "Indigo"),
    (Colour([0xab, 0x86, 0xff]), "Violet"),
    (Colour([0xd8, 0x80, 0xff]), "Orchid"),
    (Colour([0xff, 0x7a, 0xd9]), "Pink"),
    (Colour([0xc0, 0xc8, 0xd6]), "Silver"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theme::{self, Rgb};

    #[test]
    fn every_colour_stands_out_on_the_dark_and_from_its_neighbour() {
        for (index, (colour, name)) in PALETTE.iter().enumerate() {
            assert!(theme::contrast((*colour).into(), theme::SURFACE) >= theme::CONTRAST_MIN, "{name}");
            let (Rgb(one), Rgb(other)) = (Rgb::from(*colour), Rgb::from(PALETTE[(index + 1) % PALETTE.len()].0));
            let distance: u32 = one.iter().zip(other).map(|(a, b)| u32::from(a.abs_diff(b))).sum();
            assert!(distance >= 36, "{name} is too like the next colour: {distance}");
        }
    }
}
