//! A deck: one track's permanent player, locked to the clock.
//!
//! A deck is a kira sound that never ends. For each block it learns from the clock on which beats the block begins and
//! ends, and computes the position in the clip from the beat of each frame. So a clip starts on the exact frame, never
//! drifts, follows the tempo, and a late joiner is in phase.

use crate::{
    controller::BeatLine,
    course::{Course, Follower, Passage},
    ledger::{Ledger, Place},
    limits::{DECK_VOICES_MAX, ON_TIME_FRAMES},
    sample::Sample,
    time_map::Nanos,
    voice::{Fades, Voice},
};
use keyboardia_session::{Beats, limits::QUEUE_MAX};
use kira::{
    Frame,
    clock::ClockId,
    info::Info,
    sound::{Sound, SoundData},
};
use rtrb::{Consumer, Producer};
use serde::{Deserialize, Serialize};
use std::{convert::Infallible, sync::Arc};

/// A voice that a deck is to play.
#[derive(Debug, Clone)]
pub struct VoicePlan {
    /// The sound; `None` while it is still being loaded.
    pub sample: Option<Arc<Sample>>,
    /// Tells voices apart: same sound, same number.
    pub sound: u32,
    /// The beat of its first frame.
    pub start: Beats,
    /// Its length in beats, positive.
    pub length: Beats,
    /// Whether it repeats.
    pub looped: bool,
    /// Linear gain.
    pub gain: f32,
}

impl VoicePlan {
    /// Whether it is the same sound at the same place; volume and repetition may change while it plays.
    fn is_same_as(&self, other: &Self) -> bool {
        self.sound == other.sound
            && self.start == other.start
            && self.length == other.length
            && self.sample.is_some() == other.sample.is_some()
    }
}

/// A change of voice.
#[derive(Debug, Clone)]
pub struct SwitchPlan {
    /// The beat of the first frame after it.
    pub at: Beats,
    /// What plays from then on.
    pub voice: Option<VoicePlan>,
}

/// What a deck is to do. No heap of its own; the sounds in it are also held by the control side, so that dropping a
/// plan never frees memory here.
#[derive(Debug, Clone, Default)]
pub struct DeckPlan {
    /// What plays first.
    pub now: Option<VoicePlan>,
    /// What replaces it, in ascending order.
    pub next: [Option<SwitchPlan>; QUEUE_MAX],
}

impl DeckPlan {
    /// The voice at `beat`.
    fn voice_at(&self, beat: Beats) -> Option<&VoicePlan> {
        match self.next.iter().flatten().rev().find(|switch| switch.at <= beat) {
            Some(switch) => switch.voice.as_ref(),
            None => self.now.as_ref(),
        }
    }

    /// The first switch after `beat`.
    fn next_after(&self, beat: Beats) -> Option<Beats> {
        self.next.iter().flatten().map(|switch| switch.at).find(|at| *at > beat)
    }
}

/// A clip began to sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Onset {
    /// The track, from 0.
    pub track: usize,
    /// The beat at which the clip starts by the score.
    pub start: Beats,
    /// The beat of its first audible frame; later than `start` when it began in mid-clip.
    pub beat: Beats,
    /// When that frame leaves the speaker, session time.
    pub at: Nanos,
}

/// A voice of the deck.
struct DeckVoice {
    voice: Voice,
    start: Beats,
    place: Option<Place>,
}

/// What a deck is made of.
pub struct DeckSettings {
    /// The track, from 0.
    pub track: usize,
    /// The clock to follow.
    pub clock: ClockId,
    /// Where that clock stands in the session's beats.
    pub line: Arc<BeatLine>,
    /// Who may sound.
    pub ledger: Arc<Ledger>,
    /// What to do.
    pub plans: Consumer<DeckPlan>,
    /// What was begun.
    pub onsets: Producer<Onset>,
}

impl SoundData for DeckSettings {
    type Error = Infallible;
    type Handle = ();

    fn into_sound(self) -> Result<(Box<dyn Sound>, ()), Infallible> {
        Ok((Box::new(Deck::new(self)), ()))
    }
}

/// See the module.
struct Deck {
    settings: DeckSettings,
    plan: DeckPlan,
    voices: [Option<DeckVoice>; DECK_VOICES_MAX],
    /// What was begun last; it may have ended, or have been silenced to make room.
    begun: Option<VoicePlan>,
    /// The voice of it, while it sounds; all others fade.
    current: Option<usize>,
    follower: Follower,
}

impl Deck {
    fn new(settings: DeckSettings) -> Self {
        let follower = Follower::new(&settings.line);
        Self {
            settings,
            plan: DeckPlan::default(),
            voices: [const { None }; DECK_VOICES_MAX],
            begun: None,
            current: None,
            follower,
        }
    }

    /// The voice that plays and does not fade.
    fn current(&mut self) -> Option<&mut Voice> {
        let voice = self.voices[self.current?].as_mut()?;
        Some(&mut voice.voice)
    }

    /// Lets the current voice fade along its way.
    fn release(&mut self, fades: Fades) {
        let Some(voice) = self.current.take().and_then(|index| self.voices[index].as_mut()) else { return };
        voice.voice.release(fades.release);
        if let Some(place) = voice.place.take() {
            self.settings.ledger.give_back(place);
        }
    }

