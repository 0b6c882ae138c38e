//! From beats to frames: which stretch of a recording a loop is.

use super::{
    TakeError,
    resample::{Beyond, Stretch},
};
use crate::{decode::SAMPLE_RATE, limits::CUT_SLACK_FRAMES};
use keyboardia_session::{
    Beats, Tempo,
    limits::{SAMPLE_FRAMES_MAX, SAMPLE_FRAMES_MIN},
};

/// Where a loop lies in a recording that was made in time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoopCut {
    /// A frame of the recording of which the beat is known; latencies are subtracted, so it may lie between two frames,
    /// and before the first.
    pub frame: f64,
    /// The beat that the player heard when that frame was played or sung.
    pub beat: Beats,
    /// How fast beats passed.
    pub tempo: Tempo,
    /// The beat at which the loop begins.
    pub start: Beats,
    /// Its length, positive.
    pub length: Beats,
}

impl LoopCut {
    /// The stretch of a recording of so many frames at this rate that is the loop: exactly as long as its beats, in the
    /// whole number of frames at [`SAMPLE_RATE`] that is next to that.
    pub(crate) fn stretch(&self, frames: usize, rate_hz: u32) -> Result<Stretch, TakeError> {
        let frames_per_beat = f64::from(rate_hz) / self.tempo.beats_per_second();
        let start = self.frame + (self.start - self.beat).as_f64() * frames_per_beat;
        let length = self.length.as_f64() * frames_per_beat;
        let wanted = whole_frames(self.length.as_f64() / self.tempo.beats_per_second())?;
        if !start.is_finite() || start < -CUT_SLACK_FRAMES || start + length > frames as f64 + CUT_SLACK_FRAMES {
            return Err(TakeError::NotRecorded);
        }
        Ok(Stretch { start, length, frames: wanted, beyond: Beyond::Silence })
    }
}

/// The frames at [`SAMPLE_RATE`] of a loop of so many seconds.
pub(crate) fn whole_frames(seconds: f64) -> Result<usize, TakeError> {
    let frames = (seconds * f64::from(SAMPLE_RATE)).round();
    if frames < f64::from(SAMPLE_FRAMES_MIN) {
        return Err(TakeError::TooShort);
    }
    if frames > f64::from(SAMPLE_FRAMES_MAX) {
        return Err(TakeError::TooLong);
    }
    Ok(frames as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(bpm: f64) -> LoopCut {
        LoopCut {
            frame: 1_234.5,
            beat: Beats::whole(8),
            tempo: Tempo::from_bpm(bpm).unwrap(),
            start: Beats::whole(12),
            length: Beats::whole(4),
        }
    }

    #[test]
    fn the_stretch_is_where_the_beats_are() {
        let stretch = cut(133.0).stretch(500_000, 44_100).unwrap();
        let frames_per_beat = 60.0 / 133.0 * 44_100.0;
        assert!((stretch.start - (1_234.5 + 4.0 * frames_per_beat)).abs() < 1e-6);
        assert!((stretch.length - 4.0 * frames_per_beat).abs() < 1e-6);
        assert_eq!(stretch.frames, (4.0 * 60.0 / 133.0 * 48_000.0_f64).round() as usize);
        let earlier = LoopCut { start: Beats::whole(8), ..cut(133.0) }.stretch(500_000, 44_100).unwrap();
        assert!((earlier.start - 1_234.5).abs() < 1e-9);
    }

    #[test]
    fn what_was_not_recorded_is_not_cut() {
        for frames in [0, 100_000, 160_000] {
            assert!(matches!(cut(133.0).stretch(frames, 44_100), Err(TakeError::NotRecorded)));
        }
        let before = LoopCut { start: Beats::ZERO, ..cut(133.0) };
        assert!(matches!(before.stretch(500_000, 44_100), Err(TakeError::NotRecorded)));
        let nowhere = LoopCut { frame: f64::NAN, ..cut(133.0) };
        assert!(matches!(nowhere.stretch(500_000, 44_100), Err(TakeError::NotRecorded)));
        let rounded = LoopCut { frame: -0.4, start: Beats::whole(8), ..cut(133.0) };
        assert!(rounded.stretch(500_000, 44_100).is_ok());
    }

    #[test]
    fn a_loop_is_as_long_as_a_sample_may_be() {
        let of = |length| LoopCut { start: Beats::whole(8), length, ..cut(60.0) }.stretch(9_000_000, 48_000);
        assert!(matches!(of(Beats::ZERO), Err(TakeError::TooShort)));
        assert!(matches!(of(Beats::whole(-4)), Err(TakeError::TooShort)));
        assert!(matches!(of(Beats::whole(65)), Err(TakeError::TooLong)));
        assert_eq!(of(Beats::whole(64)).unwrap().frames, 64 * 48_000);
    }
}
