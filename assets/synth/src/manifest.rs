//! The library's manifest, as the game reads it.

use crate::{
    canvas::TEMPO_BPM,
    catalogue::{FAMILIES, Recipe},
    master::Loudness,
};
use keyboardia_session::{
    Colour,
    library::{Manifest, Sound, SoundId, Starter, StarterTrack},
};

/// Scenes of the starter groove: four with sounds, the rest for the players.
const SCENES: usize = 8;

/// Writes the manifest; `heard` is how loud each sound of the catalogue is, in its order.
///
/// # Errors
/// A sentence, when the catalogue has an identity or a colour that the game would refuse.
pub(crate) fn manifest(heard: &[Loudness]) -> Result<Manifest, String> {
    let mut sounds = Vec::new();
    let mut tracks = Vec::new();
    let mut heard = heard.iter();
    for family in &FAMILIES {
        let mut slots = Vec::new();
        for recipe in &family.sounds {
            let loudness = heard.next().ok_or_else(|| format!("{} was not measured", recipe.id))?;
            slots.push(Some(identity(recipe)?));
            sounds.push(Sound {
                id: identity(recipe)?,
                name: recipe.name.to_owned(),
                family: family.id.to_owned(),
                beats: recipe.beats,
                looped: recipe.looped,
                frames: recipe.frames(),
                channels: family.channels,
                colour: colour(recipe.colour)?,
                licence: "CC0-1.0".to_owned(),
                loudness_lufs: rounded(loudness.lufs),
                peak_dbtp: rounded(loudness.peak_dbtp),
            });
        }
        tracks.push(StarterTrack {
            name: family.track.to_owned(),
            colour: colour(family.colour)?,
            gain_db: family.gain_db,
            slots,
        });
    }
    let starter = Starter { tempo_bpm: TEMPO_BPM, scenes: SCENES, tracks };
    Ok(Manifest { version: 1, key: "A minor".to_owned(), sounds, starter })
}

fn identity(recipe: &Recipe) -> Result<SoundId, String> {
    SoundId::parse(recipe.id).ok_or_else(|| format!("{} is no identity for a sound", recipe.id))
}

fn colour(text: &str) -> Result<Colour, String> {
    Colour::parse(text).ok_or_else(|| format!("{text} is no colour"))
}

/// Two decimals.
fn rounded(decibels: f64) -> f64 {
    (decibels * 100.0).round() / 100.0
}
