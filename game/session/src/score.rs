//! The score: what must sound, derived from a replica and nothing else.

use crate::{
    grid::{Action, SceneId, Track, TrackId},
    library::SoundId,
    meter::Meters,
    state::SessionState,
    time::Beats,
    transport::Transport,
    values::{Gain, Pan},
};
use serde::{Deserialize, Serialize};

/// What must sound, now and as far as is decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Beats and time.
    pub transport: Transport,
    /// Bars and their counts, for the metronome.
    pub meters: Meters,
    /// Tracks from left to right.
    pub tracks: Vec<TrackScore>,
}

/// What one track must sound like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackScore {
    /// Which column it is, wherever it lies.
    pub id: TrackId,
    /// Volume.
    pub gain: Gain,
    /// Position between the speakers.
    pub pan: Pan,
    /// Whether it is heard, with everybody's mute and solo considered.
    pub audible: bool,
    /// What plays first.
    pub now: Option<Voice>,
    /// What replaces it, in ascending order.
    pub next: Vec<Switch>,
}

/// A sound that plays from a beat on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voice {
    /// The sound.
    pub sound: SoundId,
    /// The beat at which its first frame sounds.
    pub start: Beats,
    /// Its length in beats; its position follows the beat, and so its speed the tempo.
    pub length: Beats,
    /// Whether it repeats.
    pub looped: bool,
    /// Volume of the clip.
    pub gain: Gain,
}

/// A change of voice at a beat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switch {
    /// The exact beat.
    pub at: Beats,
    /// What plays from then on; `None` is silence.
    pub voice: Option<Voice>,
}

impl Score {
    /// The score of a state.
    pub fn of(state: &SessionState) -> Self {
        Self {
            transport: state.transport().clone(),
            meters: *state.meters(),
            tracks: state.tracks().iter().map(|track| TrackScore::of(track, state.is_audible(track.id))).collect(),
        }
    }

    /// The sounds that play, then those that are queued; some may be there twice.
    pub fn sounds(&self) -> impl Iterator<Item = &SoundId> {
        let queued = self.tracks.iter().flat_map(|track| track.next.iter().filter_map(|switch| switch.voice.as_ref()));
        self.tracks.iter().filter_map(|track| track.now.as_ref()).chain(queued).map(|voice| &voice.sound)
    }
}

impl TrackScore {
    fn of(track: &Track, audible: bool) -> Self {
        let switch = |action, at| Switch {
            at,
            voice: match action {
                Action::Launch(scene) => voice(track, scene, at),
                Action::Stop => None,
            },
        };
        Self {
            id: track.id,
            gain: track.gain,
            pan: track.pan,
            audible,
            now: track.playing.and_then(|playing| voice(track, playing.scene, playing.since)),
            next: track.queue.iter().map(|queued| switch(queued.action, queued.at)).collect(),
        }
    }

    /// What plays at `beat`.
    pub fn voice_at(&self, beat: Beats) -> Option<&Voice> {
        match self.next.iter().rev().find(|switch| switch.at <= beat) {
            Some(switch) => switch.voice.as_ref(),
            None => self.now.as_ref(),
        }
    }
}

fn voice(track: &Track, scene: SceneId, start: Beats) -> Option<Voice> {
    let clip = track.clip(scene)?;
    Some(Voice { sound: clip.sound.clone(), start, length: clip.length, looped: clip.looped, gain: clip.gain })
}
