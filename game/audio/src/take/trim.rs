//! Where the sound of a one-shot begins and ends.

use crate::limits::{TRIM_AFTER_S, TRIM_BEFORE_S, TRIM_FLOOR, TRIM_SHARE};
use std::ops::Range;

/// The frames of a one-shot that are more than the silence around it, with a little before and after. All of them where
/// there is nothing but silence: a range is never empty unless there are no frames.
pub(crate) fn loud_part(channels: &[Vec<f32>], rate_hz: u32) -> Range<usize> {
    let frames = channels.first().map_or(0, Vec::len);
    let peak = channels.iter().flatten().fold(0.0_f32, |peak, x| peak.max(x.abs()));
    let threshold = TRIM_FLOOR.max(peak * TRIM_SHARE);
    let is_loud = |x: &f32| x.abs() > threshold;
    let Some(first) = channels.iter().filter_map(|channel| channel.iter().position(is_loud)).min() else {
        return 0..frames;
    };
    let last = channels.iter().filter_map(|channel| channel.iter().rposition(is_loud)).max().unwrap_or(first);
    let frames_of = |seconds: f64| (seconds * f64::from(rate_hz)).round() as usize;
    first.saturating_sub(frames_of(TRIM_BEFORE_S))..(last + 1 + frames_of(TRIM_AFTER_S)).min(frames)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::slice::from_ref;

    #[test]
    fn silence_at_both_ends_goes_and_a_little_of_it_stays() {
        let mut left = vec![0.0; 48_000];
        left[10_000..20_000].fill(0.5);
        let mut right = vec![0.0; 48_000];
        right[24_000] = -0.5;
        assert_eq!(loud_part(from_ref(&left), 48_000), 10_000 - 240..20_000 + 2_400);
        assert_eq!(loud_part(&[left, right], 48_000), 10_000 - 240..24_001 + 2_400, "either channel counts");
    }

    #[test]
    fn noise_far_below_the_sound_is_silence_and_silence_alone_stays_whole() {
        let mut channel: Vec<f32> = (0..48_000).map(|i| if i % 2 == 0 { 0.002 } else { -0.002 }).collect();
        assert_eq!(loud_part(from_ref(&channel), 48_000), 0..48_000, "all there is");
        channel[24_000] = 0.9;
        assert_eq!(loud_part(&[channel], 48_000), 24_000 - 240..24_001 + 2_400);
        assert_eq!(loud_part(&[vec![0.0; 100]], 48_000), 0..100);
        assert_eq!(loud_part(&[], 48_000), 0..0);
    }

    proptest! {
        #[test]
        fn a_part_is_never_empty_and_holds_the_loudest_frame(
            channel in prop::collection::vec(-1.0_f32..1.0, 1..400), rate in 8_000_u32..192_000,
        ) {
            let peak = channel.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
            let loudest = channel.iter().position(|x| x.abs() == peak).unwrap_or(0);
            let part = loud_part(from_ref(&channel), rate);
            prop_assert!(part.contains(&loudest) && part.end <= channel.len());
        }
    }
}
