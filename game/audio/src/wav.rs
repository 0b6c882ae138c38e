//! Sound as a WAV file: 16 bits, dithered, or 24.

use hound::{SampleFormat, WavSpec, WavWriter};
use std::io::{Seek, Write};

/// How finely a file tells amplitudes apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// 16 bits, with triangular dither of one step to both sides.
    Bits16 {
        /// What the dither is made from.
        seed: u64,
    },
    /// 24 bits; their steps are below any device's noise and need no dither.
    Bits24,
}

/// A WAV file that is written as its sound comes.
pub struct WavSink<W: Write + Seek> {
    writer: WavWriter<W>,
    quantiser: Quantiser,
}

impl<W: Write + Seek> WavSink<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// What `out` says.
    pub fn new(out: W, channels: u16, sample_rate: u32, depth: Depth) -> Result<Self, hound::Error> {
        let quantiser = Quantiser::new(depth);
        let bits_per_sample = quantiser.bits;
        let spec = WavSpec { channels, sample_rate, bits_per_sample, sample_format: SampleFormat::Int };
        Ok(Self { writer: WavWriter::new(out, spec)?, quantiser })
    }

    /// Writes samples on, channels interleaved; what is beyond ±1 is cut off, what is no number silent.
    ///
    /// # Errors
    /// What the file says.
    pub fn write(&mut self, samples: &[f32]) -> Result<(), hound::Error> {
        samples.iter().try_for_each(|x| self.writer.write_sample(self.quantiser.step(*x)))
    }

    /// Brings everything so far to the file, and makes the file one that can be played up to here.
    ///
    /// # Errors
    /// What the file says.
    pub fn flush(&mut self) -> Result<(), hound::Error> {
        self.writer.flush()
    }

    /// Ends the file.
    ///
    /// # Errors
    /// What the file says.
    pub fn finish(self) -> Result<(), hound::Error> {
        self.writer.finalize()
    }
}

/// Turns samples into whole steps.
struct Quantiser {
    bits: u16,
    dither: Option<Dither>,
}

impl Quantiser {
    fn new(depth: Depth) -> Self {
        match depth {
            Depth::Bits16 { seed } => Self { bits: 16, dither: Some(Dither(seed)) },
            Depth::Bits24 => Self { bits: 24, dither: None },
        }
    }

    fn step(&mut self, x: f32) -> i32 {
        let full = f64::from(1_i32 << (self.bits - 1));
        let dither = self.dither.as_mut().map_or(0.0, Dither::next);
        (f64::from(x) * full + dither).round().clamp(-full, full - 1.0) as i32
    }
}

/// Noise with a triangular distribution over ±1, the same for the same seed (`SplitMix64`).
struct Dither(u64);

impl Dither {
    fn next(&mut self) -> f64 {
        self.uniform() - self.uniform()
    }

    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn written(samples: &[f32], depth: Depth) -> Vec<i32> {
        let mut file = Cursor::new(Vec::new());
        let mut sink = WavSink::new(&mut file, 1, 48_000, depth).unwrap();
        sink.write(samples).unwrap();
        sink.finish().unwrap();
        file.set_position(0);
        hound::WavReader::new(file).unwrap().into_samples().map(Result::unwrap).collect()
    }

    #[test]
    fn dither_keeps_on_average_what_lies_between_two_steps() {
        let between = vec![0.3 / 32_768.0; 48_000];
        let found = written(&between, Depth::Bits16 { seed: 5 });
        let mean = found.iter().map(|x| f64::from(*x)).sum::<f64>() / 48_000.0;
        assert!((mean - 0.3).abs() < 0.02, "{mean} steps");
        assert!(found.iter().all(|x| (-1..=2).contains(x)));
        assert_eq!(found, written(&between, Depth::Bits16 { seed: 5 }));
        assert_ne!(found, written(&between, Depth::Bits16 { seed: 6 }));
    }

    #[test]
    fn twenty_four_bits_are_rounded_and_what_does_not_fit_is_cut_off() {
        let found = written(&[0.5, -1.0, 1.0, 9.0, -9.0, f32::NAN], Depth::Bits24);
        assert_eq!(found, [4_194_304, -8_388_608, 8_388_607, 8_388_607, -8_388_608, 0]);
        let loud = written(&[2.0, -2.0], Depth::Bits16 { seed: 1 });
        assert_eq!(loud, [32_767, -32_768]);
    }
}
