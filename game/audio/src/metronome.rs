//! The metronome: three ticks on the counts of the bar, for one player alone.
//!
//! Follows the clock as a deck does, so a tick begins on the exact frame, also where the tempo or the signature
//! changes. It has voices of its own, and no say in who else may sound.

use crate::{
    controller::BeatLine,
    course::{Course, Follower, Passage},
    decode::SAMPLE_RATE,
    limits::{METRONOME_VOICES_MAX, MIX_TWEEN_S, ON_TIME_FRAMES, RELEASE_S, TICK_S},
    ramp::Ramp,
    sample::Sample,
};
use keyboardia_session::{Beats, Meters, meter::Accent};
use kira::{
    Frame,
    clock::ClockId,
    command::CommandReader,
    info::Info,
    sound::{Sound, SoundData},
};
use std::{convert::Infallible, f64::consts::TAU, sync::Arc};

/// What the metronome is to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MetronomePlan {
    /// The bars that it counts.
    pub meters: Meters,
    /// Its volume, linear; 0 when it is off.
    pub gain: f32,
}

/// What a metronome is made of.
pub(crate) struct MetronomeSettings {
    pub(crate) clock: ClockId,
    pub(crate) line: Arc<BeatLine>,
    pub(crate) plans: CommandReader<MetronomePlan>,
}

impl SoundData for MetronomeSettings {
    type Error = Infallible;
    type Handle = ();

    fn into_sound(self) -> Result<(Box<dyn Sound>, ()), Infallible> {
        Ok((Box::new(Metronome::new(self)), ()))
    }
}

/// The pitch (Hz) and loudness (linear) of a tick: an octave and a fifth from the weakest to the strongest, so that
/// they are told apart by ear, and all far above the bass.
fn pitch_and_loudness(accent: Accent) -> (f64, f64) {
    match accent {
        Accent::Bar => (1_760.0, 0.5),
        Accent::Group => (1_320.0, 0.4),
        Accent::Plain => (880.0, 0.32),
    }
}

/// A tick like a wood block's: a tone that dies away within [`TICK_S`], and a short knock above it.
fn tick(accent: Accent) -> Vec<Frame> {
    let (hz, loudness) = pitch_and_loudness(accent);
    let rate = f64::from(SAMPLE_RATE);
    let frames = (TICK_S * rate) as usize;
    let value = |index: usize| {
        // Not from zero on, so that the first frame is heard.
        let time = (index + 1) as f64 / rate;
        let tone = (TAU * hz * time).sin() * (-time / 0.011).exp();
        let knock = 0.4 * (TAU * 2.71 * hz * time).sin() * (-time / 0.003).exp();
        let ends = (1.0 - time / TICK_S).clamp(0.0, 0.1) * 10.0;
        Frame::from_mono((loudness * (tone + knock) * (time / 0.000_3).min(1.0) * ends) as f32)
    };
    (0..frames).map(value).collect()
}

/// The first count at or after `from`, and how strongly it is felt.
fn next_count(meters: &Meters, from: Beats) -> (Beats, Accent) {
    let meter = meters.at(from);
    let length = meter.signature.count_length();
    let since = (from - meter.from).ceil_to(length);
    let at = meter.from + since;
    match meters.upcoming(from) {
        Some(next) if at >= next.from => (next.from, next.signature.accent(0)),
        _ => (at, meter.signature.accent((since.0 / length.0).rem_euclid(meter.signature.counts()))),
    }
}

/// A tick that rings.
#[derive(Debug, Clone, Copy)]
struct Ringing {
    accent: Accent,
    /// Frames of the tick at its own rate.
    position: f64,
}

/// See the module.
struct Metronome {
    settings: MetronomeSettings,
    meters: Meters,
    gain: Ramp,
    /// Bar, group, plain.
    ticks: [Option<Sample>; 3],
    ringing: [Option<Ringing>; METRONOME_VOICES_MAX],
    /// The count that ticks next; `None` when it must be looked for.
    next: Option<(Beats, Accent)>,
    /// The count that ticked last, since beats began to pass.
    last: Option<Beats>,
    /// Falls when beats stop, rises when they pass.
    presence: Ramp,
    follower: Follower,
}

impl Metronome {
    fn new(settings: MetronomeSettings) -> Self {
        let follower = Follower::new(&settings.line);
        Self {
            settings,
            meters: Meters::default(),
            gain: Ramp::at(0.0),
            ticks: [Accent::Bar, Accent::Group, Accent::Plain].map(|accent| Sample::new(tick(accent))),
            ringing: [None; METRONOME_VOICES_MAX],
            next: None,
            last: None,
            presence: Ramp::at(1.0),
            follower,
        }
    }

    fn is_off(&self) -> bool {
        self.gain.resting() == Some(0.0)
    }

