//! The preview: one sound of the library at a time, for one player alone.
//!
//! Follows the beat while beats pass, and its own steps at the last tempo while they rest. What plays holds one of the
//! places that decks play on; what fades does not.

use crate::{
    controller::BeatLine,
    course::{Course, Follower},
    ledger::{Ledger, Place},
    limits::{PREVIEW_BARS_MAX, PREVIEW_GAIN, PREVIEW_VOICES_MAX},
    sample::Sample,
    voice::{Fades, Voice},
};
use keyboardia_session::{Beats, Meters};
use kira::{
    Frame,
    clock::ClockId,
    command::CommandReader,
    info::Info,
    sound::{Sound, SoundData},
};
use rtrb::Consumer;
use serde::{Deserialize, Serialize};
use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

/// When a preview begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PreviewStart {
    /// At once, from its beginning, at the session's tempo.
    Now,
    /// In phase with the session: as if it had been launched on the last bar line. From its beginning while the
    /// transport rests, or where it would be over already.
    InTime,
}

/// A sound that is to be previewed.
#[derive(Debug, Clone)]
pub(crate) struct PreviewPlan {
    pub(crate) sample: Arc<Sample>,
    /// Its length, positive.
    pub(crate) length: Beats,
    pub(crate) looped: bool,
    pub(crate) start: PreviewStart,
}

/// A wish: the number of the preview, and its sound; `None` ends what plays.
pub(crate) type PreviewWish = (u32, Option<PreviewPlan>);

/// What a preview is made of.
pub(crate) struct PreviewSettings {
    pub(crate) clock: ClockId,
    pub(crate) line: Arc<BeatLine>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) wishes: Consumer<PreviewWish>,
    pub(crate) meters: CommandReader<Meters>,
    /// Number of the preview that came to its end last.
    pub(crate) over: Arc<AtomicU32>,
}

impl SoundData for PreviewSettings {
    type Error = Infallible;
    type Handle = ();

    fn into_sound(self) -> Result<(Box<dyn Sound>, ()), Infallible> {
        Ok((Box::new(Preview::new(self)), ()))
    }
}

/// A voice of the preview.
struct PreviewVoice {
    voice: Voice,
    /// How much of it has been played, or would have been since its bar line.
    since: Beats,
    place: Option<Place>,
}

/// See the module.
struct Preview {
    settings: PreviewSettings,
    meters: Meters,
    /// What is to begin as soon as it can.
    waiting: Option<(u32, PreviewPlan)>,
    /// What plays, and where.
    current: Option<(u32, PreviewPlan, usize)>,
    voices: [Option<PreviewVoice>; PREVIEW_VOICES_MAX],
    follower: Follower,
}

impl Preview {
    fn new(settings: PreviewSettings) -> Self {
        let follower = Follower::new(&settings.line);
        Self {
            settings,
            meters: Meters::default(),
            waiting: None,
            current: None,
            voices: [const { None }; PREVIEW_VOICES_MAX],
            follower,
        }
    }

    /// Lets what plays fade along its way; gives back what it was.
    fn release(&mut self, fades: Fades) -> Option<(u32, PreviewPlan)> {
        let (number, plan, index) = self.current.take()?;
        if let Some(voice) = &mut self.voices[index] {
            voice.voice.release(fades.release);
            if let Some(place) = voice.place.take() {
                self.settings.ledger.give_back(place);
            }
        }
        Some((number, plan))
    }

    /// Starts what waits, if there is a voice for it; `beat` is that of the next frame while beats pass.
    fn start(&mut self, beat: Option<Beats>, step: f64, fades: Fades) {
        let Some(index) = self.voices.iter().position(Option::is_none) else { return };
        let Some((number, plan)) = self.waiting.take() else { return };
        let since = match (plan.start, beat) {
            (PreviewStart::InTime, Some(beat)) => beat - self.bar_line(beat),
            _ => Beats::ZERO,
        };
        let since = if plan.looped || since < plan.length { since } else { Beats::ZERO };
        let fade = if since.0 as f64 > step { fades.release } else { fades.attack };
        let voice = Voice::new(plan.sample.clone(), plan.length, plan.looped, PREVIEW_GAIN, fade);
        self.voices[index] = Some(PreviewVoice { voice, since, place: Some(self.settings.ledger.take()) });
        self.current = Some((number, plan, index));
    }

