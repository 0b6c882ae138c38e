//! Any stretch of a recording at any rate, exactly where it lies, in exactly so many frames.
//!
//! rubato's sinc resampler says its delay in whole frames only, and cannot begin between two. Both are had by its one
//! moving part: the first block, which is thrown away, runs at a ratio that is off by less than a percent, so that the
//! second begins on the fraction of a frame where it has to.

use super::TakeError;
use rubato::{
    Adjustable, Async, FixedAsync, Resampler, SincInterpolationParameters, WindowFunction,
    audioadapter_buffers::direct::SequentialSliceOfVecs,
};

/// Frames of one block that comes out.
const BLOCK: usize = 1_024;
/// Largest deviation of the first block's ratio.
const FIRST_RATIO_MAX: f64 = 1.01;
/// Frames of the filter where the rate is not lowered.
const FILTER_FRAMES: usize = 256;
/// Frames of the longest filter, where it is.
const FILTER_FRAMES_MAX: usize = 1_024;
/// Places between two frames for which there is a filter.
const OVERSAMPLING: usize = 256;

/// What lies beyond the ends of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beyond {
    /// Nothing.
    Silence,
    /// Its other end: it is a loop.
    OtherEnd,
}

/// A part of a recording.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stretch {
    /// Where it begins, frames of the recording; may lie between two, and before the first.
    pub(crate) start: f64,
    /// Its length, frames of the recording, positive.
    pub(crate) length: f64,
    /// Frames that it is to have.
    pub(crate) frames: usize,
    /// What there is beyond the recording.
    pub(crate) beyond: Beyond,
}

/// The stretch of every channel; frame k is what lies at `start + k · length / frames`.
pub(crate) fn resample(channels: &[Vec<f32>], stretch: Stretch) -> Result<Vec<Vec<f32>>, TakeError> {
    let Stretch { start, length, frames, beyond } = stretch;
    let ratio = frames as f64 / length;
    if ratio == 1.0 && start.fract() == 0.0 {
        let copy = |channel: &Vec<f32>| fetch(channel, start as i64, frames, beyond);
        return Ok(channels.iter().map(copy).collect());
    }
    let filter = (FILTER_FRAMES as f64 / ratio.min(1.0)).ceil() as usize;
    let filter = filter.min(FILTER_FRAMES_MAX).next_multiple_of(8);
    let parameters =
        SincInterpolationParameters::new(filter, WindowFunction::BlackmanHarris2).oversampling_factor(OVERSAMPLING);
    let count = channels.len();
    let mut resampler = Async::<f32>::new_sinc(ratio, FIRST_RATIO_MAX, &parameters, BLOCK, count, FixedAsync::Output)
        .map_err(refused)?;
    // The k-th frame that comes out lies (k + 1) / ratio behind this place of what went in.
    let before = 1.0 / OVERSAMPLING as f64 - filter as f64 / 2.0;
    let first_end = start - 1.0 / ratio - before;
    let mut from = (first_end - BLOCK as f64 / ratio).round();
    resampler.set_resample_ratio(BLOCK as f64 / (first_end - from), false).map_err(refused)?;
    let mut block = vec![vec![0.0; BLOCK]; count];
    let mut out = vec![Vec::with_capacity(frames + BLOCK); count];
    let mut is_first = true;
    while out.first().is_some_and(|channel| channel.len() < frames) {
        let wanted = resampler.input_frames_next();
        let input: Vec<_> = channels.iter().map(|channel| fetch(channel, from as i64, wanted, beyond)).collect();
        let reader = SequentialSliceOfVecs::new(&input, count, wanted).map_err(refused)?;
        let mut writer = SequentialSliceOfVecs::new_mut(&mut block, count, BLOCK).map_err(refused)?;
        resampler.process_into_buffer(&reader, &mut writer, None).map_err(refused)?;
        from += wanted as f64;
        if std::mem::take(&mut is_first) {
            resampler.set_resample_ratio(ratio, false).map_err(refused)?;
            continue;
        }
        for (channel, block) in out.iter_mut().zip(&block) {
            channel.extend_from_slice(block);
        }
    }
    for channel in &mut out {
        channel.truncate(frames);
    }
    Ok(out)
}

