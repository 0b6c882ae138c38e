//! What a new session holds before anybody has touched it.

use crate::{
    bounded::Bounded,
    grid::{Clip, Colour, Gain, Pan, Scene, Track},
    library::Manifest,
    limits::{SCENES_MAX, TRACKS_MAX},
    text::Name,
    time::Tempo,
};

/// What a new session holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSetup {
    /// Tempo of the start.
    pub tempo: Tempo,
    /// Columns.
    pub tracks: Bounded<Track, TRACKS_MAX>,
    /// Rows.
    pub scenes: Bounded<Scene, SCENES_MAX>,
}

impl SessionSetup {
    /// Columns of a new session; those beyond the starter groove are empty.
    const TRACKS: usize = 8;
    const SPARE_COLOUR: Colour = Colour([0x8a, 0x93, 0xa6]);

    /// The library's starter groove.
    pub fn starter(manifest: &Manifest) -> Self {
        let starter = &manifest.starter;
        let clip = |id| {
            manifest.sound(id).map(|sound| Clip {
                sound: sound.id.clone(),
                name: Name::sanitised(&sound.name),
                colour: sound.colour,
                length: sound.length(),
                looped: sound.looped,
                gain: Gain::UNITY,
            })
        };
        let filled = starter.tracks.iter().map(|track| {
            let clips = track.slots.iter().map(|id| id.as_ref().and_then(clip));
            let slots = clips.chain(std::iter::repeat(None)).take(starter.scenes).collect();
            empty_track(&track.name, track.colour, Gain::from_db(track.gain_db).unwrap_or(Gain::UNITY), slots)
        });
        let spare = (starter.tracks.len()..Self::TRACKS).map(|index| {
            empty_track(&format!("Track {}", index + 1), Self::SPARE_COLOUR, Gain::UNITY, vec![None; starter.scenes])
        });
        let scenes = (1..=starter.scenes).map(|number| Scene { name: Name::sanitised(&format!("Scene {number}")) });
        // A manifest is parsed within the bounds of a session, and every tempo in it is one.
        Self {
            tempo: Tempo::from_bpm(starter.tempo_bpm).unwrap_or_else(Self::fallback_tempo),
            tracks: Bounded::try_from_vec(filled.chain(spare).collect()).unwrap_or_default(),
            scenes: Bounded::try_from_vec(scenes.collect()).unwrap_or_default(),
        }
    }

    fn fallback_tempo() -> Tempo {
        Tempo::from_milli_bpm(120_000).unwrap_or_else(|| unreachable!("120 BPM is a tempo"))
    }
}

fn empty_track(name: &str, colour: Colour, gain: Gain, slots: Vec<Option<Clip>>) -> Track {
    Track {
        name: Name::sanitised(name),
        colour,
        gain,
        pan: Pan::CENTRE,
        mute: false,
        solo: false,
        slots: Bounded::try_from_vec(slots).unwrap_or_default(),
        playing: None,
        queue: Bounded::new(),
    }
}
