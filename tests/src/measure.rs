//! Measures of sound: where it begins, how loud it is, whether it clicks.

/// The first frame at or after `from` that is louder than `threshold` (linear).
pub fn onset(sound: &[f32], from: usize, threshold: f32) -> Option<usize> {
    sound.iter().skip(from).position(|x| x.abs() > threshold).map(|found| found + from)
}

/// How much a sound clicks: its largest second difference |x[n] − 2·x[n−1] + x[n−2]|.
///
/// A sine of frequency f and amplitude A has at most (2πf/rate)²·A; a step of height h has h, however short the sound
/// around it. So a cut in a 100 Hz tone stands out by a factor of thousands.
pub fn click(sound: &[f32]) -> f32 {
    sound.windows(3).map(|w| (w[2] - 2.0 * w[1] + w[0]).abs()).fold(0.0, f32::max)
}

/// Root mean square, linear.
pub fn rms(sound: &[f32]) -> f64 {
    (sound.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / sound.len().max(1) as f64).sqrt()
}

/// The value below which `share` (0 … 1) of the values lie; sorts them.
pub fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let index = ((values.len().saturating_sub(1)) as f64 * share).round() as usize;
    values.get(index).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_tone_clicks_and_a_whole_one_does_not() {
        let mut tone: Vec<f32> =
            (0..4_800).map(|i| (std::f32::consts::TAU * 100.0 * i as f32 / 48_000.0).sin()).collect();
        assert!(click(&tone) < 0.001);
        tone[2_520..].fill(0.0);
        assert!(click(&tone) > 0.1);
    }
}
