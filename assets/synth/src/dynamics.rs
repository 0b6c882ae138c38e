//! Level: saturation, glue compression, and a limiter that looks both ways.

use crate::{
    canvas::{Canvas, RATE},
    filter::OnePole,
    math::{exp, exp2, gain, log2, tanh},
};
use std::collections::VecDeque;

/// Soft saturation of one sample: `drive` 1 is gentle, 5 is thick. Quiet samples keep their level.
pub(crate) fn saturate(x: f64, drive: f64) -> f64 {
    tanh(x * drive) / drive
}

/// Saturates a whole canvas toward a ceiling of 1, driven by decibels; the average level is roughly kept.
pub(crate) fn warm(canvas: &mut Canvas, drive_db: f64) {
    let drive = gain(drive_db) / canvas.peak().max(1e-9);
    for frame in canvas.frames_mut() {
        *frame = frame.map(|x| tanh(x * drive));
    }
}

/// Glue: both sides are turned down together while they are louder than `threshold_db` under the peak.
pub(crate) fn glue(canvas: &mut Canvas, threshold_db: f64, ratio: f64, attack: f64, release: f64) {
    let threshold = gain(threshold_db) * canvas.peak().max(1e-9);
    let (rise, fall) = (1.0 - exp(-1.0 / (attack * RATE)), 1.0 - exp(-1.0 / (release * RATE)));
    let mut level = 0.0;
    canvas.through(|_, frame| {
        let loudest = frame[0].abs().max(frame[1].abs());
        level += (loudest - level) * if loudest > level { rise } else { fall };
        let over = log2((level / threshold).max(1.0));
        let turned = exp2(over * (1.0 / ratio - 1.0));
        frame.map(|x| x * turned)
    });
}

/// Lifts or lowers what lies above a frequency.
pub(crate) fn tilt(canvas: &mut Canvas, hz: f64, high_db: f64) {
    let (mut poles, high) = ([OnePole::default(); 2], gain(high_db));
    canvas.through(|_, frame| {
        std::array::from_fn(|side| {
            let low = poles[side].low(frame[side], hz);
            low + (frame[side] - low) * high
        })
    });
}

/// Removes what lies below a frequency, 12 dB an octave.
pub(crate) fn low_cut(canvas: &mut Canvas, hz: f64) {
    let mut filter = crate::filter::StereoSvf::default();
    canvas.through(|_, frame| filter.high(frame, hz, 0.707));
}

/// Keeps every sample within `ceiling`: the gain sinks over 3 ms before a peak and recovers over 3 ms after it, and no
/// sample is bent.
pub(crate) fn limit(canvas: &mut Canvas, ceiling: f64) {
    let reach = (0.003 * RATE) as usize;
    let length = canvas.frames().len();
    let looped = canvas.looped();
    let wanted: Vec<f64> = canvas
        .frames()
        .iter()
        .map(|frame| (ceiling / frame[0].abs().max(frame[1].abs()).max(1e-12)).min(1.0))
        .collect();
    // Beyond the ends of a ring lies its other end; beyond the ends of a line, silence.
    let around = |index: usize, offset: usize, values: &[f64]| {
        let position = (index + length + offset) as i64 - reach as i64 - length as i64;
        if looped {
            values[position.rem_euclid(length as i64) as usize]
        } else {
            usize::try_from(position).ok().and_then(|position| values.get(position)).copied().unwrap_or(1.0)
        }
    };
    let held: Vec<f64> = if wanted.iter().all(|gain| *gain >= 1.0) {
        return;
    } else {
        // The lowest gain of a sliding window: whatever is followed by a lower one never counts again.
        let mut lowest = VecDeque::new();
        let mut held = Vec::with_capacity(length);
        for end in 0..length + 2 * reach {
            let gain = around(end, 0, &wanted);
            while lowest.back().is_some_and(|(_, last)| *last >= gain) {
                lowest.pop_back();
            }
            lowest.push_back((end, gain));
            if let Some(n) = end.checked_sub(2 * reach) {
                while lowest.front().is_some_and(|(first, _)| *first < n) {
                    lowest.pop_front();
                }
                held.push(lowest.front().map_or(1.0, |(_, gain)| gain.min(1.0)));
            }
        }
        held
    };
    let window = (2 * reach + 1) as f64;
    let mut quiet = 0;
    for (n, frame) in canvas.frames_mut().iter_mut().enumerate() {
        // Far from every peak the mean of the window is one.
        quiet = if around(n, 2 * reach, &held) < 1.0 { 0 } else { quiet + 1 };
        if quiet > 2 * reach {
            continue;
        }
        let smooth = (0..=2 * reach).map(|k| around(n, k, &held)).sum::<f64>() / window;
        *frame = frame.map(|x| x * smooth);
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these samples are copied, not computed")]
mod tests {
    use super::*;

    #[test]
    fn the_limiter_keeps_the_ceiling_and_leaves_the_rest() {
        let mut canvas = Canvas::new(4.0, true);
        canvas.play(0.0, 2.0, |t| [crate::math::sine(t * 100.0) * if t < 0.1 { 2.0 } else { 0.5 }; 2]);
        let before = canvas.frames()[50_010];
        limit(&mut canvas, 0.8);
        assert!(canvas.peak() <= 0.8 + 1e-9, "{}", canvas.peak());
        assert_eq!(canvas.frames()[50_010], before);
    }
}
