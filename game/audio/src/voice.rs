//! A voice: one sound that is being played, faded in and out, at a volume that may change.

use crate::{
    declick::Declick,
    limits::{ATTACK_S, MIX_TWEEN_S, RELEASE_S},
    ramp::Ramp,
    sample::Sample,
};
use keyboardia_session::Beats;
use kira::Frame;
use std::sync::Arc;

/// Durations in frames of the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fades {
    /// Fade of a beginning.
    pub(crate) attack: u32,
    /// Fade of whatever ends, or begins in its middle.
    pub(crate) release: u32,
    /// Way of a volume to its new value.
    pub(crate) mix: u32,
}

impl Fades {
    /// At a frame length of `dt` seconds.
    pub(crate) fn new(dt: f64) -> Self {
        Self { attack: (ATTACK_S / dt) as u32, release: (RELEASE_S / dt) as u32, mix: (MIX_TWEEN_S / dt) as u32 }
    }
}

/// See the module.
pub(crate) struct Voice {
    sample: Arc<Sample>,
    length: Beats,
    /// Whether it goes on at its beginning when it comes to its end; else it fades out there.
    pub(crate) looped: bool,
    gain: Ramp,
    declick: Declick,
    /// Position and its step from frame to frame are those of the last block when the voice has left the beat (after
    /// a jump or stop): it fades out along its old way.
    free: Option<(f64, f64)>,
    last: (f64, f64),
}

impl Voice {
    /// Begins to fade in over `frames`. `length` is that of the whole sound, positive.
    pub(crate) fn new(sample: Arc<Sample>, length: Beats, looped: bool, gain: f32, frames: u32) -> Self {
        let (gain, declick) = (Ramp::at(gain), Declick::fade_in(frames));
        Self { sample, length, looped, gain, declick, free: None, last: (0.0, 0.0) }
    }

    /// Lets its volume change, without a step.
    pub(crate) fn set_gain(&mut self, gain: f32, fades: Fades) {
        self.gain.move_to(gain, fades.mix);
    }

    /// Fades out over `frames`.
    pub(crate) fn release(&mut self, frames: u32) {
        self.declick.fade_out(frames);
    }

    /// Goes on as it went in the last block, whatever the beat does.
    pub(crate) fn leave_the_beat(&mut self) {
        self.free.get_or_insert(self.last);
    }

    /// Whether it fades out, or has.
    pub(crate) fn is_ending(&self) -> bool {
        self.declick.is_ending()
    }

    /// Adds itself to `out`, whose first frame comes `since` after the voice's start, each further one `step`
    /// nano-beats later. Returns whether it has nothing more to say.
    pub(crate) fn render(&mut self, out: &mut [Frame], since: Beats, step: f64, fades: Fades) -> bool {
        let length = self.sample.len() as f64;
        let frames_per_nano_beat = length / self.length.0 as f64;
        let (mut position, step) = if let Some(way) = self.free {
            way
        } else {
            let since = since.max(Beats::ZERO);
            let since = if self.looped { since.within(self.length) } else { since };
            (since.0 as f64 * frames_per_nano_beat, step * frames_per_nano_beat)
        };
        let mut done = 0;
        while done < out.len() {
            if self.declick.is_off() {
                return true;
            }
            if position >= length {
                if !self.looped {
                    return true;
                }
                position -= length;
            }
            let run =
                if self.looped { out.len() - done } else { self.until_fade(position, step, out.len() - done, fades) };
            let quick = match self.gain.resting() {
                Some(gain) if self.declick.is_on() => {
                    self.sample.add_inside(&mut out[done..done + run], position, step, gain)
                }
                _ => 0,
            };
            if quick > 0 {
                position += step * quick as f64;
                done += quick;
                continue;
            }
            out[done] += self.sample.at(position, self.looped) * (self.declick.step() * self.gain.step());
            position += step;
            done += 1;
        }
        if self.looped && position >= length {
            position -= length;
        }
        self.last = (position, step);
        if self.free.is_some() {
            self.free = Some(self.last);
        }
        self.declick.is_off()
    }

    /// How many of `frames` frames, at least one, a sound that does not repeat may play before it must look at its end
    /// again. Begins the fade at its end, so that a loop that is played once does not break off; a very short sound
    /// keeps most of itself.
    fn until_fade(&mut self, position: f64, step: f64, frames: usize, fades: Fades) -> usize {
        if self.declick.is_ending() || step <= 0.0 {
            return frames;
        }
        let length = self.sample.len() as f64;
        let fade = f64::from(fades.release).min(length / step / 4.0);
        let left = (length - position) / step;
        if left <= fade {
            self.declick.fade_out(left.ceil() as u32);
            return frames;
        }
        ((left - fade).ceil() as usize).clamp(1, frames)
    }
}
