//! The library's manifest, as the game reads it.

use crate::{
    canvas::HOME_BPM,
    catalogue::{Recipe, sounds},
    master::Loudness,
    starter::{SCENES, TRACKS},
};
use keyboardia_session::{
    Colour,
    library::{Manifest, Sound, SoundId, Starter, StarterTrack},
};

/// Writes the manifest; `heard` is how loud each sound of the catalogue is, in its order.
///
/// # Errors
/// A sentence, when the catalogue has an identity or a colour that the game would refuse.
pub(crate) fn manifest(heard: &[Loudness]) -> Result<Manifest, String> {
    let mut heard = heard.iter();
    let mut listed = Vec::new();
    for (family, recipe) in sounds() {
        let loudness = heard.next().ok_or_else(|| format!("{} was not measured", recipe.id))?;
        listed.push(sound(family.id, recipe, loudness)?);
    }
    let tracks = TRACKS.iter().map(|track| {
        let slots = track.slots.iter().map(|id| if id.is_empty() { Ok(None) } else { identity(id).map(Some) });
        Ok(StarterTrack {
            name: track.name.to_owned(),
            colour: colour(track.colour)?,
            gain_db: track.gain_db,
            slots: slots.collect::<Result<_, String>>()?,
        })
    });
    let starter = Starter { tempo_bpm: HOME_BPM, scenes: SCENES, tracks: tracks.collect::<Result<_, String>>()? };
    Ok(Manifest { version: 1, key: "A minor".to_owned(), sounds: listed, starter })
}

fn sound(family: &str, recipe: &Recipe, loudness: &Loudness) -> Result<Sound, String> {
    Ok(Sound {
        id: identity(recipe.id)?,
        name: recipe.name.to_owned(),
        family: family.to_owned(),
        beats: recipe.beats,
        tempo_bpm: recipe.tempo_bpm,
        looped: recipe.looped,
        frames: recipe.frames(),
        channels: recipe.channels,
        colour: colour(recipe.colour)?,
        licence: "CC0-1.0".to_owned(),
        loudness_lufs: rounded(loudness.lufs),
        peak_dbtp: rounded(loudness.peak_dbtp),
    })
}

fn identity(id: &str) -> Result<SoundId, String> {
    SoundId::parse(id).ok_or_else(|| format!("{id} is no identity for a sound"))
}

fn colour(text: &str) -> Result<Colour, String> {
    Colour::parse(text).ok_or_else(|| format!("{text} is no colour"))
}

/// Two decimals.
fn rounded(decibels: f64) -> f64 {
    (decibels * 100.0).round() / 100.0
}
