//! The shape of a sound, for drawing.

use crate::sample::Sample;
use kira::Frame;
use serde::{Deserialize, Serialize};

/// The shape of a sound, for drawing: how loud each of [`Overview::PARTS`] equal parts is (root mean square), as a share of
/// the loudest, 0 … 255. Peaks would look alike for most sounds, for nearly all of them reach the same; and as a share of
/// its own loudest part, a soft sound has a shape, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Vec<u8>", try_from = "Vec<u8>")]
pub struct Overview(pub [u8; Overview::PARTS]);

impl Overview {
    /// Parts of a sound.
    pub const PARTS: usize = 64;

    /// The shape of `sample`.
    pub fn of(sample: &Sample) -> Self {
        let frames = sample.frames();
        let power = |frame: &Frame| f64::from(frame.left).powi(2) + f64::from(frame.right).powi(2);
        let loudness: [f64; Self::PARTS] = std::array::from_fn(|part| {
            let begin = part * frames.len() / Self::PARTS;
            let end = ((part + 1) * frames.len() / Self::PARTS).max(begin + 1);
            (frames[begin..end].iter().map(power).sum::<f64>() / (end - begin) as f64).sqrt()
        });
        let loudest = loudness.iter().copied().fold(0.0, f64::max);
        Self(loudness.map(|part| if loudest > 0.0 { (part / loudest * 255.0).round() as u8 } else { 0 }))
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
    fn a_shape_shows_how_loud_the_parts_of_both_sides_are_beside_the_loudest() -> Result<(), &'static str> {
        let mut frames = vec![Frame::ZERO; 6_400];
        frames[100..200].fill(Frame::new(-0.5, 0.0));
        frames[6_300..].fill(Frame::new(0.0, 0.1));
        let Overview(parts) = Overview::of(&Sample::new(frames).ok_or("some frames")?);
        assert_eq!((parts[0], parts[1], parts[2], parts[63]), (0, 255, 0, 51));
        Ok(())
    }

    #[test]
    fn a_lone_peak_does_not_make_a_part_loud_and_silence_has_no_shape() -> Result<(), &'static str> {
        let mut frames = vec![Frame::from_mono(0.2); 6_400];
        frames[150] = Frame::from_mono(0.9);
        let Overview(parts) = Overview::of(&Sample::new(frames).ok_or("some frames")?);
        assert!(parts[1] == 255 && parts[0] > 200, "{parts:?}");
        let silence = Sample::new(vec![Frame::ZERO; 100]).ok_or("some frames")?;
        assert_eq!(Overview::of(&silence), Overview([0; Overview::PARTS]));
        Ok(())
    }

    #[test]
    fn the_shortest_sound_has_a_shape() -> Result<(), &'static str> {
        let sample = Sample::new(vec![Frame::from_mono(4.0)]).ok_or("a frame")?;
        assert_eq!(Overview::of(&sample), Overview([255; Overview::PARTS]));
        Ok(())
    }
}
