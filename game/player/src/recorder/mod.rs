//! Records a player's own sounds, in time with what the player hears. Driven turn by turn.
//!
//! ```text
//! start ─→ Opening ─→ Waiting for a bar line ─→ CountIn, one bar ─→ Recording, from bar line to bar line ─→ Done
//!                 └─ one-shot, or the transport rests: ────────────↗
//! ```
//!
//! *In time* means: a frame lies at the beat that the player heard while it was captured. The player's ear is where the
//! engine renders for, so a frame that was captured at the player's time *t* belongs to session time *t* + offset, see
//! [`InSession`], less what the microphone is later than it says, see [`TakeRequest::input_nudge_us`].

mod capture;
mod plan;
#[cfg(test)]
mod tests;

use crate::{
    calibration::LATE_S_MAX,
    microphone::Microphone,
    recorded::{Loopback, Part, Recorded},
    recording::{
        CLIP_LEVEL, INPUT_NUDGE_US_MAX, LoopLength, RECORDING_SECONDS_MAX, RECORDING_SECONDS_MIN, RecordingStage,
        RecordingView, TakeRequest, TakeShape,
    },
};
use capture::Capture;
use keyboardia_audio::{Nanos, limits::TAKE_SECONDS_MAX};
use keyboardia_session::{Meters, Transport};
use plan::Plan;

/// What is recorded beyond the end of a loop, seconds: times are only known well afterwards.
const POST_ROLL_S: f64 = 0.05;
/// What is recorded beyond the last click of a calibration, seconds.
const LOOPBACK_POST_ROLL_S: f64 = LATE_S_MAX + POST_ROLL_S;
/// How long the sound of a release is waited for, nanoseconds.
const RELEASE_NS_MAX: i64 = 1_000_000_000;
/// How far session time at the ear may move against the player's clock during a recording, nanoseconds: clocks drift, but
/// not by this much in a minute.
const CLOCK_DRIFT_NS_MAX: u64 = 20_000_000;

const NO_SESSION: &str = "There is no session to record in time with: join one, then record a loop.";
const LOST_DEVICE: &str = "The microphone is gone, so the recording was not kept. Plug it in or choose another one.";
const GAP: &str = "Some of the sound was lost on its way from the microphone. Record it again.";
const NOT_OPEN_YET: &str = "The microphone was not open yet: hold on a little longer.";
const ENDLESS: &str = "The recording did not come to its end. Record it again.";
const CLOCK_JUMPED: &str = "The connection to the session was renewed during the recording. Record it again.";

/// The session around a turn of the recorder.
#[derive(Debug, Clone, Copy)]
pub struct InSession<'a> {
    /// Session time at the player's ear less the player's clock, nanoseconds. The speaker is rendered for so much earlier
    /// that the ear hears the session on time.
    pub offset_ns: i64,
    /// When beats pass.
    pub transport: &'a Transport,
    /// Where bar lines are.
    pub meters: &'a Meters,
}

/// What a recording came to.
#[derive(Debug)]
pub enum Outcome {
    /// A sound, to be finished on a thread that has time.
    Take(Recorded),
    /// A calibration, to be looked through on a thread that has time.
    Loopback(Loopback),
}

/// See the module.
#[derive(Default)]
pub struct Recorder {
    work: Option<Work>,
    outcome: Option<Outcome>,
    /// What is left to be seen of a recording that is over.
    over: Option<RecordingView>,
}

impl Recorder {
    /// Begins to record; what was being recorded is dropped. The microphone is released when the recording is over.
    pub fn start(&mut self, request: TakeRequest, microphone: Microphone) {
        self.cancel();
        self.work = Some(Work::new(request, microphone));
    }

    /// The player has pressed again, or released: a one-shot or free loop ends there, a loop before its first beat, or of
    /// a fixed length, is dropped.
    pub fn stop(&mut self, now: Nanos) {
        if let Some(work) = &mut self.work
            && work.stop(now) == Stop::Drop
        {
            self.cancel();
        }
    }

    /// Drops what is being recorded, what has been and what is seen of it.
    pub fn cancel(&mut self) {
        (self.work, self.outcome, self.over) = (None, None, None);
    }

    /// Whether it records or is about to.
    pub fn is_busy(&self) -> bool {
        self.work.is_some()
    }