    /// The last bar line at or before `beat`.
    fn bar_line(&self, beat: Beats) -> Beats {
        let meter = self.meters.at(beat);
        beat - (beat - meter.from).within(meter.signature.bar())
    }

    /// How much of a loop is played, from its bar line on; what does not repeat ends by itself.
    fn limit(&self, plan: &PreviewPlan) -> Option<Beats> {
        let bar = self.meters.last().signature.bar();
        plan.looped.then(|| Beats(bar.0.saturating_mul(PREVIEW_BARS_MAX)))
    }

    /// Whether what plays is to be in time, and neither fades nor ends.
    fn is_in_time(&self) -> bool {
        self.current.as_ref().is_some_and(|(_, plan, index)| {
            let is_ending = self.voices[*index].as_ref().is_none_or(|voice| voice.voice.is_ending());
            plan.start == PreviewStart::InTime && !is_ending
        })
    }

    /// Adds the voices to `out`; `passed` is the way of the beat in it, `step` that of a frame.
    fn render(&mut self, out: &mut [Frame], passed: Beats, step: f64, fades: Fades) {
        let playing = self.current.as_ref().map(|(number, plan, index)| (*number, self.limit(plan), *index));
        for (index, slot) in self.voices.iter_mut().enumerate() {
            let Some(voice) = slot else { continue };
            let playing = playing.filter(|(_, _, current)| *current == index);
            let is_silenced = voice.place.as_ref().is_some_and(|place| !self.settings.ledger.holds(place));
            let is_enough = playing.and_then(|(_, limit, _)| limit).is_some_and(|limit| voice.since + passed >= limit);
            if is_silenced || is_enough {
                voice.voice.release(fades.release);
            }
            let is_over = voice.voice.render(out, voice.since, step, fades);
            voice.since = voice.since + passed;
            if is_over {
                if let Some(place) = voice.place.take() {
                    self.settings.ledger.give_back(place);
                }
                *slot = None;
                if let Some((number, ..)) = playing {
                    self.settings.over.store(number, Relaxed);
                    self.current = None;
                }
            }
        }
    }
}

impl Sound for Preview {
    fn process(&mut self, out: &mut [Frame], dt: f64, info: &Info) {
        out.fill(Frame::ZERO);
        let fades = Fades::new(dt);
        if let Some(meters) = self.settings.meters.read() {
            self.meters = meters;
        }
        while let Ok((number, plan)) = self.settings.wishes.pop() {
            self.release(fades);
            self.waiting = plan.map(|plan| (number, plan));
        }
        let Some(clock) = info.clock_info(self.settings.clock) else { return };
        let course = self.follower.next(&self.settings.line, clock.time, out.len());
        // Beats begin to pass, or are elsewhere: what is to be in time finds its place anew.
        if matches!(course, Course::Started(_) | Course::Jumped(_)) && self.is_in_time() {
            let again = self.release(fades);
            self.waiting = self.waiting.take().or(again);
        }
        let (beat, passed, step) = match course {
            Course::Started(passage) | Course::Jumped(passage) | Course::Going(passage) => {
                (Some(passage.begin), passage.end - passage.begin, passage.step)
            }
            Course::Resting | Course::Stopped => {
                // Without a tempo there is no telling how fast to play.
                let Some(step) = self.settings.line.tempo_step() else { return };
                (None, Beats((step * out.len() as f64).round() as i64), step)
            }
        };
        self.start(beat, step, fades);
        self.render(out, passed, step, fades);
    }

    fn finished(&self) -> bool {
        false
    }
}
