//! The shape of a sound, for drawing.

use crate::sample::Sample;
use kira::Frame;
use serde::{Deserialize, Serialize};

/// The shape of a sound, for drawing: its loudest sample in each of [`Overview::PARTS`] equal parts, 0 … 255. The scale
/// is the square root of the linear one, so that quiet parts show: 255 is full scale, 81 is −20 dB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Vec<u8>", try_from = "Vec<u8>")]
pub struct Overview(pub [u8; Overview::PARTS]);

impl Overview {
    /// Parts of a sound.
    pub const PARTS: usize = 64;

    /// The shape of `sample`.
    pub fn of(sample: &Sample) -> Self {
        let frames = sample.frames();
        Self(std::array::from_fn(|part| {
            let begin = part * frames.len() / Self::PARTS;
            let end = ((part + 1) * frames.len() / Self::PARTS).max(begin + 1);
            let loudness = |frame: &Frame| frame.left.abs().max(frame.right.abs());
            let peak = frames[begin..end].iter().map(loudness).fold(0.0, f32::max);
            (peak.min(1.0).sqrt() * 255.0).round() as u8
        }))
    }
}

impl From<Overview> for Vec<u8> {
    fn from(Overview(parts): Overview) -> Self {
        parts.to_vec()
    }
}

impl TryFrom<Vec<u8>> for Overview {
    type Error = &'static str;

    fn try_from(parts: Vec<u8>) -> Result<Self, Self::Error> {
        parts.try_into().map(Self).map_err(|_| "an overview has 64 parts")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_shows_the_peaks_of_both_sides_and_the_quiet_parts_too() -> Result<(), &'static str> {
        let mut frames = vec![Frame::ZERO; 6_400];
        frames[150] = Frame::new(-1.0, 0.0);
        frames[6_399] = Frame::new(0.0, 0.01);
        let Overview(parts) = Overview::of(&Sample::new(frames).ok_or("some frames")?);
        assert_eq!((parts[0], parts[1], parts[2], parts[63]), (0, 255, 0, 26));
        Ok(())
    }

    #[test]
    fn the_shortest_sound_has_a_shape() -> Result<(), &'static str> {
        let sample = Sample::new(vec![Frame::from_mono(4.0)]).ok_or("a frame")?;
        assert_eq!(Overview::of(&sample), Overview([255; Overview::PARTS]));
        Ok(())
    }
}