    /// One turn: takes what the microphone has heard. Never waits.
    pub fn turn(&mut self, now: Nanos, session: Option<InSession<'_>>) {
        let Some(work) = &mut self.work else { return };
        match work.turn(now, session) {
            Ok(false) => {}
            Ok(true) => {
                if let Some(mut work) = self.work.take() {
                    let mut view = work.view();
                    view.stage = RecordingStage::Done;
                    self.over = Some(view);
                    self.outcome = work.outcome();
                }
            }
            Err(why) => {
                let mut view = work.view();
                view.stage = RecordingStage::Failed(why);
                self.over = Some(view);
                self.work = None;
            }
        }
    }

    /// What a recording came to, once.
    pub fn take_outcome(&mut self) -> Option<Outcome> {
        self.outcome.take()
    }

    /// What is seen of the recording; `None` where there is none. What is over stays until the next start, or
    /// [`Recorder::cancel`]. The level is that since the last look.
    pub fn view(&mut self) -> Option<RecordingView> {
        match &mut self.work {
            Some(work) => Some(work.view()),
            None => self.over.clone(),
        }
    }
}

/// What a stop does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// The recording comes to its end.
    Ends,
    /// There is nothing to keep.
    Drop,
}

/// A recording under way.
struct Work {
    request: TakeRequest,
    microphone: Microphone,
    capture: Option<Capture>,
    plan: Option<Plan>,
    offset_ns: i64,
    /// When the player stopped it, the player's clock.
    stopped: Option<Nanos>,
    stage: RecordingStage,
    level: f32,
    clipped: bool,
}

impl Work {
    fn new(request: TakeRequest, microphone: Microphone) -> Self {
        Self {
            request,
            microphone,
            capture: None,
            plan: None,
            offset_ns: 0,
            stopped: None,
            stage: RecordingStage::Opening,
            level: 0.0,
            clipped: false,
        }
    }

    /// Nanoseconds by which the microphone is later than it says.
    fn nudge_ns(&self) -> i64 {
        // A calibration measures all of it.
        let us = if self.request.shape == TakeShape::Loopback { 0 } else { self.request.input_nudge_us };
        i64::from(us.clamp(-INPUT_NUDGE_US_MAX, INPUT_NUDGE_US_MAX)) * 1_000
    }

    fn stop(&mut self, now: Nanos) -> Stop {
        let is_recording = matches!(self.stage, RecordingStage::Recording { .. });
        match self.request.shape {
            TakeShape::OneShot => {}
            TakeShape::Loop(LoopLength::Free) if is_recording => {}
            TakeShape::Loop(_) | TakeShape::Loopback => return Stop::Drop,
        }
        self.stopped.get_or_insert(now);
        Stop::Ends
    }

    /// Returns whether the recording is over.
    fn turn(&mut self, now: Nanos, session: Option<InSession<'_>>) -> Result<bool, String> {
        if let Some(session) = session {
            self.offset_ns = session.offset_ns;
        }
        let is_gone = self.microphone.is_gone();
        if !self.listen(now)? {
            return if self.stopped.is_some() { Err(NOT_OPEN_YET.to_owned()) } else { Ok(false) };
        }
        let is_over = match self.request.shape {
            TakeShape::OneShot => Ok(self.one_shot(now)),
            TakeShape::Loop(_) | TakeShape::Loopback => self.in_time(now, session),
        }?;
        if is_gone && !is_over { Err(LOST_DEVICE.to_owned()) } else { Ok(is_over) }
    }

    /// Takes what the microphone has heard. Returns whether it has heard anything yet.
    fn listen(&mut self, now: Nanos) -> Result<bool, String> {
        let (offset_ns, nudge_ns) = (self.offset_ns, self.nudge_ns());
        let gaps = self.microphone.gaps();
        let is_recording = matches!(self.stage, RecordingStage::Recording { .. });
        let Some(line) = self.microphone.line(now)? else { return Ok(false) };
        let capture = self.capture.get_or_insert_with(|| Capture::new(line.rate_hz, line.channels, gaps));
        if gaps != capture.gaps {
            if is_recording && self.plan.is_some() {
                return Err(GAP.to_owned());
            }
            capture.gaps = gaps;
            if !is_recording {
                *capture = Capture::new(line.rate_hz, line.channels, gaps);
            }
        }
        while let Ok(stamp) = line.stamps.pop() {
            let at = Nanos(stamp.at.0.saturating_add(offset_ns).saturating_sub(nudge_ns));
            // A block's samples are there before its stamp is.
            let Ok(samples) = line.samples.read_chunk(stamp.frames as usize * line.channels) else { break };
            let (one, two) = samples.as_slices();
            let peak = capture.take(at, stamp.frames, one, two);
            samples.commit_all();
            self.level = self.level.max(peak);
            self.clipped |= is_recording && peak >= CLIP_LEVEL;
            if capture.seconds() > f64::from(TAKE_SECONDS_MAX) {
                return Err(ENDLESS.to_owned());
            }
        }
        Ok(capture.tape.frames() > 0)
    }

