//! A window as small as a phone that lies on its side: mixer and players are put away until they are asked for, so that the
//! pads stay large enough for fingers.

use crate::playfield::layout::{Beside, Side};
use bevy::prelude::*;

/// A window lower than this, logical pixels, has no room for everything at once. Windows on a desktop never are.
const HEIGHT: f32 = 500.0;

/// What of a small window has been asked for.
#[derive(Resource, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Pocket {
    /// Whether the window is small.
    pub(crate) is_small: bool,
    /// Whether the mixer is shown.
    pub(crate) mixer: bool,
    /// Whether the players are.
    pub(crate) players: bool,
}

impl Pocket {
    /// The window has this size now, logical pixels.
    pub(crate) fn resized(self, window: Vec2) -> Self {
        Self { is_small: window.y < HEIGHT, ..self }
    }

    /// What is shown beside the grid, with the library open or not.
    pub(crate) fn beside(self, is_library_open: bool) -> Beside {
        let side = match (is_library_open, !self.is_small || self.players) {
            (true, _) => Side::Library,
            (false, true) => Side::Players,
            (false, false) => Side::Nothing,
        };
        Beside { side, mixer: !self.is_small || self.mixer, fingers: self.is_small }
    }
}

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Pocket>();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_phone_on_its_side_is_small() {
        for (width, height, is_small) in [
            (844.0, 390.0, true),
            (667.0, 375.0, true),
            (932.0, 430.0, true),
            (900.0, 520.0, false),
            (1024.0, 768.0, false),
            (768.0, 1024.0, false),
            (390.0, 844.0, false),
        ] {
            let window = Vec2::new(width, height);
            let pocket = Pocket::default().resized(window);
            assert_eq!(pocket.is_small, is_small, "{window}");
            assert_eq!(pocket.beside(false).mixer, !is_small, "{window}");
        }
    }
}
