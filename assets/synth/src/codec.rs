//! Ogg Vorbis: the same samples always become the same bytes.

use crate::{canvas::RATE, master::Master};
use std::{
    io::Cursor,
    num::{NonZeroU8, NonZeroU32},
};
use vorbis_rs::{VorbisBitrateManagementStrategy, VorbisDecoder, VorbisEncoderBuilder, VorbisError};

/// Frames that the encoder is handed at a time.
const BLOCK_FRAMES: usize = 4096;

/// Encodes a sound. `serial` marks the stream; `quality` is Vorbis's −0.2 … 1.0.
///
/// # Errors
/// When the encoder refuses the settings.
pub(crate) fn encode(master: &Master, title: &str, serial: i32, quality: f32) -> Result<Vec<u8>, VorbisError> {
    let rate = NonZeroU32::new(RATE as u32).unwrap_or(NonZeroU32::MIN);
    let channels = NonZeroU8::new(master.channels.len() as u8).unwrap_or(NonZeroU8::MIN);
    let mut encoder = VorbisEncoderBuilder::new_with_serial(rate, channels, Vec::new(), serial)
        .bitrate_management_strategy(VorbisBitrateManagementStrategy::QualityVbr { target_quality: quality })
        .comment_tags([("TITLE", title), ("ALBUM", "Keyboardia"), ("LICENSE", "CC0-1.0")])?
        .build()?;
    let frames = master.channels.first().map_or(0, Vec::len);
    for start in (0..frames).step_by(BLOCK_FRAMES) {
        let end = (start + BLOCK_FRAMES).min(frames);
        let block: Vec<&[f32]> = master.channels.iter().map(|channel| &channel[start..end]).collect();
        encoder.encode_audio_block(block)?;
    }
    encoder.finish()
}

/// Decodes a sound: what players will hear.
///
/// # Errors
/// When the bytes are not Ogg Vorbis.
pub(crate) fn decode(bytes: &[u8]) -> Result<Master, VorbisError> {
    let mut decoder = VorbisDecoder::new(Cursor::new(bytes))?;
    let mut channels = vec![Vec::new(); usize::from(decoder.channels().get())];
    while let Some(block) = decoder.decode_audio_block()? {
        for (channel, samples) in channels.iter_mut().zip(block.samples()) {
            channel.extend_from_slice(samples);
        }
    }
    Ok(Master { channels })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::{Rng, sine};

    #[test]
    fn a_decoded_sound_has_every_frame_at_its_place() -> Result<(), VorbisError> {
        let mut rng = Rng::new(9);
        let channel: Vec<f32> = (0..102_857)
            .map(|n| {
                (0.3 * sine(f64::from(n) * 0.01) + 0.05 * rng.noise()) as f32 * if n % 24_000 < 400 { 1.0 } else { 0.1 }
            })
            .collect();
        let source = Master { channels: vec![channel.clone(), channel] };
        let decoded = decode(&encode(&source, "test", 1, 0.4)?)?;
        assert_eq!(decoded.channels[0].len(), 102_857);
        let error = |shift: usize| -> f64 {
            let pairs = source.channels[0][shift..].iter().zip(&decoded.channels[0]);
            pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum()
        };
        assert!(error(0) * 3.0 < error(1), "{} against {} when a frame late", error(0), error(1));
        Ok(())
    }

    #[test]
    fn the_same_samples_become_the_same_bytes() -> Result<(), VorbisError> {
        let source = Master { channels: vec![(0..50_000).map(|n| sine(f64::from(n) * 0.003) as f32).collect()] };
        assert_eq!(encode(&source, "test", 5, 0.3)?, encode(&source, "test", 5, 0.3)?);
        Ok(())
    }
}
