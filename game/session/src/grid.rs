//! The grid: tracks × scenes of clips, and what each track plays.

use crate::{
    bounded::Bounded,
    library::{Sound, SoundId},
    limits::{CLIP_BEATS_MAX, QUEUE_MAX, SCENES_MAX, TRACKS_MAX},
    state::SeatId,
    text::Name,
    time::{Beats, Quantise},
    values::{Colour, Gain, Pan},
};
use serde::{Deserialize, Serialize};

/// A column of the grid. Stays the same while columns are added, removed and moved around it; a new one takes a number
/// that has not been used for long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TrackId(pub u8);

/// A row of the grid, see [`TrackId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SceneId(pub u8);

/// A slot of the grid: where a column and a row cross.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cell {
    /// Column.
    pub track: TrackId,
    /// Row.
    pub scene: SceneId,
}

impl Cell {
    /// The slot where these two cross.
    pub const fn new(track: TrackId, scene: SceneId) -> Self {
        Self { track, scene }
    }
}

/// What lies in a slot.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Clip {
    /// The sound it plays.
    pub sound: SoundId,
    /// What players read on the pad.
    pub name: Name,
    /// Colour of the pad.
    pub colour: Colour,
    /// Length in beats, positive, at most [`CLIP_BEATS_MAX`].
    pub length: Beats,
    /// Whether it repeats; otherwise it sounds once.
    pub looped: bool,
    /// Volume of this clip.
    pub gain: Gain,
    /// The boundary of its launches; the session's when `None`.
    pub quantise: Option<Quantise>,
    /// Who put it there, by name, for they may be gone; empty for what was there from the start.
    pub author: Name,
}

impl Clip {
    /// A clip of a library sound, as the library describes it.
    pub fn of(sound: &Sound) -> Self {
        Self {
            sound: sound.id.clone(),
            name: Name::sanitised(&sound.name),
            colour: sound.colour,
            length: sound.length(),
            looped: sound.looped,
            gain: Gain::UNITY,
            quantise: None,
            author: Name::default(),
        }
    }

    /// Whether its length is one.
    pub fn is_sound(&self) -> bool {
        is_length(self.length)
    }

    /// Lets one of its properties be another.
    pub fn change(&mut self, change: &ClipChange) {
        match change {
            ClipChange::Name(name) => self.name = name.clone(),
            ClipChange::Colour(colour) => self.colour = *colour,
            ClipChange::Gain(gain) => self.gain = *gain,
            ClipChange::Looped(looped) => self.looped = *looped,
            ClipChange::Quantise(quantise) => self.quantise = *quantise,
            ClipChange::Length(length) => self.length = *length,
        }
    }
}

/// Whether a clip can be so long.
pub(crate) fn is_length(length: Beats) -> bool {
    length > Beats::ZERO && length <= Beats::whole(CLIP_BEATS_MAX)
}

/// A property of a clip, and what it becomes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ClipChange {
    /// What players read on the pad.
    Name(Name),
    /// Colour of the pad.
    Colour(Colour),
    /// Volume of this clip.
    Gain(Gain),
    /// Whether it repeats.
    Looped(bool),
    /// The boundary of its launches.
    Quantise(Option<Quantise>),
    /// How many beats its sound lasts, as [`Clip::length`]: who brings a loop may correct what it was taken for.
    Length(Beats),
}

/// A property of a track that is not its mixer's, and what it becomes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TrackChange {
    /// Name over the column.
    Name(Name),
    /// Colour of the column.
    Colour(Colour),
}

/// A property of a scene, and what it becomes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SceneChange {
    /// Name beside the row.
    Name(Name),
    /// Colour of the row's button; none, if it has none of its own.
    Colour(Option<Colour>),
}

/// What a column holds that can be copied, removed and brought back.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Column {
    /// Name over it.
    pub name: Name,
    /// Its colour.
    pub colour: Colour,
    /// Volume.
    pub gain: Gain,
    /// Position between the speakers.
    pub pan: Pan,
    /// Its clips, by row.
    pub clips: Bounded<(SceneId, Clip), SCENES_MAX>,
}

impl Column {
    /// A column without clips.
    pub fn empty(name: &str, colour: Colour) -> Self {
        let (name, gain, pan) = (Name::sanitised(name), Gain::UNITY, Pan::CENTRE);
        Self { name, colour, gain, pan, clips: Bounded::new() }
    }
}

/// What a row holds that can be copied, removed and brought back.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Row {
    /// Name beside it.
    pub name: Name,
    /// Its colour, if it has one of its own.
    pub colour: Option<Colour>,
    /// Its clips, by column.
    pub clips: Bounded<(TrackId, Clip), TRACKS_MAX>,
}

/// What a track plays: a scene's clip, from a beat on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Playing {
    /// Row of the clip.
    pub scene: SceneId,
    /// The beat at which it started.
    pub since: Beats,
    /// Who launched it, unless they are gone.
    pub by: Option<SeatId>,
}

