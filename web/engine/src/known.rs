//! The sounds of the library, as far as the engine has to know them.

use keyboardia_session::Beats;

/// A sound of the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its name.
    pub id: &'static str,
    /// Its length.
    pub length: Beats,
    /// Whether it repeats.
    pub looped: bool,
    /// Its length in frames.
    pub frames: u32,
}

/// All of them; made by `build.rs`.
#[allow(clippy::unreadable_literal, reason = "nobody reads them")]
pub const SOUNDS: &[Known] = include!(concat!(env!("OUT_DIR"), "/known.rs"));

/// The sound of this name.
pub fn sound(id: &str) -> Option<&'static Known> {
    SOUNDS.iter().find(|sound| sound.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyboardia_session::{Manifest, library::ManifestError};

    #[test]
    fn the_sounds_of_the_library_are_known() -> Result<(), ManifestError> {
        let sounds = Manifest::builtin()?.sounds;
        assert_eq!(SOUNDS.len(), sounds.len());
        for want in sounds {
            let known = sound(want.id.as_str());
            let want = (want.length(), want.looped, want.frames);
            assert_eq!(known.map(|sound| (sound.length, sound.looped, sound.frames)), Some(want));
        }
        assert_eq!(sound("no-such-sound"), None);
        Ok(())
    }
}
