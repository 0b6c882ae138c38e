//! A sound in memory.

use kira::Frame;
use std::fmt;

/// A stereo sound, decoded, ready for a deck.
#[derive(Clone, PartialEq)]
pub struct Sample {
    frames: Vec<Frame>,
}

impl Sample {
    /// A sound of these frames; `None` when there are none, or more than [`crate::limits::SAMPLE_FRAMES_MAX`].
    pub fn new(frames: Vec<Frame>) -> Option<Self> {
        (1..=crate::limits::SAMPLE_FRAMES_MAX).contains(&frames.len()).then_some(Self { frames })
    }

    /// Number of frames, at least 1.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Never true: a sample has at least one frame.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// The frames.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// The sound at a fractional position 0 ≤ p < len, by cubic Hermite interpolation over four frames. Beyond the
    /// ends of a loop lies its other end, beyond those of a one-shot silence.
    pub fn at(&self, position: f64, looped: bool) -> Frame {
        let (index, t) = split(position);
        if let Some(near) = self.frames.get(index.wrapping_sub(1)..index + 3) {
            return hermite(near, t);
        }
        let len = self.frames.len();
        let near: [Frame; 4] = std::array::from_fn(|k| {
            let place = index as i64 + k as i64 - 1;
            if looped {
                self.frames[place.rem_euclid(len as i64) as usize]
            } else {
                usize::try_from(place).ok().and_then(|place| self.frames.get(place)).copied().unwrap_or(Frame::ZERO)
            }
        });
        hermite(&near, t)
    }

    /// Adds the sound from `position` on to `out`, advancing by `step` (positive) per frame, at a constant gain, as
    /// long as it stays clear of both ends. Returns how many frames that were.
    pub fn add_inside(&self, out: &mut [Frame], position: f64, step: f64, gain: f32) -> usize {
        let room = (self.frames.len() as f64 - 3.0 - position) / step;
        if position < 1.0 || room <= 0.0 {
            return 0;
        }
        let count = (room as usize).min(out.len());
        for (k, frame) in out[..count].iter_mut().enumerate() {
            let (index, t) = split(step * k as f64 + position);
            if let Some(near) = self.frames.get(index - 1..index + 3) {
                *frame += hermite(near, t) * gain;
            }
        }
        count
    }
}

/// A position's whole part, and the fraction beside it.
fn split(position: f64) -> (usize, f32) {
    let index = position as usize;
    (index, (position - index as f64) as f32)
}

impl fmt::Debug for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sample({} frames)", self.frames.len())
    }
}

/// Catmull–Rom between the second and third of four frames, as four weights shared by both channels.
fn hermite(near: &[Frame], t: f32) -> Frame {
    let (t2, t3) = (t * t, t * t * t);
    let weights = [
        0.5 * (-t3 + 2.0 * t2 - t),
        0.5 * (3.0 * t3 - 5.0 * t2 + 2.0),
        0.5 * (-3.0 * t3 + 4.0 * t2 + t),
        0.5 * (t3 - t2),
    ];
    let mut sum = Frame::ZERO;
    for (frame, weight) in near.iter().zip(weights) {
        sum.left += frame.left * weight;
        sum.right += frame.right * weight;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(n: usize) -> Sample {
        Sample { frames: (0..n).map(|i| Frame::from_mono(i as f32)).collect() }
    }

    #[test]
    fn whole_positions_are_the_frames_themselves_and_a_line_stays_a_line() {
        let sample = ramp(8);
        for i in 0..8_u8 {
            assert!((sample.at(f64::from(i), false).left - f32::from(i)).abs() < 1e-6);
        }
        assert!((sample.at(3.25, false).left - 3.25).abs() < 1e-6);
    }

    #[test]
    fn the_quick_way_inside_equals_the_careful_one() {
        let sample = Sample { frames: (0..64_u16).map(|i| Frame::from_mono(f32::from(i * 37 % 23) / 23.0)).collect() };
        let mut out = [Frame::ZERO; 100];
        let count = sample.add_inside(&mut out, 1.25, 0.937, 0.5);
        assert!((60..=64).contains(&count), "{count} frames lie inside");
        for (k, frame) in out[..count].iter().enumerate() {
            let want = sample.at(1.25 + 0.937 * k as f64, false).left * 0.5;
            assert!((frame.left - want).abs() < 1e-6);
        }
        assert!(out[count..].iter().all(|frame| *frame == Frame::ZERO));
        assert_eq!(sample.add_inside(&mut out, 0.5, 1.0, 1.0), 0);
        assert_eq!(sample.add_inside(&mut out, 62.5, 1.0, 1.0), 0);
    }

    #[test]
    fn a_loop_goes_on_at_its_other_end() {
        let frames = (0..48).map(|i| Frame::from_mono((std::f32::consts::TAU * i as f32 / 48.0).sin())).collect();
        let sample = Sample { frames };
        let want = (std::f32::consts::TAU * 47.5 / 48.0).sin();
        assert!((sample.at(47.5, true).left - want).abs() < 1e-3);
    }

    #[test]
    fn a_one_shot_ends_in_silence() {
        let sample = ramp(4);
        assert!(sample.at(3.99, false).left.abs() < 0.2);
        assert!(Sample::new(Vec::new()).is_none());
    }
}
