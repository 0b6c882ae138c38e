//! The control side as a player sees it, wherever the engine is: in the same program, or at the other end of a port.

use crate::{
    deck::Onset,
    ears::Ears,
    engine::{Engine, PreviewRequest},
    limits::{ONSETS_WAITING_MAX, TO_ENGINE_WAITING_MAX},
    meter::Levels,
    sample::Sample,
};
use keyboardia_session::{Gain, Score, SoundId, TrackId};
use serde::{Deserialize, Serialize};
use std::{collections::VecDeque, sync::Arc};

/// The control side of an engine.
pub trait SoundControl {
    /// A decoded sound, as it is handed to the engine.
    type Sample;

    /// Lets this score sound. Cheap when little has changed.
    fn set_score(&mut self, score: &Score);
    /// Lets this player alone hear the session differently.
    fn set_ears(&mut self, ears: &Ears);
    /// Lets this player alone hear the counts of the bar, this loud; `None` for silence.
    fn set_metronome(&mut self, gain: Option<Gain>);
    /// Lets this player alone hear a sound that was added, instead of the one that is previewed. Returns whether it was.
    fn preview(&mut self, request: &PreviewRequest) -> bool;
    /// Fades the preview out.
    fn stop_preview(&mut self);
    /// Whether a sound is previewed and has not ended.
    fn is_previewing(&self) -> bool;
    /// Makes a sound known. What waits for it starts in phase.
    fn add_sample(&mut self, id: SoundId, sample: Self::Sample);
    /// Forgets sounds that nobody plays and that are not to be kept. To be called now and then.
    fn tidy(&mut self, keep: &dyn Fn(&SoundId) -> bool);
    /// The peaks since they were taken last.
    fn take_levels(&mut self) -> Levels;
    /// The clips that began to sound since the last call, by track.
    fn take_onsets(&mut self) -> Vec<(TrackId, Onset)>;
    /// How far the sound is behind (positive) or ahead of the session, nanoseconds.
    fn phase_error_ns(&self) -> i64;
}

impl SoundControl for Engine {
    type Sample = Arc<Sample>;

    fn set_score(&mut self, score: &Score) {
        Self::set_score(self, score);
    }

    fn set_ears(&mut self, ears: &Ears) {
        Self::set_ears(self, ears);
    }

    fn set_metronome(&mut self, gain: Option<Gain>) {
        Self::set_metronome(self, gain);
    }

    fn preview(&mut self, request: &PreviewRequest) -> bool {
        Self::preview(self, request)
    }

    fn stop_preview(&mut self) {
        Self::stop_preview(self);
    }

    fn is_previewing(&self) -> bool {
        self.previewing().is_some()
    }

    fn add_sample(&mut self, id: SoundId, sample: Arc<Sample>) {
        Self::add_sample(self, id, sample);
    }

    fn tidy(&mut self, keep: &dyn Fn(&SoundId) -> bool) {
        Self::tidy(self, keep);
    }

    fn take_levels(&mut self) -> Levels {
        Self::take_levels(self)
    }

    fn take_onsets(&mut self) -> Vec<(TrackId, Onset)> {
        Self::take_onsets(self).collect()
    }

    fn phase_error_ns(&self) -> i64 {
        self.status().phase_error_ns()
    }
}

/// What an engine elsewhere is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ToEngine {
    /// What must sound.
    Score(Box<Score>),
    /// What this player alone hears differently.
    Ears(Ears),
    /// How loud the counts of the bar are; `None` for silence.
    Metronome(Option<Gain>),
    /// A preview: its number, counted by who asks, and its sound; `None` ends what plays.
    Preview(u32, Option<PreviewRequest>),
    /// A sound, which travels beside this message.
    Sample(SoundId),
    /// The sounds to keep; what else nobody plays is forgotten.
    Keep(Vec<SoundId>),
}

/// What an engine elsewhere tells of itself, some fifty times a second.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct FromEngine {
    /// Frames rendered so far.
    pub frames: u64,
    /// How far the sound is behind (positive) or ahead of the session, nanoseconds.
    pub phase_error_ns: i64,
    /// The peaks since the last report.
    pub levels: Levels,
    /// The clips that began to sound since the last report.
    pub onsets: Vec<(TrackId, Onset)>,
    /// Number of the last preview that was heard of, and whether it sounds.
    pub preview: (u32, bool),
    /// Voices that sound.
    pub voices: u32,
}

/// The control side of an engine at the other end of a port.
#[derive(Debug, Default)]
pub struct RemoteEngine {
    outgoing: VecDeque<ToEngine>,
    /// In order.
    known: Vec<SoundId>,
    told_keep: Vec<SoundId>,
    preview: u32,
    is_previewing: bool,
    levels: Levels,
    onsets: VecDeque<(TrackId, Onset)>,
    phase_error_ns: i64,
}

impl RemoteEngine {
    /// What is to be sent next.
    pub fn next_message(&mut self) -> Option<ToEngine> {
        self.outgoing.pop_front()
    }

    /// Takes what the engine tells.
    pub fn heard(&mut self, report: FromEngine) {
        self.phase_error_ns = report.phase_error_ns;
        let louder = |old: [f32; 2], new: [f32; 2]| [0, 1].map(|side| old[side].max(new[side]));
        self.levels.master = louder(self.levels.master, report.levels.master);
        let before = std::mem::take(&mut self.levels.tracks);
        let follow = |(id, level)| (id, louder(before.get(&id).copied().unwrap_or_default(), level));
        self.levels.tracks = report.levels.tracks.into_iter().map(follow).collect();
        for onset in report.onsets {
            if self.onsets.len() >= ONSETS_WAITING_MAX {
                self.onsets.pop_front();
            }
            self.onsets.push_back(onset);
        }
        if report.preview.0 == self.preview {
            self.is_previewing = report.preview.1;
        }
    }