/// What a track does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Action {
    /// Plays the clip of this scene from its start.
    Launch(SceneId),
    /// Falls silent.
    Stop,
}

/// An action, and the beat at which it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Queued {
    /// What happens.
    pub action: Action,
    /// When it happens.
    pub at: Beats,
    /// Who asked for it, unless they are gone.
    pub by: Option<SeatId>,
}

/// A row of the grid.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Scene {
    /// Which row it is.
    pub id: SceneId,
    /// Name beside the row.
    pub name: Name,
    /// Colour of its button, if it has one of its own.
    pub colour: Option<Colour>,
}

/// A column of the grid: its clips, its mixer strip, and what it plays. One clip plays per track.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Track {
    /// Which column it is.
    pub id: TrackId,
    /// Name over the column.
    pub name: Name,
    /// Colour of the column.
    pub colour: Colour,
    /// Volume.
    pub gain: Gain,
    /// Position between the speakers.
    pub pan: Pan,
    /// Silenced by its own button.
    pub mute: bool,
    /// Soloed: while any track is, only soloed ones are heard, and solo beats mute.
    pub solo: bool,
    /// Its clips, by row; a row without one is an empty slot.
    pub clips: Bounded<(SceneId, Clip), SCENES_MAX>,
    /// What it plays, unless something in [`Track::queue`] has come due.
    pub playing: Option<Playing>,
    /// What it does next, in ascending order. Once its beat has passed, that *is* what it does.
    pub queue: Bounded<Queued, QUEUE_MAX>,
}

impl Track {
    /// A column that plays nothing yet.
    pub fn new(id: TrackId, column: Column) -> Self {
        let Column { name, colour, gain, pan, clips } = column;
        Self { id, name, colour, gain, pan, mute: false, solo: false, clips, playing: None, queue: Bounded::new() }
    }

    /// What can be copied of it.
    pub fn column(&self) -> Column {
        let Self { name, colour, gain, pan, clips, .. } = self.clone();
        Column { name, colour, gain, pan, clips }
    }

    /// The clip in a scene's slot.
    pub fn clip(&self, scene: SceneId) -> Option<&Clip> {
        self.clips.iter().find_map(|(row, clip)| (*row == scene).then_some(clip))
    }

    /// As [`Track::clip`], to be changed.
    pub fn clip_mut(&mut self, scene: SceneId) -> Option<&mut Clip> {
        self.clips.as_mut_slice().iter_mut().find_map(|(row, clip)| (*row == scene).then_some(clip))
    }

    /// Puts a clip into a scene's slot, or empties it: what then plays or waits there falls silent.
    pub fn set_clip(&mut self, scene: SceneId, clip: Option<Clip>) {
        self.clips.retain(|(row, _)| *row != scene);
        match clip {
            Some(clip) => {
                let at = self.clips.partition_point(|(row, _)| *row < scene);
                // One slot a scene, and as much room as scenes.
                let _ = self.clips.insert(at, (scene, clip));
            }
            None => self.forget(scene),
        }
    }

    /// Plays and will play nothing of this scene any more.
    pub fn forget(&mut self, scene: SceneId) {
        self.playing = self.playing.filter(|playing| playing.scene != scene);
        self.queue.retain(|queued| queued.action != Action::Launch(scene));
    }

    /// Lets two of its slots change places; what plays goes on.
    pub fn swap(&mut self, a: SceneId, b: SceneId) {
        let other = |scene: SceneId| match scene {
            _ if scene == a => b,
            _ if scene == b => a,
            _ => scene,
        };
        for (row, _) in self.clips.as_mut_slice() {
            *row = other(*row);
        }
        // Few, and nearly in order.
        let clips = self.clips.as_mut_slice();
        for from in 1..clips.len() {
            for place in (1..=from).rev() {
                if clips[place - 1].0 < clips[place].0 {
                    break;
                }
                clips.swap(place - 1, place);
            }
        }
        self.playing = self.playing.map(|playing| Playing { scene: other(playing.scene), ..playing });
        for queued in self.queue.as_mut_slice() {
            if let Action::Launch(scene) = &mut queued.action {
                *scene = other(*scene);
            }
        }
    }

    /// What it plays at `beat`: state is a function of time. A one-shot is still "playing" after its end; ask
    /// [`Track::is_sounding_at`].
    pub fn playing_at(&self, beat: Beats) -> Option<Playing> {
        match self.queue.iter().rev().find(|queued| queued.at <= beat) {
            Some(Queued { action: Action::Launch(scene), at, by }) => {
                Some(Playing { scene: *scene, since: *at, by: *by })
            }
            Some(Queued { action: Action::Stop, .. }) => None,
            None => self.playing,
        }
    }

