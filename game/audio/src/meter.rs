//! How loud it is: peaks that the callback notes and the control side reads, without waiting for each other.

use crate::limits::{LEVEL_FALL_DB_PER_S, LEVEL_FLOOR};
use keyboardia_session::{Table, TrackId};
use kira::{Frame, effect::Effect, info::Info};
use serde::{Deserialize, Serialize};
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::Relaxed},
};

/// Everything of a float but its sign; of two floats without a sign, the larger one has the larger bits.
const MAGNITUDE: u32 = 0x7fff_ffff;

/// The loudest samples since they were taken last, left and right, as the bits of their magnitudes.
#[derive(Debug, Default)]
pub struct Meter {
    peaks: [AtomicU32; 2],
}

impl Meter {
    /// Takes the peaks, linear, and begins anew.
    pub fn take(&self) -> [f32; 2] {
        self.peaks.each_ref().map(|peak| f32::from_bits(peak.swap(0, Relaxed)))
    }

    /// Notes what is loud in `frames` after multiplying them by `gain`, left and right.
    pub(crate) fn scale_and_note(&self, frames: &mut [Frame], gain: [f32; 2]) {
        let mut peaks = [0; 2];
        for frame in frames {
            frame.left *= gain[0];
            frame.right *= gain[1];
            peaks[0] = peaks[0].max(frame.left.to_bits() & MAGNITUDE);
            peaks[1] = peaks[1].max(frame.right.to_bits() & MAGNITUDE);
        }
        self.raise(peaks);
    }

    /// Notes what is loud in `frames`.
    pub(crate) fn note(&self, frames: &[Frame]) {
        let mut peaks = [0; 2];
        for frame in frames {
            peaks[0] = peaks[0].max(frame.left.to_bits() & MAGNITUDE);
            peaks[1] = peaks[1].max(frame.right.to_bits() & MAGNITUDE);
        }
        self.raise(peaks);
    }

    fn raise(&self, peaks: [u32; 2]) {
        for (peak, bits) in self.peaks.iter().zip(peaks) {
            peak.fetch_max(bits, Relaxed);
        }
    }
}

/// Listens to a kira track behind its other effects.
pub(crate) struct MeterTap(pub(crate) Arc<Meter>);

impl Effect for MeterTap {
    fn process(&mut self, input: &mut [Frame], _dt: f64, _info: &Info) {
        self.0.note(input);
    }
}

/// How loud it is, linear, left and right: 1 is full scale.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Levels {
    /// After each track's volume, position, mute and private ears.
    pub tracks: Table<TrackId, [f32; 2]>,
    /// What leaves for the speaker.
    pub master: [f32; 2],
}

impl Levels {
    /// Levels as a display shows them, `seconds` later: up at once to the `fresh` peaks, down by
    /// [`LEVEL_FALL_DB_PER_S`]. So no peak is missed, however seldom they are looked at. Knows the tracks of `fresh`.
    pub fn follow(&mut self, fresh: Self, seconds: f64) {
        let fall = 10_f64.powf(-LEVEL_FALL_DB_PER_S * seconds.max(0.0) / 20.0) as f32;
        let follow = |shown: [f32; 2], fresh: [f32; 2]| {
            [0, 1].map(|side| {
                let level = fresh[side].max(shown[side] * fall);
                if level < LEVEL_FLOOR { 0.0 } else { level }
            })
        };
        self.master = follow(self.master, fresh.master);
        let before = std::mem::take(&mut self.tracks);
        self.tracks = fresh
            .tracks
            .into_iter()
            .map(|(id, peaks)| (id, follow(before.get(&id).copied().unwrap_or_default(), peaks)))
            .collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_keeps_the_loudest_of_each_side_until_it_is_taken() {
        let meter = Meter::default();
        let mut frames = [Frame::new(0.25, -0.5), Frame::new(-0.75, 0.125)];
        meter.note(&frames);
        meter.scale_and_note(&mut frames, [0.5, 2.0]);
        assert_eq!(frames[0], Frame::new(0.125, -1.0));
        assert_eq!(meter.take(), [0.75, 1.0]);
        assert_eq!(meter.take(), [0.0, 0.0]);
    }

    #[test]
    fn a_shown_level_rises_at_once_and_falls_by_24_db_a_second_to_silence() {
        let peak = |level: f32| Levels { tracks: Table::from([(TrackId(3), [level, 0.0])]), master: [level; 2] };
        let mut shown = Levels::default();
        shown.follow(peak(1.0), 0.004);
        assert_eq!(shown, peak(1.0));
        for _ in 0..250 {
            shown.follow(peak(0.0), 0.004);
        }
        let db = 20.0 * f64::from(shown.master[1]).log10();
        assert!((db + 24.0).abs() < 0.01, "{db} dB after a second");
        assert_eq!(shown.tracks[&TrackId(3)][0], shown.master[0]);
        shown.follow(peak(0.0), 3.0);
        assert_eq!(shown, peak(0.0));
        shown.follow(Levels::default(), 0.004);
        assert_eq!(shown, Levels::default(), "a track that is gone is not shown");
    }
}
