//! How late a microphone truly is: clicks leave the speaker at known moments, and are found again in a recording.

use crate::recording::INPUT_NUDGE_US_MAX;

/// How far before its moment a click is looked for, seconds.
const EARLY_S: f64 = 0.03;
/// How far after its moment a click is looked for at most, seconds.
pub(crate) const LATE_S_MAX: f64 = 0.35;
/// What lies at least between the end of one search and the next click, seconds: a click must have died away.
const CLEAR_S: f64 = 0.1;
/// Clicks must be this far apart, seconds.
const SPACING_S_MIN: f64 = 0.25;
/// Peak that a click has at least, linear (−50 dB).
const PEAK_MIN: f32 = 3e-3;
/// A click's peak is at least this multiple of the usual noise.
const PEAK_OVER_NOISE: f32 = 12.0;
/// A click begins at this share of its peak,
const ONSET_SHARE: f32 = 0.2;
/// but not below this multiple of the usual noise.
const ONSET_OVER_NOISE: f32 = 8.0;
/// Clicks that must be heard.
const HEARD_MIN: usize = 4;
/// Largest usual distance of a click from the middle one, seconds: what is further scattered are no clicks.
const SCATTER_S_MAX: f64 = 0.002;

/// Said when the clicks are too close together.
const TOO_FAST: &str = "The clicks are too close together: choose a slower tempo, then measure again.";
/// Said when too few clicks are found.
const NOT_HEARD: &str = "No clicks were heard: turn the speaker up or bring the microphone closer, then measure again.";
/// Said when what is found is not as regular as clicks are.
const UNCLEAR: &str = "The clicks were not heard clearly: stop the other sounds, then measure again.";

/// How much later the clicks are in a recording than they left the speaker, microseconds: the nudge that puts recordings
/// right. `clicks`: the frames at which they would be if there were no latency, ascending; they may lie between two frames.
///
/// # Errors
/// Why that cannot be told, as a sentence.
pub fn nudge_us(samples: &[f32], rate_hz: f64, clicks: &[f64]) -> Result<i32, String> {
    let spacing = clicks.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min) / rate_hz;
    if spacing < SPACING_S_MIN {
        return Err(TOO_FAST.to_owned());
    }
    let late = LATE_S_MAX.min(spacing - CLEAR_S);
    let noise = median(samples.iter().map(|sample| f64::from(sample.abs())).collect()).unwrap_or(0.0) as f32;
    let onsets = clicks.iter().filter_map(|click| {
        let from = (click - EARLY_S * rate_hz).max(0.0) as usize;
        let to = ((click + late * rate_hz).max(0.0) as usize).min(samples.len());
        let onset = from + onset(samples.get(from..to)?, noise)?;
        Some((onset as f64 - click) / rate_hz)
    });
    let onsets: Vec<f64> = onsets.collect();
    if onsets.len() < HEARD_MIN || onsets.len() * 2 < clicks.len() {
        return Err(NOT_HEARD.to_owned());
    }
    let middle = median(onsets.clone()).unwrap_or(0.0);
    let scatter = median(onsets.iter().map(|onset| (onset - middle).abs()).collect()).unwrap_or(0.0);
    if scatter > SCATTER_S_MAX {
        return Err(UNCLEAR.to_owned());
    }
    Ok(((middle * 1e6).round() as i32).clamp(-INPUT_NUDGE_US_MAX, INPUT_NUDGE_US_MAX))
}

/// The frame at which a click begins, if there is one.
fn onset(samples: &[f32], noise: f32) -> Option<usize> {
    let peak = samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    if peak < PEAK_MIN.max(PEAK_OVER_NOISE * noise) {
        return None;
    }
    let least = (ONSET_SHARE * peak).max(ONSET_OVER_NOISE * noise);
    samples.iter().position(|sample| sample.abs() >= least)
}

/// The middle one.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    let middle = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    Some(*values.select_nth_unstable_by(middle, f64::total_cmp).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Deterministic noise, −1 … 1.
    fn noise(i: usize) -> f32 {
        let mixed =
            (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    /// Eight clicks `spacing` seconds apart that are `late` seconds late, and where they should be.
    fn clicks(rate: f64, spacing: f64, late: f64, loudness: f32, noisy: f32) -> (Vec<f32>, Vec<f64>) {
        let places: Vec<f64> = (0..8).map(|click| (0.5 + f64::from(click) * spacing) * rate).collect();
        let mut samples: Vec<f32> = (0..((1.5 + 8.0 * spacing) * rate) as usize).map(|i| noisy * noise(i)).collect();
        for place in &places {
            let begin = place + late * rate;
            for i in 0..(0.05 * rate) as usize {
                let at = begin.ceil() as usize + i;
                let time = (at as f64 - begin) / rate;
                samples[at] += loudness * ((5_000.0 * time).cos() * (-time / 0.01).exp()) as f32;
            }
        }
        (samples, places)
    }

    #[test]
    fn clicks_that_are_late_are_found_at_any_rate_in_noise_too() {
        for rate in [44_100.0, 48_000.0, 96_000.0] {
            for late in [-0.012, 0.0, 0.031_7, 0.12] {
                for noisy in [0.0, 0.01] {
                    let (samples, places) = clicks(rate, 0.45, late, 0.5, noisy);
                    let nudge = nudge_us(&samples, rate, &places).unwrap();
                    assert!((f64::from(nudge) - late * 1e6).abs() < 100.0, "{rate}, {late}, {noisy}: {nudge}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_click_is_told_as_a_sentence() {
        let (silent, places) = clicks(48_000.0, 0.5, 0.0, 0.0, 0.0);
        assert_eq!(nudge_us(&silent, 48_000.0, &places), Err(NOT_HEARD.to_owned()));
        let (noisy, places) = clicks(48_000.0, 0.5, 0.0, 0.05, 0.3);
        assert_eq!(nudge_us(&noisy, 48_000.0, &places), Err(NOT_HEARD.to_owned()));
        assert_eq!(nudge_us(&[], 48_000.0, &places), Err(NOT_HEARD.to_owned()));
        let (fast, places) = clicks(48_000.0, 0.2, 0.0, 0.5, 0.0);
        assert_eq!(nudge_us(&fast, 48_000.0, &places), Err(TOO_FAST.to_owned()));
        let (mut scattered, places) = clicks(48_000.0, 0.5, 0.0, 0.0, 0.0);
        for (index, place) in places.iter().enumerate() {
            scattered[*place as usize + index * 1_000] = 0.5;
        }
        assert_eq!(nudge_us(&scattered, 48_000.0, &places), Err(UNCLEAR.to_owned()));
    }
}