    /// Tells the engine. Where too much waits, it does not listen, and the newest is worth more than the oldest.
    fn tell(&mut self, message: ToEngine) {
        if self.outgoing.len() >= TO_ENGINE_WAITING_MAX {
            self.outgoing.pop_front();
        }
        self.outgoing.push_back(message);
    }
}

impl SoundControl for RemoteEngine {
    /// The frames travel beside the messages.
    type Sample = ();

    fn set_score(&mut self, score: &Score) {
        self.outgoing.retain(|message| !matches!(message, ToEngine::Score(_)));
        self.tell(ToEngine::Score(Box::new(score.clone())));
    }

    fn set_ears(&mut self, ears: &Ears) {
        self.tell(ToEngine::Ears(ears.clone()));
    }

    fn set_metronome(&mut self, gain: Option<Gain>) {
        self.tell(ToEngine::Metronome(gain));
    }

    fn preview(&mut self, request: &PreviewRequest) -> bool {
        let is_known = self.known.binary_search(&request.sound).is_ok();
        if is_known {
            self.preview = self.preview.wrapping_add(1);
            self.is_previewing = true;
            self.tell(ToEngine::Preview(self.preview, Some(request.clone())));
        } else {
            self.stop_preview();
        }
        is_known
    }

    fn stop_preview(&mut self) {
        if std::mem::take(&mut self.is_previewing) {
            self.preview = self.preview.wrapping_add(1);
            self.tell(ToEngine::Preview(self.preview, None));
        }
    }

    fn is_previewing(&self) -> bool {
        self.is_previewing
    }

    fn add_sample(&mut self, id: SoundId, (): ()) {
        if let Err(place) = self.known.binary_search(&id) {
            self.known.insert(place, id.clone());
        }
        self.tell(ToEngine::Sample(id));
    }

    fn tidy(&mut self, keep: &dyn Fn(&SoundId) -> bool) {
        self.known.retain(|id| keep(id));
        if self.known != self.told_keep {
            self.told_keep.clone_from(&self.known);
            self.tell(ToEngine::Keep(self.known.clone()));
        }
    }

    fn take_levels(&mut self) -> Levels {
        // A track stays known while it has no news.
        let known = self.levels.tracks.keys().map(|id| (*id, [0.0; 2])).collect();
        std::mem::replace(&mut self.levels, Levels { tracks: known, master: [0.0; 2] })
    }

    fn take_onsets(&mut self) -> Vec<(TrackId, Onset)> {
        std::mem::take(&mut self.onsets).into_iter().collect()
    }

    fn phase_error_ns(&self) -> i64 {
        self.phase_error_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preview::PreviewStart;
    use keyboardia_session::Beats;

    fn id(text: &str) -> SoundId {
        SoundId::parse(text).unwrap()
    }

    #[test]
    fn only_a_known_sound_is_previewed_and_only_the_newest_preview_ends() {
        let mut engine = RemoteEngine::default();
        let start = PreviewStart::Now;
        let request = PreviewRequest { sound: id("kick"), length: Beats::from_f64(1.0), looped: false, start };
        assert!(!engine.preview(&request) && engine.next_message().is_none());
        engine.add_sample(id("kick"), ());
        assert!(engine.preview(&request) && engine.preview(&request) && engine.is_previewing());
        engine.heard(FromEngine { preview: (1, false), ..FromEngine::default() });
        assert!(engine.is_previewing(), "the first one is over, not the second");
        engine.heard(FromEngine { preview: (2, false), ..FromEngine::default() });
        assert!(!engine.is_previewing());
        let told: Vec<_> = std::iter::from_fn(|| engine.next_message()).collect();
        assert_eq!(told[0], ToEngine::Sample(id("kick")));
        assert_eq!(told[2], ToEngine::Preview(2, Some(request)));
    }

    #[test]
    fn no_peak_is_lost_between_two_looks() {
        let mut engine = RemoteEngine::default();
        let report = |level| FromEngine {
            levels: Levels { tracks: [(TrackId(1), [level; 2])].into(), master: [level, 0.0] },
            ..FromEngine::default()
        };
        engine.heard(report(0.75));
        engine.heard(report(0.25));
        let levels = engine.take_levels();
        assert_eq!((levels.master, levels.tracks[&TrackId(1)]), ([0.75, 0.0], [0.75; 2]));
        let levels = engine.take_levels();
        assert_eq!((levels.master, levels.tracks[&TrackId(1)]), ([0.0; 2], [0.0; 2]), "a level is told once");
    }

    #[test]
    fn what_is_to_be_kept_is_told_when_it_changes() {
        let mut engine = RemoteEngine::default();
        engine.add_sample(id("kick"), ());
        engine.add_sample(id("snare"), ());
        let told = |engine: &mut RemoteEngine| std::iter::from_fn(|| engine.next_message()).collect::<Vec<_>>();
        told(&mut engine);
        engine.tidy(&|_| true);
        assert_eq!(told(&mut engine), [ToEngine::Keep([id("kick"), id("snare")].into())]);
        engine.tidy(&|_| true);
        assert!(told(&mut engine).is_empty());
        engine.tidy(&|sound| *sound == id("kick"));
        assert_eq!(told(&mut engine), [ToEngine::Keep([id("kick")].into())]);
    }
}