/// None of what rubato refuses is asked of it; should that change, the take is refused, and nothing else happens.
fn refused<E>(_: E) -> TakeError {
    TakeError::Resample
}

/// `count` frames of a channel from `from` on.
fn fetch(channel: &[f32], from: i64, count: usize, beyond: Beyond) -> Vec<f32> {
    let length = channel.len() as i64;
    match beyond {
        Beyond::OtherEnd if length > 0 => {
            (from..from + count as i64).map(|place| channel[place.rem_euclid(length) as usize]).collect()
        }
        _ => {
            let place = |place: i64| place.clamp(0, length) as usize;
            let (first, last) = (place(from), place(from + count as i64));
            let mut out = vec![0.0; count];
            if first < last {
                let into = (first as i64 - from) as usize;
                out[into..into + last - first].copy_from_slice(&channel[first..last]);
            }
            out
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    fn tone(hz: f64, rate: f64, at: f64, count: usize) -> Vec<f32> {
        (0..count).map(|i| (0.5 * (TAU * hz * (at + i as f64 / rate)).sin()) as f32).collect()
    }

    fn worst(some: &[f32], other: &[f32]) -> f32 {
        assert_eq!(some.len(), other.len());
        some.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn a_tone_of_any_rate_is_the_same_tone_at_48_khz_to_a_ten_thousandth_and_nothing_moves() {
        for rate in [8_000.0, 11_025.0, 22_050.0, 32_000.0, 44_100.0, 44_099.0, 48_000.0, 88_200.0, 96_000.0, 192_000.0]
        {
            for start in [0.0, 0.25, 1_000.7] {
                // A second and a half, of which the middle second is looked at: the ends hear the silence beyond.
                let input = tone(997.0, rate, 0.0, (1.5 * rate) as usize);
                let stretch = Stretch { start, length: rate, frames: 48_000, beyond: Beyond::Silence };
                let out = resample(&[input], stretch).unwrap();
                let want = tone(997.0, 48_000.0, start / rate, 48_000);
                let edge = 4_800;
                let off = worst(&out[0][edge..48_000 - edge], &want[edge..48_000 - edge]);
                assert!(off < 1e-4, "{rate} Hz from {start}: off by {off}");
            }
        }
    }

    #[test]
    fn what_lies_above_half_the_new_rate_is_gone() {
        let input = tone(30_000.0, 192_000.0, 0.0, 192_000);
        let stretch = Stretch { start: 0.0, length: 192_000.0, frames: 48_000, beyond: Beyond::Silence };
        let out = resample(&[input], stretch).unwrap();
        let peak = out[0][1_000..47_000].iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
        assert!(peak < 1e-4, "{peak} is left");
    }

    #[test]
    fn a_loop_is_resampled_as_if_it_had_always_been_playing() {
        // 100 periods in 44 100 frames: seamless.
        let input = tone(100.0, 44_100.0, 0.0, 44_100);
        let stretch = Stretch { start: 0.0, length: 44_100.0, frames: 48_000, beyond: Beyond::OtherEnd };
        let out = resample(&[input], stretch).unwrap();
        assert!(worst(&out[0], &tone(100.0, 48_000.0, 0.0, 48_000)) < 1e-4, "to the very ends");
    }

    #[test]
    fn whole_frames_at_the_same_rate_are_copied_and_beyond_the_ends_is_silence() {
        let input = vec![1.0, 2.0, 3.0];
        let stretch = Stretch { start: -1.0, length: 5.0, frames: 5, beyond: Beyond::Silence };
        assert_eq!(resample(std::slice::from_ref(&input), stretch).unwrap()[0], [0.0, 1.0, 2.0, 3.0, 0.0]);
        let around = Stretch { beyond: Beyond::OtherEnd, ..stretch };
        assert_eq!(resample(&[input], around).unwrap()[0], [3.0, 1.0, 2.0, 3.0, 1.0]);
    }
}