    fn one_shot(&mut self, now: Nanos) -> bool {
        let Some(capture) = &mut self.capture else { return false };
        if capture.from.is_none() {
            capture.begin(0, None);
            self.clipped = self.level >= CLIP_LEVEL;
        }
        self.stage = RecordingStage::Recording { since: None, beats: None };
        let most = (RECORDING_SECONDS_MAX * f64::from(capture.tape.rate_hz)) as usize * capture.tape.channels;
        if capture.tape.samples.len() >= most {
            capture.tape.samples.truncate(most);
            return true;
        }
        let Some(stopped) = self.stopped else { return false };
        let is_heard = capture.end.0 >= stopped.0.saturating_add(self.offset_ns);
        let is_late = now.0.saturating_sub(stopped.0) > RELEASE_NS_MAX;
        (is_heard || is_late) && capture.seconds() >= RECORDING_SECONDS_MIN
    }

    fn in_time(&mut self, now: Nanos, session: Option<InSession<'_>>) -> Result<bool, String> {
        let Some(capture) = &mut self.capture else { return Ok(false) };
        let heard = Nanos(now.0.saturating_add(self.offset_ns)).micros();
        if self.plan.is_none() {
            let session = session.ok_or_else(|| NO_SESSION.to_owned())?;
            self.plan = Some(Plan::new(self.request.shape, session, heard, capture.end.micros())?);
        }
        let Some(plan) = &mut self.plan else { return Ok(false) };
        let begin = plan.time_at(plan.start);
        if plan.offset_ns.abs_diff(self.offset_ns) > CLOCK_DRIFT_NS_MAX {
            return Err(CLOCK_JUMPED.to_owned());
        }
        if let Some(session) = session {
            if capture.from.is_none() {
                plan.follow(session.transport, heard)?;
            } else {
                plan.check(session.transport, begin, heard)?;
            }
        }
        let begin = plan.time_at(plan.start);
        if capture.end.micros() < begin {
            capture.keep_before_start();
            self.stage = plan.stage_before(heard);
            return Ok(false);
        }
        if capture.from.is_none() {
            // Frames of this turn that lie after the start, as well as is known now.
            let since_s = capture.end.micros().since(begin) as f64 * 1e-6;
            let frames = (since_s * f64::from(capture.tape.rate_hz)) as u64;
            let length = plan.end.map(|end| plan.seconds(end));
            capture.begin(capture.tape.frames().saturating_sub(frames), length);
        }
        if plan.end.is_none() {
            let pressed = self.stopped.map(|at| Nanos(at.0.saturating_add(self.offset_ns)).micros());
            plan.end = pressed.map(|pressed| plan.nearest_bar(pressed)).or_else(|| plan.limit(capture.end.micros()));
        }
        let beats = plan.end.map(|end| end - plan.start);
        self.stage = RecordingStage::Recording { since: Some(plan.start), beats };
        let post_roll_s = if plan.counts.is_empty() { POST_ROLL_S } else { LOOPBACK_POST_ROLL_S };
        let end = plan.end.map(|end| plan.time_at(end).offset((post_roll_s * 1e6) as i64));
        Ok(end.is_some_and(|end| capture.end.micros() >= end))
    }

    fn outcome(self) -> Option<Outcome> {
        let tape = self.capture?.tape;
        match (self.request.shape, self.plan) {
            (TakeShape::OneShot, _) => Some(Outcome::Take(Recorded { tape, part: Part::All })),
            (TakeShape::Loopback, Some(plan)) => {
                Some(Outcome::Loopback(Loopback { tape, line: plan.line, counts: plan.counts }))
            }
            (TakeShape::Loop(_), Some(plan)) => {
                let part = Part::Beats { line: plan.line, start: plan.start, length: plan.end? - plan.start };
                Some(Outcome::Take(Recorded { tape, part }))
            }
            (_, None) => None,
        }
    }

    fn view(&mut self) -> RecordingView {
        let capture = self.capture.as_ref();
        RecordingView {
            stage: self.stage.clone(),
            level: std::mem::take(&mut self.level),
            clipped: self.clipped,
            wave: capture.map(Capture::peaks).unwrap_or_default(),
            seconds: capture.map_or(0.0, Capture::recorded_s),
        }
    }
}