    /// Brings the sounding voice in line with the plan at `beat`, which is that of frame `frame` of this block.
    fn follow(&mut self, beat: Beats, frame: usize, step: f64, fades: Fades) {
        let wanted = self.plan.voice_at(beat).filter(|plan| plan.start <= beat);
        match (wanted, &self.begun) {
            (None, None) => {}
            (Some(plan), Some(begun)) if plan.is_same_as(begun) => {
                if plan.gain != begun.gain || plan.looped != begun.looped {
                    let plan = plan.clone();
                    self.adapt(plan, beat, frame, step, fades);
                }
            }
            _ => {
                let wanted = wanted.cloned();
                self.release(fades);
                self.begun = None;
                if let Some(plan) = wanted {
                    self.start(plan, beat, frame, step, fades);
                }
            }
        }
    }

    /// Lets what was begun go on by a plan of another volume or repetition.
    fn adapt(&mut self, plan: VoicePlan, beat: Beats, frame: usize, step: f64, fades: Fades) {
        let was_looped = self.begun.as_ref().is_some_and(|begun| begun.looped);
        if let Some(voice) = self.current() {
            voice.set_gain(plan.gain, fades);
        }
        match (was_looped, plan.looped) {
            (true, false) => {
                // Past its end, or too near to fade out before it: it ends here, while it still repeats.
                let fade = Beats((f64::from(fades.release) * step) as i64);
                if beat - plan.start + fade >= plan.length {
                    self.release(fades);
                } else if let Some(voice) = self.current() {
                    voice.looped = false;
                }
            }
            (false, true) => match self.current() {
                Some(voice) if !voice.is_ending() => voice.looped = true,
                _ => {
                    self.release(fades);
                    return self.start(plan, beat, frame, step, fades);
                }
            },
            _ => {}
        }
        self.begun = Some(plan);
    }

    /// Starts a voice, unless it is not loaded or over already. In mid-clip it fades in longer.
    fn start(&mut self, plan: VoicePlan, beat: Beats, frame: usize, step: f64, fades: Fades) {
        self.begun = Some(plan.clone());
        let since = beat - plan.start;
        let Some(sample) = plan.sample else { return };
        if !plan.looped && since >= plan.length {
            return;
        }
        let fade = if since.0 as f64 > step { fades.release } else { fades.attack };
        let onset =
            Onset { track: self.settings.track, start: plan.start, beat, at: self.settings.line.speaker_time(frame) };
        // A reader that does not keep up loses news, not sound.
        let _ = self.settings.onsets.push(onset);
        let place = Some(self.settings.ledger.take());
        let voice = Voice::new(sample, plan.length, plan.looped, plan.gain, fade);
        // Fades are short; should every place be taken, the first fading voice goes.
        let index = self.voices.iter().position(Option::is_none).unwrap_or(0);
        self.voices[index] = Some(DeckVoice { voice, start: plan.start, place });
        self.current = Some(index);
    }

    /// Adds the voices to `out`, whose first frame lies on `beat` and each further one `step` nano-beats later.
    fn render(&mut self, out: &mut [Frame], beat: Beats, step: f64, fades: Fades) {
        for (index, slot) in self.voices.iter_mut().enumerate() {
            let Some(voice) = slot else { continue };
            if voice.place.as_ref().is_some_and(|place| !self.settings.ledger.holds(place)) {
                voice.voice.release(fades.release);
                voice.place = None;
                if self.current == Some(index) {
                    self.current = None;
                }
            }
            let is_over = voice.voice.render(out, beat - voice.start, step, fades);
            if is_over {
                if let Some(place) = voice.place.take() {
                    self.settings.ledger.give_back(place);
                }
                *slot = None;
                if self.current == Some(index) {
                    self.current = None;
                }
            }
        }
    }

    /// Plays a block in which beats pass.
    fn play(&mut self, out: &mut [Frame], passage: Passage, fades: Fades) {
        let mut done = 0;
        while done < out.len() {
            let beat = passage.beat(done);
            let reached = beat + Beats((passage.step * ON_TIME_FRAMES) as i64);
            self.follow(reached, done, passage.step, fades);
            let until = self.plan.next_after(reached).map_or(out.len(), |at| {
                // The first frame whose beat has reached the switch.
                let frame = passage.frame_of(at, ON_TIME_FRAMES);
                if frame < out.len() as f64 { (frame as usize).max(done + 1) } else { out.len() }
            });
            self.render(&mut out[done..until], beat, passage.step, fades);
            done = until;
        }
    }
}

impl Sound for Deck {
    fn on_start_processing(&mut self) {
        while let Ok(plan) = self.settings.plans.pop() {
            self.plan = plan;
        }
    }

    fn process(&mut self, out: &mut [Frame], dt: f64, info: &Info) {
        out.fill(Frame::ZERO);
        let Some(clock) = info.clock_info(self.settings.clock) else { return };
        let fades = Fades::new(dt);
        let course = self.follower.next(&self.settings.line, clock.time, out.len());
        if matches!(course, Course::Stopped | Course::Jumped(_)) {
            // The beat leads nobody any more: all fade along the way that they had.
            self.release(fades);
            self.begun = None;
            for voice in self.voices.iter_mut().flatten() {
                voice.voice.leave_the_beat();
            }
        }
        match course {
            Course::Resting | Course::Stopped => self.render(out, Beats::ZERO, 0.0, fades),
            Course::Started(passage) | Course::Jumped(passage) | Course::Going(passage) => {
                self.play(out, passage, fades);
            }
        }
    }

    fn finished(&self) -> bool {
        false
    }
}
