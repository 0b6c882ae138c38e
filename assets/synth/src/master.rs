//! The last step before the file: one or two channels, at the family's loudness, below the family's peak.

use crate::{
    canvas::{Canvas, RATE},
    dynamics::limit,
    math::gain,
};
use ebur128::{Channel, EbuR128, Mode};

/// No file's true peak may lie above this, dBTP. The mastered sound stays another half decibel below, because the codec
/// moves peaks a little.
pub(crate) const PEAK_MAX_DBTP: f64 = -1.0;
/// True peak that mastering aims at, dBTP.
const PEAK_AIM_DBTP: f64 = -1.5;
/// Rounds of limiting and measuring before the level is accepted.
const ROUNDS: usize = 5;

/// What a sound's level is set by.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Level {
    /// Integrated loudness, LUFS.
    Loudness(f64),
    /// True peak, dBTP.
    Peak(f64),
}

impl Level {
    /// What a sound that is so loud lacks, decibels in hundredths: the last bits of the meter's logarithms must not
    /// reach the samples.
    pub(crate) fn missing_db(self, now: Loudness) -> f64 {
        let missing_db = match self {
            Self::Loudness(lufs) => lufs - now.lufs,
            Self::Peak(dbtp) => dbtp - now.peak_dbtp,
        };
        (missing_db * 100.0).round() / 100.0
    }
}

/// A finished sound: one or two channels of samples.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Master {
    /// Samples of each channel; all are of the same length.
    pub(crate) channels: Vec<Vec<f32>>,
}

impl Master {
    /// Makes every sample louder by so many decibels.
    pub(crate) fn scale(&mut self, db: f64) {
        let factor = gain(db);
        for sample in self.channels.iter_mut().flatten() {
            *sample = (f64::from(*sample) * factor) as f32;
        }
    }
}

/// How loud a sound is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Loudness {
    /// Integrated, LUFS; a single channel counts as what two speakers make of it.
    pub(crate) lufs: f64,
    /// True peak, dBTP.
    pub(crate) peak_dbtp: f64,
}

/// Measures a sound (ITU-R BS.1770).
///
/// # Errors
/// When the meter refuses the number of channels, which it does not for one or two.
pub(crate) fn measure(master: &Master) -> Result<Loudness, ebur128::Error> {
    let count = master.channels.len();
    let mut meter = EbuR128::new(count as u32, RATE as u32, Mode::I | Mode::TRUE_PEAK)?;
    if count == 1 {
        meter.set_channel(0, Channel::DualMono)?;
    }
    let planes: Vec<&[f32]> = master.channels.iter().map(Vec::as_slice).collect();
    meter.add_frames_planar_f32(&planes)?;
    let mut peak = 0.0_f64;
    for channel in 0..count as u32 {
        peak = peak.max(meter.true_peak(channel)?);
    }
    Ok(Loudness { lufs: meter.loudness_global()?, peak_dbtp: 20.0 * peak.log10() })
}

/// Brings a canvas to its level and drops what it does not need.
///
/// # Errors
/// See [`measure`].
pub(crate) fn master(mut canvas: Canvas, channels: u16, level: Level) -> Result<Master, ebur128::Error> {
    if channels == 1 {
        for frame in canvas.frames_mut() {
            *frame = [0.5 * (frame[0] + frame[1]); 2];
        }
    }
    let peak = canvas.peak();
    canvas.scale(0.5 / peak.max(1e-9));
    for _ in 0..ROUNDS {
        let now = measure(&planes(&canvas, channels))?;
        canvas.scale(gain(level.missing_db(now)));
        let over_db = measure(&planes(&canvas, channels))?.peak_dbtp - PEAK_AIM_DBTP;
        if over_db <= 0.0 {
            break;
        }
        let ceiling = canvas.peak() * gain((-over_db * 100.0).floor() / 100.0);
        limit(&mut canvas, ceiling);
    }
    Ok(planes(&canvas, channels))
}

/// The canvas as separate channels.
fn planes(canvas: &Canvas, channels: u16) -> Master {
    let plane = |side: usize| canvas.frames().iter().map(|frame| frame[side] as f32).collect();
    Master { channels: (0..usize::from(channels)).map(plane).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::{Rng, sine};

    #[test]
    fn a_sine_is_mastered_to_its_loudness() -> Result<(), ebur128::Error> {
        let mut canvas = Canvas::new(8.0, true);
        canvas.play(0.0, 5.0, |t| [sine(t * 500.0) * 0.9; 2]);
        let loudness = measure(&master(canvas, 2, Level::Loudness(-20.0))?)?;
        assert!((loudness.lufs + 20.0).abs() < 0.05, "{loudness:?}");
        Ok(())
    }

    #[test]
    fn a_peaky_sound_is_limited_below_the_ceiling() -> Result<(), ebur128::Error> {
        let (mut canvas, mut rng) = (Canvas::new(8.0, true), Rng::new(1));
        for beat in 0..8 {
            canvas.play(f64::from(beat), 0.01, |_| [rng.noise(); 2]);
        }
        let loudness = measure(&master(canvas, 1, Level::Loudness(-16.0))?)?;
        assert!(loudness.peak_dbtp <= PEAK_MAX_DBTP, "{loudness:?}");
        Ok(())
    }
}
