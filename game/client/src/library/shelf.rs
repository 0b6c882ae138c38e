//! Which sounds there are, by family, and which of them are looked for.

use crate::theme::Rgb;
use bevy::prelude::*;
use keyboardia_session::{Manifest, SoundId, library::Sound};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Frames of a sound in a second.
const FRAMES_PER_S: f64 = 48_000.0;

/// The sounds of the library, in its order.
#[derive(Resource, Debug)]
pub(crate) struct Shelf {
    sounds: Vec<Sound>,
    families: Vec<Family>,
}

/// Sounds of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Family {
    /// As the library calls it.
    pub(crate) id: String,
    /// As players read it.
    pub(crate) name: String,
    /// The colour of its first sound.
    pub(crate) colour: Rgb,
}

impl FromWorld for Shelf {
    fn from_world(_: &mut World) -> Self {
        Manifest::builtin().map_or_else(
            |error| {
                tracing::warn!("{error}");
                Self::new(Vec::new())
            },
            |manifest| Self::new(manifest.sounds),
        )
    }
}

impl Shelf {
    fn new(sounds: Vec<Sound>) -> Self {
        let mut families: Vec<Family> = Vec::new();
        for sound in &sounds {
            if families.iter().all(|family| family.id != sound.family) {
                let (id, name) = (sound.family.clone(), title(&sound.family));
                families.push(Family { id, name, colour: sound.colour.into() });
            }
        }
        Self { sounds, families }
    }

    /// Every family, in the order of the library.
    pub(crate) fn families(&self) -> &[Family] {
        &self.families
    }

    /// The sound with this identity.
    pub(crate) fn sound(&self, id: &SoundId) -> Option<&Sound> {
        self.sounds.iter().find(|sound| sound.id == *id)
    }

    /// What is looked for, in the order of the library.
    pub(super) fn find(&self, kind: &Kind, search: &str, favourites: &Favourites) -> Vec<&Sound> {
        let words: Vec<String> = search.split_whitespace().map(str::to_lowercase).collect();
        let is_kind = |sound: &&Sound| match kind {
            Kind::All => true,
            Kind::Favourites => favourites.has(&sound.id),
            Kind::Family(family) => sound.family == *family,
        };
        let matches = |sound: &&Sound| {
            let name = sound.name.to_lowercase();
            let in_sound =
                |word: &String| name.contains(word) || sound.family.contains(word) || sound.id.as_str().contains(word);
            words.iter().all(in_sound)
        };
        self.sounds.iter().filter(is_kind).filter(matches).collect()
    }
}

/// A family's name with a capital letter; two letters are an abbreviation.
fn title(family: &str) -> String {
    if family.chars().count() <= 2 {
        return family.to_uppercase();
    }
    let mut letters = family.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

/// The tempo at which a sound was made, BPM; a sound that does not repeat has none.
pub(super) fn tempo_of_origin(sound: &Sound) -> Option<f64> {
    let seconds = f64::from(sound.frames) / FRAMES_PER_S;
    (sound.looped && seconds > 0.0).then(|| sound.beats * 60.0 / seconds)
}

/// Which sounds are shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Kind {
    /// All of them.
    #[default]
    All,
    /// Those with a star.
    Favourites,
    /// Those of a family.
    Family(String),
}

/// The sounds that this player has given a star. They are theirs, not the session's, and kept with the settings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Favourites(BTreeSet<SoundId>);

impl Favourites {
    /// Whether a sound has a star.
    pub(crate) fn has(&self, sound: &SoundId) -> bool {
        self.0.contains(sound)
    }

    /// Keeps no more than so many.
    pub(crate) fn bound(&mut self, count_max: usize) {
        while self.0.len() > count_max {
            self.0.pop_last();
        }
    }

    /// Gives a sound a star, or takes it away.
    pub(crate) fn set(&mut self, sound: &SoundId, favourite: bool) {
        if favourite {
            self.0.insert(sound.clone());
        } else {
            self.0.remove(sound);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf() -> Shelf {
        Shelf::new(Manifest::builtin().unwrap().sounds)
    }

    fn ids(sounds: &[&Sound]) -> Vec<String> {
        sounds.iter().map(|sound| sound.id.to_string()).collect()
    }

    #[test]
    fn every_sound_is_in_a_family_and_every_family_has_sounds() {
        let shelf = shelf();
        let nothing = Favourites::default();
        let in_families: usize = shelf
            .families()
            .iter()
            .map(|family| shelf.find(&Kind::Family(family.id.clone()), "", &nothing).len())
            .inspect(|count| assert!(*count > 0))
            .sum();
        assert_eq!(in_families, shelf.find(&Kind::All, "", &nothing).len());
    }

    #[test]
    fn every_word_that_is_looked_for_is_in_name_family_or_identity() {
        let shelf = shelf();
        let find = |search| ids(&shelf.find(&Kind::All, search, &Favourites::default()));
        assert_eq!(find("  DEEP house "), ["drums-deep-house"]);
        assert!(find("bass").len() >= 4 && find("bass acid") == ["bass-acid"]);
        assert!(find("no such sound").is_empty());
    }

    #[test]
    fn favourites_are_kept_as_a_list_of_identities() {
        let (shelf, mut favourites) = (shelf(), Favourites::default());
        let sound = shelf.sounds[3].id.clone();
        favourites.set(&sound, true);
        assert_eq!(ids(&shelf.find(&Kind::Favourites, "", &favourites)), [sound.to_string()]);
        let text = serde_json::to_string(&favourites).unwrap();
        assert_eq!(text, format!("[\"{sound}\"]"));
        assert_eq!(serde_json::from_str::<Favourites>(&text).unwrap(), favourites);
        favourites.set(&sound, false);
        assert!(shelf.find(&Kind::Favourites, "", &favourites).is_empty());
    }

    #[test]
    fn families_read_as_titles() {
        assert_eq!(["drums", "fx"].map(title), ["Drums", "FX"]);
    }

    #[test]
    fn a_loop_tells_its_tempo_and_a_one_shot_has_none() {
        let manifest = Manifest::builtin().unwrap();
        let (looped, once): (Vec<_>, Vec<_>) = manifest.sounds.iter().partition(|sound| sound.looped);
        assert!(looped.iter().all(|sound| tempo_of_origin(sound).is_some_and(|bpm| (60.0..200.0).contains(&bpm))));
        assert!(once.iter().all(|sound| tempo_of_origin(sound).is_none()));
    }
}