    /// What was decided last and is still to come at `beat`.
    pub fn queued_at(&self, beat: Beats) -> Option<Queued> {
        self.queue.last().copied().filter(|queued| queued.at > beat)
    }

    /// Whether the clip that plays at `beat` has not come to its end.
    pub fn is_sounding_at(&self, beat: Beats) -> bool {
        self.playing_at(beat).is_some_and(|playing| {
            self.clip(playing.scene).is_some_and(|clip| clip.looped || beat - playing.since < clip.length)
        })
    }

    /// Makes what has come due by `beat` the present.
    pub fn settle(&mut self, beat: Beats) {
        self.playing = self.playing_at(beat);
        self.queue.retain(|queued| queued.at > beat);
    }

    /// Whether at `present` one more action, at `at`, fits behind those that are due by `horizon` and can no longer be
    /// taken back.
    pub fn takes(&self, present: Beats, horizon: Beats, at: Beats) -> bool {
        let mut kept = self.queue.iter().filter(|queued| queued.at > present && queued.at <= horizon);
        kept.clone().count() < QUEUE_MAX && kept.all(|queued| queued.at <= at)
    }

    /// Drops what is due after `horizon`: some seat may already sound what is due before it.
    pub fn unqueue_after(&mut self, horizon: Beats) {
        self.queue.retain(|queued| queued.at <= horizon);
    }

    /// Lets `queued` replace what is due after `horizon`. Returns whether there was room.
    pub fn requeue_after(&mut self, horizon: Beats, queued: Queued) -> bool {
        self.unqueue_after(horizon);
        self.queue.last().is_none_or(|last| last.at <= queued.at) && self.queue.push(queued).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(playing: Option<Playing>, queue: &[Queued]) -> Track {
        let clip = Clip {
            sound: SoundId::parse("drums").unwrap_or_else(|| unreachable!()),
            name: Name::sanitised("Drums"),
            colour: Colour([1, 2, 3]),
            length: Beats::whole(4),
            looped: false,
            gain: Gain::UNITY,
            quantise: None,
            author: Name::default(),
        };
        let column = Column {
            name: Name::default(),
            colour: Colour([0; 3]),
            gain: Gain::UNITY,
            pan: Pan::CENTRE,
            clips: Bounded::try_from_vec(vec![(SceneId(0), clip)]).unwrap_or_default(),
        };
        let queue = Bounded::try_from_vec(queue.to_vec()).unwrap_or_default();
        Track { playing, queue, ..Track::new(TrackId(0), column) }
    }

    #[test]
    fn a_queued_launch_is_playing_once_its_beat_has_come() {
        let by = Some(SeatId(0));
        let queued = Queued { action: Action::Launch(SceneId(0)), at: Beats::whole(4), by };
        let mut track = track(None, &[queued]);
        assert_eq!(track.playing_at(Beats(3_999_999_999)), None);
        let playing = Playing { scene: SceneId(0), since: Beats::whole(4), by };
        assert_eq!(track.playing_at(Beats::whole(4)), Some(playing));
        assert_eq!(track.queued_at(Beats::whole(4)), None);
        track.settle(Beats::whole(5));
        assert_eq!((track.playing, track.queue.len()), (Some(playing), 0));
    }

    #[test]
    fn what_may_already_sound_somewhere_is_not_taken_back() {
        let queued =
            |scene, at| Queued { action: Action::Launch(SceneId(scene)), at: Beats::whole(at), by: Some(SeatId(0)) };
        let mut track = track(None, &[queued(0, 4), queued(1, 8)]);
        assert!(track.requeue_after(Beats::whole(4), queued(2, 8)));
        assert_eq!(&track.queue[..], &[queued(0, 4), queued(2, 8)]);
        assert_eq!(track.playing_at(Beats::whole(4)).map(|p| p.scene), Some(SceneId(0)));
        assert_eq!(track.playing_at(Beats::whole(8)).map(|p| p.scene), Some(SceneId(2)));
    }

    #[test]
    fn a_one_shot_sounds_once() {
        let track = track(Some(Playing { scene: SceneId(0), since: Beats::ZERO, by: None }), &[]);
        assert!(track.is_sounding_at(Beats(3_999_999_999)));
        assert!(!track.is_sounding_at(Beats::whole(4)));
    }

    #[test]
    fn what_plays_follows_its_clip_to_another_row_and_ends_with_it() {
        let playing = Playing { scene: SceneId(0), since: Beats::ZERO, by: None };
        let mut track = track(Some(playing), &[]);
        track.swap(SceneId(0), SceneId(3));
        assert_eq!(track.playing.map(|playing| playing.scene), Some(SceneId(3)));
        assert!(track.clip(SceneId(0)).is_none() && track.clip(SceneId(3)).is_some());
        track.set_clip(SceneId(3), None);
        assert_eq!((track.playing, track.clips.len()), (None, 0));
    }
}