    /// Lets every count of the block tick, from its own frame on.
    fn count(&mut self, out: &mut [Frame], passage: Passage, ratio: f64) {
        let frames = out.len() as f64;
        for _ in 0..METRONOME_VOICES_MAX {
            let (at, accent) = self.next.unwrap_or_else(|| {
                // A count that lies within the frame before the first has its first frame here.
                let from = passage.begin - Beats(passage.step as i64);
                next_count(&self.meters, self.last.map_or(from, |last| from.max(last + Beats(1))))
            });
            self.next = Some((at, accent));
            let frame = passage.frame_of(at, ON_TIME_FRAMES);
            if frame >= frames {
                return;
            }
            let frame = frame.max(0.0) as usize;
            let late = ((passage.beat(frame) - at).0 as f64 / passage.step.max(1e-9)).max(0.0);
            let slot = self.ringing.iter().position(Option::is_none).unwrap_or_else(|| self.oldest());
            self.ringing[slot] = Some(Ringing { accent, position: late * ratio });
            self.ring(&mut out[frame..], ratio, Some(slot));
            self.last = Some(at);
            self.next = Some(next_count(&self.meters, at + Beats(1)));
        }
    }

    fn oldest(&self) -> usize {
        let age = |slot: &usize| self.ringing[*slot].map_or(0, |ringing| ringing.position as usize);
        (0..METRONOME_VOICES_MAX).max_by_key(age).unwrap_or(0)
    }

    /// Adds the ticks that ring, or only one of them, to `out`.
    fn ring(&mut self, out: &mut [Frame], ratio: f64, only: Option<usize>) {
        for (index, slot) in self.ringing.iter_mut().enumerate() {
            if only.is_some_and(|only| only != index) {
                continue;
            }
            let Some(ringing) = slot else { continue };
            let Some(tick) = &self.ticks[ringing.accent as usize] else { continue };
            for frame in &mut *out {
                if ringing.position >= tick.len() as f64 {
                    break;
                }
                *frame += tick.at(ringing.position, false);
                ringing.position += ratio;
            }
            if ringing.position >= tick.len() as f64 {
                *slot = None;
            }
        }
    }
}

impl Sound for Metronome {
    fn process(&mut self, out: &mut [Frame], dt: f64, info: &Info) {
        out.fill(Frame::ZERO);
        if let Some(plan) = self.settings.plans.read() {
            if self.meters != plan.meters {
                self.meters = plan.meters;
                self.next = None;
            }
            self.gain.move_to(plan.gain, (MIX_TWEEN_S / dt) as u32);
        }
        let Some(clock) = info.clock_info(self.settings.clock) else { return };
        let course = self.follower.next(&self.settings.line, clock.time, out.len());
        if self.is_off() {
            self.ringing = [None; METRONOME_VOICES_MAX];
            (self.next, self.last) = (None, None);
            return;
        }
        // Ticks keep their pitch whatever the device's rate.
        let ratio = f64::from(SAMPLE_RATE) * dt;
        let passage = match course {
            Course::Resting | Course::Stopped => None,
            Course::Going(passage) => Some(passage),
            Course::Started(passage) | Course::Jumped(passage) => {
                (self.next, self.last) = (None, None);
                Some(passage)
            }
        };
        if passage.is_some() && self.presence.resting() != Some(1.0) {
            // What rang before beats stopped is over; ticks begin as loud as ever.
            self.ringing = [None; METRONOME_VOICES_MAX];
            self.presence = Ramp::at(1.0);
        }
        self.ring(out, ratio, None);
        match passage {
            Some(passage) => self.count(out, passage, ratio),
            None => self.presence.move_to(0.0, (RELEASE_S / dt) as u32),
        }
        if let (Some(gain), Some(presence)) = (self.gain.resting(), self.presence.resting()) {
            for frame in out {
                *frame *= gain * presence;
            }
        } else {
            for frame in out {
                *frame *= self.gain.step() * self.presence.step();
            }
        }
    }

    fn finished(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyboardia_session::meter::TimeSignature;

    #[test]
    fn counts_follow_the_signature_and_go_on_from_the_bar_line_where_it_changes() {
        let mut meters = Meters::default();
        assert!(meters.schedule(TimeSignature::SevenEight, Beats::whole(4)));
        let mut found = Vec::new();
        let mut from = Beats::ZERO;
        for _ in 0..12 {
            let (at, accent) = next_count(&meters, from);
            found.push((at.as_f64(), accent));
            from = at + Beats(1);
        }
        let (bar, group, plain) = (Accent::Bar, Accent::Group, Accent::Plain);
        let want = [
            (0.0, bar),
            (1.0, plain),
            (2.0, plain),
            (3.0, plain),
            (4.0, bar),
            (4.5, plain),
            (5.0, group),
            (5.5, plain),
            (6.0, group),
            (6.5, plain),
            (7.0, plain),
            (7.5, bar),
        ];
        assert_eq!(found, want);
    }

    #[test]
    fn ticks_are_heard_from_their_first_frame_and_end_in_silence() {
        for accent in [Accent::Bar, Accent::Group, Accent::Plain] {
            let tick = tick(accent);
            assert!(tick[0].left > 1e-3);
            assert!(tick[tick.len() - 1].left.abs() < 1e-3);
            assert!(tick.iter().all(|frame| frame.left.abs() <= 0.7));
        }
    }
}
