//! A deck: one track's permanent player, locked to the clock.
//!
//! A deck is a kira sound that never ends. For each block it learns from the clock on which beats the block begins and
//! ends, and computes the position in the clip from the beat of each frame. So a clip starts on the exact frame, never
//! drifts, follows the tempo, and a late joiner is in phase.

use crate::{
    controller::BeatLine,
    declick::Declick,
    ledger::{Ledger, Place},
    limits::{ATTACK_S, DECK_VOICES_MAX, RELEASE_S},
    sample::Sample,
    time_map::Nanos,
};
use keyboardia_session::{Beats, limits::QUEUE_MAX};
use kira::{
    Frame,
    clock::ClockId,
    info::Info,
    sound::{Sound, SoundData},
};
use rtrb::{Consumer, Producer};
use std::{convert::Infallible, sync::Arc};

/// A frame that comes this little before its beat (in frames) is on it: rounding must not cost a whole frame.
const ON_TIME_FRAMES: f64 = 1e-3;

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
    fn is_same_as(&self, other: &Self) -> bool {
        self.sound == other.sound
            && self.start == other.start
            && self.length == other.length
            && self.looped == other.looped
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// A voice that sounds.
struct Voice {
    plan: VoicePlan,
    place: Option<Place>,
    declick: Declick,
    /// Position and its step from frame to frame are those of the last block when the voice has left the clock (after
    /// a jump or stop): it fades out along its old way.
    free: Option<(f64, f64)>,
    last: (f64, f64),
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
    voices: [Option<Voice>; DECK_VOICES_MAX],
    /// What was begun last; it may have ended, or have been silenced to make room.
    begun: Option<VoicePlan>,
    /// The voice of it, while it sounds; all others fade.
    current: Option<usize>,
    last_end: Option<Beats>,
    jumps: u32,
    was_playing: bool,
}

impl Deck {
    fn new(settings: DeckSettings) -> Self {
        let jumps = settings.line.jumps();
        Self {
            settings,
            plan: DeckPlan::default(),
            voices: [const { None }; DECK_VOICES_MAX],
            begun: None,
            current: None,
            last_end: None,
            jumps,
            was_playing: false,
        }
    }

    /// Lets the current voice fade along its way; `free` when the clock no longer leads it.
    fn release(&mut self, release_frames: u32, free: bool) {
        self.begun = None;
        let Some(voice) = self.current.take().and_then(|index| self.voices[index].as_mut()) else { return };
        voice.declick.fade_out(release_frames);
        if free {
            voice.free = Some(voice.last);
        }
        if let Some(place) = voice.place.take() {
            self.settings.ledger.give_back(place);
        }
    }

    /// Brings the sounding voice in line with the plan at `beat`, which is that of frame `frame` of this block.
    fn follow(&mut self, beat: Beats, frame: usize, step: f64, rate: f64) {
        let wanted = self.plan.voice_at(beat).filter(|plan| plan.start <= beat);
        match (wanted, &mut self.begun) {
            (None, None) => {}
            (Some(plan), Some(begun)) if plan.is_same_as(begun) => {
                if let Some(voice) = self.current.and_then(|index| self.voices[index].as_mut()) {
                    voice.plan.gain = plan.gain;
                }
            }
            _ => {
                let wanted = wanted.cloned();
                self.release((RELEASE_S * rate) as u32, false);
                if let Some(plan) = wanted {
                    self.start(plan, beat, frame, step, rate);
                }
            }
        }
    }

    /// Starts a voice, unless it is not loaded or over already. In mid-clip it fades in longer.
    fn start(&mut self, plan: VoicePlan, beat: Beats, frame: usize, step: f64, rate: f64) {
        self.begun = Some(plan.clone());
        let since = beat - plan.start;
        if plan.sample.is_none() || (!plan.looped && since >= plan.length) {
            return;
        }
        let fade_s = if since.0 as f64 > step { RELEASE_S } else { ATTACK_S };
        let onset =
            Onset { track: self.settings.track, start: plan.start, beat, at: self.settings.line.speaker_time(frame) };
        // A reader that does not keep up loses news, not sound.
        let _ = self.settings.onsets.push(onset);
        let place = Some(self.settings.ledger.take());
        let declick = Declick::fade_in((fade_s * rate) as u32);
        // Fades are short; should every place be taken, the first fading voice goes.
        let index = self.voices.iter().position(Option::is_none).unwrap_or(0);
        self.voices[index] = Some(Voice { plan, place, declick, free: None, last: (0.0, 0.0) });
        self.current = Some(index);
    }

    /// Adds the voices to `out`, whose first frame lies on `beat` and each further one `step` nano-beats later.
    fn render(&mut self, out: &mut [Frame], beat: Beats, step: f64, release_frames: u32) {
        for (index, slot) in self.voices.iter_mut().enumerate() {
            let Some(voice) = slot else { continue };
            if voice.place.as_ref().is_some_and(|place| !self.settings.ledger.holds(place)) {
                voice.declick.fade_out(release_frames);
                voice.place = None;
                if self.current == Some(index) {
                    self.current = None;
                }
            }
            let is_over = voice.render(out, beat, step);
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
}

impl Voice {
    /// Adds itself to `out`. Returns whether it has nothing more to say.
    fn render(&mut self, out: &mut [Frame], beat: Beats, step: f64) -> bool {
        let Some(sample) = &self.plan.sample else { return true };
        let length = sample.len() as f64;
        let frames_per_nano_beat = length / self.plan.length.0 as f64;
        let (mut position, step) = if let Some(way) = self.free {
            way
        } else {
            let since = (beat - self.plan.start).max(Beats::ZERO);
            let since = if self.plan.looped { since.within(self.plan.length) } else { since };
            (since.0 as f64 * frames_per_nano_beat, step * frames_per_nano_beat)
        };
        let mut done = 0;
        while done < out.len() {
            if self.declick.is_off() {
                return true;
            }
            if position >= length {
                if !self.plan.looped {
                    return true;
                }
                position -= length;
            }
            let quick = if self.declick.is_on() {
                sample.add_inside(&mut out[done..], position, step, self.plan.gain)
            } else {
                0
            };
            if quick > 0 {
                position += step * quick as f64;
                done += quick;
                continue;
            }
            out[done] += sample.at(position, self.plan.looped) * (self.declick.step() * self.plan.gain);
            position += step;
            done += 1;
        }
        if self.plan.looped && position >= length {
            position -= length;
        }
        self.last = (position, step);
        if self.free.is_some() {
            self.free = Some(self.last);
        }
        self.declick.is_off()
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
        let rate = 1.0 / dt;
        let release_frames = (RELEASE_S * rate) as u32;
        // The clock shows the end of the block; its beginning is where the last one ended.
        let end = self.settings.line.beat(clock.time);
        let jumps = self.settings.line.jumps();
        let playing = self.settings.line.is_playing();
        let begin = if jumps == self.jumps && playing && self.was_playing { self.last_end } else { None };
        let moved = begin.is_none();
        self.last_end = Some(end);
        self.jumps = jumps;
        if !playing {
            if self.was_playing {
                self.release(release_frames, true);
            }
            self.was_playing = false;
            return self.render(out, end, 0.0, release_frames);
        }
        let step_by_tempo = self.settings.line.step();
        let begin = begin.unwrap_or(Beats(end.0.saturating_sub((step_by_tempo * out.len() as f64).round() as i64)));
        if moved && self.was_playing {
            self.release(release_frames, true);
        }
        self.was_playing = true;
        let step = (end - begin).0 as f64 / out.len() as f64;
        let mut done = 0;
        while done < out.len() {
            let beat = Beats(begin.0.saturating_add((done as f64 * step).round() as i64));
            let reached = beat + Beats((step * ON_TIME_FRAMES) as i64);
            self.follow(reached, done, step, rate);
            let until = self.plan.next_after(reached).map_or(out.len(), |at| {
                // The first frame whose beat has reached the switch.
                let frames = ((at - begin).0 as f64 / step.max(1e-9) - ON_TIME_FRAMES).ceil();
                if frames < out.len() as f64 { (frames as usize).max(done + 1) } else { out.len() }
            });
            self.render(&mut out[done..until], beat, step, release_frames);
            done = until;
        }
    }

    fn finished(&self) -> bool {
        false
    }
}
