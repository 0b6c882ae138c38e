//! Decodes sounds, away from the seat and from the sound, which must not wait for it.

use crate::known;
use keyboardia_audio::{Overview, Sample, decode_ogg, decode_sample};
use keyboardia_session::SoundId;

/// A decoded sound.
#[derive(Debug, Default)]
pub struct Decoded {
    /// Its shape, see [`Overview`].
    pub overview: Vec<u8>,
    /// Its frames: interleaved stereo, little-endian floats.
    pub frames: Vec<u8>,
}

/// Decodes the file of a sound of the library, or of a player's own one.
///
/// # Errors
/// Why it cannot be played, as a sentence.
pub fn decode(id: &str, file: Vec<u8>) -> Result<Decoded, String> {
    let sample = sample(id, file)?;
    let frames =
        sample.frames().iter().flat_map(|frame| [frame.left, frame.right]).flat_map(f32::to_le_bytes).collect();
    Ok(Decoded { overview: Overview::of(&sample).into(), frames })
}

fn sample(id: &str, file: Vec<u8>) -> Result<Sample, String> {
    if SoundId::parse(id).is_some_and(|id| id.sample().is_some()) {
        return decode_sample(&file).map_err(|bad| bad.to_string());
    }
    let sound = known::sound(id).ok_or_else(|| format!("This copy of the game has no sound called {id}."))?;
    decode_ogg(file, sound.frames as usize).map_err(|error| format!("The sound {id} cannot be played: {error}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_of_the_library_is_decoded_whole_and_nothing_else_is() -> Result<(), Box<dyn std::error::Error>> {
        let sound = known::SOUNDS.first().ok_or("a sound")?;
        let id = sound.id;
        let folder = std::env::var("KEYBOARDIA_SOUNDS").unwrap_or_else(|_| "../../assets/sounds".to_owned());
        let file = std::fs::read(format!("{folder}/{id}.ogg"))?;
        let decoded = decode(id, file.clone())?;
        assert_eq!((decoded.frames.len(), decoded.overview.len()), (sound.frames as usize * 8, Overview::PARTS));
        for (id, file) in [("no-such-sound", file.clone()), (id, file[..file.len() / 2].to_vec())] {
            let why = decode(id, file).err().ok_or("a refusal")?;
            assert!(why.ends_with('.'), "{why}");
        }
        Ok(())
    }
}
