//! How loud a sound is, and how loud it is to be (ITU-R BS.1770, EBU R 128).

use super::TakeError;
use crate::{
    decode::SAMPLE_RATE,
    limits::{LOUDNESS_GATE_S, TAKE_GAIN_MAX_DB, TAKE_PEAK_MAX_DBTP},
};
use ebur128::{Channel, EbuR128, Mode};

/// Frames of silence that let the last peak out of the meter's filter.
const FLUSH_FRAMES: usize = 64;
/// What a meter of the mean square lacks to agree with one in LUFS, decibels.
const LUFS_OFFSET_DB: f64 = -0.691;

/// What a meter says of a sound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Loudness {
    /// Integrated loudness, LUFS; a single channel counts as what two speakers make of it. `None` for silence.
    pub lufs: Option<f64>,
    /// True peak, dBTP; −∞ for silence.
    pub peak_dbtp: f64,
}

/// Measures a sound at [`SAMPLE_RATE`]. One that is shorter than the gate of the measure counts as if it was repeated,
/// one that never reaches the gate's threshold by its mean square.
pub(crate) fn measure(channels: &[Vec<f32>]) -> Result<Loudness, TakeError> {
    let count = channels.len() as u32;
    let frames = channels.first().map_or(0, Vec::len);
    let mut meter = EbuR128::new(count, SAMPLE_RATE, Mode::I | Mode::TRUE_PEAK)?;
    if count == 1 {
        meter.set_channel(0, Channel::DualMono)?;
    }
    let planes: Vec<&[f32]> = channels.iter().map(Vec::as_slice).collect();
    let gate = (LOUDNESS_GATE_S * f64::from(SAMPLE_RATE)).ceil() as usize;
    for _ in 0..gate.div_ceil(frames.max(1)).max(1) {
        meter.add_frames_planar_f32(&planes)?;
    }
    let silence = [0.0; FLUSH_FRAMES];
    meter.add_frames_planar_f32(&vec![&silence[..]; channels.len()])?;
    let mut peak = 0.0_f64;
    for channel in 0..count {
        peak = peak.max(meter.true_peak(channel)?);
    }
    let gated = Some(meter.loudness_global()?).filter(|lufs| lufs.is_finite());
    Ok(Loudness { lufs: gated.or_else(|| ungated(channels)), peak_dbtp: 20.0 * peak.log10() })
}

fn ungated(channels: &[Vec<f32>]) -> Option<f64> {
    let squares: f64 = channels.iter().flatten().map(|x| f64::from(*x).powi(2)).sum();
    let speakers = if channels.len() == 1 { 2.0 } else { 1.0 };
    let mean = squares * speakers / channels.first()?.len().max(1) as f64;
    (mean > 0.0).then(|| LUFS_OFFSET_DB + 10.0 * mean.log10())
}

/// Decibels that bring a sound to its loudness, or as near as its true peak lets it. In hundredths, rounded down: the
/// last bits of the meter's logarithms must not reach the samples.
pub(crate) fn missing_db(now: Loudness, target_lufs: f64) -> f64 {
    let Some(lufs) = now.lufs else { return 0.0 };
    let wanted = (target_lufs - lufs).min(TAKE_GAIN_MAX_DB).min(TAKE_PEAK_MAX_DBTP - now.peak_dbtp);
    (wanted * 100.0).floor() / 100.0
}

/// Makes every sample louder by so many decibels.
pub(crate) fn scale(channels: &mut [Vec<f32>], db: f64) {
    let factor = 10.0_f64.powf(db / 20.0);
    for x in channels.iter_mut().flatten() {
        *x = (f64::from(*x) * factor) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::FRAC_1_SQRT_2;

    /// A tone of a thousand hertz: at the top of its band, the meter weighs it as it is.
    fn tone(amplitude: f64, frames: usize) -> Vec<f32> {
        let at = |i: usize| std::f64::consts::TAU * 997.0 * i as f64 / f64::from(SAMPLE_RATE);
        (0..frames).map(|i| (amplitude * at(i).sin()) as f32).collect()
    }

    #[test]
    fn a_full_scale_tone_on_both_sides_is_0_lufs_in_mono_as_in_stereo() {
        let stereo = measure(&[tone(1.0, 96_000), tone(1.0, 96_000)]).unwrap();
        let mono = measure(&[tone(1.0, 96_000)]).unwrap();
        for found in [stereo, mono] {
            assert!(found.lufs.is_some_and(|lufs| lufs.abs() < 0.1), "{found:?}");
            assert!(found.peak_dbtp.abs() < 0.1, "{found:?}");
        }
    }

    #[test]
    fn a_peak_between_two_samples_counts() {
        // A quarter of the rate, 45° off: every sample is 3 dB below the peaks between them.
        let channel: Vec<f32> = (0..48_000).map(|i| if i % 4 < 2 { FRAC_1_SQRT_2 } else { -FRAC_1_SQRT_2 }).collect();
        let found = measure(&[channel]).unwrap();
        assert!(found.peak_dbtp > -0.5, "{found:?}");
    }

    #[test]
    fn what_is_too_short_or_too_quiet_for_the_gate_is_measured_all_the_same() {
        let short = measure(&[tone(1.0, 4_800)]).unwrap();
        assert!(short.lufs.is_some_and(|lufs| lufs.abs() < 0.5), "{short:?}");
        let quiet = measure(&[tone(1e-4, 96_000)]).unwrap();
        assert!(quiet.lufs.is_some_and(|lufs| (lufs + 80.0).abs() < 1.5), "{quiet:?}");
        let silent = measure(&[vec![0.0; 48_000]]).unwrap();
        assert_eq!((silent.lufs, missing_db(silent, -16.0)), (None, 0.0));
        assert_eq!(measure(&[Vec::new()]).unwrap().lufs, None);
    }

    #[test]
    fn a_sound_comes_to_its_loudness_unless_its_peak_is_in_the_way() {
        let mut channels = vec![tone(0.01, 96_000)];
        let missing = missing_db(measure(&channels).unwrap(), -16.0);
        scale(&mut channels, missing);
        assert!(measure(&channels).unwrap().lufs.is_some_and(|lufs| (lufs + 16.0).abs() < 0.05));
        let mut clicks: Vec<f32> = vec![0.0; 96_000];
        for x in clicks.iter_mut().step_by(9_600) {
            *x = 0.1;
        }
        let mut channels = vec![clicks];
        let missing = missing_db(measure(&channels).unwrap(), -16.0);
        scale(&mut channels, missing);
        let found = measure(&channels).unwrap();
        assert!((TAKE_PEAK_MAX_DBTP - 0.05..=TAKE_PEAK_MAX_DBTP).contains(&found.peak_dbtp), "{found:?}");
        let hiss = Loudness { lufs: Some(-90.0), peak_dbtp: -80.0 };
        assert_eq!(missing_db(hiss, -16.0), TAKE_GAIN_MAX_DB);
    }
}
