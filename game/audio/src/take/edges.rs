//! The ends of a sound, and the seam of a loop: nothing clicks.

use crate::limits::{EDGE_IN_S, EDGE_OUT_S, SEAM_S_MAX, SEAM_SHARE_MAX};
use std::f64::consts::{FRAC_PI_2, PI};

/// Frames beside each end of a loop whose steps are usual.
const USUAL_FRAMES: usize = 64;
/// How many times the usual step the one over the seam may be.
const UNUSUAL: f32 = 2.0;
/// Steps that nobody hears, linear (−66 dB).
const STEP_MIN: f32 = 5e-4;

/// Fades both ends of a channel.
pub(crate) fn fade(channel: &mut [f32], rate_hz: u32) {
    let frames_of = |seconds: f64| ((seconds * f64::from(rate_hz)) as usize).min(channel.len() / 2);
    let (fade_in, fade_out) = (frames_of(EDGE_IN_S), frames_of(EDGE_OUT_S));
    for (i, x) in channel.iter_mut().take(fade_in).enumerate() {
        *x *= raised_cosine(i, fade_in);
    }
    for (i, x) in channel.iter_mut().rev().take(fade_out).enumerate() {
        *x *= raised_cosine(i, fade_out);
    }
}

/// From nothing at 0 to all at `count`.
fn raised_cosine(i: usize, count: usize) -> f32 {
    (0.5 - 0.5 * (PI * i as f64 / count as f64).cos()) as f32
}

/// Longest crossfade over the seam of a loop of so many frames.
pub(crate) fn seam_frames(loop_frames: usize, rate_hz: u32) -> usize {
    let most = (SEAM_S_MAX * f64::from(rate_hz)) as usize;
    most.min((SEAM_SHARE_MAX * loop_frames as f64) as usize)
}

/// Lets the end of a loop run into what was played `before` its beginning, which is what its beginning goes on from. Its
/// length stays, and so does every frame of its beginning: the first beat is as it was played. Equal in power, since
/// what is faded into each other are two different moments.
pub(crate) fn close_seam(body: &mut [f32], before: &[f32]) {
    let count = before.len().min(body.len());
    let end = body.iter_mut().rev().zip(before.iter().rev()).take(count);
    for (i, (x, before)) in end.enumerate() {
        let (sin, cos) = (FRAC_PI_2 * (i as f64 + 0.5) / count as f64).sin_cos();
        *x = *x * sin as f32 + before * cos as f32;
    }
}

/// Fades both ends of a loop, if there is a step between them that its own movement does not explain: a loop that was
/// made to be one stays as it is.
pub(crate) fn mend_seam(body: &mut [f32], rate_hz: u32) {
    let (Some(first), Some(last)) = (body.first(), body.last()) else { return };
    let step = (first - last).abs();
    let near = USUAL_FRAMES.min(body.len());
    let steps = |part: &[f32]| part.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
    let usual = steps(&body[..near]).max(steps(&body[body.len() - near..]));
    if step > (UNUSUAL * usual).max(STEP_MIN) {
        fade(body, rate_hz);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RATE: u32 = 48_000;

    fn tone(hz: f64, from: i64, count: usize) -> Vec<f32> {
        let at = |i: usize| std::f64::consts::TAU * hz * (from + i as i64) as f64 / f64::from(RATE);
        (0..count).map(|i| at(i).cos() as f32).collect()
    }

    /// The largest second difference where the end of a loop meets its beginning.
    fn click(body: &[f32]) -> f32 {
        let around: Vec<f32> = body[body.len() - 8..].iter().chain(&body[..8]).copied().collect();
        around.windows(3).map(|w| (w[2] - 2.0 * w[1] + w[0]).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn faded_ends_begin_and_end_at_nothing_and_the_middle_stays() {
        let mut channel = vec![1.0; 4_800];
        fade(&mut channel, RATE);
        assert_eq!((channel[0], channel[4_799]), (0.0, 0.0));
        assert!(channel[48..4_560].iter().all(|x| *x == 1.0));
        let mut tiny = [1.0];
        fade(&mut tiny, RATE);
        assert_eq!(tiny, [1.0]);
    }

    #[test]
    fn a_loop_cut_anywhere_runs_into_its_beginning_without_a_click() {
        // 97.3 Hz: a second is no whole number of its periods.
        let mut body = tone(97.3, 20_000, 48_000);
        let untouched = body.clone();
        assert!(click(&body) > 0.1, "it would click");
        let count = seam_frames(body.len(), RATE);
        close_seam(&mut body, &tone(97.3, 20_000 - count as i64, count));
        assert!(click(&body) < 0.01, "clicks by {}", click(&body));
        assert_eq!(body.len(), untouched.len());
        assert_eq!(body[..48_000 - count], untouched[..48_000 - count], "the first beat and all to the seam stay");
    }

    #[test]
    fn a_seam_is_as_loud_as_what_is_around_it() {
        let noise = |seed: u32, count: u32| -> Vec<f32> {
            let at = |i: u32| (i.wrapping_add(seed).wrapping_mul(2_654_435_761) >> 8) as f32 / 8_388_608.0 - 1.0;
            (0..count).map(at).collect()
        };
        let mut body = noise(1, 48_000);
        let power = |part: &[f32]| part.iter().map(|x| x * x).sum::<f32>() / part.len() as f32;
        let usual = power(&body);
        close_seam(&mut body, &noise(77_777, 480));
        let share = power(&body[47_520..]) / usual;
        assert!((0.8..1.25).contains(&share), "{share} of the power");
    }

    #[test]
    fn a_seamless_loop_is_left_alone_and_a_cut_one_is_mended() {
        let mut whole = tone(100.0, 0, 48_000);
        let untouched = whole.clone();
        mend_seam(&mut whole, RATE);
        assert_eq!(whole, untouched);
        let mut cut = tone(97.3, 0, 48_000);
        mend_seam(&mut cut, RATE);
        assert!(click(&cut) < 0.01, "clicks by {}", click(&cut));
    }

    proptest! {
        #[test]
        fn no_loop_is_too_odd_to_be_closed(
            mut body in prop::collection::vec(-1.0_f32..1.0, 0..200), before in prop::collection::vec(-1.0_f32..1.0, 0..300),
        ) {
            let length = body.len();
            prop_assert!(seam_frames(length, RATE) <= length);
            close_seam(&mut body, &before);
            mend_seam(&mut body, RATE);
            fade(&mut body, RATE);
            prop_assert!(body.len() == length && body.iter().all(|x| x.is_finite()));
        }
    }
}
