//! What a new session holds before anybody has touched it.

use crate::{
    bounded::Bounded,
    grid::{Clip, Column, Scene, SceneId, Track, TrackId},
    library::Manifest,
    limits::{SCENES_MAX, TRACKS_MAX},
    meter::TimeSignature,
    text::Name,
    time::{Quantise, Tempo},
    values::{Colour, Gain, Pan},
};

/// What a new session holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSetup {
    /// Tempo of the start.
    pub tempo: Tempo,
    /// Bars from the first one on.
    pub signature: TimeSignature,
    /// The boundary of launches.
    pub quantise: Quantise,
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
        let filled = starter.tracks.iter().map(|track| {
            let slots = (0..).map(SceneId).zip(&track.slots);
            let clips = slots.filter_map(|(scene, id)| Some((scene, Clip::of(manifest.sound(id.as_ref()?)?))));
            Column {
                name: Name::sanitised(&track.name),
                colour: track.colour,
                gain: Gain::from_db(track.gain_db).unwrap_or(Gain::UNITY),
                pan: Pan::CENTRE,
                clips: Bounded::try_from_vec(clips.collect()).unwrap_or_default(),
            }
        });
        let spare = (starter.tracks.len()..Self::TRACKS)
            .map(|index| Column::empty(&format!("Track {}", index + 1), Self::SPARE_COLOUR));
        let tracks = (0..).map(TrackId).zip(filled.chain(spare)).map(|(id, column)| Track::new(id, column));
        let scenes = (0..starter.scenes as u8).map(|index| Scene {
            id: SceneId(index),
            name: Name::sanitised(&format!("Scene {}", index + 1)),
            colour: None,
        });
        // A manifest is parsed within the bounds of a session, and every tempo in it is one.
        Self {
            tempo: Tempo::from_bpm(starter.tempo_bpm).unwrap_or_else(Self::fallback_tempo),
            signature: TimeSignature::default(),
            quantise: Quantise::default(),
            tracks: Bounded::try_from_vec(tracks.collect()).unwrap_or_default(),
            scenes: Bounded::try_from_vec(scenes.collect()).unwrap_or_default(),
        }
    }

    fn fallback_tempo() -> Tempo {
        Tempo::from_milli_bpm(120_000).unwrap_or_else(|| unreachable!("120 BPM is a tempo"))
    }
}
