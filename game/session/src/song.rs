//! What a session can be kept as and opened from again: its grid, its mixer and its pace, without players and at rest.
//!
//! ```text
//! SessionState ─→ Song ─→ JSON ─→ file … file ─→ JSON ─→ Song ─→ SessionSetup ─→ a new Authority
//! ```
//!
//! JSON, so that people can read it. Rows and columns are told by their place, so that a session that was opened from a
//! song is the same song again, whatever has been moved around in it. Whatever is read obeys the bounds of edits: a
//! [`Song`] that is there is one that a session can begin with.

use crate::{
    bounded::Bounded,
    grid::{Clip, Column, Scene, SceneId, Track, TrackId},
    limits::{SCENES_MAX, SONG_BYTES_MAX, TRACKS_MAX},
    meter::TimeSignature,
    sample::SampleHash,
    setup::SessionSetup,
    state::SessionState,
    text::Name,
    time::{Quantise, Tempo},
    values::{Colour, Gain, Pan},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use thiserror::Error;

/// Version of the format. Bumped whenever an older game could not read it, or would lose something.
pub const SONG_VERSION: u32 = 1;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct Song(Parts);

/// A song that may contradict itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    version: u32,
    /// Milli-BPM.
    tempo: Tempo,
    signature: TimeSignature,
    quantise: Quantise,
    scenes: Bounded<SongScene, SCENES_MAX>,
    tracks: Bounded<SongTrack, TRACKS_MAX>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SongScene {
    name: Name,
    colour: Option<Colour>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SongTrack {
    name: Name,
    colour: Colour,
    /// Centi-decibels.
    gain: Gain,
    /// −100 … 100.
    pan: Pan,
    mute: bool,
    solo: bool,
    /// By row, from the top.
    clips: Bounded<Slot, SCENES_MAX>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Slot {
    /// Rows above it.
    row: u8,
    clip: Clip,
}

/// Why something is no song. Each reads as a sentence for the player.
#[derive(Debug, Error)]
pub enum BadSong {
    /// More bytes than the largest song needs.
    #[error("The session's score is larger than {SONG_BYTES_MAX} bytes.")]
    TooLarge,
    /// Another version of the format; it may look different.
    #[error(
        "The session was saved by another version of Keyboardia (format {0}, this one reads {SONG_VERSION}): update the \
         older one."
    )]
    OtherVersion(u64),
    /// Not JSON, not a song, or one beyond the bounds of a session.
    #[error("The session's score is damaged: {0}.")]
    Unreadable(#[from] serde_json::Error),
}

impl Song {
    /// What of a session is kept.
    pub fn of(state: &SessionState) -> Self {
        let scenes = state.scenes().iter().map(|Scene { name, colour, .. }| {
            let (name, colour) = (name.clone(), *colour);
            SongScene { name, colour }
        });
        let tracks = state.tracks().iter().map(|track| SongTrack::of(track, state));
        // A session is within the same bounds.
        Self(Parts {
            version: SONG_VERSION,
            tempo: state.transport().last().tempo,
            signature: state.meters().last().signature,
            quantise: state.quantise(),
            scenes: Bounded::try_from_vec(scenes.collect()).unwrap_or_default(),
            tracks: Bounded::try_from_vec(tracks.collect()).unwrap_or_default(),
        })
    }

    /// Reads one. The version is looked at first: another one may be read in another way.
    ///
    /// # Errors
    /// [`BadSong`]: the first thing that is wrong.
    pub fn parse(json: &[u8]) -> Result<Self, BadSong> {
        #[derive(Deserialize)]
        struct Written {
            version: u64,
        }
        if json.len() > SONG_BYTES_MAX {
            return Err(BadSong::TooLarge);
        }
        let Written { version } = serde_json::from_slice(json)?;
        if version != u64::from(SONG_VERSION) {
            return Err(BadSong::OtherVersion(version));
        }
        Ok(serde_json::from_slice(json)?)
    }

    /// As people can read it; at most [`SONG_BYTES_MAX`] bytes, the same for the same song.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// The players' own sounds in it.
    pub fn samples(&self) -> BTreeSet<SampleHash> {
        self.clips().filter_map(|clip| clip.sound.sample()).collect()
    }

    /// Its clips, column by column.
    pub fn clips(&self) -> impl Iterator<Item = &Clip> {
        self.0.tracks.iter().flat_map(|track| track.clips.iter().map(|slot| &slot.clip))
    }

    /// What a session begins with that is opened from it.
    pub fn setup(&self) -> SessionSetup {
        let Parts { tempo, signature, quantise, scenes, tracks, .. } = &self.0;
        let scenes = (0..).map(SceneId).zip(scenes.iter());
        let scenes = scenes.map(|(id, SongScene { name, colour })| Scene { id, name: name.clone(), colour: *colour });
        let tracks = (0..).map(TrackId).zip(tracks.iter()).map(|(id, track)| track.track(id));
        SessionSetup {
            tempo: *tempo,
            signature: *signature,
            quantise: *quantise,
            tracks: Bounded::try_from_vec(tracks.collect()).unwrap_or_default(),
            scenes: Bounded::try_from_vec(scenes.collect()).unwrap_or_default(),
        }
    }
}

impl SongTrack {
    fn of(track: &Track, state: &SessionState) -> Self {
        let Track { name, colour, gain, pan, mute, solo, .. } = track.clone();
        let slot = |(scene, clip): &(SceneId, Clip)| {
            Some(Slot { row: state.scene_position(*scene)? as u8, clip: clip.clone() })
        };
        let mut clips: Vec<Slot> = track.clips.iter().filter_map(slot).collect();
        clips.sort_by_key(|slot| slot.row);
        Self { name, colour, gain, pan, mute, solo, clips: Bounded::try_from_vec(clips).unwrap_or_default() }
    }

    fn track(&self, id: TrackId) -> Track {
        let Self { name, colour, gain, pan, mute, solo, clips } = self.clone();
        let clips = clips.iter().map(|slot| (SceneId(slot.row), slot.clip.clone())).collect();
        let clips = Bounded::try_from_vec(clips).unwrap_or_default();
        Track { mute, solo, ..Track::new(id, Column { name, colour, gain, pan, clips }) }
    }
}

impl TryFrom<Parts> for Song {
    type Error = &'static str;

    fn try_from(parts: Parts) -> Result<Self, Self::Error> {
        if parts.version != SONG_VERSION {
            return Err("it is of another version");
        }
        if parts.scenes.is_empty() || parts.tracks.is_empty() {
            return Err("it needs a track and a scene at least");
        }
        let rows = parts.scenes.len();
        for track in &*parts.tracks {
            let is_in_order = track.clips.windows(2).all(|pair| pair[0].row < pair[1].row);
            if !is_in_order || track.clips.iter().any(|slot| usize::from(slot.row) >= rows) {
                return Err("a clip lies where no row is, or where another one lies");
            }
            if track.clips.iter().any(|slot| !slot.clip.is_sound() || slot.clip.name.is_empty()) {
                return Err("a clip has no name, or a length that no clip can have");
            }
        }
        Ok(Self(parts))
    }
}

impl From<Song> for Parts {
    fn from(song: Song) -> Self {
        song.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Authority, Beats, Manifest, Micros, SoundId, limits::CLIP_BEATS_MAX};
    use proptest::prelude::*;

    fn starter() -> Song {
        let setup = SessionSetup::starter(&Manifest::builtin().unwrap_or_else(|_| unreachable!()));
        Song::of(Authority::new(setup, Micros(1)).state())
    }

    fn name() -> impl Strategy<Value = Name> {
        "[\"\\\\ a-zäß🎹]{1,24}".prop_map(|text| Name::sanitised(&format!("n{text}")))
    }

    fn clip() -> impl Strategy<Value = Clip> {
        let sound = prop_oneof![
            any::<[u8; 8]>().prop_map(|bytes| SoundId::of_sample(SampleHash::of(&bytes))),
            Just("kick").prop_map(|id| SoundId::parse(id).unwrap_or_else(|| unreachable!())),
        ];
        let length = (1..=Beats::whole(CLIP_BEATS_MAX).0).prop_map(Beats);
        let quantise = prop::option::of(prop::sample::select(&[Quantise::None, Quantise::Sixteenth][..]));
        (sound, name(), any::<[u8; 3]>(), length, any::<bool>(), -70.0..6.0, quantise, name()).prop_map(
            |(sound, name, colour, length, looped, db, quantise, author)| {
                let gain = Gain::from_db(db).unwrap_or(Gain::UNITY);
                Clip { sound, name, colour: Colour(colour), length, looped, gain, quantise, author }
            },
        )
    }

    fn track(rows: usize) -> impl Strategy<Value = SongTrack> {
        let clips = prop::collection::vec(prop::option::of(clip()), rows);
        (name(), any::<[u8; 3]>(), -100..=100_i8, any::<[bool; 2]>(), clips).prop_map(
            |(name, colour, pan, [mute, solo], clips)| {
                let slots = (0..).zip(clips).filter_map(|(row, clip)| Some(Slot { row, clip: clip? })).collect();
                let (gain, pan) = (Gain::SILENCE, Pan::new(pan).unwrap_or_default());
                let clips = Bounded::try_from_vec(slots).unwrap_or_default();
                SongTrack { name, colour: Colour(colour), gain, pan, mute, solo, clips }
            },
        )
    }

    fn song() -> impl Strategy<Value = Song> {
        (1..=SCENES_MAX).prop_flat_map(|rows| {
            let scene = (name(), prop::option::of(any::<[u8; 3]>()));
            let scenes = prop::collection::vec(scene, rows);
            let tracks = prop::collection::vec(track(rows), 1..=TRACKS_MAX);
            let signature = prop::sample::select(&TimeSignature::ALL[..]);
            (20_000..=999_000_u32, signature, scenes, tracks).prop_map(|(tempo, signature, scenes, tracks)| {
                let scenes =
                    scenes.into_iter().map(|(name, colour)| SongScene { name, colour: colour.map(Colour) }).collect();
                Song(Parts {
                    version: SONG_VERSION,
                    tempo: Tempo::from_milli_bpm(tempo).unwrap_or_else(|| unreachable!()),
                    signature,
                    quantise: Quantise::Sixteenth,
                    scenes: Bounded::try_from_vec(scenes).unwrap_or_default(),
                    tracks: Bounded::try_from_vec(tracks).unwrap_or_default(),
                })
            })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_song_is_the_same_after_a_file_and_after_a_session(song in song()) {
            let json = song.to_json();
            prop_assert!(json.len() <= SONG_BYTES_MAX, "{} bytes", json.len());
            let read = Song::parse(&json).unwrap();
            prop_assert_eq!(&read, &song);
            let authority = Authority::new(read.setup(), Micros(1));
            let state = crate::SessionState::decode(&authority.state().encode()).expect("a state that is one");
            prop_assert_eq!(Song::of(&state).to_json(), json);
        }

        #[test]
        fn what_is_cut_or_changed_is_refused_or_is_another_song(at in any::<prop::sample::Index>(), to in any::<u8>()) {
            let json = starter().to_json();
            let at = at.index(json.len());
            prop_assert!(Song::parse(&json[..at]).is_err());
            let mut changed = json;
            changed[at] = to;
            if let Ok(song) = Song::parse(&changed) {
                prop_assert!(crate::SessionState::decode(&Authority::new(song.setup(), Micros(1)).state().encode()).is_some());
            }
        }
    }

    #[test]
    fn the_starter_is_kept_whole_and_its_place_counts_not_its_number() {
        let song = starter();
        assert_eq!(song.setup(), Song::parse(&song.to_json()).unwrap().setup());
        assert!(song.clips().count() > 10 && song.samples().is_empty());
    }

    #[test]
    fn another_version_and_what_no_session_can_hold_get_sentences() {
        let json = String::from_utf8(starter().to_json()).unwrap();
        let bad = |from: &str, to: &str| {
            assert!(json.contains(from), "{from}");
            let sentence = Song::parse(json.replacen(from, to, 1).as_bytes()).unwrap_err().to_string();
            assert!(sentence.ends_with('.'), "{sentence}");
            sentence
        };
        assert!(bad("\"version\": 1", "\"version\": 2").contains("another version"));
        bad("\"tempo\": ", "\"tempo\": 9");
        bad("\"row\": 0", "\"row\": 200");
        bad("\"row\": 1", "\"row\": 0");
        bad("\"length\": ", "\"length\": -");
        bad("\"pan\": 0", "\"pan\": 101");
        bad("\"mute\"", "\"muted\"");
        assert!(matches!(Song::parse(&vec![b' '; SONG_BYTES_MAX + 1]), Err(BadSong::TooLarge)));
    }
}
