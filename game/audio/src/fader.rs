//! A mixer strip's last stage: volume and position of a track, and its meter behind them.

use crate::{limits::MIX_TWEEN_S, meter::Meter, ramp::Ramp};
use keyboardia_session::{Gain, Pan};
use kira::{Frame, command::CommandReader, effect::Effect, info::Info};
use std::sync::Arc;

/// What a gain multiplies by; 0 for silence.
pub(crate) fn amplitude(gain: Gain) -> f32 {
    if gain == Gain::SILENCE { 0.0 } else { 10_f64.powf(gain.db() / 20.0) as f32 }
}

/// What a position multiplies left and right by: equal power on the way, unity in the middle.
pub(crate) fn balance(pan: Pan) -> [f32; 2] {
    if pan == Pan::CENTRE {
        return [1.0; 2];
    }
    [(1.0 - pan.as_f32()).sqrt(), (1.0 + pan.as_f32()).sqrt()]
}

/// See the module.
pub(crate) struct Fader {
    gains: CommandReader<[f32; 2]>,
    left: Ramp,
    right: Ramp,
    ramp_frames: u32,
    meter: Arc<Meter>,
}

impl Fader {
    /// A fader at unity; each pair of `gains` (left and right, linear) is reached in [`MIX_TWEEN_S`].
    pub(crate) fn new(sample_rate: u32, gains: CommandReader<[f32; 2]>, meter: Arc<Meter>) -> Self {
        let ramp_frames = ramp_frames(sample_rate);
        Self { gains, left: Ramp::at(1.0), right: Ramp::at(1.0), ramp_frames, meter }
    }
}

fn ramp_frames(sample_rate: u32) -> u32 {
    (MIX_TWEEN_S * f64::from(sample_rate)) as u32
}

impl Effect for Fader {
    fn on_change_sample_rate(&mut self, sample_rate: u32) {
        self.ramp_frames = ramp_frames(sample_rate);
    }

    fn on_start_processing(&mut self) {
        if let Some([left, right]) = self.gains.read() {
            self.left.move_to(left, self.ramp_frames);
            self.right.move_to(right, self.ramp_frames);
        }
    }

    fn process(&mut self, input: &mut [Frame], _dt: f64, _info: &Info) {
        if let (Some(left), Some(right)) = (self.left.resting(), self.right.resting()) {
            return self.meter.scale_and_note(input, [left, right]);
        }
        for frame in &mut *input {
            *frame = Frame::new(frame.left * self.left.step(), frame.right * self.right.step());
        }
        self.meter.note(input);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_keep_the_power_and_the_middle_keeps_the_sound() {
        let power = |pan: i8| Pan::new(pan).map(|pan| balance(pan).iter().map(|gain| gain * gain).sum::<f32>());
        for pan in [-100, -37, 0, 50, 100] {
            assert!(power(pan).is_some_and(|power| (power - 2.0).abs() < 1e-5));
        }
        assert_eq!(balance(Pan::CENTRE), [1.0, 1.0]);
        assert_eq!(Pan::new(100).map(|pan| balance(pan)[0]), Some(0.0));
    }

    #[test]
    fn silence_is_silent_and_unity_changes_nothing() {
        assert_eq!((amplitude(Gain::SILENCE), amplitude(Gain::UNITY)), (0.0, 1.0));
        assert!(Gain::from_db(-20.0).is_some_and(|gain| (amplitude(gain) - 0.1).abs() < 1e-6));
    }
}
