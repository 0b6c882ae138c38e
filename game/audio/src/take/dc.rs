//! A sound card's zero is seldom zero: what a recording is off by, taken away.

use crate::limits::DC_BLOCK_S;

/// Takes away what a channel is off by: the median of the means of short stretches, since a microphone's zero is off
/// everywhere and a drum's only while it is hit.
pub(crate) fn remove(channel: &mut [f32], rate_hz: u32) {
    let offset = offset(channel, rate_hz);
    for x in channel {
        *x -= offset;
    }
}

fn offset(channel: &[f32], rate_hz: u32) -> f32 {
    let block = ((DC_BLOCK_S * f64::from(rate_hz)) as usize).clamp(1, channel.len().max(1));
    let mean = |block: &[f32]| block.iter().map(|x| f64::from(*x)).sum::<f64>() / block.len() as f64;
    let mut means: Vec<f64> = channel.chunks_exact(block).map(mean).collect();
    means.sort_by(f64::total_cmp);
    means.get(means.len() / 2).map_or(0.0, |median| *median as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_taken_away_and_the_sound_stays() {
        let tone = |i: usize| 0.3 * (std::f32::consts::TAU * 440.0 * i as f32 / 48_000.0).sin();
        let mut channel: Vec<f32> = (0..48_000).map(|i| tone(i) + 0.125).collect();
        remove(&mut channel, 48_000);
        let off = channel.iter().enumerate().map(|(i, x)| (x - tone(i)).abs()).fold(0.0, f32::max);
        assert!(off < 1e-4, "off by {off}");
    }

    #[test]
    fn a_lopsided_hit_in_silence_does_not_move_the_silence() {
        let mut channel = vec![0.0; 48_000];
        channel[1_000..3_000].fill(0.9);
        remove(&mut channel, 48_000);
        assert_eq!((channel[0], channel[1_500]), (0.0, 0.9));
        let mut short = [0.5, 0.5];
        remove(&mut short, 48_000);
        assert_eq!(short, [0.0, 0.0]);
        remove(&mut [], 48_000);
    }
}
